// What a live figure needs where no kernel is: its state from the page, and its address in links.

/** @import { Place } from "./kit.js" */

/**
 * @param {HTMLElement} root the figure on the page
 * @param {string} address what a link to it begins with
 * @param {readonly string[]} linked the traits that such a link holds
 * @param {(place: Place) => unknown} render
 */
async function wake(root, address, linked, render) {
  const state = JSON.parse(root.querySelector("script")?.textContent ?? "{}");
  /** @type {Record<string, (() => void)[]>} */
  const listeners = {};
  let live = false;
  const model = {
    get: (/** @type {string} */ key) => state[key],
    /** @param {string} key @param {unknown} value */
    set(key, value) {
      if (JSON.stringify(state[key]) === JSON.stringify(value)) return;
      state[key] = value;
      (listeners[`change:${key}`] ?? []).forEach((listener) => listener());
    },
    /** @param {string} event @param {() => void} listener */
    on: (event, listener) => void (listeners[event] ??= []).push(listener),
    off: () => {},
    save_changes() {
      if (!live || state.playing) return;
      const words = linked.map((key) => [key, state[key] ?? ""]);
      const link = address + decodeURIComponent(`${new URLSearchParams(words)}`);
      history.replaceState(null, "", link);
    },
  };
  // A link that ends in this figure's address shows the moment it names.
  function show() {
    if (!location.hash.startsWith(address)) return;
    const words = new URLSearchParams(location.hash.slice(address.length));
    for (const key of linked) {
      const word = words.get(key);
      if (word === null) continue;
      model.set(key, word === "" ? null : /^\d+$/.test(word) ? Number(word) : word);
    }
    if (live) root.scrollIntoView();
  }
  show();
  const stage = document.createElement("div");
  await render({ model, el: stage }); // where this fails, the still picture stays
  root.replaceChildren(/** @type {Node} */ (root.querySelector("style")), stage);
  live = true;
  show();
  addEventListener("hashchange", show);
}

/**
 * Bring the figures of a name to life.
 * @param {string} name @param {readonly string[]} linked @param {(place: Place) => unknown} render
 */
export function host(name, linked, render) {
  document
    .querySelectorAll(`[data-figure='${name}']`)
    .forEach((root, number) =>
      wake(/** @type {HTMLElement} */ (root), `#${name}-${number}?`, linked, render),
    );
}
