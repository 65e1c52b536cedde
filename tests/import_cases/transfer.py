"""Exports of another installation, and activities that name their lead in other ways."""

from tests.import_cases.case import SKIP_ERRORS, Case, Step, lead

SELLER = "Cy wants to sell"
BOSS = ("--set", "user=boss")
FULL_LEAD = Step("full-lead.csv")

CASES: list[Case] = [
    Case(
        "exported-elsewhere.jsonl",
        (Step("exported-elsewhere.jsonl"), Step("exported-elsewhere.jsonl", command="import_activities")),
        [lead("Di", "Po", note=None), lead("Cy", "Oh", note=None)],
        activities=[("Cy", SELLER)],
    ),
    Case(
        "exported-elsewhere.csv",
        (
            Step("exported-elsewhere.csv"),
            Step(
                "exported-elsewhere-activities.csv",
                SKIP_ERRORS,
                command="import_activities",
                code=3,
                problems={2: ""},
                ids_of={"1": "Di"},  # who has this id here
            ),
        ),
        [lead("Di", "Po"), lead("Cy", "Oh")],
        activities=[],
    ),
    Case(
        "activities-by-hand.csv",
        (
            FULL_LEAD,
            Step(
                "activities-by-hand.csv",
                (*SKIP_ERRORS, *BOSS),
                command="import_activities",
                code=3,
                problems={4: "", 5: ""},
                ids_of={"1": "Ann"},
            ),
        ),
        [lead("Ann", "Ng", note=None)],
        activities=[("Ann", "The name agrees"), ("Ann", "The number agrees")],
    ),
    Case(
        "activities-by-hand.csv, ids are ours",
        (
            FULL_LEAD,
            Step(
                "activities-by-hand.csv",
                (*BOSS, "--ids-are-ours"),
                command="import_activities",
                ids_of={"1": "Ann"},
                edit=lambda text: "".join(
                    line for number, line in enumerate(text.splitlines(keepends=True)) if number in (0, 4)
                ),
            ),
        ),
        [lead("Ann", "Ng", note=None)],
        activities=[("Ann", "A bare id")],
    ),
]
