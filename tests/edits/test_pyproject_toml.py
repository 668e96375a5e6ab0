from textwrap import dedent

import pytest
from packaging.requirements import Requirement

from edits.edit import Edit, task
from edits.pyproject_toml import declares_dependencies, dynamic_dependency_file, edit
from edits.requirement import Need

NEEDS = (
    Need(Requirement("sqlalchemy[asyncio]>=2.1")),
    Need(Requirement("alembic>=1.20")),
    Need(Requirement("fastapi>=0.121"), why="scope is new in it", add=False),
    Need(Requirement("pydantic>=2"), add=False, raise_range=False),
)
DEV_NEEDS = (Need(Requirement("pytest>=8")),)
ADDED = "added sqlalchemy[asyncio], alembic"
ADDED_DEV = "added pytest for development"
PINNED = (
    "fastapi ==0.95 rules out fastapi >=0.121 (scope is new in it): raise it and run your tests."
)
PASTE = ("sqlalchemy[asyncio]>=2.1", "alembic>=1.20")


def run(source: str) -> Edit:
    return edit(source, needs=NEEDS, dev_needs=DEV_NEEDS)


# "-" and "+" mark the lines that go and come.
SHAPES = {
    "uv": (
        f"{ADDED}; {ADDED_DEV}",
        """
         [project]
         name = "shop"  # the name
         requires-python = ">=3.11"
         dependencies = [
        +    "alembic>=1.20",
             "fastapi[standard]>=0.115",
        +    "sqlalchemy[asyncio]>=2.1",
             "uvicorn", # server
         ]

         [dependency-groups]
         lint = ["ruff"]
        -dev = ["mypy"]
        +dev = ["mypy", "pytest>=8"]

         # how it is checked
         [tool.ruff]
         line-length = 99
        """,
    ),
    "group is added to the groups that are there": (
        f"{ADDED}; {ADDED_DEV}",
        """
         [project]
         name = "shop"
        -dependencies = []
        +dependencies = ["alembic>=1.20", "sqlalchemy[asyncio]>=2.1"]

         [dependency-groups]
         lint = ["ruff"]
        +dev = [
        +    "pytest>=8",
        +]

         # how it is checked
         [tool.ruff]
        """,
    ),
    "no group at all": (
        f"{ADDED}; {ADDED_DEV}",
        """
         [project]
         name = "shop"
        +dependencies = [
        +    "alembic>=1.20",
        +    "sqlalchemy[asyncio]>=2.1",
        +]

         # how it is built
         [build-system]
         requires = ["hatchling"]
        +
        +[dependency-groups]
        +dev = [
        +    "pytest>=8",
        +]
        """,
    ),
    "fastapi in an extra only": (
        f"{ADDED}; fastapi <0.110 -> >=0.121",
        """
         [project]
         name = "shop"
         dependencies = [
        -    'typer'
        +    'alembic>=1.20',
        +    'sqlalchemy[asyncio]>=2.1',
        +    'typer'
         ]

         [project.optional-dependencies]
        -api = ["fastapi<0.110", "sqlalchemy>=2"]
        +api = ["fastapi>=0.121", "sqlalchemy>=2"]
         checks = ["pytest"]
        """,
    ),
    "test extra": (
        ADDED_DEV,
        """
         [project]
         name = "shop"
         dependencies = ["sqlalchemy[asyncio]>=2.1", "alembic"]

         [project.optional-dependencies]
        -test = ["httpx"]
        +test = ["httpx", "pytest>=8"]
        """,
    ),
    "dev-dependencies of uv": (
        ADDED_DEV,
        """
         [project]
         dependencies = ["sqlalchemy[asyncio]>=2.1", "alembic"]

         [tool.uv]
        -dev-dependencies = ["ruff", "mypy"]
        +dev-dependencies = ["ruff", "mypy", "pytest>=8"]
        """,
    ),
    "dev-dependencies of PDM, low": (
        "pytest ~=7.0 -> >=8",
        """
         [project]
         dependencies = ["sqlalchemy[asyncio]>=2.1", "alembic"]

         [tool.pdm.dev-dependencies]
        -checks = ["pytest~=7.0"]
        +checks = ["pytest>=8"]
        """,
    ),
    "test tool in an environment of Hatch": (
        "sqlalchemy -> sqlalchemy[asyncio]",
        """
         [project]
        -dependencies = ["sqlalchemy>=2.1", "alembic"]
        +dependencies = ["sqlalchemy[asyncio]>=2.1", "alembic"]

         [tool.hatch.envs.test]
         extra-dependencies = ["pytest"]
        """,
    ),
    "Poetry 1": (
        f"{ADDED}; {ADDED_DEV}; fastapi ^0.95 -> >=0.121",
        """
         [tool.poetry]
         name = "shop"

         [tool.poetry.dependencies]
         python = "^3.11"
        -fastapi = "^0.95"  # web
        +fastapi = ">=0.121"  # web
         uvicorn = {version = "*", extras = ["standard"]}
        +sqlalchemy = {version = ">=2.1", extras = ["asyncio"]}
        +alembic = ">=1.20"

         # tools
         [tool.poetry.group.dev.dependencies]
         ruff = "*"
        +pytest = ">=8"

         [build-system]
         requires = ["poetry-core"]
        """,
    ),
    "Poetry 1 with the old table": (
        f"{ADDED}; {ADDED_DEV}",
        """
         [tool.poetry.dependencies]
         python = "^3.11"
        +sqlalchemy = {version = ">=2.1", extras = ["asyncio"]}
        +alembic = ">=1.20"
         [tool.ruff]
         [tool.poetry.dev-dependencies]
         ruff = "*"
        +pytest = ">=8"
        """,
    ),
    "Poetry 1 with an empty group": (
        ADDED_DEV,
        """
         [tool.poetry.dependencies]
         python = "^3.11"
         sqlalchemy = {version = ">=2.1", extras = ["asyncio"]}
         alembic = ">=1.20"

         [tool.poetry.group.dev.dependencies]
        +pytest = ">=8"

         [build-system]
         requires = ["poetry-core"]
        """,
    ),
    "Poetry 1 without a group": (
        f"{ADDED}; {ADDED_DEV}",
        """
         [tool.poetry.dependencies]
         python = "^3.11"
        +sqlalchemy = {version = ">=2.1", extras = ["asyncio"]}
        +alembic = ">=1.20"
        +
        +[tool.poetry.group.dev.dependencies]
        +pytest = ">=8"
        """,
    ),
    "Poetry 2": (
        f"{ADDED}; {ADDED_DEV}",
        """
         [project]
         name = "shop"
         requires-python = ">=3.11,<4.0"
         dependencies = [
             "uvicorn (>=0.40,<1.0)",
        -    "fastapi (>=0.130,<1.0)"
        +    "fastapi (>=0.130,<1.0)",
        +    "sqlalchemy[asyncio]>=2.1",
        +    "alembic>=1.20"
         ]

         [tool.poetry]
         packages = [{include = "shop"}]

         [tool.poetry.group.dev.dependencies]
         ruff = "^0.15"
        +pytest = ">=8"
        """,
    ),
    "Poetry 2 with dynamic dependencies": (
        ADDED,
        """
         [project]
         name = "shop"
         dynamic = ["dependencies"]

         [tool.poetry.dependencies]
         fastapi = "*"
        +sqlalchemy = {version = ">=2.1", extras = ["asyncio"]}
        +alembic = ">=1.20"

         [tool.poetry.group.test.dependencies]
         pytest = "^8"
        """,
    ),
    "tables in several places": (
        f"{ADDED}; {ADDED_DEV}",
        """
         [project.scripts]
         shop = "shop:main"

         [tool.uv]
         package = true

         [project]
         name = "shop"
        -dependencies = ["fastapi"]
        +dependencies = ["alembic>=1.20", "fastapi", "sqlalchemy[asyncio]>=2.1"]

         [tool.ruff]
         [tool.uv.sources]
         [dependency-groups]
        -dev = []
        +dev = ["pytest>=8"]

         [project.urls]
         home = "https://example.org"
        """,
    ),
}


@pytest.mark.parametrize(
    ("summary", "shape"), [pytest.param(*case, id=name) for name, case in SHAPES.items()]
)
@pytest.mark.parametrize(
    "end", [pytest.param("\n", id="newline"), pytest.param("", id="no newline")]
)
def test_edit(summary: str, shape: str, end: str) -> None:
    lines = dedent(shape).strip("\n").split("\n")
    before = "\n".join(line[1:] for line in lines if not line.startswith("+")) + end
    last_is_new = lines[-1].startswith("+") and not lines[-2].startswith("-")
    after = "\n".join(line[1:] for line in lines if not line.startswith("-"))
    after += "\n" if last_is_new else end
    result = run(before)
    assert result == Edit(after, summary)
    assert run(result.text) == Edit(result.text, "nothing to add")


@pytest.mark.parametrize(
    ("source", "todo"),
    [
        pytest.param(
            '[project]\ndependencies = ["alembic", "sqlalchemy[asyncio]", "fastapi==0.95"]\n'
            'optional-dependencies.dev = ["pytest==7.*"]\n',
            (
                PINNED,
                "pytest ==7.* rules out pytest >=8: raise it and run your tests.",
            ),
            id="pins",
        ),
        pytest.param(
            '[tool.poetry.dependencies]\nalembic = "*"\npydantic = "^1.10"\n'
            'sqlalchemy = {version = "*", extras = ["asyncio"]}\npytest = "*"\n',
            ("pydantic ^1.10 rules out pydantic >=2: raise it and run your tests.",),
            id="range of Poetry that the code has to follow",
        ),
    ],
)
def test_pin_below_the_floor_is_left_to_the_person(source: str, todo: tuple[str, ...]) -> None:
    assert run(source) == Edit(source, "nothing to add", todo)


PYTHON = (
    "{} admits Python below 3.11: the database layer does not run there, "
    'and uv and Poetry resolve for the whole range. Raise it to ">=3.11".'
)


@pytest.mark.parametrize(
    ("table", "key", "python", "low"),
    [
        pytest.param("project", "requires-python", ">=3.9", True, id="low"),
        pytest.param("project", "requires-python", ">=3.10.4", True, id="low by one"),
        pytest.param("project", "requires-python", "<4", True, id="no lower bound"),
        pytest.param("project", "requires-python", ">=3.11", False, id="the floor"),
        pytest.param("project", "requires-python", "~=3.12", False, id="above the floor"),
        pytest.param("project", "requires-python", "==3.12.*", False, id="one version"),
        pytest.param("project", "requires-python", "new", False, id="unreadable"),
        pytest.param("tool.poetry.dependencies", "python", "^3.9", True, id="Poetry"),
        pytest.param("tool.poetry.dependencies", "python", "*", True, id="Poetry, any"),
        pytest.param("tool.poetry.dependencies", "python", "^3.11", False, id="Poetry, enough"),
        pytest.param("tool.poetry.dependencies", "python", "~2.7 || ^3.12", True, id="Poetry, or"),
    ],
)
def test_python_below_the_floor_is_told(table: str, key: str, python: str, *, low: bool) -> None:
    source = f'[{table}]\n{key} = "{python}"\n'
    todo = (PYTHON.format(f'{key} = "{python}"'),) if low else ()
    assert edit(source, needs=(), dev_needs=()) == Edit(source, "nothing to add", todo)


NO_LIST = "Neither [project] nor Poetry lists dependencies here: add these where yours are listed:"
NO_FILE = "The dependencies are dynamic, and the file behind them is not named: add there:"


@pytest.mark.parametrize(
    ("source", "todo"),
    [
        pytest.param("[tool.ruff]\n", task(NO_LIST, *PASTE, "pytest>=8"), id="tool tables only"),
        pytest.param("", task(NO_LIST, *PASTE, "pytest>=8"), id="empty"),
        pytest.param(
            '[dependency-groups]\ndev = ["pytest"]\n', task(NO_LIST, *PASTE), id="groups only"
        ),
        pytest.param(
            '[project]\ndynamic = ["dependencies"]\noptional-dependencies.dev = ["pytest"]\n',
            task(NO_FILE, *PASTE),
            id="dynamic without a file",
        ),
    ],
)
def test_file_without_a_list_is_left_alone(source: str, todo: str) -> None:
    assert run(source) == Edit(source, "nothing to add", (todo,))


def test_dynamic_list_is_left_to_its_file() -> None:
    source = (
        '[project]\ndynamic = ["version", "dependencies"]\n'
        '[tool.setuptools.dynamic]\ndependencies = {file = ["requirements.txt"]}\n'
        '[dependency-groups]\ndev = ["pytest"]\n'
    )
    assert run(source) == Edit(source, "dependencies are read from requirements.txt")


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        pytest.param(
            "[project]\nname = \n", "Unexpected character: '\\n' at line 2 col 7", id="no value"
        ),
        pytest.param("[project]\na = 1\na = 2\n", 'Key "a" already exists', id="key twice"),
    ],
)
def test_invalid_toml_is_left_alone(source: str, reason: str) -> None:
    sentence = f"This is not valid TOML ({reason}): mend it, then add these dependencies:"
    assert run(source) == Edit(source, "not valid TOML", (task(sentence, *PASTE, "pytest>=8"),))


@pytest.mark.parametrize(
    "source",
    [
        pytest.param('project.name = "shop"\n', id="dotted keys"),
        pytest.param('project = {name = "shop"}\n', id="inline table"),
    ],
)
def test_layout_that_is_not_known_is_left_alone(source: str) -> None:
    sentence = "The dependency tables have a layout that is not known here: add these by hand:"
    assert run(source) == Edit(source, "unknown layout", (task(sentence, *PASTE, "pytest>=8"),))


@pytest.mark.parametrize(
    ("source", "declared"),
    [
        pytest.param("[project]\ndependencies = []\n", True, id="project"),
        pytest.param('[project]\noptional-dependencies.api = ["fastapi"]\n', True, id="extra"),
        pytest.param('[tool.poetry.dependencies]\npython = "*"\n', True, id="Poetry"),
        pytest.param("[project\n", True, id="invalid, so that edit says where"),
        pytest.param('[project]\nname = "shop"\n', False, id="nothing listed"),
        pytest.param("[tool.ruff]\n", False, id="tool tables only"),
        pytest.param(
            '[project]\ndynamic = ["dependencies"]\noptional-dependencies.dev = []\n',
            False,
            id="dynamic",
        ),
    ],
)
def test_declares_dependencies(source: str, *, declared: bool) -> None:
    assert declares_dependencies(source) is declared


DYNAMIC = '[project]\ndynamic = ["dependencies"]\n'
HOOK = "[tool.hatch.metadata.hooks.requirements_txt]\n"


@pytest.mark.parametrize(
    ("source", "file"),
    [
        pytest.param(
            f"{DYNAMIC}[tool.setuptools.dynamic]\ndependencies = {{file = ['a.txt', 'b.txt']}}\n",
            "a.txt",
            id="setuptools",
        ),
        pytest.param(
            f"{DYNAMIC}[tool.setuptools.dynamic]\ndependencies.file = 'a.txt'\n",
            "a.txt",
            id="setuptools, one file",
        ),
        pytest.param(f"{DYNAMIC}{HOOK}files = ['a.txt']\n", "a.txt", id="Hatch"),
        pytest.param(f"{DYNAMIC}{HOOK}filename = 'a.txt'\n", "a.txt", id="Hatch, old key"),
        pytest.param(f"{DYNAMIC}{HOOK}files = []\n", None, id="no file"),
        pytest.param(DYNAMIC, None, id="no tool"),
        pytest.param(f"[project]\n{HOOK}files = ['a.txt']\n", None, id="not dynamic"),
        pytest.param("[project]\ndynamic = true\n", None, id="not a list"),
        pytest.param("[project\n", None, id="invalid"),
    ],
)
def test_dynamic_dependency_file(source: str, file: str | None) -> None:
    assert dynamic_dependency_file(source) == file
