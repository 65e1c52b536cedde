"""The form in which telephone numbers are compared."""

import pytest

from crm_project.phone_numbers import CALLING_CODES, comparison_form


@pytest.mark.parametrize(
    ("region", "numbers", "expected"),
    [
        (
            "US",
            [
                "555-555-0101",
                "(555) 555-0101",
                "+1 (555) 555-0101",
                "1-555-555-0101",
                "001 555 555 0101",
                "011 1 555 555 0101",
                "5555550101 x12",
                "555.555.0101 ext. 4",
                "555-555-0101, extension 17",
                "555-555-0101 #3",
                "５５５-555-0101",
            ],
            "5555550101",
        ),
        ("US", ["555-0101", "+1-555-0101", "1 555 0101"], "5550101"),
        (
            "US",
            ["+44 20 7946 0958", "0044 20 7946 0958", "011 44 (0)20 7946 0958", "(+44) 20 79460958"],
            "+442079460958",
        ),
        ("US", ["020 7946 0958"], "02079460958"),
        (
            "GB",
            ["020 7946 0958", "+44 20 7946 0958", "+44 (0)20 7946 0958", "0044 20 7946 0958", "442079460958"],
            "2079460958",
        ),
        ("GB", ["+1 (555) 555-0101", "001 555 555 0101", "011 1 555 555 0101"], "+15555550101"),
        ("GB", ["0113 496 0000", "+44 113 496 0000"], "1134960000"),
        ("GB", ["555-555-0101"], "5555550101"),
        ("DE", ["030 123456", "+49 30 123456", "0049 (0)30 123456", "030 123456 Durchwahl 12"], "30123456"),
        ("ES", ["600 000 000", "+34 600 000 000", "0034600000000", "34600000000"], "600000000"),
        ("IT", ["06 1234 5678", "+39 06 1234 5678"], "612345678"),
        ("US", ["", "ask wife", "+", "()"], ""),
        ("US", ["0"], "0"),
        ("US", ["1-800-FLOWERS"], "1800"),
    ],
)
def test_one_number_has_one_form(region: str, numbers: list[str], expected: str) -> None:
    assert {comparison_form(number, region) for number in numbers} == {expected}


def test_calling_codes_are_unambiguous() -> None:
    assert {region: code for region, code in CALLING_CODES.items() if len(region) != 2 or not code.isdigit()} == {}
    codes = set(CALLING_CODES.values())
    assert {code for code in codes for other in codes if code != other and code.startswith(other)} == set()
