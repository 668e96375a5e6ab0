"""The repositories under `tests/hosts`, and what a test has to know to use one."""

from dataclasses import dataclass
from pathlib import Path

HOSTS_ROOT = Path(__file__).parent / "hosts"


@dataclass(frozen=True, kw_only=True)
class Host:
    """One FastAPI application to layer the template onto.

    `name` is unique, `folder` is not: a monorepo is listed once per service. All other paths
    are relative to the root of the host's repository and use forward slashes.

    - `folder`: directory below `HOSTS_ROOT` that is copied to become the repository.
    - `app_dir`: folder that holds the application's modules, the expected `db_app_dir`.
    - `app_module`: file with the call of `FastAPI()` that has to be wired.
    - `import_root`: folder that has to be on `sys.path`.
    - `package`: import name of `app_dir` seen from `import_root`; empty when the modules of
      `app_dir` are imported by their bare names.
    - `asgi`: target for uvicorn, started from `import_root`.
    - `factory`: whether that target has to be called (`uvicorn --factory`).
    - `tests_dir`: where the host's own tests live.
    - `test_cwd`: where `python -m pytest -q` runs exactly those.
    - `dependency_file`: the file that declares FastAPI for production.
    - `sample_path`: path and query of a GET request that a started application answers with
      200 when sent with `sample_headers`, and with a body that holds `sample_body_contains`.
    """

    name: str
    folder: str
    app_dir: str
    app_module: str
    import_root: str
    package: str
    asgi: str
    factory: bool = False
    tests_dir: str
    test_cwd: str
    dependency_file: str
    sample_path: str
    sample_body_contains: str
    sample_headers: tuple[tuple[str, str], ...] = ()


HOSTS: tuple[Host, ...] = (
    Host(
        name="bigger_applications",
        folder="bigger_applications",
        app_dir="app",
        app_module="app/main.py",
        import_root=".",
        package="app",
        asgi="app.main:app",
        tests_dir="tests",
        test_cwd=".",
        dependency_file="requirements.txt",
        sample_path="/games/hanabi?token=meeple",
        sample_body_contains='"lent_to":"rosa"',
    ),
    Host(
        name="backend_frontend",
        folder="backend_frontend",
        app_dir="backend/app",
        app_module="backend/app/main.py",
        import_root="backend",
        package="app",
        asgi="app.main:app",
        tests_dir="backend/tests",
        test_cwd="backend",
        dependency_file="backend/pyproject.toml",
        sample_path="/api/v1/tickets/",
        sample_body_contains="Printer is on fire",
    ),
    Host(
        name="src_package_uv",
        folder="src_package_uv",
        app_dir="src/shop",
        app_module="src/shop/main.py",
        import_root="src",
        package="shop",
        asgi="shop.main:app",
        tests_dir="tests",
        test_cwd=".",
        dependency_file="pyproject.toml",
        sample_path="/prices",
        sample_body_contains="34.00 EUR",
    ),
    Host(
        name="src_as_package",
        folder="src_as_package",
        app_dir="src",
        app_module="src/main.py",
        import_root=".",
        package="src",
        asgi="src.main:app",
        tests_dir="tests",
        test_cwd=".",
        dependency_file="requirements/base.txt",
        sample_path="/posts/hello-world",
        sample_body_contains="First!",
    ),
    Host(
        name="flat_main_crlf",
        folder="flat_main_crlf",
        app_dir=".",
        app_module="main.py",
        import_root=".",
        package="",
        asgi="main:app",
        tests_dir=".",
        test_cwd=".",
        dependency_file="requirements.txt",
        sample_path="/notizen?suche=zahnarzt",
        sample_body_contains="Zahnarzt um 14 Uhr",
    ),
    Host(
        name="factory_cached_settings",
        folder="factory_cached_settings",
        app_dir="inventory",
        app_module="inventory/app.py",
        import_root=".",
        package="inventory",
        asgi="inventory.asgi:app",
        tests_dir="tests",
        test_cwd=".",
        dependency_file="requirements.txt",
        sample_path="/api/parts/low",
        sample_body_contains="Inner tube, 28 inch",
    ),
    Host(
        name="lifespan_middleware",
        folder="lifespan_middleware",
        app_dir="app",
        app_module="app/main.py",
        import_root=".",
        package="app",
        asgi="app.main:app",
        tests_dir="tests",
        test_cwd=".",
        dependency_file="pyproject.toml",
        sample_path="/queue",
        sample_body_contains='"running":true',
        sample_headers=(("X-Api-Key", "belt"),),
    ),
    Host(
        name="on_event_handlers",
        folder="on_event_handlers",
        app_dir="telemetry",
        app_module="telemetry/server.py",
        import_root=".",
        package="telemetry",
        asgi="telemetry.server:app",
        tests_dir="tests",
        test_cwd=".",
        dependency_file="pyproject.toml",
        sample_path="/hives/nord",
        sample_body_contains='"kilograms":31.5',
    ),
    Host(
        name="poetry_backend",
        folder="poetry_backend",
        app_dir="backend/orders_api",
        app_module="backend/orders_api/main.py",
        import_root="backend",
        package="orders_api",
        asgi="orders_api.main:create_app",
        factory=True,
        tests_dir="backend/tests",
        test_cwd="backend",
        dependency_file="backend/pyproject.toml",
        sample_path="/",
        sample_body_contains='"closes_at":20',
    ),
    Host(
        name="monorepo_catalog",
        folder="monorepo_two_services",
        app_dir="services/catalog/app",
        app_module="services/catalog/app/main.py",
        import_root="services/catalog",
        package="app",
        asgi="app.main:app",
        tests_dir="services/catalog/tests",
        test_cwd="services/catalog",
        dependency_file="services/catalog/requirements.txt",
        sample_path="/books?q=pride",
        sample_body_contains="9780141439518",
    ),
    Host(
        name="monorepo_billing",
        folder="monorepo_two_services",
        app_dir="services/billing/app",
        app_module="services/billing/app/main.py",
        import_root=".",
        package="services.billing.app",
        asgi="services.billing.app.main:app",
        tests_dir="services/billing/tests",
        test_cwd="services/billing",
        dependency_file="services/billing/pyproject.toml",
        sample_path="/v1/rates",
        sample_body_contains='"vat_percent":7',
    ),
    Host(
        name="taken_names",
        folder="taken_names",
        app_dir="app",
        app_module="app/main.py",
        import_root=".",
        package="app",
        asgi="app.main:app",
        tests_dir="app/tests",
        test_cwd=".",
        dependency_file="requirements.txt",
        sample_path="/admin/resumo",
        sample_body_contains='"total":0',
    ),
    Host(
        name="forbid_extras_env",
        folder="forbid_extras_env",
        app_dir="app",
        app_module="app/main.py",
        import_root=".",
        package="app",
        asgi="app.main:app",
        tests_dir="tests",
        test_cwd=".",
        dependency_file="pyproject.toml",
        sample_path="/occupancy",
        sample_body_contains="Kletterhalle Süd",
    ),
)
