// The quizzes of a topic's page: check a choice, and be told why. And its sheet for the printer.
"use strict";
(() => {
  const progress = window.marlProgress;
  const forms = [...document.querySelectorAll(".mi-quiz")];
  const score = document.querySelector(".mi-score");
  const restart = document.querySelector(".mi-restart");

  function count() {
    const { quizzes } = progress.read();
    const right = forms.filter((form) => quizzes[form.dataset.question]).length;
    score.textContent = `${right} of ${forms.length} right so far.`;
  }

  for (const form of forms) {
    const [verdict, details] = [".mi-verdict", "details"].map((one) => form.querySelector(one));
    const whys = [...details.querySelectorAll("li")];
    form.querySelector("button").hidden = false;
    details.hidden = true;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const chosen = form.querySelector("input:checked");
      if (!chosen) {
        verdict.textContent = "Choose one first.";
        return;
      }
      const why = whys[Number(chosen.value)];
      const right = "right" in why.dataset;
      verdict.innerHTML = why.innerHTML; // with its formulas as they were set
      verdict.dataset.right = right;
      details.hidden = false;
      progress.change((state) => {
        state.quizzes[form.dataset.question] = right;
      });
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
  const sheet = document.querySelector(".mi-sheet");
  window.MathJax?.startup.promise.then(() => {
    const column = (91 / 25.4) * 72 / parseFloat(sheet.style.getPropertyValue("--mi-size"));
    for (const formula of sheet.querySelectorAll("mjx-container")) {
      const width = formula.offsetWidth / parseFloat(getComputedStyle(formula).fontSize);
      formula.style.setProperty("--mi-fit", Math.min(1, column / 1.07 / width));
    }
  });

  if (forms.length) {
    score.hidden = restart.hidden = false;
    restart.addEventListener("click", () => {
      for (const form of forms) form.reset();
      progress.change((state) => {
        for (const form of forms) delete state.quizzes[form.dataset.question];
      });
      count();
    });
    count();
  }
})();
