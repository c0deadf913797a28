// Light or dark before anything is drawn: what the reader chose, or else what the page is made with.
{
  const { dataset } = document.documentElement;
  for (const name of ["mode", "theme"]) {
    let chosen = null;
    try {
      chosen = localStorage.getItem(name);
    } catch {
      // storage is refused: as the page is made
    }
    dataset[name] = chosen || "auto";
  }
}
