import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edits.source import LeftAloneError, Source

# Writes the file again and again, so that it is hit in the middle of it.
WRITER = """
import sys
from pathlib import Path

from edits.source import Source

path = Path(sys.argv[1])
print("ready", flush=True)
while True:
    for letter in "ab":
        Source.read(path, path.parent).replace(letter * 1_000_000)
"""


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def edited(path: Path, old: str, new: str) -> bytes:
    source = Source.read(path, path.parent)
    source.replace(source.text.replace(old, new))
    return path.read_bytes()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(b"a\nb\n", b"a\nnew\nb\n", id="LF"),
        pytest.param(b"a\r\nb\r\n", b"a\r\nnew\r\nb\r\n", id="CRLF"),
        pytest.param(b"a\r\nb\nc\r\n", b"a\r\nnew\r\nb\nc\r\n", id="mixed, mostly CRLF"),
        pytest.param(b"a\nb\r\nc\n", b"a\nnew\nb\r\nc\n", id="mixed, mostly LF"),
        pytest.param(b"\xef\xbb\xbfa\nb\n", b"\xef\xbb\xbfa\nnew\nb\n", id="byte order mark"),
        pytest.param(b"a\nb", b"a\nnew\nb", id="no newline at the end"),
        pytest.param(b"a\r\nb", b"a\r\nnew\r\nb", id="CRLF, no newline at the end"),
        pytest.param("a\nü\t\f\n".encode(), "a\nnew\nü\t\f\n".encode(), id="other characters"),
    ],
)
def test_lines_end_as_they_did(tmp_path: Path, before: bytes, after: bytes) -> None:
    path = write(tmp_path / "main.py", before)
    assert edited(path, "a\n", "a\nnew\n") == after
    assert names(tmp_path) == {"main.py"}


def test_mode_is_kept(tmp_path: Path) -> None:
    path = write(tmp_path / "main.py", b"a\n")
    path.chmod(0o751)
    edited(path, "a", "b")
    assert path.stat().st_mode & 0o7777 == 0o751


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes files of another owner")
def test_owner_is_kept_when_root_edits(tmp_path: Path) -> None:
    path = write(tmp_path / "main.py", b"a\n")
    os.chown(path, 1234, 4321)
    edited(path, "a", "b")
    assert (path.stat().st_uid, path.stat().st_gid) == (1234, 4321)


def test_link_stays_a_link(tmp_path: Path) -> None:
    target = write(tmp_path / "real.py", b"a\n")
    link = tmp_path / "main.py"
    link.symlink_to("real.py")
    edited(link, "a", "b")
    assert link.is_symlink()
    assert target.read_bytes() == b"b\n"


@pytest.mark.parametrize(
    ("content", "mode", "reason"),
    [
        pytest.param(b"\xff\xfea\0\n\0", 0o644, "is not UTF-8", id="UTF-16"),
        pytest.param("ü\n".encode("latin-1"), 0o644, "is not UTF-8", id="Latin-1"),
        pytest.param(b"a\n", 0o444, "is read-only", id="read-only, for root too"),
    ],
)
def test_file_that_is_left_alone(tmp_path: Path, content: bytes, mode: int, reason: str) -> None:
    path = write(tmp_path / "main.py", content)
    path.chmod(mode)
    with pytest.raises(LeftAloneError, match=f"^{reason}$"):
        Source.read(path, tmp_path)


def test_path_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "circle").symlink_to("circle")
    reasons = {
        "nothing": "cannot be read: No such file or directory",
        "folder": "cannot be read: Is a directory",
        "circle": "cannot be read: links in a circle",
    }
    if sys.version_info >= (3, 13):
        reasons["circle"] = "cannot be read: Too many levels of symbolic links"
    for name, reason in reasons.items():
        with pytest.raises(LeftAloneError, match=f"^{reason}$"):
            Source.read(tmp_path / name, tmp_path)


def test_link_out_of_the_repository_is_left_alone(tmp_path: Path) -> None:
    root = tmp_path / "repository"
    root.mkdir()
    outside = write(tmp_path / "outside.py", b"a\n")
    (root / "main.py").symlink_to(outside)
    with pytest.raises(LeftAloneError, match=r"^is a link to a file outside of this repository$"):
        Source.read(root / "main.py", root)


def test_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    # The temporary file has a longer name, which no file system takes.
    path = write(tmp_path / ("x" * 250), b"a\n")
    source = Source.read(path, tmp_path)
    with pytest.raises(LeftAloneError, match=r"^cannot be written: File name too long$"):
        source.replace("b\n")
    assert path.read_bytes() == b"a\n"
    assert names(tmp_path) == {path.name}


def test_failed_encoding_leaves_no_temporary_file(tmp_path: Path) -> None:
    path = write(tmp_path / "main.py", b"a\n")
    with pytest.raises(UnicodeEncodeError):
        Source.read(path, tmp_path).replace("\ud800\n")
    assert path.read_bytes() == b"a\n"
    assert names(tmp_path) == {"main.py"}


def test_killed_writer_truncates_nothing_and_the_next_one_cleans_up(tmp_path: Path) -> None:
    path = write(tmp_path / "main.py", b"a" * 1_000_000)
    template = Path(__file__).resolve().parents[2] / "template"
    for attempt in range(20):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)],
            cwd=template,
            stdout=subprocess.PIPE,
        ) as writer:
            assert writer.stdout
            assert writer.stdout.readline() == b"ready\n"
            time.sleep(0.002 * attempt)
            writer.send_signal(signal.SIGKILL)
        content = path.read_bytes()
        assert content in {b"a" * 1_000_000, b"b" * 1_000_000}
        assert names(tmp_path) <= {"main.py", ".main.py.database-layer"}
    write(tmp_path / ".main.py.database-layer", b"half")
    edited(path, path.read_text()[0], "c")
    assert path.read_bytes() == b"c" * 1_000_000
    assert names(tmp_path) == {"main.py"}
