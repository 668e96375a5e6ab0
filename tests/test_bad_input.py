"""Input that cannot be used: a sentence for the person, and nothing half-written."""

import configparser
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from layering import (
    ANSWERS,
    answers,
    files,
    git,
    layer,
    make_host,
    make_repository,
    run,
)

MAIN = "from fastapi import FastAPI\n\napp = FastAPI()\n"
SMALLEST = {"main.py": MAIN, "requirements.txt": "fastapi>=0.121\n"}
WHERE = (
    "expected the folder of the application, relative to the repository, like backend/app. "
    "Correct it, or leave it out to see what is found."
)
ADOPTING = (
    "expected an application without a database layer, since adopting an existing set-up is a "
    "later release. If it is unused, remove it and run the copy again."
)
NOTHING = (
    "No FastAPI application was found in this repository: expected a module with `FastAPI(...)`, "
    "outside of tests, examples and scripts. Start with one, then layer the database onto it."
)


def make(root: Path, **contents: str) -> Path:
    """Make a repository of files, whose names are given with `__` for a slash."""
    for name, content in contents.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return make_repository(root)


def said(done: subprocess.CompletedProcess[str]) -> str:
    """Return what was printed, with the line breaks taken out."""
    assert "Traceback" not in done.stdout + done.stderr
    return " ".join(done.stderr.split())


def refused(template: Path, root: Path, *options: str, **data: object) -> str:
    before = files(root)
    done = layer(template, root, *options, check=False, **data)
    assert done.returncode == 1
    assert files(root) == before
    assert "Nothing was written." in done.stderr
    return said(done)


@pytest.fixture(scope="module")
def smallest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a repository that no test may change."""
    return make(tmp_path_factory.mktemp("smallest") / "shop", **SMALLEST)


def test_no_application(template: Path, tmp_path: Path) -> None:
    root = make(tmp_path / "shop", **{"main.py": "print('hello')\n"})
    assert NOTHING in refused(template, root)


def test_folder_that_does_not_exist(template: Path, tmp_path: Path) -> None:
    done = layer(template, tmp_path / "none", check=False)
    assert done.returncode == 1
    sentence = f"{tmp_path / 'none'} does not exist: expected the folder of a FastAPI project."
    assert f"{sentence} Check the path. Nothing was written." in said(done)
    assert list(tmp_path.iterdir()) == []


def test_file_as_destination(template: Path, tmp_path: Path) -> None:
    path = tmp_path / "main.py"
    path.write_text(MAIN, encoding="utf-8")
    done = layer(template, path, check=False)
    assert done.returncode == 1
    sentence = f"{path} is a file: expected the folder of a FastAPI project."
    assert f"{sentence} Name its folder instead. Nothing was written." in said(done)
    assert files(tmp_path) == {"main.py": MAIN.encode()}


@pytest.mark.parametrize(
    ("folder", "found"),
    [
        ("nowhere", "which does not exist"),
        ("..", "which leads out of the repository"),
        ("../other", "which leads out of the repository"),
        ("/etc", "an absolute path"),
        ("main.py", "which is a file, a link or a folder that tools fill"),
        ("{{ _copier_conf }}", "which does not exist"),
    ],
)
def test_folder_of_the_application(template: Path, smallest: Path, folder: str, found: str) -> None:
    printed = refused(template, smallest, db_app_dir=folder)
    assert f"db_app_dir is {folder!r}, {found}: {WHERE}" in printed


def test_package_whose_name_is_no_identifier(template: Path, tmp_path: Path) -> None:
    main = "from fastapi import FastAPI\n\nfrom .routes import names\n\napp = FastAPI()\n"
    root = make(
        tmp_path / "shop",
        **{"my-shop/__init__.py": "", "my-shop/main.py": main, "my-shop/routes.py": "names = 1\n"},
    )
    for data in ({}, {"db_app_dir": "my-shop"}):
        assert (
            "my-shop/main.py imports its neighbours with '.', but is in no package: expected "
            "folders whose names are Python identifiers; rename them first."
        ) in refused(template, root, **data)


@pytest.mark.parametrize(
    ("question", "value", "sentence"),
    [
        *(
            ("db_pool_size", value, f"{value} is out of range: expected 1 to 1000.")
            for value in ("0", "-1", "9" * 30)
        ),
        ("db_max_overflow", "-1", "-1 is out of range: expected 0 to 1000."),
        *(
            ("db_pool_size", value, f"{value!r}: expected a whole number of connections.")
            for value in ("abc", "1.5", "")
        ),
        ("db_primary_key", "serial", "db_primary_key is 'serial': expected integer or uuid7."),
        ("db_edit_files", "maybe", "'maybe': expected true or false."),
        ("db_update_workflow", "maybe", "'maybe': expected true or false."),
        ("db_admin", "maybe", "'maybe': expected true or false."),
        (
            "db_pol_size",
            "9",
            (
                "There is no question db_pol_size: expected one of db_app_dir, project_name, "
                "db_primary_key, db_pool_size, db_max_overflow, db_edit_files, "
                "db_update_workflow, db_admin."
            ),
        ),
        ("db_docs", "../docs.md", "There is no question db_docs: expected one of db_app_dir,"),
    ],
)
def test_answer(template: Path, smallest: Path, question: str, value: str, sentence: str) -> None:
    printed = refused(template, smallest, **{question: value})
    assert sentence in printed
    assert question in printed.rpartition("Nothing was written.")[0].rpartition("Running task")[2]


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("alembic.ini", "[alembic]\n", "alembic.ini is an Alembic configuration"),
        ("alembic/env.py", "", "alembic holds migrations"),
        ("migrations/env.py", "", "migrations holds migrations"),
        (
            "storage.py",
            "from sqlalchemy import create_engine\n\nengine = create_engine('sqlite://')\n",
            "storage.py creates an SQLAlchemy engine in line 3",
        ),
        (
            "storage.py",
            "import sqlmodel\n\nengine = sqlmodel.create_engine('sqlite://')\n",
            "storage.py creates an SQLAlchemy engine in line 3",
        ),
    ],
)
def test_set_up_that_is_there(
    template: Path, tmp_path: Path, name: str, content: str, found: str
) -> None:
    root = make(tmp_path / "shop", **SMALLEST, **{name: content})
    assert f"{found}: {ADOPTING}" in refused(template, root)


def test_answers_of_another_template_are_not_ours(template: Path, tmp_path: Path) -> None:
    others = "_src_path: x\ndb_pool_size: 77\ndb_app_dir: elsewhere\ndb_primary_key: serial\n"
    root = make(tmp_path / "shop", **SMALLEST, **{".copier-answers.yml": others})
    layer(template, root)
    found = answers(root)
    assert (found["db_pool_size"], found["db_app_dir"]) == (5, ".")
    assert found["db_primary_key"] == "integer"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [("a: b: c", "cannot be read: mapping values"), ("text", "holds no answers: restore it")],
)
def test_broken_answers_file(template: Path, tmp_path: Path, content: str, sentence: str) -> None:
    root = make(tmp_path / "shop", **SMALLEST, **{ANSWERS: content})
    assert f"{root / ANSWERS} {sentence}" in refused(template, root)


@pytest.mark.parametrize("taken", ["docs", "tests"])
@pytest.mark.parametrize("kind", ["file", "link"])
def test_folder_whose_name_is_taken(template: Path, tmp_path: Path, taken: str, kind: str) -> None:
    (tmp_path / "elsewhere").mkdir()
    root = tmp_path / "shop"
    make(root, **SMALLEST)
    if kind == "file":
        (root / taken).write_text("mine\n", encoding="utf-8")
    else:
        (root / taken).symlink_to(tmp_path / "elsewhere")
    before = files(root)
    done = layer(template, root)
    assert "✔ main.py: setup_database(app) added" in said(done)
    assert files(root)[taken] == before[taken]
    assert list((tmp_path / "elsewhere").iterdir()) == []


NAMES = {
    "quotes and percent": 'it\'s "100%" %(here)s',
    "path and SQL": '../../etc/passwd"; DROP TABLE users; --',
    "jinja": "{{ 7 * 7 }} {% raw %} {# x",
    "newline and tab": "two\nlines\tand: #more",
    "long": "n" * 300,
    "emoji": "🚀🚀",
    "empty": "",
    "YAML": "- !tag &a *b",
    "null": "null",
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_project_name(template: Path, tmp_path: Path, name: str) -> None:
    root = make(tmp_path / "shop", **SMALLEST)
    layer(template, root, project_name=name)

    assert answers(root)["project_name"] == name
    parser = configparser.ConfigParser()
    parser.read(root / "alembic.ini", encoding="utf-8")
    assert parser["alembic"]["script_location"] == "core.database:../../alembic"
    compose = yaml.safe_load((root / "compose.database.yaml").read_text(encoding="utf-8"))
    database = compose["services"]["db"]["environment"]["POSTGRES_DB"]
    assert re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", database)
    variables = (root / ".env.example").read_text(encoding="utf-8").splitlines()
    url = f"DATABASE_URL=postgresql://postgres:postgres@localhost:5432/{database}"
    assert url in variables
    assert all(re.fullmatch(r"#.*|[A-Z_]+=[ -~]*|", line) for line in variables)
    for path in root.rglob("*.py"):
        compile(path.read_bytes(), path, "exec")


def test_alembic_reads_what_a_name_was_rendered_into(template: Path, tmp_path: Path) -> None:
    root = make(tmp_path / "shop", **SMALLEST)
    layer(template, root, project_name="%(x)s 'a' \"b\"\n{{ c }}")
    assert run(sys.executable, "-m", "alembic", "heads", cwd=root).returncode == 0
    run(sys.executable, "-c", "import main", cwd=root)
    everything = files(root)
    layer(template, root, project_name="%(x)s 'a' \"b\"\n{{ c }}")
    assert files(root) == everything


def test_shapes_that_are_left_to_the_person(template: Path, tmp_path: Path) -> None:
    root = make(
        tmp_path / "shop",
        **{
            "main.py": f"{MAIN}def f(:\n",
            "pyproject.toml": "[project\n",
            "compose.yaml": "services:\n  api: a: b\n",
            ".env.example": "NAME=shop",
        },
    )
    before = files(root)
    done = layer(template, root)
    printed = said(done)
    assert "☐ main.py: Line 4 is no valid Python: invalid syntax. Mend that, then add" in printed
    assert "☐ pyproject.toml: This is not valid TOML (" in printed
    assert "☐ compose.yaml: This is not valid YAML (line 2, column 9: mapping values" in printed
    after = files(root)
    for name in ("main.py", "pyproject.toml", "compose.yaml"):
        assert after[name] == before[name]
    assert after[".env.example"].startswith(b"NAME=shop\n\n# Database\nDATABASE_URL=")
    assert "core/database/__init__.py" in after


def test_paths_with_blanks_and_other_letters(template: Path, tmp_path: Path) -> None:
    folder = tmp_path / "my proj ü"
    folder.mkdir()
    source = folder / "my template ü"
    run("git", "clone", "--quiet", template, source, cwd=tmp_path)
    root = make(
        folder / "my shop ü",
        **{"my app ü/main.py": MAIN, "my app ü/requirements.txt": "fastapi\n"},
    )
    done = layer(source, root)
    printed = done.stderr
    assert "✔ my app ü/main.py: setup_database(app) added" in printed
    assert "  1. cd 'my app ü' && pip install -r requirements.txt" in printed
    assert "  3. cd 'my app ü' && alembic upgrade head" in printed
    assert "☐" not in printed
    run(sys.executable, "-m", "alembic", "heads", cwd=root / "my app ü")
    run(sys.executable, "-c", "import main", cwd=root / "my app ü")
    before = files(root)
    layer(source, root)
    assert files(root) == before


def test_link_in_the_place_of_the_application(template: Path, tmp_path: Path) -> None:
    root = make_host("bigger_applications", tmp_path / "shop")
    (root / "requirements.txt").rename(tmp_path / "shared.txt")
    (root / "requirements.txt").symlink_to(tmp_path / "shared.txt")
    (root / "app/main.py").rename(root / "app/wired.py")
    (root / "app/main.py").symlink_to("wired.py")
    shared = (tmp_path / "shared.txt").read_bytes()
    done = layer(template, root)
    assert "✔ app/wired.py: setup_database(app) added" in done.stderr
    assert (root / "app/main.py").readlink() == Path("wired.py")
    assert (tmp_path / "shared.txt").read_bytes() == shared
    assert "is a link to a file outside of this repository: add by hand:" in said(done)


def test_uncommitted_work_is_kept(template: Path, tmp_path: Path) -> None:
    root = make_host("bigger_applications", tmp_path / "shop")
    main = root / "app/main.py"
    main.write_text(f"{main.read_text(encoding='utf-8')}\nMINE = 1\n", encoding="utf-8")
    (root / "notes.txt").write_text("mine\n", encoding="utf-8")
    printed = said(layer(template, root))
    assert "Uncommitted changes in git: 2. They stay as they are." in printed
    text = main.read_text(encoding="utf-8")
    assert "\nsetup_database(app)\n" in text
    assert text.endswith("\nMINE = 1\n")
    assert (root / "notes.txt").read_text(encoding="utf-8") == "mine\n"
    assert "git checkout -- requirements.txt git clean" in printed
    assert (
        "app/main.py held changes that git does not have: take the lines out by hand."
    ) in printed


def test_without_git(template: Path, tmp_path: Path) -> None:
    root = tmp_path / "shop"
    root.mkdir()
    for name, content in SMALLEST.items():
        (root / name).write_text(content, encoding="utf-8")
    printed = said(layer(template, root))
    assert "This is no git repository: what is added cannot be taken back by git." in printed
    assert "✔ main.py: setup_database(app) added" in printed
    assert "git clean" not in printed


def test_in_a_folder_of_a_git_repository(template: Path, tmp_path: Path) -> None:
    root = make(tmp_path / "all", **{f"shop/{name}": text for name, text in SMALLEST.items()})
    (root / "elsewhere.txt").write_text("mine\n", encoding="utf-8")
    (root / "shop/requirements.txt").write_text("fastapi>=0.130\n", encoding="utf-8")
    printed = said(layer(template, root / "shop"))
    assert "Uncommitted changes in git: 1. They stay as they are." in printed
    assert "git checkout -- main.py git clean -fdx -- " in printed
    assert "requirements.txt held changes that git does not have" in printed
    assert "?? elsewhere.txt" in git(root, "status", "--porcelain")
