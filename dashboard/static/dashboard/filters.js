// The filters of a list are a dialog: nothing else can have the focus until they are closed.
document.addEventListener("DOMContentLoaded", () => {
  const panel = document.getElementById("changelist-filter");
  const opener = document.getElementById("open-filters");
  if (!panel || !opener) return;
  const fields = () =>
    [...panel.querySelectorAll("a[href], button, input:not([type=hidden]), select")].filter((one) => one.checkVisibility());
  const load = async () => {
    const place = panel.querySelector("[data-fields]");
    if (!place) return;
    const form = place.closest("form");
    form.inert = true; // without its fields it would remove all filters
    const address = place.dataset.fields;
    delete place.dataset.fields;
    const reply = await fetch(address, { redirect: "error" }).catch(() => null); // the page of the login is no reply
    const html = reply?.ok ? await reply.text() : null;
    if (html === null) form.innerHTML = '<p role="alert" class="p-4">The filters could not be loaded. Reload the page.</p>';
    else place.innerHTML = html;
    form.inert = false;
    if (isOpen) fields()[0]?.focus();
  };
  const others = [];
  for (let one = panel; one !== document.body; one = one.parentElement) {
    others.push(...[...one.parentElement.children].filter((other) => other !== one));
  }
  let isOpen = false;
  new MutationObserver(() => {
    if (isOpen === panel.checkVisibility()) return;
    isOpen = !isOpen;
    panel.querySelector("[role=region]")?.setAttribute("aria-label", "Fields of the filters"); // unlike that of the list
    for (const other of others) other.inert = isOpen;
    if (isOpen) load();
    (isOpen ? fields()[0] : opener)?.focus();
  }).observe(panel, { attributes: true, attributeFilter: ["style"] });
});
