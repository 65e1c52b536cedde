// Marks and counts the statuses that were changed but not saved, and shows the bar that saves them. Also focuses the
// first lead that a search finds: the browser heeds "autofocus" only while nothing else has had the focus.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  document.querySelector("#result_list a[autofocus]")?.focus();
  const form = document.getElementById("changelist-form");
  const bar = document.getElementById("save-statuses");
  if (!form || !bar) return;
  const lists = [...form.querySelectorAll("select.crm-status")];
  const isChanged = (list) => !list.options[list.selectedIndex].defaultSelected;
  let leaving = false;

  const show = () => {
    for (const list of lists) {
      list.dataset.status = list.value;
      list.classList.toggle("changed", isChanged(list));
    }
    const count = lists.filter(isChanged).length;
    bar.hidden = count === 0;
    bar.firstElementChild.textContent = count === 1 ? "1 status changed" : `${count} statuses changed`;
  };

  form.addEventListener("change", show);
  form.addEventListener("reset", () => setTimeout(show));
  form.addEventListener("submit", () => { leaving = true; });
  window.addEventListener("pageshow", () => { leaving = false; show(); });
  window.addEventListener("beforeunload", (event) => {
    if (!leaving && lists.some(isChanged)) event.preventDefault();
  });
  show();
});
