"""Detection of confusable user names, which a new account may not have:

- Names with invisible characters: categories Cf and Cc, and others that Unicode calls "default ignorable".
- Names with letters or digits of more than one script, except Latin with Chinese, Japanese or Korean. This is the level
  "highly restrictive" of Unicode's UTS 39.
- Names of one script that look, letter for letter, like an existing name in another, of Latin, Cyrillic and Greek. Such
  a name counts as taken.

Look-alikes within one script (``l`` and ``1``, ``rn`` and ``m``) and between other scripts are not detected. The script
of a character comes from its Unicode name, because the standard library has no property for it. The package
confusable-homoglyphs has the tables of UTS 39, but would reject names within one script that the contract accepts.
"""

import unicodedata

from crm_project import validation
from crm_project.validation import InvalidValue

INVISIBLE = "Value error, a user name must not contain invisible characters"
MIXED = "Value error, a user name must not mix letters of different alphabets"

_ignorable = {0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2065, 0x2800, 0x3164, 0xFFA0}
_ignorable |= {*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xFFF0, 0xFFF9), *range(0xE0000, 0xE1000)}
# Scripts of characters with Unicode names that do not begin with the script.
_script_of_word = {
    **dict.fromkeys(("CJK", "IDEOGRAPHIC", "HANGZHOU"), "HAN"),
    **dict.fromkeys(("ROMAN", "TURNED"), "LATIN"),
    "EXTENDED": "ARABIC",  # digits of Persian and Urdu
    "MODIFIER": "",  # apostrophes and similar signs, of every script
}
_written_together = (
    {"LATIN", "HAN", "HIRAGANA", "KATAKANA"},
    {"LATIN", "HAN", "HANGUL"},
    {"LATIN", "HAN", "BOPOMOFO"},
)
# Letters that look like a Latin letter, and that letter.
_cyrillic = dict(zip("АВЕЅІЈКМНОРСТУХаеѕіјорсухһӏԁԛԝѵ", "ABESIJKMHOPCTYXaesijopcyxhldqwv", strict=True))
_greek = dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧαγικνορυςϳ", "ABEZHIKMNOPTYXayikvopucj", strict=True))
_to_latin = {**_cyrillic, **_greek}
_from_latin = [{latin: letter for letter, latin in script.items()} for script in (_cyrillic, _greek)]


def check(name: str) -> None:
    """Raise ``InvalidValue`` for a name with invisible characters or mixed scripts. The caller limits its length."""
    if name.isascii() and name.isprintable():
        return
    if any(ord(char) in _ignorable or unicodedata.category(char) in ("Cf", "Cc") for char in name):
        raise InvalidValue("value_error", INVISIBLE)
    scripts = {_script(char) for char in unicodedata.normalize("NFKC", name)} - {""}
    if len(scripts) > 1 and not any(scripts <= together for together in _written_together):
        raise InvalidValue("value_error", MIXED)


def look_alikes(name: str) -> set[str]:
    """Return the normalized keys of names in other scripts that look like this one."""
    name = unicodedata.normalize("NFKC", name)
    latin = _transliterate(name, _to_latin)
    if latin is None:
        return set()
    forms = (latin, *(_transliterate(latin, letters) for letters in _from_latin))
    return {validation.normalized_key(form) for form in forms if form is not None} - {validation.normalized_key(name)}


def _script(char: str) -> str:
    """Return the script of a letter or digit; "" for ASCII digits and for characters of no or every script."""
    if unicodedata.category(char)[0] not in "LN" or (char.isascii() and char.isdigit()):
        return ""
    word = unicodedata.name(char, "").partition(" ")[0].partition("-")[0]
    return _script_of_word.get(word, word)


def _transliterate(name: str, letters: dict[str, str]) -> str | None:
    """Return the name in the letters of another script, or ``None`` if a letter has no look-alike."""
    to_latin = letters is _to_latin
    result = [letters.get(char, char if not char.isalpha() or (to_latin and char.isascii()) else "") for char in name]
    return "".join(result) if all(result) else None
