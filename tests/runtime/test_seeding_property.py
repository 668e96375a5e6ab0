"""Whatever was seeded and edited before: after a seed, its rows are as it says, and no others."""

from importlib import import_module
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runtime.application import Server
from runtime.seeded import Role, User
from runtime.test_seeding import Seed, seed, seeding, server

__all__ = ["seed", "seeding", "server"]

BATCH = 3  # rows, so that a few are several batches
NAMES = st.sampled_from("abcdefgh")
TITLES = st.sampled_from(["", "x", "y"]) | st.none()
ROLE = {"title": TITLES, "label": st.sampled_from(["p", "q"])}


class Seeding(NamedTuple):
    roles: dict[str, dict[str, Any]]
    """By name, the same attributes in each."""
    users: dict[str, str]
    """Each with the name of a role."""
    roles_last: bool


class Edit(NamedTuple):
    name: str
    title: str | None


class Deletion(NamedTuple):
    name: str


@st.composite
def seedings(draw: st.DrawFn) -> Seeding:
    attributes = draw(st.sets(st.sampled_from(sorted(ROLE))))
    row = st.fixed_dictionaries({name: ROLE[name] for name in sorted(attributes)})
    roles = draw(st.dictionaries(NAMES, row, min_size=1))
    users = draw(st.dictionaries(NAMES, st.sampled_from(sorted(roles))))
    return Seeding(roles, users, draw(st.booleans()))


STEPS = st.lists(
    seedings() | st.builds(Edit, NAMES, TITLES) | st.builds(Deletion, NAMES), min_size=1, max_size=6
)
Tables = dict[str, dict[str, Any]]


def expect(tables: Tables, step: Seeding) -> dict[str, tuple[int, int, int]]:
    """Change the model of the tables and return what the seed is to report."""
    report = {}
    rows = {
        "roles": step.roles,
        "users": {name: {"role": role} for name, role in step.users.items()},
    }
    for table, listed in rows.items():
        known = tables[table]
        created = len(listed.keys() - known.keys())
        updated = sum(
            name in known and known[name] | row != known[name] for name, row in listed.items()
        )
        report[table] = (created, updated, len(listed) - created - updated)
        for name, row in listed.items():
            default = {"title": None, "label": "none"} if table == "roles" else {}
            known[name] = known.get(name, default) | row
    return report


def read(server: Server) -> Tables:
    roles = server.ask("SELECT (name, title, label) FROM roles")
    users = server.ask(
        'SELECT ("First Name", r.name) FROM "other place"."a users" JOIN roles r ON r.id = role_id'
    )
    return {
        "roles": {name: {"title": title, "label": label} for name, title, label in roles},
        "users": {name: {"role": role} for name, role in users},
    }


@pytest.fixture
def small_batches(seeding: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module(f"{seeding.__name__}.batches"), "_ROWS", BATCH)


@pytest.mark.usefixtures("small_batches")
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS)
def test_any_sequence_of_seeds_and_edits_converges(
    seeding: Any, seed: Seed, server: Server, steps: list[Seeding | Edit | Deletion]
) -> None:
    server.ask('TRUNCATE roles, "other place"."a users" CASCADE')
    tables: Tables = {"roles": {}, "users": {}}
    for step in steps:
        if isinstance(step, Edit):
            title = "NULL" if step.title is None else f"'{step.title}'"
            server.ask(
                f"INSERT INTO roles (name, title) VALUES ('{step.name}', {title})"  # noqa: S608
                " ON CONFLICT (name) DO UPDATE SET title = excluded.title"
            )
            role = tables["roles"].setdefault(step.name, {"label": "none"})
            role["title"] = step.title
        elif isinstance(step, Deletion):
            server.ask(f'DELETE FROM "other place"."a users" WHERE "First Name" = \'{step.name}\'')  # noqa: S608
            tables["users"].pop(step.name, None)
            if step.name not in {user["role"] for user in tables["users"].values()}:
                server.ask(f"DELETE FROM roles WHERE name = '{step.name}'")  # noqa: S608
                tables["roles"].pop(step.name, None)
        else:
            roles = [{"name": name, **row} for name, row in step.roles.items()]
            users = [
                {"first": name, "last": "", "role_id": seeding.reference(Role, name=role)}
                for name, role in step.users.items()
            ]
            listed = [
                seeding.Rows(Role, "name", iter(roles)),
                seeding.Rows(User, ("first", "last"), users),
            ]
            expected = expect(tables, step)
            reported = seed(*(reversed(listed) if step.roles_last else listed))
            assert list(reported.values()) == list(expected.values())
            unchanged = {name: (0, 0, sum(counts)) for name, counts in reported.items()}
            listed = [
                seeding.Rows(Role, "name", roles),
                seeding.Rows(User, ("first", "last"), users),
            ]
            assert seed(*listed) == unchanged
        assert read(server) == tables
