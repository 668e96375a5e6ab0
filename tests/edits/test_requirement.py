import pytest
from packaging.requirements import Requirement

from edits.requirement import Need, Revision, declared_name, missing, revise, sorted_position

FASTAPI = Need(Requirement("fastapi>=0.121"), why="scope is new in it", add=False)
PYDANTIC = Need(Requirement("pydantic>=2"), add=False, raise_range=False)
SQLALCHEMY = Need(Requirement("sqlalchemy[asyncio]>=2.1"))
PINNED = "fastapi {} rules out fastapi >=0.121 (scope is new in it): raise it and run your tests."


@pytest.mark.parametrize(
    "declared",
    [
        pytest.param("fastapi", id="any version"),
        pytest.param("fastapi>=0.95", id="lower bound below the floor"),
        pytest.param("fastapi>=0.95,<1", id="range around the floor"),
        pytest.param("fastapi<=0.121", id="range that ends with the floor"),
        pytest.param("fastapi>0.121,<0.122", id="range directly above the floor"),
        pytest.param("fastapi~=0.130.2", id="compatible release above the floor"),
        pytest.param("fastapi!=0.121", id="the floor itself is excluded"),
        pytest.param("fastapi==0.121.0", id="pin at the floor"),
        pytest.param("fastapi==0.130.1", id="pin above the floor"),
        pytest.param("fastapi==0.*", id="prefix around the floor"),
        pytest.param("fastapi===0.121", id="arbitrary equality at the floor"),
        pytest.param("fastapi>=0.130.0b1", id="pre-release above the floor"),
        pytest.param("fastapi @ git+https://example.org/fastapi@0.95", id="URL"),
        pytest.param("fastapi-users<10", id="longer name"),
        pytest.param("./fastapi", id="path"),
        pytest.param("", id="empty"),
    ],
)
def test_requirement_that_admits_the_floor_is_left_alone(declared: str) -> None:
    assert revise([declared], [FASTAPI]) == Revision([declared], [], [])


@pytest.mark.parametrize(
    ("declared", "raised", "summary"),
    [
        pytest.param("fastapi<0.110", "fastapi>=0.121", "<0.110", id="upper bound"),
        pytest.param("fastapi<0.121", "fastapi>=0.121", "<0.121", id="upper bound at the floor"),
        pytest.param("fastapi~=0.100.0", "fastapi>=0.121", "~=0.100.0", id="compatible release"),
        pytest.param("fastapi >=0.9, <0.99", "fastapi >=0.121", ">=0.9, <0.99", id="spaces"),
        pytest.param("fastapi (<0.110)", "fastapi (>=0.121)", "<0.110", id="parentheses"),
        pytest.param("FastAPI[all]<0.110", "FastAPI[all]>=0.121", "<0.110", id="extras, case"),
        pytest.param(
            "fastapi<0.110 ; python_version > '3.9'",
            "fastapi>=0.121 ; python_version > '3.9'",
            "<0.110",
            id="marker",
        ),
    ],
)
def test_range_below_the_floor_is_raised(declared: str, raised: str, summary: str) -> None:
    assert revise([declared], [FASTAPI]) == Revision(
        [raised], [f"fastapi {summary} -> >=0.121"], []
    )
    assert revise([raised], [FASTAPI]) == Revision([raised], [], [])


@pytest.mark.parametrize(
    "pin",
    [
        pytest.param("==0.95.0", id="pin"),
        pytest.param("==0.95.*", id="prefix"),
        pytest.param("===0.95", id="arbitrary equality"),
        pytest.param("===nightly", id="no version"),
        pytest.param(">=0.9,==0.95.0", id="pin within a range"),
    ],
)
def test_pin_below_the_floor_is_left_to_the_person(pin: str) -> None:
    declared = f"fastapi{pin}"
    assert revise([declared], [FASTAPI]) == Revision([declared], [], [PINNED.format(pin)])


def test_range_is_left_to_the_person_where_the_code_has_to_follow() -> None:
    sentence = "pydantic <2 rules out pydantic >=2: raise it and run your tests."
    assert revise(["pydantic<2"], [PYDANTIC]) == Revision(["pydantic<2"], [], [sentence])


def test_what_is_no_constraint_is_left_to_the_person() -> None:
    sentence = (
        "fastapi =0.95 is not a version constraint; fastapi >=0.121 (scope is new in it) is needed."
    )
    assert revise(["fastapi=0.95"], [FASTAPI]) == Revision(["fastapi=0.95"], [], [sentence])


@pytest.mark.parametrize(
    ("declared", "extended"),
    [
        pytest.param("sqlalchemy", "sqlalchemy[asyncio]", id="bare"),
        pytest.param("SQLAlchemy==2.1.3", "SQLAlchemy[asyncio]==2.1.3", id="pin above the floor"),
        pytest.param("sqlalchemy[mypy] >=2", "sqlalchemy[mypy,asyncio] >=2", id="other extra"),
        pytest.param("sqlalchemy[]>=2", "sqlalchemy[asyncio]>=2", id="empty extras"),
        pytest.param(
            "sqlalchemy>=2;sys_platform=='win32'",
            "sqlalchemy[asyncio]>=2;sys_platform=='win32'",
            id="marker",
        ),
    ],
)
def test_missing_extra_is_added(declared: str, extended: str) -> None:
    expected = Revision([extended], ["sqlalchemy -> sqlalchemy[asyncio]"], [])
    assert revise([declared], [SQLALCHEMY]) == expected
    assert revise([extended], [SQLALCHEMY]) == Revision([extended], [], [])


def test_extra_is_compared_normalised() -> None:
    declared = ["sqlalchemy[ AsyncIO ]>=2.1"]
    assert revise(declared, [SQLALCHEMY]) == Revision(declared, [], [])


def test_range_and_extra_change_together() -> None:
    assert revise(["sqlalchemy[mypy] <2"], [SQLALCHEMY]) == Revision(
        ["sqlalchemy[mypy,asyncio] >=2.1"],
        ["sqlalchemy <2 -> >=2.1", "sqlalchemy -> sqlalchemy[asyncio]"],
        [],
    )


def test_extra_is_not_asked_for_without_extras() -> None:
    assert revise(["sqlalchemy>=2"], [SQLALCHEMY.without_extras()]).declared == ["sqlalchemy>=2"]
    assert SQLALCHEMY.label == "sqlalchemy[asyncio]"


def test_one_of_several_declarations_suffices() -> None:
    declared = ["fastapi<0.100; python_version<'3.9'", "fastapi>=0.121; python_version>='3.9'"]
    assert revise(declared, [FASTAPI]) == Revision(declared, [], [])


def test_ceiling_of_a_need_is_written_behind_its_floor() -> None:
    need = Need(Requirement("pgserver>=0.6,<0.8; sys_platform != 'win32'"))
    assert need.line == 'pgserver>=0.6,<0.8; sys_platform != "win32"'
    assert revise(["pgserver<0.5"], [need]).declared == ["pgserver>=0.6,<0.8"]


def test_need_without_a_version_is_met_by_any() -> None:
    assert revise(["pytest<3"], [Need(Requirement("pytest"))]).declared == ["pytest<3"]


def test_names_are_compared_normalised() -> None:
    need = Need(Requirement("pydantic-settings>=2"))
    assert declared_name("  Pydantic.Settings[yaml]>1") == "pydantic-settings"
    assert missing([need], [declared_name("Pydantic_Settings")]) == []
    assert missing([need, FASTAPI], []) == [need]
    assert revise(["Pydantic_Settings<2"], [need]).declared == ["Pydantic_Settings>=2"]


@pytest.mark.parametrize(
    ("declared", "position"),
    [
        pytest.param([], 0, id="empty"),
        pytest.param(["Alembic", "uvicorn"], 1, id="sorted regardless of case"),
        pytest.param(["uvicorn", "alembic"], 2, id="not sorted"),
        pytest.param(["typing_extensions", "uvicorn"], 0, id="first"),
    ],
)
def test_sorted_position(declared: list[str], position: int) -> None:
    assert sorted_position(declared, SQLALCHEMY) == position
