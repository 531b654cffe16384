"""`ludus feats`: what is to be noticed in a game, what that needs to be told, and what a recorded stream unlocks."""

from __future__ import annotations

import json as json_format
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from ludus.core import config, files
from ludus.core.errors import FileFormatError
from ludus.core.types import Event
from ludus.feats.contract import Contract, contract, read_contract
from ludus.feats.door import Door
from ludus.feats.drift import Drift, diff
from ludus.feats.judge import FeatJudge
from ludus.feats.reach import Reach, examine
from ludus.feats.unlocks import Unlocks
from ludus.gameboy.library import open_game
from ludus.gameboy.machine import FRAME_HZ
from ludus.run.feats import load_feats, telemetry

CONTRACT = Path("docs/telemetry_contract.feats.json")


def run_list(game: str = "potyard", /, *, feats: Path | None = None, json: bool = False) -> int:
    """Show the feats of a game.

    Args:
        game: id of a game of this package, or the path of a card (.toml).
        feats: a feats file instead of the card's.
        json: print the definitions, every field written out, instead of a table.
    """
    loaded = load_feats(open_game(game)[0], feats)
    if json:
        print(json_format.dumps([feat.to_json() for feat in loaded], indent=2))
        return 0
    table = Table(Column("id", no_wrap=True), Column("name", overflow="fold"), box=SIMPLE_HEAD, pad_edge=False)
    for name in ("hall", "tier", "scope", "dedupe", "points"):
        table.add_column(name, no_wrap=True)
    for feat in loaded:
        name = f"{feat.name} (hidden)" if feat.hidden else feat.name
        told = f"{escape(name)}\n[dim]{escape(feat.description)}[/]" if feat.description else escape(name)
        table.add_row(feat.id, told, feat.hall, feat.tier, feat.scope, feat.dedupe, str(feat.points))
    Console().print(table)
    return 0


def run_contract(
    game: str = "potyard", /, *, feats: Path | None = None, out: Path = CONTRACT, check: bool = False
) -> int:
    """Write the telemetry contract: what the feats of a game need to be told.

    Args:
        game: id of a game of this package, or the path of a card (.toml).
        feats: a feats file instead of the card's.
        out: the file to write.
        check: write nothing; exit 1 if the file does not hold this contract.
    """
    told = json_format.dumps(contract(load_feats(open_game(game)[0], feats)).to_json(), indent=2) + "\n"
    if check:
        current = files.read_text(out) == told
        print(f"{out} is {'as the feats have it' if current else 'not what the feats need; write it again'}.")
        return 0 if current else 1
    out.parent.mkdir(parents=True, exist_ok=True)
    files.write_atomic(out, told.encode())
    print(f"wrote {out}")
    return 0


def run_diff(
    *, events: tuple[Path, ...], contract: Path | None = None, game: str = "potyard", json: bool = False
) -> int:
    """Compare recorded events with the telemetry contract; exit 1 and name the drift where something is missing.

    Args:
        events: files of events (.jsonl), read as one stream.
        contract: a contract file; without one, the contract of the game's feats.
        game: id of a game of this package, or the path of a card (.toml).
        json: print JSON instead of text.
    """
    asked = _read_contract(contract) if contract else _contract_of(game)
    drift = diff(asked, _read_events(events, FRAME_HZ))
    if json:
        told = {"events": [str(path) for path in events], "contract": str(contract or game)}
        print(json_format.dumps(told | asdict(drift), indent=2))
    else:
        print("\n".join(_drift_lines(drift)))
    return 1 if drift.found else 0


def run_validate(game: str = "potyard", /, *, feats: Path | None = None, json: bool = False) -> int:
    """Show for each feat of a game what can feed it; exit 1 if nothing can make one of them unlock.

    Args:
        game: id of a game of this package, or the path of a card (.toml).
        feats: a feats file instead of the card's.
        json: print JSON instead of a table.
    """
    card = open_game(game)[0]
    found = examine(load_feats(card, feats), telemetry(card))
    unreachable = [reach for reach in found if reach.reasons]
    if json:
        print(json_format.dumps(_validation(found), indent=2))
        return 1 if unreachable else 0
    table = Table(Column("feat", no_wrap=True), Column("fed by", overflow="fold"), box=SIMPLE_HEAD, pad_edge=False)
    for reach in found:
        why = escape("; ".join(reach.reasons))
        table.add_row(reach.feat.id, f"[red]nothing:[/] {why}" if why else escape("\n".join(reach.fed_by)))
    Console().print(table)
    print(f"{len(found) - len(unreachable)} of {len(found)} feats can unlock")
    return 1 if unreachable else 0


def run_replay(
    events: tuple[Path, ...],
    /,
    *,
    game: str = "potyard",
    feats: Path | None = None,
    tick_hz: float = FRAME_HZ,
    unlocks: Path | None = None,
    json: bool = False,
) -> int:
    """Judge recorded events again and print the verdicts, the same each time.

    Args:
        events: files of events (.jsonl), read as one stream.
        game: id of a game of this package, or the path of a card (.toml).
        feats: a feats file instead of the card's.
        tick_hz: ticks of the events in a second of game time; the default is a Game Boy's frames.
        unlocks: a file of unlocks to go on with and to write, as METABONK_FEATS_UNLOCKS_PATH has it.
        json: print verdicts, rarity and leaderboards as JSON.
    """
    loaded = {feat.id: feat for feat in load_feats(open_game(game)[0], feats)}
    judge = FeatJudge(tuple(loaded.values()), tick_hz=tick_hz)
    named = config.variable("serve.unlocks_file")
    kept = Unlocks(unlocks or (Path(named) if named else None))
    memory = judge.load(kept.memory.encode()) if kept.memory else judge.init(0)
    memory, verdicts = judge.update(memory, _read_events(events, tick_hz))
    new = [record for verdict in verdicts if (record := kept.add(loaded[verdict.name], verdict))]
    kept.memory = judge.save(memory).decode()
    kept.save()
    if json:
        told = {"unlocks": new, "rarity": judge.rarity(memory), "leaderboards": judge.leaderboards(memory)}
        print(json_format.dumps(told, indent=2))
        return 0
    for record in new:
        place = f"{record['run_id']}/{record['episode_id']}" + (f" stage {record['stage']}" if record["stage"] else "")
        score = "" if record["score"] is None else f", score {record['score']:g}"
        print(f"{record['tick'] / tick_hz:9.2f} s  {record['hall']:5}  {record['feat_id']}  {place}{score}")
    print(f"{len(new)} unlocks of {len({record['feat_id'] for record in new})} feats")
    return 0


main = {
    "list": run_list,
    "contract": run_contract,
    "diff": run_diff,
    "validate": run_validate,
    "replay": run_replay,
}


def _contract_of(game: str) -> Contract:
    return contract(load_feats(open_game(game)[0]))


def _read_contract(path: Path) -> Contract:
    try:
        return read_contract(json_format.loads(files.read_text(path)), str(path))
    except json_format.JSONDecodeError as error:
        raise FileFormatError(
            f"{path}, line {error.lineno}: {error.msg}; write it with: ludus feats contract"
        ) from error


def _read_events(paths: Sequence[Path], tick_hz: float) -> list[Event]:
    door = Door(tick_hz=tick_hz)
    return [event for path in paths for event in door.receive_all(files.read_jsonl(path), where=str(path))]


def _validation(found: Sequence[Reach]) -> dict[str, Any]:
    unreachable = [reach.to_json() for reach in found if reach.reasons]
    missing = ("missing_events", "missing_payload_keys", "missing_counters")
    return {
        "ok": not unreachable,
        "summary": {name: sorted({each for row in unreachable for each in row[name]}) for name in missing}
        | {"unreachable": len(unreachable)},
        "unreachable": unreachable,
        "feats": [{"feat_id": reach.feat.id, "fed_by": [*reach.fed_by]} for reach in found],
        "notes": [],
    }


def _drift_lines(drift: Drift) -> list[str]:
    lines = [f"missing event {kind}" for kind in drift.missing_events]
    for kind, keys in drift.missing_payload_keys.items():
        lines += [f"missing payload key {kind}.{key}" for key in keys]
    for place, values in drift.missing_values.items():
        lines += [f"missing value {place} = {value!r}" for value in values]
    lines += [f"missing payload key {key}, of any event" for key in drift.missing_payload_keys_any]
    lines += [f"missing counter {name}" for name in drift.missing_counters]
    lines += [f"perhaps {note}" for note in drift.notes]
    verdict = "less than" if drift.found else "all that"
    return [*lines, f"{drift.events_scanned} events tell {verdict} the contract asks"]
