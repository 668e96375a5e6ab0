"""Lets the host's pydantic-settings classes live with the layer's keys in the shared ``.env``.

Such a class refuses keys of its env file that are no fields: ``extra="forbid"`` is the default.
``edit(source, module=..., package=..., mixin=...)`` makes ``mixin``, a class of ``module`` that
declares the layer's keys, the first base of each class that would refuse them. The first one,
because pydantic merges the configuration of the bases in order: what the host configured wins.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import libcst as cst

from edits.edit import Edit, task
from edits.imports import NameTakenError, import_name
from edits.python_source import Insertion, PythonSource, UnreadableError

BASE_SETTINGS = {"pydantic_settings.BaseSettings", "pydantic_settings.main.BaseSettings"}
BASE_SETTINGS_1 = {"pydantic.BaseSettings", "pydantic.env_settings.BaseSettings"}
CONFIG_CALLS = {"SettingsConfigDict", "ConfigDict", "dict"}

# The key for what a configuration takes from a place that is not read here.
ELSEWHERE = "**"

Config = dict[str, cst.BaseExpression]


@dataclass
class _Class:
    """A class with what it inherits from classes of the same file."""

    node: cst.ClassDef
    bases: set[str]
    config: Config

    @property
    def name(self) -> str:
        return self.node.name.value


class _Assignment(NamedTuple):
    owner: cst.CSTNode
    name: str
    value: cst.BaseExpression


class _UnclearError(Exception):
    """The sentence about a class that a person has to look at, and the lines to paste."""

    def __init__(self, sentence: str, *lines: str) -> None:
        super().__init__(sentence)
        self.lines = lines


def edit(source: str, *, module: str, package: str = "", mixin: str = "DatabaseVariables") -> Edit:
    import_line = f"from {module} import {mixin}"
    try:
        file = PythonSource(source, package)
    except UnreadableError as error:
        sentence = f"{error} Mend that; if a settings class here reads an env file, then add:"
        header = f"class Settings({mixin}, BaseSettings):"
        return Edit(source, "not readable", (task(sentence, import_line, header),))

    assigned = _assignments(file)
    known: dict[str, _Class] = {}
    wired: list[_Class] = []
    summary: list[str] = []
    todo: list[str] = []
    for node in file.find(cst.ClassDef):
        found = _read(file, node, known, assigned)
        known |= dict.fromkeys(file.local(node), found)
        if not _is_settings(found):
            continue
        if f"{module}.{mixin}" in found.bases:
            summary.append(f"{found.name} has {mixin}")
            continue
        try:
            reason = _reason_to_leave(file, found)
        except _UnclearError as unclear:
            summary.append(f"{found.name} is unclear")
            lines = unclear.lines or (import_line, _header(file, node, mixin))
            todo.append(task(f"{found.name} (line {file.line(node)}) {unclear}", *lines))
            continue
        if reason:
            summary.append(f"{found.name} {reason}")
        else:
            found.bases.add(f"{module}.{mixin}")
            wired.append(found)

    if not wired:
        return Edit(source, "; ".join(summary) or "no pydantic-settings class", tuple(todo))
    try:
        name, insertions = import_name(file, mixin, module=module, use=wired[0].node)
    except NameTakenError:
        layer = f"Layer{mixin}"
        sentence = f"{mixin} already means something else in this file. Import it by another name:"
        headers = [_header(file, found.node, layer) for found in wired]
        todo.append(task(sentence, f"{import_line} as {layer}", *headers))
        return Edit(source, f"{mixin} is taken", tuple(todo))
    for found in wired:
        first = found.node.bases[0]
        before = file.before_on_line(first)
        separator = " " if before.strip() else f"\n{before}"
        insertions.append(Insertion(file.start(first), f"{name},{separator}"))
        summary.append(f"{name} added to {found.name}")
    return Edit(file.insert(insertions), "; ".join(summary), tuple(todo))


def _read(
    file: PythonSource, node: cst.ClassDef, known: dict[str, _Class], assigned: list[_Assignment]
) -> _Class:
    bases: set[str] = set()
    config: Config = {}
    for base in node.bases:
        bases |= file.imported(base.value)
        for parent in (known[name] for name in file.local(base.value) if name in known):
            bases |= parent.bases
            config |= parent.config

    config |= _keywords(node.keywords)
    inner = [child for child in node.body.body if isinstance(child, cst.ClassDef)]
    for owner, name, value in assigned:
        if owner is node and name == "model_config":
            config |= _entries(file, value, assigned)
        elif any(owner is child and child.name.value == "Config" for child in inner):
            config[name] = value
    return _Class(node, bases, config)


def _entries(file: PythonSource, value: cst.BaseExpression, assigned: list[_Assignment]) -> Config:
    match value:
        case cst.Name():
            constants = {
                item.name: item.value for item in assigned if isinstance(item.owner, cst.Module)
            }
            if value.value in constants:
                return _entries(file, constants[value.value], [])
        case cst.Call() if file.code(value.func).rpartition(".")[2] in CONFIG_CALLS:
            return {
                arg.keyword.value if arg.keyword else ELSEWHERE: arg.value for arg in value.args
            }
        case cst.Dict():
            return {
                str(_literal(element.key if isinstance(element, cst.DictElement) else element)): (
                    element.value
                )
                for element in value.elements
            }
    return {ELSEWHERE: value}


def _keywords(arguments: Sequence[cst.Arg]) -> Config:
    return {arg.keyword.value if arg.keyword else ELSEWHERE: arg.value for arg in arguments}


def _assignments(file: PythonSource) -> list[_Assignment]:
    scopes = cst.ClassDef | cst.FunctionDef | cst.Module
    targets = [(n, n.targets[0].target, n.value) for n in file.find(cst.Assign)]
    annotated = [(n, n.target, n.value) for n in file.find(cst.AnnAssign) if n.value]
    return [
        _Assignment(next(a for a in file.ancestors(node) if isinstance(a, scopes)), t.value, value)
        for node, t, value in [*targets, *annotated]
        if isinstance(t, cst.Name)
    ]


def _is_settings(found: _Class) -> bool:
    # A base from another module may be a settings class: an env file says so.
    foreign = any(base.partition(".")[0] != "pydantic" for base in found.bases)
    return bool(found.bases & (BASE_SETTINGS | BASE_SETTINGS_1)) or (
        foreign and "env_file" in found.config
    )


def _reason_to_leave(file: PythonSource, found: _Class) -> str:
    """Say why the class takes the layer's keys as it is; "" if it would refuse them."""
    config = found.config
    if not found.bases & BASE_SETTINGS:
        if found.bases & BASE_SETTINGS_1:
            raise _UnclearError(
                "derives from BaseSettings of pydantic 1, and the database layer needs "
                "pydantic 2. Move it to pydantic-settings; if it reads an env file, then add:"
            )
        raise _UnclearError(
            "reads an env file and inherits from another module. Unless it ignores "
            "unknown keys or the class there has the same base already, add:"
        )
    if _literal(config.get("extra")) in {"ignore", "allow"}:
        return "ignores unknown keys"
    if _literal(config.get("dotenv_filtering")) == "only_existing":
        return "ignores unknown keys"
    reads = _literal(config.get("env_file")) is not None or _is_called_with_env_file(file, found)
    if not reads and ELSEWHERE not in config:
        return "reads no env file"
    if ELSEWHERE in config:
        raise _UnclearError(
            f"takes its configuration from {file.code(config[ELSEWHERE])}. "
            "If that reads an env file and does not ignore unknown keys, add:"
        )
    if _literal(config.get("extra")) not in {None, "forbid"}:
        raise _UnclearError(
            f"sets extra to {file.code(config['extra'])}. Unless that ignores unknown keys, add:"
        )
    return ""


def _is_called_with_env_file(file: PythonSource, found: _Class) -> bool:
    names = file.local(found.node)
    return any(
        argument.keyword and argument.keyword.value == "_env_file"
        for call in file.find(cst.Call)
        if file.local(call.func) & names
        for argument in call.args
    )


def _literal(value: cst.CSTNode | None) -> str | None:
    """Return what a string or an enum member says, ``None`` for None, else no known value."""
    match value:
        case None | cst.Name(value="None"):
            return None
        case cst.SimpleString():
            return str(value.evaluated_value)
        case cst.Attribute():
            return value.attr.value
    return ELSEWHERE


def _header(file: PythonSource, node: cst.ClassDef, mixin: str) -> str:
    arguments = [
        file.code(argument).strip().rstrip(",") for argument in [*node.bases, *node.keywords]
    ]
    return f"class {node.name.value}({', '.join([mixin, *arguments])}):"
