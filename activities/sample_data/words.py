"""What the sample data are made of: people, sources, and what agents do with a lead at each stage."""

from typing import NamedTuple


class Person(NamedTuple):
    """A user. ``pace`` are the median hours until an agent contacts a new lead of the website."""

    username: str
    first_name: str
    last_name: str
    share: int = 0  # of the leads
    pace: float = 0
    effort: float = 0  # activities, compared with others
    skill: float = 0  # sales, compared with others


class Source(NamedTuple):
    """A source of leads, with the parts of its leads that go on to the next stage."""

    name: str
    share: int
    pace: float  # how long its leads wait, compared with those of the website
    qualified: float  # of those contacted
    negotiation: float  # of those qualified
    closed: float  # of those in negotiation


class Stage(NamedTuple):
    """A stage, the next one, and the median days until a lead goes on; ``logged`` is what moves it there."""

    status: str
    next: str
    days: float
    logged: tuple[str, str]
    touches: tuple[tuple[str, str], ...]


MANAGER = Person("demo.ruth", "Ruth", "Adeyemi")
AGENTS = (
    Person("demo.maria", "Maria", "Santos", 31, 0.7, 1.3, 1.25),
    Person("demo.james", "James", "Okafor", 28, 2.5, 1.0, 1.0),
    Person("demo.wei", "Wei", "Chen", 24, 1.2, 0.9, 1.1),
    Person("demo.lena", "Lena", "Fischer", 17, 6.0, 0.6, 0.75),
)
SOURCES = (
    Source("website", 42, 1.0, 0.34, 0.55, 0.55),
    Source("referral", 20, 0.6, 0.62, 0.65, 0.7),
    Source("open house", 12, 2.0, 0.38, 0.5, 0.55),
    Source("Zillow", 12, 0.8, 0.24, 0.45, 0.5),
    Source("walk-in", 7, 0.2, 0.5, 0.6, 0.6),
    Source("Facebook", 7, 3.0, 0.2, 0.4, 0.4),
)
STAGES = (
    Stage(
        "contacted",
        "qualified",
        8,
        ("call", "Talked about financing"),
        (("call", "Follow-up call"), ("call", "Left a message"), ("email", "Sent listings"), ("email", "Sent comps")),
    ),
    Stage(
        "qualified",
        "negotiation",
        15,
        ("meeting", "Second viewing"),
        (("meeting", "Property tour"), ("email", "Sent comps"), ("call", "Follow-up call"), ("note", "Sells first")),
    ),
    Stage(
        "negotiation",
        "closed",
        20,
        ("meeting", "Signed at the office"),
        (("call", "Talked about the price"), ("email", "Sent the contract"), ("note", "Waiting for the bank")),
    ),
)
FIRST_CONTACT = (("call", "Intro call"), ("call", "Intro call"), ("email", "Answered questions"))
LOST = (("note", "Bought elsewhere"), ("call", "Not looking any more"), ("note", "No reply for weeks"))
PLANS = (("call", "Call back"), ("email", "Send comps"), ("meeting", "Confirm the viewing"), ("call", "Ask for news"))
FIRST_NAMES = (
    "Olivia Liam Emma Noah Amelia Mateo Sofia Elijah Camila Lucas Aisha Ethan Mei Daniel Priya Samuel Zoë Omar Chloe "
    "Hugo Nadia Leo Grace Victor Ines Ahmed Ruth Pedro Hannah Björn"
)
LAST_NAMES = (
    "Smith Johnson Garcia Ng Nguyen Patel Müller Rossi Kowalski Silva Kim Brown Ortiz Cohen Ivanova Haddad Jensen "
    "O'Brien Tanaka Dubois Lopez Walker Adeyemi Novák Wilson Moreau Khan Reyes Larsson Baker"
)
PLACES = ("downtown", "near PATH", "by the park", "in the Heights", "with a river view", "close to a good school")
HOMES = ("2BR condo", "3BR townhouse", "studio", "single-family home", "duplex", "loft", "4BR with a garden")
TAGS = {"first-time buyer": 9, "cash buyer": 7, "investor": 6, "VIP": 4, "relocating": 4}  # of a hundred leads
REVOKED = {"call": 5, "email": 4, "all": 2}
GRANTED = 40  # of a hundred leads of the website: the box of its form
