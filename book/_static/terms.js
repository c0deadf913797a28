// What a word of the glossary means, beside its first use: for a pointer, the keyboard and a finger.
// Without this script, the word is a link to the glossary.
{
  const tip = document.createElement("div");
  tip.id = "marl-tip";
  tip.setAttribute("role", "tooltip");
  tip.hidden = true;
  (document.querySelector("main") ?? document.body).append(tip);
  /** @type {HTMLElement | null} */
  let shown = null;
  let finger = false;

  /** @param {Event} event */
  const termOf = (event) =>
    /** @type {Element} */ (event.target).closest?.("[data-meaning]") ?? null;

  const hide = () => {
    tip.hidden = true;
    shown?.removeAttribute("aria-describedby");
    shown = null;
  };

  /** @param {Element} term */
  const show = (term) => {
    if (term === shown) return;
    hide();
    shown = /** @type {HTMLElement} */ (term);
    tip.textContent = shown.dataset.meaning ?? "";
    if (finger) tip.append(" Tap the word again for the glossary.");
    tip.hidden = false;
    shown.setAttribute("aria-describedby", tip.id);
    const box = shown.getClientRects()[0];
    const room = document.documentElement.clientWidth - tip.offsetWidth - 8;
    tip.style.left = `${Math.max(8, Math.min(box.left, room))}px`;
    const above = box.top - tip.offsetHeight - 6;
    tip.style.top = `${above > 60 ? above : box.bottom + 6}px`;
  };

  addEventListener("pointerdown", (event) => {
    finger = event.pointerType === "touch";
    if (shown && termOf(event) !== shown && event.target !== tip) hide();
  });
  addEventListener("pointerover", (event) => {
    const term = termOf(event);
    if (event.pointerType === "touch") return;
    if (term) show(term);
    else if (event.target !== tip) hide();
  });
  addEventListener("focusin", (event) => {
    const term = termOf(event);
    if (term && !finger) show(term);
    else if (!term) hide();
  });
  addEventListener("click", (event) => {
    const term = termOf(event);
    if (!term || !finger || term === shown) return;
    event.preventDefault(); // the first tap explains, the second leads on
    show(term);
  });
  addEventListener("scroll", hide, { passive: true });
  addEventListener("keydown", ({ key }) => {
    if (key === "Escape") hide();
  });
}
