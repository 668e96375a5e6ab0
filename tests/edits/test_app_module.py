import pytest

from edits.app_module import edit
from edits.edit import Edit, task

BUILT = "from fastapi import FastAPI\n"
IMPORT = "from app.core.database import setup_database"


def run(source: str) -> Edit:
    return edit(source, module="app.core.database", package="app")


# What stands below the import of FastAPI; the line with a plus is the one to appear.
SHAPES = {
    "plain": "app = FastAPI()\n+setup_database(app)",
    "other name": "APP = FastAPI()\n+setup_database(APP)",
    "annotated": "app: FastAPI = FastAPI()\n+setup_database(app)",
    "parameters": "app = FastAPI(**params)\n+setup_database(app)\napp.mount('/', site)",
    "several lines": "app = FastAPI(  # ä\n    title='Ü'\n)  # ö\n+setup_database(app)\n\n",
    "parenthesised": "app = (\n    FastAPI()\n)\n+setup_database(app)",
    "before a catch-all": """\
app = FastAPI()
+setup_database(app)


@app.get("/{path:path}")
def page(): ...
""",
    "chained": "app = api = FastAPI()\n+setup_database(app)",
    "last of a line": "x = 1; app = FastAPI();\n+setup_database(app)",
    "factory": """\
def create():
    api = FastAPI()
+    setup_database(api)
    api = wrap(api)
    return api

app = create()
""",
    "async factory with tabs": (
        "async def create():\n\tapi = FastAPI()\n+\tsetup_database(api)\n\treturn api"
    ),
    "method": """\
class Server:
    def __init__(self):
        self.app = FastAPI()
+        setup_database(self.app)
""",
    "class attribute": "class Server:\n    app = FastAPI()\n+    setup_database(app)\n",
    "blocks": """\
if DEBUG:
  with setup():
    app = FastAPI()
+    setup_database(app)
else:
  app = None
""",
    "subclasses": """\
class Base(FastAPI): ...
class API(Base): ...
app = API()
+setup_database(app)
""",
    "mounted app": """\
app = FastAPI()
+setup_database(app)
admin = FastAPI()
app.mount("/admin", admin)
""",
    "app mounted as a route": """\
admin = FastAPI()
app = FastAPI(routes=[Mount("/", app=admin)])
+setup_database(app)
""",
    "app mounted without a name": """\
app = FastAPI()
+setup_database(app)
app.mount("/admin", FastAPI())
""",
    "mounted factory": """\
def admin():
    app = FastAPI()
    return app
root = FastAPI()
+setup_database(root)
root.mount("/admin", admin())
""",
    "app of a test": """\
app = FastAPI()
+setup_database(app)
def test_it():
    other = FastAPI()
""",
    "app of a direct run": """\
app = FastAPI()
+setup_database(app)
if __name__ == "__main__":
    dev = FastAPI()
""",
}


@pytest.mark.parametrize("marked", SHAPES.values(), ids=SHAPES)
def test_call_stands_directly_after_the_app_is_built(marked: str) -> None:
    lines = marked.split("\n")
    (call,) = [line.removeprefix("+").strip() for line in lines if line.startswith("+")]
    before = "\n".join([BUILT, *(line for line in lines if not line.startswith("+"))])
    after = "\n".join([BUILT, IMPORT, "", *(line.removeprefix("+") for line in lines)])
    assert run(before) == Edit(after, f"{call} added")
    again = run(after)
    assert again.text == after
    assert not again.todo
    assert again.summary.startswith("setup_database is already called in line ")


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("import fastapi", "fastapi.FastAPI"),
        ("import fastapi as fa", "fa.FastAPI"),
        ("from fastapi import FastAPI as F", "F"),
        ("from fastapi.applications import FastAPI", "FastAPI"),
        ("from fastapi import *", "FastAPI"),
    ],
)
def test_names_of_fastapi(statement: str, name: str) -> None:
    app = f"app = {name}()\n"
    assert run(f"{statement}\n\n{app}") == Edit(
        f"{statement}\n\n{IMPORT}\n\n{app}setup_database(app)\n", "setup_database(app) added"
    )


@pytest.mark.parametrize(
    ("source", "line"),
    [
        pytest.param(f"{IMPORT}\napp = create()\nsetup_database(app)", 3, id="imported"),
        pytest.param(f"{IMPORT} as wire\napp = FastAPI()\nwire(app)\n", 3, id="renamed"),
        pytest.param(
            "from .core.database import setup_database as s\ns(app)\n", 2, id="relative and renamed"
        ),
        pytest.param("from .core import database\ndatabase.setup_database(app)", 2, id="attribute"),
        pytest.param("import app.core.database\napp.core.database.setup_database(x)", 2, id="path"),
        pytest.param("from .core.database import *\nsetup_database(app)", 2, id="star"),
    ],
)
def test_called_already(source: str, line: int) -> None:
    assert run(source) == Edit(source, f"setup_database is already called in line {line}")


def test_import_that_is_there_is_used() -> None:
    before = f"from fastapi import FastAPI\n\n{IMPORT} as wire\n\napp = FastAPI()\n"
    assert run(before) == Edit(before + "wire(app)\n", "wire(app) added")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(
            "if DEBUG:\n    app = FastAPI(debug=True)\nelse:\n    app = FastAPI()\n",
            "if DEBUG:\n    app = FastAPI(debug=True)\n    setup_database(app)\n"
            "else:\n    app = FastAPI()\n    setup_database(app)\n",
            id="in two branches",
        ),
        pytest.param(
            "app = FastAPI()\napp = FastAPI(debug=True)\n",
            "app = FastAPI()\nsetup_database(app)\n"
            "app = FastAPI(debug=True)\nsetup_database(app)\n",
            id="assigned again",
        ),
    ],
)
def test_one_variable_assigned_several_times(before: str, after: str) -> None:
    done = run(f"{BUILT}\n{before}")
    assert done.todo == ()
    assert done.text.endswith(after)
    assert run(done.text).text == done.text


@pytest.mark.parametrize(
    ("body", "names", "lines"),
    [
        pytest.param(
            "app = FastAPI()\nadmin = FastAPI()\n",
            "app (line 3), admin (line 4)",
            ("setup_database(app)  # line 3", "setup_database(admin)  # line 4"),
            id="two",
        ),
        pytest.param(
            "def a():\n    app = FastAPI()\n\ndef b():\n    app = FastAPI()\n",
            "app (line 4), app (line 7)",
            ("setup_database(app)  # line 4", "setup_database(app)  # line 7"),
            id="one name in two functions",
        ),
        pytest.param(
            "api = FastAPI()\napps = [FastAPI()]\n",
            "api (line 3), one without a name (line 4)",
            ("setup_database(api)  # line 3", "setup_database(app)  # line 4"),
            id="one without a name",
        ),
    ],
)
def test_several_apps(body: str, names: str, lines: tuple[str, ...]) -> None:
    sentence = (
        f"2 FastAPI apps are built here: {names}. "
        "Add the import and, after the one that serves your API is built, its call:"
    )
    expected = Edit(f"{BUILT}\n{body}", "several apps found", (task(sentence, IMPORT, *lines),))
    assert run(f"{BUILT}\n{body}") == expected


@pytest.mark.parametrize(
    ("body", "line", "reason"),
    [
        ("app = wrap(FastAPI())", 3, "is an argument of another call"),
        ("def f():\n    return FastAPI()", 4, "is returned without a name"),
        ("make = lambda: FastAPI()", 3, "is the result of a lambda"),
        ("if (app := FastAPI()): pass", 3, "is part of a larger expression"),
        ("apps['a'] = FastAPI()", 3, "is part of a larger expression"),
        ("app = FastAPI() if X else None", 3, "is part of a larger expression"),
    ],
)
def test_app_without_a_name(body: str, line: int, reason: str) -> None:
    sentence = (
        f"The FastAPI app of line {line} {reason}. Assign it to a variable in a statement of its "
        "own, then add the import and, after that statement, the call:"
    )
    todo = (task(sentence, IMPORT, "setup_database(app)"),)
    assert run(f"{BUILT}\n{body}") == Edit(f"{BUILT}\n{body}", "the app has no name", todo)


@pytest.mark.parametrize(
    "body", ["api = FastAPI(); api.mount('/', site)", "if DEBUG: api = FastAPI()"]
)
def test_app_that_shares_its_line(body: str) -> None:
    sentence = (
        "Line 3 does more than build the app. Give that a line of its own, "
        "then add the import and, directly after that line, the call:"
    )
    todo = (task(sentence, IMPORT, "setup_database(api)"),)
    assert run(f"{BUILT}\n{body}") == Edit(f"{BUILT}\n{body}", "the app shares its line", todo)


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("from app.factory import create\napp = create()\n", id="built elsewhere"),
        pytest.param(f"{BUILT}api = FastAPI()\nroot.mount('/api', api)", id="only mounted"),
        pytest.param(f"{BUILT}def test_app():\n    app = FastAPI()", id="only a test"),
        pytest.param(
            f"{BUILT}if '__main__' == __name__:\n    a = FastAPI()", id="only a direct run"
        ),
        pytest.param("class FastAPI: ...\napp = FastAPI()\n", id="class of the same name"),
        pytest.param(
            "from fastapi import *\nfrom x import *\na = FastAPI()", id="two star imports"
        ),
        pytest.param("", id="empty"),
    ],
)
def test_no_app(source: str) -> None:
    sentence = "No statement builds the FastAPI app that is served. Where it is built, add:"
    todo = (task(sentence, IMPORT, "setup_database(app)"),)
    assert run(source) == Edit(source, "no app found", todo)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("def setup_database(): ...\napp = FastAPI()\nsetup_database()", id="function"),
        pytest.param("from app.db import setup_database\napp = FastAPI()", id="other import"),
        pytest.param("app = FastAPI()\ndef f(setup_database): ...\n", id="parameter"),
        pytest.param(f"app = FastAPI()\n{IMPORT}\n", id="imported after the app"),
    ],
)
def test_name_is_taken(body: str) -> None:
    sentence = (
        "setup_database already means something else in this file. "
        "Import it by another name and, directly after the app is built, call that:"
    )
    todo = (task(sentence, f"{IMPORT} as setup_database_layer", "setup_database_layer(app)"),)
    assert run(f"{BUILT}\n{body}") == Edit(f"{BUILT}\n{body}", "setup_database is taken", todo)


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        pytest.param(
            "app = 1\napp = FastAPI(\n", "Line 2 is no valid Python: '(' was never closed.", id="("
        ),
        pytest.param(
            "x = 1\n<<<<<<< HEAD\n", "Line 2 is no valid Python: invalid syntax.", id="conflict"
        ),
        pytest.param(
            "x = 1\nx = '\ud800'\n", "Line 2 holds a character that is no text.", id="surrogate"
        ),
        pytest.param(
            "x = 1\n(y): int = 2\n",
            "Line 2 uses Python syntax that libcst cannot read yet.",
            id="valid, but unknown to libcst",
        ),
        pytest.param(
            "x = " + " + ".join("1" * 1000),
            "An expression is nested too deeply to be read.",
            id="deep nesting",
        ),
    ],
)
def test_unreadable_source(source: str, problem: str) -> None:
    sentence = f"{problem} Mend that, then add the import and, after the app is built, the call:"
    todo = (task(sentence, IMPORT, "setup_database(app)"),)
    assert run(source) == Edit(source, "not readable", todo)


def test_flat_layout() -> None:
    before = "from fastapi import FastAPI\nfrom routers import a\n\napp = FastAPI()"
    result = edit(before, module="database", package="")
    assert result.text == (
        "from fastapi import FastAPI\nfrom routers import a\n\n"
        "from database import setup_database\n\napp = FastAPI()\nsetup_database(app)"
    )
