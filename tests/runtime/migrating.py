"""Revisions made by hand, and many processes that run them at once."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from textwrap import indent

import layering
from rendering import Tree

REVISION = '''\
"""{name}."""

import os
import time
from pathlib import Path

import sqlalchemy as sa

from alembic import op

revision = "{name}"
down_revision = {after!r}
branch_labels = None
depends_on = None


def upgrade() -> None:
{upgrade}


def downgrade() -> None:
{downgrade}
'''
# Each leaves a row that would be there twice if it ran twice.
CREATE = """\
key = sa.Column("id", sa.BigInteger(), primary_key=True)
op.create_table("things", key, sa.Column("n", sa.Integer()))
op.create_table("ran", sa.Column("revision", sa.Text()))
op.execute("INSERT INTO things SELECT n FROM generate_series(1, 1000) n")
op.execute("INSERT INTO ran VALUES ('create')")
"""
BACKFILL = """\
op.execute("INSERT INTO ran VALUES ('backfill')")
if mark := os.environ.get("MARK"):
    try:
        Path(mark).open("x").write(str(os.getpid()))
        while Path(mark).exists():
            time.sleep(0.05)
    except FileExistsError:
        pass
op.execute("UPDATE things SET n = id")
"""
INDEX = """\
with op.get_context().autocommit_block():
    op.execute("DROP INDEX CONCURRENTLY IF EXISTS ix_things_n")
    op.create_index("ix_things_n", "things", ["n"], postgresql_concurrently=True)
op.execute("INSERT INTO ran VALUES ('index')")
"""
ADD = """\
op.add_column("things", sa.Column("more", sa.Text()))
op.execute("INSERT INTO ran VALUES ('add')")
"""
UNDO = {
    "create": 'op.drop_table("ran")\nop.drop_table("things")',
    "index": 'op.drop_index("ix_things_n")',
}
THREE = {"create": CREATE, "backfill": BACKFILL, "index": INDEX}


def make_home(rendered: Tree, folder: Path, revisions: Mapping[str, str]) -> Path:
    """Return the folder of alembic.ini in a copy that has these revisions, one after the other."""
    home = shutil.copytree(rendered.root, folder) / "backend"
    after = None
    for name, upgrade in revisions.items():
        add_revision(home, name, after, upgrade, UNDO.get(name, "pass"))
        after = name
    return home


def add_revision(
    home: Path, name: str, after: str | None, upgrade: str, downgrade: str = "pass"
) -> None:
    text = REVISION.format(
        name=name,
        after=after,
        upgrade=indent(upgrade, "    "),
        downgrade=indent(downgrade, "    "),
    )
    (home / f"alembic/versions/{name}.py").write_text(text, "utf-8")


def start(home: Path, *arguments: str, **variables: str) -> "subprocess.Popen[str]":
    """Start the command `alembic`; what it prints and logs is in its standard output."""
    return subprocess.Popen(
        ["alembic", *arguments],
        cwd=home,
        env=layering.environment(variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )


def finish(command: "subprocess.Popen[str]") -> tuple[int, str]:
    try:
        printed = command.communicate(timeout=120)[0]
    except subprocess.TimeoutExpired:
        command.kill()
        printed = "It did not end: " + command.communicate()[0]
    return command.returncode, printed


# Forks that have imported everything, so that they meet.
FORKS = """\
import os
import sys

from alembic.config import main
from layered.core.database.migrations import environment
from layered.core.database.tables import load_models

load_models()
count, *databases = sys.argv[1:]
for url in databases:
    os.environ["DATABASE_URL"] = url
    children = []
    for _ in range(int(count)):
        child = os.fork()
        if not child:
            sys.stdout = open(os.devnull, "w")
            main(["upgrade", "head"])
            os._exit(0)
        children.append(child)
    print(*(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children), flush=True)
"""


def upgrade_at_once(
    home: Path, processes: int, databases: list[str], **variables: str
) -> list[list[int]]:
    """Let so many processes upgrade each of the databases; return their exit codes."""
    done = layering.run(
        *(sys.executable, "-c", FORKS, str(processes), *databases),
        cwd=home,
        variables={"PYTHONPATH": os.curdir, **variables},
    )
    return [[int(code) for code in line.split()] for line in done.stdout.splitlines()]
