"""Changes to a table of a TOML document that keep every other character."""

from collections.abc import MutableMapping
from typing import Any

import tomlkit
from tomlkit.items import AoT, Item, Table

TomlTable = MutableMapping[str, Any]


def add_lines(table: TomlTable, lines: str) -> None:
    """Add lines of ``key = value`` behind the table's last one.

    tomlkit by itself would put them behind the comments that lead to the next table.
    """
    values = [v for v in table.values() if isinstance(v, Item) and not isinstance(v, (AoT, Table))]
    if values:
        values[-1].trivia.trail = (values[-1].trivia.trail or "\n") + lines
    else:
        table.update(tomlkit.parse(lines))


def set_raw(table: TomlTable, key: str, raw: str) -> None:
    """Set a value as it is to be written, layout and quotes included."""
    table[key] = tomlkit.parse(f"value = {raw}\n")["value"]
