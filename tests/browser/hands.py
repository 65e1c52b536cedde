"""A user who works with the mouse, whose clicks are counted, or with the keyboard alone."""

from typing import Protocol

from playwright.sync_api import Locator, Page

MAX_TABS = 200
HAS_FOCUS = "one => one === document.activeElement"


class Hands(Protocol):
    """What a user does with the elements of a page."""

    page: Page
    clicks: int

    def press(self, target: Locator) -> None:
        """Press a link, a button or a box."""

    def write(self, target: Locator, text: str) -> None:
        """Replace the text of a field."""

    def choose(self, target: Locator, option: str) -> None:
        """Choose from a drop-down list."""


class Mouse:
    """Clicks, which are counted: one for each field too, and one for a list, whose option is then found by typing."""

    def __init__(self, page: Page) -> None:
        self.page, self.clicks = page, 0

    def press(self, target: Locator) -> None:
        """Click."""
        self.clicks += 1
        target.click()

    def write(self, target: Locator, text: str) -> None:
        """Click, and type."""
        self.press(target)
        target.fill(text)

    def choose(self, target: Locator, option: str) -> None:
        """Click, and type the option."""
        self.clicks += 1
        target.select_option(label=option)


class Keyboard:
    """Tab, Space, Enter and letters: what cannot be reached so fails."""

    def __init__(self, page: Page) -> None:
        self.page, self.clicks = page, 0

    def reach(self, target: Locator) -> None:
        """Press Tab until the element has the focus."""
        target.wait_for()
        for _ in range(MAX_TABS):
            if target.evaluate(HAS_FOCUS):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"{target} cannot be reached by Tab")

    def press(self, target: Locator) -> None:
        """Press a link or a button with Enter, a box with Space."""
        self.reach(target)
        self.page.keyboard.press("Space" if target.get_attribute("type") == "checkbox" else "Enter")

    def write(self, target: Locator, text: str) -> None:
        """Type; a date by month, day and year, as the browser's language has them."""
        self.reach(target)
        if target.get_attribute("type") == "date":
            year, month, day = text.split("-")
            self.page.keyboard.type(f"{month}{day}{year}")
        else:
            self.page.keyboard.press("Control+A")
            self.page.keyboard.type(text)

    def choose(self, target: Locator, option: str) -> None:
        """Type the beginning of the option."""
        self.reach(target)
        self.page.keyboard.type(option)
