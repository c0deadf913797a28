// Keeps the keys for the labs' panels, as kit.js does for figures: their controls are ipywidgets',
// which do not. One listener for all panels of the page.

/** @param {FocusEvent} event */
function keep({ target }) {
  if (target instanceof Element && target.closest(".marl-panel")) {
    target.setAttribute("data-lm-suppress-shortcuts", "true");
  }
}

export function render() {
  document.addEventListener("focusin", keep); // the same listener once more changes nothing
}
