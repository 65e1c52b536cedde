"""What to do after an import, in sentences, on its page."""

from leads.back_office.cells import pluralize
from leads.models import ImportRun


def next_steps(run: ImportRun, state: str, *, may_undo: bool, has_rejects: bool) -> list[str]:
    """Return what somebody does next, the most urgent first; ``has_rejects``: rows can be downloaded."""
    if state == ImportRun.State.REFUSED:
        return _after_refusal(run)
    if state != ImportRun.State.DONE:
        return []
    steps = []
    if run.rejected and has_rejects:
        rows = pluralize(run.rejected, "row")
        steps.append(
            f"Download the {rows} with errors, correct {'it' if run.rejected == 1 else 'them'} in a spreadsheet, and "
            "import that file. It says what is wrong with each row, and has the values that you set for all rows."
        )
    elif run.rejected:
        steps.append("Correct the rows with errors, named below, in your file, and import them again.")
    if run.left_out:
        steps.append(
            f"Look through the {pluralize(run.left_out, 'row')} left out: totals, footers and titles are no leads."
        )
    if run.skipped or run.updated:
        steps.append("Compare the duplicates below with your leads. Two leads of one person can be merged.")
    if run.kind == "leads" and run.created:
        steps.append("Look at the new leads, and deal them out: Leads → Without an owner → Deal out…")
    if may_undo and (run.created or run.updated):
        steps.append("If something went wrong, undo the import: all of it is reversed. Then import the file again.")
    return steps


def _after_refusal(run: ImportRun) -> list[str]:
    if run.problem_count:
        return [
            "Nothing was stored. Correct the rows named below in your file and upload it again, or upload it and "
            "choose “Import the other rows”."
        ]
    return ["Nothing was stored. Upload the file again and change what the message names."]
