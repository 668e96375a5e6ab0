"""The admin as a person sees it, in a real browser: with scripts, cookies and its own rules."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import Page, expect

import chromium
from requirements import require
from runtime.admin_site import DEVELOPMENT, Site
from runtime.application import Server

Ask = Callable[[str], list[Any]]
FORM = """\
<!doctype html><title>Elsewhere</title>
<form method="post" action="{target}"><input name="name" value="{name}"><button>Win</button></form>
<iframe src="{frame}" width="900" height="400"></iframe>
"""


@pytest.fixture
def site(template: Path, tmp_path: Path, database_url: str) -> Site:
    require(chromium.available())
    return Site(template, tmp_path / "repository", database_url)


@pytest.fixture
def ask(site: Site) -> Ask:
    """Return a function that asks the server, in a thread: Playwright's event loop runs in ours."""

    def ask(statement: str) -> list[Any]:
        with ThreadPoolExecutor() as threads:
            return threads.submit(Server(site.url).ask, statement).result()

    return ask


@pytest.fixture
def page(site: Site) -> Iterator[Page]:
    """Return a page without cookies. The test fails if it asked another host or a script broke.

    It is closed before the database of the site is dropped.
    """
    asked: list[str] = []
    errors: list[str] = []
    with chromium.running() as browser:
        context = browser.new_context(locale="en-GB", timezone_id="America/New_York")
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("requestfinished", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        yield page
    assert site
    assert errors == []
    assert {urlsplit(url).hostname for url in asked if url[:5] != "data:"} == {"127.0.0.1"}


def address(client: httpx.Client) -> str:
    return f"{client.base_url}".rstrip("/") + "/admin"


def test_a_row_from_list_to_deletion(site: Site, page: Page, ask: Ask) -> None:
    with site.serving() as client:
        page.goto(address(client))
        page.get_by_role("link", name="Authors").first.click()
        expect(page).to_have_url(f"{address(client)}/authors/list")
        chromium.photograph(page, "1-empty-list")

        page.get_by_role("link", name="New").first.click()
        page.locator("input[name=name]").fill("Ada Lovelace")
        expect(page.locator("select[name=role]")).to_have_value("writer")  # its default
        page.locator("select[name=role]").select_option("in chief")
        set_born(page)
        chromium.photograph(page, "2-form")
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_text("was added successfully")).to_be_visible()
        assert ask("SELECT name || ', ' || role FROM authors") == ["Ada Lovelace, in chief"]
        assert ask("SELECT born = '1815-12-10 07:00 America/New_York' FROM authors") == [True]

        page.goto(f"{address(client)}/authors/create")
        page.locator("input[name=name]").fill("Ada Lovelace")
        set_born(page)
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_text("There is another row with this value")).to_be_visible()
        expect(page.locator("input[name=name]")).to_have_value("Ada Lovelace")
        expect(page.locator("select[name=role]")).to_have_value("writer")
        expect(page.locator("input[name=born]")).to_have_value("1815-12-10 07:00:00")
        chromium.photograph(page, "3-refused-by-the-database")

        page.goto(f"{address(client)}/books/create")
        page.locator("input[name=title]").fill("Notes")
        page.locator(".select2-selection").click()
        page.get_by_role("option", name="Ada Lovelace").click()
        page.get_by_role("button", name="Save", exact=True).click()
        link = page.get_by_role("link", name="Ada Lovelace")
        expect(link).to_be_visible()
        chromium.photograph(page, "4-list-with-link")
        link.click()
        expect(page.get_by_text("in chief")).to_be_visible()
        chromium.photograph(page, "5-row")

        page.goto(f"{address(client)}/books/list")
        page.locator("a[href*='/books/edit']").first.click()
        page.locator("input[name=title]").fill("Sketch of the Analytical Engine")
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_text("Sketch of the Analytical Engine").first).to_be_visible()
        assert ask("SELECT title FROM books") == ["Sketch of the Analytical Engine"]

        page.goto(f"{address(client)}/authors/list")
        delete(page)
        expect(page.get_by_text("Other rows refer to it")).to_be_visible()
        chromium.photograph(page, "6-deletion-refused")
        page.goto(f"{address(client)}/books/list")
        delete(page)
        expect(page.locator("td", has_text="Sketch of the Analytical Engine")).to_have_count(0)
        assert ask("SELECT title FROM books") == []


def set_born(page: Page) -> None:
    """Choose a time, as a click into the calendar does."""
    page.wait_for_function("document.getElementById('born')._flatpickr")
    page.evaluate("document.getElementById('born')._flatpickr.setDate('1815-12-10 07:00', true)")


def delete(page: Page) -> None:
    page.locator("[data-sa-is-row-action][data-sa-name=delete]").first.click()
    page.get_by_role("button", name="Yes, delete").click()


def test_markup_in_a_row_does_not_run(site: Site, page: Page) -> None:
    with site.serving() as client:
        name = "<img src=x onerror=\"document.title='owned'\">"
        page.goto(f"{address(client)}/authors/create")
        page.locator("input[name=name]").fill(name)
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_text(name).first).to_be_visible()
        page.goto(f"{address(client)}/books/create")
        page.locator(".select2-selection").click()
        expect(page.get_by_role("option")).to_contain_text([name])
        page.goto(f"{address(client)}/authors/detail?pk=1")
        expect(page.get_by_text(name).first).to_be_visible()
        assert page.title() != "owned"
        chromium.photograph(page, "7-markup-is-text")


def test_an_anonymous_visit_ends_at_the_login(site: Site, page: Page) -> None:
    with site.serving("guarded", {"DATABASE_ENVIRONMENT": "production"}) as client:
        page.goto(f"{address(client)}/authors/list")
        assert urlsplit(page.url).path == "/admin/login"
        expect(page.get_by_text("Authors")).to_have_count(0)
        chromium.photograph(page, "8-login")
        page.locator("input[name=username]").fill("ada")
        page.locator("input[name=password]").fill("guessed")
        page.locator("[type=submit]").click()
        expect(page.get_by_text("Unknown name or password")).to_be_visible()
        page.locator("input[name=username]").fill("ada")
        page.locator("input[name=password]").fill("correct horse")
        page.locator("[type=submit]").click()
        expect(page).to_have_url(f"{address(client)}/authors/list")
        chromium.photograph(page, "9-logged-in")


def test_a_form_of_another_site_is_refused(site: Site, page: Page, ask: Ask) -> None:
    with site.serving(variables=DEVELOPMENT) as client, elsewhere() as other:
        page.goto(f"{address(client)}/authors/create")  # so that there are cookies
        other.page = FORM.format(
            target=f"{address(client)}/authors/create",
            frame=f"{address(client)}/authors/list",
            name=uuid4().hex,
        )
        # Another port is the same site for cookies, but another origin.
        page.goto(f"http://127.0.0.1:{other.server_port}/")
        assert [frame.url for frame in page.frames[1:]] == ["chrome-error://chromewebdata/"]
        chromium.photograph(page, "10-other-site")
        page.get_by_role("button", name="Win").click()
        expect(page.get_by_text("Another site has sent this.")).to_be_visible()
        chromium.photograph(page, "11-refused")
        assert ask("SELECT name FROM authors") == []


class Elsewhere(ThreadingHTTPServer):
    page = ""


class Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(getattr(self.server, "page", "").encode())

    def log_message(self, *_: object) -> None: ...


@contextmanager
def elsewhere() -> Iterator[Elsewhere]:
    with Elsewhere(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()
