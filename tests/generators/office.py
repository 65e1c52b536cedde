"""A day at the office through openapi-python-client's client: ``python office.py FOLDER http://127.0.0.1:8000``.

Imports every module of the package ``crm`` in FOLDER and prints what it saw as JSON.
"""

import importlib
import json
import pkgutil
import secrets
import sys
from typing import Any

sys.path.insert(0, sys.argv[1])
crm: Any = importlib.import_module("crm")
for module in pkgutil.walk_packages(crm.__path__, "crm."):
    importlib.import_module(module.name)

models, leads, users = crm.models, crm.api.leads, crm.api.users
name = f"py-{secrets.token_hex(6)}"
anonymous = crm.Client(base_url=sys.argv[2], raise_on_unexpected_status=True)
account = models.UserCreate(
    username=name, email=f"{name}@example.com", password="pass123456", first_name="Py", last_name="Thon"
)
users.register_user.sync(client=anonymous, body=account)
token = users.create_token.sync(client=anonymous, body=models.TokenForm(username=name, password="pass123456"))
client = crm.AuthenticatedClient(base_url=sys.argv[2], token=token.access_token, raise_on_unexpected_status=True)


def new_lead(first_name: str, **more: Any) -> Any:
    """Return the body of a new lead."""
    return models.LeadCreate(first_name=first_name, last_name=name, email="a@example.com", phone="+1-555-0100", **more)


one = leads.create_leads.sync(client=client, body=new_lead("John", budget_max=2**53 + 1))
many = leads.create_leads.sync(client=client, body=[new_lead("Alice"), new_lead("Miguel")])
found = leads.list_leads.sync(client=client, q=f"john {name}", status="new", min_budget=1, size=5)
refused = leads.create_leads.sync(client=client, body=new_lead("No", budget_min=2, budget_max=1))
[problem] = refused.detail
sys.stdout.write(
    json.dumps(
        {
            "token_type": str(token.token_type),
            "one": [one.first_name, one.status, one.source, one.budget_max],
            "many": [lead.first_name for lead in many],
            "found": [lead.first_name for lead in found],
            "refused": [problem.type_, *problem.loc],
        }
    )
)
