"""Headers of the lists people have, and of those nobody has seen before."""

import pytest

from leads.importing.columns.mapping import TARGETS, Mapping, MappingError, UnknownHeaders, map_headers

PORTALS_AND_CRMS = {
    "Zillow": (
        "Name,Email,Phone,Status,Date Added,Lead Type,Property Address,Price Range,Agent Name,Message",
        {"name": "Name", "status": "Status", "created_at": "Date Added", "price": "Price Range"},
    ),
    "Realtor.com": (
        "First Name,Last Name,Email Address,Phone Number,Lead Source,Lead Status,Created Date,Listing Price,"
        "MLS ID,Property City,Property State,Comments",
        {"email": "Email Address", "phone": "Phone Number", "source": "Lead Source", "price": "Listing Price"},
    ),
    "Follow Up Boss": (
        "ID,Created,Updated,Last Activity,Name,First Name,Last Name,Stage,Lead Source,Assigned To,"
        "Assigned Lender,Contacted,Listing Price,Tags,Email 1,Email 1 - Type,Email 1 - Status,Email 2,Phone 1,"
        "Phone 1 - Type,Phone 1 - Status,Phone 2,Address 1 - Street,Address 1 - City,Property Address,"
        "Property City,Property Beds,Property MLS Number,Message,Background,Timeframe",
        {"email": "Email 1", "phone": "Phone 1", "status": "Stage", "price": "Listing Price", "created_at": "Created"},
    ),
    "HubSpot": (
        "Record ID,First Name,Last Name,Email,Phone Number,Mobile Phone Number,Contact owner,Lead Status,"
        "Create Date,Last Activity Date,Last Modified Date,Lifecycle Stage,Original Source,"
        "Marketing contact status,Job Title,Associated Company,Associated Company IDs,Country/Region,"
        "Became a Lead Date,Number of Pageviews,Recent Conversion",
        {"phone": "Phone Number", "status": "Lead Status", "created_at": "Create Date", "source": "Original Source"},
    ),
    "Pipedrive": (
        "Person - ID,Person - Name,Person - First name,Person - Last name,Person - Organization,"
        "Person - Email - Work,Person - Email - Home,Person - Email - Other,Person - Phone - Work,"
        "Person - Phone - Mobile,Person - Label,Person - Owner,Person - Person created,Person - Open deals,"
        "Person - Closed deals,Person - Last activity date,Person - Marketing status,Deal - Value",
        {"name": "Person - Name", "email": "Person - Email - Work", "phone": "Person - Phone - Mobile"},
    ),
    "Google Contacts, old": (
        "Name,Given Name,Additional Name,Family Name,Yomi Name,Given Name Yomi,Additional Name Yomi,"
        "Family Name Yomi,Name Prefix,Name Suffix,Initials,Nickname,Short Name,Maiden Name,Birthday,Gender,"
        "Location,Billing Information,Directory Server,Mileage,Occupation,Hobby,Sensitivity,Priority,Subject,"
        "Notes,Language,Photo,Group Membership,E-mail 1 - Type,E-mail 1 - Value,E-mail 2 - Type,E-mail 2 - Value,"
        "Phone 1 - Type,Phone 1 - Value,Address 1 - Formatted,Organization 1 - Name,Website 1 - Value,"
        "Custom Field 1 - Type,Relation 1 - Value",
        {"first_name": "Given Name", "email": "E-mail 1 - Value", "phone": "Phone 1 - Value"},
    ),
    "Google Contacts, new": (
        "First Name,Middle Name,Last Name,Phonetic First Name,Phonetic Middle Name,Phonetic Last Name,"
        "Name Prefix,Name Suffix,Nickname,File As,Organization Name,Organization Title,Organization Department,"
        "Birthday,Notes,Photo,Labels,E-mail 1 - Label,E-mail 1 - Value,E-mail 2 - Label,E-mail 2 - Value,"
        "Phone 1 - Label,Phone 1 - Value,Address 1 - Label,Address 1 - Country,Address 1 - Extended Address,"
        "Website 1 - Label,Event 1 - Value",
        {"first_name": "First Name", "email": "E-mail 1 - Value", "phone": "Phone 1 - Value"},
    ),
    "Outlook": (
        "Title,First Name,Middle Name,Last Name,Suffix,Company,Department,Job Title,Business Street,"
        "Business Street 2,Business City,Business State,Business Postal Code,Business Country/Region,Home Street,"
        "Home City,Other Street 3,Assistant's Phone,Business Fax,Business Phone,Business Phone 2,Callback,"
        "Car Phone,Company Main Phone,Home Fax,Home Phone,Home Phone 2,ISDN,Mobile Phone,Other Fax,Other Phone,"
        "Pager,Primary Phone,Radio Phone,TTY/TDD Phone,Telex,Account,Anniversary,Assistant's Name,"
        "Billing Information,Birthday,Business Address PO Box,Categories,Children,Directory Server,"
        "E-mail Address,E-mail Type,E-mail Display Name,E-mail 2 Address,E-mail 2 Type,E-mail 2 Display Name,"
        "Gender,Government ID Number,Hobby,Home Address PO Box,Initials,Internet Free Busy,Keywords,Language,"
        "Location,Manager's Name,Mileage,Notes,Office Location,Organizational ID Number,Other Address PO Box,"
        "Priority,Private,Profession,Referred By,Sensitivity,Spouse,User 1,User 4,Web Page",
        {"email": "E-mail Address", "phone": "Primary Phone", "first_name": "First Name"},
    ),
    "our own export": (
        "import_line,import_problems,id,first_name,last_name,email,phone,status,source,budget_min,budget_max,"
        "property_interest,created_at,updated_at,activity_count",
        {"budget_min": "budget_min", "budget_max": "budget_max", "created_at": "created_at"},
    ),
}


@pytest.mark.parametrize("program", PORTALS_AND_CRMS)
def test_the_exports_people_have_are_known(program: str) -> None:
    header, expected = PORTALS_AND_CRMS[program]
    plan = map_headers(header.split(","))
    assert {target: plan.column_of(target) for target in expected} == expected
    used = sum(map(len, plan.columns.values()))
    assert used + len(plan.not_stored) == len(plan.header)  # every column is accounted for


@pytest.mark.parametrize("target", TARGETS)
def test_every_field_has_its_own_name(target: str) -> None:
    assert target in map_headers(["Email", target]).columns


@pytest.mark.parametrize(
    "header", ["First Name", "first_name", "FIRSTNAME", "first-name", " First  name: ", "Ｆirst name"]
)
def test_case_spaces_and_punctuation_do_not_count(header: str) -> None:
    assert map_headers([header]).columns == {"first_name": (0,)}


def test_a_currency_in_a_header_does_not_count() -> None:
    assert map_headers(["Email", "Budget (USD)", "Min Price ($)"]).columns == {
        "email": (0,),
        "budget_min": (2,),
        "price": (1,),
    }


def columns(*headers: str, **how: object) -> Mapping:
    return map_headers(headers, **how)  # type: ignore[arg-type]


def test_several_columns_for_a_field_are_tried_in_a_stated_order() -> None:
    plan = columns("Home Phone", "E-mail 2 - Value", "Mobile Phone", "E-mail 1 - Value", "Phone")
    assert plan.columns == {"email": (3, 1), "phone": (4, 2, 0)}
    assert "phone: 'Phone', else 'Mobile Phone', else 'Home Phone'" in plan.describe()


def test_a_known_column_without_a_field_is_told() -> None:
    plan = columns("Email", "Birthday", "Notes")
    assert plan.not_stored == ("Birthday", "Notes")
    assert "Not imported, a lead has no such field: Birthday, Notes" in plan.describe()


def test_an_unknown_header_is_an_error_with_the_near_misses() -> None:
    with pytest.raises(UnknownHeaders) as refusal:
        columns("Email", "Frist Name", "Shoe Size", "Phnoe")
    assert set(refusal.value.headers) == {"Frist Name", "Shoe Size", "Phnoe"}
    assert refusal.value.headers["Frist Name"][0] == "First Name"
    assert refusal.value.headers["Phnoe"][0] == "Phone"
    assert refusal.value.headers["Shoe Size"] == []
    assert "'Frist Name' (like 'First Name'" in str(refusal.value)


def test_very_many_unknown_headers_make_a_short_sentence() -> None:
    with pytest.raises(UnknownHeaders, match="and 480 more") as refusal:
        columns("Email", *(f"zzz{number}qqq" for number in range(500)))
    assert len(str(refusal.value)) < 1000


def test_unknown_headers_may_be_ignored_and_are_told() -> None:
    plan = columns("Email", "Shoe Size", unknown="ignore")
    assert plan.unknown == ("Shoe Size",)
    assert "Unknown and ignored as asked: Shoe Size" in plan.describe()


def test_a_header_may_be_mapped_and_comes_first() -> None:
    plan = columns("Phone", "Ruf-Nr.", "Email", explicit={"ruf nr": "phone"})
    assert plan.columns["phone"] == (1, 0)


def test_headers_may_be_ignored() -> None:
    plan = columns("Email", "Shoe Size", "Phone", ignore=["shoe size", "Phone"])
    assert plan.ignored == ("Shoe Size", "Phone")
    assert plan.columns == {"email": (0,)}


def test_a_field_set_for_every_row_overrules_its_column_and_says_so() -> None:
    plan = columns("Email", "Lead Source", constants={"source": "trade fair"})
    assert "source" not in plan.columns
    assert plan.overruled == ("Lead Source",)
    assert "source: always 'trade fair'" in plan.describe()


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ({"explicit": {"Emial": "email"}}, "there is no column 'Emial' .like 'Email'"),
        ({"explicit": {"Email": "adress"}}, "there is no field 'adress'; the fields are first_name, "),
        ({"explicit": {"Email": "phone", "Phone": "phone"}}, "both 'Email' and 'Phone' are mapped to phone"),
        ({"explicit": {"Phone": "phone"}, "constants": {"phone": "1"}}, "both mapped from 'Phone' and set"),
        ({"explicit": {"Phone": "phone"}, "ignore": ["Phone"]}, "both mapped and ignored"),
        ({"ignore": ["Fax"]}, "there is no column 'Fax'"),
        ({"constants": {"colour": "red"}}, "there is no field 'colour'"),
    ],
)
def test_a_wish_that_cannot_be_fulfilled_is_an_error(how: dict[str, object], reason: str) -> None:
    with pytest.raises(MappingError, match=reason):
        columns("Email", "Phone", **how)


def test_a_file_without_anybody_in_it_is_refused() -> None:
    with pytest.raises(MappingError, match="no column is a name"):
        columns("Status", "Budget")


def test_a_constant_that_is_no_value_of_its_field_is_refused() -> None:
    with pytest.raises(Exception, match="budget_max cannot be set to 'cheap'"):
        columns("Email", constants={"budget_max": "cheap"})


def test_a_column_is_named_by_its_place() -> None:
    plan = map_headers(["Wer", "", "Wer"], explicit={"#1": "first_name", "#2": "email", "#3": "last_name"})
    row, problems = plan.convert(["Ada", "ada@example.com", "Byron"])
    assert (row["first_name"], row["email"], row["last_name"], problems) == ("Ada", "ada@example.com", "Byron", [])
    assert map_headers(["Name", "", "Tags"], ignore=["#2"]).unnamed == ()
    for wish in ("#0", "#4", "#x", "#99999999", "#"):
        with pytest.raises(MappingError, match="there is no column"):
            map_headers(["Name", "Wer"], explicit={wish: "email"})
