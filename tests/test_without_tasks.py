"""`copier copy --skip-tasks`: nothing is run, so no trust is needed, and nothing is edited."""

import sys
from pathlib import Path

import pytest
import yaml

from layering import ANSWERS, answers, files, layer, make_host, make_repository, run

# What only the editor uses; file names do not tell it.
EDITOR_ONLY = {
    "db_compose_file",
    "db_env_example",
    "db_lock_command",
    "db_new_env_example",
    "db_settings_modules",
}
NOTHING = "Nothing was written. Without tasks the layout is guessed from file names, and {root} has"


@pytest.mark.parametrize(
    "host", ["backend_frontend", "bigger_applications", "src_package_uv", "flat_main_crlf"]
)
def test_usual_layouts_are_rendered_as_with_tasks(
    template: Path, tmp_path: Path, host: str
) -> None:
    roots = [make_host(host, tmp_path / name / "shop") for name in ("with", "without")]
    before = files(roots[0])
    # What this names differs from the folder; both copies have the one that a person gives.
    layer(template, roots[0], db_edit_files="false", project_name="shop")
    printed = layer(template, roots[1], "--skip-tasks", db_edit_files="false", project_name="shop")

    rendered = [files(root) for root in roots]
    assert {name: rendered[1][name] for name in before} == before
    found = [answers(root) for root in roots]
    assert {key for key in found[0] if found[0][key] != found[1].get(key)} <= EDITOR_ONLY
    assert rendered[0].keys() == rendered[1].keys()
    different = {name for name in rendered[0] if rendered[0][name] != rendered[1][name]}
    layer_dir = str(Path(found[0]["db_app_dir"], found[0]["db_layer"]))
    # The page has the workflow, whose steps depend on what locks the dependencies.
    assert different <= {ANSWERS, f"{layer_dir}/check.py", found[0]["db_docs"]}

    app, package = found[0]["db_app_module"], found[0]["db_package"]
    module = ".".join(filter(None, [package, "core.database"]))
    assert (
        f"☐ {app}:\n    from {module} import setup_database\n"
        "    setup_database(app)  # directly after the application is created\n"
    ) in printed.stderr
    assert (
        f"☐ {found[0]['db_dependency_file']}:\n    sqlalchemy[asyncio]>=2.1.9\n" in printed.stderr
    )
    assert "✔" not in printed.stderr
    checked = run(
        *(sys.executable, "-m", module, "check"),
        cwd=roots[1] / found[0]["db_import_root"],
        check=False,
    )
    assert f"☐ {app}: setup_database(app), directly after the app is created" in checked.stdout


@pytest.mark.parametrize("contents", [{}, {"README.md": "# Shop\n"}])
def test_folder_without_an_application(
    template: Path, tmp_path: Path, contents: dict[str, str]
) -> None:
    root = tmp_path / "shop"
    root.mkdir()
    for name, content in contents.items():
        (root / name).write_text(content, encoding="utf-8")
    before = files(make_repository(root))
    done = layer(template, root, "--skip-tasks")
    assert NOTHING.format(root=root) in " ".join(done.stderr.split())
    assert files(root) == before


def test_folder_that_does_not_exist(template: Path, tmp_path: Path) -> None:
    done = layer(template, tmp_path / "none", "--skip-tasks", check=False)
    assert NOTHING.format(root=tmp_path / "none") in " ".join(done.stderr.split())
    assert not (tmp_path / "none").exists()


def test_second_copy_renders_nothing_twice(template: Path, tmp_path: Path) -> None:
    root = make_host("bigger_applications", tmp_path / "shop")
    layer(template, root, "--skip-tasks")
    before = files(root)
    layer(template, root, "--skip-tasks")
    assert files(root) == before


def test_folder_can_be_named(template: Path, tmp_path: Path) -> None:
    root = make_host("monorepo_two_services", tmp_path / "shop")
    layer(template, root, "--skip-tasks", db_app_dir="services/catalog/app")
    assert (root / "services/catalog/app/core/database/engine.py").is_file()
    remembered = yaml.safe_load((root / ANSWERS).read_text(encoding="utf-8"))
    assert remembered["db_app_module"] == "services/catalog/app/main.py"

    before = files(root)
    run(
        *("copier", "recopy", "--defaults", "--overwrite", "--skip-tasks", "-a", ANSWERS),
        cwd=root,
    )
    assert files(root) == before


def test_bad_answer_writes_nothing(template: Path, tmp_path: Path) -> None:
    root = make_host("bigger_applications", tmp_path / "shop")
    before = files(root)
    done = layer(template, root, "--skip-tasks", check=False, db_pool_size="0")
    assert done.returncode == 1
    assert done.stderr.endswith("0 is out of range: expected 1 to 1000.\n")
    assert files(root) == before
