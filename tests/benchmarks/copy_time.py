"""How long a whole `copier copy` takes, against a template of one file: the aim is at most 3 times.

uv run tests/benchmarks/copy_time.py [rounds]
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from layering import layer, make_host, make_repository, make_template


def main(rounds: int) -> None:
    """Alternate the two, so that a busy machine slows both."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        templates = {
            "a template of one file": one_file_template(folder / "one-file"),
            "this template": make_template(folder / "copier-fastapi-database"),
        }
        seconds: dict[str, list[float]] = {label: [] for label in templates}
        # The first copy of each fills caches: it is not counted.
        for index in range(rounds + 1):
            for number, (label, template) in enumerate(templates.items()):
                root = make_host("backend_frontend", folder / f"host-{index}-{number}")
                start = time.perf_counter()
                layer(template, root)
                if index:
                    seconds[label].append(time.perf_counter() - start)
    medians = {label: statistics.median(values) for label, values in seconds.items()}
    base, ours = medians.values()
    print(f"{'median of ' + str(rounds):26}{'seconds':>8}{'ratio':>8}")
    for label, median in medians.items():
        print(f"{label:26}{median:8.2f}{median / base:8.2f}")
    print(f"aim: at most 3.00, {'reached' if ours <= 3 * base else 'missed'}")


def one_file_template(folder: Path) -> Path:
    folder.mkdir()
    (folder / "copier.yml").write_text("name:\n  type: str\n  default: world\n")
    (folder / "hello.txt.jinja").write_text("Hello {{ name }}\n")
    make_repository(folder)
    return folder


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
