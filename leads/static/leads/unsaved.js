// Asks before a page is left whose forms have entries that were not saved, whichever form of the page they are in.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const unsaved = new Set();
  // A form that comes back with errors has entries that were not saved.
  if (document.querySelector("main :is(.errornote, .lead-error)")) {
    for (const form of document.querySelectorAll("#lead_form, #log_form, #follow_up_form")) unsaved.add(form);
  }
  document.addEventListener("input", ({ target }) => {
    if (target.form && target.form.method === "post") unsaved.add(target.form);
  });
  document.addEventListener("submit", ({ target }) => unsaved.delete(target));
  window.addEventListener("beforeunload", (event) => {
    if (unsaved.size) event.preventDefault();
  });
});
