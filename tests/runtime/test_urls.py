"""What people and hosting platforms write into DATABASE_URL, and what is connected to."""

import ssl
import traceback
from collections.abc import Callable
from importlib import import_module
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr
from sqlalchemy import URL

CANARY = "canary"
FILE = quote(__file__, safe="")  # one that is there
SYSTEM = "certificates of the system"
EXPECTED = ": expected postgresql://user:password@host:5432/name"
NO_URL = f"is not a URL (are special characters in the password encoded?){EXPECTED}"
TLS_MODES = "allow, disable, prefer, require, verify-ca, verify-full"
ATTRIBUTES = "any, prefer-standby, primary, read-only, read-write, standby"

HEROKU = "ec2-3-81-240-17.compute-1.amazonaws.com"
NEON = "ep-cool-darkness-123456.us-east-2.aws.neon.tech"
NEON_POOLED = "ep-cool-darkness-123456-pooler.us-east-2.aws.neon.tech"
NEON_OPTIONS = "sslmode=require&channel_binding=require"
SUPABASE = "db.apbkobhfnmcqqzqeeqss.supabase.co"
SUPABASE_POOLER = "aws-0-us-east-1.pooler.supabase.com"
RDS = "shop.c9akciq32.eu-central-1.rds.amazonaws.com"
RENDER = "dpg-chl1bar-a"
AZURE = "shop.postgres.database.azure.com"

Read = Callable[[str], Any]


@pytest.fixture
def read(layer: Any) -> Read:
    assert layer
    read_url = import_module("layered.core.database.url").read_url
    return lambda url: read_url(SecretStr(url), "DATABASE_URL")


def stated(address: Any) -> dict[str, Any]:
    """Return what the URL says, without what it leaves open."""
    found = dict(vars(address))
    found |= found.pop("arguments")
    url = URL.create(
        *("postgresql+asyncpg", found["user"], None),
        *(*found["hosts"][0], found["database"]),
    )
    assert found.pop("url") == url
    if isinstance(context := found["ssl"], ssl.SSLContext):
        assert (context.check_hostname, context.verify_mode) == (True, ssl.CERT_REQUIRED)
        found["ssl"] = SYSTEM
    return {name: value for name, value in found.items() if value not in (None, "", "any")}


def stating(
    user: str, password: str | None, database: str, *hosts: tuple[str, int | None], **others: str
) -> dict[str, Any]:
    account = {"user": user, "password": password, "database": database}
    found = {**account, "hosts": list(hosts), **others}
    return {name: value for name, value in found.items() if value is not None}


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        pytest.param(
            f"postgres://ukxvmwq:p1fa2@{HEROKU}:5432/d5kjo2",
            stating("ukxvmwq", "p1fa2", "d5kjo2", (HEROKU, 5432)),
            id="Heroku",
        ),
        pytest.param(
            f"postgresql://neondb_owner:npg_x@{NEON_POOLED}/neondb?{NEON_OPTIONS}",
            stating("neondb_owner", "npg_x", "neondb", (NEON_POOLED, None), ssl=SYSTEM),
            id="Neon, pooled",
        ),
        pytest.param(
            f"postgresql://neondb_owner:npg_x@{NEON}/neondb?{NEON_OPTIONS}",
            stating("neondb_owner", "npg_x", "neondb", (NEON, None), ssl=SYSTEM),
            id="Neon, direct",
        ),
        pytest.param(
            f"postgresql://postgres:p@{SUPABASE}:5432/postgres",
            stating("postgres", "p", "postgres", (SUPABASE, 5432)),
            id="Supabase, direct",
        ),
        pytest.param(
            f"postgresql://postgres.apbkobh:p@{SUPABASE_POOLER}:5432/postgres",
            stating("postgres.apbkobh", "p", "postgres", (SUPABASE_POOLER, 5432)),
            id="Supabase, session pooler",
        ),
        pytest.param(
            f"postgres://postgres.apbkobh:p@{SUPABASE_POOLER}:6543/postgres",
            stating("postgres.apbkobh", "p", "postgres", (SUPABASE_POOLER, 6543)),
            id="Supabase, transaction pooler",
        ),
        pytest.param(
            f"postgresql://shop:p@{RDS}:5432/shop?sslmode=verify-full&sslrootcert={__file__}",
            stating(
                "shop",
                "p",
                "shop",
                (RDS, 5432),
                ssl="verify-full",
                dsn=f"postgresql://?sslrootcert={FILE}",
            ),
            id="RDS",
        ),
        pytest.param(
            "postgresql+asyncpg://u:p@/db?host=/cloudsql/project:region:instance",
            stating("u", "p", "db", ("/cloudsql/project:region:instance", None)),
            id="Cloud SQL",
        ),
        pytest.param(
            "postgresql:///db?host=/cloudsql/project:region:instance&user=sa@project.iam",
            stating("sa@project.iam", None, "db", ("/cloudsql/project:region:instance", None)),
            id="Cloud SQL, IAM",
        ),
        pytest.param(
            f"postgresql://u:p@{RENDER}/shop",
            stating("u", "p", "shop", (RENDER, None)),
            id="Render, internal",
        ),
        pytest.param(
            f"postgresql://u:p@{RENDER}.oregon-postgres.render.com/shop",
            stating("u", "p", "shop", (f"{RENDER}.oregon-postgres.render.com", None)),
            id="Render, external",
        ),
        pytest.param(
            "postgres://app:p@app-db.flycast:5432/app?sslmode=disable",
            stating("app", "p", "app", ("app-db.flycast", 5432), ssl="disable"),
            id="Fly",
        ),
        pytest.param(
            "postgres://app:p@ams.app-db.internal:5433,lhr.app-db.internal:5433/app"
            "?sslmode=disable&target_session_attrs=read-write",
            stating(
                "app",
                "p",
                "app",
                ("ams.app-db.internal", 5433),
                ("lhr.app-db.internal", 5433),
                ssl="disable",
                session_attribute="read-write",
            ),
            id="Fly, several regions",
        ),
        pytest.param(
            f"postgres://admin%40shop:p@{AZURE}:5432/postgres?sslmode=require",
            stating("admin@shop", "p", "postgres", (AZURE, 5432), ssl="require"),
            id="Azure",
        ),
    ],
)
def test_urls_of_platforms(read: Read, url: str, expected: dict[str, Any]) -> None:
    assert stated(read(url)) == expected


@pytest.mark.parametrize(
    ("url", "hosts"),
    [
        ("postgres://h", [("h", None)]),
        ("postgresql://h", [("h", None)]),
        ("postgresql+psycopg2://h", [("h", None)]),
        (" postgresql://h\n", [("h", None)]),
        ("postgresql://", [(None, None)]),
        ("postgresql://:5433", [(None, 5433)]),
        ("postgresql://a,,b:1", [("a", None), ("localhost", None), ("b", 1)]),
        ("postgresql://a,b?port=1", [("a", 1), ("b", 1)]),
    ],
)
def test_hosts(read: Read, url: str, hosts: list[Any]) -> None:
    assert stated(read(url)) == {"hosts": hosts}


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        *((f"sslmode={mode}", {"ssl": mode}) for mode in TLS_MODES.split(", ")),
        ("ssl=true", {"ssl": "require"}),
        ("ssl=verify-full", {"ssl": "verify-full"}),
        ("channel_binding=prefer&sslmode=require", {"ssl": "require"}),
        ("channel_binding=disable", {}),
        (
            f"channel_binding=require&sslrootcert={FILE}",
            {"ssl": "verify-full", "dsn": f"postgresql://?sslrootcert={FILE}"},
        ),
        (
            f"sslmode=require&sslcert={FILE}&sslkey={FILE}&sslpassword=%2B%26&sslcrl=",
            {
                "ssl": "require",
                "dsn": f"postgresql://?sslcert={FILE}&sslkey={FILE}&sslpassword=%2B%26&sslcrl=",
            },
        ),
        ("connect_timeout=0", {}),
        ("connect_timeout=-1", {}),
        ("connect_timeout=7", {"connect_timeout": 7}),
        ("application_name=a+b%20c", {"application_name": "a+b c"}),
        ("fallback_application_name=f", {"application_name": "f"}),
        ("fallback_application_name=f&application_name=a", {"application_name": "a"}),
        ("options=-c%20a%3D1%20-c%20b%3D2", {"options": "-c a=1 -c b=2"}),
        ("options=-c a=1", {"options": "-c a=1"}),
        *((f"client_encoding={name}", {}) for name in ("utf8", "UTF8", "UTF-8", "auto")),
        *(
            (f"target_session_attrs={name}", {"session_attribute": name})
            for name in ATTRIBUTES.removeprefix("any, ").split(", ")
        ),
        ("target_session_attrs=any", {}),
        ("gssencmode=prefer&load_balance_hosts=disable", {}),
        ("service=s", {"dsn": "postgresql://?service=s"}),
    ],
)
def test_options(read: Read, option: str, expected: dict[str, Any]) -> None:
    assert stated(read(f"postgresql://h?{option}")) == {"hosts": [("h", None)], **expected}


@pytest.mark.parametrize("option", ["sslrootcert=system", "channel_binding=require"])
@pytest.mark.parametrize("mode", ["", "&sslmode=prefer", "&sslmode=verify-ca"])
def test_options_that_mean_verify_full(read: Read, option: str, mode: str) -> None:
    address = read(f"postgresql://h?{option}{mode}")
    assert stated(address) == {"hosts": [("h", None)], "ssl": SYSTEM}


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://",
        "postgresql://?host=/run",
        "postgresql://h",
        "postgresql://h/",
        "postgresql://h:/d",
        "postgresql://:5433/d",
        "postgresql:///d?host=h&port=5433",
        "postgresql://h:1/d?port=2",
        "postgresql://h/d?port=1&port=2",
        "postgresql://u@h/d?user=v&password=q&dbname=e&host=i",
        "postgresql://u:p@h/d?user=&password=&dbname=&port=",
        "postgresql://u@h",
        "postgresql://u:@h",
        "postgresql://:p@h",
        "postgresql://:@h",
        "postgresql://@h",
        "postgresql://u:a:b@h/d",
        "postgresql://u:a#b?c@h/d#e",
        "postgresql://u:a+b%2B@h/d",
        "postgresql://u:%2525%40%3A%2F@h/d",
        "postgresql://u:;&=,[]$!'\"@h/d",
        "postgresql://u:é%C3%A9@h/d",
        "postgresql://u:a%20b@h/d%20e",
        "postgresql://u : p @ h /d",
        "postgresql://u%40v:p@h/d%2Fe/f",
        "postgresql://u@h/d?application_name=a+b%26#c",
        "postgresql://u@h/d?application%5Fname=a&",
        "postgresql://[::1]/d",
        "postgresql://u:p@[2001:db8::1234]:5433/d",
        "postgresql://[fe80::1%25eth0]/d",
        "postgresql://a,b/d",
        "postgresql://a:1,b/d",
        "postgresql://a:1,[::1]:2,%2Frun:3/d",
        "postgresql://a,b/d?port=1",
        "postgresql://a,b/d?port=1,",
        "postgresql:///d?host=a,b&port=1,2",
        "postgresql://%2Frun%2Fpostgresql/d",
        "postgresql://%2Frun%2Fpostgresql:5433/d",
        "postgresql:///d?host=/run/a:b",
    ],
)
def test_libpq_reads_the_same(read: Read, url: str) -> None:
    theirs = {name: str(value) for name, value in conninfo_to_dict(url).items()}
    hosts = theirs.get("host", "").split(",")
    ports = theirs.get("port", "").split(",")
    ports *= len(hosts) if len(ports) == 1 else 1
    ours = read(url)
    assert ours.hosts == [
        (host or None, int(port) if port else None) for host, port in zip(hosts, ports, strict=True)
    ]
    assert ours.arguments == {
        "user": theirs.get("user") or None,
        "password": theirs.get("password") or None,
        "database": theirs.get("dbname") or None,
        "ssl": None,
    }
    assert ours.application_name == theirs.get("application_name", "")


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("", NO_URL),
        (f"me:{CANARY}@h/d", NO_URL),
        (f"postgresql:/me:{CANARY}@h/d", NO_URL),
        (f"jdbc:postgresql://h/d?password={CANARY}", NO_URL),
        (f"mysql://me:{CANARY}@h/d", f"starts with mysql://{EXPECTED}"),
        (f"sqlite+aiosqlite:///{CANARY}", f"starts with sqlite://{EXPECTED}"),
        (f"POSTGRESQL://me:{CANARY}@h/d", f"starts with POSTGRESQL://{EXPECTED}"),
        # What a password is taken for when its special characters are not encoded.
        (f"postgresql://me@shop:{CANARY}@h/d", NO_URL),
        (f"postgresql://me:a@{CANARY}@h/d", NO_URL),
        (f"postgresql://me:a/{CANARY}@h/d", NO_URL),
        (f"postgresql://me:1/{CANARY}@h/d", NO_URL),
        (f"postgresql://me:1/2?{CANARY}@h/d", NO_URL),
        (f"postgresql://me:1/2?{CANARY}=3@h/d", NO_URL),
        (f"postgresql://me:1/2?/{CANARY}", NO_URL),
        *(
            (
                f"postgresql://me:{CANARY}{escape}@h/d",
                "has a % that does not start an escape: write it as %25",
            )
            for escape in ("%", "%a", "%zz", "%%20")
        ),
        *(
            (f"postgresql://me:{CANARY}{escape}@h/d", "has an escape that is no text in UTF-8")
            for escape in ("%00", "%FC", "%C3")
        ),
        *(
            (f"postgresql://{host}/{CANARY}", f"has a host that cannot be read{EXPECTED}")
            for host in ("[::1", "[]", "[::1]x", "::1", "h:5432x", "h:-1", "h:a", "h[")
        ),
        *(
            (f"postgresql://{CANARY}{port}", "has a port that is no number from 1 to 65535")
            for port in (":0", ":65536", "?port=x", "?port=-1", "?port=²")
        ),
        *(
            (f"postgresql://{CANARY}{port}", "has not one port for each host")
            for port in ("?port=1,2", ",b?port=1,2,3", ",b,c?port=1,2")
        ),
        *(
            (
                f"postgresql://h?connect_timeout={seconds}",
                "has a connect_timeout that is no number of seconds",
            )
            for seconds in ("", "1.5", "5s", CANARY)
        ),
        *(
            (f"postgresql://h?sslmode={mode}", f"has a sslmode other than {TLS_MODES}")
            for mode in ("", "REQUIRE", "verify_full", CANARY)
        ),
        (
            f"postgresql://h?ssl={CANARY}",
            "has a ssl other than allow, disable, prefer, require, true, verify-ca, verify-full",
        ),
        (
            f"postgresql://h?target_session_attrs={CANARY}",
            f"has a target_session_attrs other than {ATTRIBUTES}",
        ),
        (
            f"postgresql://h?channel_binding={CANARY}",
            "has a channel_binding other than disable, prefer, require",
        ),
        ("postgresql://h?gssencmode=require", "has a gssencmode other than disable, prefer"),
        (
            "postgresql://h?load_balance_hosts=random",
            "has a load_balance_hosts other than disable",
        ),
        (f"postgresql://h?client_encoding={CANARY}", "has a client_encoding other than utf8"),
        *(
            (
                f"postgresql://h?sslmode=disable&{option}",
                "has sslmode=disable beside an option that needs TLS",
            )
            for option in ("channel_binding=require", "sslrootcert=system")
        ),
        *(
            (
                f"postgresql://h?{option}&sslkey=k&sslcert={CANARY}",
                "has sslcert, which needs an sslrootcert that is a file",
            )
            for option in ("channel_binding=require", "sslrootcert=system")
        ),
        (
            f"postgresql://h?channel_binding=require&sslcrl={CANARY}",
            "has sslcrl, which needs an sslrootcert that is a file",
        ),
        *(
            (
                f"postgresql://h?{option}=/{CANARY}",
                f"has an {option} that cannot be read: expected the path of a file",
            )
            for option in ("sslrootcert", "sslcert", "sslkey", "sslcrl")
        ),
        (
            f"postgresql://h?pgbouncer={CANARY}",
            "has the option 'pgbouncer': set DATABASE_PGBOUNCER=true instead",
        ),
        *(
            (
                f"postgresql://h?{option}={CANARY}",
                f"has the option '{option}', which this layer cannot honour: take it out",
            )
            for option in ("hostaddr", "keepalives", "require_auth", "requirepeer", "schema")
        ),
    ],
)
def test_refused(layer: Any, read: Read, url: str, sentence: str) -> None:
    with pytest.raises(layer.DatabaseNotConfiguredError) as caught:
        read(url)
    assert str(caught.value) == f"DATABASE_URL {sentence}"
    assert CANARY not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql:/h/d",
        "POSTGRESQL://h",
        "postgresql://u:a%@h",
        "postgresql://u:a%zz@h",
        "postgresql://u:a%00@h",
        "postgresql://[::1",
        "postgresql://[]",
        "postgresql://[::1]x",
        "postgresql://h?a/b",
        "postgresql://h?=a",
        "postgresql://h?schema=a",
    ],
)
def test_libpq_refuses_it_as_well(layer: Any, read: Read, url: str) -> None:
    with pytest.raises(psycopg.ProgrammingError):
        conninfo_to_dict(url)
    with pytest.raises(layer.DatabaseNotConfiguredError):
        read(url)


@pytest.mark.parametrize("variable", ["DATABASE_URL", "ALEMBIC_DATABASE_URL"])
def test_no_url(layer: Any, variable: str) -> None:
    read_url = import_module("layered.core.database.url").read_url
    with pytest.raises(layer.DatabaseNotConfiguredError) as caught:
        read_url(None, variable)
    assert str(caught.value) == f"{variable} is not set in the environment or in .env{EXPECTED}"


def test_the_password_is_not_shown(read: Read) -> None:
    address = read(f"postgresql://me:{CANARY}@h?sslpassword={CANARY}")
    assert address.arguments["password"] == CANARY
    assert CANARY not in repr(address)
