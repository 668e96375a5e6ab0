"""squawk on the SQL of revisions: what it finds, what it is told to leave, and its absence."""

import re
import shutil
import subprocess
import sysconfig
import tomllib
from pathlib import Path

import pytest

import layering
from layering import commit, git, make_repository
from rendering import Tree, write
from runtime.application import TICKETS

VERSIONS = "backend/alembic/versions"
MORE = """\
    kind: Mapped[str] = mapped_column(String(20))
    size: Mapped[int] = mapped_column(SmallInteger)
    data: Mapped[dict[str, str]] = mapped_column(JSONB)
"""
IMPORTS = """\
from sqlalchemy import SmallInteger, String
from sqlalchemy.dialects.postgresql import JSONB
"""
REVISION = '''\
"""Add {name}.

{note}
"""

import sqlalchemy as sa
from alembic import op

revision = "{name}"
down_revision = {after!r}


def upgrade() -> None:
{statements}
'''
SAFE = 'op.create_table("{name}", sa.Column("id", sa.BigInteger()))'
DROP = 'op.drop_column("first", "name")'


@pytest.fixture
def root(rendered: Tree, tmp_path: Path) -> Path:
    """Return a repository with a first revision on main, of a kind that squawk does not like."""
    root = shutil.copytree(rendered.root, tmp_path / "mein 100% Projekt")
    add(root, "first", None, SAFE.format(name="first"), DROP)
    make_repository(root)
    git(root, "checkout", "--quiet", "-b", "mine")
    return root


def add(root: Path, name: str, after: str | None, *statements: str, note: str = "") -> None:
    lines = "\n".join(f"    {statement}" for statement in statements)
    text = REVISION.format(name=name, after=after, statements=lines, note=note)
    write(root / VERSIONS, {f"2026-01-01_{name}.py": text})


def lint(
    root: Path, *arguments: str, python: str | Path = "python", path: str = ""
) -> subprocess.CompletedProcess[str]:
    return layering.run(
        *(python, "-m", "layered.core.database", "lint", *arguments),
        cwd=root / "backend",
        check=False,
        variables={"PATH": path} if path else None,
    )


def found(printed: str) -> set[str]:
    """Return the rules that squawk names."""
    return set(re.findall(r"warning.*squawkhq\.com/docs/([a-z-]+)", printed))


def test_a_branch_answers_for_its_own_revisions(root: Path) -> None:
    add(root, "second", "first", SAFE.format(name="second"))
    commit(root, "second")
    done = lint(root, "--base", "main")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Found 0 issues in 1 file" in done.stdout

    # One that is not committed yet, while others went on with main.
    add(root, "third", "second", DROP)
    git(root, "stash", "--include-untracked")
    git(root, "checkout", "--quiet", "main")
    add(root, "theirs", "first", DROP)
    commit(root, "theirs")
    git(root, "checkout", "--quiet", "mine")
    git(root, "stash", "pop")
    done = lint(root, "--base=main")
    assert (done.returncode, done.stderr) == (1, "")
    assert found(done.stdout) == {"ban-drop-column"}
    assert "2026-01-01_third.sql:" in done.stdout
    assert "Found 1 issue in 1 file (checked 2 source files)" in done.stdout

    # Without a base, everything.
    done = lint(root)
    assert "2026-01-01_first.sql:" in done.stdout
    assert done.returncode == 1


def test_the_docstring_makes_an_exception(root: Path) -> None:
    add(
        root,
        "second",
        "first",
        DROP,
        note="No process\nneeds it.\n\nsquawk-ignore-file ban-drop-column",
    )
    assert lint(root, "--base", "main").returncode == 0
    add(
        root,
        "second",
        "first",
        DROP,
        'op.drop_table("first")',
        note="squawk-ignore-file ban-drop-column",
    )
    assert found(lint(root, "--base", "main").stdout) == {"ban-drop-table"}


def test_no_revision_is_no_finding(root: Path) -> None:
    done = lint(root, "--base", "main")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "No revision was added since main\n"


def test_a_merge_has_no_sql(root: Path) -> None:
    add(root, "left", "first", SAFE.format(name="left"))
    add(root, "right", "first", SAFE.format(name="right"))
    file = root / VERSIONS / "2026-01-01_m.py"
    file.write_text(
        REVISION.format(name="m", after=("left", "right"), note="", statements="    pass")
    )
    done = lint(root, "--base", "main")
    assert done.returncode == 0, done.stderr
    assert "Found 0 issues in 2 files" in done.stdout


def test_what_stands_in_the_way_is_a_sentence(
    root: Path, bare_python: Path, tmp_path: Path
) -> None:
    bare = str(bare_python.parent)
    done = lint(root, python=bare_python, path=bare)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "squawk was not found on PATH: pip install squawk-cli\n"

    done = lint(root, "--base", "nowhere")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == ("git knows no nowhere: expected a branch or commit that was fetched\n")

    (tmp_path / "bin").mkdir()
    squawk = Path(sysconfig.get_path("scripts")) / "squawk"
    (tmp_path / "bin/squawk").symlink_to(squawk)
    done = lint(root, "--base", "main", python=bare_python, path=str(tmp_path / "bin"))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == ("git was not found on PATH: without --base, all revisions are linted\n")

    add(root, "second", "first", 'op.get_bind().scalar(sa.text("SELECT 1")).bit_count()')
    done = lint(root, "--base", "main")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(
        f"{root / VERSIONS / '2026-01-01_second.py'} cannot be written as SQL ("
    )
    assert done.stderr.endswith("is_offline_mode() before it reads the database\n")


RECIPE = (
    "with op.get_context().autocommit_block():",
    '    op.drop_index("ix_name", if_exists=True, postgresql_concurrently=True)',
    '    op.create_index("ix_name", "table", ["column"], postgresql_concurrently=True)',
)


def test_what_alembic_writes_is_no_finding(root: Path, database_url: str) -> None:
    """Tables with columns of all kinds, and the recipe for an index on a big table."""
    home = root / "backend"
    (root / VERSIONS / "2026-01-01_first.py").unlink()
    write(home / "layered/models", {"tickets.py": f"{IMPORTS}{TICKETS}{MORE}"})
    command = ("alembic", "revision", "--autogenerate", "-m", "tickets", "--rev-id", "tables")
    layering.run(*command, cwd=home, variables={"DATABASE_URL": database_url})
    add(root, "index", "tables", *RECIPE)
    done = lint(root)
    assert done.returncode == 0, done.stdout
    assert "Found 0 issues in 2 files" in done.stdout

    # No rule is left out in vain.
    text = (home / "alembic/squawk.toml").read_text("utf-8")
    sql = layering.run("alembic", "upgrade", "head", "--sql", cwd=home).stdout
    for rule in tomllib.loads(text)["excluded_rules"]:
        write(root, {"all.sql": sql, "other.toml": text.replace(f'"{rule}",', "")})
        done = layering.run(*("squawk", "--config", "other.toml", "all.sql"), cwd=root, check=False)
        assert (done.returncode, found(done.stdout)) == (1, {rule})


def test_what_locks_a_table_is_a_finding(root: Path) -> None:
    add(
        root,
        "second",
        "first",
        'op.create_index("ix_name", "table", ["column"])',
        'op.create_unique_constraint("uq_name", "table", ["column"])',
        'op.create_foreign_key("fk_name", "table", "first", ["column"], ["id"])',
        'op.alter_column("table", "column", type_=sa.Text())',
        'op.alter_column("table", "column", nullable=False)',
        'op.alter_column("table", "column", new_column_name="other")',
        'op.rename_table("table", "other")',
        'op.add_column("other", sa.Column("new", sa.BigInteger(), nullable=False))',
        'op.create_table("old", sa.Column("id", sa.Integer(), primary_key=True))',
        'op.execute("CREATE INDEX CONCURRENTLY ix_other ON other (new)")',
    )
    assert found(lint(root, "--base", "main").stdout) == {
        "require-concurrent-index-creation",
        "disallowed-unique-constraint",
        "constraint-missing-not-valid",
        "adding-foreign-key-constraint",
        "changing-column-type",
        "adding-not-nullable-field",
        "renaming-column",
        "renaming-table",
        "adding-required-field",
        "prefer-identity",
        "ban-concurrent-index-creation-in-transaction",
    }
