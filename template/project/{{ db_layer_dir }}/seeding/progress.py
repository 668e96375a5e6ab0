"""How far a long run is, on standard error."""

import sys
from importlib import import_module
from time import monotonic
from typing import Any, TypeAlias

_SHORT = 1  # second: a run that takes no longer shows no bar
_PAUSE = 5  # seconds between two lines

_Bar: TypeAlias = Any  # rich.progress.Progress


class Progress:
    """A bar on a terminal where rich is installed, else a line now and then."""

    def __init__(self) -> None:
        """Show nothing yet."""
        self._tasks: dict[str, int] = {}
        self._bar = _bar() if sys.stderr.isatty() else None
        self._due = monotonic() + (_SHORT if self._bar else _PAUSE)

    def show(self, table: str, done: int, total: int | None) -> None:
        """Take note of how many rows of the table are done, of how many, if known."""
        if monotonic() < self._due:
            return
        if self._bar is None:
            sys.stderr.write(f"{table}: {done:,} rows\n")
            sys.stderr.flush()
            self._due = monotonic() + _PAUSE
            return
        self._bar.start()
        if table not in self._tasks:
            self._tasks[table] = self._bar.add_task(table, total=total)
        self._bar.update(self._tasks[table], completed=done)

    def stop(self) -> None:
        """Take the bar away, so that a report or an error has the line for itself."""
        if self._bar is not None:
            self._bar.stop()


def _bar() -> _Bar | None:
    try:
        rich: Any = import_module("rich.progress")  # FastAPI's command line brings it
    except ImportError:
        return None
    columns = [*rich.Progress.get_default_columns(), rich.MofNCompleteColumn()]
    console = rich.Console(stderr=True)
    return rich.Progress(*columns, console=console, transient=True)
