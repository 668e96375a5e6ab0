"""How long `dev` takes until it is ready, against `initdb` alone.

The aims are at most 3 seconds for the first start, with a new folder, and 1 for later ones.

uv run tests/benchmarks/dev_time.py [rounds]
"""

import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS.parent / "template")]

import postgres
from layering import environment, free_port, make_template
from rendering import render, write
from runtime.application import REPOSITORY

AIMS = {"first start": 3.0, "later start": 1.0}


def main(rounds: int) -> None:
    """Alternate them, so that a busy machine slows all."""
    with tempfile.TemporaryDirectory(dir=postgres.temporary_folder()) as name:
        folder = Path(name)
        folder.chmod(0o755)
        root = write(folder / "repository", REPOSITORY)
        home = render(make_template(folder / "template"), root, root).root / "backend"
        data = home / ".database"
        runs = {
            "initdb": partial(initialize, folder / "data"),
            "first start": partial(start, home),
            "later start": partial(start, home),
        }
        seconds: dict[str, list[float]] = {label: [] for label in runs}
        # The first round fills caches: it is not counted.
        for index in range(rounds + 1):
            shutil.rmtree(data, ignore_errors=True)
            for label, run in runs.items():
                took = run()
                if index:
                    seconds[label].append(took)
    medians = {label: statistics.median(values) for label, values in seconds.items()}
    print(f"{'median of ' + str(rounds):26}{'seconds':>8}{'ratio':>8}")
    for label, median in medians.items():
        print(f"{label:26}{median:8.2f}{median / medians['initdb']:8.2f}")
    for label, aim in AIMS.items():
        reached = "reached" if medians[label] <= aim else "missed"
        print(f"aim of the {label}: at most {aim:.2f} seconds, {reached}")


def initialize(data: Path) -> float:
    data.mkdir(mode=0o700)
    user = "nobody" if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root
    if user:
        shutil.chown(data, user)
    began = time.perf_counter()
    subprocess.run(
        [postgres.installation() / "bin/initdb", f"--pgdata={data}", "--encoding=UTF8"],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=data,
        user=user,
    )
    took = time.perf_counter() - began
    shutil.rmtree(data)
    return took


def start(home: Path) -> float:
    url = f"postgresql://postgres:postgres@localhost:{free_port()}/layered"
    began = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-m", "layered.core.database", "dev"],
        cwd=home,
        env=environment({"DATABASE_URL": url}),
        stdout=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        assert process.stdout
        ready = process.stdout.readline()
        took = time.perf_counter() - began
        process.send_signal(signal.SIGINT)
    if not ready:
        sys.exit("It did not start; the reason is printed above.")
    return took


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
