"""The schemas of request bodies against the rules that validate them: same fields, and what fits is accepted."""

import json
import shutil
import subprocess
from typing import Any

import pytest
from drf_spectacular.generators import SchemaGenerator
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from activities import validators as activity_rules
from crm_project.validation import MAX_BIGINT, MAX_INT, REQUIRED, FieldRule, InvalidValue
from leads import validators as lead_rules
from users import validators as user_rules

RULES: dict[str, dict[str, FieldRule]] = {
    # Which names deceive the eye no pattern can say: the description of the call does.
    "UserCreate": {**user_rules.REGISTRATION, "username": FieldRule(user_rules.username)},
    "Login": user_rules.LOGIN,
    "PasswordChange": user_rules.PASSWORD_CHANGE,
    "Renewal": user_rules.RENEWAL,
    "LeadCreate": lead_rules.CREATE_RULES,
    "LeadUpdate": lead_rules.UPDATE_RULES,
    "ActivityCreate": activity_rules.CREATE_RULES,
}
PARTIAL = {"LeadUpdate"}
UNJUDGED = {"scope"}  # of a log-in: whatever it is, it is no reason to refuse one
SCHEMAS: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)["components"]["schemas"]
FIELDS = [(component, field) for component, rules in RULES.items() for field in rules]

LENGTHS = (1, 2, 3, 7, 8, 32, 33, 64, 65, 150, 151, 254, 255, 256, 4096, 4097, 20_000, 20_001)
TEXTS = [
    *("a" * length for length in LENGTHS),
    *("é" * length for length in LENGTHS),
    *(f" \x85{'a' * length}\u3000\n" for length in LENGTHS if length < 4096),
    *("", " ", "\t\n", "\x1c", "\ufeff", " ab ", "a b", "\0", "a\0b", "abcdefgh\0", "        ", " abc   "),
]
EMAILS = [
    *("a@b.c", " a@b.c\n", "a@b", "@b.c", "a@", "a@@b.c", "a@b..c", "a@b.", "a@.b", "a b@c.d", "a@b c.d", "a@b.c\0"),
    *("ü@bücher.example", "a@b.c\x7f", "a\x85b@c.d", "a\u3000b@c.d", "a.b+c@d-e.fg", "a@[127.0.0.1]", "a,b@c.d"),
    *(f"{'a' * local}@b.c" for local in (250, 251)),
    *(
        "<a@b.c>",
        "a@b.c;",
        '"a;b"@c.d',
        '"a@b"@c.d',
        'a"b@c.d',
        "a\\b@c.d",
        "a@b.c\u200b",
        "a\xadb@c.d",
        'a."b".c@d.e',
        '""@b.c',
    ),
]
NUMBERS = [
    *(0, -1, 1, 2, 1.0, 0.0, 1.5, -1.0, 300_000, MAX_INT, MAX_INT + 1, MAX_BIGINT, MAX_BIGINT + 1),
    *("0", "1", "300000", " 12 ", "0012", "-1", "+1", "1.0", "1e3", "1_000", "0x1", "１２", "12a", "1 2", "9" * 9),
]
WORDS = ["true", "TRUE", " yes ", "y", "t", "On", "false", "F", "no", "n", "off", "yess", "tru", "2", "null"]
DAYS = ["2026-10-03", "2024-02-29", "2026-02-29", "2026-13-01", "2026-1-1", "20261003", "yesterday"]
OTHERS = [None, True, False, [], {}, ["a"], {"a": 1}]
CORPUS: list[Any] = [*TEXTS, *EMAILS, *NUMBERS, *WORDS, *DAYS, *OTHERS]


def fits(component: str, field: str, value: Any) -> bool:
    validator = Draft202012Validator(
        SCHEMAS[component]["properties"][field], format_checker=Draft202012Validator.FORMAT_CHECKER
    )
    return validator.is_valid(value)


def accepted(rule: FieldRule, value: Any) -> bool:
    if value is None and rule.nullable:
        return True
    try:
        rule.check(value)
    except InvalidValue:
        return False
    return True


@pytest.mark.parametrize("component", RULES)
def test_fields_and_required_fields_are_the_rules(component: str) -> None:
    rules, schema = RULES[component], SCHEMAS[component]
    assert [name for name in schema["properties"] if name not in UNJUDGED] == list(rules)
    required = {field for field, rule in rules.items() if rule.default is REQUIRED}
    assert set(schema.get("required", ())) == (set() if component in PARTIAL else required)


@pytest.mark.parametrize(("component", "field"), FIELDS)
def test_what_fits_the_schema_is_accepted(component: str, field: str) -> None:
    rule = RULES[component][field]
    if SCHEMAS[component]["properties"][field].get("format") == "email":
        corpus = [value for value in CORPUS if value not in EMAILS]  # the validator only looks for an "@"
    else:
        corpus = CORPUS
    assert [value for value in corpus if fits(component, field, value) and not accepted(rule, value)] == []
    assert {accepted(rule, value) for value in CORPUS} == {True, False}  # the corpus shows the difference


def drawn(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values of which many fit a field's schema."""
    if schema.get("format") == "email":
        return st.emails()
    if schema.get("format") == "date":
        return st.dates().map(str)
    if "pattern" in schema:
        return st.from_regex(schema["pattern"], fullmatch=True) | st.text()
    return st.integers() | st.booleans()


@pytest.mark.parametrize(("component", "field"), FIELDS)
@given(data=st.data())
def test_whatever_fits_the_schema_is_accepted(component: str, field: str, data: st.DataObject) -> None:
    value = data.draw(drawn(SCHEMAS[component]["properties"][field]))
    if fits(component, field, value):
        assert accepted(RULES[component][field], value), value


@pytest.mark.parametrize(
    ("component", "field", "value"),
    [
        ("LeadCreate", "first_name", f" {'a' * 150} "),
        ("LeadCreate", "email", ""),
        ("LeadCreate", "budget_min", " 300000 "),
        ("LeadUpdate", "is_active", "no"),
        ("LeadUpdate", "is_active", 0),
        ("ActivityCreate", "duration", "12"),
        ("ActivityCreate", "activity_date", "2025-10-03T00:00:00Z"),
        ("UserCreate", "username", " agent1 "),
        ("UserCreate", "email", " a1@example.com"),
    ],
)
def test_more_is_accepted_than_the_schema_says(component: str, field: str, value: Any) -> None:
    assert accepted(RULES[component][field], value)


def test_javascript_reads_the_patterns_alike() -> None:
    if not (node := shutil.which("node")):
        pytest.skip("node is not installed")
    # The two differ on which of these are white space.
    texts = [value for value in CORPUS if isinstance(value, str) and not set(value) & set("\x1c\x85\ufeff")]
    schemas = [schema for name in RULES for schema in SCHEMAS[name]["properties"].values() if "pattern" in schema]
    patterns = sorted({schema["pattern"] for schema in schemas})
    program = """
        const [patterns, texts] = JSON.parse(require("fs").readFileSync(0, "utf8"));
        const verdicts = patterns.map((p) => texts.map((t) => new RegExp(p, "u").test(t)));
        console.log(JSON.stringify(verdicts));
    """
    ran = subprocess.run([node, "-e", program], input=json.dumps([patterns, texts]), capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    ours = [[Draft202012Validator({"pattern": pattern}).is_valid(text) for text in texts] for pattern in patterns]
    assert json.loads(ran.stdout) == ours
