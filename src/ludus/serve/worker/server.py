"""A worker's own small server: it tells how the worker is, and makes a clip that somebody asks for."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field
from starlette.types import ASGIApp

from ludus.serve.api.answers import Answer
from ludus.serve.api.app import handle_errors
from ludus.serve.door.keys import Keys
from ludus.serve.door.listen import bind, serve, server_for
from ludus.serve.door.security import Door, rules_for
from ludus.serve.wire import RefusedError

Status = Callable[[], Mapping[str, Any]]


class EncodeBody(BaseModel):
    """A clip of the last seconds that somebody wants now."""

    model_config = ConfigDict(extra="forbid")
    tag: Annotated[str, Field(max_length=80)] = "clip"
    score: float | None = 0.0
    speed: Annotated[float, Field(gt=0, le=100)] = 3.0
    experiment_id: Annotated[str, Field(max_length=200)] | None = None
    run_id: Annotated[str, Field(max_length=200)] | None = None


class Encoded(BaseModel):
    """Where the clip is."""

    clip_url: str


Encode = Callable[[EncodeBody], Awaitable[str]]


def create_worker_app(status: Status, encode: Encode | None, keys: Keys, *, host: str = "127.0.0.1") -> ASGIApp:
    """Give the app of a worker; `encode` gives the URL of a clip or raises `RefusedError`, None: it keeps no frames."""
    app = FastAPI(title="Ludus worker", docs_url=None, redoc_url=None)

    @app.get("/status", response_model=Answer)
    async def get_status() -> Mapping[str, Any]:
        """Tell how the worker is."""
        return status()

    @app.post("/highlight/encode", response_model=Encoded)
    async def post_encode(body: EncodeBody) -> dict[str, str]:
        """Make a clip of the last seconds."""
        if encode is None:
            raise RefusedError(404, "highlights_disabled", "this worker keeps no frames for clips.")
        return {"clip_url": await encode(body)}

    handle_errors(app)
    return Door(app, keys, rules_for(host))


class WorkerServer:
    """A worker's app on a port of this machine, in a thread. Raises `InputError` where the port is in use."""

    def __init__(self, app: ASGIApp, port: int) -> None:
        self._bound = bind("127.0.0.1", port)
        self.url = f"http://127.0.0.1:{self._bound.getsockname()[1]}"
        self._server = server_for(app)
        self._loop, self._stop = asyncio.new_event_loop(), asyncio.Event()
        serving = serve([(self._server, [self._bound])], self._stop)
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(serving,), name="http", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop answering."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._loop.close()
