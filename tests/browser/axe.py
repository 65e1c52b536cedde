"""axe-core: the accessibility rules that it finds violated on the pages of a window."""

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.office import DESKTOP, PHONE, fits

SCRIPT = Path(__file__).parent.parent / "client" / "node_modules" / "axe-core" / "axe.min.js"
SLOW = 120_000  # milliseconds; axe-core takes all of a processor
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# What may differ in dark mode on a phone from light mode on a desktop.
NARROW_RULES = ["color-contrast", "link-in-text-block", "target-size", "scrollable-region-focusable"]
# Colours that are still changing would be measured halfway.
SETTLE = """dark => {
    document.documentElement.classList.toggle("dark", dark);
    if (document.getElementById("settled")) return;
    const style = document.createElement("style");
    style.id = "settled";
    style.textContent = "*, *::before, *::after { transition: none !important; animation: none !important; }";
    document.head.append(style);
}"""
RUN = """async rules => {
    const options = { runOnly: rules, resultTypes: ["violations"], preload: false, iframes: false };
    const { violations } = await axe.run(options);
    return violations.flatMap((rule) => rule.nodes.map((node) => {
        const why = node.failureSummary.split("\\n")[1].trim();
        return `${rule.id}: ${node.target.join(" ")}: ${why}`;
    }));
}"""

CUT = """() => [...document.querySelectorAll("main *")]
    .filter((one) => one.textContent.includes("@") && one.scrollWidth > one.clientWidth)
    .filter((one) => ["hidden", "clip"].includes(getComputedStyle(one).overflowX))
    .map((one) => `cut: ${one.textContent.trim()}`)"""
WIDE = """() => [...document.querySelectorAll("body *")]
    .filter((one) => one.getBoundingClientRect().right > document.documentElement.clientWidth)
    .map((one) => `${one.tagName}.${one.className}`).slice(0, 9)"""


def violations(page: Page) -> list[str]:
    """Return what axe-core finds on the open page in light mode, and in dark mode on a phone.

    Added are pages that are wider than the window, and email addresses that are cut.
    """
    page.wait_for_load_state()
    expect(page.locator("[x-cloak]")).to_have_count(0)  # Alpine has run
    page.evaluate(SCRIPT.read_text())
    found = []
    for mode, size, rules in (("light", DESKTOP, RULES), ("dark, narrow", PHONE, NARROW_RULES)):
        page.set_viewport_size(size)
        page.emulate_media(color_scheme="light" if mode == "light" else "dark")
        page.evaluate(SETTLE, mode != "light")
        found += [f"{mode}: {text}" for text in page.evaluate(RUN, rules)]
        found += [] if fits(page) else [f"{mode}: wider than the window: {page.evaluate(WIDE)}"]
        found += [f"{mode}: {text}" for text in page.evaluate(CUT)]
    page.set_viewport_size(DESKTOP)
    page.emulate_media(color_scheme="light")
    page.evaluate(SETTLE, False)
    return found


class Audit:
    """Opens pages in a window, and collects what axe-core finds on them."""

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.url = page, url
        page.set_default_timeout(SLOW)
        self.found: dict[str, list[str]] = {}

    def open(self, path: str) -> Page:
        """Open a page of the back office, or another with a leading slash, and check it."""
        self.page.goto(self.url + (path if path.startswith("/") else f"/admin/{path}"))
        self.check(path)
        return self.page

    def check(self, name: str) -> None:
        """Check the page as it is."""
        assert name not in self.found
        self.found[name] = violations(self.page)

    def result(self) -> dict[str, list[str]]:
        """Return the pages with something to correct."""
        return {name: texts for name, texts in self.found.items() if texts}
