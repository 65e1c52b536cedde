"""User names that could be taken for somebody else's: what a new name may not be.

- Characters that cannot be seen: categories Cf and Cc, and the others that Unicode calls "default ignorable".
- Letters and digits of more than one script, but for those that languages are written in together: Latin with Chinese,
  Japanese or Korean. That is the level "highly restrictive" of Unicode's UTS 39.
- A name of one script that is, letter for letter, the look-alike of an existing name in another: of Latin, Cyrillic and
  Greek, the scripts of most keyboards. It counts as taken.

Not covered: look-alikes within one script (``l`` and ``1``, ``rn`` and ``m``), and other scripts as a whole. The
standard library knows no scripts, but the names of characters begin with them; the package confusable-homoglyphs has
the tables of UTS 39, but within one script they would refuse names that the API's contract accepts.
"""

import unicodedata

from crm_project import validation
from crm_project.validation import InvalidValue

INVISIBLE = "Value error, a user name must not contain invisible characters"
MIXED = "Value error, a user name must not mix letters of different alphabets"

_ignorable = {0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2065, 0x2800, 0x3164, 0xFFA0}
_ignorable |= {*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xFFF0, 0xFFF9), *range(0xE0000, 0xE1000)}
# Of characters whose names do not begin with their script.
_script_of_word = {
    **dict.fromkeys(("CJK", "IDEOGRAPHIC", "HANGZHOU"), "HAN"),
    **dict.fromkeys(("ROMAN", "TURNED"), "LATIN"),
    "EXTENDED": "ARABIC",  # digits of Persian and Urdu
    "MODIFIER": "",  # apostrophes and the like, of every script
}
_written_together = (
    {"LATIN", "HAN", "HIRAGANA", "KATAKANA"},
    {"LATIN", "HAN", "HANGUL"},
    {"LATIN", "HAN", "BOPOMOFO"},
)
# Letters that look like a Latin one, in either case, and that one.
_cyrillic = dict(zip("АВЕЅІЈКМНОРСТУХаеѕіјорсухһӏԁԛԝѵ", "ABESIJKMHOPCTYXaesijopcyxhldqwv", strict=True))
_greek = dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧαγικνορυςϳ", "ABEZHIKMNOPTYXayikvopucj", strict=True))
_to_latin = {**_cyrillic, **_greek}
_from_latin = [{latin: letter for letter, latin in script.items()} for script in (_cyrillic, _greek)]


def check(name: str) -> None:
    """Raise ``Invalid`` for a name that has invisible characters or mixes scripts; its length is checked before."""
    if name.isascii() and name.isprintable():
        return
    if any(ord(sign) in _ignorable or unicodedata.category(sign) in ("Cf", "Cc") for sign in name):
        raise InvalidValue("value_error", INVISIBLE)
    scripts = {_script(sign) for sign in unicodedata.normalize("NFKC", name)} - {""}
    if len(scripts) > 1 and not any(scripts <= together for together in _written_together):
        raise InvalidValue("value_error", MIXED)


def look_alikes(name: str) -> set[str]:
    """Return the keys of the names in other scripts that look like this one."""
    name = unicodedata.normalize("NFKC", name)
    latin = _spelled(name, _to_latin)
    if latin is None:
        return set()
    forms = (latin, *(_spelled(latin, letters) for letters in _from_latin))
    return {validation.normalized_key(form) for form in forms if form is not None} - {validation.normalized_key(name)}


def _script(sign: str) -> str:
    """Return the script of a letter or a digit; "" for other signs, ASCII digits and what belongs to every script."""
    if unicodedata.category(sign)[0] not in "LN" or (sign.isascii() and sign.isdigit()):
        return ""
    word = unicodedata.name(sign, "").partition(" ")[0].partition("-")[0]
    return _script_of_word.get(word, word)


def _spelled(name: str, letters: dict[str, str]) -> str | None:
    """Return the name in other letters; ``None`` where it has one without a look-alike."""
    latin = letters is _to_latin
    kept = [letters.get(sign, sign if not sign.isalpha() or (latin and sign.isascii()) else "") for sign in name]
    return "".join(kept) if all(kept) else None
