// Light or dark before anything is drawn: what the reader chose, or else what the page is made with.
{
  const { dataset } = document.documentElement;
  for (const name of ["mode", "theme"]) dataset[name] = localStorage.getItem(name) || "auto";
}
