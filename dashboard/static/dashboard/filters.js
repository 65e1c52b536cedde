// The filters of a list are a dialog: the focus stays in it, and returns to the button that opened it.
document.addEventListener("DOMContentLoaded", () => {
  const panel = document.getElementById("changelist-filter");
  const opener = document.getElementById("open-filters");
  if (!panel || !opener) return;
  for (const [name, value] of [["role", "dialog"], ["aria-modal", "true"], ["aria-label", "Filters"]]) panel.setAttribute(name, value);
  const fields = () =>
    [...panel.querySelectorAll("a[href], button, input:not([type=hidden]), select")].filter((one) => one.checkVisibility());
  let isOpen = false;
  new MutationObserver(() => {
    if (isOpen === panel.checkVisibility()) return;
    isOpen = !isOpen;
    panel.querySelector("[role=region]")?.setAttribute("aria-label", "Fields of the filters"); // unlike that of the list
    (isOpen ? fields()[0] : opener)?.focus();
  }).observe(panel, { attributes: true, attributeFilter: ["style"] });
  panel.addEventListener("keydown", (event) => {
    if (event.key !== "Tab") return;
    const all = fields();
    const [edge, other] = event.shiftKey ? [all[0], all.at(-1)] : [all.at(-1), all[0]];
    if (document.activeElement !== edge) return;
    event.preventDefault();
    other.focus();
  });
});
