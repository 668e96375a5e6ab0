"""Programs that some tests need and that are not to be had from a package index."""

import os

import pytest


def require(missing: str | None) -> None:
    """Skip the test when a reason is given why it cannot run here.

    Where CI is set it fails: `.ci/run` installs them all.
    """
    if missing:
        (pytest.fail if "CI" in os.environ else pytest.skip)(missing)
