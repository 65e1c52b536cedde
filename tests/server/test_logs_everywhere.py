"""A real server, used through every channel: its log has all events, and no user input.

Names, addresses, telephone numbers, passwords and tokens that are sent all hold a mark, which is looked for afterwards.
"""

import re
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.factories import activity_row, lead_row
from tests.live import PROJECT, LiveServer, Reply, environment, serving
from tests.server.test_logs import lines

MARK = "zqmark"
PHONE = "5550199887"
PASSWORD = f"{MARK}-secret-password"
FORM = "application/x-www-form-urlencoded"


class Browser:
    """A minimal browser for the back office, with cookies and the CSRF token."""

    def __init__(self, server: LiveServer) -> None:
        self.server = server
        self.cookies: dict[str, str] = {}

    def _send(self, method: str, path: str, body: bytes | None, content_type: str) -> Reply:
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        headers = {"Cookie": cookies, "Content-Type": content_type, "User-Agent": MARK, "Referer": f"/{MARK}"}
        reply = self.server.send(method, f"/admin/{path}", body, headers)
        for name, value in re.findall(r"(csrftoken|sessionid)=([^;]*)", reply.headers.get("set-cookie", "")):
            self.cookies[name] = value
        return reply

    def get(self, path: str) -> Reply:
        """Return a page."""
        return self._send("GET", path, None, "")

    def post(self, path: str, fields: dict[str, str]) -> Reply:
        """Return a form."""
        given = {"csrfmiddlewaretoken": self.cookies.get("csrftoken", ""), **fields}
        return self._send("POST", path, urlencode(given).encode(), FORM)

    def upload(self, path: str, name: str, content: str) -> Reply:
        """Return a form with a file."""
        token = (
            f'--x\r\nContent-Disposition: form-data; name="csrfmiddlewaretoken"\r\n\r\n{self.cookies["csrftoken"]}\r\n'
        )
        file = f'--x\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n{content}\r\n--x--\r\n'
        return self._send("POST", path, (token + file).encode(), "multipart/form-data; boundary=x")

    def log_in(self, username: str, password: str) -> Reply:
        """Log in on the login page."""
        self.get("login/")
        return self.post("login/", {"username": username, "password": password})


@pytest.fixture(scope="module")
def server() -> Iterator[LiveServer]:
    """Yield a server for this module, with its own log."""
    with serving() as running:
        yield running


def manage(server: LiveServer, *arguments: str, **variables: str) -> str:
    """Return the output of a command on both streams."""
    env = environment(DATABASE_URL=server.database_url, **variables)
    command = [sys.executable, "manage.py", *arguments]
    done = subprocess.run(command, cwd=PROJECT, env=env, check=False, capture_output=True, text=True)
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def boss(server: LiveServer) -> Browser:
    """Return a superuser's browser."""
    account = {"USERNAME": f"{MARK}-boss", "EMAIL": f"boss@{MARK}.example", "PASSWORD": PASSWORD}
    manage(server, "createsuperuser", "--noinput", **{f"DJANGO_SUPERUSER_{k}": v for k, v in account.items()})
    browser = Browser(server)
    assert browser.log_in(f"{MARK}-boss", f"{PASSWORD}-wrong").status == 200
    assert browser.log_in(f"{MARK}-boss", PASSWORD).status == 302
    return browser


def through_the_api(server: LiveServer) -> list[str]:
    """Send every kind of valid and invalid request; return the issued tokens."""
    account = {"username": f"{MARK}-agent", "password": PASSWORD, "email": f"{MARK}@example.com"}
    account |= {"first_name": MARK, "last_name": MARK}
    server.send("POST", "/api/users/register", account)
    login = server.send("POST", "/api/users/login", {**account, "scope": "offline_access"}).json()
    token = {"Authorization": f"Bearer {login['access_token']}"}
    row = lead_row(first_name=MARK, email=f"ada@{MARK}.example", phone=PHONE, source=MARK, property_interest=MARK)
    lead = server.send("POST", "/api/leads", row, token).json()["id"]
    for body in ([row, row], [{**row, "email": MARK}], {**row, "budget_min": MARK}, b"{" + MARK.encode()):
        server.send("POST", "/api/leads", body, {**token, "Content-Type": "application/json"})
    server.send("POST", f"/api/leads/{lead}/activities", activity_row(title=MARK, notes=PHONE), token)
    for path in (f"/api/leads?q={MARK}", f"/api/leads/{lead}/history", f"/api/{MARK}", f"/{MARK}?x={PHONE}"):
        server.send("GET", path, headers=token)
    server.send("PUT", f"/api/leads/{lead}", {"email": f"eve@{MARK}.example"}, token)
    server.send("GET", "/api/leads", headers={"Authorization": f"Bearer {MARK}"})
    renewed = server.send("POST", "/api/users/token/refresh", {"refresh_token": login["refresh_token"]}).json()
    token = {"Authorization": f"Bearer {renewed['access_token']}"}
    new = {"current_password": PASSWORD, "new_password": f"{PASSWORD}-new"}
    server.send("POST", "/api/users/me/password", {**new, "current_password": MARK}, token)
    server.send("POST", "/api/users/logout", {"refresh_token": MARK}, token)
    again = server.send("POST", "/api/users/login", {**account, "password": PASSWORD}).json()
    token = {"Authorization": f"Bearer {again['access_token']}"}
    changed = server.send("POST", "/api/users/me/password", new, token)
    assert changed.status == 200
    again = server.send("POST", "/api/users/login", {**account, "password": f"{PASSWORD}-new"}).json()
    server.send("POST", "/api/users/logout-all", None, {"Authorization": f"Bearer {again['access_token']}"})
    for _ in range(6):
        server.send("POST", "/api/users/login", {**account, "password": f"{MARK}-wrong"})
    return [*login.values(), *renewed.values(), *again.values()]


def through_the_back_office(boss: Browser) -> str:
    """Return a new lead, searches, an undone import, exports, the erasure of a person, users, and denied requests.

    Returns the token of a set-password link.
    """
    lead = {"first_name": MARK, "email": f"bo@{MARK}.example", "phone": PHONE, "status": "new", "source": MARK}
    assert boss.post("leads/lead/add/", {**lead, "_save": "1"}).status == 302
    assert boss.post("leads/lead/add/", {**lead, "email": MARK, "budget_min": MARK}).status == 200
    for path in (f"leads/lead/?q={MARK}", f"leads/lead/?email={MARK}", f"users/user/?q={MARK}", f"{MARK}/"):
        boss.get(path)
    file = f"First Name,Email,Phone,{MARK}\n{MARK},cy@{MARK}.example,{PHONE},1\n{MARK},{MARK},{PHONE},1\n"
    review = boss.upload("leads/importrun/add/", f"{MARK}.csv", file).headers["location"].removeprefix("/admin/")
    assert boss.get(review).status == 200
    settings = {"on_duplicate": "create", "on_error": "skip"}
    boss.post(review, {**settings, "check": "1"})
    run = boss.post(review, {**settings, "import": "1"}).headers["location"].removeprefix("/admin/")
    assert "change/" in run
    assert boss.get(run.replace("change", "rejects")).status == 200
    assert boss.post(run.replace("change", "undo"), {}).status == 302
    assert boss.upload("leads/importrun/add/", f"{MARK}.xls", f"%PDF{MARK}").status == 200
    asked = boss.post("leads/lead/", {"action": "export", "select_across": "1", "_selected_action": "1"})
    confirmed = re.search(rb'name="confirmed" value="([^"]+)"', asked.body)
    assert confirmed
    yes = {"action": "export", "select_across": "1", "_selected_action": "1", "confirmed": confirmed[1].decode()}
    assert boss.post("leads/lead/", {**yes, "format": "csv"}).headers["content-type"].startswith("text/csv")
    account = {"username": f"{MARK}-new", "email": f"new@{MARK}.example", "first_name": MARK, "last_name": MARK}
    link = re.search(rb"/admin/(set-password/[\w-]+/([\w.-]+)/)", boss.post("users/user/add/", account).body)
    assert link
    form = boss.get(link[1].decode()).headers["location"].removeprefix("/admin/")
    assert boss.post(form, {"new_password1": PASSWORD, "new_password2": f"{PASSWORD}-new"}).status == 200
    assert boss.post(form, {"new_password1": PASSWORD, "new_password2": PASSWORD}).status == 302
    person = {"email": f"bo@{MARK}.example"}
    assert boss.post("personal-data/", person).status == 200
    assert boss.post("personal-data/download/", person).headers["content-type"] == "application/json"
    stamp = re.search(rb'name="agreed" value="([^"]+)"', boss.post("personal-data/erase/", person).body)
    assert stamp
    erased = {**person, "agreed": stamp[1].decode(), "typed": person["email"]}
    assert boss.post("personal-data/erase/", erased).status == 302
    assert boss.get("leads/lead/1/delete/").status == 403
    return link[2].decode()


def test_a_full_run(server: LiveServer, boss: Browser, tmp_path: Path) -> None:
    tokens = through_the_api(server)
    tokens.append(through_the_back_office(boss))
    with server.connect() as connection:
        connection.sendall(f"GET /{MARK} HTTP/1.1\r\nHost: {MARK}\r\n{MARK}: {secrets.token_hex()}\r\n\r\n".encode())
        connection.recv(1000)
    server.send("GET", "/api/leads", headers={"X-Forwarded-For": "198.51.100.9", "Origin": f"https://{MARK}.example"})
    log = server.log.read_text()
    typed = [MARK, PHONE, "198.51.100.9", *(token for token in map(str, tokens) if len(token) > 20)]
    typed += [value for name, value in boss.cookies.items()]
    assert [line for line in log.splitlines() if any(secret in line for secret in typed)] == []
    assert {line["event"] for line in lines(server) if line["logger"] == "crm.events"} >= {
        *("login_failed", "login_locked", "permission_denied", "token_family_ended", "password_changed"),
        *("logged_out_everywhere", "import_ended", "import_undone", "leads_exported"),
        *("person_exported", "person_erased", "password_link_made", "password_set_by_link"),
    }


def test_commands_repeat_nothing_in_their_log(server: LiveServer, boss: Browser, tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"
    path.write_text(f"First Name,Email,Phone\nAda,di@{MARK}.example,{PHONE}\n")
    output = manage(server, "import_leads", str(path), "-v0")
    output += manage(server, "export_person", f"nobody@{MARK}.example").partition("}")[2]
    output += manage(server, "erase_person", f"di@{MARK}.example", "--yes")
    assert "person_erased" in output
    assert MARK not in output
    assert PHONE not in output
