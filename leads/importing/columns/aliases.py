"""The headers of the lists people have: portals' and other CRMs' exports, address books, our own export.

Written as those programs write them; ``columns.normal`` takes case, spaces and punctuation out of the comparison. The
order of a field's headers is its order of preference: where a file has several, the first cell that is not blank wins.
"""

from leads import consent_cells
from leads.importing.columns import languages
from leads.importing.columns.languages import LANGUAGES
from leads.importing.columns.systems import SYSTEMS


def _numbered(*patterns: str, upto: int = 6) -> tuple[str, ...]:
    return tuple(pattern.format(number) for number in range(1, upto + 1) for pattern in patterns)


# Zillow and Realtor.com: "Name", "Email", "Phone", "Date Added", "Price Range", "Property Address", ...
# Follow Up Boss: "Email 1", "Phone 1", "Stage", "Lead Source", "Listing Price", "Created", ...
# HubSpot: "Phone Number", "Lead Status", "Original Source", "Create Date", ...
# Pipedrive: "Person - Name", "Person - Email - Work", "Person - Person created", "Deal - Value", ...
# Google Contacts: "Given Name" and "E-mail 1 - Value" (old), "First Name" and "E-mail 1 - Label" (new).
# Outlook: "E-mail Address", "Mobile Phone", "Business Phone", ...
ALIASES: dict[str, tuple[str, ...]] = {
    "first_name": (
        "First Name", "First", "Given Name", "Forename", "Fname", "Person - First name", "Lead First Name",
        "Contact First Name", "Buyer First Name", "Client First Name",
    ),
    "last_name": (
        "Last Name", "Last", "Family Name", "Surname", "Lname", "Person - Last name", "Lead Last Name",
        "Contact Last Name", "Buyer Last Name", "Client Last Name",
    ),
    "name": (
        "Name", "Full Name", "Person - Name", "Contact Name", "Lead Name", "Client Name", "Customer Name",
        "Buyer Name", "Consumer Name", "Display Name", "File As", "Deal - Contact person", "Contact person",
        "Guest Name", "Guest Name(s)", "Guest", "Visitor Name", "Visitor", "Attendee Name", "Attendee", "Caller",
        "Contact", "Lead", "Client", "Customer", "Prospect", "Buyer", "Person", "Names",
    ),
    "email": (
        "Email", "E-mail Address", "Primary Email", "E-mail 1 - Value", "E-mail 1 Address", "Email 1",
        "Person - Email - Work", "Person - Email - Home", "Person - Email", "Person - Email - Other", "Lead Email",
        "Contact Email", "Email Work", "Work Email", "Business Email", "Email Home", "Home Email", "Personal Email",
        "Email Other", "Other Email", "Secondary Email", "Alternate Email", "Emails", "Mail",
        *_numbered("E-mail {} - Value", "E-mail {} Address", "Email {}"),
        "Additional email addresses", "Email Addr", "Email Addresses", "E-mail ID",
    ),
    "phone": (
        "Phone", "Phone Number", "Primary Phone", "Telephone", "Telephone Number", "Tel", "Phone 1 - Value", "Phone 1",
        "Mobile Phone", "Mobile Phone Number", "Mobile", "Mobile Number", "Cell Phone", "Cell Phone 1", "Cell",
        "Cell Number",
        "Cellphone", "Person - Phone - Mobile", "Person - Phone - Work", "Person - Phone - Home", "Person - Phone",
        "Person - Phone - Other", "Lead Phone", "Contact Phone", "Home Phone", "Home Phone Number", "Business Phone",
        "Work Phone", "Office Phone", "Company Main Phone", "Car Phone", "Other Phone", "Secondary Phone",
        "Alternate Phone", "Main Phone", "Day Phone", "Evening Phone", "WhatsApp Phone Number", "Home Phone 2",
        "Business Phone 2", "Phones", "Ph", "Phone Num", "Tel No", "Cell No", "Best Phone",
        *_numbered("Phone {} - Value", "Phone {}", "Cell Phone {}", "Mobile Phone {}", "Home Phone {}",
        "Work Phone {}"),
    ),
    "status": (
        "Status", "Lead Status", "Stage", "Lead Stage", "Pipeline Stage", "Deal Stage", "Deal - Stage",
        "Contact Status", "Person - Lead Status", "Deal - Lead Status", "State of Lead",
    ),
    "source": (
        "Source", "Lead Source", "Original Source", "Original Traffic Source", "Traffic Source", "Person - Lead Source",
        "Deal - Source", "Deal - Lead Source", "Lead - Source", "Contact Source", "Referral Source", "Website Source",
        "Origin", "Channel", "Platform",
    ),
    "budget_min": (
        "Budget Min", "Min Budget", "Minimum Budget", "Budget From", "Price Min", "Min Price", "Minimum Price",
        "Price From", "Lowest Price", "Search Min Price", "Min", "Price Range Low", "Price Low", "Low Price",
    ),
    "budget_max": (
        "Budget Max", "Max Budget", "Maximum Budget", "Budget To", "Price Max", "Max Price", "Maximum Price",
        "Price To", "Highest Price", "Search Max Price", "Max", "Price Range High", "Price High", "High Price",
    ),
    "price": (
        "Budget", "Price", "Price Range", "Budget Range", "Target Price", "Desired Price", "Listing Price",
        "List Price", "Asking Price", "Home Price", "Property Price", "Average Price", "Avg Price", "Median Price",
        "Deal - Value", "Deal Value", "Amount", "Deal Amount",
    ),
    "property_interest": (
        "Property Interest", "Property of Interest", "Interest", "Interested In", "Looking For", "Property",
        "Property Address", "Listing Address", "Listing", "Inquiry Property", "Property Type", "Home Type",
        "Deal - Title", "Deal Name", "Search Criteria", "Message", "Comments", "Comment", "Inquiry", "Enquiry",
        "Lead Message", "Wants", "Needs", "Msg",
    ),
    "created_at": (
        "Created At", "Date Added", "Create Date", "Created Date", "Date Created", "Created", "Created On",
        "Creation Date", "Added", "Date Received", "Received", "Received Date", "Lead Date", "Inquiry Date",
        "Submitted At", "Submission Date", "Registered", "Registration Date", "Date Registered", "Timestamp", "Date",
        "Person - Person created", "Person created", "Deal - Deal created", "Lead created", "Add Time",
        "Created Time", "Register Date", "Registered On", "Signup Date", "Sign Up Date",
        "Date In", "Came In", "Date of Visit", "Visit Date", "Optin Time", "Confirm Time",
    ),
    "closed_at": ("Closed At", "Date Closed", "Closed Date", "Closed On"),
    "owner": (
        "Owner", "Lead Owner", "Contact Owner", "HubSpot Owner", "Person - Owner", "Deal - Owner", "Lead - Owner",
        "Assigned To", "Assigned Agent", "Assigned User", "Owner Name", "Agent", "Primary Agent",
    ),
    "tags": (
        "Tags", "Tag", "Labels", "Label", "Person - Labels", "Person - Label", "Lead - Label", "Deal - Label",
        "Hashtags",
    ),
}  # fmt: skip

# Columns of those exports for which a lead has no field. They are not imported, and the report names them.
NOT_STORED: tuple[str, ...] = (
    # our own: what the server sets, and what the rejects file adds
    "id", "is_active", "updated_at", "activity_count", "version", "activities", "follow_ups", "installation",
    *consent_cells.COLUMNS,
    "import_line", "import_problems",
    # what the import asks of the source itself
    "Deleted", "Deleted At", "Deleted On", "Deleted Date", "Date Deleted", "Deletion Date",
    "Do Not Contact", "Unsubscribed", "SMS Opt Out", "Opted Out", "Opt Out", "DNC", "Do Not Email", "Do Not Text",
    # who, where, what: every CRM and address book
    "Lead ID", "Contact ID", "Record ID", "Person - ID", "Deal - ID", "External ID", "Title", "Salutation", "Prefix",
    "Suffix", "Middle Name", "Nickname", "Maiden Name", "Initials", "Short Name", "Gender", "Birthday", "Birthdate",
    "Date of Birth", "Anniversary", "Spouse", "Spouse Name", "Children", "Company", "Company Name", "Organization",
    "Organisation", "Department", "Job Title", "Position", "Profession", "Occupation", "Employer", "Industry",
    "Address", "Street", "Street Address", "Address 2", "City", "State", "State/Region", "Province", "County", "Region",
    "Zip", "Zip Code", "Postal Code", "Postcode", "Country", "Country/Region", "Neighborhood", "Time Zone",
    "Notes", "Note", "Description", "Background", "Groups", "Group", "Categories",
    "Category", "Keywords", "Custom Fields", "Language", "Preferred Language", "Photo", "Website", "Website URL",
    "Web Page", "Personal Web Page", "Business Web Page", "Facebook", "LinkedIn", "LinkedIn Bio", "Twitter",
    "Twitter Username", "Instagram", "Assigned Lender", "Assigned Lender Name", "Assigned Pond", "Listing Agent",
    "Agent Name", "Lender", "Team", "Created By", "Score", "Lead Score", "Rating", "Priority", "Temperature", "Type",
    "Lead Type", "Contact Type", "Lifecycle Stage", "Role", "Timeframe", "Time Frame", "Financing", "Pre-Approved",
    "Prequalified", "Is Working With Agent", "Campaign", "Medium", "Contacted", "Deal", "Associated Deal",
    "Associated Company", "Modified", "Updated", "Updated Date", "Modified Date", "Lead Updated",
    # what a house is worth or was sold for: no budget
    "Home Value", "Property Value", "Estimated Value", "Estimated Home Value", "Current Home Value", "Purchase Price",
    "Last Sale Price", "Sale Price", "Sold Price", "Closing Price", "Closed Price",
    # real-estate details of a wish or a listing
    "MLS", "MLS Number", "MLS #", "MLS ID", "Listing ID", "Listing URL", "Listing Status", "Beds", "Bedrooms", "Baths",
    "Bathrooms", "Square Feet", "Sq Ft", "Lot Size", "Year Built", "Property URL", "Property ID", "Property City",
    "Property State", "Property Zip", "Property Postal Code", "Property MLS Number", "Property Beds",
    "Property Baths", "Property Bedrooms", "Property Bathrooms", "Property Area", "Property Lot", "Property Country",
    # Outlook and old Google Contacts
    "Additional Name", "Yomi Name", "Given Name Yomi", "Additional Name Yomi", "Family Name Yomi", "Name Prefix",
    "Name Suffix", "Location", "Billing Information", "Directory Server", "Mileage", "Hobby", "Sensitivity", "Subject",
    "Group Membership", "Phonetic First Name", "Phonetic Middle Name", "Phonetic Last Name", "Organization Name",
    "Organization Title", "Organization Department", "Organizational ID Number", "Government ID Number", "Account",
    "Office Location", "Internet Free Busy", "Private", "Schools", "Referred By", "Manager's Name", "Callback",
    "Assistant's Name", "Assistant's Phone", "Home Fax", "Business Fax", "Other Fax", "Fax", "Fax Number", "Pager",
    "ISDN", "Radio Phone", "TTY/TDD Phone", "Telex", "Given Yomi", "Surname Yomi", "Home Address", "Business Address",
    "Other Address", "E-mail Type", "E-mail Display Name", "IMAddress", "Company Yomi",
    # Pipedrive, Follow Up Boss, HubSpot, portals and advertisements
    "Person - Visible to", "Person - Update time", "Person - Instant messenger", "Person - Email messages count",
    "Person - Activities to do", "Person - Profile picture", "Person - Add time",
    "Lead - Contact person", "Lead - Source channel", "Lead - Source origin", "Lead - Archive status",
    "Deal - Currency of Value", "Deal - Expected close date", "Deal - Lost reason", "Is Contacted", "Deal Close Date",
    "Deal Price", "Pond", "Campaign Source", "Last Communication", "Latest Source", "Number of Sessions",
    "Likelihood to close", "HubSpot Score", "Record source", "Email Domain", "Persona",
    "Unsubscribed from all email", "Days To Close", "Timeline", "Updated On", "ad_id", "ad_name", "adset_id",
    "adset_name", "campaign_id", "campaign_name", "form_id", "form_name", "is_organic", "Source URL",
    "Close Date", "Person - Job title", "Person - Done activities", "Person - Last email received",
    "Person - Last email sent",
    # BoomTown, kvCORE, LionDesk
    "Buyer/Seller", "Last Note", "Visits", "Properties Viewed", "Favorites", "Favourites", "E-Alert", "E-Alerts",
    "Deal Type", "Capture Method", "Last Active", "Last Called", "Last Emailed", "Last Texted", "Avg Beds",
    "Avg Baths", "Closing Anniversary", "Home Anniversary", "External Vendor ID", "Hotness", "Spouse Email",
    "Spouse Phone", "Spouse Birthday",
    # Salesforce, Zoho, Mailchimp
    "Annual Revenue", "Number of Employees", "No of Employees", "No. of Employees", "Owner ID",
    "Has Opted Out of Email",
    "Has Opted Out of Fax", "Is Converted", "Is Deleted", "Is Unread by Owner", "Converted Date", "Converted Date Time",
    "Converted Account ID", "Converted Contact ID", "Converted Opportunity ID", "Created By ID", "Last Modified By ID",
    "Last Modified By Alias", "Company / Account", "Do Not Call", "Unread By Owner", "Latitude", "Longitude",
    "Lead Owner ID", "Lead Owner Alias", "Designation", "Modified By ID", "Modified By", "Modified Time", "Skype ID",
    "Unsubscribed Mode", "Unsubscribed Time", "Locked", "Member Rating", "Optin IP", "Confirm IP", "GMTOff", "DSTOff",
    "CC", "Last Changed", "LEID", "EUID", "Unsub Campaign Title", "Unsub Campaign ID", "Unsub Reason",
    "Unsub Reason Other", "Clean Time", "Clean Campaign Title", "Clean Campaign ID",
)  # fmt: skip

# Columns of yes and no that say what somebody does not want, by the normal form of their headers.
CONSENT_COLUMNS: dict[str, str] = {
    **dict.fromkeys(("donotcall", "dnc", "phoneoptout", "calloptout", "optedoutofcalls"), "call"),
    **dict.fromkeys(
        (
            "emailoptout", "optedoutofemail", "hasoptedoutofemail", "unsubscribed", "donotemail", "emailunsubscribed",
            "emailoptedout", "unsubscribedfromallemail",
        ),
        "email",
    ),
    **dict.fromkeys(("smsoptout", "textoptout", "donottext", "donotsms", "smsunsubscribed", "optedoutofsms"), "text"),
    **dict.fromkeys(("donotcontact", "optedout", "optout"), "all"),
    **languages.CONSENT,
}  # fmt: skip
# Columns with the time at which somebody opted out, in the same form.
CONSENT_TIMES: dict[str, str] = {
    **dict.fromkeys(
        (
            "unsubtime", "unsubdate", "unsubscribedtime", "unsubscribeddate", "unsubscribedat", "unsubscribedon",
            "unsubscribetime", "unsubscribedate", "emailoptouttime", "emailoptoutdate",
        ),
        "email",
    ),
    **dict.fromkeys(("smsoptouttime", "smsoptoutdate", "textoptoutdate"), "text"),
    **dict.fromkeys(("optouttime", "optoutdate", "optedoutat", "optedouttime", "optedoutdate"), "all"),
}  # fmt: skip
# Columns with words such as "subscribed" and "unsubscribed".
CONSENT_STATES: dict[str, str] = {
    **dict.fromkeys(
        (
            "emailmarketingstatus", "emailstatus", "emailpermissionstatus", "emailsubscriptionstatus",
            "emailsubscriberstatus", "marketingstatus", "marketingemailstatus", "subscriptionstatus",
            "subscriberstatus",
        ),
        "email",
    ),
    **dict.fromkeys(("smsmarketingstatus", "smsstatus", "smssubscriptionstatus", "textstatus"), "text"),
}  # fmt: skip

# The same, where programs number or combine their headers; matched against normal forms.
NOT_STORED_PATTERNS: tuple[str, ...] = (
    r"email\d*(label|type|displayname|status|optout|verified|invalid)",
    r"phone\d*(label|type|status|extension|verified|invalid)",
    r"(address|website|relation|event|customfield|im|jot|organization|externalid|calendarlink|language)\d+\w*",
    r"(home|business|other|mailing|work|billing|person|personpostal|property|listing|primary)"
    r"(street|address|city|state|stateprovince|zip|zipcode|postalcode|country|countryregion|pobox|addresspobox)\d*",
    r"(person|deal|organization|lead)(id|owner|label|title|organization|notes|website|opendeals|closeddeals|wondeals|"
    r"lostdeals|marketingstatus|doubleoptin|currency|pipeline|probability|status|wontime|losttime|im|birthday|picture)",
    r"(person|deal|lead|contact)?(last|next|first|recent|time|total|number|numberof|date)"
    r"(of)?\w*(activity|activities|contacted|contact|modified|updated?|visit|visits|login|session|conversion|touch|seen|"
    r"engagement|sent|opened|clicked|followup|appointment|viewed|views|pageviews|deals|forms?submissions?|opens|clicks)"
    r"(date|time|source)?",
    r"(first|last|latest|original)(conversion|traffic|source)\w+",
    r"user\d",
    r"(associated|become|became)\w+",
    r"(marketing|email|sms|text|phone|unsubscribed)\w*(optin|optout|status|subscribed|unsubscribed|permission)",
    r"relationship\d+(name|type)",
)


def headers_of(field: str) -> tuple[str, ...]:
    """Return all headers of a field, in order of preference: common ones, of single programs, in other languages."""
    own = ALIASES.get(field, ())
    of_systems = (header for system in SYSTEMS.values() for header in system.fields.get(field, ()))
    translated = (header for headers in LANGUAGES.values() for header in headers.get(field, ()))
    return (*own, *of_systems, *translated)


def headers_of_no_field() -> tuple[str, ...]:
    """Return all headers for which a lead has no field."""
    of_systems = (header for system in SYSTEMS.values() for header in system.not_stored)
    translated = (header for headers in languages.NOT_STORED.values() for header in headers)
    return (*NOT_STORED, *of_systems, *translated, *languages.CONSENT, *CONSENT_TIMES, *CONSENT_STATES)
