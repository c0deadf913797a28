// A formula or table that is wider than its place scrolls: its edge fades where there is more, and
// the keyboard can reach it.
"use strict";
(() => {
  const WIDE = "div.math, .mi-scroll, .marl-table, .pst-scrollable-table-container";
  const OPEN = { tabindex: 0, role: "group", "aria-label": "Scrolls sideways" };

  function look(place) {
    const beyond = place.scrollWidth - place.clientWidth;
    const more = { left: place.scrollLeft > 1, right: beyond - place.scrollLeft > 1 };
    place.dataset.more = Object.keys(more).filter((side) => more[side]).join(" ");
    if (place.matches(".marl-table")) return; // it can always be reached
    for (const [name, value] of Object.entries(OPEN)) {
      if (beyond > 1) place.setAttribute(name, value);
      else place.removeAttribute(name);
    }
  }

  // Again when it gets another size: folded out, turned, its formula set.
  const sizes = new ResizeObserver((seen) => seen.forEach((one) => look(one.target)));
  window.marlWide = (element) => {
    for (const place of element.querySelectorAll(WIDE)) sizes.observe(place);
  };
  window.marlWide(document);
  document.addEventListener("scroll", ({ target }) => target.matches?.(WIDE) && look(target), true);
})();
