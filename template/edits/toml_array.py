"""Requirements in a TOML array, whose layout and comments stay as they are."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import tomlkit

from edits.requirement import Need, declared_name, revise, sorted_position
from edits.toml_table import TomlTable, add_lines, set_raw

_TOKEN = re.compile(
    r"(?P<string>\"\"\".*?\"\"\"|'''.*?'''|\"(?:[^\"\\\n]|\\.)*\"|'[^'\n]*')"
    r"|(?P<table>\{[^{}]*\})|\#[^\n]*|(?P<comma>,)",
    re.DOTALL,
)
_LONGEST_LINE = 100


class _Item(NamedTuple):
    value: str  # empty for a table such as ``{include-group = "test"}``
    start: int
    end: int
    stop: int  # past the comma, where there is one


@dataclass(frozen=True)
class RequirementArray:
    """``table[key]``, which need not be there yet."""

    table: TomlTable
    key: str

    @property
    def _raw(self) -> str:
        raw: str = self.table[self.key].as_string() if self.key in self.table else "[\n]"
        return raw

    def names(self) -> list[str | None]:
        return [declared_name(item.value) for item in _items(self._raw)]

    def revise(self, needs: Sequence[Need]) -> tuple[list[str], list[str]]:
        """Apply the floors in place; returns what was done and what is left to the person."""
        raw = self._raw
        items = _items(raw)
        declared, done, todo = revise([item.value for item in items], needs)
        for item, value in reversed(list(zip(items, declared, strict=True))):
            if item.value != value:
                raw = raw[: item.start] + _quoted(value, raw[item.start]) + raw[item.end :]
        if done:
            set_raw(self.table, self.key, raw)
        return done, todo

    def add(self, needs: Sequence[Need]) -> None:
        raw = with_needs(self._raw, needs, key=self.key)
        if self.key in self.table:
            set_raw(self.table, self.key, raw)
        else:
            add_lines(self.table, f"{self.key} = {raw}\n")


def with_needs(raw: str, needs: Sequence[Need], *, key: str) -> str:
    """Add each requirement in its place where the array is sorted, else at the end."""
    for need in needs:
        raw = _with_line(raw, need)
    if "\n" not in raw and len(f"{key} = {raw}") > _LONGEST_LINE:
        return "[\n" + "".join(f"    {raw[i.start : i.end]},\n" for i in _items(raw)) + "]"
    return raw


def _with_line(raw: str, need: Need) -> str:
    items = _items(raw)
    quote = next((raw[item.start] for item in items if item.value), '"')
    new = _quoted(need.line, quote)
    place = sorted_position([item.value for item in items], need)
    if not items and "\n" not in raw:
        return f"[{new}]"
    if not items:
        at, text = len(raw[:-1].rstrip(" \t")), f"{_indent(raw, items)}{new},\n"
    elif "\n" in raw:
        return _with_own_line(raw, items, place, new)
    elif place == 0:
        at, text = items[0].start, f"{new}, "
    else:
        at, text = items[place - 1].end, f", {new}"
    return raw[:at] + text + raw[at:]


def _with_own_line(raw: str, items: Sequence[_Item], place: int, new: str) -> str:
    indent = _indent(raw, items)
    if place:
        before = items[place - 1]
        if has_comma := before.stop > before.end:
            at = before.stop
        else:
            raw, at = f"{raw[: before.end]},{raw[before.end :]}", before.end + 1
        at, text = _behind_comment(raw, at), f"\n{indent}{new}" + "," * has_comma
    elif "\n" in raw[: items[0].start]:
        at, text = _behind_comment(raw, 1), f"\n{indent}{new},"
    else:
        at, text = items[0].start, f"{new},\n{indent}"
    return raw[:at] + text + raw[at:]


def _behind_comment(raw: str, position: int) -> int:
    comment = re.compile(r"[ \t]*#[^\n]*").match(raw, position)
    return comment.end() if comment else position


def _items(raw: str) -> list[_Item]:
    items: list[_Item] = []
    for token in _TOKEN.finditer(raw):
        if token["comma"] and items:
            items[-1] = items[-1]._replace(stop=token.end())
        elif token["string"]:
            items.append(
                _Item(str(tomlkit.value(token[0])), token.start(), token.end(), token.end())
            )
        elif token["table"]:
            items.append(_Item("", token.start(), token.end(), token.end()))
    return items


def _indent(raw: str, items: Sequence[_Item]) -> str:
    for item in items:
        line = raw[: item.start].rpartition("\n")
        if line[1] and not line[2].strip():
            return line[2]
    return "    "


def _quoted(value: str, quote: str) -> str:
    for mark in (quote, "'", '"'):
        if mark not in value and "\\" not in value:
            return f"{mark}{value}{mark}"
    return json.dumps(value, ensure_ascii=False)
