"""`ludus serve`: run the orchestrator of a lab."""

from __future__ import annotations

import json as json_format
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ludus.core import config
from ludus.core.errors import InputError

if TYPE_CHECKING:
    from ludus.serve.lab.orchestrator import Addresses

UNLOCKS = Path("checkpoints/feats_unlocks.json")


def main(
    *,
    host: str = "127.0.0.1",
    port: int = 8040,
    metrics_port: int | None = None,
    uds: Path | None = None,
    state: Path = Path("lab"),
    database: str = "",
    durability: Literal["normal", "full"] = "normal",
    runs: Path = Path("runs"),
    goals: Path | None = None,
    feats: Path | None = None,
    tick_hz: float = 4194304 / 70224,
    name: tuple[str, ...] = (),
    origin: tuple[str, ...] = (),
    json: bool = False,
) -> int:
    """Run the orchestrator: it takes events, judges them by feats, hands out clips to make, and streams all of it.

    It serves the page too, where that is built, and stops by Ctrl-C. It listens to this machine alone; at any other
    address reading needs the token too. It logs to STATE/logs/orchestrator.jsonl, and says here only what went wrong.

    Args:
        host: address to listen at.
        port: of HTTP and WebSocket; 0 takes any that is free.
        metrics_port: of the metrics stream (METRICS_PORT), by default 8765; -1 for none.
        uds: path of a Unix socket to answer at too, which no other user can open: for ludus worker --lab unix:PATH.
        state: folder of the store, the token, metrics and highlights.
        database: URL of PostgreSQL, such as postgresql://user@host/ludus, instead of SQLite in the folder.
        durability: full also outlives a loss of power, and is slower.
        runs: folder of the folders of runs.
        goals: folder of the folders of goals.
        feats: file of feats (METABONK_FEATS_PATH).
        tick_hz: ticks in a second of the games that tell events.
        name: another name of this machine that requests may use, such as lab.example.
        origin: an origin whose pages may ask too, such as http://localhost:5173.
        json: print where it answers as a line of JSON.
    """
    from ludus.serve.api.lab import LabSettings
    from ludus.serve.lab.orchestrator import run
    from ludus.serve.page import built_page

    feats = feats or _path("serve.feats")
    told = {"host": host, "port": port, "metrics_port": _metrics_port(metrics_port), "uds": uds, "state": state}
    told |= {"database": database, "durability": durability, "runs": runs, "goals": goals, "feats": feats}
    told |= {"tick_hz": tick_hz, "hosts": name, "origins": origin}
    unlocks = (_path("serve.unlocks_file") or UNLOCKS) if feats else None
    settings = LabSettings.model_validate(told | {"unlocks_file": unlocks})
    run(settings, _print_json if json else _print, page=built_page())
    return 0


def _print(addresses: Addresses) -> None:
    print(f"open {addresses.open_url}\nmetrics {addresses.metrics_url}", flush=True)


def _print_json(addresses: Addresses) -> None:
    print(json_format.dumps(asdict(addresses)), flush=True)


def _path(setting: str) -> Path | None:
    told = config.variable(setting)
    return Path(told) if told else None


def _metrics_port(flag: int | None) -> int | None:
    if flag is not None:
        return None if flag < 0 else flag
    told = config.variable("serve.metrics_port")
    if told is None:
        return 8765
    if not told.isascii() or not told.isdigit():
        raise InputError(f"METRICS_PORT is {told!r}, expected a port number.")
    return int(told)
