// Copies the link on the page; without scripts it can still be selected and copied by hand.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const field = document.getElementById("password-link");
  const button = document.getElementById("copy-link");
  const result = document.getElementById("copy-result");
  if (!field || !button || !result) return;

  // The clipboard's own interface exists under HTTPS and on this machine alone.
  const copy = async () => {
    field.select();
    if (navigator.clipboard) return navigator.clipboard.writeText(field.value).then(() => true, () => false);
    return document.execCommand("copy");
  };

  button.hidden = false;
  button.addEventListener("click", async () => {
    result.textContent = (await copy()) ? "Copied." : "Press Ctrl+C to copy.";
  });
});
