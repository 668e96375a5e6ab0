"""Dependencies in the tables of Poetry: ``name = "^1.0"`` or ``name = {version = "^1.0", ...}``."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version
from tomlkit.items import String

from edits.requirement import Need
from edits.toml_table import TomlTable, add_lines, set_raw

_OPERATOR = r"(\^|~=|~|===?|!=|<=?|>=?|=)"


def specifiers(constraint: str) -> list[SpecifierSet]:
    """Read Poetry's notation, one set for each side of ``||``; raises InvalidSpecifier."""
    return [_specifiers(side) for side in re.split(r"\|\|?", constraint)]


def _specifiers(side: str) -> SpecifierSet:
    clauses = re.sub(rf"{_OPERATOR}\s+", r"\1", side).replace(",", " ").split()
    return SpecifierSet(",".join(filter(None, map(_pep440, clauses))))


def _pep440(clause: str) -> str:
    operator = match[0] if (match := re.match(_OPERATOR, clause)) else ""
    version = clause.removeprefix(operator)
    if version == "*":
        return ""
    if operator not in {"^", "~"}:
        return ("==" if operator in {"", "="} else operator) + version
    try:
        release = Version(version).release
    except InvalidVersion as error:
        raise InvalidSpecifier(clause) from error
    if operator == "~":
        kept = min(len(release), 2)
    else:
        # A caret keeps everything up to the first number that is not zero.
        kept = next((place for place, number in enumerate(release, 1) if number), len(release))
    ceiling = [*release[: kept - 1], release[kept - 1] + 1]
    return f">={version},<{'.'.join(map(str, ceiling))}"


@dataclass(frozen=True)
class DependencyTable:
    table: TomlTable

    def names(self) -> list[str | None]:
        return [canonicalize_name(key) for key in self.table]

    def revise(self, needs: Iterable[Need]) -> tuple[list[str], list[str]]:
        """Apply the floors in place; returns what was done and what is left to the person."""
        done, todo = list[str](), list[str]()
        for need in needs:
            for key in [key for key in self.table if canonicalize_name(key) == need.name]:
                entry = self.table[key]
                if isinstance(entry, list):
                    todo += _settle_one_of(entry, need)
                    continue
                where, name = (self.table, key) if isinstance(entry, str) else (entry, "version")
                # Without a version it is a path, a URL or a repository.
                if isinstance(where, dict) and isinstance(where.get(name), str):
                    outcome = need.settle(str(where[name]), specifiers)
                    todo += outcome.todo
                    if outcome.summary:
                        done.append(outcome.summary)
                        set_raw(where, name, _requoted(where[name], outcome.text))
                    done += _add_extras(self.table, key, need)
        return done, todo

    def add(self, needs: Sequence[Need]) -> None:
        add_lines(self.table, "".join(f"{self.line(need)}\n" for need in needs))

    @staticmethod
    def line(need: Need) -> str:
        marker = str(need.requirement.marker or "").replace('"', "'")
        extras = f", extras = {json.dumps(need.extras)}" if need.extras else ""
        markers = f', markers = "{marker}"' if marker else ""
        version = f'"{need.specifier or "*"}"'
        if extras or markers:
            version = f"{{version = {version}{extras}{markers}}}"
        return f"{need.requirement.name} = {version}"


def _settle_one_of(entries: Sequence[TomlTable], need: Need) -> list[str]:
    """Several constraints, one for each Python or platform: any that admits the floor will do."""
    constraints = [str(entry.get("version", "*")) for entry in entries]
    outcomes = [need.settle(constraint, specifiers) for constraint in constraints]
    if any(not (outcome.summary or outcome.todo) for outcome in outcomes):
        return []
    rule_out = f"{need.name} {' and '.join(constraints)} rule out {need.name} {need.specifier}"
    return [f"{rule_out}: raise the one that applies and run your tests."]


def _add_extras(table: TomlTable, key: str, need: Need) -> list[str]:
    entry = table[key]
    declared = [] if isinstance(entry, String) else list(entry.get("extras", []))
    normalised = {str(canonicalize_name(extra)) for extra in declared}
    absent = [extra for extra in need.extras if extra not in normalised]
    if not absent:
        return []
    extras = json.dumps([*declared, *absent])
    if isinstance(entry, String):
        set_raw(table, key, f"{{version = {_requoted(entry, str(entry))}, extras = {extras}}}")
    else:
        set_raw(entry, "extras", extras)
    return [f"{need.name} -> {need.label}"]


def _requoted(old: String, text: str) -> str:
    return old.as_string().replace(str(old), text)
