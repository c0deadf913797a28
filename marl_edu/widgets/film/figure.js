// A film of an environment.

import { clamp, find, follow, keepKeys, tell } from "../shared/kit.js";

/** @import { Place } from "../shared/kit.js" */

export const FIGURE = "film";
// What a link to a moment of it holds.
export const LINKED = ["step"];

const PACE = 250; // milliseconds that a picture stays

/**
 * marl_edu.widgets.film.figure.pack, undone: [pictures, texts].
 * @param {string} packed @returns {Promise<[string[], string[]]>}
 */
export function unpack(packed) {
  const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).json();
}

/** @param {Place} place */
export async function render({ model, el }) {
  const [pictures, texts] = await unpack(model.get("pictures"));
  const last = pictures.length - 1;
  keepKeys(el);
  el.innerHTML = `<figure class="mf" style="${model.get("look")}">
    <div class="mf-picture" aria-hidden="true"></div>
    <div class="mf-controls">
      <button type="button"></button>
      <label>Step <input type="range" min="0" max="${last}" step="1"></label>
      <span class="mf-value"></span>
    </div>
    <p class="mf-text"></p>
    <figcaption></figcaption>
  </figure>`;
  const [picture, text, button, value, caption] = [
    ".mf-picture",
    ".mf-text",
    "button",
    ".mf-value",
    "figcaption",
  ].map((selector) => find(el, selector));
  const slider = /** @type {HTMLInputElement} */ (find(el, "input"));
  caption.textContent = model.get("caption");
  caption.hidden = !caption.textContent;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  let timer;

  const now = () => clamp(model.get("step"), 0, last);

  // First whether it plays, then the step: the last words of a film that ends are to be spoken.
  /** @param {boolean} playing @param {number} step */
  const set = (playing, step) => tell(model, { playing, step });

  function paint() {
    const step = now();
    const playing = model.get("playing");
    text.setAttribute("aria-live", playing ? "off" : "polite");
    picture.innerHTML = pictures[step];
    text.textContent = texts[step];
    value.textContent = `${step} of ${last}`;
    slider.value = `${step}`;
    slider.setAttribute("aria-valuetext", value.textContent);
    button.textContent = playing ? "Pause" : "Play";
  }

  function run() {
    clearInterval(timer);
    if (!model.get("playing")) return;
    timer = setInterval(() => set(now() + 1 < last, Math.min(now() + 1, last)), PACE);
  }

  button.addEventListener("click", () => {
    const playing = !model.get("playing") && last > 0;
    set(playing, playing && now() === last ? 0 : now());
  });
  slider.addEventListener("input", () => set(false, Number(slider.value)));
  const ends = [follow(model, ["step", "playing"], paint), follow(model, ["playing"], run)];
  paint();
  run();
  return () => {
    clearInterval(timer);
    ends.forEach((end) => end());
  };
}
