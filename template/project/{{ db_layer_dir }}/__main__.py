"""The command `check` of the layer."""

import argparse
import io
import sys

from .check import check

if isinstance(sys.stdout, io.TextIOWrapper):  # a pipe may not know ✔ and ☐
    sys.stdout.reconfigure(errors="replace")

parser = argparse.ArgumentParser(
    prog=f"python -m {__package__}",
    description="Is the layer wired in? Exit code 1 when something is left to do.",
)
parser.add_argument("command", choices=["check"])
parser.parse_args()
sys.exit(check())
