"""A text file as an edit sees it, and back to bytes."""

import os
import stat
from difflib import SequenceMatcher
from pathlib import Path
from typing import NamedTuple, Self

_BOM = b"\xef\xbb\xbf"


class LeftAloneError(Exception):
    """The file cannot be edited. The message completes the sentence "<path> ..."."""


class Source(NamedTuple):
    """The text without byte order mark and with line feeds as the only line ends."""

    path: Path
    raw: bytes
    text: str

    @classmethod
    def read(cls, path: Path, root: Path) -> Self:
        """Read a file of the repository; a symlink is followed within it.

        Raises:
            LeftAloneError: it cannot be read, is read-only, is not UTF-8 or lies outside.

        """
        try:
            path = path.resolve(strict=True)
            if not path.is_relative_to(root.resolve()):
                raise LeftAloneError("is a link to a file outside of this repository")
            raw = path.read_bytes()
            mode = path.stat().st_mode
        except (OSError, RuntimeError) as error:
            # Before Python 3.13 links in a circle are a RuntimeError.
            reason = error.strerror if isinstance(error, OSError) else "links in a circle"
            raise LeftAloneError(f"cannot be read: {reason}") from error
        # os.access says yes to root even where the owner has said no.
        if not mode & stat.S_IWUSR or not os.access(path, os.W_OK):
            raise LeftAloneError("is read-only")
        try:
            text = raw.removeprefix(_BOM).decode()
        except UnicodeDecodeError as error:
            raise LeftAloneError("is not UTF-8") from error
        return cls(path, raw, text.replace("\r\n", "\n"))

    def encode(self, text: str) -> bytes:
        """Return the bytes of an edited text: each old line ends as it did, a new one like most."""
        bom = _BOM if self.raw.startswith(_BOM) else b""
        old = self.raw.removeprefix(_BOM).decode().split("\n")
        most = "\r" if 2 * sum(line.endswith("\r") for line in old) > len(old) - 1 else ""
        # The part after the last line end is a line without end.
        new = text.split("\n")
        lines = [line + most for line in new[:-1]] + new[-1:]
        matcher = SequenceMatcher(None, self.text.split("\n"), new, autojunk=False)
        for start_old, start_new, size in matcher.get_matching_blocks():
            for offset in range(size):
                is_last = start_new + offset == len(new) - 1
                was_last = start_old + offset == len(old) - 1
                if not is_last and not was_last:
                    lines[start_new + offset] = old[start_old + offset]
        return bom + "\n".join(lines).encode()

    def replace(self, text: str) -> None:
        """Write the edited text in one step: whoever reads sees the old file or the new one.

        Raises:
            LeftAloneError: it cannot be written; the old file is as it was.

        """
        # One name for all runs: what a killed run has left behind is taken over by the next.
        temporary = self.path.with_name(f".{self.path.name}.database-layer")
        try:
            old = self.path.stat()
            temporary.unlink(missing_ok=True)
            try:
                with temporary.open("xb") as file:
                    file.write(self.encode(text))
                    file.flush()
                    os.fsync(file.fileno())
                if hasattr(os, "geteuid") and os.geteuid() == 0:
                    # Root makes files of its own; others cannot give theirs away.
                    os.chown(temporary, old.st_uid, old.st_gid)
                temporary.chmod(stat.S_IMODE(old.st_mode))
                temporary.replace(self.path)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
        except OSError as error:
            raise LeftAloneError(f"cannot be written: {error.strerror}") from error
