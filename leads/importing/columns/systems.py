"""Headers of the exports of particular programs, beside those that many programs share (``aliases``).

``found``: the headers were looked up, in exports that are public or in the program's own source. The others are from
memory, so a file of theirs may have other headers as well. A header belongs to one field whatever the program.
"""

from collections.abc import Mapping
from typing import NamedTuple


class System(NamedTuple):
    """The headers of each field, in order of preference, and those of no field."""

    found: bool
    fields: Mapping[str, tuple[str, ...]]
    not_stored: tuple[str, ...] = ()


# fmt: off
SYSTEMS: dict[str, System] = {
    "Pipedrive": System(True, {
        "name": ("Lead - Contact person",),
        "price": ("Lead - Value", "Lead - Budget", "Deal - Budget"),
        "created_at": ("Lead - Lead created", "Lead - Add time", "Deal - Add time"),
        "property_interest": ("Lead - Title",),
        "source": ("Person - Source of contact", "Lead - Source"),
    }, (
        "Lead - Currency of Value", "Lead - Owner", "Lead - Creator", "Lead - Label", "Lead - Labels",
        "Lead - Organization", "Lead - Organization ID", "Lead - Contact person ID", "Lead - ID",
        "Lead - Next activity date", "Lead - Update time", "Lead - Expected close date", "Deal - Contact person ID",
        "Deal - Organization ID", "Deal - Creator", "Deal - Participants", "Deal - Weighted value",
        "Deal - Currency of Weighted value", "Deal - Product name",
    )),
    "Meta lead ads": System(True, {
        "created_at": ("created_time",),
    }, ("inbox_url", "vehicle", "custom_disclaimer_responses")),
    "LinkedIn": System(True, {
        "created_at": ("Connected On",),
    }, ("URL",)),
    "HighLevel": System(True, {
        "email": ("Additional Emails",),
        "phone": ("Additional Phones",),
    }, ("Contact Id", "Last Activity", "Opportunities", "Business Name", "DND", "Followers")),
    "SuiteCRM": System(True, {
        "phone": ("Any Phone",),
        "email": ("Any Email", "Non Primary E-mails"),
        "created_at": ("Date Entered",),
        "price": ("Opportunity Amount",),
        "property_interest": ("Opportunity Name",),
    }, (
        "Lead Source Description", "Status Description", "Refered By", "Account Name", "Account Description",
        "Invalid Email", "Reports To", "Reports To ID", "Portal Name", "Portal Application", "Assistant Phone",
        "Primary Address Street", "Primary Address City", "Primary Address State", "Primary Address Country",
        "Primary Address Postalcode", "Primary Address Street 2", "Primary Address Street 3", "Alt Address Street",
        "Alt Address Street 2", "Alt Address Street 3", "Alt Address City", "Alt Address State",
        "Alt Address Postalcode", "Alt Address Country", "Date Modified", "Modified By Name", "Created By Name",
        "Assigned to", "Assigned User Name", "Converted", "Opportunity ID", "Campaign ID",
    )),
    "EspoCRM": System(True, {}, (
        "Opportunity Amount (converted)", "Opportunity Amount Currency", "Converted At", "Target List", "Account",
        "Opportunity", "Address Street", "Address City", "Address State", "Address Country",
        "Address Postal Code", "Assigned Users", "Teams", "Modified At",
    )),
    "ERPNext": System(True, {
        "name": ("Person Name",),
        "email": ("Email ID", "Email Id"),
        "phone": ("Mobile No", "Phone No", "Contact No"),
    }, (
        "Series", "From Customer", "Next Contact By", "Next Contact Date", "Territory", "Market Segment",
        "Request Type", "Qualification Status", "Qualified by", "Qualified on", "Phone Ext.", "Campaign Name",
        "Last Updated On", "Last Updated By", "Blog Subscriber", "Ends On",
    )),
    "Odoo": System(False, {
        "name": ("Customer/Contact", "Lead/Contact Name"),
        "price": ("Expected Revenue",),
        "property_interest": ("Opportunity Title",),
        "phone": ("Phone/Mobile",),
    }, (
        "Salesperson", "Sales Team", "Probability", "Prorated Revenue", "Expected Closing", "Lost Reason",
        "Email Normalized", "Partner Name", "Assignment Date", "Activity State", "External ID",
    )),
    "Twenty": System(False, {
        "first_name": ("Name / First Name",),
        "last_name": ("Name / Last Name",),
        "email": ("Emails / Primary Email", "Emails / Additional Emails"),
        "phone": ("Phones / Primary Phone Number", "Phones / Additional Phones"),
        "created_at": ("Creation date",),
    }, (
        "Phones / Primary Phone Country Code", "Phones / Primary Phone Calling Code", "Company / Id", "Company Id",
        "Linkedin / Link URL", "Linkedin / Link Label", "Linkedin / Secondary Links", "X / Link URL", "X / Link Label",
        "X / Secondary Links", "Avatar", "Avatar Url", "Last update", "Deleted by", "Created by / Name",
        "Created by / Source",
    )),
    "Lofty": System(False, {
        "created_at": ("Reg Time", "Register Time", "Registration Time"),
        "price": ("Inquiry Price", "Favorite Price", "Price Preference"),
        "budget_min": ("Inquiry Price Min", "Buying Budget Min"),
        "budget_max": ("Inquiry Price Max", "Buying Budget Max"),
        "property_interest": ("Inquiry Location", "Inquiry Property Type"),
    }, (
        "Pipeline", "Segment", "Segments", "Buying Time Frame", "Selling Time Frame", "Pre-Qual", "House to Sell",
        "First Time Home Buyer", "Mortgage", "Lead Routing", "Opportunity Score", "Last Touch", "Family Member",
    )),
    "Top Producer": System(False, {
        "email": ("Primary E-mail", "Alternate E-mail", "E-mail 1", "E-mail 2"),
        "phone": ("Primary Phone Number", "Bus. Phone", "Home Ph.", "Mobile Ph."),
        "created_at": ("Date Entered", "Entered On"),
    }, (
        "Spouse First Name", "Spouse Last Name", "Spouse First", "Spouse Last", "Letter Salutation",
        "Envelope Salutation", "Dear", "House Number", "Suite", "Contact Category", "Referred By Name",
    )),
    "Sierra": System(False, {
        "created_at": ("Creation Date", "Date Registered", "Registration Date/Time"),
        "price": ("Search Price", "Avg Property Price"),
        "property_interest": ("Search Area", "Saved Search"),
    }, (
        "Email Status", "Phone Status", "Lead Category", "Short Summary", "Listing Agent Status", "Partner",
        "Pond Lead", "Last Login", "Total Visits", "eAlerts", "Marketing Email Opt Out", "Text Opt Out",
    )),
    "Wise Agent": System(False, {
        "first_name": ("CFirst",),
        "last_name": ("CLast",),
        "email": ("CEmail", "Email1", "Email2"),
        "created_at": ("Date Created", "Contact Created"),
        "source": ("Contact Source",),
    }, ("Rank", "Contact Rank", "Spouse First Name", "Spouse Last Name", "Contact Notes", "Client Since")),
    "kvCORE": System(False, {
        "phone": ("Cell Phone 1",),
        "created_at": ("Registered Date", "Registration date"),
        "property_interest": ("Primary Search Area", "Primary City"),
    }, (
        "Lead Type ID", "Is Buyer", "Is Seller", "Is Renter", "Is Agent", "Is Vendor", "Market Report",
        "Email Optin", "Phone On", "Text On", "Home Valuation",
    )),
    "BoomTown": System(False, {
        "created_at": ("Registered On", "Reg. Date"),
        "price": ("Avg. Price", "Average Price Viewed"),
        "property_interest": ("Search Location",),
    }, ("Lead Category", "Assigned Lender Email", "Finance", "Opportunity", "Last Visit Date", "Favs")),
    "HubSpot": System(False, {
    }, (
        "Calculated Mobile Number in International Format", "Calculated Phone Number in International Format",
        "Annual Revenue", "Buying Role", "Campaign of last booking in meetings tool", "Currently in Sequence",
        "Current Campaign", "Contact unworked", "Membership Notes", "Merged Contact IDs", "Seniority",
        "Owner Assigned Date", "Original Source Drill-Down 1", "Original Source Drill-Down 2", "Salutation",
        "HubSpot Team", "All owner ids", "All teams",
    )),
    "Google Forms": System(False, {
        "name": ("Your Name", "What is your name?", "Your full name"),
        "email": ("Your Email", "Your email address", "What is your email address?", "What is your email?"),
        "phone": (
            "Your phone", "Your phone number", "Contact number", "What is your phone number?", "Best phone number",
        ),
        "price": ("Your budget", "What is your budget?", "What's your budget?", "What is your price range?"),
        "property_interest": (
            "What are you looking for?", "Which property are you interested in?", "Your message",
            "How can we help you?",
        ),
        "source": ("How did you hear about us?", "Where did you hear about us?"),
    }),
}
# fmt: on
