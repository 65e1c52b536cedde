"""A full name to first and last name. Every word goes to one of the two; none is dropped."""

# fmt: off
_PARTICLES = frozenset((
    "van", "von", "der", "den", "de", "del", "della", "di", "da", "dos", "das", "du", "la", "le", "los", "las", "ter",
    "ten", "bin", "ibn", "al", "el", "af", "av", "zu", "zur",
))
# fmt: on
_SUFFIXES = frozenset(("jr", "sr", "ii", "iii", "iv", "v", "phd", "md", "esq", "cpa", "jnr", "snr"))
# How names of companies end, and, in capitals, how they end that are words of other languages besides.
_COMPANIES = frozenset(
    (
        "inc",
        "incorporated",
        "llc",
        "llp",
        "ltd",
        "limited",
        "gmbh",
        "corp",
        "corporation",
        "co",
        "company",
        "plc",
        "pty",
        "sons",
        "associates",
        "partners",
        "trust",
    )
)
_COMPANIES_IN_CAPITALS = frozenset(("AG", "SA", "KG", "BV", "NV", "LP", "SARL", "OHG"))


def split_name(name: str) -> tuple[str, str]:
    """``(first, last)`` of a name: ``Ann Smith``, ``Smith, Ann``, ``Ludwig van Beethoven``, ``John Smith Jr.``

    The last word is the last name, with the particles before it and the suffixes after it; a single word is a first
    name, and so is the whole name of a company (``Smith & Sons, Inc.``).
    """
    if _is_company(name):
        return " ".join(name.split()), ""
    before, comma, after = name.partition(",")
    if comma and after.strip() and not _is_suffix(after.split()[0]):
        return after.strip(), before.strip()
    words = name.replace(",", " ").split()
    start = len(words) - 1
    while start > 1 and _is_suffix(words[start]):
        start -= 1
    while start > 1 and words[start - 1].lower() in _PARTICLES:
        start -= 1
    if start < 1:
        return " ".join(words), ""
    return " ".join(words[:start]), " ".join(words[start:])


def _is_suffix(word: str) -> bool:
    return word.replace(".", "").lower() in _SUFFIXES


def _is_company(name: str) -> bool:
    before, comma, after = name.partition(",")
    if comma and "&" in before and "&" not in after:  # Hill & Wood, Attorneys; but Hill & Wood, Ann & Bob
        return True
    words = name.replace(",", " ").split()
    last = words[-1].replace(".", "") if len(words) > 1 else ""
    return last.lower() in _COMPANIES or last in _COMPANIES_IN_CAPITALS
