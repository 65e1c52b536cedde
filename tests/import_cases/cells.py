"""What is in a cell of text: invisible characters, entities, placeholders, email addresses, numbers, budgets."""

from tests.import_cases.case import (
    NOTE,
    NOW,
    SKIP_DUPLICATES,
    SKIP_ERRORS,
    ExpectedLead,
    blank,
    case,
    cells,
    lead,
    starts,
)

NO_BUDGET = (None, None)
BUDGETS = {
    (300_000, 450_000): (
        "300k - 450k",
        "min 300k max 450k",
        "300 - 450 K",
        "300,000-450,000",
        "$300,000 to $450,000",
        "$300,000.00 - $450,000.00",
        "between 300 and 450",
    ),
    (500_000, 1_000_000): ("500K-1M",),
    (350_000, 400_000): ("350k/400k", "350k–400k", "£350,000 - £400,000", "$350K - $400K "),
    (500_000, 749_999): ("$500,000 - $749,999",),
    (1_000_000, 2_000_000): ("$1-2M",),
    (1_000_000, 1_500_000): ("1-1.5M",),
    (300_000, 400_000): ("300-400",),
    (400_000, 500_000): ("400-500",),
    (None, 250_000): ("Less than $250,000", "$250,000 or less"),
    (None, 300_000): ("300", "300.000,00 €"),
    (None, 350_000): ("€ 350.000", "350 000 €"),
    (None, 400_000): ("~400k",),
    (None, 450_000): ("450", "$450", "450k max", "450,000."),
    (None, 500_000): ("under 500K", "<$500k", "500k or less", "R$ 500.000", "0.5M", "$0 - $500,000"),
    (None, 1_200_000): ("1,2 Mio", "CHF 1'200'000.--"),
    (None, 1_500_000): ("AED 1,500,000",),
    (None, 3_500_000): ("SEK 3 500 000",),
    (300_000, None): ("300k min", "$300K+"),
    (1_000_000, None): ("$1,000,000 and above", "More than $1M", "Over $1 million"),
    (1_200_000, None): ("$1.2M+",),
    NO_BUDGET: ("No Min", "Any", "TBD", "Just looking"),
}
UNREAD_BUDGETS = ("$2,000/mo", "half a million")
BUDGET_OF = {cell: budget for budget, texts in BUDGETS.items() for cell in texts}


def budget(number: int, cell: str) -> ExpectedLead:
    """Return the lead that a row of budgets.csv becomes; a cell that no rule speaks of must not be lost."""
    name = f"P{number}"
    if cell in UNREAD_BUDGETS:
        return lead(name, "Ng", budget=NO_BUDGET, note=(cell,))
    if cell not in BUDGET_OF:
        return lead(name, "Ng", note=None, cell=cell)
    least, most = BUDGET_OF[cell]
    return lead(name, "Ng", budget_min=least if least else lambda value: not value, budget_max=most)


def without_values(first: str, last: str) -> ExpectedLead:
    """Return a lead of placeholders.csv."""
    return lead(
        first,
        last,
        email=f"{first.lower()}@example.com",
        phone="",
        status="new",
        source="website",
        budget=NO_BUDGET,
        interest=blank,
        created_at=NOW,
    )


PEOPLE = (("Ann", "Ng"), ("Bo", "Li"), ("Cy", "Oh"), ("Di", "Po"), ("Ed", "Qi"), ("Fi", "Ru"), ("Gu", "Su"))


def with_email(first: str, last: str) -> ExpectedLead:
    """Return a lead whose address is made of its first name."""
    return lead(first, last, email=f"{first.lower()}@example.com")


INVISIBLE = [
    case(
        "invisible-characters.csv",
        repairs=True,
        leads=[
            with_email("Ann", "Ng"),
            with_email("Bo", "Li"),
            lead("Cy", "Oh", email="cy@example.com", phone="+1 555 555 0103"),
            with_email("Di", "Po"),
            with_email("Ed", "Qi"),
        ],
    ),
    case("right-to-left-names.csv", repairs=1, leads=[lead("أحمد", "علي"), lead("علی\u200cرضا", "امینی")]),
    case(
        "html-entities.csv",
        repairs=True,
        leads=[lead("Pat", "O'Brien"), lead("Smith & Sons", ""), lead("José", "Nuñez")],
    ),
    case(
        "mojibake.csv",
        says=["JosÃ©", "Oâ€™Brien"],
        leads=[lead("JosÃ©", "NuÃ±ez"), lead("Pat", "Oâ€™Brien")],
    ),
]
PLACEHOLDERS = [
    case(
        "placeholders.csv",
        leads=[
            without_values("Ann", ""),
            without_values("Bo", ""),
            without_values("Cy", ""),
            without_values("Di", "None"),
            without_values("Ed", ""),
            without_values("Fi", "Na"),
            without_values("Gu", "Null"),
            without_values("Ha", ""),
        ],
    ),
    case(
        "placeholders-in-email-and-budget.csv",
        *NOTE,
        repairs=1,
        leads=[
            lead(
                *name,
                email="",
                phone="5",
                budget=NO_BUDGET,
                created_at=NOW,
                note=("Created At: 0000-00-00 00:00:00",) if name == ("Fi", "Ru") else (),
            )
            for name in PEOPLE
        ],
    ),
    case(
        "mysql-dump.csv",
        leads=[
            lead("Ann", "Ng", phone="", created_at="2024-05-13T10:22:11"),
            lead("Bo", "Li", phone="", created_at="2024-05-13T10:22:11"),
        ],
    ),
]
EMAILS = [
    case(
        "email-decorations.csv",
        *SKIP_ERRORS,
        code=3,
        repairs=7,
        problems={9: "email"},
        leads=[with_email(*name) for name in PEOPLE],
    ),
    case(
        "email-several-in-a-cell.csv",
        *NOTE,
        leads=[
            lead(first, last, email=f"{first.lower()}@example.com", note=(second,))
            for (first, last), second in zip(
                PEOPLE,
                ("ann.work@example.com", "bo2@example.com", "cy2@example.com", "di2@example.com", "ed2@example.com"),
                strict=False,
            )
        ],
    ),
    case(
        "email-nobody.csv",
        *SKIP_DUPLICATES,
        repairs=4,
        report={"skipped": 0},
        leads=[lead(*name, email="") for name in PEOPLE[:4]],
    ),
]
PHONES = [
    case(
        "phone-prefixes.csv",
        *NOTE,
        leads=[
            lead("Ann", "Ng", phone="+1-555-555-0101"),
            lead("Bo", "Li", phone="+15555550102"),
            lead("Cy", "Oh", phone=starts("5555550103"), note=None, cell="do not call"),
            lead("Di", "Po", phone="", note=("Phone: ask wife",)),
        ],
    ),
    case(
        "phone-several-in-a-cell.csv",
        *NOTE,
        leads=[
            lead("Ann", "Ng", phone="555-555-0101", note=("555-555-0199",)),
            lead("Bo", "Li", phone="555-555-0102", note=("555-555-0198",)),
            lead("Cy", "Oh", phone="(555) 555-0103", note=("(555) 555-0197", "(555) 555-0196 ext 12")),
            lead("Di", "Po", phone="555-555-0104", note=("555-555-0195",)),
            lead("Ed", "Qi", phone="5555550105", note=("5555550194",)),
        ],
    ),
    case("phone-fax.csv", *NOTE, leads=[lead("Ann", "Ng", phone="555-555-0101", note=("555-555-0100",))]),
]
MONEY = [
    case(
        "budgets.csv",
        *NOTE,
        repairs=6,  # amounts that were taken for thousands
        leads=[budget(number, cell) for number, cell in enumerate(cells("budgets.csv", "Price Range"))],
    ),
    case(
        "budget-minimum-maximum.csv",
        *NOTE,
        repairs=1,
        leads=[
            lead("Ann", "Ng", budget=(300_000, 450_000)),
            lead("Bo", "Li", budget=(300_000, None)),
            lead("Cy", "Oh", budget=(300_000, None)),
            lead("Di", "Po", budget=(None, 450_000)),
            lead("Ed", "Qi", budget=(300_000, 450_000)),
            lead("Fi", "Ru", budget=NO_BUDGET, note=("Min Price: 1,200", "Max Price: 1,800")),
            lead("Gu", "Su", budget=(None, 450_000), note=("Min Price: 3,000",)),
            lead("Ha", "To", budget=(10_000, None), note=("Max Price: 9999",)),
        ],
    ),
    case(
        "budget-rents.csv",
        *NOTE,
        leads=[
            lead("Ann", "Ng", budget=NO_BUDGET, note=("Budget: $2,000/mo",)),
            lead("Bo", "Li", budget=NO_BUDGET, note=("Budget: 1800-2200",)),
            lead("Cy", "Oh", budget=NO_BUDGET, note=("Budget: 5,000",)),
            lead("Di", "Po", budget=(None, 10_000)),
            lead("Ed", "Qi", budget=(300_000, 450_000)),
        ],
    ),
    case(
        "budget-sellers.csv",
        *NOTE,
        leads=[
            lead("Ann", "Ng", budget=NO_BUDGET, note=("Home Value: 650000", "Lead Type: Seller")),
            lead("Bo", "Li", budget=NO_BUDGET, note=("Purchase Price: 425000", "Lead Type: Past Client")),
        ],
    ),
]
CASES = [*INVISIBLE, *PLACEHOLDERS, *EMAILS, *PHONES, *MONEY]
