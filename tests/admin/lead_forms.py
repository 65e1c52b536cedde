"""Read forms of pages: the fields with their values."""

from html.parser import HTMLParser

from django.test import Client


class _Fields(HTMLParser):
    """The named fields of one form, by the form's id."""

    def __init__(self, form_id: str) -> None:
        super().__init__()
        self.form_id, self.inside = form_id, False
        self.values: dict[str, str] = {}
        self.select = self.textarea = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        if tag == "form":
            self.inside = given.get("id") == self.form_id
        if not self.inside:
            return
        name = given.get("name", "")
        if tag == "input" and name and given.get("type") not in ("submit", "checkbox", "radio"):
            self.values[name] = given.get("value", "")
        elif tag == "select":
            self.select = name
        elif tag == "textarea":
            self.textarea, self.values[name] = name, ""
        elif tag == "option" and self.select and "selected" in given:
            self.values[self.select] = given["value"]

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.inside = False
        elif tag == "textarea":
            self.textarea = ""

    def handle_data(self, data: str) -> None:
        if self.textarea:
            self.values[self.textarea] += data.removeprefix("\n")


def open_form(browser: Client, page: str, form_id: str = "lead_form") -> dict[str, str]:
    """Return the fields of the form on a page, as a browser would send them."""
    return fields_in(browser.get(page).content.decode(), form_id)


def fields_in(html: str, form_id: str = "lead_form") -> dict[str, str]:
    """Return the fields of a form in HTML."""
    parser = _Fields(form_id)
    parser.feed(html)
    parser.values.pop("csrfmiddlewaretoken", None)
    return parser.values
