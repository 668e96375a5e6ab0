"""The section "Leave" of docs/database.md, as a person follows it."""

import difflib
import re
import shlex
import sys
from pathlib import Path

import pytest

from host_application import own_tests, passed
from host_manifest import HOSTS, Host
from layering import ANSWERS, answers, changed, commit, files, git, layer, make_host, run

SHAPES = (
    "backend_frontend",  # a compose file and .env.example in another folder, core/ that is there
    "factory_cached_settings",  # a factory, a new core/, an ignored .env.example
    "forbid_extras_env",  # a settings class
    "flat_main_crlf",  # modules without a package, CRLF
)
CHOSEN = [host for host in HOSTS if host.name in SHAPES]
UPDATE = ("copier", "update", "--trust", "--defaults", "-a", ANSWERS)


class Page:
    """What the section says for one project."""

    def __init__(self, root: Path) -> None:
        page = (root / answers(root)["db_docs"]).read_text("utf-8")
        leave = page.partition("\n### Leave\n")[2]
        self.stop, self.delete = re.findall(r"^```sh\n(.*?)^```$", leave, re.MULTILINE | re.DOTALL)
        rows = re.findall(r"^\| `(.+?)` \| (.+) \|$", leave, re.MULTILINE)
        self.lines = {file: re.findall(r"`(.+?)`", cell) for file, cell in rows}
        stays = leave.partition("Other code may need what stays: ")[2].partition("\n\n")[0]
        self.stays = re.findall(r"`(.+?)`", stays)


def take_out(path: Path, words: list[str]) -> None:
    """Take lines out as a person does: by their words, with nothing else changed."""
    kept = []
    for line in path.read_bytes().decode("utf-8").splitlines(keepends=True):
        found = [word for word in words if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", line)]
        if line.startswith("class ") and found:
            kept.append(line.replace(f"{found[0]}, ", ""))
        elif not found and not ("include:" in words and line.strip() == "include:"):
            kept.append(line)
    path.write_bytes("".join(kept).encode())
    if not "".join(kept).strip():
        path.unlink()


def layered(host: Host, template: Path, root: Path, answer: str) -> dict[str, bytes]:
    """Layer the host, and return the files that it had before."""
    make_host(host.folder, root)
    before = files(root)
    layer(template, root, "--data", answer)
    commit(root, "layer a database onto it")
    return before


def importable(host: Host, root: Path, module: str) -> bool:
    code = f"import importlib.util as u; print(bool(u.find_spec({module!r})))"
    return run(sys.executable, "-c", code, cwd=root / host.import_root).stdout == "True\n"


@pytest.mark.parametrize("host", CHOSEN, ids=lambda host: host.name)
def test_the_layer_is_taken_out(host: Host, template: Path, tmp_path: Path) -> None:
    root = tmp_path / host.folder
    before = layered(host, template, root, "db_update_workflow=true")
    take_out_layer(host, root, before)


def test_a_layer_that_was_never_wired_in_is_taken_out(template: Path, tmp_path: Path) -> None:
    [host] = [host for host in CHOSEN if host.name == "forbid_extras_env"]
    root = tmp_path / host.folder
    before = layered(host, template, root, "db_edit_files=false")
    take_out_layer(host, root, before)
    assert files(root) == before


def take_out_layer(host: Host, root: Path, before: dict[str, bytes]) -> None:
    """Do what the section says, and compare the repository with what it was."""
    remembered = answers(root)
    page = Page(root)
    assert {remembered["db_app_module"], remembered["db_dependency_file"]} <= set(page.lines)
    # What a first start leaves in our folders.
    check = (sys.executable, "-m", module_of(remembered, "db_layer"), "check")
    run(*check, cwd=root / host.import_root, check=False)

    run("bash", "-ec", page.delete, cwd=root)
    for file, words in page.lines.items():
        if (root / file).exists():
            take_out(root / file, words)

    after = files(root)
    assert {path for path in after if path not in before} <= set(page.stays)
    for path, content in before.items():
        if content == after[path]:
            continue
        assert path in page.lines
        old, new = (text.decode().splitlines() for text in (content, after[path]))
        different = [line for line in difflib.ndiff(old, new) if line[:2] in {"- ", "+ "}]
        for line in different:
            assert not line[2:].strip() or any(word in line for word in page.stays), different
    for name in ("db_layer", "db_models", "db_seed"):
        assert not importable(host, root, module_of(remembered, name))
    assert passed(own_tests(host, root)) > 0
    assert run(*UPDATE, cwd=root, check=False).returncode == 1


def module_of(remembered: dict[str, str], name: str) -> str:
    path = remembered[name].removesuffix(".py").replace("/", ".")
    return ".".join(filter(None, [remembered["db_package"], path]))


@pytest.mark.parametrize("host", CHOSEN, ids=lambda host: host.name)
def test_the_code_is_kept_without_updates(
    host: Host, template: Path, tmp_path: Path, database_url: str
) -> None:
    root = tmp_path / host.folder
    layered(host, template, root, "db_update_workflow=true")
    remembered = answers(root)
    before = files(root)
    [command] = Page(root).stop.splitlines()
    gone = shlex.split(command)[1:]
    run("bash", "-ec", command, cwd=root)
    assert gone == [ANSWERS, ".github/workflows/update-database.yml"]
    assert files(root) == {path: text for path, text in before.items() if path not in gone}
    assert set(changed(root)) == set(gone)
    commit(root, "no more updates")

    refused = run(*UPDATE, cwd=root, check=False)
    assert refused.returncode == 1
    assert (
        f"Cannot update because cannot obtain old template references from `{ANSWERS}`."
    ) in refused.stderr
    check = (sys.executable, "-m", module_of(remembered, "db_layer"), "check")
    run(*check, cwd=root / host.import_root)
    tests = run(
        *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
        cwd=root / host.test_cwd,
        variables={"TEST_DATABASE_URL": database_url},
    )
    assert "passed" in tests.stdout
    assert "skipped" not in tests.stdout
    assert git(root, "status", "--porcelain") == ""
