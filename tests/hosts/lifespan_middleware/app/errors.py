# Everything that goes wrong leaves this application in the same envelope. Clients
# (three of them, one written in COBOL) parse nothing else.

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException


def envelope(status: int, code: str, message: str, headers=None) -> JSONResponse:
    return JSONResponse({"error": {"code": code, "message": message}}, status, headers)


async def on_http_exception(request: Request, exc: HTTPException) -> JSONResponse:
    return envelope(exc.status_code, "http", str(exc.detail), exc.headers)


async def on_validation_error(request: Request, exc: RequestValidationError) -> JSONResponse:
    first = exc.errors()[0]
    return envelope(422, "invalid", f"{'.'.join(map(str, first['loc']))}: {first['msg']}")


async def on_anything_else(request: Request, exc: Exception) -> JSONResponse:
    return envelope(500, "bug", "It is our fault, sorry.")


def register(app: FastAPI) -> None:
    app.add_exception_handler(HTTPException, on_http_exception)
    app.add_exception_handler(RequestValidationError, on_validation_error)
    app.add_exception_handler(Exception, on_anything_else)
