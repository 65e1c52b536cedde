"""The documentation pages in a real browser."""

import re
import secrets
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.office import needs_chromium
from tests.live import LiveServer

PASSWORD = "pass123456"

pytestmark = [needs_chromium, pytest.mark.any_database]


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    yield context.new_page()
    context.close()


def test_swagger_logs_in_and_executes(server: LiveServer, page: Page) -> None:
    username = f"swagger-{secrets.token_hex(6)}"
    names = {"email": f"{username}@example.com", "first_name": "Swagger", "last_name": "User"}
    body = {"username": username, "password": PASSWORD, **names}
    assert server.send("POST", "/api/users/register", body).status == 201

    page.goto(f"{server.url}/docs")
    page.locator(".auth-wrapper .authorize").click()
    dialog = page.locator(".modal-ux")
    dialog.locator("#oauth_username").fill(username)
    dialog.locator("#oauth_password").fill(PASSWORD)
    dialog.get_by_role("button", name="Apply given OAuth2 credentials").click()
    expect(dialog.get_by_role("button", name="Remove authorization")).to_be_visible()
    dialog.get_by_role("button", name="Close").click()

    me = page.locator("#operations-Users-get_current_user")
    me.locator(".opblock-summary-control").click()
    me.get_by_role("button", name="Try it out").click()
    me.get_by_role("button", name="Execute").click()
    expect(me.locator(".live-responses-table .response-col_status").last).to_contain_text("200")
    expect(me.locator(".live-responses-table")).to_contain_text(username)


def test_swagger_shows_a_wrong_password(server: LiveServer, page: Page) -> None:
    page.goto(f"{server.url}/docs")
    page.locator(".auth-wrapper .authorize").click()
    dialog = page.locator(".modal-ux")
    dialog.locator("#oauth_username").fill("nobody")
    dialog.locator("#oauth_password").fill("wrong")
    dialog.get_by_role("button", name="Apply given OAuth2 credentials").click()
    expect(dialog.locator(".errors")).to_contain_text("Unauthorized")


@pytest.mark.parametrize(("path", "sign"), [("/docs", ".opblock-summary-path"), ("/redoc", "#redoc h2")])
def test_pages_load_from_this_server_only(server: LiveServer, page: Page, path: str, sign: str) -> None:
    loaded: list[str] = []
    blocked: list[str] = []
    errors: list[str] = []

    def block(route: Route) -> None:
        blocked.append(route.request.url)
        route.abort()

    page.route(lambda url: url.startswith("http") and not url.startswith(server.url), block)
    page.on("requestfinished", lambda request: loaded.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto(f"{server.url}{path}")
    expect(page.locator(sign).first).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert f"{server.url}/openapi.json" in loaded
    assert blocked == []
    assert errors == []
    # ReDoc adds its pictures late: the network may have been idle before the last one was asked for.
    page.wait_for_function("[...document.images].every((image) => image.complete && image.naturalWidth)")


def test_redoc_shows_samples_of_both_forms(server: LiveServer, page: Page) -> None:
    page.goto(f"{server.url}/redoc#tag/Leads/operation/create_leads")
    create = page.locator('[id="tag/Leads/operation/create_leads"]')
    for form in ("LeadCreate", "Array of LeadCreate"):
        expect(create.get_by_role("button", name=form, exact=True)).to_be_visible()
    samples = create.locator("pre, code").filter(has_text="john.smith@example.com")
    expect(samples.first).to_contain_text('"2BR condo"')
    expect(page.locator("#redoc")).to_contain_text("/api/users/register")


def test_swagger_shows_samples_of_both_forms(server: LiveServer, page: Page) -> None:
    page.goto(f"{server.url}/docs")
    create = page.locator("#operations-Leads-create_leads")
    create.locator(".opblock-summary-control").click()
    sample = create.locator(".opblock-section-request-body .body-param__example, .opblock-section-request-body code")
    expect(sample.first).to_contain_text('"email": "john.smith@example.com"')
    create.locator(".opblock-section-request-body .examples-select-element").select_option("many")
    expect(sample.first).to_contain_text(re.compile(r'^\[\s*\{\s*"first_name": "John"'))
