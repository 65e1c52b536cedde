"""A synthetic export of Follow Up Boss: the columns that it writes, and people with all that agents fill in."""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta

FIRST = ("Ann", "Bo", "Cy", "Dana", "Émile", "Fay", "Gus", "Hüseyin", "Ines", "Jo", "Kim", "Lou", "María José", "Ned")
LAST = ("Ng", "O’Brien", "de la Cruz", "Smith-Jones", "Öztürk", "Van Dyke", "Li", "García Márquez", "Su", "Hall")
STAGES = ("Lead", "Hot Prospect", "Nurture", "Active Client", "Pending", "Closed", "Past Client", "Sphere", "Trash")
SOURCES = ("Zillow", "Realtor.com", "Website", "Open House", "Import", "<unspecified>", "Referral", "Facebook")
AGENTS = ("Kim Agent", "Sam Agent", "Gone Agent")  # the last has no account here
TAGS = ("vip", "buyer", "seller", "2 beds", "first-time", "Pool!", "relocation")
TIMEFRAMES = ("0-3 months", "3-6 months", "6-12 months", "12+ months", "No Plans")
STREETS = ("12 Elm St", "99 Oak Ave", "7 Birch Ln #4", "1600 River Rd")
CITIES = (("Springfield", "IL", "62701"), ("Portland", "OR", "97201"), ("Austin", "TX", "73301"))
MESSAGES = ("Please call me after 6pm", "Is this still available?", "We'd like to see it on Saturday; kids are off.")
NOTES = ("Called 3x; wants a loft,\nnear the park. Budget firm.", "Left voicemail.", 'Says "maybe next year".')
BACKGROUNDS = ("Has a dog, Rex", "Works at the hospital\nNight shifts", "Sold 14 Pine Ct in 2019")
START = datetime(2021, 1, 4, 9, 30)

Person = dict[str, str]


def people(count: int, seed: int = 19) -> Iterator[Person]:
    """Yield the rows of an export; each person has an own address, ``p17@example.com``."""
    chance = random.Random(seed)
    for number in range(1, count + 1):
        yield {**_person(chance, number), **_contact(chance, number), **_wish(chance), **_texts(chance)}


def _maybe(chance: random.Random, likely: float, value: str) -> str:
    return value if chance.random() < likely else ""


def _moment(chance: random.Random) -> str:
    return f"{START + timedelta(minutes=chance.randrange(2_000_000)):%Y-%m-%dT%H:%M:%SZ}"


def _person(chance: random.Random, number: int) -> Person:
    first, last = chance.choice(FIRST), chance.choice(LAST)
    return {
        "ID": str(7000 + number),
        "Created": _moment(chance),
        "Updated": _moment(chance),
        "Last Activity": _maybe(chance, 0.6, _moment(chance)),
        "Last Communication": _maybe(chance, 0.3, _moment(chance)),
        "Name": f"{first} {last}",
        "First Name": first,
        "Last Name": last,
        "Stage": chance.choice(STAGES),
        "Lead Source": chance.choice(SOURCES),
        "Source URL": _maybe(chance, 0.1, f"https://portal.example.com/lead/{number}?a=1&b=2"),
        "Is Contacted": chance.choice(("Yes", "No")),
        "Assigned To": _maybe(chance, 0.9, chance.choice(AGENTS)),
        "Assigned Lender": _maybe(chance, 0.1, "Lee Lender"),
        "Assigned Pond": _maybe(chance, 0.1, "Cold pond"),
        "Tags": ",".join(chance.sample(TAGS, chance.randrange(4))),
        "Birthday": _maybe(chance, 0.1, "1980-05-13"),
        "Custom - Lockbox code": _maybe(chance, 0.05, f"00{number}"),
    }


def _contact(chance: random.Random, number: int) -> Person:
    city, state, code = chance.choice(CITIES)
    has_address, spouse = chance.random() < 0.5, chance.random() < 0.2
    second = _maybe(chance, 0.2, f"p{number}.work@example.com")
    phone = f"(555) {number % 800 + 200}-{number % 10_000:04}"
    return {
        "Email 1": f"p{number}@example.com",
        "Email 1 - Type": "home",
        "Email 1 - Status": chance.choice(("Valid", "Unverified", "")),
        "Email 2": second,
        "Email 2 - Type": second and "work",
        "Phone 1": f"{phone} / 555-777-{number % 10_000:04}" if chance.random() < 0.03 else phone,
        "Phone 1 - Type": "mobile",
        "Phone 2": _maybe(chance, 0.3, f"555-888-{number % 10_000:04}"),
        "Phone 2 - Type": _maybe(chance, 0.3, "home"),
        "Address 1 - Street": chance.choice(STREETS) if has_address else "",
        "Address 1 - City": city if has_address else "",
        "Address 1 - State": state if has_address else "",
        "Address 1 - Zip": code if has_address else "",
        "Relationship 1 - Name": f"{chance.choice(FIRST)} {chance.choice(LAST)}" if spouse else "",
        "Relationship 1 - Type": "Spouse" if spouse else "",
    }


def _wish(chance: random.Random) -> Person:
    amount = chance.randrange(150, 2_000) * 1_000
    price = chance.choice((f"{amount}", f"${amount:,}", "", "", "$1,900/mo", "call me"))
    return {
        "Listing Price": _maybe(chance, 0.3, str(amount + 1_000)),
        "Price": price,
        "Property Address": _maybe(chance, 0.3, chance.choice(STREETS)),
        "Property MLS Number": _maybe(chance, 0.2, f"MLS{amount}"),
        "Property Beds": _maybe(chance, 0.2, str(chance.randrange(1, 6))),
        "Timeframe": _maybe(chance, 0.7, chance.choice(TIMEFRAMES)),
        "Deal Stage": _maybe(chance, 0.1, chance.choice(("Offer", "Under Contract"))),
        "Deal Close Date": _maybe(chance, 0.1, "2024-09-30"),
        "Deal Price": _maybe(chance, 0.1, str(amount)),
    }


def _texts(chance: random.Random) -> Person:
    return {
        "Message": _maybe(chance, 0.4, chance.choice(MESSAGES)),
        "Background": _maybe(chance, 0.3, chance.choice(BACKGROUNDS)),
        "Notes": _maybe(chance, 0.5, chance.choice(NOTES)),
    }
