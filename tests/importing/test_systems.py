"""The headers of other programs' exports, in six languages: which fields their columns fill."""

from pathlib import Path

import pytest
from django.core.checks import Error

from leads.importing import checks
from leads.importing.columns import aliases, languages
from leads.importing.columns.mapping import map_headers
from leads.importing.columns.systems import SYSTEMS
from leads.models import Lead
from tests.factories import make_user
from tests.importing.command import import_leads, write_csv

# Header rows, and what fills each field: the headers in order of preference.
EXPORTS = {
    "Pipedrive, leads": (
        "Lead - ID,Lead - Title,Lead - Creator,Lead - Owner,Lead - Value,Lead - Currency of Value,Lead - Labels,"
        "Lead - Contact person,Lead - Organization,Lead - Lead created,Lead - Update time,Lead - Next activity date,"
        "Lead - Source,Lead - Source channel,Lead - Archive status,Person - Email,Person - Phone",
        {
            "name": ["Lead - Contact person"],
            "price": ["Lead - Value"],
            "property_interest": ["Lead - Title"],
            "created_at": ["Lead - Lead created"],
            "source": ["Lead - Source"],
            "email": ["Person - Email"],
            "phone": ["Person - Phone"],
            "owner": ["Lead - Owner"],
        },
    ),
    "Pipedrive, people": (
        "Person - Name,Person - First name,Person - Last name,Person - Organization,Person - Email - Work,"
        "Person - Email - Home,Person - Phone - Mobile,Person - Phone - Work,Person - Labels,Person - Owner,"
        "Person - Job title,Person - Marketing status,Person - Person created",
        {
            "name": ["Person - Name"],
            "first_name": ["Person - First name"],
            "last_name": ["Person - Last name"],
            "email": ["Person - Email - Work", "Person - Email - Home"],
            "phone": ["Person - Phone - Mobile", "Person - Phone - Work"],
            "created_at": ["Person - Person created"],
            "owner": ["Person - Owner"],
            "tags": ["Person - Labels"],
        },
    ),
    "Meta lead ads": (
        "id,created_time,ad_id,ad_name,adset_id,adset_name,campaign_id,campaign_name,form_id,form_name,is_organic,"
        "platform,full_name,phone_number,email,inbox_url,lead_status",
        {
            "created_at": ["created_time"],
            "source": ["platform"],
            "name": ["full_name"],
            "phone": ["phone_number"],
            "email": ["email"],
            "status": ["lead_status"],
        },
    ),
    "LinkedIn": (
        "First Name,Last Name,URL,Email Address,Company,Position,Connected On",
        {
            "first_name": ["First Name"],
            "last_name": ["Last Name"],
            "email": ["Email Address"],
            "created_at": ["Connected On"],
        },
    ),
    "HighLevel": (
        "Contact Id,First Name,Last Name,Phone,Email,Created,Last Activity,Tags,Country,Opportunities",
        {
            "first_name": ["First Name"],
            "last_name": ["Last Name"],
            "phone": ["Phone"],
            "email": ["Email"],
            "created_at": ["Created"],
            "tags": ["Tags"],
        },
    ),
    "SuiteCRM": (
        "ID,Salutation,First Name,Last Name,Title,Department,Account Name,Lead Source,Lead Source Description,Status,"
        "Status Description,Refered By,Do Not Call,Home Phone,Mobile,Office Phone,Other Phone,Fax,Email Address,"
        "Non Primary E-mails,Primary Address Street,Primary Address City,Opportunity Name,Opportunity Amount,"
        "Assigned User,Date Created,Date Modified",
        {
            "first_name": ["First Name"],
            "last_name": ["Last Name"],
            "source": ["Lead Source"],
            "status": ["Status"],
            "phone": ["Mobile", "Home Phone", "Office Phone", "Other Phone"],
            "email": ["Email Address", "Non Primary E-mails"],
            "property_interest": ["Opportunity Name"],
            "price": ["Opportunity Amount"],
            "created_at": ["Date Created"],
            "owner": ["Assigned User"],
        },
    ),
    "EspoCRM": (
        "Name,Account Name,Email,Phone,Title,Status,Source,Opportunity Amount,Opportunity Amount Currency,Website,"
        "Do Not Call,Address Street,Address City,Address Country,Description,Assigned User,Teams,"
        "Created At,Modified At",
        {
            "name": ["Name"],
            "email": ["Email"],
            "phone": ["Phone"],
            "status": ["Status"],
            "source": ["Source"],
            "price": ["Opportunity Amount"],
            "created_at": ["Created At"],
            "owner": ["Assigned User"],
        },
    ),
    "ERPNext": (
        "ID,Series,Person Name,Organization Name,Lead Owner,Status,Source,Campaign Name,Email Id,Phone,Mobile No.,"
        "Territory,Lead Type,Market Segment,Request Type,Created On,Last Updated On",
        {
            "name": ["Person Name"],
            "status": ["Status"],
            "source": ["Source"],
            "email": ["Email Id"],
            "phone": ["Phone", "Mobile No."],
            "created_at": ["Created On"],
            "owner": ["Lead Owner"],
        },
    ),
    "Odoo": (
        "Opportunity Title,Contact Name,Customer,Email,Phone,Mobile,Salesperson,Sales Team,Stage,Source,Medium,"
        "Campaign,Expected Revenue,Probability,Expected Closing,Tags,Notes,Created on",
        {
            "property_interest": ["Opportunity Title"],
            "name": ["Contact Name", "Customer"],
            "email": ["Email"],
            "phone": ["Phone", "Mobile"],
            "status": ["Stage"],
            "source": ["Source"],
            "price": ["Expected Revenue"],
            "created_at": ["Created on"],
            "tags": ["Tags"],
        },
    ),
    "Twenty": (
        "Id,Name / First Name,Name / Last Name,Emails / Primary Email,Emails / Additional Emails,"
        "Phones / Primary Phone Number,Phones / Primary Phone Calling Code,City,Job Title,Company Id,"
        "Linkedin / Link URL,Creation date,Last update",
        {
            "first_name": ["Name / First Name"],
            "last_name": ["Name / Last Name"],
            "email": ["Emails / Primary Email", "Emails / Additional Emails"],
            "phone": ["Phones / Primary Phone Number"],
            "created_at": ["Creation date"],
        },
    ),
    "Lofty": (
        "First Name,Last Name,Phone,Email,Lead Type,Source,Pipeline,Segments,Tags,Assigned Agent,Reg Time,"
        "Inquiry Price,Buying Time Frame,Last Touch",
        {
            "first_name": ["First Name"],
            "last_name": ["Last Name"],
            "phone": ["Phone"],
            "email": ["Email"],
            "source": ["Source"],
            "created_at": ["Reg Time"],
            "price": ["Inquiry Price"],
            "owner": ["Assigned Agent"],
            "tags": ["Tags"],
        },
    ),
    "Top Producer": (
        "First Name,Last Name,Spouse First Name,Primary E-mail,Home Phone,Mobile Phone,Contact Type,Contact Status,"
        "Source,Date Entered,Letter Salutation",
        {
            "first_name": ["First Name"],
            "last_name": ["Last Name"],
            "email": ["Primary E-mail"],
            "phone": ["Mobile Phone", "Home Phone"],
            "status": ["Contact Status"],
            "source": ["Source"],
            "created_at": ["Date Entered"],
        },
    ),
    "Sierra": (
        "First Name,Last Name,Email,Email Status,Phone,Phone Status,Lead Status,Lead Type,Source,Assigned Agent,"
        "Creation Date,Search Price,Search Area,Tags,Last Login",
        {
            "first_name": ["First Name"],
            "last_name": ["Last Name"],
            "email": ["Email"],
            "phone": ["Phone"],
            "status": ["Lead Status"],
            "source": ["Source"],
            "created_at": ["Creation Date"],
            "price": ["Search Price"],
            "property_interest": ["Search Area"],
            "owner": ["Assigned Agent"],
            "tags": ["Tags"],
        },
    ),
    "Wise Agent": (
        "CFirst,CLast,CEmail,Email2,Mobile Phone,Work Phone,Contact Source,Contact Status,Categories,Contact Rank,"
        "Date Created",
        {
            "first_name": ["CFirst"],
            "last_name": ["CLast"],
            "email": ["Email2", "CEmail"],  # "Email 2" is a header of many programs
            "phone": ["Mobile Phone", "Work Phone"],
            "source": ["Contact Source"],
            "status": ["Contact Status"],
            "created_at": ["Date Created"],
        },
    ),
    "kvCORE": (
        "First Name,Last Name,Email,Cell Phone 1,Home Phone,Status,Source,Deal Type,Registered Date,Avg Price,"
        "Primary City,Hashtags",
        {
            "first_name": ["First Name"],
            "last_name": ["Last Name"],
            "email": ["Email"],
            "phone": ["Cell Phone 1", "Home Phone"],
            "status": ["Status"],
            "source": ["Source"],
            "created_at": ["Registered Date"],
            "price": ["Avg Price"],
            "property_interest": ["Primary City"],
            "tags": ["Hashtags"],
        },
    ),
    "BoomTown": (
        "First Name,Last Name,Email,Phone,Registered On,Avg. Price,Buyer/Seller,Source,Assigned Agent,Visits,Favs",
        {
            "first_name": ["First Name"],
            "last_name": ["Last Name"],
            "email": ["Email"],
            "phone": ["Phone"],
            "created_at": ["Registered On"],
            "price": ["Avg. Price"],
            "source": ["Source"],
            "owner": ["Assigned Agent"],
        },
    ),
    "HubSpot": (
        "Record ID,First Name,Last Name,Email,Phone Number,Mobile Phone Number,WhatsApp Phone Number,Contact owner,"
        "Lead Status,Lifecycle Stage,Create Date,Close Date,Original Traffic Source,Original Source Drill-Down 1,"
        "Buying Role,Merged Contact IDs,HubSpot Team,Seniority,Number of Pageviews,Membership Notes",
        {
            "first_name": ["First Name"],
            "last_name": ["Last Name"],
            "email": ["Email"],
            "phone": ["Phone Number", "Mobile Phone Number", "WhatsApp Phone Number"],
            "status": ["Lead Status"],
            "created_at": ["Create Date"],
            "source": ["Original Traffic Source"],
            "owner": ["Contact owner"],
        },
    ),
    "Google Forms": (
        "Timestamp,Email Address,What is your name?,What is your phone number?,What is your budget?,"
        "What are you looking for?,How did you hear about us?",
        {
            "created_at": ["Timestamp"],
            "email": ["Email Address"],
            "name": ["What is your name?"],
            "phone": ["What is your phone number?"],
            "price": ["What is your budget?"],
            "property_interest": ["What are you looking for?"],
            "source": ["How did you hear about us?"],
        },
    ),
    "Spanish": (
        "Nombre,Apellidos,Correo electrónico,Teléfono móvil,Estado,Origen,Presupuesto máximo,Inmueble,Mensaje,"
        "Fecha de alta,Ciudad,Observaciones",
        {
            "name": ["Nombre"],
            "last_name": ["Apellidos"],
            "email": ["Correo electrónico"],
            "phone": ["Teléfono móvil"],
            "status": ["Estado"],
            "source": ["Origen"],
            "budget_max": ["Presupuesto máximo"],
            "property_interest": ["Inmueble", "Mensaje"],
            "created_at": ["Fecha de alta"],
        },
    ),
    "German": (
        "Anrede,Vorname,Name,E-Mail-Adresse,Telefon,Mobil,Quelle,Status,Preis bis,Objekt,Nachricht,Eingangsdatum,PLZ,"
        "Ort,Bemerkungen,Betreuer",
        {
            "first_name": ["Vorname"],
            "name": ["Name"],
            "email": ["E-Mail-Adresse"],
            "phone": ["Telefon", "Mobil"],
            "source": ["Quelle"],
            "status": ["Status"],
            "budget_max": ["Preis bis"],
            "property_interest": ["Objekt", "Nachricht"],
            "created_at": ["Eingangsdatum"],
        },
    ),
    "French, without accents": (
        "Civilite,Prenom,Nom,Adresse e-mail,Telephone portable,Statut,Origine,Budget maximum,Type de bien,Message,"
        "Date de creation,Ville,Code postal",
        {
            "first_name": ["Prenom"],
            "name": ["Nom"],
            "email": ["Adresse e-mail"],
            "phone": ["Telephone portable"],
            "status": ["Statut"],
            "source": ["Origine"],
            "budget_max": ["Budget maximum"],
            "property_interest": ["Message", "Type de bien"],
            "created_at": ["Date de creation"],
        },
    ),
    "Portuguese": (
        "Nome,Sobrenome,E-mail,Telefone,Situação,Origem,Orçamento,Imóvel de interesse,Mensagem,"
        "Data de cadastro,Corretor",
        {
            "name": ["Nome"],
            "last_name": ["Sobrenome"],
            "email": ["E-mail"],
            "phone": ["Telefone"],
            "status": ["Situação"],
            "source": ["Origem"],
            "price": ["Orçamento"],
            "property_interest": ["Imóvel de interesse", "Mensagem"],
            "created_at": ["Data de cadastro"],
        },
    ),
    "Italian": (
        "Nome,Cognome,Indirizzo e-mail,Cellulare,Stato,Provenienza,Budget massimo,Immobile,Messaggio,"
        "Data richiesta,Città",
        {
            "name": ["Nome"],
            "last_name": ["Cognome"],
            "email": ["Indirizzo e-mail"],
            "phone": ["Cellulare"],
            "status": ["Stato"],
            "source": ["Provenienza"],
            "budget_max": ["Budget massimo"],
            "property_interest": ["Immobile", "Messaggio"],
            "created_at": ["Data richiesta"],
        },
    ),
}

BY_HAND = {
    "a sign-in sheet": (
        "Guest Name(s),Cell #,E-mail,Notes",
        {"name": ["Guest Name(s)"], "email": ["E-mail"], "phone": ["Cell #"]},
    ),
    "a list of an office": (
        "Contact,Ph.,Email addr,Min $,Max $,Wants,Msg,Date in,Agent",
        {
            "name": ["Contact"],
            "phone": ["Ph."],
            "email": ["Email addr"],
            "budget_min": ["Min $"],
            "budget_max": ["Max $"],
            "property_interest": ["Wants", "Msg"],
            "created_at": ["Date in"],
            "owner": ["Agent"],
        },
    ),
    "a Brazilian list with addresses": (
        "Nome,E-mail,Rua,Cidade,Estado,CEP",
        {"name": ["Nome"], "email": ["E-mail"]},
    ),
    "a French list": (
        "Prénom;Nom;Tél.;Courriel;Projet;Date du contact".replace(";", ","),
        {
            "first_name": ["Prénom"],
            "name": ["Nom"],
            "phone": ["Tél."],
            "email": ["Courriel"],
            "property_interest": ["Projet"],
            "created_at": ["Date du contact"],
        },
    ),
    "Outlook, German": (
        "Anrede,Vorname,Weitere Vornamen,Nachname,Firma,Telefon (privat),Mobiltelefon,E-Mail-Adresse,E-Mail 2: Adresse",
        {
            "first_name": ["Vorname"],
            "last_name": ["Nachname"],
            "phone": ["Mobiltelefon", "Telefon (privat)"],
            "email": ["E-Mail-Adresse", "E-Mail 2: Adresse"],
        },
    ),
}


@pytest.mark.parametrize(("header", "expected"), [*EXPORTS.values(), *BY_HAND.values()], ids=[*EXPORTS, *BY_HAND])
def test_every_column_is_known(header: str, expected: dict[str, list[str]]) -> None:
    plan = map_headers(header.split(","))  # it raises for an unknown column
    found = {target: [plan.header[place] for place in places] for target, places in plan.columns.items()}
    assert found == expected


def test_every_program_and_language_has_a_header_row() -> None:
    names = {name.partition(",")[0] for name in EXPORTS}
    assert names == {*SYSTEMS, *languages.LANGUAGES}


def test_no_header_means_two_fields(monkeypatch: pytest.MonkeyPatch) -> None:
    assert checks.check_ambiguous_headers() == []
    monkeypatch.setitem(aliases.ALIASES, "source", ("E-Mail",))
    (error,) = checks.check_ambiguous_headers()
    assert isinstance(error, Error)
    assert 'The column name "E-Mail" means both "email" and "source".' in error.msg


@pytest.mark.django_db
def test_a_list_without_names_says_so(tmp_path: Path) -> None:
    path = write_csv(tmp_path, "Ann,ann@example.com", header="Zzz,Email")
    assert "No column is a name" in str(
        import_leads(path, "--unknown", "note", "--user", make_user().username)["notes"]
    )


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("header", "row", "name"),
    [
        ("Nombre,Apellidos", "Ana María,García López", ("Ana María", "García López")),
        ("Nombre", "Ana García", ("Ana", "García")),
        ("Prénom,Nom", "Zoë,Le Goff", ("Zoë", "Le Goff")),
        ("Nom", "Zoë Martin", ("Zoë", "Martin")),
        ("Vorname,Name", "Jörg,Weiß", ("Jörg", "Weiß")),
        ("Nome,Cognome", "Gian Luca,De Rossi", ("Gian Luca", "De Rossi")),
    ],
)
def test_a_word_for_name_is_the_whole_or_the_missing_part(
    header: str, row: str, name: tuple[str, str], tmp_path: Path
) -> None:
    import_leads(write_csv(tmp_path, f"{row},x@example.com", header=f"{header},Email"))
    assert Lead.objects.values_list("first_name", "last_name").get() == name
