"""Which patch releases of Python have a known hole that this product depends on.

``LEAST`` names, for each minor version, the first release without one, as of ``AS_OF``. Sources: the record of
CVE-2026-115557 (``ssl``, which mail and other outgoing TLS connections use) and the changelogs at
https://docs.python.org/3.x/whatsnew/changelog.html; the same releases, all of 2026-10-25, or earlier ones have the
fixes in ``http.cookies`` (CVE-2026-0672, CVE-2026-3644), ``csv`` (CVE-2026-18503) and ``tempfile`` (CVE-2026-12345).
The ends of support are those of https://devguide.python.org/versions/. Both lists are brought up to date before each
release of the product.
"""

from datetime import date

AS_OF = date(2026, 11, 30)
LEAST = {(3, 11): 18, (3, 12): 16, (3, 13): 18, (3, 14): 10, (3, 15): 2}
END_OF_SUPPORT = {
    (3, 11): date(2027, 10, 31),
    (3, 12): date(2028, 10, 31),
    (3, 13): date(2029, 10, 31),
    (3, 14): date(2030, 10, 31),
    (3, 15): date(2031, 10, 31),
}


def warning(version: tuple[int, int, int], today: date) -> str:
    """What is wrong with that version of Python, in a sentence; "" where nothing is known.

    A minor version that is newer than the list has no known hole; one that is older has no support any more.
    """
    minor, patch = version[:2], version[2]
    name = ".".join(map(str, version))
    if minor < min(LEAST) or END_OF_SUPPORT.get(minor, today) < today:
        return f"Python {name} gets no security fixes any more. Install a supported version of Python."
    least = LEAST.get(minor, 0)
    if patch >= least:
        return ""
    return (
        f"Python {name} has known security holes; as of {AS_OF} Python {minor[0]}.{minor[1]}.{least} is the first of "
        "its minor version without one. Update Python, unless your distribution has added the fixes to its own."
    )
