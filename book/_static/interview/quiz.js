// The questions of a topic's page, with choices or lines to put in order: check one, and be told
// why. Each set of them has a score of its own. And the topic's sheet for the printer.

import { arrange } from "./order.js";
import { find, page } from "./page.js";
import { onOthers, read, set } from "./progress.js";

const formsIn = (/** @type {ParentNode} */ place) =>
  /** @type {HTMLFormElement[]} */ ([...place.querySelectorAll(".mi-quiz")]);
const questionOf = (/** @type {HTMLFormElement} */ form) => form.dataset.question ?? "";
const sets = /** @type {HTMLElement[]} */ ([...document.querySelectorAll(".mi-set")]);

function count() {
  const { quizzes } = read();
  for (const set of sets) {
    const forms = formsIn(set);
    const right = forms.filter((form) => quizzes[questionOf(form)]?.right).length;
    find(set, ".mi-score").textContent = `${right} of ${forms.length} right so far.`;
  }
}

/**
 * What is said of what is chosen in a form: HTML and whether it is right, or a sentence if nothing.
 * @param {HTMLFormElement} form
 */
function choose(form) {
  const whys = [...form.querySelectorAll("details li")];
  return () => {
    const chosen = /** @type {HTMLInputElement | null} */ (form.querySelector("input:checked"));
    if (!chosen) return "Choose one first.";
    const why = /** @type {HTMLElement} */ (whys[Number(chosen.value)]);
    return { html: why.innerHTML, right: "right" in why.dataset }; // with its formulas as they were set
  };
}

for (const form of formsIn(document)) {
  const verdict = find(form, ".mi-verdict");
  const details = /** @type {HTMLDetailsElement} */ (find(form, "details"));
  const judge = form.dataset.puzzle ? arrange(form) : choose(form);
  find(form, "[type=submit]").hidden = false;
  details.hidden = true;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const said = judge();
    if (typeof said === "string") {
      verdict.textContent = said;
      return;
    }
    const { html, right } = said;
    verdict.innerHTML = html;
    verdict.dataset.right = `${right}`;
    details.hidden = false;
    set("quizzes", questionOf(form), { right });
    count();
  });
  const clear = () => {
    verdict.textContent = "";
    delete verdict.dataset.right;
  };
  form.addEventListener("change", clear); // it was about another choice
  form.addEventListener("reset", () => {
    clear();
    details.hidden = true;
    details.open = false;
  });
}

// A formula that is wider than its column of paper, which is 91 mm, is printed smaller.
page.MathJax?.startup.promise.then(() => {
  const sheet = find(document, ".mi-sheet");
  const column = ((91 / 25.4) * 72) / parseFloat(sheet.style.getPropertyValue("--mi-size"));
  const formulas = /** @type {NodeListOf<HTMLElement>} */ (sheet.querySelectorAll("mjx-container"));
  for (const formula of formulas) {
    const width = formula.offsetWidth / parseFloat(getComputedStyle(formula).fontSize);
    formula.style.setProperty("--mi-fit", `${Math.min(1, column / 1.07 / width)}`);
  }
});

for (const one of sets) {
  const restart = find(one, ".mi-restart");
  find(one, ".mi-score").hidden = restart.hidden = false;
  restart.addEventListener("click", () => {
    const { quizzes } = read();
    for (const form of formsIn(one)) {
      form.reset();
      if (quizzes[questionOf(form)]) set("quizzes", questionOf(form), { right: false });
    }
    count();
  });
}

// A link from an exercise to its tasks unfolds them.
function unfold() {
  const aim = location.hash && document.getElementById(location.hash.slice(1));
  if (aim instanceof HTMLDetailsElement) aim.open = true;
}

window.addEventListener("hashchange", unfold);
unfold();
onOthers(count);
count();
