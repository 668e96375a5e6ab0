"""How fast the layer serves requests, against other ways to bring a session into FastAPI.

uv run tests/benchmarks/request_time.py [--quick] [--clients N] [--only PATTERN ...]
uv run tests/benchmarks/request_time.py --profile PATTERN

Each pattern is served by a process of its own, this process is the client, and PostgreSQL is
reached directly or through a proxy that adds 1 ms to a round trip. Linux only: the processor time
of a server is read from /proc.
"""

import argparse
import asyncio
import io
import platform
import pstats
import statistics
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from itertools import cycle, islice
from pathlib import Path
from typing import NamedTuple

import httpx

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS.parent / "template")]

import postgres
import tcp_proxy
from benchmarks import rows
from benchmarks.http_load import send
from benchmarks.patterns.items import PAGE, POOL_SIZE
from benchmarks.programs import cpu_seconds, port_of, program
from layering import make_template
from rendering import render, write
from runtime.application import REPOSITORY

PATTERNS = (
    "layer",
    "asyncpg_pool",
    "seed",
    "sync_threadpool",
    "middleware_session",
    "autocommit_middleware",
)
HEADINGS = ("requests/s", "p50 ms", "p99 ms", "round trips", "CPU ms", "/ seed", "/ asyncpg")
CLIENTS = 8  # more than the pool has connections: some always wait for one
COUNTED = 50  # requests whose round trips are counted
SETTLED = 0.1  # seconds after a response in which a pattern may still commit
NEW_ROW = '{"name": "new", "quantity": 1, "price": 2.5}'


def request(line: str, body: str = "") -> bytes:
    headers = f"Host: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return f"{line} HTTP/1.1\r\n{headers}\r\n\r\n{body}".encode()


REQUESTS = {
    "read by key": [request(f"GET /items/{key}") for key in range(1, PAGE + 1)],
    "insert": [request("POST /items", NEW_ROW)],
    f"list of {PAGE} rows": [request("GET /items")],
}


class Effort(NamedTuple):
    clients: int
    rounds: int
    warm_up: float
    seconds: float


class Figures(NamedTuple):
    rate: float
    p50: float
    p99: float
    cpu: float
    """Milliseconds of the server's processor per request."""
    client: float
    """Share of the time in which the client's processor was busy."""


Rounds = dict[str, list[dict[str, Figures]]]  # by endpoint, and in a round by pattern


class App(NamedTuple):
    pid: int
    port: int


@dataclass(frozen=True)
class Run:
    """What all servers have in common."""

    database: postgres.Server
    project: Path
    """Folder from which the layer can be imported."""

    @contextmanager
    def serving(self, patterns: Iterable[str], *options: str) -> Iterator[dict[str, App]]:
        variables = {
            "DATABASE_URL": self.database.url(),
            "DATABASE_POOL_SIZE": str(POOL_SIZE),
            "DATABASE_MAX_OVERFLOW": "0",
            "PYTHONPATH": str(self.project),
        }
        serve = str(TESTS / "benchmarks/patterns/serve.py")
        with ExitStack() as stack:
            # Imports take most of the start: all start before the first is waited for.
            started = {
                pattern: stack.enter_context(program(serve, pattern, *options, variables=variables))
                for pattern in patterns
            }
            yield {
                pattern: App(process.pid, port_of(process)) for pattern, process in started.items()
            }

    @contextmanager
    def delayed(self) -> Iterator["Run"]:
        """Reach the database through a proxy in a process of its own."""
        address = ("127.0.0.1", str(self.database.port))
        with program(str(TESTS / "tcp_proxy.py"), *address, "--round-trip", "0.001") as proxy:
            yield replace(self, database=replace(self.database, port=port_of(proxy)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one short round")
    parser.add_argument("--clients", type=int, default=CLIENTS, help="%(default)s by default")
    parser.add_argument(
        "--only",
        nargs="+",
        choices=PATTERNS,
        default=PATTERNS,
        metavar="PATTERN",
        help="of %(choices)s",
    )
    parser.add_argument(
        "--profile", choices=PATTERNS, metavar="PATTERN", help="profile its read by key instead"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, postgres.running() as database:
        asyncio.run(rows.fill(database.url()))
        run = Run(database, layered_project(Path(folder)))
        if options.profile:
            print_profile(run, options.profile, Path(folder) / "profile")
        else:
            effort = (1, 0.1, 0.3) if options.quick else (6, 0.1, 0.4)
            compare(run, options.only, Effort(options.clients, *effort))


def layered_project(folder: Path) -> Path:
    root = write(folder / "repository", REPOSITORY)
    return render(make_template(folder / "template"), root, root).import_root


def compare(run: Run, patterns: list[str], effort: Effort) -> None:
    print(
        f"Python {platform.python_version()}, SQLAlchemy {version('sqlalchemy')}, "
        f"FastAPI {version('fastapi')}, uvicorn {version('uvicorn')} with "
        f"httptools; {effort.clients} clients, pool of "
        f"{POOL_SIZE}, median of {effort.rounds} x {effort.seconds} s"
    )
    round_trips = count_round_trips(run, patterns)
    print_table("loopback", measure(run, patterns, effort), round_trips)
    with run.delayed() as slower:
        print_table("+1 ms", measure(slower, patterns, effort), round_trips)
        # Many clients keep the processor busy; one shows what a round trip costs.
        alone = effort._replace(clients=1)
        print_table("+1 ms, one client", measure(slower, patterns, alone), round_trips)


def count_round_trips(run: Run, patterns: list[str]) -> dict[str, dict[str, float]]:
    """Return those of one request, after a look at what it answers and stores."""
    found: dict[str, dict[str, float]] = {pattern: {} for pattern in patterns}
    with tcp_proxy.running("127.0.0.1", run.database.port) as proxy:
        counted = replace(run, database=replace(run.database, port=proxy.port))
        with counted.serving(patterns) as apps:
            for pattern, app in apps.items():
                check_answers(pattern, app)
            for pattern, app in apps.items():
                before = asyncio.run(rows.count(run.database.url()))
                for endpoint, requests in REQUESTS.items():
                    send(app.port, islice(cycle(requests), COUNTED), clients=CLIENTS)
                    time.sleep(SETTLED)
                    proxy.reset()
                    send(app.port, islice(cycle(requests), COUNTED), clients=1)
                    time.sleep(SETTLED)
                    found[pattern][endpoint] = proxy.round_trips / COUNTED
                added = asyncio.run(rows.count(run.database.url())) - before
                assert added == 2 * COUNTED, f"{pattern} stored {added} of {2 * COUNTED} rows"
    return found


def check_answers(pattern: str, app: App) -> None:
    for path, expected in (("/items", rows.STORED), ("/items/7", rows.STORED[6])):
        answer = httpx.get(f"http://127.0.0.1:{app.port}{path}", timeout=30).json()
        assert answer == expected, f"{pattern} answers {path} with {answer}"


def measure(run: Run, patterns: list[str], effort: Effort) -> Rounds:
    """Alternate the patterns, so that a busy machine slows all of them."""
    with run.serving(patterns) as apps:
        return {
            endpoint: [
                {pattern: measure_one(app, requests, effort) for pattern, app in apps.items()}
                for _ in range(effort.rounds)
            ]
            for endpoint, requests in REQUESTS.items()
        }


def measure_one(app: App, requests: list[bytes], effort: Effort) -> Figures:
    send(app.port, cycle(requests), clients=effort.clients, seconds=effort.warm_up)
    before = cpu_seconds(app.pid)
    load = send(app.port, cycle(requests), clients=effort.clients, seconds=effort.seconds)
    cpu = cpu_seconds(app.pid) - before
    centiles = statistics.quantiles(load.latencies, n=100)
    count = len(load.latencies)
    return Figures(
        rate=count / load.seconds,
        p50=1000 * centiles[49],
        p99=1000 * centiles[98],
        cpu=1000 * cpu / count,
        client=load.client_seconds / load.seconds,
    )


def print_table(
    link: str, measured: Rounds, round_trips: Mapping[str, Mapping[str, float]]
) -> None:
    print()
    for endpoint, rounds in measured.items():
        print_line(f"{link}, {endpoint}", HEADINGS)
        for pattern in rounds[0]:
            one = Figures(
                *map(statistics.median, zip(*(each[pattern] for each in rounds), strict=True))
            )
            cells = [
                f"{one.rate:.0f}",
                f"{one.p50:.2f}",
                f"{one.p99:.2f}",
                f"{round_trips[pattern][endpoint]:.2f}",
                f"{one.cpu:.2f}",
                ratio(rounds, pattern, "seed"),
                ratio(rounds, pattern, "asyncpg_pool"),
            ]
            print_line(f"  {pattern}", cells)
    busiest = max(
        one.client for rounds in measured.values() for each in rounds for one in each.values()
    )
    print(f"The client was busy for at most {busiest:.0%} of the time.")


def print_line(title: str, cells: Iterable[str]) -> None:
    columns = zip(HEADINGS, cells, strict=True)
    print(f"{title:36}" + "".join(f"{cell:>{len(heading) + 3}}" for heading, cell in columns))


def ratio(rounds: list[dict[str, Figures]], pattern: str, base: str) -> str:
    """Compare what was measured within seconds: what disturbs lasts longer than a round."""
    if base not in rounds[0]:
        return "-"
    return f"{statistics.median(each[pattern].rate / each[base].rate for each in rounds):.2f}"


def print_profile(run: Run, pattern: str, file: Path) -> None:
    """Of the main thread: what sync_threadpool does in others is not in it."""
    with run.serving([pattern], str(file)) as apps:
        load = send(apps[pattern].port, cycle(REQUESTS["read by key"]), clients=CLIENTS, seconds=5)
    text = io.StringIO()
    profile = pstats.Stats(str(file), stream=text)
    for order in ("tottime", "cumulative"):
        profile.sort_stats(order).print_stats(40)
    print(f"{len(load.latencies)} requests. cProfile does not follow SQLAlchemy's greenlets:")
    print("where they switch, cumulative times are too high.")
    print(text.getvalue().replace(f"{sysconfig.get_path('purelib')}/", ""))


if __name__ == "__main__":
    main()
