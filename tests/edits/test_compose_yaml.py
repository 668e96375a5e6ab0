from textwrap import dedent

import pytest
import yaml

from edits.compose_yaml import edit
from edits.edit import Edit, task

FILE = "compose.database.yaml"
DONE = f"included {FILE}"
PASTE = ("include:", f"  - {FILE}")
ALONE = f"docker compose -f {FILE} up -d db"
APART = f"docker compose -p database -f {FILE} up -d db"


def run(source: str) -> Edit:
    return edit(source, include=FILE)


# A line that begins with "+" has to appear; without those lines it is the source.
SHAPES = {
    "services first": """
        +include:
        +  - compose.database.yaml
        +
        services:
          api:
            image: api
        """,
    "comments and a document marker lead": """
        # Development only.
        ---

        +include:
        +  - compose.database.yaml
        +
        services: {api: {image: api}}
        """,
    "name and version lead": """
        # stack
        version: "3.8"  # obsolete
        name: shop
        +
        +include:
        +  - compose.database.yaml

        services:
          api:
            build: .
        """,
    "no blank line after name": """
        name: shop
        +
        +include:
        +  - compose.database.yaml
        +
        services:
          api:
            build: .
        """,
    "name further down": """
        +include:
        +  - compose.database.yaml
        +
        services:
          api:
            build: .
        name: shop
        """,
    "one more item": """
        include:
            - monitoring.yaml  # grafana
            - path: queue.yaml
              env_file: queue.env
        +    - compose.database.yaml

        # the application
        services:
          api:
            build: .
        """,
    "items without indentation": """
        include:
        - "monitoring.yaml"
        +- compose.database.yaml
        services:
          api:
            build: .
        """,
    "tags, anchors and merges": """
        +include:
        +  - compose.database.yaml
        +
        x-base: &base
          restart: always
          labels: [ 'a=1',   "b=2" ]
        services:
          api:
            <<: *base
            ports: !override
              - 8000:8000
            command: !reset null
        """,
    "port inside the container only": """
        +include:
        +  - compose.database.yaml
        +
        services:
          postgres:
            image: postgres
            ports: ["5432", "127.0.0.1:15432:5432", "6000-6010:5430-5440", "${PORT:-5433}:5432"]
          other:
            ports:
              - target: 5432
              - target: 5432
                published: "5431"
        """,
}


@pytest.mark.parametrize("shape", [pytest.param(text, id=name) for name, text in SHAPES.items()])
def test_include_is_inserted(shape: str) -> None:
    lines = dedent(shape).strip().split("\n")
    before = "\n".join(line for line in lines if not line.startswith("+")) + "\n"
    after = "\n".join(line.removeprefix("+") for line in lines) + "\n"
    assert run(before) == Edit(after, DONE)
    assert run(after) == Edit(after, f"{FILE} is included")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("name: shop", f"name: shop\n\ninclude:\n  - {FILE}\n", id="after the name"),
        pytest.param(
            "include:\n  - a.yaml", f"include:\n  - a.yaml\n  - {FILE}\n", id="after the last item"
        ),
        pytest.param(
            "  services: {}", f"  include:\n    - {FILE}\n\n  services: {{}}", id="indented file"
        ),
        pytest.param("services: {}", f"include:\n  - {FILE}\n\nservices: {{}}", id="before a key"),
    ],
)
def test_missing_newline_and_indentation_are_respected(before: str, after: str) -> None:
    assert run(before) == Edit(after, DONE)


@pytest.mark.parametrize(
    "include",
    [
        pytest.param("include:\n  - ./compose.database.yaml\n", id="with a dot"),
        pytest.param("include: [compose.database.yaml]\n", id="flow style"),
        pytest.param("include:\n  - path: compose.database.yaml\n", id="long form"),
        pytest.param("include:\n  - path: [a.yaml, compose.database.yaml]\n", id="several paths"),
    ],
)
def test_included_file_is_left_alone_even_with_a_service_db(include: str) -> None:
    source = f"{include}services:\n  db:\n    image: postgres\n"
    assert run(source) == Edit(source, f"{FILE} is included")


@pytest.mark.parametrize(
    ("services", "found", "then", "command"),
    [
        pytest.param(
            "db: {image: mysql}",
            "has a service db of its own",
            "start ours in a project of its own",
            APART,
            id="service of the same name",
        ),
        pytest.param(
            'postgres: {ports: ["5432:5432"]}',
            "publishes port 5432 for postgres",
            "stop postgres and start ours alone",
            ALONE,
            id="same port",
        ),
        pytest.param(
            "db: {ports: [5432:5432]}",
            "has a service db of its own and publishes port 5432 for db",
            "stop db and start ours in a project of its own",
            APART,
            id="same name and port",
        ),
    ],
)
def test_clash_is_told(services: str, found: str, then: str, command: str) -> None:
    source = f"services:\n  {services}\n"
    sentence = f"This file {found}: if that is PostgreSQL, point DATABASE_URL at it; else {then}:"
    assert run(source) == Edit(source, "would clash", (task(sentence, command),))


@pytest.mark.parametrize(
    "port",
    [
        pytest.param('"127.0.0.1:5432:5432"', id="address"),
        pytest.param('"[::1]:5432:5432"', id="IPv6 address"),
        pytest.param('"5432:5432/tcp"', id="protocol"),
        pytest.param('"5430-5435:5430-5435"', id="range"),
        pytest.param('"${DB_PORT:-5432}:5432"', id="variable with a default"),
        pytest.param('"5432:${DB_PORT:-5432}"', id="variable in the container"),
        pytest.param("{target: 5432, published: 5432}", id="long form"),
        pytest.param('{target: 5432, published: "${P-5432}"}', id="long form with a variable"),
    ],
)
def test_published_port_is_read_in_every_notation(port: str) -> None:
    result = run(f"services:\n  pg:\n    ports:\n      - {port}\n")
    assert result.summary == "would clash"


def test_port_that_is_merged_from_an_anchor_clashes() -> None:
    source = (
        "x-a: &a\n  ports: ['5432:5432']\nx-b: &b\n  <<: *a\nservices:\n  pg:\n    <<: [*b, *a]\n"
    )
    assert run(source).todo[0].startswith("This file publishes port 5432 for pg: ")


def test_name_and_port_are_arguments() -> None:
    source = "services:\n  db:\n    ports: ['5432:5432']\n"
    result = edit(source, include="pg.yaml", service="postgres", port=6432)
    assert result == Edit("include:\n  - pg.yaml\n\n" + source, "included pg.yaml")
    [todo] = edit(source, include="pg.yaml", project="shop-database").todo
    assert todo.split("\n")[1] == "docker compose -p shop-database -f pg.yaml up -d db"


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("", id="empty"),
        pytest.param("# nothing\n", id="comments only"),
        pytest.param("services: {}\n---\nservices: {}\n", id="several documents"),
        pytest.param("- a\n", id="list"),
        pytest.param('{"services": {}}\n', id="JSON"),
        pytest.param("include: [a.yaml]\nservices: {}\n", id="include in flow style"),
        pytest.param("include: a.yaml\n", id="include is text"),
        pytest.param("include:\nservices: {}\n", id="include is empty"),
        pytest.param("include:\n  - |\n    a.yaml\nservices: {}\n", id="include of a text block"),
    ],
)
def test_unknown_layout_is_left_alone(source: str) -> None:
    sentence = (
        "This layout is not known here: add the include by hand, or start the database alone:"
    )
    assert run(source) == Edit(source, "unknown layout", (task(sentence, *PASTE, ALONE),))


def test_invalid_yaml_names_its_position() -> None:
    source = "services:\n  api: a: b\n"
    reason = "line 2, column 9: mapping values are not allowed here"
    sentence = f"This is not valid YAML ({reason}): mend it, then add:"
    assert run(source) == Edit(source, "not valid YAML", (task(sentence, *PASTE),))


def test_character_that_yaml_forbids_is_named() -> None:
    result = run("services: \x01\n")
    assert result.text == "services: \x01\n"
    assert result.todo[0].startswith("This is not valid YAML (unacceptable character #x0001")


def test_anchor_that_contains_itself_ends() -> None:
    source = "services: &s\n  <<: *s\n  api: {}\n"
    assert run(source).summary == DONE


def test_result_is_read_by_yaml() -> None:
    text = run("include:\n  - a.yaml\nservices: {}\n").text
    assert yaml.safe_load(text) == {"include": ["a.yaml", FILE], "services": {}}
