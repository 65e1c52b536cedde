// Asks before a page is left whose forms have entries that were not saved, whichever form of the page they are in.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  let changed = false;
  document.addEventListener("input", (event) => {
    if (event.target.form && event.target.form.method === "post") changed = true;
  });
  document.addEventListener("submit", () => { changed = false; });
  window.addEventListener("beforeunload", (event) => {
    if (changed) event.preventDefault();
  });
});
