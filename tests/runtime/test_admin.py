"""The admin over plain HTTP: where it is, who may come in, what it shows and refuses."""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

import layering
import postgres
from rendering import render, write
from runtime.admin_site import DEVELOPMENT, SAME_ORIGIN, Site, plain, submit, token
from runtime.application import REPOSITORY, Server

ELSEWHERE = {"Sec-Fetch-Site": "cross-site", "Origin": "https://elsewhere.example"}
ADA = {"username": "ada", "password": "correct horse"}
REFUSED = "Another site has sent this."
LOCAL_ONLY = "Without authentication the admin is for this computer alone"
LAST = """
SELECT concat_ws(' ', id, name, role, level, state, born AT TIME ZONE 'UTC')
FROM authors ORDER BY id DESC LIMIT 1
"""
IN_PROCESS = """
import asyncio, json, sys
import httpx
from layered.main import app

async def ask(client):
    transport = httpx.ASGITransport(app, client=(client, 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as browser:
        return (await browser.get("/admin/")).text

print(json.dumps([asyncio.run(ask(client)) for client in sys.argv[1:]]))
"""


@pytest.fixture(scope="module")
def site(
    template: Path, tmp_path_factory: pytest.TempPathFactory, postgres_url: str
) -> Iterator[Site]:
    name = f"test_{uuid4().hex}"
    postgres.create_database(postgres_url, name)
    url = postgres.database_url(postgres_url, name)
    yield Site(template, tmp_path_factory.mktemp("admin") / "repository", url)
    postgres.drop_database(postgres_url, name)


@pytest.fixture(scope="module")
def browser(site: Site) -> Iterator[httpx.Client]:
    with site.serving() as client:
        yield client


def test_without_the_answer_nothing_of_it_exists(template: Path, tmp_path: Path) -> None:
    root = write(tmp_path / "shop", REPOSITORY)
    render(template, root, root)
    written = [path for path in layering.files(root) if path != "docs/database.md"]
    named = re.compile(rb"starlette.admin|(add|db|_)_admin|admin_|/admin")
    words = [path for path in written if named.search((root / path).read_bytes())]
    assert words == [layering.ANSWERS]  # db_admin: false
    assert not [path for path in written if "admin" in path]


@pytest.mark.parametrize("name", ["", "production", "staging", "prod-development", "/etc/dev"])
def test_it_is_not_there_outside_of_development(site: Site, name: str) -> None:
    with site.serving(variables={"DATABASE_ENVIRONMENT": name}) as client:
        assert client.get("/admin/").text == "rest"
        assert client.get("/admin").text == "rest"
        assert client.get("/imported").json() == []


@pytest.mark.parametrize(
    "variables",
    [{"ENVIRONMENT": "Development"}, {"APP_ENV": "dev"}, {"ENV": "local"}],
    ids=lambda variables: next(iter(variables)),
)
def test_it_is_there_in_development(site: Site, variables: dict[str, str]) -> None:
    with site.serving(variables=variables) as client:
        assert client.get("/imported").json() == []  # before the first visit
        assert "Authors" in client.get("/admin/").text
        assert client.get("/imported").json() == ["starlette_admin", "layered.models.library"]


def test_variables_that_cannot_be_used_are_no_development(site: Site) -> None:
    variables = DEVELOPMENT | {"DATABASE_POOL_SIZE": "many"}
    with site.serving(variables=variables) as client:
        assert client.get("/admin/").text == "rest"


def test_what_the_application_has_stays(browser: httpx.Client) -> None:
    assert browser.get("/admin/own").text == '"own"'
    assert browser.get("/elsewhere").text == "rest"
    assert browser.get("/administrators").text == "rest"
    assert str(browser.get("/admin", follow_redirects=True).url).endswith("/admin/")
    assert list(browser.get("/openapi.json").json()["paths"]) == ["/imported", "/admin/own"]
    assert browser.get("/health/database").status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example:80"},
        {"Host": ""},
        {"X-Forwarded-For": "127.0.0.1"},
        {"Forwarded": "for=127.0.0.1"},
        {"X-Real-IP": "127.0.0.1"},
        {"Via": "1.1 proxy"},
    ],
    ids=str,
)
def test_without_authentication_it_is_for_this_computer(
    browser: httpx.Client, headers: dict[str, str]
) -> None:
    for path in ("/admin/", "/admin/static/js/sa-dom.js"):
        refused = browser.get(path, headers=headers)
        assert refused.status_code == 403
        assert refused.text.startswith(LOCAL_ONLY)


def test_the_address_of_the_client_counts(site: Site) -> None:
    clients = ("127.0.0.1", "::1", "172.17.0.1", "fe80::1", "testclient", "")
    variables = DEVELOPMENT | {"DATABASE_URL": site.url}
    done = layering.run(
        *(sys.executable, "-c", IN_PROCESS, *clients), cwd=site.folder, variables=variables
    )
    pages = json.loads(done.stdout)  # each in an event loop of its own
    assert ["Authors" in page for page in pages] == [True, True, False, False, False, False]
    assert all(page.startswith(LOCAL_ONLY) for page in pages[2:])


@pytest.mark.parametrize(
    "headers",
    [
        ELSEWHERE,
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
        {},
    ],
    ids=str,
)
def test_other_sites_change_nothing(
    site: Site, browser: httpx.Client, headers: dict[str, str]
) -> None:
    name = uuid4().hex
    refused = submit(browser, "/admin/authors/create", {"name": name}, headers)
    assert (refused.status_code, refused.text[: len(REFUSED)]) == (403, REFUSED)
    deletion = "/admin/_api/authors/action?name=delete&all=1"
    headers = headers | {"X-CSRFToken": token(browser)}
    assert browser.post(deletion, headers=headers).text.startswith(REFUSED)
    assert name not in Server(site.url).ask("SELECT name FROM authors")


def test_an_origin_that_is_the_host_is_ours(browser: httpx.Client) -> None:
    origin = str(browser.base_url).rstrip("/")
    page = submit(browser, "/admin/authors/create", {"name": uuid4().hex}, {"Origin": origin})
    assert page.status_code == 303


def test_a_form_needs_its_token_too(browser: httpx.Client) -> None:
    values = {"name": uuid4().hex}
    page = browser.post("/admin/authors/create", data=values, headers=SAME_ORIGIN)
    assert (page.status_code, page.text) == (403, "CSRF token missing")


def test_no_get_changes_anything(site: Site, browser: httpx.Client) -> None:
    submit(browser, "/admin/authors/create", {"name": uuid4().hex})
    before = Server(site.url).ask("SELECT authors::text FROM authors ORDER BY id")
    for path in ("row-action?name=delete&pk=1", "action?name=delete&all=1", "import"):
        assert browser.get(f"/admin/_api/authors/{path}").status_code == 405
    for path in ("authors/create?name=x", "authors/edit?pk=1&name=x"):
        browser.get(f"/admin/{path}")
    assert Server(site.url).ask("SELECT authors::text FROM authors ORDER BY id") == before


def test_every_answer_forbids_frames_and_other_hosts(browser: httpx.Client) -> None:
    answers = [
        browser.get("/admin/"),
        browser.get("/admin/nothing"),
        browser.get("/admin/static/js/sa-dom.js"),
        browser.post("/admin/authors/create", headers=ELSEWHERE),
        browser.get("/admin/", headers={"Host": "evil.example"}),
    ]
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "http" not in policy
        assert answer.headers["x-frame-options"] == "DENY"
    assert answers[0].headers["cache-control"] == "no-store"
    cookies = [cookie for answer in answers for cookie in answer.headers.get_list("set-cookie")]
    assert all("samesite=lax" in cookie.lower() for cookie in cookies)


def test_strangers_get_the_login_and_nothing_else(site: Site) -> None:
    production = {"DATABASE_ENVIRONMENT": "production"}
    with site.serving("guarded", production) as client:
        for path in ("", "authors/list", "authors/create", "authors/edit?pk=1"):
            page = client.get(f"/admin/{path}")
            assert (page.status_code, page.is_redirect) == (303, True)
            assert "/admin/login?" in page.headers["location"]
        csrf = token(client, "/admin/login")
        headers = SAME_ORIGIN | {"X-CSRFToken": csrf}
        deletion = client.post("/admin/_api/authors/action?name=delete&all=1", headers=headers)
        assert deletion.is_redirect
        wrong = submit(client, "/admin/login", ADA | {"password": "guessed"})
        assert wrong.status_code == 400
        assert client.get("/admin/authors/list").is_redirect
        across = submit(client, "/admin/login", ADA, ELSEWHERE)
        assert across.text.startswith(REFUSED)
        submit(client, "/admin/login", ADA)
        assert client.get("/admin/authors/list", headers={"Host": "shop.example"}).is_success
        logs = "".join(log.read_text("utf-8") for log in site.logs())
        assert "correct horse" not in logs
        assert "guessed" not in logs


def test_rows_are_made_changed_and_deleted(site: Site, browser: httpx.Client) -> None:
    name = uuid4().hex
    born = "1815-12-10T12:00:00"
    values = {"name": name, "role": "in chief", "level": "HIGH", "state": "old", "born": born}
    assert submit(browser, "/admin/authors/create", values).status_code == 303
    ask = Server(site.url).ask
    key, *_ = ask("SELECT id FROM authors ORDER BY id DESC")
    [row] = ask(LAST)
    assert row == f"{key} {name} in chief HIGH old 1815-12-10 12:00:00"
    form = browser.get(f"/admin/authors/edit?pk={key}").text
    assert re.search(r'value="1815-12-10[T ]12:00:00"', form)
    assert re.search(r'value="in chief"\s+selected', form)
    assert not re.search(r'name="(id|created_at|updated_at|books|password_hash)"', form)

    edit = f"/admin/authors/edit?pk={key}"
    forged = {"created_at": "2000-01-01T00:00:00", "id": "77"}
    changed = {"name": name, "role": "writer", "born": "", "state": "new", **forged}
    assert submit(browser, edit, changed).status_code == 303
    assert ask(LAST) == [f"{key} {name} writer new"]
    assert ask("SELECT created_at > '2020-01-01' FROM authors ORDER BY id DESC LIMIT 1") == [True]

    submit(browser, "/admin/books/create", {"title": "Notes", "author": key, "pages": "9"})
    listed = browser.get("/admin/books/list?q=Notes").text
    assert name in plain(listed)
    assert f"/admin/authors/detail?pk={key}" in listed
    assert "Notes" in plain(browser.get(f"/admin/authors/detail?pk={key}").text)

    delete = f"/admin/_api/authors/row-action?name=delete&pk={key}"
    headers = SAME_ORIGIN | {"X-CSRFToken": token(browser)}
    refused = browser.post(delete, headers=headers)
    assert refused.status_code == 400
    assert refused.json() == {"msg": "Other rows refer to it, or what it refers to is gone"}
    book, *_ = ask("SELECT id FROM books ORDER BY id DESC")
    browser.post(f"/admin/_api/books/row-action?name=delete&pk={book}", headers=headers)
    assert browser.post(delete, headers=headers).status_code == 200
    assert key not in ask("SELECT id FROM authors")


def test_keys_of_uuid_and_json_that_nobody_entered(site: Site, browser: httpx.Client) -> None:
    ask = Server(site.url).ask
    state = "SELECT concat_ws(' ', place, note IS NULL, above_id) FROM cards"
    nothing = {"place": "null", "note": "null"}  # what the editor of JSON has before it is used
    assert submit(browser, "/admin/cards/create", nothing).status_code == 303
    assert ask(state) == ["{} t"]
    [first] = ask("SELECT id FROM cards")

    entered = {"place": '{"x": 1}', "note": "{}", "above": str(first)}
    assert submit(browser, "/admin/cards/create", entered).status_code == 303
    assert ask(f"{state} WHERE id <> '{first}'") == [f'{{"x": 1}} f {first}']
    refused = submit(browser, f"/admin/cards/edit?pk={first}", entered)
    assert refused.status_code == 422
    assert "It refers to itself" in refused.text
    second, _ = ask("SELECT id FROM cards ORDER BY above_id")
    changed = {"place": '{"x": 2}', "note": "null", "above": str(second)}
    assert submit(browser, f"/admin/cards/edit?pk={first}", changed).status_code == 303
    assert ask(f"{state} WHERE id = '{first}'") == [f'{{"x": 2}} t {second}']
    empty = changed | {"mark": "", "label": ""}
    assert submit(browser, f"/admin/cards/edit?pk={first}", empty).status_code == 303
    assert ask("SELECT count(*) FROM cards WHERE label IS NULL AND mark IS NULL") == [2]
    for page in ("detail", "edit"):
        assert str(first) in browser.get(f"/admin/cards/{page}?pk={first}").text
    assert browser.get("/admin/cards/detail?pk=none").status_code == 404


def test_columns_that_are_not_for_people(site: Site, browser: httpx.Client) -> None:
    ask = Server(site.url).ask
    submit(browser, "/admin/authors/create", {"name": uuid4().hex})
    author, *_ = ask("SELECT id FROM authors ORDER BY id DESC")
    values = {"title": "Odd", "author": author, "pages": "1", "version": "7"}
    assert submit(browser, "/admin/books/create", values).status_code == 303
    ask("UPDATE books SET lent = '1 day 2 hours', text = 'long' WHERE title = 'Odd'")
    [book] = ask("SELECT id FROM books WHERE title = 'Odd'")
    for path in ("list?q=Odd", f"detail?pk={book}", f"edit?pk={book}"):
        assert browser.get(f"/admin/books/{path}").status_code == 200
    changed = values | {"pages": "2"}
    assert submit(browser, f"/admin/books/edit?pk={book}", changed).status_code == 303
    state = "SELECT concat_ws(' ', lent, text, version) FROM books WHERE title = 'Odd'"
    assert ask(state) == ["1 day 02:00:00 long 2"]

    assert submit(browser, "/admin/animals/create", {"kind": "zebra"}).status_code == 303
    assert ask("SELECT kind FROM animals") == ["animal"]
    assert browser.get("/admin/animals/list").status_code == 200


@pytest.mark.parametrize(
    ("mode", "status"), [("cors", 403), ("no-cors", 403), ("navigate", 200), ("", 403)]
)
def test_other_sites_read_nothing(browser: httpx.Client, mode: str, status: int) -> None:
    headers = {**ELSEWHERE, "Sec-Fetch-Mode": mode}
    for path in ("authors/list", "_api/authors/relation-lookup"):
        assert browser.get(f"/admin/{path}", headers=headers).status_code == status


def test_markup_in_a_row_is_text(browser: httpx.Client) -> None:
    name = f"<script>alert('{uuid4().hex}')</script>"
    submit(browser, "/admin/authors/create", {"name": name})
    for path in ("authors/list", "authors/list?q=script", "authors/list?q=<script>alert"):
        assert "<script>alert" not in browser.get(f"/admin/{path}").text


@pytest.mark.parametrize(
    ("path", "values", "field", "said"),
    [
        ("authors", {"name": "Ada"}, "name", "There is another row with this value"),
        ("authors", {"name": "nobody"}, "name", "This value is not allowed"),
        ("books", {"title": "untitled", "pages": "1"}, "title", "A book has a title"),
        ("books", {"title": "x", "pages": "-1"}, "title", "No book has -1 pages"),
        ("books", {"title": "x", "pages": "99999999999"}, "title", "This value does not fit"),
        ("shelves", {"room": "a", "number": ""}, "number", "required"),
    ],
)
def test_what_is_refused_is_said_in_the_form(
    browser: httpx.Client, path: str, values: dict[str, str], field: str, said: str
) -> None:
    submit(browser, "/admin/authors/create", {"name": "Ada"})
    [author] = re.findall(r"detail\?pk=(\d+)", browser.get("/admin/authors/list?q=Ada").text)[:1]
    others = {"role": "in chief", "born": "1815-12-10T12:00:00"} if path == "authors" else {}
    entered = values | others | {"author": author}
    refused = submit(browser, f"/admin/{path}/create", entered)
    assert refused.status_code == 422
    [message] = re.findall(f'id="{field}-error">([^<]*)<', refused.text)
    assert said in message
    for value in filter(None, values.values()):
        assert f'value="{value}"' in refused.text
    if others:
        assert re.search(r'value="in chief"\s+selected', refused.text)
        assert 'value="1815-12-10 12:00:00"' in refused.text


def test_keys_that_are_none(browser: httpx.Client) -> None:
    for path in ("authors/detail?pk=x", "authors/edit?pk=77777", "authors/detail?pk=", "x/list"):
        assert browser.get(f"/admin/{path}").status_code == 404


def test_no_secret_is_shown_or_logged(site: Site, browser: httpx.Client) -> None:
    secret = f"canary{uuid4().hex}"
    name = uuid4().hex
    submit(browser, "/admin/authors/create", {"name": name, "password_hash": secret})
    key, *_ = Server(site.url).ask("SELECT id FROM authors ORDER BY id DESC")
    for path in ("list", f"list?q={name}", f"detail?pk={key}", f"edit?pk={key}", "list?q=canary"):
        assert secret not in browser.get(f"/admin/authors/{path}").text
    submit(browser, "/admin/authors/create", {"name": name, "password_hash": secret})
    lookup = browser.get(f"/admin/_api/authors/relation-lookup?q={name}")
    assert name in lookup.text
    assert secret not in lookup.text
    logs = "".join(log.read_text("utf-8") for log in site.logs())
    assert "POST /admin/authors/create" in logs
    assert name not in re.sub(r'"GET \S+', "", logs)
    assert secret not in logs
    assert "Traceback" not in logs


def test_a_list_costs_the_same_for_any_number_of_rows(site: Site) -> None:
    with site.serving(variables=DEVELOPMENT | {"DATABASE_ECHO": "true"}) as client:
        submit(client, "/admin/authors/create", {"name": "one"})
        [author] = Server(site.url).ask("SELECT id FROM authors WHERE name = 'one'")
        counts = []
        log = site.logs()[-1]
        for number in (1, 9):
            for title in range(number):
                values = {"title": f"counted {title}", "author": author}
                submit(client, "/admin/books/create", values)
            before = log.read_text("utf-8").count("SELECT")
            assert client.get("/admin/books/list?q=counted").text.count("counted") >= number
            counts.append(log.read_text("utf-8").count("SELECT") - before)
        assert counts[0] == counts[1] <= 4  # each is logged twice


def test_a_database_that_is_away_is_a_503(site: Site) -> None:
    variables = DEVELOPMENT | {"DATABASE_URL": "postgresql://localhost:1/gone"}
    with site.serving(variables=variables) as client:
        away = client.get("/admin/authors/list")
        assert (away.status_code, away.json()["code"]) == (503, "database_unavailable")
        assert away.headers["retry-after"] == "5"
    with site.serving(variables=DEVELOPMENT | {"DATABASE_URL": ""}) as client:
        assert client.get("/admin/authors/list").json()["code"] == "database_not_configured"
    assert "Traceback" not in site.logs()[-1].read_text("utf-8")
