// This file does what every page needs: theme, times in the viewer's zone, the word on the connection; it guards that ages grow
// on the screen even when nothing arrives any more.
// @ts-check

import { duration, moment, utc } from "./format.js";
import "./refresh.js";

const THEMES = ["auto", "light", "dark"];
const ICONS = { auto: "auto", light: "sun", dark: "moon" };
const loadedAt = Date.now();

/** What the center's clock is ahead of the viewer's, ms; ages are against the center's clock. */
let clockAheadMs = Number(document.body.dataset.nowMs ?? loadedAt) - loadedAt;

/** The center's time, ms. */
export function nowMs() {
  return Date.now() + clockAheadMs;
}

/** Set the center's clock by a time it has just told.
 * @param {number} tMs */
export function centerSays(tMs) {
  clockAheadMs = tMs - Date.now();
}

/** @param {string} id @returns {HTMLElement} */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found;
}

/** Set a text only when it changes, so that a screen reader and the layout are left in peace.
 * @param {Element|null|undefined} element @param {string} text */
export function setText(element, text) {
  if (element && element.textContent !== text) element.textContent = text;
}

/** Write every time under an element in the viewer's zone. @param {ParentNode} root */
export function writeTimes(root) {
  for (const element of root.querySelectorAll("time[data-ms]")) {
    const time = /** @type {HTMLTimeElement} */ (element);
    const tMs = Number(time.dataset.ms);
    const form = time.dataset.form;
    setText(time, form === "age" ? duration((nowMs() - tMs) / 1000) : moment(tMs, form === "day", nowMs()));
  }
}

/** Point an existing time element at another time. @param {Element|null|undefined} parent @param {number} tMs */
export function setTime(parent, tMs) {
  const time = /** @type {HTMLTimeElement|null|undefined} */ (parent?.querySelector("time"));
  if (!time || time.dataset.ms === String(tMs)) return;
  time.dataset.ms = String(tMs);
  time.dateTime = new Date(tMs).toISOString();
  time.title = utc(tMs);
}

let lostSince = 0;

/** Whether the center does not answer. */
export function isLost() {
  return lostSince > 0;
}

/** Say how things stand between this page and the center.
 * @param {"live"|"waiting"|"lost"} state @param {string} word */
export function setLink(state, word) {
  const link = document.getElementById("link");
  if (link) {
    link.dataset.link = state;
    link.title = word;
    setText(document.getElementById("link-word"), word);
  }
  if (state === "lost" && !lostSince) lostSince = Date.now();
  if (state === "live") lostSince = 0;
  document.documentElement.classList.toggle("is-lost", lostSince > 0);
  tellLost();
}

function tellLost() {
  const banner = document.getElementById("lost");
  if (!banner) return;
  banner.hidden = !lostSince;
  if (lostSince) {
    const age = duration((Date.now() - lostSince) / 1000);
    setText(
      document.getElementById("lost-text"),
      `The center has not answered since ${moment(lostSince)} (${age} ago). What you see is as old as that; this page goes on trying.`,
    );
  }
}

function themeButton() {
  const button = document.getElementById("theme");
  const chosen = () => document.documentElement.dataset.theme ?? "auto";
  const show = () => {
    if (!button) return;
    const theme = chosen();
    const words = `Theme: ${theme === "auto" ? "follows the system" : theme}`;
    button.title = words;
    button.setAttribute("aria-label", words);
    button.querySelector("use")?.setAttribute("href", `/static/icons.svg#${ICONS[/** @type {keyof ICONS} */ (theme)]}`);
  };
  button?.addEventListener("click", () => {
    const next = THEMES[(THEMES.indexOf(chosen()) + 1) % THEMES.length];
    if (next === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = next;
    try {
      localStorage.setItem("isolane-theme", next);
    } catch {
      // Storage may be forbidden: the choice then lasts as long as the page.
    }
    show();
    document.dispatchEvent(new Event("isolane-theme"));
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => document.dispatchEvent(new Event("isolane-theme")));
  show();
}

/** Let "/" go to a filter and Escape empty it; call back with each new text.
 * @param {(text: string) => void} onText */
export function filterBox(onText) {
  const box = /** @type {HTMLInputElement|null} */ (document.getElementById("filter"));
  if (!box) return;
  box.addEventListener("input", () => onText(box.value.trim().toLowerCase()));
  document.addEventListener("keydown", (event) => {
    const typing = document.activeElement instanceof HTMLInputElement;
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      box.focus();
      box.select();
    } else if (event.key === "Escape" && document.activeElement === box) {
      event.stopImmediatePropagation();
      box.value = "";
      onText("");
      box.blur();
    }
  });
}

/** On a phone the pages' names do not fit: the one of this page is brought into sight. */
function showPlace() {
  const nav = document.querySelector(".nav");
  const here = /** @type {HTMLElement|null} */ (nav?.querySelector("[aria-current]"));
  if (nav && here) nav.scrollLeft = here.offsetLeft - nav.clientWidth / 2 + here.offsetWidth / 2;
}

function start() {
  themeButton();
  showPlace();
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  setText(document.getElementById("zone"), zone || "local");
  writeTimes(document);
  setInterval(() => {
    writeTimes(document);
    tellLost();
  }, 1000);
  document.body.addEventListener("htmx:afterSwap", (event) => writeTimes(/** @type {HTMLElement} */ (event.target)));
}

start();
