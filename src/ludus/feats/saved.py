"""A judge's memory as bytes. Cells are saved under their meaning, so other feats take over what they share."""

from __future__ import annotations

import json
from array import array
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ludus.core.errors import StateError
from ludus.feats.compiler import Program
from ludus.feats.memory import ABSENT, LIFE, RUN, STAGE, Cells, Lane, Life, Memory, Place, Span

FORMAT = "ludus feats memory 1"


def save(program: Program, memory: Memory) -> bytes:
    """Give a memory as JSON: of every cell that is not as it began, the numbers, null for those that are absent."""
    names = [[cell.key for cell in program.cells.values() if cell.span == span] for span in (RUN, STAGE, LIFE)]
    told = {
        "format": FORMAT,
        "cells": names,
        "lanes": {
            str(number): {
                "place": asdict(lane.place),
                "run": _changed(program, RUN, lane.run),
                "stage": _changed(program, STAGE, lane.stage),
                "run_won": lane.run_won,
                "stage_won": lane.stage_won,
            }
            for number, lane in memory.lanes.items()
        },
        "lives": {
            instance: {"cells": _changed(program, LIFE, life.cells), "won": life.won}
            for instance, life in memory.lives.items()
        },
        "boards": memory.boards,
        "runs": memory.runs,
        "winners": memory.winners,
    }
    return json.dumps(told, default=sorted, allow_nan=False, separators=(",", ":")).encode()


def load(program: Program, state: bytes) -> Memory:
    """Give a saved memory back; what the program's feats do not share is left out, what is new begins now.

    Raises `StateError` on bytes that hold no memory.
    """
    try:
        told = json.loads(state)
        if told["format"] != FORMAT:
            raise StateError(f"the memory of feats has the format {told['format']!r}, expected {FORMAT!r}.")
        names = told["cells"]
        lives = {
            instance: Life(_restored(program, LIFE, names, life["cells"]), frozenset(life["won"]))
            for instance, life in told["lives"].items()
        }
        lanes = {int(number): _lane(program, names, lane) for number, lane in told["lanes"].items()}
        memory = Memory(lanes, lives, told["boards"], told["runs"], told["winners"])
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise StateError(f"these bytes hold no memory of feats: {error!r}; begin with a fresh one.") from error
    _level(program, names, memory)
    return memory


def _changed(program: Program, span: int, cells: Cells) -> dict[str, list[float | None]]:
    """Give the numbers of the cells that are not as they began, by place in the list of names."""
    changed = {}
    mine = [cell for cell in program.cells.values() if cell.span == span]
    for number, cell in enumerate(mine):
        held = tuple(cells[cell.index : cell.index + len(cell.start)])
        if held != cell.start:
            changed[str(number)] = [None if value == ABSENT else value for value in held]
    return changed


def _restored(program: Program, span: int, names: list[list[str]], changed: Mapping[str, list[Any]]) -> Cells:
    cells = program.starts[span][:]
    for number, numbers in changed.items():
        cell = program.cells.get((span, names[span][int(number)]))
        if cell is not None:
            values = [ABSENT if value is None else value for value in numbers]
            if len(values) != len(cell.start):
                raise ValueError(f"the cell {cell.key!r} has {len(values)} numbers, expected {len(cell.start)}")
            cells[cell.index : cell.index + len(values)] = array("d", values)
    return cells


def _lane(program: Program, names: list[list[str]], told: Mapping[str, Any]) -> Lane:
    spans = {name: _span(told["place"][name]) for name in ("of_run", "of_stage")}
    run, stage = (_restored(program, which, names, told[name]) for which, name in ((RUN, "run"), (STAGE, "stage")))
    won = (frozenset(told[name]) for name in ("run_won", "stage_won"))
    return Lane(Place(**told["place"] | spans), run, stage, *won)


def _span(told: Mapping[str, Any]) -> Span:
    return Span(told["key"], told["opened"])


def _level(program: Program, names: list[list[str]], memory: Memory) -> None:
    """Let feats that are new know what is true already, so that only what turns true from now on unlocks them."""
    known = [set(listed) for listed in names]
    fresh = program.fresh_life()
    for cell, idle in program.levels:
        if cell.key in known[cell.span]:
            continue
        if cell.span == LIFE:
            nowhere = program.fresh_lane()
            for life in memory.lives.values():
                life.cells[cell.index] = idle((nowhere.run, nowhere.stage, life.cells))
        else:
            for lane in memory.lanes.values():
                spans = (lane.run, lane.stage, fresh.cells)
                spans[cell.span][cell.index] = idle(spans)
