// Once the page is idle, the book is stored for reading without a network; never where the reader
// asked to save data.
{
  const SENTENCES = {
    ready: "Available offline.",
    full: "This device has no room left to store the book for reading offline.",
  };
  const script = /** @type {HTMLScriptElement} */ (document.currentScript);
  const pause = Number(script.dataset.pause ?? 5000); // milliseconds after the page has loaded
  const { connection } = /** @type {{ connection?: { saveData?: boolean } }} */ (navigator);

  const begin = async () => {
    const worker = await navigator.serviceWorker.register(new URL("../sw.js", script.src));
    navigator.serviceWorker.addEventListener("message", ({ data }) => {
      const text = SENTENCES[/** @type {keyof typeof SENTENCES} */ (data?.offline)];
      const status = document.querySelector(".marl-offline");
      if (text && status) status.textContent = text;
    });
    // Of a new build, the new worker stores it.
    const store = () => navigator.serviceWorker.controller?.postMessage("store");
    navigator.serviceWorker.addEventListener("controllerchange", store);
    if (worker.active) store();
  };

  if ("serviceWorker" in navigator && isSecureContext && !connection?.saveData) {
    addEventListener("load", () => {
      setTimeout(() => {
        const idle = globalThis.requestIdleCallback ?? setTimeout;
        // Where it is refused, the book is read as before.
        idle(() => begin().catch(() => {}));
      }, pause);
    });
  }
}
