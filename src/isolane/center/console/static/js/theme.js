// This file sets the chosen theme before the first paint; it guards that a page never flashes in the other one.
// It is the one classic script: a module would run after the paint.
(() => {
  try {
    const chosen = localStorage.getItem("isolane-theme");
    if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
  } catch {
    // Storage may be forbidden; the system's own preference then stands.
  }
})();
