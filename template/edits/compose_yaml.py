"""The ``include`` of our service in a Compose file, written as text.

A YAML round trip would rewrite anchors, quotes and long lines of the whole file. Only the node
graph is read: it needs no constructor for tags such as ``!reset``.
"""

import re
from itertools import takewhile

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from edits.edit import Edit, task

_DEFAULT_OF_VARIABLE = re.compile(r"\$\{\w+:?-([^{}]*)\}")


def edit(
    source: str, *, include: str, service: str = "db", port: int = 5432, project: str = "database"
) -> Edit:
    """Include the file ``include``, whose ``service`` publishes ``port``.

    Where this file has a service of that name, the two cannot share a Compose project:
    ``project`` is the name of another one.
    """
    paste = ("include:", f"  - {include}")
    alone = f"docker compose -f {include} up -d {service}"
    apart = f"docker compose -p {project} -f {include} up -d {service}"
    try:
        root = _root(source)
    except yaml.YAMLError as error:
        sentence = f"This is not valid YAML ({_reason(error)}): mend it, then add:"
        return Edit(source, "not valid YAML", (task(sentence, *paste),))
    unknown = "This layout is not known here: add the include by hand, or start the database alone:"
    if root is None:
        return Edit(source, "unknown layout", (task(unknown, *paste, alone),))
    if include in _included(root):
        return Edit(source, f"{include} is included")

    services = _mapping(_mapping(root).get("services"))
    publisher = next((name for name, node in services.items() if _publishes(node, port)), None)
    if service in services or publisher:
        facts = [f"has a service {service} of its own"] if service in services else []
        facts += [f"publishes port {port} for {publisher}"] if publisher else []
        stop = f"stop {publisher} and " if publisher else ""
        place = "in a project of its own" if service in services else "alone"
        sentence = (
            f"This file {' and '.join(facts)}: if that is PostgreSQL, point DATABASE_URL at it; "
            f"else {stop}start ours {place}:"
        )
        start = apart if service in services else alone
        return Edit(source, "would clash", (task(sentence, start),))

    text = _with_include(source, root, include)
    if text is None or not _is_included(text, include):
        return Edit(source, "unknown layout", (task(unknown, *paste, alone),))
    return Edit(text, f"included {include}")


def _root(source: str) -> MappingNode | None:
    """Return the file's one mapping in block style; raises YAMLError."""
    documents = list(yaml.compose_all(source, Loader=yaml.SafeLoader))
    root = documents[0] if len(documents) == 1 else None
    return root if isinstance(root, MappingNode) and not root.flow_style else None


def _reason(error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and (mark := error.problem_mark):
        return f"line {mark.line + 1}, column {mark.column + 1}: {error.problem}"
    return str(error).replace("\n", " ")


def _mapping(node: Node | None) -> dict[str, Node]:
    """Return what a mapping holds, with what it merges by ``<<``."""
    found: dict[str, Node] = {}
    queue, seen = [node], list[Node]()
    while queue:
        current = queue.pop()
        if isinstance(current, SequenceNode):
            queue += current.value
        elif isinstance(current, MappingNode) and current not in seen:
            seen.append(current)
            for key, value in current.value:
                if key.value == "<<":
                    queue.append(value)
                else:
                    found.setdefault(str(key.value), value)
    return found


def _included(root: MappingNode) -> set[str]:
    node = _mapping(root).get("include")
    entries = node.value if isinstance(node, SequenceNode) else [node]
    paths = [_mapping(entry).get("path", entry) for entry in entries]
    leaves = [leaf for p in paths for leaf in (p.value if isinstance(p, SequenceNode) else [p])]
    return {leaf.value.removeprefix("./") for leaf in leaves if isinstance(leaf, ScalarNode)}


def _is_included(text: str, include: str) -> bool:
    try:
        root = _root(text)
    except yaml.YAMLError:
        return False
    return root is not None and include in _included(root)


def _publishes(service: Node, port: int) -> bool:
    ports = _mapping(service).get("ports")
    entries = ports.value if isinstance(ports, SequenceNode) else []
    return any(_covers(entry, port) for entry in entries)


def _covers(entry: Node, port: int) -> bool:
    if isinstance(entry, MappingNode):
        node = _mapping(entry).get("published")
        published = _literal(node) if node else ""
    else:
        # [address:]published:container[/protocol]; without a colon Docker picks a free port.
        published = _literal(entry).rpartition(":")[0].rpartition(":")[2]
    match = re.fullmatch(r"(\d+)(?:-(\d+))?", published)
    return match is not None and int(match[1]) <= port <= int(match[2] or match[1])


def _literal(node: Node) -> str:
    return _DEFAULT_OF_VARIABLE.sub(r"\1", str(node.value))


def _with_include(source: str, root: MappingNode, include: str) -> str | None:
    pairs = [(str(key.value), value) for key, value in root.value]
    node = next((value for name, value in pairs if name == "include"), None)
    if node is not None:
        return _with_item(source, node, include)
    indent = " " * root.start_mark.column
    lines = f"{indent}include:\n{indent}  - {include}\n"
    head = [value for _, value in takewhile(lambda p: p[0] in {"name", "version"}, pairs)]
    if not head:
        start = root.start_mark.index - len(indent)
        return f"{source[:start]}{lines}\n{source[start:]}"
    before, after = _split_after(source, head[-1])
    gap = "\n" if after.split("\n", 1)[0].strip() else ""
    return f"{before}\n{lines}{gap}{after}"


def _with_item(source: str, node: Node, include: str) -> str | None:
    if not isinstance(node, SequenceNode) or node.flow_style or not node.value:
        return None
    last = node.value[-1]
    start = last.start_mark.index
    dash = source[source.rfind("\n", 0, start) + 1 : start]
    before, after = _split_after(source, last)
    return f"{before}{dash}{include}\n{after}"


def _split_after(source: str, node: Node) -> tuple[str, str]:
    """Split behind the line on which a node ends."""
    # A block ends where the next token begins, its last leaf where it is written.
    while isinstance(node, (MappingNode, SequenceNode)) and node.value and not node.flow_style:
        node = node.value[-1][1] if isinstance(node, MappingNode) else node.value[-1]
    end = source.find("\n", node.end_mark.index)
    return (source[: end + 1], source[end + 1 :]) if end >= 0 else (source + "\n", "")
