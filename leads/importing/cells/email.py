"""Email addresses as lists have them: with names, brackets and links, several in a cell, and invented ones."""

import re

from crm_project import validation
from crm_project.validation import InvalidValue
from leads.importing.cells.report import Cleaned

# An address with nothing around it, that is not among those which nobody has. Part of a pattern for whole rows.
ORDINARY = (
    r"(?!(?i:no[._-]?e?[._-]?mail|none@|no@|na@|n/a@|test@))"
    r"(?a:[A-Za-z0-9_][A-Za-z0-9_+-]*(?:\.[A-Za-z0-9_+-]+)*@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,})(?<!\.invalid)(?<!\.INVALID)"
)
_ordinary = re.compile(ORDINARY)
_between = r"\s<>()\[\],;:\"|/\\@?"
# From the start of a word and with bounds, since a word of a million letters must not be read from each of them.
_address = re.compile(rf"(?<![^{_between}])[^{_between}]{{1,254}}@[^{_between}]{{1,254}}")
_in_brackets = re.compile(r"<[^<>]*@[^<>]*>")
_QUOTES = ("'", '"')
_around = ".,;'`’‘“”*"
_nobody = re.compile(
    r"(?:no[._-]?e?[._-]?mail@.*|.*@(?:.*\.)?no-?e?-?mail\.[a-z.]+|none@none\..*|no@(?:e?mail|no)\..*|na@na\..*|n/a@n/a\..*"
    r"|test@test\..*|.*\.invalid)",
    re.IGNORECASE,
)
_words_for_none = re.compile(r"no\s*e-?mail(?:\s+address)?|not?\s+(?:given|provided|available)|n\.a\.?", re.IGNORECASE)


def clean(text: str) -> Cleaned:
    """Return the first valid address of a cell, without what is around it; the others are left over.

    "" for an address that nobody has. A cell without a valid address stays as it is, for the rules to refuse.
    """
    if _ordinary.fullmatch(text):
        return Cleaned(text)
    whole = text.strip()
    if _words_for_none.fullmatch(whole):
        return Cleaned("", "email_of_nobody")
    found = [whole] if _is_clean(whole) else [address for address in _addresses(whole) if _is_valid(address)]
    real = [address for address in found if not _nobody.fullmatch(address)]
    if not found:
        return Cleaned(whole)
    if not real:
        return Cleaned("", "email_of_nobody")
    others = [address for address in dict.fromkeys(real) if address.lower() != real[0].lower()]
    repair = "" if real[0] == whole or others else "email_cleaned"
    return Cleaned(real[0], repair, tuple(("more_emails", address) for address in others))


def display_name(text: str) -> str:
    """Return the name before an address in angle brackets; "" where there is none."""
    name, bracket, address = text.strip().partition("<")
    if not _in_brackets.fullmatch(bracket + address) or "@" in name or ">" in name:
        return ""
    name = name.strip()
    name = name[name.startswith(_QUOTES) :]
    name = name[: len(name) - name.endswith(_QUOTES)].strip()
    return "" if '"' in name else name


def find(text: str) -> list[str]:
    """Return the valid addresses within a text."""
    return [address for address in _addresses(text) if _is_valid(address)]


def _addresses(text: str) -> list[str]:
    return [match.strip(_around) for match in _address.findall(text)]


def _is_clean(text: str) -> bool:
    return _is_valid(text) and text[0] not in _around + "/|" and text[-1] not in _around + "/|"


def _is_valid(text: str) -> bool:
    try:
        return validation.lead_email(text) == text
    except InvalidValue:
        return False
