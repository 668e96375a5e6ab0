"""How long a whole `copier update` takes, against a `copier copy` of the host: at most 3 times.

uv run tests/benchmarks/update_time.py [rounds]
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from layering import commit, layer, make_host, make_template
from updating import FIRST, restore, second_release, update

HOST = "backend_frontend"


def main(rounds: int) -> None:
    """Alternate the two, so that a busy machine slows both."""
    seconds: dict[str, list[float]] = {"copy": [], "update": [], "update, nothing new": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        template = second_release(make_template(folder / "first"), folder / "template")
        layered = make_host(HOST, folder / "layered")
        layer(template, layered, "--vcs-ref", f"v{FIRST}")
        commit(layered, "layer a database onto it")
        # The first round fills caches: it is not counted.
        for index in range(rounds + 1):
            host = make_host(HOST, folder / f"host-{index}")
            project = restore(layered, folder / f"project-{index}")
            times = [timed(layer, template, host), timed(update, project)]
            commit(project, "update")
            times.append(timed(update, project))
            if index:
                for measured, value in zip(seconds.values(), times, strict=True):
                    measured.append(value)
    medians = {label: statistics.median(values) for label, values in seconds.items()}
    copy, ours, _ = medians.values()
    print(f"{'median of ' + str(rounds):26}{'seconds':>8}{'ratio':>8}")
    for label, median in medians.items():
        print(f"{label:26}{median:8.2f}{median / copy:8.2f}")
    print(f"aim: at most 3.00, {'reached' if ours <= 3 * copy else 'missed'}")


def timed(work: Callable[..., object], *arguments: Path) -> float:
    start = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - start


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
