"""The page: a folder of static files in front of the routes, for those who come with a browser."""

from __future__ import annotations

from mimetypes import guess_type
from pathlib import Path
from typing import BinaryIO

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from ludus.serve.beneath import NotPlainError, OpenedResponse, open_beneath

NOT_PAGES = ("/highlights/", "/open", "/openapi.json")
INDEX = "index.html"
STATIC = Path(__file__).parent / "static"
"""Where the page of the lab is when it is built; a wheel brings it, a checkout builds it from its source."""


def built_page() -> Path | None:
    """Give the folder of the lab's own page, None where it is not built."""
    return STATIC if (STATIC / INDEX).is_file() else None


def with_page(app: ASGIApp, folder: Path) -> ASGIApp:
    """Give an app that answers browsers with the page: its files by name, and `index.html` wherever they navigate to.

    A page and the routes may share addresses: what asks for HTML first gets the page, everything else the route.
    """
    root = folder.resolve()

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD") or scope["path"].startswith(NOT_PAGES):
            await app(scope, receive, send)
        elif (file := _file(root, scope["path"].lstrip("/"))) is not None:
            named = scope["path"].startswith("/assets/")  # by a digest of what they hold
            cache = "max-age=31536000, immutable" if named else "no-cache"
            await _answer(file, scope["path"], cache)(scope, receive, send)
        elif _wants_page(scope) and (file := _file(root, INDEX)) is not None:
            await _answer(file, INDEX, "no-cache")(scope, receive, send)
        else:
            await app(scope, receive, send)

    return serve


def _file(root: Path, name: str) -> BinaryIO | None:
    """Open the file of that name, None if there is none or a link leads to it."""
    try:
        return open_beneath(root, name)
    except (OSError, NotPlainError):
        return None


def _answer(file: BinaryIO, name: str, cache: str) -> OpenedResponse:
    kind = guess_type(name)[0] or "application/octet-stream"
    return OpenedResponse(file, media_type=kind, headers={"cache-control": cache})


def _wants_page(scope: Scope) -> bool:
    return Headers(scope=scope).get("accept", "").startswith("text/html")
