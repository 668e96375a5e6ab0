import pytest
import tomlkit
from packaging.requirements import Requirement
from packaging.specifiers import InvalidSpecifier
from tomlkit import TOMLDocument

from edits.poetry import DependencyTable, specifiers
from edits.requirement import Need

FASTAPI = Need(Requirement("fastapi>=0.121"), why="scope is new in it", add=False)
SQLALCHEMY = Need(Requirement("sqlalchemy[asyncio]>=2.1"))


@pytest.mark.parametrize(
    ("constraint", "meaning"),
    [
        pytest.param("*", [""], id="any"),
        pytest.param("^1.2.3", ["<2,>=1.2.3"], id="caret"),
        pytest.param("^1", ["<2,>=1"], id="caret with one number"),
        pytest.param("^0.95", ["<0.96,>=0.95"], id="caret below one"),
        pytest.param("^0.0.3", ["<0.0.4,>=0.0.3"], id="caret of a patch"),
        pytest.param("^0.0", ["<0.1,>=0.0"], id="caret of zeros"),
        pytest.param("~1.2.3", ["<1.3,>=1.2.3"], id="tilde"),
        pytest.param("~1.2", ["<1.3,>=1.2"], id="tilde with two numbers"),
        pytest.param("~1", ["<2,>=1"], id="tilde with one number"),
        pytest.param("~=1.2", ["~=1.2"], id="compatible release"),
        pytest.param("1.2", ["==1.2"], id="bare version"),
        pytest.param("= 1.2", ["==1.2"], id="equals"),
        pytest.param("1.2.*", ["==1.2.*"], id="wildcard"),
        pytest.param(">= 1.2, <2", ["<2,>=1.2"], id="comma"),
        pytest.param(">=1.2 <2", ["<2,>=1.2"], id="space"),
        pytest.param("^1.0 || ^2.0", ["<2,>=1.0", "<3,>=2.0"], id="or"),
    ],
)
def test_notation(constraint: str, meaning: list[str]) -> None:
    assert [str(alternative) for alternative in specifiers(constraint)] == meaning


@pytest.mark.parametrize("constraint", ["^1.*", "latest", ">=x", "^"])
def test_what_poetry_does_not_know_is_refused(constraint: str) -> None:
    with pytest.raises(InvalidSpecifier):
        specifiers(constraint)


def revised(source: str) -> tuple[str, list[str], list[str]]:
    document: TOMLDocument = tomlkit.parse(source)
    done, todo = DependencyTable(document).revise([FASTAPI, SQLALCHEMY])
    return tomlkit.dumps(document), done, todo


@pytest.mark.parametrize(
    ("before", "after", "done"),
    [
        pytest.param(
            'fastapi = "^0.95"  # web\n',
            'fastapi = ">=0.121"  # web\n',
            ["fastapi ^0.95 -> >=0.121"],
            id="caret",
        ),
        pytest.param(
            "FastAPI = '~0.95'\n",
            "FastAPI = '>=0.121'\n",
            ["fastapi ~0.95 -> >=0.121"],
            id="literal string",
        ),
        pytest.param(
            'fastapi = { version = "<0.110", extras = ["all"] } # web\n',
            'fastapi = { version = ">=0.121", extras = ["all"] } # web\n',
            ["fastapi <0.110 -> >=0.121"],
            id="inline table",
        ),
        pytest.param(
            '[fastapi]\nversion = "^0.95"\n',
            '[fastapi]\nversion = ">=0.121"\n',
            ["fastapi ^0.95 -> >=0.121"],
            id="table",
        ),
        pytest.param(
            'SQLAlchemy = "^2.1" # orm\n',
            'SQLAlchemy = {version = "^2.1", extras = ["asyncio"]} # orm\n',
            ["sqlalchemy -> sqlalchemy[asyncio]"],
            id="extra",
        ),
        pytest.param(
            'sqlalchemy = {extras = ["mypy"], version = "2.1.3"}\n',
            'sqlalchemy = {extras = ["mypy", "asyncio"], version = "2.1.3"}\n',
            ["sqlalchemy -> sqlalchemy[asyncio]"],
            id="one more extra",
        ),
        pytest.param(
            'sqlalchemy = "^1.4"\n',
            'sqlalchemy = {version = ">=2.1", extras = ["asyncio"]}\n',
            ["sqlalchemy ^1.4 -> >=2.1", "sqlalchemy -> sqlalchemy[asyncio]"],
            id="range and extra",
        ),
    ],
)
def test_revise(before: str, after: str, done: list[str]) -> None:
    assert revised(before) == (after, done, [])
    assert revised(after) == (after, [], [])


@pytest.mark.parametrize(
    "source",
    [
        pytest.param('fastapi = "*"\n', id="any"),
        pytest.param('fastapi = "^0.130"\n', id="caret above the floor"),
        pytest.param('fastapi = "0.121"\n', id="pin at the floor"),
        pytest.param('fastapi = "^0.95 || >=0.121"\n', id="one side of an or"),
        pytest.param('fastapi = {path = "../fastapi"}\n', id="path"),
        pytest.param('sqlalchemy = {git = "https://example.org/sa.git"}\n', id="repository"),
        pytest.param("fastapi = 1\n", id="not a constraint at all"),
        pytest.param(
            'fastapi = [{version = "<0.9", python = "<3.9"}, {version = "*", python = ">=3.9"}]\n',
            id="one for each Python",
        ),
    ],
)
def test_entry_that_admits_the_floor_is_left_alone(source: str) -> None:
    assert revised(source) == (source, [], [])


@pytest.mark.parametrize(
    ("source", "todo"),
    [
        pytest.param(
            'fastapi = "0.95.0"\n',
            "fastapi 0.95.0 rules out fastapi >=0.121 (scope is new in it): "
            "raise it and run your tests.",
            id="pin",
        ),
        pytest.param(
            'fastapi = {version = "0.95.*"}\n',
            "fastapi 0.95.* rules out fastapi >=0.121 (scope is new in it): "
            "raise it and run your tests.",
            id="wildcard",
        ),
        pytest.param(
            'fastapi = "latest"\n',
            "fastapi latest is not a version constraint; "
            "fastapi >=0.121 (scope is new in it) is needed.",
            id="unknown",
        ),
        pytest.param(
            'fastapi = [{version = "<0.9", python = "<3.9"}, {version = "<1.0,<0.99"}]\n',
            "fastapi <0.9 and <1.0,<0.99 rule out fastapi >=0.121: "
            "raise the one that applies and run your tests.",
            id="several",
        ),
    ],
)
def test_what_is_left_to_the_person(source: str, todo: str) -> None:
    assert revised(source) == (source, [], [todo])


@pytest.mark.parametrize(
    ("requirement", "line"),
    [
        pytest.param("alembic>=1.20", 'alembic = ">=1.20"', id="plain"),
        pytest.param("alembic", 'alembic = "*"', id="any version"),
        pytest.param(
            "sqlalchemy[asyncio]>=2.1",
            'sqlalchemy = {version = ">=2.1", extras = ["asyncio"]}',
            id="extra",
        ),
        pytest.param(
            "pgserver>=0.6,<0.8; os_name == 'nt'",
            'pgserver = {version = ">=0.6,<0.8", markers = "os_name == \'nt\'"}',
            id="marker",
        ),
    ],
)
def test_line(requirement: str, line: str) -> None:
    assert DependencyTable.line(Need(Requirement(requirement))) == line
    tomlkit.parse(line)
