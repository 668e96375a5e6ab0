"""`copier update` on the layer: edits are kept, nothing is done twice."""

from pathlib import Path

from layering import answers, changed, commit, files, git, layer, make_host, run

UPDATE = ("copier", "update", "--trust", "--defaults", "-a", ".copier-answers.database.yml")


def release(template: Path, tag: str) -> None:
    """Release a change of one file that is ours."""
    room = template / "template/project/{{ db_layer_dir }}/errors.py"
    room.write_text(room.read_text() + f"\n# {tag}\n")
    commit(template, tag)
    git(template, "tag", tag)


def test_an_update_merges_ours_and_leaves_the_rest(template: Path, tmp_path: Path) -> None:
    source = tmp_path / "template"
    git(tmp_path, "clone", "--quiet", str(template), str(source))
    git(source, "config", "user.name", "Maintainers")
    git(source, "config", "user.email", "maintainers@example.com")
    root = make_host("factory_cached_settings", tmp_path / "host")
    layer(source, root)
    commit(root, "layer a database onto it")

    # Months of work: an edit in ours, one in a seed, a seed that was deleted, an edit taken back.
    package = root / "inventory"
    health = package / "core/database/health.py"
    health.write_text(health.read_text().replace("_DEADLINE = 3", "_DEADLINE = 2"))
    seed = package / "core/seed.py"
    seed.write_text(seed.read_text() + "\n# ours\n")
    (package / "core/__init__.py").unlink()
    (package / "core/database/waiting.py").unlink()
    (package / "core/database/production.py").rename(package / "core/database/where.py")
    application = package / "app.py"
    application.write_text(
        "".join(
            line
            for line in application.read_text().splitlines(keepends=True)
            if "setup_database" not in line
        )
    )
    commit(root, "our own work")
    before = files(root)

    release(source, "v99.1.0")
    run(*UPDATE, cwd=root)

    after = files(root)
    touched = {path for path in before | after if before.get(path) != after.get(path)}
    assert touched == {".copier-answers.database.yml", "inventory/core/database/errors.py"}
    assert answers(root)["_commit"] == "v99.1.0"
    assert (package / "core/database/errors.py").read_text().endswith("# v99.1.0\n")

    commit(root, "update")
    run(*UPDATE, cwd=root)
    assert changed(root) == {}
