"""Cases that do not come out as they must yet. Who builds a rule removes the names of its cases."""

BOTH = {
    "placeholders-in-email-and-budget.csv",
    "email-several-in-a-cell.csv",
    "phone-prefixes.csv",
    "phone-several-in-a-cell.csv",
    "phone-fax.csv",
    "budgets.csv",
    "budget-minimum-maximum.csv",
    "budget-rents.csv",
    "budget-sellers.csv",
    "dates.csv",
    "dates-unread.csv",
    "names.csv",
    "names-last-name-first.csv",
    "statuses.csv",
    "facebook-lead-ads.csv",
    "do-not-call.csv",
    "do-not-contact.csv",
    "remainders.csv",
    "remainders.csv, unknown columns too",
    "messages.csv",
    "message-beside-interest.csv",
    "follow-up-boss-move.csv",
    "tags-and-owner.csv, with notes",
    "pipedrive-leads.csv",
    "spanish-portal.csv",
    "contacts.vcf",
}
BY_COMMAND = BOTH | {
    "statuses.csv, some chosen",
    "statuses.csv, as they are",
    "facebook-test-lead.csv",
    "no-identity.csv, all or nothing",
    "salesforce-deleted.csv",
    "salesforce-deleted.csv, with the deleted",
    "filtered-rows.xlsx",
    "remainders.csv, without users",
}
ON_PAGE = BOTH | {
    "trailing-commas.csv",
}
