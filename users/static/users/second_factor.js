"use strict";

// The content security policy allows no scripts in attributes.
for (const button of document.querySelectorAll("[data-print]")) {
  button.addEventListener("click", () => window.print());
}
