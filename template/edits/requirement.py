"""Whether a declared dependency leaves room for the version we need."""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import NamedTuple

from packaging.requirements import Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from edits.edit import Edit

_NAME = r"\s*(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)"
# ``name @ git+https://...`` does not match: a URL names its version itself.
_DECLARED = re.compile(
    _NAME + r"\s*(?:\[(?P<extras>[^\]]*)\])?\s*"
    r"(?P<specifier>\((?P<inner>[^;@()]*)\)|(?P<plain>[^;@()\s][^;@()]*?)?)\s*(?:;.*)?",
    re.DOTALL,
)


@dataclass(frozen=True)
class Need:
    """One dependency, and the oldest version that works.

    ``why`` is told where a person has to decide.
    ``add`` is false for what the project brings itself: only its version is checked.
    ``raise_range`` is false where a newer version asks for changes in the project's own code.
    ``raise_floor`` is true where a release has a new floor: a lone ``>=`` below it, such as an
    earlier release has written, becomes the new one.
    """

    requirement: Requirement
    why: str = ""
    add: bool = True
    raise_range: bool = True
    raise_floor: bool = False

    @property
    def name(self) -> str:
        return canonicalize_name(self.requirement.name)

    @property
    def extras(self) -> list[str]:
        return sorted(self.requirement.extras)

    @property
    def label(self) -> str:
        return self.requirement.name + (f"[{','.join(self.extras)}]" if self.extras else "")

    @property
    def specifier(self) -> str:
        # The floor before a ceiling: ``>=0.6,<0.8``.
        return ",".join(sorted(map(str, self.requirement.specifier), reverse=True))

    @property
    def line(self) -> str:
        marker = self.requirement.marker
        return self.label + self.specifier + (f"; {marker}" if marker else "")

    @property
    def floor(self) -> Version:
        floors = [Version(s.version) for s in self.requirement.specifier if s.operator == ">="]
        return max(floors, default=Version("0"))

    def without_extras(self) -> "Need":
        bare = Requirement(str(self.requirement))
        bare.extras = set()
        return replace(self, requirement=bare)

    def settle(
        self,
        constraint: str,
        alternatives: Callable[[str], Sequence[SpecifierSet]] = lambda text: [SpecifierSet(text)],
    ) -> Edit:
        """Keep a constraint that admits a version that works, raise a range, leave a pin.

        ``alternatives`` reads the constraint: one set, or several where the notation has an "or".
        """
        wanted = f"{self.name} {self.specifier}" + (f" ({self.why})" if self.why else "")
        try:
            sets = alternatives(constraint)
        except InvalidSpecifier:
            return Edit(
                constraint,
                "",
                (f"{self.name} {constraint} is not a version constraint; {wanted} is needed.",),
            )
        if self.raise_floor and any(_is_lower(specifiers, self.floor) for specifiers in sets):
            return Edit(self.specifier, f"{self.name} {constraint} -> {self.specifier}")
        if any(_admits(specifiers, self.floor) for specifiers in sets):
            return Edit(constraint, "")
        pinned = any(s.operator in {"==", "==="} for specifiers in sets for s in specifiers)
        if pinned or not self.raise_range:
            rules_out = f"{self.name} {constraint} rules out {wanted}"
            return Edit(constraint, "", (f"{rules_out}: raise it and run your tests.",))
        return Edit(self.specifier, f"{self.name} {constraint} -> {self.specifier}")


class Revision(NamedTuple):
    """Declared requirements after the floors were applied, in the same order."""

    declared: list[str]
    done: list[str]
    todo: list[str]


def declared_name(requirement: str) -> str | None:
    match = re.match(_NAME, requirement)
    return canonicalize_name(match["name"]) if match else None


def missing(needs: Iterable[Need], names: Iterable[str | None]) -> list[Need]:
    present = set(names)
    return [need for need in needs if need.add and need.name not in present]


def sorted_position(declared: Sequence[str], need: Need) -> int:
    """Where to insert: in its place where the requirements are sorted by name, else at the end."""
    names = [declared_name(requirement) or "" for requirement in declared]
    return bisect_right(names, need.name) if names == sorted(names) else len(names)


def revise(declared: Sequence[str], needs: Iterable[Need]) -> Revision:
    """Apply the floors of ``needs`` to PEP 508 requirements; markers and spacing are kept.

    A name that is declared several times, one for each marker, is settled by any that admits
    the floor.
    """
    lines, done, todo = list(declared), list[str](), list[str]()
    for need in needs:
        places = [
            (index, match)
            for index, line in enumerate(lines)
            if (match := _DECLARED.fullmatch(line))
            and canonicalize_name(match["name"]) == need.name
        ]
        outcomes = [need.settle(match["inner"] or match["plain"] or "") for _, match in places]
        settled = any(not (outcome.summary or outcome.todo) for outcome in outcomes)
        for (index, match), outcome in zip(places, outcomes, strict=True):
            if not settled:
                todo += outcome.todo
                if outcome.summary:
                    done.append(outcome.summary)
                    start, end = match.span("specifier")
                    # Poetry writes its constraints in parentheses.
                    raised = f"({outcome.text})" if match["inner"] else outcome.text
                    lines[index] = lines[index][:start] + raised + lines[index][end:]
            with_extras = _with_extras(lines[index], match, need)
            if with_extras != lines[index]:
                done.append(f"{need.name} -> {need.label}")
                lines[index] = with_extras
    return Revision(lines, done, todo)


def _with_extras(line: str, match: re.Match[str], need: Need) -> str:
    declared = [extra.strip() for extra in (match["extras"] or "").split(",") if extra.strip()]
    normalised = {str(canonicalize_name(extra)) for extra in declared}
    absent = [extra for extra in need.extras if extra not in normalised]
    if not absent:
        return line
    start, end = match.span("name")
    if match["extras"] is not None:
        end = match.end("extras") + 1
    return f"{line[:start]}{match['name']}[{','.join(declared + absent)}]{line[end:]}"


def _is_lower(specifiers: SpecifierSet, floor: Version) -> bool:
    found = [(specifier.operator, specifier.version) for specifier in specifiers]
    return len(found) == 1 and found[0][0] == ">=" and Version(found[0][1]) < floor


def _admits(specifiers: SpecifierSet, floor: Version) -> bool:
    return any(specifiers.contains(v, prereleases=True) for v in _candidates(specifiers, floor))


def _candidates(specifiers: SpecifierSet, floor: Version) -> Iterator[Version]:
    """Yield a version for each stretch from the floor upwards that a specifier can bound."""
    yield floor
    yield Version("999999")
    for specifier in specifiers:
        # ``===`` takes any text.
        with suppress(InvalidVersion):
            mentioned = Version(specifier.version.removesuffix(".*"))
            if mentioned >= floor:
                yield mentioned
                # The inside of ``>0.121.0,<0.122``.
                yield Version(f"{mentioned.base_version}.0.1")
