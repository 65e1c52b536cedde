"""Who is the same person, and what happens to a lead that is there already."""

from tests.import_cases.case import FILL, SKIP_DUPLICATES, SKIP_ERRORS, UPDATE, Case, Step, case, lead

BRITISH = {"PHONE_REGION": "GB"}
FULL_LEAD = Step("full-lead.csv")
ANN = {
    "phone": "555-555-0101",
    "status": "qualified",
    "source": "Zillow",
    "budget": (None, 450_000),
    "interest": "12 Elm St",
}
SAME_FILE = ("of the same file",)


def after_full_lead(name: str, file: str, *options: str, **expected: object) -> Case:
    """Return a second import, of Ann again."""
    counts = {"skipped": 1} if "skip" in options else {"updated": 1} if "update" in options else {}
    return Case(name, (FULL_LEAD, Step(file, options, report=counts)), [lead("Ann", "Ng", **{**ANN, **expected})])


CASES: list[Case] = [
    case(
        "couple-one-address.csv",
        *SKIP_DUPLICATES,
        report={"skipped": 2},
        says=["address"],
        leads=[lead("John", "Smith", phone="555-555-0101"), lead("Jane", "Smith", phone="555-555-0102")],
    ),
    case(
        "couple-one-address.csv",
        *UPDATE,
        name="couple-one-address.csv, update",
        report={"created": 2, "updated": 2},
        leads=[lead("John", "Smith", phone="555-555-0101"), lead("Jane", "Doe", phone="555-555-0102")],
    ),
    case(
        "one-address-same-person.csv",
        *SKIP_DUPLICATES,
        report={"skipped": 5},
        leads=[lead("Ann", "Ng"), lead("", "Li"), lead("Bo", "Ng")],
    ),
    case(
        "phone-country-prefix.csv",
        *SKIP_DUPLICATES,
        report={"skipped": 5},
        leads=[
            lead(name, last)
            for name, last in (
                ("Ann", "Ng"),
                ("Bo", "Li"),
                ("Cy", "Oh"),
                ("Di", "Po"),
                ("Di", "Po"),
                ("Ed", "Qi"),
                ("Fi", "Ru"),
            )
        ],
    ),
    case(
        "phone-country-prefix.csv",
        *SKIP_DUPLICATES,
        name="phone-country-prefix.csv, a British office",
        settings=BRITISH,
        report={"skipped": 4},
        leads=[
            lead(name, last)
            for name, last in (
                ("Ann", "Ng"),
                ("Ann", "Ng"),
                ("Bo", "Li"),
                ("Bo", "Li"),
                ("Cy", "Oh"),
                ("Di", "Po"),
                ("Ed", "Qi"),
                ("Fi", "Ru"),
            )
        ],
    ),
    Case(
        "portal-refresh.csv, skip",
        (
            FULL_LEAD,
            Step(
                "portal-refresh.csv",
                (*SKIP_DUPLICATES, "--skipped", "{folder}/skipped.csv"),
                report={"skipped": 1},
                skipped=[{"line": 2, "action": "skipped", "lead": "Ann", "name": "Ann", "email": "ann@example.com"}],
                written={"skipped.csv": ["Ann,,ann@example.com,,New,Realtor.com,99 Oak St"]},
            ),
        ),
        [lead("Ann", "Ng", **ANN)],
    ),
    after_full_lead("portal-refresh.csv, fill", "portal-refresh.csv", *FILL),
    Case(
        "portal-refresh.csv, update",
        (
            FULL_LEAD,
            Step(
                "portal-refresh.csv",
                UPDATE,
                report={"updated": 1},
                skipped=[{"line": 2, "action": "updated", "lead": "Ann"}],
            ),
        ),
        [lead("Ann", "Ng", **{**ANN, "source": "Realtor.com", "interest": "99 Oak St"})],
    ),
    after_full_lead(
        "portal-refresh.csv, update the status too",
        "portal-refresh.csv",
        *UPDATE,
        "--update-status",
        source="Realtor.com",
        interest="99 Oak St",
        status="new",
    ),
    after_full_lead("status-backwards.csv, update", "status-backwards.csv", *UPDATE, interest="99 Oak St"),
    after_full_lead(
        "status-backwards.csv, update the status too",
        "status-backwards.csv",
        *UPDATE,
        "--update-status",
        interest="99 Oak St",
        status="contacted",
    ),
    case(
        "same-file-twice.csv",
        *SKIP_DUPLICATES,
        report={"created": 1, "skipped": 1},
        skipped=[{"line": 3, "action": "skipped", "of_line": 2}],
        leads=[lead("Ann", "Ng", phone="", interest="condo")],
    ),
    case(
        "same-file-twice.csv",
        *FILL,
        name="same-file-twice.csv, fill",
        says=SAME_FILE,
        leads=[lead("Ann", "Ng", phone="555-555-0101", interest="condo")],
    ),
    case(
        "same-file-twice.csv",
        *UPDATE,
        name="same-file-twice.csv, update",
        says=SAME_FILE,
        leads=[lead("Ann", "Ng", phone="555-555-0101", interest="loft")],
    ),
    case(
        "same-file-twice.csv",
        name="same-file-twice.csv, create",
        leads=[lead("Ann", "Ng", phone=""), lead("Ann", "Ng", phone="555-555-0101")],
    ),
    Case(
        "one-bad-row.csv, corrected and imported again",
        (
            Step("one-bad-row.csv", SKIP_ERRORS, code=3, problems={3: "email"}),
            Step("one-bad-row-fixed.csv", report={"created": 3}, says=["2 of 3 rows"]),
        ),
        [lead("Ann", "Ng"), lead("Cy", "Oh"), lead("Ann", "Ng"), lead("Bo", "Li"), lead("Cy", "Oh")],
    ),
]
