import tomllib

import pytest
import tomlkit
from packaging.requirements import Requirement

from edits.requirement import Need
from edits.toml_array import RequirementArray

ALEMBIC, PYDANTIC, SQLALCHEMY = (
    Need(Requirement(line)) for line in ("alembic>=1.20", "pydantic>=2", "sqlalchemy[asyncio]>=2.1")
)


def added(source: str, *needs: Need) -> str:
    document = tomlkit.parse(source)
    RequirementArray(document, "dependencies").add(needs)
    return tomlkit.dumps(document)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("[]", '["sqlalchemy[asyncio]>=2.1"]', id="empty"),
        pytest.param("[ ]", '["sqlalchemy[asyncio]>=2.1"]', id="empty with a space"),
        pytest.param("[\n]", '[\n    "sqlalchemy[asyncio]>=2.1",\n]', id="empty lines"),
        pytest.param(
            "[ # none\n  # yet\n  ]",
            '[ # none\n  # yet\n    "sqlalchemy[asyncio]>=2.1",\n  ]',
            id="comments only",
        ),
        pytest.param('["b", "a"]', '["b", "a", "sqlalchemy[asyncio]>=2.1"]', id="one line"),
        pytest.param('["b", "a",]', '["b", "a", "sqlalchemy[asyncio]>=2.1",]', id="with comma"),
        pytest.param('[ "a", "z" ]', '[ "a", "sqlalchemy[asyncio]>=2.1", "z" ]', id="sorted"),
        pytest.param('["z"]', '["sqlalchemy[asyncio]>=2.1", "z"]', id="first of one line"),
        pytest.param("['a']", "['a', 'sqlalchemy[asyncio]>=2.1']", id="single quotes"),
        pytest.param(
            '[\n  "b",\n  "a",\n]',
            '[\n  "b",\n  "a",\n  "sqlalchemy[asyncio]>=2.1",\n]',
            id="lines",
        ),
        pytest.param(
            '[\n\t"b",\n\t"a"\n]',
            '[\n\t"b",\n\t"a",\n\t"sqlalchemy[asyncio]>=2.1"\n]',
            id="lines without the last comma, tabs",
        ),
        pytest.param(
            '[\n  "b", # x, "y"\n  "a" # z\n  # "off",\n]',
            '[\n  "b", # x, "y"\n  "a", # z\n  "sqlalchemy[asyncio]>=2.1"\n  # "off",\n]',
            id="comments",
        ),
        pytest.param(
            '[ # run time\n  # z is the last\n  "z",\n]',
            '[ # run time\n  "sqlalchemy[asyncio]>=2.1",\n  # z is the last\n  "z",\n]',
            id="first line, above the comment of the next",
        ),
        pytest.param(
            '["b",\n "a"]',
            '["b",\n "a",\n "sqlalchemy[asyncio]>=2.1"]',
            id="hanging",
        ),
        pytest.param(
            '["y",\n "z"]',
            '["sqlalchemy[asyncio]>=2.1",\n "y",\n "z"]',
            id="first of hanging",
        ),
        pytest.param(
            '[\n  "y", "z",\n  "b",\n]',
            '[\n  "y", "z",\n  "b",\n  "sqlalchemy[asyncio]>=2.1",\n]',
            id="several in one line",
        ),
        pytest.param(
            '["a", {include-group = "test"}]',
            '["a", {include-group = "test"}, "sqlalchemy[asyncio]>=2.1"]',
            id="group included last",
        ),
        pytest.param(
            '[\n  {include-group = "test"},\n  "z",\n]',
            '[\n  {include-group = "test"},\n  "sqlalchemy[asyncio]>=2.1",\n  "z",\n]',
            id="group included first",
        ),
        pytest.param(
            '["a; os_name == \\"nt\\"", "b[c]"]',
            '["a; os_name == \\"nt\\"", "b[c]", "sqlalchemy[asyncio]>=2.1"]',
            id="quotes and brackets in strings",
        ),
    ],
)
@pytest.mark.parametrize("tail", ["", "\n", " # end\n\n# about x\n[x]\n"])
def test_add(before: str, after: str, tail: str) -> None:
    text = added(f"dependencies = {before}{tail}", SQLALCHEMY)
    assert text == f"dependencies = {after}{tail}"
    assert SQLALCHEMY.line in tomllib.loads(text)["dependencies"]


def test_several_find_their_places() -> None:
    before = 'dependencies = ["asyncpg", "uvicorn"]'
    after = (
        'dependencies = ["alembic>=1.20", "asyncpg", "pydantic>=2", '
        '"sqlalchemy[asyncio]>=2.1", "uvicorn"]'
    )
    assert added(before, SQLALCHEMY, ALEMBIC, PYDANTIC) == after


@pytest.mark.parametrize(
    ("length", "layout"),
    [
        pytest.param(100, '["{}", "sqlalchemy[asyncio]>=2.1"] # c\n', id="short enough"),
        pytest.param(101, '[\n    "{}",\n    "sqlalchemy[asyncio]>=2.1",\n] # c\n', id="too long"),
    ],
)
def test_long_line_is_broken(length: int, layout: str) -> None:
    filler = "a" * (length - len('dependencies = ["", "sqlalchemy[asyncio]>=2.1"]'))
    text = added(f'dependencies = ["{filler}"] # c\n', SQLALCHEMY)
    assert text == "dependencies = " + layout.format(filler)


def test_included_group_survives_a_broken_line() -> None:
    filler = "z" * 80
    text = added(f'dependencies = [{{include-group = "test"}}, "{filler}"]\n', ALEMBIC)
    assert text == (
        'dependencies = [\n    {include-group = "test"},\n'
        f'    "alembic>=1.20",\n    "{filler}",\n]\n'
    )


def test_array_that_is_not_there_is_created_behind_the_last_key() -> None:
    before = 'name = "x" # n\n\n# about x\n[x]\ny = 1\n'
    after = 'name = "x" # n\ndependencies = [\n    "alembic>=1.20",\n]\n\n# about x\n[x]\ny = 1\n'
    assert added(before, ALEMBIC) == after


def test_marker_is_quoted() -> None:
    need = Need(Requirement("pgserver>=0.6; os_name != 'nt'"))
    assert added("dependencies = []\n", need) == (
        "dependencies = ['pgserver>=0.6; os_name != \"nt\"']\n"
    )


def test_revise_keeps_quotes_and_comments() -> None:
    before = """\
dependencies = [
    'alembic<1',  # old
    # "alembic<1",
    "pydantic <2; os_name == \\"nt\\"",
]
"""
    document = tomlkit.parse(before)
    done, todo = RequirementArray(document, "dependencies").revise([ALEMBIC, PYDANTIC])
    assert (done, todo) == (["alembic <1 -> >=1.20", "pydantic <2 -> >=2"], [])
    after = before.replace("'alembic<1'", "'alembic>=1.20'")
    after = after.replace(r'"pydantic <2; os_name == \"nt\""', "'pydantic >=2; os_name == \"nt\"'")
    assert tomlkit.dumps(document) == after


def test_value_with_both_quotes_is_escaped() -> None:
    document = tomlkit.parse("""dependencies = ["alembic<1; a == 'x' or b == \\"y\\""]\n""")
    RequirementArray(document, "dependencies").revise([ALEMBIC])
    assert tomlkit.dumps(document) == (
        """dependencies = ["alembic>=1.20; a == 'x' or b == \\"y\\""]\n"""
    )
