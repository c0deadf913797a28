// A formula or table that is wider than its place scrolls: its edge fades where there is more, and
// the keyboard can reach it.

const WIDE = "div.math, .mi-scroll, .marl-table, .pst-scrollable-table-container";
const OPEN = { tabindex: "0", role: "group", "aria-label": "Scrolls sideways" };

/** @param {HTMLElement} place */
function look(place) {
  const beyond = place.scrollWidth - place.clientWidth;
  const more = [place.scrollLeft > 1 ? "left" : "", beyond - place.scrollLeft > 1 ? "right" : ""];
  place.dataset.more = more.filter(Boolean).join(" ");
  if (place.matches(".marl-table")) return; // it can always be reached
  for (const [name, value] of Object.entries(OPEN)) {
    if (beyond > 1) place.setAttribute(name, value);
    else place.removeAttribute(name);
  }
}

// Again when it gets another size: folded out, turned, its formula set.
const sizes = new ResizeObserver((seen) =>
  seen.forEach((one) => look(/** @type {HTMLElement} */ (one.target))),
);

/** Look after what is wide in an element. @param {ParentNode} element */
export function watch(element) {
  for (const place of element.querySelectorAll(WIDE)) sizes.observe(place);
}

watch(document);
document.addEventListener(
  "scroll",
  ({ target }) => target instanceof HTMLElement && target.matches(WIDE) && look(target),
  true,
);
