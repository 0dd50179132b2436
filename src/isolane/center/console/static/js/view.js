// This file knows which stretch of time the charger page shows; it guards that live and history are never mistaken for each other.
// @ts-check

import { duration, moment } from "./format.js";
import { byId, nowMs, setText } from "./page.js";

const SPAN_MS_MIN = 5_000;
const YOUNG_MS_MIN = 60_000;
/** A window does not reach back beyond the first sample, but is never shorter than this. */

export class View {
  /** @param {{first_ms: number, newest_ms: number}} model @param {import("./playhead.js").Playhead} playhead
   * @param {() => void} onChange */
  constructor(model, playhead, onChange) {
    this.firstMs = model.first_ms || model.newest_ms - 86_400_000;
    this.playhead = playhead;
    this.onChange = onChange;
    this.windowS = 300;
    /** A chosen stretch, or null while live. @type {{fromMs: number, toMs: number}|null} */
    this.chosen = null;
    this.#readAddress();
    if (document.getElementById("tools")) this.#listen();
  }

  get isLive() {
    return this.chosen === null;
  }

  /** What is on the screen, in s. @returns {[number, number]} */
  span() {
    if (this.chosen) return [this.chosen.fromMs / 1000, this.chosen.toMs / 1000];
    const edgeMs = this.playhead.edgeMs;
    const oldest = Math.min(this.firstMs, edgeMs - YOUNG_MS_MIN);
    const fromMs = this.windowS ? Math.max(oldest, edgeMs - this.windowS * 1000) : oldest;
    return [fromMs / 1000, edgeMs / 1000];
  }

  /** Which history belongs on the screen: a name that changes only when it must be asked for again. */
  wanted() {
    const [fromS, toS] = this.span();
    if (this.chosen) return { name: `${fromS}-${toS}`, fromMs: fromS * 1000, toMs: toS * 1000 };
    return { name: `live-${this.windowS}`, fromMs: fromS * 1000, toMs: Math.max(toS * 1000, this.playhead.newestMs) + 1000 };
  }

  /** Follow the newest samples. @param {number} windowS seconds shown, 0 for everything */
  follow(windowS = this.windowS) {
    this.windowS = windowS;
    this.chosen = null;
    this.#changed();
  }

  /** Look at a stretch of the past. @param {number} fromMs @param {number} toMs */
  look(fromMs, toMs) {
    const middle = (fromMs + toMs) / 2;
    const half = Math.max(SPAN_MS_MIN, toMs - fromMs) / 2;
    this.chosen = { fromMs: Math.round(middle - half), toMs: Math.round(middle + half) };
    this.#changed();
  }

  /** Show more (factor above 1) or less time. @param {number} factor @param {number|undefined} aroundS */
  zoom(factor, aroundS = undefined) {
    const [fromS, toS] = this.span();
    const around = aroundS ?? (fromS + toS) / 2;
    this.look((around - (around - fromS) * factor) * 1000, (around + (toS - around) * factor) * 1000);
  }

  /** Write what is shown into the page's tool bar. */
  tellSpan() {
    const [fromS, toS] = this.span();
    const length = duration(toS - fromS);
    const now = nowMs();
    const words = this.chosen
      ? `History: ${moment(fromS * 1000, false, now)} to ${moment(toS * 1000, false, now)}, ${length}`
      : `Live: the last ${length}${toS - fromS < this.windowS - 1 ? ", all there is" : ""}`;
    setText(document.getElementById("span"), words);
  }

  #changed() {
    const tools = byId("tools");
    tools.dataset.mode = this.chosen ? "history" : "live";
    byId("back-live").hidden = this.chosen === null;
    for (const button of /** @type {NodeListOf<HTMLElement>} */ (tools.querySelectorAll("[data-window]"))) {
      button.setAttribute("aria-pressed", String(this.isLive && Number(button.dataset.window) === this.windowS));
    }
    const address = this.chosen ? `#from=${this.chosen.fromMs}&to=${this.chosen.toMs}` : `#last=${this.windowS}`;
    history.replaceState(null, "", address);
    this.tellSpan();
    this.onChange();
  }

  #readAddress() {
    const asked = new URLSearchParams(location.hash.slice(1));
    const [from, to] = [Number(asked.get("from")), Number(asked.get("to"))];
    if (from > 0 && to > from) this.chosen = { fromMs: from, toMs: to };
    else if (asked.has("last") && Number(asked.get("last")) >= 0) this.windowS = Number(asked.get("last"));
  }

  #listen() {
    for (const button of /** @type {NodeListOf<HTMLElement>} */ (byId("tools").querySelectorAll("[data-window]"))) {
      button.addEventListener("click", () => this.follow(Number(button.dataset.window)));
    }
    byId("back-live").addEventListener("click", () => this.follow());
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !this.isLive && !(document.activeElement instanceof HTMLInputElement)) this.follow();
    });
    addEventListener("hashchange", () => {
      this.chosen = null;
      this.#readAddress();
      this.#changed();
    });
    const isAsked = location.hash.length > 1;
    if (isAsked) queueMicrotask(() => this.#changed());
  }
}
