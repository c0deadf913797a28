// Exercises that run in the page: under each a place to write, Run, Grade and Reset. What is typed
// stays in this browser; Python and the editor are loaded when they are first used.

import { read, set } from "../interview/progress.js";
import { cut, fromKept, graded, keyOf, pieces, ran, toKeep, toNote } from "./kept.js";
import { ask } from "./python.js";

/** @import { Said } from "./kept.js" */
/** @import { Built, Outcome } from "./python.js" */

/**
 * What is typed into.
 * @typedef {object} Editor
 * @property {() => string} text @property {(text: string) => void} replace
 * @property {(text: string) => void} insert @property {() => void} indent
 * @property {(line: number | null) => void} mark the line that is wrong, or none
 */

const KEYS = ["(", ")", "[", "]", ":", "=", "@"];
const INDENT = "    ";
const here = new URL(/** @type {HTMLScriptElement} */ (document.currentScript).src);
/** @type {Built} */
const built = /** @type {any} */ (window).marlPython;
const exercises = /** @type {HTMLElement[]} */ ([...document.querySelectorAll("div.answer")]);

/** Why Python cannot run here, if it cannot. */
function obstacle() {
  if (location.protocol === "file:") {
    return "This page was opened from disk, where no browser starts Python.";
  }
  if (!built.python) return "This copy of the book was built without Python for the page.";
  if (!globalThis.WebAssembly) return "This browser has no WebAssembly, which Python needs.";
  return "";
}

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag @param {Record<string, string>} attributes @param {(Node | string)[]} inside
 */
function make(tag, attributes, ...inside) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...inside);
  return element;
}

/** A link to what the reader can do instead. */
const lab = () =>
  make(
    "a",
    { href: new URL("../../book/index.html#how-to-read", here).href },
    "Solve it in the lab",
  );

/** @type {Promise<(area: HTMLTextAreaElement, how: any) => Editor> | null} */
let editors = null;

/** CodeMirror; rejected where it cannot be had. */
function loadEditors() {
  editors ??= new Promise((resolve, reject) => {
    const script = make("script", { type: "module", src: new URL("editor.js", here).href });
    script.addEventListener("load", () => resolve(/** @type {any} */ (window).marlEditor));
    script.addEventListener("error", reject);
    document.head.append(script);
  });
  return editors;
}

/** A text area as an editor. @param {HTMLTextAreaElement} area @returns {Editor} */
const plain = (area) => ({
  text: () => area.value,
  replace(text) {
    area.value = text;
  },
  insert(text) {
    area.setRangeText(text, area.selectionStart, area.selectionEnd, "end");
    area.dispatchEvent(new Event("input"));
    area.focus();
  },
  indent() {
    this.insert(INDENT);
  },
  mark() {},
});

// What is loaded with Python, so that a second visit needs no network.
let toldWorker = false;
function keepForOffline() {
  if (toldWorker) return;
  toldWorker = true;
  const keep = exercises.map((one) => one.dataset.exercise ?? "");
  navigator.serviceWorker?.ready.then((found) => found.active?.postMessage({ keep }, []));
}

/** @type {Map<string, Promise<string>>} */
const datas = new Map();
/** What the judge knows of an exercise. @param {string} name */
function dataOf(name) {
  const found =
    datas.get(name) ??
    fetch(new URL(`exercises/${name}.json`, here)).then((answer) => {
      if (!answer.ok) throw new Error(`${answer.status}`);
      return answer.text();
    });
  datas.set(name, found);
  found.catch(() => datas.delete(name));
  return found;
}

/** @param {HTMLElement} place under an exercise @param {number} number */
function bringToLife(place, number) {
  const { exercise: name = "", function: called = "", gradients } = place.dataset;
  const shown = /** @type {HTMLElement} */ (place.querySelector("pre.starter"));
  const starter = `${(shown.textContent ?? "").trimEnd()}\n`;
  const [label, note] = [`answer-${number}-label`, `answer-${number}-note`];

  const area = make("textarea", {
    id: `answer-${number}`,
    class: "marl-code",
    spellcheck: "false",
    autocapitalize: "off",
    autocomplete: "off",
    wrap: "soft",
  });
  const named = make("label", { id: label, for: area.id }, "Your answer");
  const keys = make("div", { class: "marl-keys", role: "group", "aria-label": "Keys" });
  const [run, grade, reset, undo] = ["Run it here", "Grade", "Reset", "Undo"].map((text) =>
    make("button", { type: "button" }, text),
  );
  undo.hidden = true;
  const tab = make(
    "span",
    { id: note, class: "marl-tab", hidden: "" },
    "Tab indents; press Escape, then Tab, to leave the editor. ",
  );
  const weight = make("span", {});
  if (!obstacle()) {
    weight.textContent = `Write it in numpy. The first press loads Python, ${built.megabytes} MB, which this browser then keeps. `;
  }
  const verdict = make("div", { class: "marl-verdict", role: "status" });
  place.setAttribute("role", "group");
  place.setAttribute("aria-label", `Answer: ${called}`);
  shown.replaceWith(
    named,
    area,
    keys,
    make("div", { class: "marl-buttons" }, run, grade, reset, undo),
    make("p", { class: "marl-note" }, tab, weight, lab(), "."),
    verdict,
  );

  let editor = plain(area);
  const fit = () => area.setAttribute("rows", `${area.value.split("\n").length + 1}`);

  /** @param {string} kind @param {Said | string} said @param {Node[]} more */
  function say(kind, said, ...more) {
    const { headline, message, printed } =
      typeof said === "string" ? { headline: "", message: said, printed: "" } : said;
    const line = make("p", {});
    if (headline) line.append(make("strong", {}, `${headline}.`), " ");
    for (const [kind, piece] of pieces(message)) line.append(kind ? make(kind, {}, piece) : piece);
    for (const one of more) line.append(" ", one);
    verdict.dataset.kind = kind;
    verdict.replaceChildren(line);
    if (printed)
      verdict.append(make("p", {}, "Printed on the way:"), make("pre", {}, cut(printed)));
  }

  let warned = false;
  function keep() {
    const text = editor.text();
    if (text === starter) return localStorage.removeItem(keyOf(name));
    const stored = toKeep(text);
    localStorage.setItem(keyOf(name), stored);
    // Where nothing can be kept, site.js holds it until the page is left.
    const held = localStorage instanceof Storage && localStorage.getItem(keyOf(name)) === stored;
    if (!held && !warned) {
      warned = true;
      say("", "This browser keeps nothing: copy your answer before you leave this page.");
    }
  }
  function changed() {
    undo.hidden = true;
    keep();
  }

  const found = fromKept(localStorage.getItem(keyOf(name)));
  area.value = found.text ?? starter;
  fit();
  if (found.damaged !== undefined) {
    // Aside, so that what is typed next does not replace it.
    localStorage.setItem(`${keyOf(name)}/damaged`, found.damaged);
    localStorage.removeItem(keyOf(name));
    say("", {
      headline: "The starter stands here again",
      message: "What this browser had kept of your answer is damaged. It is this:",
      printed: found.damaged,
      line: null,
    });
  }

  area.addEventListener("input", () => {
    fit();
    changed();
  });
  async function better() {
    if (location.protocol === "file:" || !built.editor) return;
    try {
      const open = await loadEditors();
      if (!area.isConnected) return;
      editor = open(area, { label, note, changed });
      tab.hidden = false;
      named.removeAttribute("for");
      named.addEventListener("click", () => editor.insert(""));
    } catch {
      editors = null; // the text area is an editor, too
    }
  }
  area.addEventListener("focus", better);

  for (const key of [...KEYS, "indent"]) {
    const button = make("button", { type: "button" }, key === "indent" ? "⇥" : key);
    if (key === "indent") button.setAttribute("aria-label", "Indent");
    button.addEventListener("pointerdown", (event) => event.preventDefault()); // the keyboard stays
    button.addEventListener("click", () =>
      key === "indent" ? editor.indent() : editor.insert(key),
    );
    keys.append(button);
  }

  /** @param {Outcome} outcome @param {boolean} grading */
  function show({ result, problem }, grading) {
    if (!result)
      return say(
        "wrong",
        { headline: "No verdict", message: problem ?? "", printed: "", line: null },
        lab(),
      );
    const said = grading ? graded(result, gradients === "true") : ran(result);
    editor.mark(said.line);
    say(grading ? (result.passed ? "passed" : "wrong") : "", said);
    if (!grading || !result.passed) return;
    const entry = toNote(gradients === "true", read().exercises[name]);
    if (entry) set("exercises", name, entry);
  }

  let busy = false;
  /** @param {boolean} grading */
  async function press(grading) {
    if (busy) return;
    const why = obstacle();
    if (why) return say("", why, lab());
    busy = true;
    for (const one of [run, grade]) one.setAttribute("aria-disabled", "true");
    weight.textContent = "";
    editor.mark(null);
    say("", `Loading Python, ${built.megabytes} MB where it is not here yet.`);
    try {
      const task = { source: editor.text(), ...(grading && { data: await dataOf(name) }) };
      show(await ask(new URL("worker.js", here), built, task, (text) => say("", text)), grading);
      keepForOffline();
    } catch (error) {
      const problem = `The exercise could not be loaded (${/** @type {Error} */ (error).message}).`;
      show({ problem }, grading);
    }
    busy = false;
    for (const one of [run, grade]) one.removeAttribute("aria-disabled");
  }
  run.addEventListener("click", () => press(false));
  grade.addEventListener("click", () => press(true));

  let before = "";
  reset.addEventListener("click", () => {
    before = editor.text();
    editor.replace(starter);
    changed();
    editor.mark(null);
    undo.hidden = before === starter;
    say(
      "",
      undo.hidden ? "This is the starter." : "The starter is back; Undo brings your answer back.",
    );
  });
  undo.addEventListener("click", () => {
    editor.replace(before);
    changed();
    say("", "Your answer is back.");
    reset.focus();
  });
}

exercises.forEach(bringToLife);
