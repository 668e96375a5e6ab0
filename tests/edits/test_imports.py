"""Where the import lands, judged by ruff: what was clean before the edit is clean after it."""

import subprocess
import sys
from pathlib import Path

import pytest

from edits import app_module
from edits.imports import import_name
from edits.python_source import PythonSource

LAYER = "app.core.database"

# Path of the module and its text; the lines with a plus are those that have to appear.
CLEAN = {
    "only fastapi": (
        "app/main.py",
        """\
from fastapi import FastAPI
+
+from app.core.database import setup_database

app = FastAPI()
+setup_database(app)
""",
    ),
    "docstring, future, standard library": (
        "app/main.py",
        '''\
#!/usr/bin/env python
"""The shop."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from fastapi import FastAPI
+
+from app.core.database import setup_database

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

logger = logging.getLogger(__name__)


def lifespan(_: FastAPI) -> AsyncIterator[None]: ...


app = FastAPI(lifespan=lifespan)
+setup_database(app)
''',
    ),
    "absolute neighbours around": (
        "app/main.py",
        """\
import uvicorn
from fastapi import Depends, FastAPI

import app.telemetry
from app import models
from app.core.config import settings
+from app.core.database import setup_database
from app.core.database2 import x
from app.routers import items, users

api = FastAPI(dependencies=[Depends(items)])
+setup_database(api)
uvicorn.run(api, app.telemetry, models, settings, x, users)
""",
    ),
    "absolute neighbours, first": (
        "app/main.py",
        """\
from fastapi import FastAPI

# The routes
+from app.core.database import setup_database
from app.routers import (
    items,
    users,
)

app = FastAPI(routes=[items, users])
+setup_database(app)
""",
    ),
    "neighbours parted by a comment": (
        "app/main.py",
        """\
from fastapi import FastAPI

from app.api import router
+from app.core.database import setup_database

# Must be last.
from app.views import pages

app = FastAPI(routes=[router, pages])
+setup_database(app)
""",
    ),
    "neighbour imported as a module": (
        "app/main.py",
        """\
from fastapi import FastAPI

import app.config
import app.views as views
+from app.core.database import setup_database

api = FastAPI(routes=[app.config, views])
+setup_database(api)
""",
    ),
    "relative neighbours": (
        "app/main.py",
        """\
from fastapi import FastAPI

from . import models
from .config import settings
+from .core.database import setup_database
from .routers import items

app = FastAPI(routes=[models, settings, items])
+setup_database(app)
""",
    ),
    "relative neighbours of a deeper module": (
        "app/web/server.py",
        """\
from fastapi import FastAPI

from .. import models
from ..config import settings
+from ..core.database import setup_database
from . import pages
from .routers import items

app = FastAPI(routes=[models, settings, pages, items])
+setup_database(app)
""",
    ),
    "relative neighbours in the factory only": (
        "app/main.py",
        """\
from fastapi import FastAPI
+
+from .core.database import setup_database


def create() -> FastAPI:
    from .routers import items

    app = FastAPI(routes=items)
+    setup_database(app)
    return app
""",
    ),
    "beside the layer": (
        "app/core/application.py",
        """\
from fastapi import FastAPI

from .config import settings
+from .database import setup_database

app = FastAPI(**settings)
+setup_database(app)
""",
    ),
    "sys.path is changed first": (
        "app/main.py",
        """\
import sys

from fastapi import FastAPI

sys.path.insert(0, "..")

+from app.core.database import setup_database
from app.routers import items

app = FastAPI(routes=items)
+setup_database(app)
""",
    ),
    "the environment is loaded first": (
        "app/main.py",
        """\
from dotenv import load_dotenv

load_dotenv()

from fastapi import FastAPI  # noqa: E402

from app.config import settings  # noqa: E402
+from app.core.database import setup_database  # noqa: E402

app = FastAPI(**settings)
+setup_database(app)
""",
    ),
    "the environment is loaded first, no neighbours": (
        "app/main.py",
        """\
from dotenv import load_dotenv

load_dotenv()

from fastapi import FastAPI  # noqa: E402
+
+from app.core.database import setup_database  # noqa: E402

app = FastAPI()
+setup_database(app)
""",
    ),
    "neighbours before and after the environment is loaded": (
        "app/main.py",
        """\
import os

from fastapi import FastAPI

from app.settings import ENVIRONMENT

os.environ.update(ENVIRONMENT)

+from app.core.database import setup_database
from app.routers import items

app = FastAPI(routes=items)
+setup_database(app)
""",
    ),
    "absolute and relative neighbours": (
        "app/main.py",
        """\
from fastapi import FastAPI

import app.config
+from app.core.database import setup_database

from .routers import items

api = FastAPI(routes=[app.config, items])
+setup_database(api)
""",
    ),
    "neighbours at the end of the file": (
        "app/main.py",
        """\
from fastapi import FastAPI
+
+from app.core.database import setup_database

app = FastAPI()
+setup_database(app)

from app import routes  # noqa: E402

app.include_router(routes)
""",
    ),
    "fastapi is optional": (
        "app/main.py",
        """\
import os
+
+from app.core.database import setup_database

try:
    from fastapi import FastAPI
except ImportError:
    raise SystemExit(os.EX_CONFIG) from None

app = FastAPI()
+setup_database(app)
""",
    ),
    "no import before the factory": (
        "app/main.py",
        """\
+from app.core.database import setup_database
+
+
def create():
    from fastapi import FastAPI

    app = FastAPI()
+    setup_database(app)
    return app
""",
    ),
    "no import before a decorated factory": (
        "app/main.py",
        """\
+from app.core.database import setup_database
+
+
@staticmethod
def create():
    from fastapi import FastAPI

    app = FastAPI()
+    setup_database(app)
    return app
""",
    ),
    "no import behind the docstring": (
        "app/main.py",
        '''\
"""The shop."""
+
+from app.core.database import setup_database

try:
    from fastapi import FastAPI
except ImportError:
    raise SystemExit from None

app = FastAPI()
+setup_database(app)
''',
    ),
    "no import and no docstring": (
        "app/main.py",
        """\
+from app.core.database import setup_database
+
try:
    from fastapi import FastAPI
except ImportError:
    raise SystemExit from None

app = FastAPI()
+setup_database(app)
""",
    ),
    "package of a monorepo beside": (
        "app/main.py",
        """\
from fastapi import FastAPI

+from app.core.database import setup_database
from lib.settings import settings

app = FastAPI(**settings)
+setup_database(app)
""",
    ),
    "joins names of the layer": (
        "app/main.py",
        """\
from fastapi import FastAPI

from app.core.database import (
    Base,
    get_db,
+    setup_database,
    test_database,
)

app = FastAPI(dependencies=[Base, get_db, test_database])
+setup_database(app)
""",
    ),
    "joins names of the layer at the end": (
        "app/main.py",
        """\
from fastapi import FastAPI

from .core.database import (
    Base,
    get_db,  # the session
+    setup_database,
)

app = FastAPI(dependencies=[Base, get_db])
+setup_database(app)
""",
    ),
    "renamed names of the layer": (
        "app/main.py",
        """\
from fastapi import FastAPI

from app.core.database import get_db as session
+from app.core.database import setup_database

app = FastAPI(dependencies=[session])
+setup_database(app)
""",
    ),
}


def problems(root: Path) -> str:
    """Return what ruff finds; what exists beside the module decides what is first-party."""
    (root / "lib").mkdir(exist_ok=True)
    (root / "lib" / "settings.py").touch()
    ruff = [sys.executable, "-m", "ruff", "check", "--isolated", "--no-cache", "--quiet"]
    options = ["--select", "I,F,E402,RUF100", "--output-format", "concise"]
    run = subprocess.run([*ruff, *options, "."], cwd=root, capture_output=True, check=False)
    return (run.stdout + run.stderr).decode()


@pytest.mark.parametrize(("path", "marked"), CLEAN.values(), ids=CLEAN)
def test_import_is_where_ruff_wants_it(tmp_path: Path, path: str, marked: str) -> None:
    lines = marked.splitlines(keepends=True)
    before = "".join(line for line in lines if not line.startswith("+"))
    after = "".join(line.removeprefix("+") for line in lines)
    package = ".".join(Path(path).parent.parts)
    file = tmp_path / path
    file.parent.mkdir(parents=True)
    (tmp_path / "app" / "__init__.py").touch()

    file.write_text(before)
    assert problems(tmp_path) == ""
    result = app_module.edit(before, module=LAYER, package=package)
    assert (result.text, result.todo) == (after, ())
    assert app_module.edit(after, module=LAYER, package=package).text == after
    file.write_text(after)
    assert problems(tmp_path) == ""


def add(before: str, name: str, module: str = LAYER, package: str = "app") -> str:
    source = PythonSource(before, package)
    return source.insert(import_name(source, name, module=module, use=source.tree.body[-1])[1])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(
            "from app.core.database import Base, z\nx",
            "from app.core.database import Base, setup_database, z\nx",
            id="between",
        ),
        pytest.param(
            "from app.core.database import Base, get_db  # c\nx",
            "from app.core.database import Base, get_db, setup_database  # c\nx",
            id="last",
        ),
        pytest.param(
            "from app.core.database import (Base,\n    get_db)\nx",
            "from app.core.database import (Base,\n    get_db, setup_database)\nx",
            id="last before a bracket",
        ),
        pytest.param(
            "from app.core.database import (\n    get_db  # )\n)\nx",
            "from app.core.database import (\n    get_db,  # )\n    setup_database,\n)\nx",
            id="last without a comma",
        ),
        pytest.param(
            "from fastapi import FastAPI\nfrom app.routers import a\nimport os\nx",
            "from fastapi import FastAPI\nfrom app.core.database import setup_database\n"
            "from app.routers import a\nimport os\nx",
            id="unsorted imports: beside its neighbours",
        ),
        pytest.param(
            "from app.a10 import a\nfrom app.routers import a; import os\nx",
            "from app.a10 import a\nfrom app.core.database import setup_database\n"
            "from app.routers import a; import os\nx",
            id="two imports in a line",
        ),
        pytest.param(
            "if X:\n    from app.core.database import Base\nfrom fastapi import FastAPI\nx",
            "if X:\n    from app.core.database import Base\nfrom fastapi import FastAPI\n\n"
            "from app.core.database import setup_database\nx",
            id="a conditional import is not joined",
        ),
        pytest.param(
            "import os\ndef f(): ...\nimport sys\nx",
            "import os\n\nfrom app.core.database import setup_database\n"
            "def f(): ...\nimport sys\nx",
            id="an import between functions is no place",
        ),
        pytest.param(
            "from .a import b\nfrom app.z import c\nx",
            "from .a import b\nfrom app.core.database import setup_database\n"
            "from app.z import c\nx",
            id="mixed styles: absolute",
        ),
    ],
)
def test_layouts_that_ruff_would_change(before: str, after: str) -> None:
    assert add(before, "setup_database") == after


def test_natural_order_of_modules_and_kinds_of_names() -> None:
    module = "app.db10"
    assert add("from app.db9 import a\nfrom app.db11 import b\nx", "c", module) == (
        "from app.db9 import a\nfrom app.db10 import c\nfrom app.db11 import b\nx"
    )
    assert add("from app.Z import a\nx", "c", module) == (
        "from app.db10 import c\nfrom app.Z import a\nx"
    )
    before = "from app.db10 import LIMIT, Zebra, apple\nx"
    assert add(before, "Apple", module) == "from app.db10 import LIMIT, Apple, Zebra, apple\nx"
    assert add(before, "ZERO", module) == "from app.db10 import LIMIT, ZERO, Zebra, apple\nx"


def test_long_import_is_wrapped() -> None:
    module = "app." + "long." * 12 + "database"
    line = f"from {module} import (\n    setup_database,\n)"
    assert len(f"from {module} import setup_database") == 99
    assert add("import os\nx", "setup_database", module) == f"import os\n\n{line}\nx"


def test_flat_layout_sorts_among_the_projects_own_modules() -> None:
    before = "import os\n\nfrom fastapi import FastAPI\n\nfrom routers import a\n\nx"
    assert add(before, "setup_database", "database", "") == before.replace(
        "from routers", "from database import setup_database\nfrom routers"
    )


def test_layer_in_another_package_is_never_imported_relatively() -> None:
    before = "from .routers import a\nx"
    assert add(before, "setup_database", "database", "app") == (
        "from .routers import a\n\nfrom database import setup_database\nx"
    )
