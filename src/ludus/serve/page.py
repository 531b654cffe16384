"""The page: a folder of static files in front of the routes, for those who come with a browser."""

from __future__ import annotations

from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import FileResponse
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

NOT_PAGES = ("/highlights/", "/open", "/openapi.json")
INDEX = "index.html"


def with_page(app: ASGIApp, folder: Path) -> ASGIApp:
    """Give an app that answers browsers with the page: its files by name, and `index.html` wherever they navigate to.

    A page and the routes may share addresses: what asks for HTML first gets the page, everything else the route.
    """
    static = StaticFiles(directory=folder)
    root = folder.resolve()

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD") or scope["path"].startswith(NOT_PAGES):
            await app(scope, receive, send)
        elif "\0" not in scope["path"] and (root / scope["path"].lstrip("/")).is_file():
            await static(scope, receive, send)
        elif Headers(scope=scope).get("accept", "").startswith("text/html"):
            await FileResponse(root / INDEX, headers={"cache-control": "no-cache"})(scope, receive, send)
        else:
            await app(scope, receive, send)

    return serve
