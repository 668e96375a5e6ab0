"""The answers that Copier keeps in the project, and those given on the command line."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from detection import Refusal

ANSWERS = ".copier-answers.database.yml"
QUESTIONS = Path(__file__).parents[1] / "copier.yml"
# As in copier.yml, whose own checks end in a traceback unless it asks.
PRIMARY_KEYS = ("integer", "uuid7")
RANGES = {"db_pool_size": range(1, 1001), "db_max_overflow": range(1001)}


def recall(root: Path) -> dict[str, Any]:
    """Return what the answers file holds, Copier's own `_src_path` and `_commit` too.

    Raises:
        Refusal: the file cannot be read.

    """
    try:
        text = (root / ANSWERS).read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError) as error:
        raise Refusal(f"{root / ANSWERS} cannot be read: {error}") from error
    return parse(text, root / ANSWERS)


def parse(text: str, origin: object) -> dict[str, Any]:
    try:
        answers = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise Refusal(f"{origin} cannot be read: {error}") from error
    if not isinstance(answers, dict):
        raise Refusal(f"{origin} holds no answers: restore it from git, or delete it.")
    return answers


def without_private(answers: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answers alone, as Copier takes them for data."""
    return {key: value for key, value in answers.items() if not key.startswith("_")}


def settled(combined: Mapping[str, Any]) -> dict[str, Any]:
    """Return our answers among all that Copier has at the end of a run, the computed ones too."""
    names = (name for name in combined if name.startswith("db_") or name == "project_name")
    return {name: combined[name] for name in names if name != "db_layouts"}


def refuse_bad_answers(said: Mapping[str, Any]) -> None:
    """Refuse what Copier would take without a word, or refuse with a traceback."""
    questions = yaml.safe_load(QUESTIONS.read_text(encoding="utf-8"))
    asked = {name: question["type"] for name, question in questions.items() if "help" in question}
    for name, value in said.items():
        text = str(value).strip()
        if name not in asked:
            raise Refusal(f"There is no question {name}: expected one of {', '.join(asked)}.")
        if asked[name] == "bool" and text.lower() not in {"true", "false", "yes", "no"}:
            raise Refusal(f"{name} is {value!r}: expected true or false.")
        if name == "db_primary_key" and text not in PRIMARY_KEYS:
            raise Refusal(f"{name} is {value!r}: expected {' or '.join(PRIMARY_KEYS)}.")
        if name in RANGES:
            if not text.removeprefix("-").isdecimal():
                raise Refusal(f"{name} is {value!r}: expected a whole number of connections.")
            allowed = RANGES[name]
            if int(text) not in allowed:
                expected = f"expected {allowed.start} to {allowed.stop - 1}"
                raise Refusal(f"{name}: {text} is out of range: {expected}.")


def is_same(said: object, answer: object) -> bool:
    """Compare an answer as the command line gives it, a text, to one that Copier has read."""
    if isinstance(answer, bool):
        return str(said).lower() in ({"true", "yes"} if answer else {"false", "no"})
    return os.path.normpath(str(said)) == os.path.normpath(str(answer))
