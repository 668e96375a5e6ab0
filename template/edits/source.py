"""A text file as an edit sees it, and back to bytes."""

import os
import stat
import tempfile
from difflib import SequenceMatcher
from pathlib import Path
from typing import NamedTuple, Self

_BOM = b"\xef\xbb\xbf"


class LeftAloneError(Exception):
    """The file cannot be edited. The message completes the sentence "<path> ..."."""


class Source(NamedTuple):
    """The text without byte order mark and with ``\\n`` at the end of each line."""

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
            raw = path.read_bytes()
            mode = path.stat().st_mode
        except OSError as error:
            raise LeftAloneError(f"cannot be read: {error.strerror}") from error
        if not path.is_relative_to(root.resolve()):
            raise LeftAloneError("is a link to a file outside of this repository")
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
        """Write the edited text in one step: whoever reads sees the old file or the new one."""
        mode = stat.S_IMODE(self.path.stat().st_mode)
        descriptor, name = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}.")
        temporary = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(self.encode(text))
                file.flush()
                os.fsync(file.fileno())
            temporary.chmod(mode)
            temporary.replace(self.path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
