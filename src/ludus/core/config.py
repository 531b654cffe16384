"""Settings: blocks of TOML stacked left to right, then flags such as `--train.minutes=3`, into one frozen model.

A block may also be JSON, so that the settings which a run saved (`dump`) are a block like any other.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from ludus.core import files
from ludus.core.errors import InputError, SettingsError, nearest

Key = tuple[str | int, ...]
Table = dict[str, Any]
Model = TypeVar("Model", bound="Settings")


@dataclass(frozen=True, slots=True)
class Variable:
    """An environment variable, and the setting that it is another name of. Flags and TOML win over it."""

    name: str
    setting: str
    """Where TOML and flags have it, or what asks for it by this name."""
    meaning: str


VARIABLES = (
    Variable("LUDUS_PERF_ENFORCE", "perf.enforce", "1: a bench whose figure misses its budget exits with 1"),
    Variable("ROBOT_SF_PERF_ENFORCE", "perf.enforce", "the same"),
    Variable("METABONK_HIGHLIGHTS", "highlights.enabled", "1: lanes keep their last seconds, to cut clips from"),
    Variable("METRICS_PORT", "serve.metrics_port", "port of the metrics stream, by default 8765"),
    Variable("METABONK_FEATS_PATH", "serve.feats", "file of feats"),
    Variable("METABONK_FEATS_UNLOCKS_PATH", "serve.unlocks_file", "where unlocks are mirrored as JSON"),
    Variable("METABONK_HIGHLIGHTS_DIR", "highlights.folder", "folder of the clips, by default `clips` of the run"),
    Variable("DISPLAY", "page.display", "a browser is opened only where there is a display"),
    Variable("WAYLAND_DISPLAY", "page.display", "the same"),
)
"""Every environment variable that is read, anywhere; of two with one setting, the first that is set counts."""

BARE_KEY = re.compile(r"[\w-]+", re.ASCII)
TRUE, FALSE = {"1", "true", "yes", "on"}, {"", "0", "false", "no", "off"}


def environment(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Give the variables of the table that are set here, by name."""
    there = os.environ if environ is None else environ
    return {known.name: there[known.name] for known in VARIABLES if known.name in there}


def variable(setting: str, environ: Mapping[str, str] | None = None) -> str | None:
    """Give the text of the environment variable that stands for a setting, None where none is set."""
    names = [known.name for known in VARIABLES if known.setting == setting]
    assert names, f"no variable stands for {setting}"
    there = environment(environ)
    return next((there[name] for name in names if name in there), None)


def switch(setting: str, environ: Mapping[str, str] | None = None) -> bool:
    """Say whether the environment switches a setting on. Raises `SettingsError` on what is neither yes nor no."""
    text = variable(setting, environ)
    if text is None or text.lower() in FALSE:
        return False
    if text.lower() not in TRUE:
        names = " or ".join(known.name for known in VARIABLES if known.setting == setting)
        raise SettingsError(f"{names} is {text!r}, expected 1 or 0.")
    return True


def send_no_reports() -> None:
    """Tell libraries that send reports of themselves over the network not to, before they are imported."""
    os.environ["WANDB_ERROR_REPORTING"] = "false"


def guard_ray(*, alone: bool) -> None:
    """Have Ray, before it is imported, ask for a token and send no reports; alone: listen to this machine only.

    Without the last it listens to every network, a cluster of one machine too, and `127.0.0.1` as its address is put
    aside; the variable is named after systems where it is the default. Raises `InputError` where Ray is imported
    already, and does not listen to this.
    """
    wanted = {"RAY_AUTH_MODE": "token", "RAY_USAGE_STATS_ENABLED": "0"}
    wanted |= {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"} if alone else {}
    if sys.modules.get("ray") and not wanted.items() <= os.environ.items():
        told = " ".join(f"{name}={value}" for name, value in wanted.items())
        raise InputError(f"ray is imported already, without {told}; set them, import it later, or begin Ray yourself.")
    os.environ.update(wanted)


class Settings(BaseModel):
    """A frozen group of settings in which an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def load(model: type[Model], blocks: Iterable[Path], flags: Sequence[str] = ()) -> Model:
    """Give the model that blocks and flags, later over earlier, add up to.

    Raises `SettingsError` that names the file or flag, the key, the value and what was expected.
    """
    merged: Table = {}
    origins: dict[Key, str] = {}
    for path in blocks:
        _merge(merged, read_block(path), origins, origin=str(path))
    for flag in flags:
        _merge(merged, _read_flag(flag), origins, origin=flag)
    return check(model, merged, origins)


def check(model: type[Model], table: Table, origins: Mapping[Key, str] | None = None) -> Model:
    """Give the model of a table. Raises `SettingsError` as `load` does; `origins` tells where keys come from."""
    try:
        return model.model_validate(table)
    except ValidationError as error:
        told = "\n".join(_explain(problem, model, origins or {}) for problem in error.errors())
        raise SettingsError(told) from error


def dump(settings: Settings, path: Path) -> None:
    """Write all settings, defaults too, as JSON that `load` takes back."""
    files.write_atomic(path, (settings.model_dump_json(indent=2) + "\n").encode())


def to_toml(table: Mapping[str, Any], at: str = "") -> str:
    """Give the TOML of a table of JSON's values; what is None is left out, for TOML has no such value."""
    plain = [f"{_toml_key(key)} = {_toml(value)}" for key, value in table.items() if not isinstance(value, dict | None)]
    inner = [
        to_toml(value, f"{at}.{_toml_key(key)}" if at else _toml_key(key))
        for key, value in table.items()
        if isinstance(value, dict)
    ]
    head = [f"[{at}]"] if at and (plain or not inner) else []
    return "\n\n".join(part.rstrip("\n") for part in ("\n".join([*head, *plain]), *inner) if part) + "\n"


def _toml(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_toml_key(key)} = {_toml(inner)}' for key, inner in value.items())}}}"
    return repr(value) if isinstance(value, float) else json.dumps(value, ensure_ascii=False)


def _toml_key(key: str) -> str:
    return key if BARE_KEY.fullmatch(key) else json.dumps(key, ensure_ascii=False)


def read_block(path: Path) -> Table:
    """Give the table of one block, TOML or JSON. Raises `SettingsError`, `InputError` on an unreadable file."""
    text = files.read_text(path)
    try:
        table = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except (json.JSONDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path}: {error}; mend the file there.") from error
    if not isinstance(table, dict):
        raise SettingsError(f"{path}: holds {table!r}, expected a JSON object of settings.")
    return table


def _read_flag(flag: str) -> Table:
    """Read `--a.b=c`. Lists, tables and quoted strings are TOML; any other value is text for the model to read."""
    key, equals, text = flag.removeprefix("--").partition("=")
    if not equals or not all(key.split(".")):
        raise SettingsError(f"{flag}: expected --KEY=VALUE, as in --train.minutes=3.")
    value: Any = text
    if text.startswith(("[", "{", '"', "'")):
        try:
            value = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError as error:
            raise SettingsError(f"{flag}: {error}; write the value as TOML does.") from error
    for name in reversed(key.split(".")):
        value = {name: value}
    assert isinstance(value, dict), value
    return value


def _merge(into: Table, table: Table, origins: dict[Key, str], *, origin: str, at: Key = ()) -> None:
    for name, value in table.items():
        key = (*at, name)
        origins[key] = origin
        if isinstance(value, dict):
            inner = into.setdefault(name, {})
            if not isinstance(inner, dict):
                inner = into[name] = {}
            _merge(inner, value, origins, origin=origin, at=key)
        else:
            into[name] = value


def _explain(problem: ErrorDetails, model: type[BaseModel], origins: Mapping[Key, str]) -> str:
    key = problem["loc"]
    name = ".".join(map(str, key))
    origin = next((origins[key[:n]] for n in range(len(key), 0, -1) if key[:n] in origins), None)
    where = f"{origin}: " if origin else ""
    if problem["type"] == "extra_forbidden":
        return f"{where}there is no setting {name!r}; {nearest(str(key[-1]), _fields_at(model, key[:-1]))}"
    if problem["type"] == "missing":
        return f"{where}setting {name!r} is missing; give it in a block or as --{name}=VALUE."
    return f"{where}setting {name!r} is {problem['input']!r}: {problem['msg']}."


def _fields_at(annotation: Any, key: Key) -> list[str]:
    """Give the names that fit below a key, through nested models and the lists, tables and unions of them."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if not key:
            return list(annotation.model_fields)
        field = annotation.model_fields.get(str(key[0]))
        return _fields_at(field.annotation, key[1:]) if field else []
    below = key if get_origin(annotation) in (Annotated, Union, UnionType) else key[1:]
    return [name for part in get_args(annotation) for name in _fields_at(part, below)]
