// Checks the size of the file before the upload. The import pages also work without it.
document.addEventListener("input", (event) => {
    const input = event.target;
    const changed = input.form && input.form.querySelector("[data-changed]");
    if (changed) changed.hidden = false;
});

// Runs before the theme's own listener, which expects a text field.
document.addEventListener("change", (event) => {
    const input = event.target;
    if (input.type === "file") {
        event.stopPropagation();
        const file = input.files[0];
        const tooLarge = Boolean(file) && file.size > Number(input.dataset.maxBytes) - 4096;
        input.form.querySelector("[data-file-name]").textContent = file ? file.name : "Choose a file, or drop it here";
        input.form.querySelector("#file-problem").hidden = !tooLarge;
        input.setCustomValidity(tooLarge ? "This file is too large for this page." : "");
    }
}, true);

document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.dataset.busy || !event.submitter) return;
    if (form.dataset.sent) {
        event.preventDefault();
        return;
    }
    form.dataset.sent = "yes";
    form.setAttribute("aria-busy", "true");
    event.submitter.textContent = form.dataset.busy;
    const progress = form.querySelector("[data-progress]");
    if (progress) watch(progress);
});

// Shows how far the server has read the file while the page waits for its reply.
function watch(progress) {
    const bar = progress.querySelector("progress");
    const text = progress.querySelector("[data-progress-text]");
    progress.hidden = false;
    setInterval(async () => {
        const reply = await fetch(progress.dataset.progress).catch(() => null);
        if (!reply || !reply.ok) return;
        const { rows, percent } = await reply.json();
        if (rows === undefined) return;
        bar.value = percent;
        text.textContent = `${rows.toLocaleString("en")} rows read`;
    }, 500);
}

// Reload after the browser's back button, so that the submit button is enabled again.
window.addEventListener("pageshow", (event) => {
    if (event.persisted) window.location.reload();
});
