"""Which files of a project are ours: rendered by every release, and merged on update."""

import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from answers import ANSWERS

PROJECT = Path(__file__).with_name("project")


def ours_of(answers: Mapping[str, Any]) -> list[str]:
    """Return the files that the release renders, but for those that are written only once."""
    places = {
        "db_layer_dir": PurePosixPath(answers["db_app_dir"], answers["db_layer"]),
        "db_models_dir": PurePosixPath(answers["db_app_dir"], answers["db_models"]),
        "_copier_conf.answers_file": ANSWERS,
    }
    found = []
    for file in PROJECT.rglob("*"):
        place, *rest = file.relative_to(PROJECT).as_posix().removesuffix(".jinja").split("/", 1)
        name = re.sub(r"^{{ | }}$", "", place)
        folder = places.get(name, answers.get(name))
        if folder and file.is_file():
            found.append(
                str(PurePosixPath(str(folder), *(re.sub(r"{%.*?%}", "", p) for p in rest)))
            )
    return found
