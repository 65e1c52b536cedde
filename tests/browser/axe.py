"""axe-core: the accessibility rules that it finds violated on a page."""

from pathlib import Path

from playwright.sync_api import Page

from tests.browser.office import DESKTOP, PHONE

SCRIPT = Path(__file__).parent.parent / "client" / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
COLOURS = ["color-contrast", "link-in-text-block"]
SIZES = ["target-size", "scrollable-region-focusable", "color-contrast"]  # rules that depend on the width
# Colours that are still changing would be measured halfway.
SETTLE = """dark => {
    document.documentElement.classList.toggle("dark", dark);
    const style = document.createElement("style");
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


def violations(page: Page) -> list[str]:
    """Return what axe-core finds on the open page; in dark mode and on a phone by the rules that may differ there."""
    page.wait_for_load_state("networkidle")
    page.evaluate(SCRIPT.read_text())
    found = []
    for mode, size, rules in (("light", DESKTOP, RULES), ("dark", DESKTOP, COLOURS), ("phone", PHONE, SIZES)):
        page.set_viewport_size(size)
        page.evaluate(SETTLE, mode == "dark")
        found += [f"{mode}: {text}" for text in page.evaluate(RUN, rules)]
    page.set_viewport_size(DESKTOP)
    return found
