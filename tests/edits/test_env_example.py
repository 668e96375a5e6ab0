import pytest

from edits.edit import Edit
from edits.env_example import edit

ONE = {"DATABASE_URL": "postgresql://app:app@localhost/app"}
LINES = "# Database\nDATABASE_URL=postgresql://app:app@localhost/app\n"


def run(source: str, variables: dict[str, str] | None = None) -> Edit:
    return edit(source, variables=variables or ONE, heading="# Database")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("", LINES, id="empty file"),
        pytest.param("\n", "\n" + LINES, id="one blank line"),
        pytest.param("A=1\n", "A=1\n\n" + LINES, id="plain"),
        pytest.param("A=1", "A=1\n\n" + LINES, id="no newline at the end"),
        pytest.param("A=1\n\n\n", "A=1\n\n\n" + LINES, id="blank lines at the end stay"),
        pytest.param("A=1\n   \n", "A=1\n   \n\n" + LINES, id="spaces at the end stay"),
        pytest.param(
            "OLD_DATABASE_URL=x\nDATABASE_URL_RO=x\n",
            "OLD_DATABASE_URL=x\nDATABASE_URL_RO=x\n\n" + LINES,
            id="longer names are other names",
        ),
        pytest.param(
            "# the DATABASE_URL= is set by hand\n",
            "# the DATABASE_URL= is set by hand\n\n" + LINES,
            id="prose that mentions the name",
        ),
    ],
)
def test_missing_variable_is_appended(before: str, after: str) -> None:
    assert run(before) == Edit(after, "added DATABASE_URL")
    assert run(after) == Edit(after, "nothing to add")


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("DATABASE_URL=x", id="set"),
        pytest.param("  DATABASE_URL = x\n", id="spaces"),
        pytest.param("DATABASE_URL=\n", id="empty value"),
        pytest.param("DATABASE_URL\n", id="passed through from the shell"),
        pytest.param("export DATABASE_URL=x\n", id="export"),
        pytest.param("# DATABASE_URL=x\n", id="commented out"),
        pytest.param("#DATABASE_URL=x\n", id="commented out without a space"),
        pytest.param("# export DATABASE_URL=x\n", id="export commented out"),
        pytest.param("database_url=x\n", id="lower case, which pydantic-settings reads too"),
    ],
)
def test_variable_that_is_there_is_left_alone(source: str) -> None:
    assert run(source) == Edit(source, "nothing to add")


def test_only_what_is_missing_is_added_in_the_given_order() -> None:
    variables = {"D": "4", "B": '"a b"', "A": "", "C": "3", "E": "5"}
    result = run("B=1\n", variables)
    assert result == Edit("B=1\n\n# Database\nD=4\nA=\nC=3\nE=5\n", "added D, A, C and 1 more")
    assert run(result.text, variables) == Edit(result.text, "nothing to add")


def test_values_are_written_as_given() -> None:
    variables = {"A": "'x y'", "B": "a#b$c"}
    assert run("", variables).text == "# Database\nA='x y'\nB=a#b$c\n"


def test_a_url_of_another_database_is_left_to_the_person() -> None:
    source = 'DATABASE_URL="mongodb+srv://localhost/shop"\n'
    done = run(source)
    assert done.text == source
    [todo] = done.todo
    assert todo == (
        "DATABASE_URL names a mongodb+srv database here, and the layer reads the same variable: "
        "give yours another name, then add:\nDATABASE_URL=postgresql://app:app@localhost/app"
    )
    assert run("# DATABASE_URL=mysql://x\n").todo == ()
    assert run("DATABASE_URL=postgres://x\n").todo == ()
