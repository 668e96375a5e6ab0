import itertools

from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import Response


class RequestNumberMiddleware(BaseHTTPMiddleware):
    """Numbers requests, so that a log line and an error report can be matched."""

    def __init__(self, app, header: str = "X-Request-Number") -> None:
        super().__init__(app)
        self.header = header
        self.numbers = itertools.count(1)

    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        # NB: set before the endpoint runs, the exception handlers want it too
        request.state.number = next(self.numbers)
        response = await call_next(request)
        response.headers[self.header] = str(request.state.number)
        return response
