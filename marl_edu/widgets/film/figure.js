// A film of a world. One module without imports: in the lab anywidget loads it, on a page it
// stands in the page itself.

// What host.js needs to know.
const FIGURE = "film";
const LINKED = ["step"];

const PACE = 250; // milliseconds that a picture stays

// marl_edu.widgets.film.pack, undone: [pictures, texts].
function unpack(packed) {
  const bytes = Uint8Array.from(atob(packed), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).json();
}

async function render({ model, el }) {
  const [pictures, texts] = await unpack(model.get("pictures"));
  const last = pictures.length - 1;
  // JupyterLab takes the arrow keys from an input that does not say that it needs them.
  el.innerHTML = `<figure class="mf" style="${model.get("look")}">
    <div class="mf-picture" aria-hidden="true"></div>
    <div class="mf-controls">
      <button type="button"></button>
      <label>Step <input type="range" min="0" max="${last}" step="1" data-lm-suppress-shortcuts="true"></label>
      <span class="mf-value"></span>
    </div>
    <p class="mf-text"></p>
    <figcaption></figcaption>
  </figure>`;
  const [picture, text, button, slider, value, caption] = [
    ".mf-picture", ".mf-text", "button", "input", ".mf-value", "figcaption",
  ].map((selector) => el.querySelector(selector));
  caption.textContent = model.get("caption");
  caption.hidden = !caption.textContent;
  let timer;

  const now = () => Math.min(Math.max(Math.round(model.get("step")) || 0, 0), last);

  // First whether it plays, then the step: the last words of a film that ends are to be spoken.
  function set({ playing, step }) {
    model.set("playing", playing);
    model.set("step", step);
    model.save_changes();
  }

  function paint() {
    const [step, playing] = [now(), model.get("playing")];
    text.setAttribute("aria-live", playing ? "off" : "polite");
    picture.innerHTML = pictures[step];
    text.textContent = texts[step];
    value.textContent = `${step} of ${last}`;
    slider.value = step;
    slider.setAttribute("aria-valuetext", value.textContent);
    button.textContent = playing ? "Pause" : "Play";
  }

  function run() {
    clearInterval(timer);
    if (!model.get("playing")) return;
    timer = setInterval(() => set({ playing: now() + 1 < last, step: Math.min(now() + 1, last) }), PACE);
  }

  button.addEventListener("click", () => {
    const playing = !model.get("playing") && last > 0;
    set({ playing, step: playing && now() === last ? 0 : now() });
  });
  slider.addEventListener("input", () => set({ playing: false, step: +slider.value }));
  const listeners = [
    ["change:step", paint],
    ["change:playing", paint],
    ["change:playing", run],
  ];
  listeners.forEach(([event, listener]) => model.on(event, listener));
  paint();
  run();
  return () => {
    clearInterval(timer);
    listeners.forEach(([event, listener]) => model.off(event, listener));
  };
}

export { unpack };
export default { render };
