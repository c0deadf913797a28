
// ---- Host: what a live figure needs where no kernel is. It stands behind the figure's module, ----
// ---- which names it (FIGURE), says what a link to it holds (LINKED), and draws it (render). ------

async function host(root, number) {
  const state = JSON.parse(root.querySelector("script").textContent);
  const address = `#${FIGURE}-${number}?`;
  const listeners = {};
  let live = false;
  const model = {
    get: (key) => state[key],
    set(key, value) {
      if (JSON.stringify(state[key]) === JSON.stringify(value)) return;
      state[key] = value;
      (listeners[`change:${key}`] ?? []).forEach((listener) => listener());
    },
    on: (event, listener) => (listeners[event] ??= []).push(listener),
    off: () => {},
    save_changes() {
      if (!live || state.playing) return;
      const words = LINKED.map((key) => [key, state[key] ?? ""]);
      history.replaceState(null, "", address + decodeURIComponent(new URLSearchParams(words)));
    },
  };
  // A link that ends in this figure's address shows the moment it names.
  function follow() {
    if (!location.hash.startsWith(address)) return;
    const words = new URLSearchParams(location.hash.slice(address.length));
    for (const key of LINKED.filter((one) => words.has(one))) {
      const word = words.get(key);
      model.set(key, word === "" ? null : /^\d+$/.test(word) ? Number(word) : word);
    }
    if (live) root.scrollIntoView();
  }
  follow();
  const stage = document.createElement("div");
  await render({ model, el: stage }); // where this fails, the still picture stays
  root.replaceChildren(root.querySelector("style"), stage);
  live = true;
  follow();
  addEventListener("hashchange", follow);
}

document.querySelectorAll(`[data-figure='${FIGURE}']:not([data-live])`).forEach((root, number) => {
  root.dataset.live = "";
  host(root, number);
});
