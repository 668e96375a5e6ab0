"""Adds ``setup_database(app)`` to the module that builds the FastAPI app.

``edit(source, module=..., package=...)``: ``module`` exports ``setup_database``, ``package`` is
where the edited module lives ("" for a flat layout). The call stands directly after the statement
that builds the app: a later mount or catch-all route must not shadow the health route.
"""

from collections.abc import Sequence

import libcst as cst

from edits.edit import Edit, task
from edits.imports import NameTakenError, import_name
from edits.python_source import Insertion, PythonSource, UnreadableError

SETUP = "setup_database"
FASTAPI = {"fastapi.FastAPI", "fastapi.applications.FastAPI"}

REASONS: dict[type[cst.CSTNode], str] = {
    cst.Return: "is returned without a name",
    cst.Arg: "is an argument of another call",
    cst.Lambda: "is the result of a lambda",
}


class _UnclearError(Exception):
    def __init__(self, summary: str, sentence: str, *calls: str) -> None:
        super().__init__(sentence)
        self.summary = summary
        self.calls = calls or (f"{SETUP}(app)",)


def edit(source: str, *, module: str, package: str = "") -> Edit:
    import_line = f"from {module} import {SETUP}"
    try:
        file = PythonSource(source, package)
        for call in file.find(cst.Call):
            if f"{module}.{SETUP}" in file.imported(call.func):
                return Edit(source, f"{SETUP} is already called in line {file.line(call)}")
        apps, target = _apps(file)
        lines = [_line(file, app, target) for app in apps]
        name, insertions = import_name(file, SETUP, module=module, use=apps[0])
    except UnreadableError as error:
        sentence = f"{error} Mend that, then add the import and, after the app is built, the call:"
        return Edit(source, "not readable", (task(sentence, import_line, f"{SETUP}(app)"),))
    except _UnclearError as unclear:
        return Edit(source, unclear.summary, (task(str(unclear), import_line, *unclear.calls),))
    except NameTakenError:
        sentence = (
            f"{SETUP} already means something else in this file. "
            "Import it by another name and, directly after the app is built, call that:"
        )
        paste = f"{import_line} as {SETUP}_layer", f"{SETUP}_layer({target})"
        return Edit(source, f"{SETUP} is taken", (task(sentence, *paste),))

    statement = f"{name}({target})"
    for line in lines:
        added = f"\n{file.before_on_line(line)}{statement}"
        insertions.append(Insertion(file.line_end(line), added))
    return Edit(file.insert(insertions), f"{statement} added")


def _apps(file: PythonSource) -> tuple[list[cst.Call], str]:
    """Return the calls that build the app, and what it is assigned to.

    They are several where one variable is assigned in branches, or again: each app is wired, so
    the one that stays is.
    """
    mounted = _mounted(file)
    apps = [call for call in _constructions(file) if not _is_decoy(file, call, mounted)]
    if not apps:
        raise _UnclearError(
            "no app found",
            "No statement builds the FastAPI app that is served. Where it is built, add:",
        )
    if len({(_target(file, app), _scope(file, app)) for app in apps}) > 1:
        found = [(_target(file, app), file.line(app)) for app in apps]
        places = ", ".join(f"{name or 'one without a name'} (line {line})" for name, line in found)
        raise _UnclearError(
            "several apps found",
            f"{len(apps)} FastAPI apps are built here: {places}. "
            "Add the import and, after the one that serves your API is built, its call:",
            *(f"{SETUP}({name or 'app'})  # line {line}" for name, line in found),
        )
    target = _target(file, apps[0])
    if target is None:
        reason = REASONS.get(type(file.parent(apps[0])), "is part of a larger expression")
        raise _UnclearError(
            "the app has no name",
            f"The FastAPI app of line {file.line(apps[0])} {reason}. Assign it to a variable "
            "in a statement of its own, then add the import and, after that statement, the call:",
        )
    return apps, target


def _scope(file: PythonSource, app: cst.Call) -> cst.CSTNode:
    scopes = (cst.FunctionDef, cst.ClassDef, cst.Module)
    return next(node for node in file.ancestors(app) if isinstance(node, scopes))


def _line(file: PythonSource, app: cst.Call, target: str) -> cst.SimpleStatementLine:
    """Return the line of the statement that builds the app, if it does nothing else after it."""
    statement = file.parent(app)
    line = file.parent(statement)
    if not isinstance(line, cst.SimpleStatementLine) or line.body[-1] is not statement:
        raise _UnclearError(
            "the app shares its line",
            f"Line {file.line(app)} does more than build the app. Give that a line "
            "of its own, then add the import and, directly after that line, the call:",
            f"{SETUP}({target})",
        )
    return line


def _constructions(file: PythonSource) -> list[cst.Call]:
    subclasses: set[str] = set()
    for node in file.find(cst.ClassDef):
        for base in node.bases:
            if file.imported(base.value) & FASTAPI or file.local(base.value) & subclasses:
                subclasses |= file.local(node)
    return [
        call
        for call in file.find(cst.Call)
        if file.imported(call.func) & FASTAPI or file.local(call.func) & subclasses
    ]


def _target(file: PythonSource, app: cst.Call) -> str | None:
    targets: list[cst.BaseExpression] = []
    match file.parent(app):
        case cst.Assign() as statement:
            targets = [target.target for target in statement.targets]
        case cst.AnnAssign() as statement:
            targets = [statement.target]
    names = [file.code(t) for t in targets if isinstance(t, cst.Name | cst.Attribute)]
    return names[0] if names else None


def _mounted(file: PythonSource) -> list[cst.BaseExpression]:
    mounts = [
        call
        for call in file.find(cst.Call)
        if file.code(call.func).rpartition(".")[2] in {"mount", "Mount"}
    ]
    return [argument.value for call in mounts for argument in call.args]


def _is_decoy(file: PythonSource, app: cst.Call, mounted: Sequence[cst.BaseExpression]) -> bool:
    """Whether the app is a test's, is for running the file by hand, or is part of another app."""
    if app in mounted or _target(file, app) in [file.code(node) for node in mounted]:
        return True
    factories = [file.code(node.func) for node in mounted if isinstance(node, cst.Call)]
    for ancestor in file.ancestors(app):
        if isinstance(ancestor, cst.FunctionDef):
            name = ancestor.name.value
            if name.startswith("test_") or name in factories:
                return True
        if isinstance(ancestor, cst.If) and "__name__" in file.code(ancestor.test):
            return True
    return False
