"""What a seed writes, and the sentence when it writes nothing."""

import asyncio
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import Any

import asyncpg
import pytest
from sqlalchemy.exc import DBAPIError

from runtime.application import Run, Server
from runtime.seeded import (
    CODES,
    COUNTED,
    OF_TYPES,
    SPARSE,
    VALUES,
    Animal,
    Cat,
    Inexact,
    Kept,
    Role,
    User,
    create_tables,
    membership,
)

Seed = Callable[..., dict[str, tuple[int, int, int]]]


@pytest.fixture
def server(layer: Any, run: Run, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Server:
    monkeypatch.setenv("DATABASE_URL", database_url)
    create_tables(layer, run)
    return Server(database_url)


@pytest.fixture
def seeding(layer: Any) -> Any:
    return import_module(f"{layer.__name__}.seeding")


@pytest.fixture
def seed(seeding: Any, server: Server, run: Run) -> Seed:
    """Return a function that runs the seed in this process; the tables are there."""
    command = import_module(f"{seeding.__name__}.command")
    assert server
    return lambda *rows: run(command._run(lambda: rows, production=False))  # noqa: SLF001


@pytest.fixture
def refusal(seeding: Any, seed: Seed) -> Callable[..., str]:
    """Return a function that returns why a seed was refused."""
    error = import_module(f"{seeding.__name__}.rows").SeedError

    def refusal(*rows: Any) -> str:
        with pytest.raises(error) as caught:
            seed(*rows)
        return str(caught.value)

    return refusal


def test_rows_are_created_updated_and_left_alone(seeding: Any, seed: Seed, server: Server) -> None:
    def roles(**titles: str | None) -> Any:
        rows = [{"name": name, "title": title} for name, title in titles.items()]
        return seeding.Rows(Role, key="name", rows=rows)

    assert seed(roles(admin="A", guest=None)) == {"roles": (2, 0, 0)}
    assert seed(roles(admin="A", guest=None)) == {"roles": (0, 0, 2)}
    server.ask("INSERT INTO roles (name, title) VALUES ('theirs', 'T')")
    server.ask("UPDATE roles SET label = 'theirs'")
    assert seed(roles(guest="G", new="N", admin="A")) == {"roles": (1, 1, 1)}
    assert server.ask("SELECT (name, title, label) FROM roles ORDER BY id") == [
        *(("admin", "A", "theirs"), ("guest", "G", "theirs")),
        *(("theirs", "T", "theirs"), ("new", "N", "none")),
    ]
    assert seed(roles(admin=None)) == {"roles": (0, 1, 0)}
    assert seed(roles()) == {"roles": (0, 0, 0)}
    assert seed() == {}


def test_rows_that_are_there_take_no_number(seeding: Any, seed: Seed, server: Server) -> None:
    for count in (3, 3, 3, 4):
        rows = [{"name": f"role {n}"} for n in range(count)]
        seed(seeding.Rows(Role, key="name", rows=rows))
    assert server.ask("SELECT id FROM roles ORDER BY 1") == [1, 2, 3, 4]


def test_rows_that_are_there_are_not_locked(seeding: Any, seed: Seed, server: Server) -> None:
    rows = seeding.Rows(Role, key="name", rows=[{"name": "admin", "title": "A"}])
    seed(rows)

    async def hold() -> dict[str, tuple[int, int, int]]:
        connection = await asyncpg.connect(server.url)
        async with connection.transaction():
            await connection.execute("SELECT FROM roles FOR UPDATE")
            counts = await asyncio.to_thread(seed, rows)
        await connection.close()
        return counts

    assert asyncio.run(hold()) == {"roles": (0, 0, 1)}


@pytest.mark.parametrize("name", VALUES)
def test_a_value_of_any_type_is_written_once(
    seeding: Any, seed: Seed, run: Run, layer: Any, name: str
) -> None:
    _, values = VALUES[name]
    rows = [{"key": key, "value": value} for key, value in enumerate(values)]
    listed = seeding.Rows(OF_TYPES[name], key="key", rows=rows)
    table = f"of_{name}"
    assert seed(listed) == {table: (len(rows), 0, 0)}
    assert seed(listed) == {table: (0, 0, len(rows))}
    moved = [{"key": row["key"], "value": values[row["key"] - 1]} for row in rows]
    assert seed(seeding.Rows(OF_TYPES[name], key="key", rows=moved)) == {table: (0, len(rows), 0)}
    assert seed(listed) == {table: (0, len(rows), 0)}

    async def read() -> list[Any]:
        async with layer.async_session() as session, session.begin():
            statement = OF_TYPES[name].select().order_by("key")
            return [value for _, value in await session.execute(statement)]

    if name not in {"char", "number", "second", "range", "float", "chars"}:
        assert run(read()) == values


def test_what_python_and_the_server_set(seeding: Any, seed: Seed, server: Server) -> None:
    def write(*values: int) -> Any:
        rows = [{"code": str(code), "value": value} for code, value in enumerate(values)]
        return seed(seeding.Rows(Kept, key="code", rows=rows))["kept"]

    assert write(1, 2, 3) == (3, 0, 0)
    assert server.ask("SELECT count(DISTINCT id) FROM kept") == [3]
    inserted = "SELECT (id, colour, made_at)::text FROM kept ORDER BY code"
    before = server.ask(inserted)
    assert server.ask("SELECT (colour, double, updated_by) FROM kept") == [
        ("red", double, None) for double in (2, 4, 6)
    ]
    server.ask("UPDATE kept SET colour = 'blue' WHERE code = '1'")
    before[1] = before[1].replace("red", "blue")

    assert write(1, 2, 4) == (0, 1, 2)
    assert server.ask(inserted) == before
    assert server.ask(
        "SELECT (code, double, updated_by) FROM kept WHERE updated_at IS NOT NULL"
    ) == [("2", 8, "seed")]


@pytest.mark.usefixtures("small_batches")
def test_defaults_of_many_new_rows(seeding: Any, seed: Seed, server: Server) -> None:
    rows = [{"code": str(n), "value": n} for n in range(1000)]
    assert seed(seeding.Rows(Kept, "code", rows)) == {"kept": (1000, 0, 0)}
    [row] = server.ask(
        "SELECT (count(DISTINCT id), count(made_at), count(updated_at),"
        " count(*) FILTER (WHERE colour = 'red' AND double = 2 * value)) FROM kept"
    )
    assert row == (1000, 1000, 0, 1000)


def test_many_rows_with_arrays(seeding: Any, seed: Seed) -> None:
    rows = [{"key": n, "value": [f"{n}"]} for n in range(12_000)]
    for counts in ((12_000, 0, 0), (0, 0, 12_000)):
        assert seed(seeding.Rows(OF_TYPES["tags"], "key", iter(rows))) == {"of_tags": counts}


def test_nothing_but_null_beside_arrays(seeding: Any, seed: Seed, server: Server) -> None:
    empty: dict[str, Any] = dict.fromkeys(SPARSE)
    full = {name: value for name, (_, value) in SPARSE.items()}
    mixed = [empty, full, *(full | {name: None} for name in SPARSE)]
    for first, second in ((empty, empty), (full, empty), (empty, full)):
        rows = [{"key": key, **row} for key, row in enumerate([first, second, *mixed])]
        for listed in ([rows[0]], rows[:2], rows):
            seed(seeding.Rows(OF_TYPES["sparse"], "key", listed))
            counts = seed(seeding.Rows(OF_TYPES["sparse"], "key", listed))
            assert counts == {"of_sparse": (0, 0, len(listed))}
    nulls = " AND ".join(f"{name} IS NULL" for name in SPARSE)
    assert server.ask(f"SELECT key FROM of_sparse WHERE {nulls} ORDER BY 1") == [0, 2]  # noqa: S608
    filled = " AND ".join(f"{name} IS NOT NULL" for name in SPARSE)
    assert server.ask(f"SELECT key FROM of_sparse WHERE {filled} ORDER BY 1") == [1, 3]  # noqa: S608


def test_text_beside_an_array_is_not_cut_off(
    seeding: Any, refusal: Callable[..., str], server: Server
) -> None:
    for name, value in (("text", "abcd"), ("code", "abcd"), ("tags", ["abcdef"])):
        rows = [{"key": 1, "tags": [], name: value}]
        told = refusal(seeding.Rows(OF_TYPES["sparse"], "key", rows))
        assert told.startswith("of_sparse, row 1: StringDataRightTruncationError")
    assert server.ask("SELECT count(*) FROM of_sparse") == [0]


def test_a_class_that_shares_its_table(seeding: Any, seed: Seed, server: Server) -> None:
    kinds = "SELECT kind FROM animals ORDER BY name"
    seed(seeding.Rows(Cat, "name", [{"name": "a", "lives": 9}]))
    seed(seeding.Rows(Cat, "name", [{"name": "b", "kind": "tiger"}]))
    seed(seeding.Rows(Animal, "name", [{"name": "c"}]))
    assert server.ask(kinds) == ["cat", "tiger", None]
    rows = [{"name": name, "lives": 9} for name in "abc"]
    assert seed(seeding.Rows(Cat, "name", rows)) == {"animals": (0, 2, 1)}
    assert server.ask(kinds) == ["cat", "tiger", None]


def test_numbers_go_on_after_those_of_the_seed(seeding: Any, seed: Seed, server: Server) -> None:
    insert = "INSERT INTO roles (name) VALUES (gen_random_uuid()::text::char(20)) RETURNING id"

    def number(*ids: int) -> Any:
        rows = [{"id": n, "name": f"{n}"} for n in ids]
        seed(seeding.Rows(Role, "id", rows))
        return server.ask(insert)[0]

    assert number(-5, 0) == 1
    assert number(2) == 3
    server.ask("SELECT setval('roles_id_seq', 100)")
    assert number(2, 7) == 101
    server.ask("ALTER SEQUENCE roles_id_seq RESTART WITH 200")
    assert number(150) == 201
    server.ask("ALTER SEQUENCE roles_id_seq RESTART WITH 300")
    assert number(300) == 301


def test_numbers_of_a_serial_and_of_one_that_counts_down(
    seeding: Any, seed: Seed, server: Server
) -> None:
    insert = 'INSERT INTO "other place"."Counted" DEFAULT VALUES RETURNING ("Id", down)'
    for down in (-1, -2):
        assert server.ask(insert) == [(-down, down)]
    seed(seeding.Rows(COUNTED, "Id", [{"Id": 5, "down": 5}]))
    assert server.ask(insert) == [(6, -3)]


def test_tables_come_in_the_order_of_their_foreign_keys(
    seeding: Any, seed: Seed, server: Server
) -> None:
    def user(first: str, **more: Any) -> dict[str, Any]:
        return {"first": first, "last": "X", **more}

    admin = seeding.reference(Role, name="admin")
    ann, bob = (seeding.reference(User, first=name, last="X") for name in ("ann", "bob"))
    key = ("first", "last")
    listed = [
        seeding.Rows(
            membership,
            key=("role_id", "user_id"),
            rows=[{"role_id": admin, "user_id": user} for user in (ann, bob)],
        ),
        seeding.Rows(User, key, (user(name, role_id=admin) for name in ("ann", "cid"))),
        seeding.Rows(User, key, [user("bob", role_id=None, boss_id=ann)]),
        seeding.Rows(Role, key="name", rows=[{"name": "admin"}]),
    ]
    assert list(seed(*listed).items()) == [
        ("roles", (1, 0, 0)),
        ("other place.a users", (3, 0, 0)),
        ("a_membership", (2, 0, 0)),
    ]
    assert server.ask(
        'SELECT (u."First Name", r.name, b."First Name") FROM "other place"."a users" u'
        " LEFT JOIN roles r ON r.id = role_id"
        ' LEFT JOIN "other place"."a users" b ON b.id = u.boss_id ORDER BY 1'
    ) == [("ann", "admin", None), ("bob", None, "ann"), ("cid", "admin", None)]
    assert seed(listed[0], listed[2], listed[3]) == {
        "roles": (0, 0, 1),
        "other place.a users": (0, 0, 1),
        "a_membership": (0, 0, 2),
    }


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ([{"name": "x"}, {"name": "x" * 21}], "2: StringDataRightTruncationError"),
        ([{"name": "x"}, {"name": 5}], "2: DataError"),
        ([{"name": "x"}, {"name": None}], "2: a value of its key is missing"),
        ([{"name": "x"}, {"name": "y"}, {"name": "x"}], "3: a row before has the same key"),
        ([{"name": "x"}, {"name": "y", "title": ""}], "2: expected the attributes name"),
        ([{"title": "x"}], "1: expected the attributes name"),
        ([{"name": "x", "nmae": "x"}], "1: the model has no attribute nmae"),
        ([{"name": "x", "label": "y"}, {"name": "y", "label": None}], "2: null value in column"),
        ([{"name": "x", "id": 1}, {"name": "y", "id": 1}], "2: duplicate key value violates"),
    ],
)
def test_a_row_that_is_refused_has_its_number(
    seeding: Any, refusal: Callable[..., str], server: Server, rows: Any, sentence: str
) -> None:
    assert refusal(seeding.Rows(Role, "name", rows)).startswith(f"roles, row {sentence}")
    assert server.ask("SELECT count(*) FROM roles") == [0]


@pytest.fixture
def small_batches(seeding: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module(f"{seeding.__name__}.batches"), "_ROWS", 100)


@pytest.mark.usefixtures("small_batches")
def test_a_row_of_a_later_batch_is_found(
    seeding: Any, refusal: Callable[..., str], server: Server
) -> None:
    for wrong, count in ((777, 1200), (1200, 1200), (1, 101), (100, 100), (101, 101)):
        names = (f"{n}" if n != wrong else "x" * 21 for n in range(1, count + 1))
        told = refusal(seeding.Rows(Role, "name", ({"name": name} for name in names)))
        assert told.startswith(f"roles, row {wrong}: StringDataRightTruncationError")
    assert server.ask("SELECT count(*) FROM roles") == [0]


REFERENCES: list[tuple[Any, dict[str, Any], str]] = [
    (Role, {"name": "nobody"}, "refers to roles by name: 0 rows, expected one"),
    (Role, {"label": "none"}, "refers to roles by label: 2 rows, expected one"),
    (Role, {"nmae": "x"}, "refers to roles by nmae: expected a foreign key to it, and"),
    (Role, {}, "refers to roles by : expected a foreign key to it, and"),
    (Kept, {"code": "x"}, "refers to kept by code: expected a foreign key to it, and"),
]


@pytest.mark.parametrize(("model", "key", "problem"), REFERENCES)
def test_a_reference_that_is_refused(
    seeding: Any, refusal: Callable[..., str], model: Any, key: Any, problem: str
) -> None:
    roles = seeding.Rows(Role, "name", [{"name": "a"}, {"name": "b"}])
    known = seeding.reference(Role, name="a")
    rows = [{"first": f"{n}", "last": "", "role_id": known} for n in range(7)]
    rows[5]["role_id"] = seeding.reference(model, **key)
    told = refusal(roles, seeding.Rows(User, ("first", "last"), rows))
    assert told.startswith(f"other place.a users, row 6: role_id {problem}")


def test_a_reference_by_a_value_of_another_type(
    seeding: Any, refusal: Callable[..., str], server: Server
) -> None:
    row = {"first": "", "last": "", "role_id": seeding.reference(Role, name=5)}
    told = refusal(seeding.Rows(User, ("first", "last"), [row]))
    assert told.startswith("other place.a users, row 1: DataError")
    assert server.ask("SELECT count(*) FROM roles") == [0]


@pytest.mark.parametrize(
    ("key", "value", "kind"), [("tags", ["a"], "list"), ("document", {"a": 1}, "dict")]
)
def test_a_key_that_is_not_hashable(
    seeding: Any, refusal: Callable[..., str], key: str, value: Any, kind: str
) -> None:
    assert refusal(seeding.Rows(Inexact, key, [{key: value, "slug": ""}])) == (
        f"inexact: expected a key of plain values, found unhashable type: '{kind}'"
    )


def test_a_default_that_looks_at_its_row(
    seeding: Any, seed: Seed, refusal: Callable[..., str], server: Server
) -> None:
    rows = [{"name": "a"}, {"name": "b"}]
    assert refusal(seeding.Rows(Inexact, "name", rows)) == (
        "inexact.slug: its default needs get_current_parameters: list a value in each row"
    )
    assert server.ask("SELECT count(*) FROM inexact") == [0]
    for slug, counts in (("", (1, 0, 0)), ("a", (0, 1, 0))):
        rows = [{"name": "a", "slug": slug}]
        assert seed(seeding.Rows(Inexact, "name", rows)) == {"inexact": counts}


def test_a_number_that_is_always_generated(seeding: Any, seed: Seed, server: Server) -> None:
    rows = [{"id": 5, "name": "a", "slug": ""}]
    with pytest.raises(DBAPIError, match='cannot insert a non-DEFAULT value into column "id"'):
        seed(seeding.Rows(Inexact, "id", rows))
    assert server.ask("SELECT count(*) FROM inexact") == [0]


def test_a_key_needs_a_constraint(seeding: Any, refusal: Callable[..., str]) -> None:
    rows = ({"name": f"{n}", "title": "x"} for n in range(6_000))
    told = refusal(seeding.Rows(Role, ("name", "title"), rows))
    assert told == "roles: no unique constraint is on name, title alone"


@pytest.mark.usefixtures("small_batches")
def test_rows_that_are_found_after_many_new_ones(seeding: Any, seed: Seed, server: Server) -> None:
    """From the second batch on, rows are at first inserted as if none were there."""
    server.ask("INSERT INTO roles (name, title) VALUES ('150', 'old'), ('550', ''), ('551', 'x')")
    rows = [{"name": f"{n}", "title": ""} for n in range(1000)]
    assert seed(seeding.Rows(Role, "name", rows)) == {"roles": (997, 2, 1)}
    assert server.ask("SELECT count(*) FROM roles WHERE title = ''") == [1000]


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize("table", [Role.__table__, CODES], ids=str)
def test_the_table_is_not_read_for_each_batch(
    seeding: Any, seed: Seed, server: Server, table: Any
) -> None:
    rows = [{"name": f"{n}"} for n in range(20_000)]
    name = str(table)
    assert seed(seeding.Rows(table, "name", rows)) == {name: (20_000, 0, 0)}
    server.ask(f"ANALYZE {name}")
    read = (
        "SELECT sum(seq_tup_read)::int + sum(idx_tup_read)::int"  # noqa: S608
        " FROM pg_stat_user_tables JOIN pg_stat_user_indexes USING (relid)"
        f" WHERE pg_stat_user_tables.relname = '{name}'"
    )
    [before] = server.ask(read)
    assert seed(seeding.Rows(table, "name", rows)) == {name: (0, 0, 20_000)}
    assert server.connections() == 0
    [after] = server.ask(read)
    assert after - before <= 20_000


def test_nothing_but_a_key(seeding: Any, seed: Seed) -> None:
    rows = [{"key": n} for n in range(3)]
    for counts in ((3, 0, 0), (0, 0, 3)):
        assert seed(seeding.Rows(OF_TYPES["text"], "key", rows)) == {"of_text": counts}


def test_a_partitioned_table(seeding: Any, seed: Seed, server: Server) -> None:
    server.ask("DROP TABLE of_text")
    server.ask("CREATE TABLE of_text (key int PRIMARY KEY, value text) PARTITION BY HASH (key)")
    server.ask("CREATE TABLE p PARTITION OF of_text FOR VALUES WITH (MODULUS 1, REMAINDER 0)")
    for value, counts in (("a", (1, 0, 0)), ("a", (0, 0, 1)), ("b", (0, 1, 0))):
        rows = [{"key": 1, "value": value}]
        assert seed(seeding.Rows(OF_TYPES["text"], "key", rows)) == {"of_text": counts}


def wait_until_one_waits(server: Server) -> None:
    for _ in range(1000):
        if server.ask(
            "SELECT pid FROM pg_stat_activity"
            " WHERE wait_event_type = 'Lock' AND datname = current_database()"
        ):
            return
        time.sleep(0.01)
    raise AssertionError("Nobody waits")


@pytest.mark.parametrize("value", ["same", "other"])
def test_the_application_may_be_faster(
    seeding: Any, seed: Seed, server: Server, value: str
) -> None:
    """It has inserted a row that the seed cannot see yet, and commits when the seed waits."""

    async def race() -> Any:
        connection = await asyncpg.connect(server.url)
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute("INSERT INTO roles (name, title) VALUES ('a', $1)", value)
        rows = [{"name": "a", "title": "same"}, {"name": "b", "title": "same"}]
        running = asyncio.create_task(asyncio.to_thread(seed, seeding.Rows(Role, "name", rows)))
        await asyncio.to_thread(wait_until_one_waits, server)
        await transaction.commit()
        await connection.close()
        return await running

    written = 1 if value == "same" else 2
    assert asyncio.run(race()) == {"roles": (written, 0, 2 - written)}
    assert server.ask("SELECT title FROM roles ORDER BY name") == ["same", "same"]


def test_a_seed_waits_for_another(seeding: Any, seed: Seed, server: Server) -> None:
    """Nothing of the second is written, nor even read from its generator, before."""
    events = []

    def first() -> Iterator[dict[str, str]]:
        events.append("first begins")
        yield {"name": "first"}
        waiting = threads.submit(seed, seeding.Rows(Role, "name", second()))
        connected = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        while threads.submit(server.ask, connected).result() < [3]:  # with this one
            time.sleep(0.01)
        time.sleep(0.5)
        assert not waiting.done()
        events.append("first ends")

    def second() -> Iterator[dict[str, str]]:
        events.append("second begins")
        yield {"name": "second"}

    with ThreadPoolExecutor() as threads:
        seed(seeding.Rows(Role, "name", first()))
    assert events == ["first begins", "first ends", "second begins"]
    assert server.ask("SELECT name FROM roles ORDER BY id") == ["first", "second"]


def test_seeds_run_one_after_another(seeding: Any, seed: Seed, server: Server) -> None:
    rows = [{"name": f"{n}", "title": ""} for n in range(100)]

    def run(number: int) -> Any:
        # In different orders, at the same time, they would end in a deadlock.
        return seed(seeding.Rows(Role, "name", rows[:: (-1) ** number]))["roles"]

    with ThreadPoolExecutor(20) as threads:
        counts = sorted(threads.map(run, range(20)))
    assert counts == [(0, 0, 100)] * 19 + [(100, 0, 0)]
    assert server.ask("SELECT id FROM roles ORDER BY 1") == [*range(1, 101)]
