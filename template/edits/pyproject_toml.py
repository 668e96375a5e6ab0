"""Dependencies in ``pyproject.toml``: PEP 621, PEP 735, uv, PDM, Hatch and Poetry."""

from collections.abc import Sequence

import tomlkit
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version
from tomlkit import TOMLDocument
from tomlkit.exceptions import TOMLKitError

from edits.edit import Edit, task
from edits.poetry import DependencyTable, specifiers
from edits.pyproject_places import (
    all_places,
    development_place,
    dynamic_file,
    is_dynamic,
    runtime_place,
    table_at,
)
from edits.requirement import Need, missing
from edits.toml_array import with_needs


def declares_dependencies(source: str) -> bool:
    """Whether the file itself lists what the project needs to run.

    False for a file with tool tables only and for ``dynamic = ["dependencies"]``.
    True for a file that cannot be read: ``edit`` says where it is broken.
    """
    try:
        document = tomlkit.parse(source)
    except TOMLKitError:
        return True
    if table_at(document, "tool.poetry.dependencies"):
        return True
    declared = {"dependencies", "optional-dependencies"} & table_at(document, "project").keys()
    return bool(declared) and not is_dynamic(document)


def dynamic_dependency_file(source: str) -> str | None:
    """Name the file behind ``dynamic = ["dependencies"]``, relative to this one."""
    try:
        document = tomlkit.parse(source)
    except TOMLKitError:
        return None
    return dynamic_file(document)


def edit(
    source: str,
    *,
    needs: Sequence[Need],
    dev_needs: Sequence[Need],
    requires_python: str = ">=3.11",
) -> Edit:
    """Add what is missing and raise what is too low.

    A development dependency is there when it is declared anywhere, for run time or in a group.
    """
    lines = [need.line for need in (*needs, *dev_needs) if need.add]
    try:
        tomlkit.parse(source)
    except TOMLKitError as error:
        reason = str(error).removesuffix(".")
        sentence = f"This is not valid TOML ({reason}): mend it, then add these dependencies:"
        return Edit(source, "not valid TOML", (task(sentence, *lines),))
    try:
        result = _edit(source, needs, dev_needs, requires_python)
        # Read back: a table spelled in an unforeseen way must not end up with half of the lines.
        stable = _edit(result.text, needs, dev_needs, requires_python).text == result.text
    except TOMLKitError:
        stable = False
    if not stable:
        sentence = "The dependency tables have a layout that is not known here: add these by hand:"
        return Edit(source, "unknown layout", (task(sentence, *lines),))
    return result


def _edit(
    source: str, needs: Sequence[Need], dev_needs: Sequence[Need], requires_python: str
) -> Edit:
    document = tomlkit.parse(source)
    runtime, places = runtime_place(document), all_places(document)
    raised, todo = list[str](), list[str]()
    for place in places:
        # An extra such as [asyncio] is asked for once, where the project runs from.
        floors = needs if place == runtime else [need.without_extras() for need in needs]
        done, left = place.revise([*floors, *dev_needs])
        raised += done
        todo += left

    absent = missing(needs, runtime.names() if runtime else ())
    absent_dev = missing(dev_needs, [name for place in places for name in place.names()])
    added, homeless, new_table = list[str](), list[Need](), ""
    file = dynamic_file(document)
    if absent and runtime:
        runtime.add(absent)
        added.append(f"added {_names(absent)}")
    elif not file:
        homeless += absent
    if absent_dev and (runtime or "project" in document or development_place(document)):
        new_table = _add_for_development(document, absent_dev)
        added.append(f"added {_names(absent_dev)} for development")
    else:
        homeless += absent_dev
    if homeless:
        todo.append(task(_no_list(document), *(need.line for need in homeless)))
    todo += _python_todo(document, requires_python)

    if changes := [*added, *raised]:
        return Edit(tomlkit.dumps(document) + new_table, "; ".join(changes), tuple(todo))
    reason = f"dependencies are read from {file}" if absent and file else "nothing to add"
    return Edit(source, reason, tuple(todo))


def _names(needs: Sequence[Need]) -> str:
    return ", ".join(need.label for need in needs)


def _add_for_development(document: TOMLDocument, needs: Sequence[Need]) -> str:
    """Add to the group that is there, or return the text of a new one for the end of the file."""
    if place := development_place(document):
        place.add(needs)
        return ""
    text = tomlkit.dumps(document)
    gap = "\n" * max(0, 2 - (len(text) - len(text.rstrip("\n"))))
    if isinstance(runtime_place(document), DependencyTable):
        lines = "".join(f"{DependencyTable.line(need)}\n" for need in needs)
        return f"{gap}[tool.poetry.group.dev.dependencies]\n{lines}"
    array = with_needs("[\n]", needs, key="dev")
    return f"{gap}[dependency-groups]\ndev = {array}\n"


def _no_list(document: TOMLDocument) -> str:
    if is_dynamic(document):
        return "The dependencies are dynamic, and the file behind them is not named: add there:"
    return "Neither [project] nor Poetry lists dependencies here: add these where yours are listed:"


def _python_todo(document: TOMLDocument, wanted: str) -> list[str]:
    key = "requires-python"
    declared = table_at(document, "project").get(key)
    if declared is None:
        key = "python"
        declared = table_at(document, "tool.poetry.dependencies").get(key)
    try:
        alternatives = specifiers(declared) if isinstance(declared, str) else []
    except InvalidSpecifier:
        alternatives = []
    floor = min(Version(specifier.version) for specifier in SpecifierSet(wanted))
    older = ["2.7", *(f"{floor.major}.{minor}.99" for minor in range(floor.minor))]
    if not any(python in admitted for admitted in alternatives for python in older):
        return []
    admits = f'{key} = "{declared}" admits Python below {floor}'
    reason = "the database layer does not run there, and uv and Poetry resolve for the whole range"
    return [f'{admits}: {reason}. Raise it to "{wanted}".']
