"""Which patch releases of Python have known vulnerabilities that affect this product.

``MIN_PATCH`` has the first release without one of each minor version, as of ``AS_OF``. Sources: the record of
CVE-2026-115557 (``ssl``, which mail and other outgoing TLS connections use) and the changelogs at
https://docs.python.org/3.x/whatsnew/changelog.html; the same releases, all of 2026-10-25, or earlier ones have the
fixes in ``http.cookies`` (CVE-2026-0672, CVE-2026-3644), ``csv`` (CVE-2026-18503) and ``tempfile`` (CVE-2026-12345).
The ends of support are from https://devguide.python.org/versions/. Both tables are updated before each release.
"""

from datetime import date

AS_OF = date(2026, 11, 30)
MIN_PATCH = {(3, 11): 18, (3, 12): 16, (3, 13): 18, (3, 14): 10, (3, 15): 2}
END_OF_SUPPORT = {
    (3, 11): date(2027, 10, 31),
    (3, 12): date(2028, 10, 31),
    (3, 13): date(2029, 10, 31),
    (3, 14): date(2030, 10, 31),
    (3, 15): date(2031, 10, 31),
}


def warning(version: tuple[int, int, int], today: date) -> str:
    """Return the warning about a version of Python, or "" if nothing is known about it.

    Minor versions newer than the tables have no known vulnerability; older ones are no longer supported.
    """
    minor, patch = version[:2], version[2]
    name = ".".join(map(str, version))
    if minor < min(MIN_PATCH) or END_OF_SUPPORT.get(minor, today) < today:
        return f"Python {name} no longer gets security fixes. Install a supported version of Python."
    min_patch = MIN_PATCH.get(minor, 0)
    if patch >= min_patch:
        return ""
    return (
        f"Python {name} has known vulnerabilities; as of {AS_OF}, {minor[0]}.{minor[1]}.{min_patch} is the first "
        f"release of Python {minor[0]}.{minor[1]} without. Update Python, unless your distribution has the fixes."
    )
