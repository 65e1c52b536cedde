"""A corpus of hostile values: texts, numbers and structures, as JSON and as forms."""

import json
from collections.abc import Mapping
from zlib import crc32

import pytest

TEXTS: dict[str, str] = {
    "NUL": "a\0b",
    "NUL alone": "\0",
    "control characters": "\x01\x08\x0b\x1b[31m\x7f\x85",
    "right-to-left override": "gpj.\u202eexe",
    "isolates and joiners": "\u2066a\u2069\u200d\u200b\ufeff",
    "not a character": "\uffff\U0010ffff",
    "combining marks": "Z" + "\u0301" * 500,
    "Arabic ligature that unfolds": "\ufdfa" * 200,
    "final sigma and dotted I": "ΣΑΣ İıẞß",
    "emoji": "👩‍👩‍👧‍👦🏳️‍🌈" * 20,
    "long": "x" * 100_000,
    "long in UTF-8": "é" * 100_000,
    "line ends": "a\r\nb\rc\nd\u2028e\u2029f",
    "header injection": "a\r\nSet-Cookie: evil=1",
    "SQL": "'; DROP TABLE leads_lead; --",
    "SQL of a search": "%' OR 1=1 /*_\\",
    "format": "%s%n%(x)s{0}{x.__class__}${7*7}{{7*7}}",
    "path": "../../../../etc/passwd",
    "path of Windows": "..\\..\\windows\\win.ini\0.png",
    "URL": "file:///etc/passwd",
    "markup": "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>",
    "formula": "=cmd|' /C calc'!A0",
    "formula after a tab": "\t=1+1",
    "many digits": "9" * 5000,
    "digits of other scripts": "٣٤٥",
    "minus": "-1",
    "2^63": "9223372036854775808",
    "exponent": "1e400",
    "NaN": "NaN",
    "Infinity": "-Infinity",
    "date that is none": "2026-02-31",
    "year 10000": "10000-01-01",
    "year 0": "0000-00-00",
    "JSON": '{"a":[1]}',
    "empty": "",
    "spaces": " \u00a0\u3000\t\n",
}
# As they stand in a JSON document: what Python's own writer would not write is among them.
LONE = {
    "lone high surrogate": '"\\ud800"',
    "lone low surrogate": '"a\\udc00b"',
    "surrogates the wrong way round": '"\\udc00\\ud800"',
}
OTHER_JSON = {
    "true": "true",
    "null": "null",
    "zero": "0",
    "minus zero": "-0.0",
    "2^63": str(2**63),
    "-2^63-1": str(-(2**63) - 1),
    "2^64": str(2**64),
    "10^400": "1" + "0" * 400,
    "1e400": "1e400",
    "1e308": "1e308",
    "1e-400": "1e-400",
    "fraction": "0.1",
    "NaN": "NaN",
    "Infinity": "Infinity",
    "list": "[]",
    "list of lists": "[[[]]]",
    "object": "{}",
    "prototype": '{"__proto__":{"is_staff":true},"$ne":null}',
    "deep": "[" * 10_000 + "]" * 10_000,
    "deep objects": '{"a":' * 10_000 + "1" + "}" * 10_000,
    "a million brackets": "[" * 1_000_000,
    "a million elements": "[" + "0," * 999_999 + "0]",
    "half a text": '"abc',
    "raw control character": '"a\nb"',
    "comment": "/**/1",
    "trailing comma": "[1,]",
}
JSON: dict[str, str] = {f"text: {name}": json.dumps(text) for name, text in TEXTS.items()} | LONE | OTHER_JSON

# A test that tries all of them: every tenth in the quick tests, and then all.
in_two_tiers = pytest.mark.parametrize(
    "step", [pytest.param(10, id="some"), pytest.param(1, id="all", marks=pytest.mark.slow)]
)


def sample(values: Mapping[str, str], step: int, place: str) -> dict[str, str]:
    """Return every ``step``-th value, starting at a different one for each ``place``."""
    return dict(list(values.items())[crc32(place.encode()) % step :: step])
