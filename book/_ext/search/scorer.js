// Sphinx's search takes this in: chapters come first, the package last; excerpts are of the article.

Object.assign(globalThis, {
  Scorer: {
    /**
     * What a page is worth before what was found on it: a reader looks for an explanation first.
     * @param {[string, string, string, string | null, number, string]} result
     */
    score([page, , anchor, description, score]) {
      if (page.startsWith("book/api") || page.startsWith("_modules/") || description)
        return score - 100;
      if (page.startsWith("book/chapters/")) return score + 200 + (anchor ? 5 : 0);
      if (page === "book/glossary") return score + 60; // a term's own name counts 100
      return score + (/^book\/(index|tour|notation)$/.test(page) ? 150 : 100);
    },
    objNameMatch: 11,
    objPartialMatch: 6,
    objPrio: { 0: 15, 1: 5, 2: -5 },
    objPrioDefault: 0,
    title: 15,
    partialTitle: 7,
    term: 5,
    partialTerm: 2,
  },
});

addEventListener("DOMContentLoaded", () => {
  /** @type {{ htmlToText: (html: string, anchor?: string) => string }} */
  // @ts-expect-error: the script that takes this in declares it
  const search = Search;
  const textOf = search.htmlToText;
  search.htmlToText = (html, anchor) => {
    const page = new DOMParser().parseFromString(html, "text/html");
    const article = page.querySelector("article.bd-article");
    return textOf(article ? `<div role="main">${article.outerHTML}</div>` : html, anchor);
  };
});
