"""The reference of HTTP: the OpenAPI document of the orchestrator, as a page."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from ludus.serve.api.app import create_app
from ludus.serve.api.lab import Lab, LabSettings

Table = dict[str, Any]
METHODS = ("get", "post", "put", "patch", "delete")
EVERYWHERE = {"401", "403", "421", "422", "429"}
"""Refusals that any route gives; the page tells of them once."""
LIMITS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "exclusiveMinimum": "more than {}",
    "exclusiveMaximum": "less than {}",
    "minLength": "{} characters or more",
    "maxLength": "{} characters or fewer",
    "minItems": "{} items or more",
    "maxItems": "{} items or fewer",
    "pattern": "as <code>{}</code>",
    "format": "{}",
}


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the page, and the document itself."""
    told = document()
    files.append(File.generated(config, "reference/http.md", content=page(told)))
    files.append(File.generated(config, "reference/openapi.json", content=json.dumps(told, indent=2)))
    return files


def document() -> Table:
    """Give the document of an orchestrator that keeps nothing, as a client is given it."""
    with TemporaryDirectory() as folder:
        lab = Lab(LabSettings(state=Path(folder) / "lab", runs=Path(folder)))
        token = (lab.settings.state / "token").read_text().strip()

        async def ask() -> Table:
            transport = httpx.ASGITransport(app=create_app(lab))
            headers = {"authorization": f"Bearer {token}"}
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=headers) as client:
                told: Table = (await client.get("/openapi.json")).raise_for_status().json()
                return told

        try:
            return asyncio.run(ask())
        finally:
            lab.store.close()


def page(told: Table) -> str:
    """Give the page as Markdown."""
    lines = [
        "# HTTP",
        "",
        "What the orchestrator (`ludus serve`) answers. [Serving](../serving.md) tells how it fits together, what",
        "needs the token, and the WebSockets; [training](../training.md#workers-and-a-learner) tells the addresses of",
        "a learner. This page is made of the OpenAPI document that the orchestrator gives at `/openapi.json`,",
        "[here as a file](openapi.json).",
        "",
        "Any route may also refuse: 401, 403, 421, 422 or 429 with a [`Refusal`](#refusal).",
    ]
    for tag, routes in by_tag(told).items():
        lines += ["", f"## {tag.capitalize()}"]
        for path, method, operation in routes:
            lines += ["", f"### {method.upper()} {path}", "", *route(operation)]
    lines += ["", "## Bodies and answers"]
    for name, schema in sorted(told["components"]["schemas"].items()):
        if name not in ("HTTPValidationError", "ValidationError"):  # FastAPI's own, which no route gives
            lines += ["", f"### {name}", "", " ".join(schema.get("description", "").split()), "", *fields(schema)]
    return "\n".join(lines) + "\n"


def by_tag(told: Table) -> dict[str, list[tuple[str, str, Table]]]:
    """Give path, method and operation of every route, by what it is about."""
    found: dict[str, list[tuple[str, str, Table]]] = {}
    for path, methods in told["paths"].items():
        for method in METHODS:
            if method in methods:
                tag = (methods[method].get("tags") or ["other"])[0]
                found.setdefault(tag, []).append((path, method, methods[method]))
    return found


def route(operation: Table) -> Iterator[str]:
    """Give the lines of one route."""
    yield " ".join((operation.get("description") or operation["summary"]).split())
    parameters = operation.get("parameters", [])
    if parameters:
        yield from ("", "| | in | is | default | |", "|---|---|---|---|---|")
    for told in parameters:
        schema = told["schema"]
        name = f"`{told['name']}`" + (", needed" if told.get("required") else "")
        about = told.get("description") or schema.get("description", "")
        yield f"| {name} | {told['in']} | {kind(schema)} | {default_of(schema)} | {about} |"
    if "requestBody" in operation:
        yield from ("", f"Takes {content(operation['requestBody'])}.")
    for code, answer in operation["responses"].items():
        if code not in EVERYWHERE:
            yield from ("", f"Gives **{code}**" + (f": {told}." if (told := content(answer)) else "."))


def content(told: Table) -> str:
    """Give what a body or an answer is."""
    kinds = told.get("content", {})
    shown = [kind(told.get("schema", {})) if "json" in name else f"`{name}`" for name, told in kinds.items()]
    return " or ".join(shown) or told.get("description", "").removeprefix("Successful Response").removesuffix(".")


def fields(schema: Table) -> Iterator[str]:
    """Give the rows of an object's fields."""
    if "properties" not in schema:
        yield kind(schema)
        return
    yield from ("| field | is | default | |", "|---|---|---|---|")
    for name, told in schema["properties"].items():
        needed = ", needed" if name in schema.get("required", ()) else ""
        about = " ".join(told.get("description", "").split())
        yield f"| `{name}`{needed} | {kind(told)} | {default_of(told)} | {about} |"


def kind(schema: Table) -> str:
    """Give in words what fits a schema."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return f"[`{name}`](#{name.lower()})"
    if "enum" in schema or "const" in schema:
        return ", ".join(f"`{json.dumps(value)}`" for value in schema.get("enum", [schema.get("const")]))
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            return " or ".join(dict.fromkeys(kind(each) for each in schema[key]))
    name = schema.get("type", "anything")
    if name == "array":
        return f"list of {kind(schema.get('items', {}))}" + limits(schema)
    if name == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"object of {kind(schema['additionalProperties'])}"
    return (" or ".join(name) if isinstance(name, list) else str(name)) + limits(schema)


def limits(schema: Table) -> str:
    """Give the bounds of a schema."""
    told = [words.format(cell(schema[key])) for key, words in LIMITS.items() if key in schema]
    return f" ({', '.join(told)})" if told else ""


def default_of(schema: Table) -> str:
    """Give a default as JSON; none where there is none or it is null."""
    value = schema.get("default")
    return "" if value is None else f"<code>{cell(json.dumps(value))}</code>"


def cell(value: object) -> str:
    """Give a value as HTML that may stand in a table."""
    return escape(str(value)).replace("|", "&#124;").replace("*", "&#42;").replace("_", "&#95;").replace("\\", "&#92;")
