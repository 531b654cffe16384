"""Films that are handed in: written beside their place as they come, and named by what they hold."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

from ludus.core import digest, files
from ludus.serve import wire
from ludus.serve.api.answers import Highlight
from ludus.serve.wire import RefusedError


def kind_of(head: bytes) -> str | None:
    """Give the suffix of a film or picture by its first bytes, None for anything else."""
    if head[4:8] == b"ftyp":
        return ".mp4"
    known = {b"\x1a\x45\xdf\xa3": ".webm", b"\x89PNG": ".png", b"\xff\xd8\xff": ".jpg"}
    return next((suffix for magic, suffix in known.items() if head.startswith(magic)), None)


async def receive_film(stream: AsyncIterator[bytes], folder: Path) -> Highlight:
    """Keep a film and give where it is. Raises `RefusedError` on bytes that are no film."""
    part = folder / f".{wire.new_id()}"
    try:
        with part.open("xb") as file:
            async for chunk in stream:
                await asyncio.to_thread(file.write, chunk)
            await asyncio.to_thread(_sync, file.fileno())
        return await asyncio.to_thread(_place, part)
    finally:
        part.unlink(missing_ok=True)


def _sync(descriptor: int) -> None:
    os.fsync(descriptor)


def _place(part: Path) -> Highlight:
    with part.open("rb") as file:
        suffix = kind_of(file.read(16))
    if suffix is None:
        raise RefusedError(422, "no_film", "the body is none of mp4, webm, png, jpg.")
    sha256, size = digest.of_file(part), part.stat().st_size
    place = part.with_name(sha256 + suffix)
    part.replace(place)
    files.sync_folder(part.parent)
    return Highlight(clip_url=f"/highlights/{place.name}", sha256=sha256, filesize_bytes=size)
