"""Print the OpenAPI document of the orchestrator without its words: what the types of the page are made of."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import httpx

from ludus.serve.api.app import create_app
from ludus.serve.api.lab import Lab, LabSettings

WORDS = ("description", "summary", "title")


async def document(folder: Path) -> dict[str, Any]:
    """Give the document as a fresh orchestrator tells it."""
    lab = Lab(LabSettings(state=folder, runs=folder / "runs", metrics_port=None))
    try:
        transport = httpx.ASGITransport(create_app(lab))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            answer = await client.get("/openapi.json")
            answer.raise_for_status()
            told: dict[str, Any] = answer.json()
            return told
    finally:
        lab.close()


def wordless(told: Any) -> Any:
    """Give a document without what is there for people, so that a better sentence changes no type."""
    if isinstance(told, dict):
        named = told.get("type") == "object" and isinstance(told.get("properties"), dict)
        kept = {key: wordless(value) for key, value in told.items() if key not in WORDS or not isinstance(value, str)}
        if named:
            kept["properties"] = {name: wordless(value) for name, value in told["properties"].items()}
        return kept
    return [wordless(each) for each in told] if isinstance(told, list) else told


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        json.dump(wordless(asyncio.run(document(Path(folder)))), sys.stdout, indent=1, sort_keys=True)
