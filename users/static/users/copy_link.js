// Copies the link of the page. Without scripts, it can be selected and copied.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const field = document.getElementById("password-link");
  const button = document.getElementById("copy-link");
  const result = document.getElementById("copy-result");
  if (!field || !button || !result) return;

  // The clipboard API exists only with HTTPS and on localhost.
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
