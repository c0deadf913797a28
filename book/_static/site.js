// Before every other script of a page: what they take for granted, and may not be there.

// A browser that was told to keep nothing throws where its storage is only looked at, and one that
// is full throws where something is kept. The theme expects neither, and its search would end with
// it. So what cannot be kept is remembered until the page is left.
for (const name of ["localStorage", "sessionStorage"]) {
  try {
    void (/** @type {any} */ (window)[name].length);
  } catch {
    /** @type {Map<string, string>} */
    const held = new Map();
    const value = {
      getItem: (/** @type {string} */ key) => held.get(key) ?? null,
      setItem: (/** @type {string} */ key, /** @type {unknown} */ text) =>
        void held.set(key, `${text}`),
      removeItem: (/** @type {string} */ key) => void held.delete(key),
      clear: () => held.clear(),
    };
    Object.defineProperty(window, name, { value });
  }
}
const setItem = Storage.prototype.setItem;
/** @this {Storage} @param {string} key @param {string} value */
Storage.prototype.setItem = function (key, value) {
  try {
    setItem.call(this, key, value);
  } catch {
    // Full: who has to know looks whether it is there.
  }
};

// What buttons call, where a policy forbids `onclick`.
document.addEventListener("click", ({ target }) => {
  const button = target instanceof Element ? target.closest("[data-call]") : null;
  const call = button?.getAttribute("data-call") ?? "";
  if (["print", "toggleFullScreen"].includes(call)) /** @type {any} */ (window)[call]();
});
