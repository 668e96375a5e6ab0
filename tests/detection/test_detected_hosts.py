"""The hosts are read as their manifest says."""

import shutil
from pathlib import Path

import pytest

from detection import detect
from host_manifest import HOSTS, HOSTS_ROOT, Host

FIELDS = ("app_dir", "app_module", "import_root", "package", "dependency_file")


@pytest.mark.parametrize("host", HOSTS, ids=lambda host: host.name)
def test_host(tmp_path: Path, host: Host) -> None:
    root = tmp_path / host.folder
    shutil.copytree(HOSTS_ROOT / host.folder, root)
    siblings = sorted(other.app_dir for other in HOSTS if other.folder == host.folder)
    assert sorted(layout.app_dir for layout in detect(root).candidates) == siblings
    [layout] = detect(root, host.app_dir).candidates
    assert {name: getattr(layout, name) for name in FIELDS} == {
        name: getattr(host, name) for name in FIELDS
    }
    tests = "tests" if host.tests_dir == "." else host.tests_dir
    assert layout.tests == f"{tests}/database"
