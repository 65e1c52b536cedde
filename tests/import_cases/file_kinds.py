"""Kinds of files, encodings, files without a header, and the file of rejected rows that is imported again."""

from tests.import_cases.case import MIDNIGHT, NOTE, SKIP_ERRORS, Case, ExpectedLead, Step, case, lead

ANN_AND_BO = [lead("Ann", "Ng"), lead("Bo", "Li")]
CZECH = [
    lead("Jiří", "Dvořák"),
    lead("Łukasz", "Źródło"),
    lead("Šárka", "Nováková"),
    lead("Zdeněk", "Říha"),
    lead("Tomáš", "Němec"),
    lead("Květa", "Hájková"),
]
FRENCH = [lead("José", "Núñez"), lead("Pat", "O’Brien"), lead("Zoë", "Müller"), lead("François", "Lefèvre")]
COLUMNS = ("#1=first_name", "#2=last_name", "#3=email", "#4=phone")
WITHOUT_HEADER = [
    lead("Ann", "Ng", email="ann@example.com", phone="555-555-0101"),
    lead("Bo", "Li", email="bo@example.com", phone="555-555-0102"),
    lead("Cy", "Oh", email="cy@example.com", phone="555-555-0103"),
]
REJECTS = ("--rejects", "{folder}/rejects.csv")
AGAIN = "{folder}/rejects.csv"
GERMAN = ("--map-status", "Heiß=qualified")


def encoded(file: str, encoding: str, leads: list[ExpectedLead]) -> list[Case]:
    """Return a file whose encoding is found out, and one whose encoding is given."""
    given = case(file, "--encoding", encoding, name=f"{file}, encoding given", leads=leads)
    return [case(file, says=[encoding], leads=leads), given]


KINDS = [
    *(case(file, leads=ANN_AND_BO) for file in ("leads.ods", "leads.xls", "leads.ods.gz", "leads.xls.gz")),
    case("portal.csv.zip", leads=[lead("Ann", "Ng", phone="555-555-0101")]),
    case(
        "contacts.vcf",
        *NOTE,
        leads=[
            lead("Ann", "Ng", email="ann@example.com", phone="555-555-0101", own_notes=["Wants a loft, quiet"]),
            lead("Bo", "Li", phone="+1-555-555-0102"),
        ],
    ),
    case("numbers-document.numbers", code=1, says=[".xlsx"], leads=[]),
]
ENCODINGS = [
    *encoded("central-european.csv", "cp1250", CZECH),
    *encoded("mac-excel.csv", "mac_roman", FRENCH),
    *encoded("russian.csv", "cp1251", [lead("Иван", "Петров"), ExpectedLead({})]),
    case(
        "bom-in-the-middle.csv",
        report={"left_out": 1},
        leads=[lead("Ann", "Ng", phone="5"), lead("Bo", "Li", phone="6")],
    ),
]
NO_HEADER = [
    case("no-header.csv", "--no-header", report={"read": 3}, leads=WITHOUT_HEADER),
    case(
        "no-header.csv",
        "--no-header",
        *(word for column in COLUMNS for word in ("--map", column)),
        name="no-header.csv, mapped",
        report={"read": 3},
        leads=WITHOUT_HEADER,
    ),
]

FED_BACK = [
    Case(
        "day-first-one-bad.csv, rejects unchanged",
        (
            Step(
                "day-first-one-bad.csv",
                (*SKIP_ERRORS, *REJECTS, "--set", "source=Fair"),
                code=3,
                problems={3: "email"},
                written={"rejects.csv": ["2024-04-03", "Fair"]},
            ),
            Step(AGAIN, SKIP_ERRORS, code=3, problems={2: "email"}),
        ),
        [
            lead("Ann", "Ng", created_at="2024-04-25T00:00:00", source="Fair"),
            lead("Cy", "Oh", created_at="2024-04-28T00:00:00", source="Fair"),
        ],
    ),
    Case(
        "day-first-one-bad.csv, rejects corrected",
        (
            Step(
                "day-first-one-bad.csv",
                (*SKIP_ERRORS, *REJECTS, "--set", "source=Fair"),
                code=3,
                problems={3: "email"},
            ),
            Step(AGAIN, edit=lambda text: text.replace("bo@example,", "bo@example.com,")),
        ),
        [
            lead("Ann", "Ng"),
            lead("Cy", "Oh"),
            lead("Bo", "Li", created_at="2024-04-03T00:00:00", source="Fair"),
        ],
    ),
    Case(
        "semicolons-one-bad.csv, rejects corrected",
        (
            Step(
                "semicolons-one-bad.csv",
                (*SKIP_ERRORS, *REJECTS, *GERMAN),
                code=3,
                problems={2: "email"},
                written={"rejects.csv": ["\ufeff", ";", "Zoë Müller"]},
            ),
            Step(AGAIN, GERMAN, edit=lambda text: text.replace("zoe@example;", "zoe@example.com;")),
        ),
        [
            lead("Jörg", "Weiß", status="qualified"),
            lead("Ann", "Ng", status="new"),
            lead("Zoë", "Müller", status="qualified", created_at=MIDNIGHT),
        ],
    ),
    *(
        Case(
            f"{file}, rejects unchanged",
            (
                Step(file, REJECTS, report={"left_out": count}),
                Step(AGAIN, report={"left_out": count, "created": 0}),
            ),
            ANN_AND_BO,
        )
        for file, count in (("salesforce-footer.csv", 3), ("total-row.csv", 1))
    ),
]
CASES: list[Case] = [*KINDS, *ENCODINGS, *NO_HEADER, *FED_BACK]
