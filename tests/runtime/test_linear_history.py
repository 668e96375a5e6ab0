"""`versions/HEAD`: a conflict when two branches add a revision, and the command that mends it."""

import ast
import os
import runpy
import shutil
import subprocess
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from alembic.util import CommandError

import layering
from layering import commit, git, make_repository
from rendering import Tree, write
from runtime.application import Server

VERSIONS = "backend/alembic/versions"
REVISION = '''\
"""Add {name}.

Revision: {name}
After: {after_text}
"""

import sqlalchemy as sa
from alembic import op

revision: str = "{name}"
down_revision: str | tuple[str, ...] | None = {after!r}
branch_labels: str | tuple[str, ...] | None = None
depends_on: str | tuple[str, ...] | None = {depends_on!r}


def upgrade() -> None:
    op.create_table("{name}", sa.Column("id", sa.BigInteger()))


def downgrade() -> None:
    op.drop_table("{name}")
'''


@pytest.fixture
def root(rendered: Tree, tmp_path: Path) -> Path:
    """Return a repository with a first revision, whose path is not one that every tool likes."""
    root = shutil.copytree(rendered.root, tmp_path / "mein 100% Projekt")
    add(root, "first", None)
    return make_repository(root)


def add(root: Path, name: str, after: object, depends_on: str | None = None) -> None:
    """Add a revision as the hook leaves it behind."""
    text = REVISION.format(
        name=name, after=after, after_text=after or "nothing", depends_on=depends_on
    )
    write(root / VERSIONS, {f"{name}.py": text, "HEAD": f"{name} Add {name}\n"})


def head(root: Path) -> str:
    return (root / VERSIONS / "HEAD").read_text("utf-8")


def parents(root: Path) -> dict[str, str]:
    """Return what each revision comes after, by its code and by its docstring."""
    found = {}
    for file in (root / VERSIONS).glob("*.py"):
        tree = ast.parse(file.read_text("utf-8"))
        [after] = [
            line[7:] for line in str(ast.get_docstring(tree)).splitlines() if "After:" in line
        ]
        [code] = [
            node.value.value
            for node in tree.body
            if isinstance(node, ast.AnnAssign)
            and isinstance(node.value, ast.Constant)
            and ast.unparse(node.target) == "down_revision"
        ]
        assert (code or "nothing") == after
        found[file.stem] = after
    return found


def rebase(root: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return layering.run(
        *("python", "-m", "layered.core.database", "rebase", *arguments),
        cwd=root / "backend",
        check=False,
        variables=variables,
    )


def two_branches(root: Path, *local: str) -> None:
    """Add one revision on main and, each in a commit of its own, some on the branch `mine`."""
    git(root, "checkout", "--quiet", "-b", "mine")
    for after, name in zip(("first", *local), local, strict=False):
        add(root, name, after)
        commit(root, name)
    git(root, "checkout", "--quiet", "main")
    add(root, "theirs", "first")
    commit(root, "theirs")


def warnings(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [line for line in done.stderr.splitlines() if not line.startswith("INFO ")]


def bring_together(root: Path, *command: str) -> None:
    done = layering.run("git", *command, cwd=root, check=False)
    assert "CONFLICT (content): Merge conflict in backend/alembic/versions/HEAD" in done.stdout
    assert git(root, "diff", "--name-only", "--diff-filter=U") == f"{VERSIONS}/HEAD\n"


def test_two_developers(root: Path, database_url: str) -> None:
    """With Alembic's commands, up to a database that is where one of them left it."""
    home = root / "backend"

    def alembic(*arguments: str) -> str:
        url = {"DATABASE_URL": database_url}
        return layering.run("alembic", *arguments, cwd=home, variables=url).stdout

    def own_tests() -> int:
        """Run those of the project that need no database."""
        command = ("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/database")
        return layering.run(*command, cwd=home, check=False).returncode

    def revision(name: str) -> str:
        printed = alembic("revision", "-m", f"Add {name}.")
        [file] = (home / "alembic/versions").glob(f"*_add_{name}.py")
        # Not `.../layered/core/database/../../../alembic/versions/...`
        assert f"Generating {file} ...  done" in printed
        text = file.read_text("utf-8")
        for table in (f'op.create_table("{name}", sa.Column("id", sa.Integer))', "op.drop_table"):
            statement = table if "create" in table else f'{table}("{name}")'
            text = text.replace("    pass\n", f"    {statement}\n", 1)
        file.write_text(text, "utf-8")
        identifier = file.name.split("_")[1]
        assert head(root) == f"{identifier} Add {name}\n"
        return identifier

    git(root, "checkout", "--quiet", "-b", "mine")
    mine = revision("mine")
    commit(root, "mine")
    alembic("upgrade", "head")
    git(root, "checkout", "--quiet", "main")
    theirs = revision("theirs")
    commit(root, "theirs")
    git(root, "checkout", "--quiet", "mine")
    bring_together(root, "merge", "main")
    # Alembic does not mind the markers.
    assert '"theirs"' not in alembic("upgrade", mine, "--sql")
    assert own_tests() == 1

    done = rebase(root)

    assert (done.returncode, done.stderr) == (0, "")
    file = next((home / "alembic/versions").glob("*_add_mine.py")).relative_to(home)
    lines = done.stdout.splitlines()
    assert lines == [
        f"{file} now comes after {theirs} Add theirs",
        f"alembic/versions/HEAD: {mine} Add mine",
        f"Next: git add {file} alembic/versions/HEAD",
        "Where a database has it already (this loses the data of its tables):",
        f"  alembic downgrade {theirs}",
        "  alembic stamp first",
        "  alembic upgrade head",
    ]
    layering.run("bash", "-c", lines[2].removeprefix("Next: "), cwd=home)
    git(root, "commit", "--quiet", "--no-edit")
    assert git(root, "status", "--porcelain") == ""

    server = Server(database_url)
    tables = "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
    assert server.ask(tables) == ["alembic_version", "first", "mine"]
    for line in lines[4:]:
        alembic(*line.split()[1:])
    assert server.ask(tables) == ["alembic_version", "first", "mine", "theirs"]
    assert server.ask("SELECT version_num FROM alembic_version") == [mine]
    assert own_tests() == 0


@pytest.mark.parametrize("style", ["merge", "zdiff3"])
def test_git_merge(root: Path, style: str) -> None:
    two_branches(root, "one", "two")
    git(root, "checkout", "--quiet", "mine")
    git(root, "config", "merge.conflictStyle", style)
    bring_together(root, "merge", "main")
    done = rebase(root)
    assert done.returncode == 0, done.stderr
    assert parents(root) == {"first": "nothing", "theirs": "first", "one": "theirs", "two": "one"}
    assert head(root) == "two Add two\n"


def test_git_merge_into_the_main_branch(root: Path) -> None:
    """What is there has been published; databases have it."""
    two_branches(root, "one", "two")
    bring_together(root, "merge", "mine")
    assert rebase(root).returncode == 0
    assert parents(root) == {"first": "nothing", "theirs": "first", "one": "theirs", "two": "one"}
    assert head(root) == "two Add two\n"


def test_git_pull_on_the_main_branch(root: Path, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", str(root), str(clone))
    git(clone, "config", "user.name", "A person")
    git(clone, "config", "user.email", "person@example.com")
    add(root, "theirs", "first")
    commit(root, "theirs")
    add(clone, "one", "first")
    commit(clone, "one")
    bring_together(clone, "pull", "--no-rebase", "--quiet")
    assert rebase(clone).returncode == 0
    assert parents(clone) == {"first": "nothing", "theirs": "first", "one": "theirs"}
    assert head(clone) == "one Add one\n"


@pytest.mark.parametrize("local", [("one",), ("one", "two")])
def test_git_rebase(root: Path, local: tuple[str, ...]) -> None:
    two_branches(root, *local)
    git(root, "checkout", "--quiet", "mine")
    bring_together(root, "rebase", "main")
    done = rebase(root)
    assert done.returncode == 0, done.stderr
    git(root, "add", f"{VERSIONS}/one.py", f"{VERSIONS}/HEAD")
    layering.run("git", "rebase", "--continue", cwd=root, variables={"GIT_EDITOR": "true"})
    assert git(root, "status", "--porcelain") == ""
    assert parents(root) == {
        "first": "nothing",
        "theirs": "first",
        **dict(zip(local, ("theirs", *local), strict=False)),
    }
    assert head(root) == f"{local[-1]} Add {local[-1]}\n"


def test_git_cherry_pick(root: Path) -> None:
    two_branches(root, "one")
    bring_together(root, "cherry-pick", "mine")
    assert rebase(root).returncode == 0
    assert parents(root) == {"first": "nothing", "theirs": "first", "one": "theirs"}
    assert head(root) == "one Add one\n"


def test_git_stash_pop(root: Path) -> None:
    add(root, "one", "first")
    git(root, "stash", "--include-untracked")
    add(root, "theirs", "first")
    commit(root, "theirs")
    bring_together(root, "stash", "pop")
    assert rebase(root).returncode == 0
    assert parents(root) == {"first": "nothing", "theirs": "first", "one": "theirs"}


def test_without_a_conflict_the_revision_is_named(root: Path, bare_python: Path) -> None:
    add(root, "theirs", "first")
    add(root, "one", "first")
    before = layering.files(root)
    done = rebase(root)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "Which one is to follow the other? Say so: rebase REVISION\n"
        "  one Add one (alembic/versions/one.py)\n"
        "  theirs Add theirs (alembic/versions/theirs.py)\n"
    )
    done = rebase(root, "nowhere")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "Can't locate revision identified by 'nowhere'\n"
    assert rebase(root, "first").stderr.startswith("Which one")
    assert layering.files(root) == before

    # Neither git nor a repository is needed for it.
    shutil.rmtree(root / ".git")
    done = layering.run(
        *(bare_python, "-m", "layered.core.database", "rebase", "the"),
        cwd=root / "backend",
        variables={"PATH": str(bare_python.parent)},
    )
    assert parents(root) == {"first": "nothing", "theirs": "one", "one": "first"}
    assert head(root) == "theirs Add theirs\n"


def test_a_conflict_that_nobody_explains(root: Path, bare_python: Path) -> None:
    two_branches(root, "one")
    git(root, "checkout", "--quiet", "mine")
    bring_together(root, "merge", "main")
    done = layering.run(
        *(bare_python, "-m", "layered.core.database", "rebase"),
        cwd=root / "backend",
        check=False,
        variables={"PATH": str(bare_python.parent)},
    )
    assert done.returncode == 1
    assert done.stderr.startswith("Which one is to follow the other?")
    # What was named goes before what the conflict says.
    assert rebase(root, "theirs").returncode == 0
    assert parents(root)["theirs"] == "one"


BY_HAND = "edit `down_revision` by hand until there is one, then run this again\n"
THREE = f"""\
There are 3 heads, expected two: {BY_HAND}\
  a Add a (alembic/versions/a.py)
  b Add b (alembic/versions/b.py)
  c Add c (alembic/versions/c.py)
"""


@pytest.mark.parametrize(
    ("revisions", "sentence"),
    [
        ([("a", "first"), ("b", "first"), ("c", "first")], THREE),
        (
            [("a", "first"), ("b", "first"), ("c", "first"), ("m", ("b", "c"))],
            f"m Add m is a merge, with no place in a line: {BY_HAND}",
        ),
        (
            # The other branch has merged what is ours, and so did we.
            [("a", "first"), ("b", "first"), ("l", ("a", "b")), ("m", ("b", "a"))],
            f"m Add m is a merge, with no place in a line: {BY_HAND}",
        ),
        ([("a", "first"), ("m", "first", "a")], f"m Add m has `depends_on`: {BY_HAND}"),
        ([("a", "first", "m"), ("m", "first")], f"a Add a has `depends_on`: {BY_HAND}"),
    ],
    ids=["three", "merge", "criss-cross", "depends", "is-depended-on"],
)
def test_what_is_no_line_is_refused(
    root: Path, revisions: list[tuple[Any, ...]], sentence: str
) -> None:
    for revision in revisions:
        add(root, *revision)
    before = layering.files(root)
    done = rebase(root, revisions[-1][0])
    assert (done.returncode, done.stdout, done.stderr) == (1, "", sentence)
    assert layering.files(root) == before


def test_one_head_is_written_down(root: Path) -> None:
    (root / VERSIONS / "HEAD").unlink()
    done = rebase(root)
    assert done.returncode == 0
    assert done.stdout == "There is one head. alembic/versions/HEAD: first Add first\n"
    assert head(root) == "first Add first\n"


def test_python_does_not_remember_the_old_parent(root: Path) -> None:
    add(root, "other", "first")
    add(root, "one", "first")
    file = root / VERSIONS / "one.py"
    size, modified = file.stat().st_size, file.stat().st_mtime
    rebase(root, "one")
    # Within the same second.
    os.utime(file, (modified, modified))
    assert file.stat().st_size == size
    assert layering.run("alembic", "heads", cwd=root / "backend").stdout == "one (head)\n"


def test_read_head(root: Path) -> None:
    script = "from layered.core.database.migrations import history; print([history.read_head()])"

    def read() -> str:
        return layering.run("python", "-c", script, cwd=root / "backend").stdout

    assert read() == "['first']\n"
    write(root / VERSIONS, {"HEAD": "<<<<<<< HEAD\na Add a\n=======\nb Add b\n>>>>>>> main\n"})
    assert read() == "['<<<<<<<']\n"
    (root / VERSIONS / "HEAD").unlink()
    assert read() == "[None]\n"


STOCK = """\
'''add things

Revision ID: b
Revises: {a}
Create Date: 2026-01-01

Revises: {a} is what another line may say, too
'''
from alembic import op

# revision identifiers, used by Alembic, such as down_revision = "a"
revision = 'b'
down_revision = {literal}  # é
branch_labels = None


def upgrade():
    down_revision = 'a'
"""


def put_behind(
    rendered: Tree, file: Path, content: bytes, parent: str, before: str | None
) -> bytes:
    file.write_bytes(content)
    room = rendered.application / "core/database/migrations/down_revision.py"
    script = SimpleNamespace(path=str(file), down_revision=before)
    changed: bytes = runpy.run_path(str(room))["put_behind"](script, parent)
    return changed


@pytest.mark.parametrize(
    ("literal", "before", "after"),
    [
        ("'a'", "a", "'cc'"),
        ('"a"', "a", '"cc"'),
        ("('a')", "a", "('cc')"),
        ("None", None, "'cc'"),
        ("é = 'a'", "a", "é = 'cc'"),
    ],
)
def test_nothing_else_changes_in_the_source(
    rendered: Tree, tmp_path: Path, literal: str, before: str | None, after: str
) -> None:
    for bom, newline in product((b"", b"\xef\xbb\xbf"), ("\n", "\r\n")):

        def source(parent: str, literal: str, newline: str = newline) -> bytes:
            text = STOCK.replace("{a}", parent, 1).replace("{literal}", literal)
            return text.replace("{a}", "a").replace("\n", newline).encode()

        content = bom + source(before or "", literal)
        changed = put_behind(rendered, tmp_path / "b.py", content, "cc", before)
        assert changed == bom + source("cc", after)


@pytest.mark.parametrize(
    "parenthesised", ["down_revision = (\n    'a'\n)\n", "down_revision='a';x=1"]
)
def test_other_forms_of_a_literal(rendered: Tree, tmp_path: Path, parenthesised: str) -> None:
    for before in ("", '"""No parent here: After the party."""\n', '"""One line."""; '):
        content = f"{before}{parenthesised}"
        changed = put_behind(rendered, tmp_path / "b.py", content.encode(), "cc", "a")
        assert changed.decode() == content.replace("'a'", "'cc'")


@pytest.mark.parametrize(
    "line",
    [
        "down_revision = 'a' + ''",
        "down_revision = ('a',)",
        "down_revision = f'a'",
        "if True:\n    down_revision = 'a'",
        "down_revision = 'x'\ndown_revision = 'a'",
        "down_revision = 'b'",
    ],
)
def test_what_is_no_literal_is_refused(rendered: Tree, tmp_path: Path, line: str) -> None:
    file = tmp_path / "b.py"
    with pytest.raises(CommandError) as refusal:
        put_behind(rendered, file, f"revision = 'b'\n{line}\n".encode(), "cc", "a")
    assert str(refusal.value) == (
        f"{file} has no `down_revision` with a plain string:"
        ' set it to "cc" by hand, then run this again'
    )


def test_what_is_not_utf_8_is_refused(root: Path) -> None:
    two_branches(root, "one")
    git(root, "checkout", "--quiet", "mine")
    bring_together(root, "merge", "main")
    file = root / VERSIONS / "one.py"
    file.write_bytes(b"# coding: latin-1\n" + file.read_bytes().replace(b"Add", b"\xc4dd"))
    before = layering.files(root)
    done = rebase(root)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (f"{file} is not UTF-8 (invalid continuation byte): edit it by hand\n")
    assert layering.files(root) == before


RUFF = """
[tool.ruff]
line-length = 100
{more}
[tool.ruff.format]
indent-style = "tab"
"""


@pytest.mark.parametrize("more", ["", 'extend-exclude = ["alembic/versions"]'])
def test_ruff_tidies_by_the_rules_of_the_project(root: Path, database_url: str, more: str) -> None:
    home, url = root / "backend", {"DATABASE_URL": database_url}
    pyproject = home / "pyproject.toml"
    pyproject.write_text(pyproject.read_text("utf-8") + RUFF.format(more=more), "utf-8")
    layering.run("alembic", "upgrade", "head", cwd=home, variables=url)
    command = ("alembic", "revision", "--autogenerate", "-m", "tidy")
    done = layering.run(*command, cwd=home, variables=url)
    assert "write hook 'finish_revision' ...\n  done\n" in done.stdout

    [file] = (root / VERSIONS).glob("*tidy.py")
    text = file.read_text("utf-8")
    assert ("def upgrade() -> None:\n\t" in text) is not bool(more)
    # No model has the table of the first revision, so `upgrade()` drops it.
    assert 'op.drop_table("first")' in text.replace("'", '"')
    if not more:
        for options in (("check",), ("format", "--check")):
            layering.run("ruff", *options, "--no-cache", file, cwd=home)
    assert not list(root.rglob(".ruff_cache"))


def test_who_fills_in_by_hand_has_the_imports(root: Path) -> None:
    layering.run("alembic", "revision", "-m", "by hand", cwd=root / "backend")
    [file] = (root / VERSIONS).glob("*by_hand.py")
    assert "import sqlalchemy as sa\n" in file.read_text("utf-8")
    assert "from alembic import op\n" in file.read_text("utf-8")


def test_without_ruff_or_with_one_that_fails(root: Path, bare_python: Path) -> None:
    def revision(name: str) -> str:
        done = layering.run(
            *(bare_python, "-m", "alembic", "revision", "-m", name),
            cwd=root / "backend",
            variables={"PATH": str(bare_python.parent)},
        )
        assert warnings(done) == []
        assert head(root).endswith(f" {name}\n")
        return done.stdout

    printed = revision("without")
    ruff = bare_python.parent / "ruff"
    for content in ("#!/bin/sh\necho noise\necho noise >&2\nexit 2\n", "#!/nowhere\n"):
        ruff.write_text(content)
        ruff.chmod(0o755)
        name = "failing" if "noise" in content else "nowhere"
        assert len(revision(name).splitlines()) == len(printed.splitlines())
    ruff.unlink()


def test_several_heads_leave_the_file_alone(root: Path) -> None:
    command = ("alembic", "revision", "--head", "base", "-m", "other root", "--rev-id", "other")
    done = layering.run(*command, cwd=root / "backend")
    [warning] = warnings(done)
    assert warning == (
        "WARNING [layered.core.database.migrations.history] 2 heads (first Add first, other other"
        " root), so versions/HEAD stays: python -m layered.core.database rebase makes them one"
    )
    assert head(root) == "first Add first\n"
    # No common revision is no obstacle.
    done = rebase(root, "other")
    assert "  alembic stamp base\n" in done.stdout
    assert head(root) == "other other root\n"

    add(root, "third", "first")
    layering.run("alembic", "merge", "-m", "join", "--rev-id", "m", "heads", cwd=root / "backend")
    assert head(root) == "m join\n"


def test_the_recipe_of_a_revision_replaces_an_invalid_index(root: Path, database_url: str) -> None:
    home, server = root / "backend", Server(database_url)
    layering.run("alembic", "revision", "-m", "index", cwd=home)
    [file] = (root / VERSIONS).glob("*index.py")
    text = file.read_text("utf-8")
    [recipe] = text.split("\n\n    with ")[1:]
    recipe = recipe.split("\n\n")[0]
    file.write_text(text.replace("    pass\n", f"    with {recipe}\n", 1), "utf-8")

    server.ask('CREATE TABLE "table" ("column" integer)')
    server.ask('INSERT INTO "table" VALUES (1), (1)')
    with pytest.raises(Exception, match="could not create unique index"):
        server.ask('CREATE UNIQUE INDEX CONCURRENTLY ix_name ON "table" ("column")')
    valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'ix_name'::regclass"
    assert server.ask(valid) == [False]
    for _ in range(2):
        url = {"DATABASE_URL": database_url}
        layering.run("alembic", "upgrade", "head", cwd=home, variables=url)
        assert server.ask(valid) == [True]
        layering.run("alembic", "stamp", "first", cwd=home, variables=url)
