// This file takes a fragment that was read again into the page; it guards that whoever reads or walks the page is not moved by it:
// what is still there stays the same element, with its focus, its scroll and its selection.
// @ts-check

/** What is the same in the old and in the new is of one kind and has one key; without a key the first stands for the first.
 * @param {Node} node */
function nameOf(node) {
  if (!(node instanceof Element)) return node.nodeName;
  const { charger, site, key } = /** @type {HTMLElement} */ (node).dataset ?? {};
  return [node.nodeName, node.id || charger || key || site || node.getAttribute("href") || node.getAttribute("aria-label") || ""].join(" ");
}

/** @param {Element} old @param {Element} fresh */
function renewAttributes(old, fresh) {
  for (const { name } of [...old.attributes]) {
    // What a reader has opened stays open.
    if (!fresh.hasAttribute(name) && name !== "open") old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
}

/** @param {Node} old @param {Node} fresh @param {Node[]} added */
function renew(old, fresh, added) {
  if (!(old instanceof Element && fresh instanceof Element)) {
    if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
    return;
  }
  // A time that has not changed stands there in the viewer's zone already.
  if (old instanceof HTMLTimeElement && old.dataset.ms === /** @type {HTMLElement} */ (fresh).dataset.ms) return;
  renewAttributes(old, fresh);
  renewChildren(old, fresh, added);
}

/** Put a child before another, with its focus. @param {Node} parent @param {Node} child @param {Node|null} before */
function move(parent, child, before) {
  const focused = child.contains(document.activeElement) ? /** @type {HTMLElement|null} */ (document.activeElement) : null;
  if ("moveBefore" in parent) /** @type {any} */ (parent).moveBefore(child, before);
  else parent.insertBefore(child, before);
  if (focused && focused !== document.activeElement) focused.focus({ preventScroll: true });
}

/** @param {Node} parent @param {Node} fresh @param {Node[]} added */
function renewChildren(parent, fresh, added) {
  /** @type {Map<string, Node[]>} */
  const old = new Map();
  for (const child of parent.childNodes) {
    const name = nameOf(child);
    const same = old.get(name);
    if (same) same.push(child);
    else old.set(name, [child]);
  }
  const pairs = [...fresh.childNodes].map((next) => ({ next, same: old.get(nameOf(next))?.shift() }));
  // First what has gone, so that what stays need not be moved around it.
  for (const gone of old.values()) for (const child of gone) parent.removeChild(child);
  let at = parent.firstChild;
  for (const { next, same } of pairs) {
    if (!same) {
      parent.insertBefore(next, at);
      added.push(next);
      continue;
    }
    if (same === at) at = at.nextSibling;
    else move(parent, same, at);
    renew(same, next, added);
  }
}

/** Make what an element holds like a fragment; gives what is new in it.
 * @param {Element} target @param {Node} fragment */
export function keep(target, fragment) {
  /** @type {Node[]} */
  const added = [];
  renewChildren(target, fragment, added);
  return added;
}

/** @type {any} */ (globalThis).htmx?.defineExtension("keep", {
  isInlineSwap: () => false,
  handleSwap: (/** @type {string} */ style, /** @type {Element} */ target, /** @type {Node} */ fragment) => style === "keep" && keep(target, fragment),
});
