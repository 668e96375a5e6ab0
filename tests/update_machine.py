"""A person who edits a project, and releases that meet the edits: a machine for hypothesis.

What the person wrote is what the committed files hold more often than the last release rendered
it. That is exact for lines that are nowhere else, and right for those that are.
"""

import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import IO, ClassVar

import yaml
from copier import run_update
from copier.errors import CopierError
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from layering import ANSWERS, commit, git
from merging import RELEASED, SEED, Edit, Files, Kind, Layered, Templates, edited, tree

CONFLICT = {b"<<<<<<< before updating", b">>>>>>> after updating"}
# A number makes a line the only one of its kind; the others are many, or mean something to a diff.
MINE = (
    b"mine %d",
    b"mine %d",
    b"    mine %d  ",
    b"\tmine %d\r",
    b"mine %d\x0c\rmiddle",
    "mine %d é \u2028 \x85".encode(),
    b"",
    b"import asyncio",
    b"=======",
    b"<<<<<<< HEAD",
    b"@@ -1,2 +1,2 @@",
    b"--- a/errors.py",
    b"-- ",
    b"\\ No newline at end of file",
)
THEIRS = (b"theirs %d", b"theirs %d", b"theirs %d", b"", b"import asyncio")
# Few places in few files, so that both meet.
PLACES = st.sampled_from([0, 1, 2, 3, 6, 12, -1, -2, -4])
NAMES = st.sampled_from(["errors", "errors", "errors", "health", "mako", "extra", "deep"])

Release = list[tuple[str, Edit]]


def edits(lines: tuple[bytes, ...]) -> st.SearchStrategy[Edit]:
    kinds: list[Kind] = ["insert", "insert", "replace", "delete", "copy", "move"]
    written = st.lists(st.sampled_from(lines), min_size=1, max_size=3).map(tuple)
    return st.builds(Edit, st.sampled_from(kinds), PLACES, PLACES, written)


def numbered(edit: Edit, number: int) -> Edit:
    """Make each line of an edit the only one of its kind, where it has a place for a number."""
    lines = (
        line.replace(b"%d", b"%d.%d" % (number, index)) for index, line in enumerate(edit.lines)
    )
    return edit._replace(lines=tuple(lines))


def releases() -> st.SearchStrategy[Release]:
    return st.lists(st.tuples(NAMES, edits(THEIRS)), min_size=2, max_size=6)


@dataclass(frozen=True)
class Given:
    """A project, what the maintainer does wrong in each of its releases, and what came of it."""

    layered: Layered
    mistake: Callable[[Templates, Files], None] | None = None
    done: Counter[str] = field(default_factory=Counter)


class Updates(RuleBasedStateMachine):
    given: ClassVar[Given]
    # Not before the start, nor when something was found.
    is_sound = False

    @initialize(
        coming=st.lists(releases(), min_size=2, max_size=2),
        work=st.lists(st.tuples(NAMES, edits(MINE)), min_size=1, max_size=6),
        several=st.sampled_from([False] * 5 + [True]),
        again=st.sampled_from([False] * 11 + [True]),
        resolution=st.sampled_from(["both", "mine", "theirs"]),
    )
    def start(
        self,
        coming: list[Release],
        work: Release,
        several: bool,  # noqa: FBT001 - hypothesis draws it
        again: bool,  # noqa: FBT001
        resolution: str,
    ) -> None:
        self.layered = self.given.layered
        self.layered.restart()
        self.root = self.layered.root
        self.home = self.root / self.layered.project
        self.rendered = dict(self.layered.rendered)
        self.coming = coming
        self.left = 2 if several else 1
        self.again = again
        self.resolution = resolution
        self.written = 0
        self.number = 0
        for name, edit in work:
            self.edit(name, edit)
        self.is_sound = True

    # What a person does.

    @rule(name=NAMES, edit=edits(MINE))
    def edit(self, name: str, edit: Edit) -> None:
        self.change(self.layered.names[name], lambda content: self.written_by_hand(content, edit))

    @rule(pick=st.integers(0, 200), edit=edits(MINE))
    def edit_another(self, pick: int, edit: Edit) -> None:
        self.change(self.another(pick), lambda content: self.written_by_hand(content, edit))

    @rule(name=NAMES)
    def delete(self, name: str) -> None:
        self.remove(self.layered.names[name])

    @rule(pick=st.integers(0, 200))
    def delete_another(self, pick: int) -> None:
        self.remove(self.another(pick))

    @rule(pick=st.integers(0, 9), where=st.sampled_from(["same folder", "package"]))
    def rename(self, pick: int, where: str) -> None:
        path = self.root / self.among([*self.layered.names.values(), *self.layered.seeds], pick)
        if not path.is_file():
            return
        to = path.with_name(f"moved_{path.name}")
        if where == "package":
            to = path.with_suffix("") / "__init__.py"
        to.parent.mkdir(exist_ok=True)
        path.rename(to)
        self.written += 1

    @rule(
        place=st.sampled_from(["extra", "deep", "own room", "own page", "own résumé"]),
        lines=st.lists(st.sampled_from(MINE), max_size=3).map(tuple),
    )
    def add(self, place: str, lines: tuple[bytes, ...]) -> None:
        room = Path(self.layered.names["errors"])
        paths = {
            "own room": (room.parent / "mine.py").as_posix(),
            "own page": self.layered.path("a page.txt"),
            "own résumé": "résumé [x].md",
        }
        path = self.root / (paths | self.layered.names)[place]
        if path.exists():
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.written_by_hand(b"", Edit("insert", 0, 0, lines)))
        self.written += 1

    @rule(
        pick=st.integers(0, 40),
        # The last is refused in a file of ours.
        how=st.sampled_from(
            [*("crlf", "no newline at the end", "empty", "executable") * 2, "latin-1"]
        ),
    )
    def convert(self, pick: int, how: str) -> None:
        ours = [*self.layered.names.values(), *self.layered.seeds, *sorted(self.rendered)]
        path = self.among(ours, pick)
        if path == self.layered.answers or not (self.root / path).is_file():
            return
        match how:
            case "crlf":
                self.change(path, lambda content: content.replace(b"\n", b"\r\n"))
            case "no newline at the end":
                self.change(path, lambda content: content.rstrip(b"\r\n"))
            case "empty":
                self.change(path, lambda _: b"")
            case "latin-1":
                self.change(path, lambda content: content + b"\xe9t\xe9\n")
            case "executable":
                (self.root / path).chmod(0o755)

    @precondition(lambda self: self.left > 1 and self.written > 1)
    @rule()
    def take_a_release(self) -> None:
        self.update()
        self.resolve()

    def teardown(self) -> None:
        if self.is_sound:
            self.update()

    def change(self, path: str, how: Callable[[bytes], bytes]) -> None:
        file = self.root / path
        if file.is_file():
            file.write_bytes(how(file.read_bytes()))
            self.written += 1

    def written_by_hand(self, content: bytes, edit: Edit) -> bytes:
        self.number += 1
        return edited(content, numbered(edit, self.number))

    def remove(self, path: str) -> None:
        file = self.root / path
        if file.is_file():
            file.unlink()
            self.written += 1

    def another(self, pick: int) -> str:
        """Return a file that no release changes: a seed, one of the person, another of ours."""
        released = {self.layered.answers, *self.layered.names.values()}
        others = sorted(tree(self.root).keys() - released - self.layered.seeds)
        return self.among([*sorted(self.layered.seeds), *others], pick)

    @staticmethod
    def among(paths: list[str], pick: int) -> str:
        return paths[pick % len(paths)]

    # What a release does, and what must be true after it.

    def update(self) -> None:
        self.is_sound = False
        self.update_soundly()
        self.is_sound = True

    def update_soundly(self) -> None:
        commit(self.root, "work")
        tag, new = self.release(self.coming.pop())
        self.left -= 1
        before, modes = tree(self.root), self.modes()
        refusal = self.run(tag)
        after = tree(self.root)
        if refusal is not None:
            self.given.done["refused"] += 1
            assert "Nothing was changed." in refusal, refusal
            assert "Traceback" not in refusal, refusal
            assert after == before
            assert git(self.root, "status", "--porcelain") == ""
            return
        unmerged = self.unmerged()
        self.given.done["conflicts" if unmerged else "merged"] += 1
        check(before, after, self.rendered, new, self.layered)
        assert unmerged == {path for path in after if has_conflict(after[path])}
        assert self.staged() == unmerged
        modes_after = self.modes()
        assert all(modes_after.get(path, mode) == mode for path, mode in modes.items())
        assert yaml.safe_load(after[self.layered.answers])["_commit"] == tag
        self.rendered = new
        self.written = 0
        if self.again and not unmerged:
            commit(self.root, "update")
            assert self.run(tag) is None
            assert tree(self.root) == after
            assert git(self.root, "status", "--porcelain") == ""

    def release(self, changes: Release) -> tuple[str, dict[str, bytes]]:
        templates = self.layered.templates
        seed = templates.files[SEED]
        files: Files = {SEED: b"# theirs\n" + seed}
        new = dict(self.rendered)
        for number, (name, change) in enumerate(changes):
            path = self.layered.names[name]
            new[path] = edited(new.get(path, b""), numbered(change, number))
            files[f"template/project/{RELEASED[name]}"] = new[path]
        if self.given.mistake is not None:
            self.given.mistake(templates, files)
        return templates.release(files), new

    def run(self, tag: str) -> str | None:
        """Update, and return what was said where that was refused."""
        with said() as log:
            try:
                run_update(
                    self.home,
                    answers_file=ANSWERS,
                    vcs_ref=tag,
                    unsafe=True,
                    defaults=True,
                    overwrite=True,
                    quiet=True,
                )
            except CopierError as error:
                log.seek(0)
                return f"{error}\n{log.read().decode()}"
        return None

    def unmerged(self) -> set[str]:
        listed = git(self.root, "ls-files", "-z", "--unmerged").split("\0")
        return {entry.partition("\t")[2] for entry in listed if entry}

    def staged(self) -> set[str]:
        listed = git(self.root, "diff", "-z", "--cached", "--name-only", "--no-renames", "HEAD")
        return {path for path in listed.split("\0") if path}

    def modes(self) -> dict[str, bool]:
        """Tell which files can be executed."""
        return {
            path.relative_to(self.root).as_posix(): os.access(path, os.X_OK)
            for path in self.root.rglob("*")
            if ".git" not in path.parts and path.is_file()
        }

    def resolve(self) -> None:
        for path in self.unmerged():
            file = self.root / path
            lines = file.read_bytes().split(b"\n")
            stage = {"both": 0, "mine": 2, "theirs": 3}[self.resolution]
            if stage:
                git(self.root, "checkout", "--ours" if stage == 2 else "--theirs", "--", path)
            else:
                kept = [line for line in lines if line.rstrip() not in CONFLICT]
                file.write_bytes(b"\n".join(kept))


def check(
    before: Mapping[str, bytes],
    after: Mapping[str, bytes],
    old: Mapping[str, bytes],
    new: Mapping[str, bytes],
    layered: Layered,
) -> None:
    """Compare the files around an update from what `old` renders to what `new` does."""
    yours = {path for path in before if path not in new} | (layered.seeds & before.keys())
    for path in yours:
        assert after.get(path) == before[path], f"{path} is the person's"
    for path in (new.keys() & before.keys()) - {layered.answers}:
        assert path in after, f"{path} is gone"
        mine = counted(before[path]) - counted(old.get(path, b""))
        theirs = counted(new[path]) - counted(old.get(path, b""))
        assert not mine - counted(after[path]), f"{path} has lost lines of the person"
        assert not theirs - counted(after[path]), f"{path} has lost lines of the release"
        if before[path] == old.get(path):
            assert after[path] == new[path], f"{path} is not what the release has"
        if new[path] == old.get(path):
            assert after[path] == before[path], f"{path} was not released"
    for path in after.keys() - before.keys():
        assert path in new, f"{path} is in no release"
        assert path not in old, f"{path} was deleted by the person"
        assert after[path] == new[path], path
    missing = new.keys() - old.keys() - after.keys()
    assert not missing, f"{missing} did not arrive"


def counted(content: bytes) -> Counter[bytes]:
    """Count lines, without the break at their ends: there may be none at the end of the file."""
    return Counter(line.rstrip(b"\n") for line in BytesIO(content))


def has_conflict(content: bytes) -> bool:
    return any(line.rstrip() in CONFLICT for line in content.split(b"\n"))


@contextmanager
def said() -> Iterator[IO[bytes]]:
    """Keep what this process and its children print to stderr."""
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as log:
        os.dup2(log.fileno(), 2)
        try:
            yield log
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
