// The quizzes of a topic's page: check a choice, and be told why. And its sheet for the printer.

import { find, page } from "./page.js";
import { onOthers, read, set } from "./progress.js";

const forms = /** @type {HTMLFormElement[]} */ ([...document.querySelectorAll(".mi-quiz")]);
const [score, restart, sheet] = [".mi-score", ".mi-restart", ".mi-sheet"].map((selector) =>
  find(document, selector),
);
const questionOf = (/** @type {HTMLFormElement} */ form) => form.dataset.question ?? "";

function count() {
  const { quizzes } = read();
  const right = forms.filter((form) => quizzes[questionOf(form)]?.right).length;
  score.textContent = `${right} of ${forms.length} right so far.`;
}

for (const form of forms) {
  const verdict = find(form, ".mi-verdict");
  const details = /** @type {HTMLDetailsElement} */ (find(form, "details"));
  const whys = [...details.querySelectorAll("li")];
  find(form, "button").hidden = false;
  details.hidden = true;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const chosen = /** @type {HTMLInputElement | null} */ (form.querySelector("input:checked"));
    if (!chosen) {
      verdict.textContent = "Choose one first.";
      return;
    }
    const why = whys[Number(chosen.value)];
    const right = "right" in why.dataset;
    verdict.innerHTML = why.innerHTML; // with its formulas as they were set
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
  const column = ((91 / 25.4) * 72) / parseFloat(sheet.style.getPropertyValue("--mi-size"));
  const formulas = /** @type {NodeListOf<HTMLElement>} */ (sheet.querySelectorAll("mjx-container"));
  for (const formula of formulas) {
    const width = formula.offsetWidth / parseFloat(getComputedStyle(formula).fontSize);
    formula.style.setProperty("--mi-fit", `${Math.min(1, column / 1.07 / width)}`);
  }
});

if (forms.length) {
  score.hidden = restart.hidden = false;
  restart.addEventListener("click", () => {
    const { quizzes } = read();
    for (const form of forms) {
      form.reset();
      if (quizzes[questionOf(form)]) set("quizzes", questionOf(form), { right: false });
    }
    count();
  });
  onOthers(count);
  count();
}
