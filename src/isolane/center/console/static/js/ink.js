// This file reads the theme's colours for canvases; it guards that charts follow the style sheet, not colours of their own.
// @ts-check

const NAMES = ["surface", "text", "text-soft", "grid", "axis", "limit", "gap", "gap-line", "fault", "warn", "thin"];
const LINES = 6;

/** @typedef {{lines: string[], font: string} & Record<string, string|string[]>} Ink */

/** Read every colour a chart needs as the browser has worked it out.
 * @returns {any} */
export function readInk() {
  const probe = document.createElement("span");
  probe.hidden = true;
  document.body.append(probe);
  const read = (/** @type {string} */ name) => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  const ink = Object.fromEntries(NAMES.map((name) => [name, read(name)]));
  const lines = Array.from({ length: LINES }, (_, index) => read(`line-${index + 1}`));
  const font = getComputedStyle(document.body).fontFamily;
  probe.remove();
  return { ...ink, lines, font };
}

/** Make a colour see-through. @param {string} colour as `rgb(r, g, b)` @param {number} alpha */
export function faded(colour, alpha) {
  return colour.replace(/^rgba?\(([^,]+),([^,]+),([^,)]+).*$/, `rgba($1,$2,$3,${alpha})`);
}
