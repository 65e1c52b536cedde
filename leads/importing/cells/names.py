"""Full names to first and last names. Every word goes to one of the two, or is left over; none is dropped."""

import re
from collections.abc import Collection, Iterable
from typing import NamedTuple

from leads.importing.cells import email, phone
from leads.importing.cells.report import Cleaned
from leads.importing.sources.rows import Cells, Record

# fmt: off
_PARTICLES = frozenset((
    "van", "von", "vom", "der", "den", "de", "del", "della", "di", "da", "dos", "das", "do", "du", "la", "le", "los",
    "las", "ter", "ten", "te", "bin", "ibn", "al", "el", "af", "av", "zu", "zur", "zum", "st", "ste", "saint", "mac",
    "'t", "op", "lo", "dal", "dalla", "degli",
))
# What stands behind the last name: generations and titles.
_GENERATIONS = frozenset(("jr", "sr", "ii", "iii", "iv", "v", "jnr", "snr", "2nd", "3rd", "4th"))
_DESIGNATIONS = frozenset((
    "phd", "md", "esq", "esquire", "cpa", "dds", "dmd", "do", "dvm", "jd", "llm", "mba", "msc", "ma", "ba", "bsc", "rn",
    "np", "pa", "pe", "pmp", "cfa", "cfp", "edd", "psyd", "od", "dc", "cfo", "ceo", "cto", "aia", "ret", "usn", "usaf",
    "usmc", "realtor", "realtors", "broker", "agent", "associate", "salesperson", "attorney", "notary", "crs", "gri",
    "abr", "abrm", "sres", "srs", "cne", "rsps", "psa", "epro", "e-pro", "mrp", "ahwd", "alhs", "clhms", "ccim", "cips",
    "cpm", "crb", "csp", "green", "pmn", "rene", "sfr", "sior", "c2ex", "rce", "gaa", "raa", "mcne", "cdpe", "cbr",
    "ninja", "nmls",
))
_WORDS_OF_DESIGNATIONS = _DESIGNATIONS | {
    "real", "estate", "licensed", "managing", "principal", "sales", "at", "law", "retired", "team", "lead",
}
# How names of companies end, and, in capitals, how they end that are words of other languages besides.
_COMPANIES = frozenset((
    "inc", "incorporated", "llc", "llp", "ltd", "limited", "gmbh", "corp", "corporation", "co", "company", "plc", "pty",
    "sons", "associates", "partners", "trust",
))
_COMPANIES_IN_CAPITALS = frozenset(("AG", "SA", "KG", "BV", "NV", "LP", "SARL", "OHG"))
# Words of the names of firms that people are listed with.
_FIRMS = _COMPANIES | {
    "realty", "properties", "property", "homes", "homebuyers", "group", "team", "brokerage", "brokers", "mortgage",
    "mortgages", "bank", "lending", "lender", "investments", "holdings", "capital", "ventures", "enterprises",
    "solutions", "services", "construction", "builders", "development", "developers", "management", "realtors",
    "estates", "residential", "remax", "re/max", "compass", "sotheby's", "sothebys", "century", "coldwell", "keller",
    "exp", "redfin", "zillow", "church", "school", "university", "hospital", "office", "immobilien", "inmobiliaria",
    "immobilier", "imobiliária", "immobiliare",
}
# Who is named by that alone, behind somebody else's name.
_RELATIVES = frozenset((
    "wife", "husband", "spouse", "partner", "family", "fiance", "fiancé", "fiancee", "fiancée", "boyfriend",
    "girlfriend", "guest", "friend", "mom", "mother", "dad", "father", "son", "daughter", "kids", "children",
))
# fmt: on
LOOK_AHEAD = 1000  # rows whose names say how a column is written

_brackets = re.compile(r"\(([^()]*)\)|\[([^\[\]]*)\]|\{([^{}]*)\}")
_behind_dash = re.compile(r"(?<=\S)\s+(?:-+|–|—|\||//)\s+(?=\S)")
_two_people = re.compile(r"\s+(?:&|\+|and|und|y|et|e)\s+", re.IGNORECASE)
_relative = re.compile(r"\s*(?:&|\+|,|\band|\bund|\bwith|w/)\s*((?:his\s+|her\s+)?\w+)$", re.IGNORECASE)
_number = re.compile(r"\+?\(?\d[\d\s().-]{5,}\d")
_edges = " -–—|;"
_stroke = re.compile(r"\s*(?:\s/\s|;)\s*")
# What a name has that needs a closer look; a search in a single name.
SUSPECT = re.compile(r"[()\[\]{}<>@;|\t\r\n]|\s(?:-+|–|—|/+)\s|\s\s|^\s|\s$|\d\D*\d\D*\d\D*\d\D*\d\D*\d\D*\d")


class Name(NamedTuple):
    """A first and a last name, and the remainders of the cell by kind."""

    first: str
    last: str
    left: tuple[tuple[str, str], ...] = ()


def clean(text: str) -> Cleaned:
    """Return a first or a last name without what is no part of it, which is left over."""
    if not SUSPECT.search(text):
        return Cleaned(text)
    name, left = _without_text(text)
    return Cleaned(name, "", tuple(left))


def split(text: str, last_name_first: bool = False) -> Name:
    """Return the first and last name of a cell: ``Ann Smith``, ``Smith, Ann``, ``Ludwig van Beethoven``.

    The last word is the last name, with the particles before it, and the suffixes and titles after it; a single word is
    a first name, and so is the whole name of a company (``Smith & Sons, Inc.``). ``last_name_first`` says that names
    with a comma in this column have the last name first.
    """
    name, left = _without_text(text) if SUSPECT.search(text) else (text.strip(_edges), [])
    if name.rpartition(" ")[2].casefold() in _RELATIVES and (relative := _relative.search(name)):
        name = name[: relative.start()]
        left.append(("second_person", relative[1]))
    if _is_company(name):
        return Name(" ".join(name.split()), "", tuple(left))
    if "," not in name:
        people = _people(name)
        return _named(people[0], "", [*left, *(("second_person", other) for other in people[1:])])
    parts = [" ".join(part.split()) for part in name.split(",")]
    parts = [part for part in parts if part]
    titles = _titles(parts)
    if len(parts) < 2:
        return _named(parts[0] if parts else "", titles, left)
    before, after = parts[0], ", ".join(parts[1:])
    if _is_whole(before) and all(_is_whole(part) and _same_last(before, part) for part in parts[1:]):
        return _named(before, titles, [*left, *(("second_person", part) for part in parts[1:])])
    if _is_firm_of(before, after, last_name_first):
        return _named(before, titles, [*left, ("text_in_name", after)])
    first, generation = _without_generation(after)
    return Name(first, _with_titles(before, generation, titles), tuple(left))


def split_name(name: str) -> tuple[str, str]:
    """Return the first and last name without anything being left over: for names that are in order."""
    found = split(name)
    return found.first, found.last


def written_last_name_first(records: Iterable[Record], places: Collection[int]) -> bool:
    """Return whether most of the names in a column have a comma between last and first name."""
    with_comma = names = 0
    for _, cells in records:
        if name := _first_text(cells, places):
            names += 1
            parts = [part.strip() for part in name.split(",") if part.strip()]
            _titles(parts)
            with_comma += len(parts) > 1
    return 2 * with_comma > names


def _first_text(cells: Cells, places: Collection[int]) -> str:
    texts = (cells[place] for place in places if place < len(cells))
    return next((text for text in texts if isinstance(text, str) and text.strip()), "")


def _without_text(text: str) -> tuple[str, list[tuple[str, str]]]:
    """Return a name without addresses, numbers, brackets and what follows a dash, and these parts."""
    whole = " ".join(text.split())
    if phone.is_number(whole):
        return "", [("not_a_name", whole)]
    left: list[tuple[str, str]] = []
    for address in email.find(whole) if "@" in whole else ():
        left.append(("not_a_name", address))
        whole = whole.replace(address, " ").replace("< >", " ").replace("mailto:", " ")
    for number in _number.findall(whole):
        if phone.is_number(number):
            left.append(("not_a_name", number))
            whole = whole.replace(number, " ").strip(" ,;:")
    inner = ("".join(group or "" for group in match.groups()).strip() for match in _brackets.finditer(whole))
    left += [("text_in_name", words) for words in inner if words]
    whole = " ".join(_brackets.sub(" ", whole).split())
    name, *others = _behind_dash.split(whole)
    left += [("not_a_name" if phone.is_number(other) else "text_in_name", other) for other in others]
    name = name.strip(_edges) if any(map(str.isalnum, name)) else ""
    return (name, left) if name or left else (whole, [])


def _people(name: str) -> list[str]:
    """Return the people of a name without a comma. A slash separates full names, or first names of one last name."""
    people = [part for part in _stroke.split(name) if part]
    if len(people) > 1 and all(map(_is_whole, people)):
        return people
    people = _two_people.split(name)
    if len(people) == 2 and all(map(_is_whole, people)) and _same_last(*people):
        return people
    return [name]


def _named(name: str, titles: str, left: Iterable[tuple[str, str]]) -> Name:
    """Return a name without a comma, split before its last word and the particles that belong to it."""
    words = name.split()
    start = len(words) - 1
    while start > 1 and _is_suffix(words[start]):
        start -= 1
    while start > 1 and words[start - 1].lower().rstrip(".") in _PARTICLES:
        start -= 1
    if start < 1:
        first, last = " ".join(words), ""
    else:
        first, last = " ".join(words[:start]), " ".join(words[start:])
    if not titles:
        return Name(first, last, tuple(left))
    return Name(first, _with_titles(last, "", titles), tuple(left)) if last else Name(first + titles, "", tuple(left))


def _titles(parts: list[str]) -> str:
    """Take the titles off the end of a name's parts, and return them as they are to stand behind the last name."""
    found: list[str] = []
    while len(parts) > 1 and _is_title(parts[-1]):
        part = parts.pop()
        found.insert(0, f" {part}" if part.replace(".", "").lower() in _GENERATIONS else f", {part}")
    return "".join(found)


def _is_title(part: str) -> bool:
    words = [word.strip("®™").replace(".", "").lower() for word in re.split(r"[\s/&]+", part) if word]
    return all(word in _WORDS_OF_DESIGNATIONS or word in _GENERATIONS or not word for word in words) and any(
        word in _DESIGNATIONS or word in _GENERATIONS for word in words
    )


def _with_titles(last: str, generation: str, titles: str) -> str:
    return f"{last} {generation}".strip() + (titles if last or generation else titles.lstrip(", "))


def _without_generation(first: str) -> tuple[str, str]:
    """Split ``John Jr.`` into ``John`` and ``Jr.``, which belongs to the last name."""
    words = first.split()
    start = len(words)
    while start > 1 and _is_suffix(words[start - 1]):
        start -= 1
    return " ".join(words[:start]), " ".join(words[start:])


def _is_whole(name: str) -> bool:
    """Return whether a name has a first and a last name."""
    return len(name.split()) > 1


def _same_last(one: str, other: str) -> bool:
    return one.split()[-1].casefold() == other.split()[-1].casefold()


def _is_firm_of(before: str, after: str, last_name_first: bool) -> bool:
    """Return whether the text after the comma is a company, not a first name."""
    if not _is_whole(before) or not _is_whole(after):
        return _is_whole(before) and after.lower().rstrip(".") in _FIRMS
    if any(word.lower().strip(".,") in _FIRMS for word in after.split()):
        return True
    particle = before.split()[0].lower().rstrip(".") in _PARTICLES
    several = bool(_two_people.search(after)) or any(_is_suffix(word) for word in before.split())
    return not (last_name_first or particle or several)


def _is_suffix(word: str) -> bool:
    bare = word.replace(".", "").strip(",®™").lower()
    return bare in _GENERATIONS or (bare in _DESIGNATIONS and (bare not in _SHORT or word.isupper() or "." in word))


# Words that are names as well: a title only in capitals or with dots.
_SHORT = frozenset(("do", "ma", "ba", "pa", "dc", "od", "pe", "np", "green", "ret", "rene", "exp"))


def _is_company(name: str) -> bool:
    before, comma, after = name.partition(",")
    if comma and "&" in before and "&" not in after:  # Hill & Wood, Attorneys; but Hill & Wood, Ann & Bob
        return True
    words = name.replace(",", " ").split()
    last = words[-1].replace(".", "") if len(words) > 1 else ""
    return last.lower() in _COMPANIES or last in _COMPANIES_IN_CAPITALS
