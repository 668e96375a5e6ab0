"""A release for a fleet of projects: how many are updated, in conflict or failed, and the seconds.

uv run tests/benchmarks/update_fleet.py [projects ...]

Without numbers 5 and then 50 projects, whose times are compared: at most 11 times. The projects
have different hosts, answers and edits; one in ten has an edit where the release changes the line,
and one in ten has work that is not committed, which Copier refuses.
"""

import statistics
import sys
import tempfile
import time
from itertools import cycle, islice, product
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from host_manifest import HOSTS, Host
from layering import answers, changed, commit, layer, make_host, make_template
from updating import FIRST, restore, second_release, update

KEYS = ("integer", "uuid7")
POOLS = ("5", "20")
EVERY = 10


class Outcome(NamedTuple):
    """What became of one project, and the seconds its `copier update` took."""

    state: str
    seconds: float


def main(sizes: list[int]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        template = second_release(make_template(folder / "first"), folder / "template")
        variants = islice(product(KEYS, POOLS, HOSTS), max(sizes))
        layered = [
            make(template, folder / f"layered-{number}" / host.name, host, key, pool)
            for number, (key, pool, host) in enumerate(variants)
        ]
        totals = {}
        for size in sizes:
            fleet = [
                restore(project, folder / f"fleet-{size}" / f"{number}-{project.name}")
                for number, project in enumerate(islice(cycle(layered), size))
            ]
            for number, project in enumerate(fleet):
                work_on(project, number)
            outcomes = [update_one(project) for project in fleet]
            totals[size] = tell(fleet, outcomes)
    if len(sizes) > 1:
        small, large = sizes[0], sizes[-1]
        ratio = totals[large] / totals[small]
        limit = 1.1 * large / small
        verdict = "reached" if ratio <= limit else "missed"
        print(f"{large} against {small}: {ratio:.1f} times (aim: at most {limit:.0f}, {verdict})")


def make(template: Path, root: Path, host: Host, key: str, pool: str) -> Path:
    made = make_host(host.folder, root)
    options = ("--vcs-ref", f"v{FIRST}")
    layer(template, made, *options, db_app_dir=host.app_dir, db_primary_key=key, db_pool_size=pool)
    return commit(made, "layer a database onto it")


def work_on(root: Path, number: int) -> None:
    """Do what a team does: add a model, edit a room, delete a page."""
    found = answers(root)
    application = root / found["db_app_dir"]
    (application / found["db_models"] / "thing.py").write_text(f"NUMBER = {number}\n")
    health = application / found["db_layer"] / "health.py"
    new = "_DEADLINE = 2" if number % EVERY == EVERY - 1 else "_DEADLINE = 3"
    text = health.read_text(encoding="utf-8").replace("_DEADLINE = 3", new)
    health.write_text(f"{text}\n\n# Number {number}\n", encoding="utf-8")
    if number % 2:
        (root / found["db_docs"]).unlink()
    commit(root, "our own work")
    if number % EVERY == EVERY - 2:
        (root / "unfinished.txt").write_text("work\n")


def update_one(root: Path) -> Outcome:
    start = time.perf_counter()
    done = update(root, "--quiet", check=False)
    seconds = time.perf_counter() - start
    if done.returncode:
        return Outcome("failed", seconds)
    return Outcome("conflicted" if "UU" in changed(root).values() else "updated", seconds)


def tell(fleet: list[Path], outcomes: list[Outcome]) -> float:
    for project, (state, seconds) in zip(fleet, outcomes, strict=True):
        print(f"{project.name:40}{state:12}{seconds:8.2f} s")
    total = sum(outcome.seconds for outcome in outcomes)
    median = statistics.median(outcome.seconds for outcome in outcomes)
    states = [outcome.state for outcome in outcomes]
    counts = ", ".join(f"{states.count(state)} {state}" for state in sorted({*states}))
    print(f"{len(fleet)} projects: {counts}; {total:.1f} s, median {median:.2f} s\n")
    return total


if __name__ == "__main__":
    main([int(number) for number in sys.argv[1:]] or [5, 50])
