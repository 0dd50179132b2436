// This file paces what arrives in blocks so that it is seen at 1 Hz; it guards that nothing is shown before it has arrived.
// A block brings many rows at once. The page shows them one a second, as late as the latest row of the last few blocks was.
// @ts-check

const MARGIN_MS = 300;
const DELAY_MS_MIN = 1_500;
const LATE_MS_MAX = 150_000;
/** Rows later than this are a gateway catching up: they are shown at once instead of being waited for. */
const BURST_MS = 600;
/** Rows that arrive within this time belong to one block. */
const BURSTS = 3;

export class Playhead {
  /** @param {number} newestMs newest sample the page was made with */
  constructor(newestMs) {
    this.newestMs = newestMs;
    this.edgeMs = newestMs;
    /** @type {{atMs: number, lateMs: number}[]} */
    this.bursts = [];
    /** @type {import("./track.js").Row[]} */
    this.waiting = [];
  }

  /** How far the page stays behind, ms. */
  get delayMs() {
    return this.bursts.reduce((most, burst) => Math.max(most, burst.lateMs), DELAY_MS_MIN);
  }

  /** Take an arrived row. @param {import("./track.js").Row} row @param {number} nowMs */
  take(row, nowMs) {
    if (row.t_ms <= this.edgeMs) return;
    const lateMs = nowMs - row.t_ms + MARGIN_MS;
    const last = this.bursts[this.bursts.length - 1];
    if (last && nowMs - last.atMs < BURST_MS) last.lateMs = Math.max(last.lateMs, lateMs);
    else if (lateMs < LATE_MS_MAX) this.bursts = [...this.bursts, { atMs: nowMs, lateMs }].slice(-BURSTS);
    this.newestMs = Math.max(this.newestMs, row.t_ms);
    this.waiting.push(row);
  }

  /** Know of a newer sample that did not come through the stream: go there at once. @param {number} tMs */
  jump(tMs) {
    this.newestMs = Math.max(this.newestMs, tMs);
    this.edgeMs = Math.max(this.edgeMs, tMs);
    this.waiting = this.waiting.filter((row) => row.t_ms > this.edgeMs);
  }

  /** Advance to a moment and give the rows that are now to be seen, oldest first. @param {number} nowMs */
  advance(nowMs) {
    this.edgeMs = Math.max(this.edgeMs, Math.min(nowMs - this.delayMs, this.newestMs));
    const due = this.waiting.filter((row) => row.t_ms <= this.edgeMs);
    this.waiting = this.waiting.filter((row) => row.t_ms > this.edgeMs);
    return due.sort((a, b) => a.t_ms - b.t_ms);
  }
}
