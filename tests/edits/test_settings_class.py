import runpy
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from edits.edit import Edit, task
from edits.settings_class import edit
from layering import PROJECT

MODULE = "app.core.database.variables"
IMPORT = f"from {MODULE} import DatabaseVariables"
HEAD = """\
from pathlib import Path
from typing import ClassVar

from pydantic import AliasChoices, AliasPath, BaseModel, ConfigDict, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

"""
ADDED = "DatabaseVariables added to Settings"


def run(source: str) -> Edit:
    return edit(source, module=MODULE, package="app.core")


# Settings classes that refuse unknown keys of .env, below HEAD.
REFUSING = {
    "default": """\
class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_file=".env")
    name: str
""",
    "forbid": """\
class Settings(BaseSettings):
    name: str
    model_config = SettingsConfigDict(env_file=".env", extra="forbid")
""",
    "prefix": """\
class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_file=".env", env_prefix="shop_")
    theme: str
""",
    "prefix of the layer": """\
class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_file=".env", env_prefix="DATABASE_")
    name: str = Field(alias="NAME")
    url: str = "default"
""",
    "case": """\
class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_file=".env", case_sensitive=True)
    NAME: str
    database_url: int = 1
""",
    "nested": """\
class Cache(BaseModel):
    host: str


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_file=".env", env_nested_delimiter="__")
    name: str
    cache: Cache
""",
    "layered": """\
class Base(BaseSettings):
    model_config = SettingsConfigDict(env_file=".env", frozen=True)


class Settings(Base):
    name: str
""",
    "layered, the env file below": """\
class Base(BaseSettings):
    model_config = SettingsConfigDict(str_to_upper=True)


class Settings(Base):
    model_config = SettingsConfigDict(env_file=".env")
    name: str
""",
    "inner class": """\
class Settings(BaseSettings):
    name: str

    class Config:
        env_file = ".env"
        env_file_encoding = "utf-8"
""",
    "keyword": """\
class Settings(BaseSettings, env_file=".env", title="Shop"):
    name: str
""",
    "dictionary": """\
class Settings(BaseSettings):
    model_config = {"env_file": (".env", ".env.local"), "str_to_upper": True}
    name: str
""",
    "constant": """\
CONFIG = SettingsConfigDict(env_file=Path.cwd() / ".env")


class Settings(BaseSettings):
    model_config: ClassVar[SettingsConfigDict] = CONFIG
    name: str
""",
    "given by the caller": """\
class Settings(BaseSettings):
    name: str


settings = Settings(_env_file=".env")
""",
    "own field": """\
class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_file=".env")
    name: str
    DATABASE_URL: str = ""
""",
    "filtering": """\
class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_file=".env", dotenv_filtering="match_prefix")
    name: str
""",
    "target of the prefix": """\
class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_file=".env", env_prefix_target="all", env_prefix="shop_")
    theme: str
""",
    "own choices": """\
class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_file=".env", case_sensitive=True)
    NAME: str
    url: str = Field("", validation_alias=AliasChoices("DB_URL", AliasPath("DATABASE_URL")))
""",
    "own alias": """\
class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_file=".env", populate_by_name=True)
    name: str
    url: str = Field("", validation_alias="DATABASE_URL")
""",
    "strict": """\
class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_file=".env", strict=True, validate_default=True)
    name: str
""",
    "other bases": """\
class Defaults(BaseModel):
    model_config = ConfigDict(str_to_upper=True)


class Settings(
    Defaults,
    BaseSettings,
):
    model_config = SettingsConfigDict(env_file=".env")
    name: str
""",
    "alias generator": """\
class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_file=".env", alias_generator=str.upper)
    name: str
""",
}

# What .env holds before the layer comes, where it is not NAME=shop.
ENV = {
    "prefix": "SHOP_THEME=dark\n",
    "nested": "NAME=shop\nCACHE__HOST=redis\n",
    "own field": "NAME=shop\nDATABASE_URL=postgresql://u:secret@h/d\n",
    "target of the prefix": "SHOP_THEME=dark\n",
    "own choices": "NAME=shop\nDATABASE_URL=postgresql://u:secret@h/d\n",
    "own alias": "NAME=shop\nDATABASE_URL=postgresql://u:secret@h/d\n",
    "prefix of the layer": "NAME=shop\nDATABASE_URL=postgresql://u:secret@h/d\n",
}
LAYER_ENV = "DATABASE_URL=postgresql://u:secret@h/d\nDATABASE_POOL_SIZE=5\n"

# The real one, which has nothing to render, beside settings of two fields.
VARIABLES = PROJECT / "template/project/{{ db_layer_dir }}/variables.py"
SETTINGS = """\
from pydantic import BaseModel


class DatabaseSettings(BaseModel):
    database_url: str = ""
    database_pool_size: int = 5
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    package = tmp_path / "app" / "core" / "database"
    package.mkdir(parents=True)
    (package / "settings.py").write_text(SETTINGS)
    (package / "variables.py").write_text(VARIABLES.read_text())
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    for key in ("NAME", "SHOP_THEME", "CACHE__HOST", "DATABASE_URL", "DATABASE_POOL_SIZE"):
        monkeypatch.delenv(key, raising=False)
    for module in [name for name in sys.modules if name.split(".")[0] == "app"]:
        monkeypatch.delitem(sys.modules, module)
    return tmp_path


def load(folder: Path, source: str, env: str) -> Any:
    (folder / ".env").write_text(env)
    (folder / "config.py").write_text(source)
    names = runpy.run_path(str(folder / "config.py"))
    return names.get("settings") or names["Settings"]()


def refused(folder: Path, source: str, env: str) -> set[str]:
    with pytest.raises(ValidationError) as raised:
        load(folder, source, env)
    errors = raised.value.errors()
    assert {error["type"] for error in errors} == {"extra_forbidden"}
    return {str(error["loc"][0]).upper() for error in errors}


@pytest.mark.filterwarnings("ignore::pydantic.PydanticDeprecatedSince20")
@pytest.mark.parametrize("case", REFUSING)
def test_layers_keys_are_taken_and_nothing_else_changes(folder: Path, case: str) -> None:
    before, env = HEAD + REFUSING[case], ENV.get(case, "NAME=shop\n")
    alone = load(folder, before, env)
    assert refused(folder, before, env + LAYER_ENV) >= {"DATABASE_POOL_SIZE"}

    result = run(before)
    assert result.todo == ()
    again = run(result.text)
    assert (again.text, again.todo) == (result.text, ())

    layered = load(folder, result.text, env + LAYER_ENV)
    assert repr(layered) == repr(alone)
    assert layered.model_dump() == alone.model_dump()
    assert layered.model_config == alone.model_config
    assert refused(folder, result.text, env + LAYER_ENV + "TYPO=1\n") == {"TYPO"}


def test_mixin_comes_first_and_its_import_beside_the_neighbours() -> None:
    before = """\
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.core.paths import ROOT

class Settings(BaseSettings, case_sensitive=True):  # ours
    model_config = SettingsConfigDict(env_file=ROOT)
class Other(  # wrapped
    BaseSettings,
    env_file=".env",
): ..."""
    after = """\
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.core.database.variables import DatabaseVariables
from app.core.paths import ROOT

class Settings(DatabaseVariables, BaseSettings, case_sensitive=True):  # ours
    model_config = SettingsConfigDict(env_file=ROOT)
class Other(  # wrapped
    DatabaseVariables,
    BaseSettings,
    env_file=".env",
): ..."""
    assert run(before) == Edit(after, f"{ADDED}; DatabaseVariables added to Other")
    assert run(after) == Edit(after, "Settings has DatabaseVariables; Other has DatabaseVariables")


def test_mixin_is_added_once_to_a_line_of_classes() -> None:
    before = """\
import pydantic_settings as ps

class Base(ps.BaseSettings):
    model_config = {"env_file": ".env"}
class Settings(Base):
    model_config = {"env_file": ".env.shop"}
"""
    after = f"""\
import pydantic_settings as ps

{IMPORT}

class Base(DatabaseVariables, ps.BaseSettings):
    model_config = {{"env_file": ".env"}}
class Settings(Base):
    model_config = {{"env_file": ".env.shop"}}
"""
    assert run(before) == Edit(
        after, "Settings has DatabaseVariables; DatabaseVariables added to Base"
    )


def test_generic_class_passes_the_mixin_on() -> None:
    bases = "BaseSettings, Generic[T], env_file=''"
    before = f"{HEAD}{IMPORT}\nclass A({bases}): ...\nclass B(A[int]): ...\n"
    after = before.replace(bases, f"DatabaseVariables, {bases}")
    assert run(before) == Edit(after, "B has DatabaseVariables; DatabaseVariables added to A")


@pytest.mark.parametrize(
    "name", ["pydantic_settings.BaseSettings", "pydantic_settings.main.BaseSettings"]
)
def test_names_of_base_settings(name: str) -> None:
    source = f"import {name.rpartition('.')[0]}\n\nclass A({name}, env_file=''): ...\n"
    assert run(source).summary == "DatabaseVariables added to A"


def test_import_that_is_there_is_used() -> None:
    before = f"{HEAD}{IMPORT} as Layer\nclass A(BaseSettings, env_file=''): ...\n"
    after = before.replace("A(", "A(Layer, ")
    assert run(before) == Edit(after, "Layer added to A")


@pytest.mark.parametrize(
    ("header", "body", "reason"),
    [
        ("(BaseSettings)", "...", "reads no env file"),
        ("(BaseSettings, env_file=None)", "...", "reads no env file"),
        ("(BaseSettings)", "def f(self): model_config = {'env_file': 1}", "reads no env file"),
        ("(BaseSettings)", "class B:\n  model_config = {'env_file': 1}", "reads no env file"),
        ("(BaseSettings, env_file='', extra='ignore')", "...", "ignores unknown keys"),
        (
            "(BaseSettings)",
            "model_config = SettingsConfigDict(extra='allow', env_file='')",
            "ignores unknown keys",
        ),
        (
            "(BaseSettings)",
            "class Config:\n  env_file = ''\n  extra = Extra.ignore",
            "ignores unknown keys",
        ),
        ("(BaseSettings)", "class Meta:\n  env_file = ''", "reads no env file"),
        ("(BaseSettings)", "lax = Lax(_env_file='')", "reads no env file"),
        ("(Lax, env_file='')", "...", "ignores unknown keys"),
        ("(BaseSettings, dotenv_filtering='only_existing')", "...", "ignores unknown keys"),
        ("(DatabaseVariables, BaseSettings, env_file='')", "...", "has DatabaseVariables"),
    ],
)
def test_nothing_to_do(header: str, body: str, reason: str) -> None:
    lax = "class Lax(BaseSettings, extra='ignore'): ...\n"
    source = f"{HEAD}{IMPORT}\n{lax}class A{header}:\n {body}\n"
    assert run(source) == Edit(source, f"Lax ignores unknown keys; A {reason}")


@pytest.mark.parametrize(
    "source",
    [
        "",
        f"{HEAD}class A: ...",
        f"{HEAD}class A(BaseModel):\n    class Config:\n        env_file = 1\n",
    ],
)
def test_no_settings_class(source: str) -> None:
    assert run(source) == Edit(source, "no pydantic-settings class")


def test_pydantic_v1_inside_of_pydantic_2_ignores_unknown_keys() -> None:
    source = "from pydantic.v1 import BaseSettings\n\nclass A(BaseSettings, env_file=''): ...\n"
    assert run(source) == Edit(source, "no pydantic-settings class")


@pytest.mark.parametrize(
    ("header", "body", "sentence"),
    [
        pytest.param(
            "A(BaseSettings, env_file='', extra=EXTRA)",
            "...",
            "sets extra to EXTRA. Unless that ignores unknown keys, add:",
            id="extra is a variable",
        ),
        *(
            pytest.param(
                "A(BaseSettings)",
                f"model_config = {value}",
                f"takes its configuration from {origin}. "
                "If that reads an env file and does not ignore unknown keys, add:",
                id=value,
            )
            for value, origin in {
                "CONFIG": "CONFIG",
                "SettingsConfigDict(**CONFIG)": "CONFIG",
                "{**CONFIG, 'env_file': ''}": "CONFIG",
                "make_config()": "make_config()",
            }.items()
        ),
        pytest.param(
            "A(Base, env_file='')",
            "...",
            "reads an env file and inherits from another module. Unless it ignores unknown keys "
            "or the class there has the same base already, add:",
            id="base of another module",
        ),
        pytest.param(
            "A(BaseSettings1)",
            "...",
            "derives from BaseSettings of pydantic 1, and the database layer needs pydantic 2. "
            "Move it to pydantic-settings; if it reads an env file, then add:",
            id="pydantic 1",
        ),
    ],
)
def test_unclear_class_is_left_with_the_lines_to_paste(
    header: str, body: str, sentence: str
) -> None:
    imports = "from lib import Base\nfrom pydantic import BaseSettings as BaseSettings1\n"
    source = f"{HEAD}{imports}class {header}:\n    {body}\n"
    todo = task(
        f"A (line 9) {sentence}",
        IMPORT,
        f"class {header}:".replace("(", "(DatabaseVariables, "),
    )
    assert run(source) == Edit(source, "A is unclear", (todo,))


def test_clear_class_is_edited_beside_an_unclear_one() -> None:
    before = f"{HEAD}class A(BaseSettings, env_file=''): ...\nclass B(BaseSettings, **X): ...\n"
    result = run(before)
    assert "class A(DatabaseVariables, BaseSettings, env_file=''): ..." in result.text
    assert result.summary == "B is unclear; DatabaseVariables added to A"
    assert result.todo[0].startswith("B (line 8) takes its configuration from X.")


def test_name_is_taken() -> None:
    source = f"{HEAD}class DatabaseVariables: ...\nclass A(BaseSettings, env_file=''): ...\n"
    todo = task(
        "DatabaseVariables already means something else in this file. Import it by another name:",
        f"{IMPORT} as LayerDatabaseVariables",
        "class A(LayerDatabaseVariables, BaseSettings, env_file=''):",
    )
    assert run(source) == Edit(source, "DatabaseVariables is taken", (todo,))


def test_unreadable_source() -> None:
    sentence = (
        "Line 2 is no valid Python: '(' was never closed. "
        "Mend that; if a settings class here reads an env file, then add:"
    )
    todo = (task(sentence, IMPORT, "class Settings(DatabaseVariables, BaseSettings):"),)
    assert run("x = 1\ny = (\n") == Edit("x = 1\ny = (\n", "not readable", todo)


OWN_FIELDS = """\
class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_file=".env")
    name: str = ""
    database_url: str = "default"
    database_pool_size: int = 1
"""


def test_what_is_passed_in_code_comes_before_the_environment(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fields of the host that have the names of the layer's variables stay the host's."""
    layered = run(HEAD + OWN_FIELDS).text
    (folder / "config.py").write_text(layered)
    settings = runpy.run_path(str(folder / "config.py"))["Settings"]
    assert settings().database_url == "default"
    monkeypatch.setenv("DATABASE_URL", "environment")
    monkeypatch.setenv("DATABASE_POOL_SIZE", "2")
    assert (settings().database_url, settings().database_pool_size) == ("environment", 2)
    passed = settings(database_url="code", database_pool_size=3)
    assert (passed.database_url, passed.database_pool_size) == ("code", 3)
    assert set(settings.model_fields) == {"name", "database_url", "database_pool_size"}
