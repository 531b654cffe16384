"""The reference of settings: recipes by table, the recipes that ship, and the environment variables that are read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from html import escape
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

import griffe
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from pydantic_core import PydanticUndefined

from ludus.core.config import VARIABLES, Settings
from ludus.run.recipe import Recipe, recipes


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the pages."""
    files.append(File.generated(config, "reference/settings.md", content=settings_page()))
    files.append(File.generated(config, "reference/environment.md", content=environment_page()))
    return files


def settings_page() -> str:
    """Give the page of recipes as Markdown."""
    lines = [
        "# Settings of training",
        "",
        "A recipe is a TOML file of these tables; `ludus train GAME --recipe FILE` takes it, and every setting is a",
        "flag too: `--ppo.epochs=4`. Later ones go over earlier ones, and an unknown key is an error that names the",
        "nearest.",
    ]
    for name, model in tables("", Recipe):
        lines += ["", f"## {name}", "", sentence(model), "", "| setting | type | default | |", "|---|---|---|---|"]
        lines += rows(name, model)
    for name, path in recipes().items():
        lines += ["", f"## The recipe {name}", "", f'```toml title="{path.name}"', path.read_text().rstrip(), "```"]
    return "\n".join(lines) + "\n"


def environment_page() -> str:
    """Give the page of variables as Markdown."""
    lines = [
        "# Environment variables",
        "",
        "Each is another name of one setting; a flag or a recipe goes before it. `ludus doctor --env` shows what is",
        "set on your machine. No other variable is read.",
        "",
        "| variable | setting | |",
        "|---|---|---|",
        *(f"| `{known.name}` | `{known.setting}` | {known.meaning} |" for known in VARIABLES),
    ]
    return "\n".join(lines) + "\n"


def tables(prefix: str, model: type[Settings]) -> Iterator[tuple[str, type[Settings]]]:
    """Give every table below a model by its dotted name, in order."""
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Settings):
            yield prefix + name, field.annotation
            yield from tables(f"{prefix}{name}.", field.annotation)


def rows(table: str, model: type[Settings]) -> Iterator[str]:
    """Give a row for every setting of a table."""
    about = source_of(model)
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Settings):
            continue
        told = about.members[name]
        text = " ".join(told.docstring.value.split()) if told.docstring else ""
        default = default_of(field.get_default(call_default_factory=True))
        yield f"| `{table}.{name}` | {kind(field.annotation)} | {default} | {text} |"


def kind(annotation: Any) -> str:
    """Give in words what fits a type; None, which TOML has not, is left out."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return " or ".join(f"<code>{json.dumps(part)}</code>" for part in parts)
    if origin in (Union, UnionType):
        return " or ".join(kind(part) for part in parts if part is not NoneType)
    if origin is dict or annotation is Any:
        return "table" if origin is dict else "anything"
    return f"list of {kind(parts[0])}" if origin in (tuple, list) else str(annotation.__name__)


def default_of(value: Any) -> str:
    """Give a default as it stands in TOML."""
    if value is PydanticUndefined:
        return "needed"
    if value is None:
        return ""
    text = str(value).lower() if isinstance(value, bool) else repr(list(value) if isinstance(value, tuple) else value)
    return f"<code>{escape(text.replace(chr(39), chr(34)), quote=False)}</code>"


def sentence(model: type[Settings]) -> str:
    """Give what a table is for."""
    docstring = source_of(model).docstring
    assert docstring, f"{model.__name__} says nothing of itself"
    return docstring.value


def source_of(model: type[Settings]) -> griffe.Class:
    """Give a model as its source tells it, with the docstrings of its fields."""
    found = sources()[f"{model.__module__}.{model.__name__}".removeprefix("ludus.")]
    assert isinstance(found, griffe.Class), model
    return found


@cache
def sources() -> griffe.Object | griffe.Alias:
    """Give the package as its source tells it."""
    return griffe.load("ludus")
