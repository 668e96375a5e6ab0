"""Where the admin stands in the application, and what every request to it passes."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import BaseRoute, Match, Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .access import is_development, refuse_other_sites, refuse_strangers

if TYPE_CHECKING:
    from starlette_admin.auth import BaseAuthProvider

_PATH = "/admin"
_HEADERS = {
    # Its pages have scripts of their own in them, and ask for a font elsewhere.
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; "
    "font-src 'self' data:; script-src 'self' 'unsafe-inline'; "
    "style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def add_admin(
    app: FastAPI,
    authentication: "BaseAuthProvider | None",
    secret: str | None,
) -> None:
    """Add the admin, in development or with authentication."""
    if authentication or is_development():
        admin = _Admin(app, authentication, secret)
        app.router.routes.append(_Behind(app.router.routes, _PATH, admin, name="admin"))


class _Behind(Mount):
    """A mount that leaves to the application what it has below the same path."""

    def __init__(
        self,
        routes_of_the_application: list[BaseRoute],
        path: str,
        app: ASGIApp,
        name: str,
    ) -> None:
        super().__init__(path, app, name=name)
        self._others = routes_of_the_application

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        # Without a slash at its end the path is redirected, also before a catch-all.
        slash = "/" if scope["path"].endswith(_PATH) else ""
        match, child_scope = super().matches({**scope, "path": scope["path"] + slash})
        if match is Match.NONE or scope["type"] != "http" or self._is_taken(scope):
            return Match.NONE, {}
        return match, child_scope

    def _is_taken(self, scope: Scope) -> bool:
        # One that takes the same path elsewhere, too, is a catch-all.
        elsewhere = {**scope, "path": scope["path"].replace(_PATH, "/-", 1)}
        others = [route for route in self._others if route is not self]
        return any(_takes(it, scope) and not _takes(it, elsewhere) for it in others)


def _takes(route: BaseRoute, scope: Scope) -> bool:
    return route.matches(scope)[0] is not Match.NONE


class _Admin:
    """The pages, built of all models by the first request: not before the models."""

    def __init__(
        self,
        app: FastAPI,
        authentication: "BaseAuthProvider | None",
        secret: str | None,
    ) -> None:
        self._application = app
        self._authentication = authentication
        self._secret = secret
        self._pages: Any = None

    @property
    def routes(self) -> list[BaseRoute]:
        """The pages link to each other by the names of these."""
        return list(self._pages.routes) if self._pages else []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        refusal = refuse_other_sites(request)
        if self._authentication is None:
            refusal = refuse_strangers(request) or refusal
        if refusal:
            await PlainTextResponse(refusal, 403, _HEADERS)(scope, receive, send)
            return
        if self._pages is None:
            pages = import_module(f"{__package__}.pages")
            self._pages = pages.build(
                _PATH,
                self._authentication,
                self._secret,
                self._application.exception_handlers,
            )

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(_HEADERS)
                if "/static/" not in scope["path"]:
                    headers["Cache-Control"] = "no-store"
            await send(message)

        await self._pages(scope, receive, send_guarded)
