"""`ludus bench`: how fast things are on this machine, as ratios against named peers in the same run."""

from __future__ import annotations

import json as json_format
from collections.abc import Sequence
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from ludus.cli._bench_feats import run_feats
from ludus.cli._bench_goals import run_goals
from ludus.cli._bench_video import run_video
from ludus.core.errors import InputError
from ludus.gameboy import bench
from ludus.gameboy.builtin import busy_loop
from ludus.gameboy.cartridge import Cartridge, read_cartridge
from ludus.gameboy.library import open_game


def run_gameboy(
    *,
    roms: tuple[Path, ...] = (),
    peer: str | None = None,
    lanes: int = 16,
    threads: int = 1,
    view: str = "full",
    skip: bool = True,
    seconds: float = 1.0,
    rounds: int = 5,
    json: bool = False,
) -> int:
    """Measure how fast the Game Boy core steps games: steps of 24 frames, a button held for 8, the last frame drawn.

    Args:
        roms: .gb files or folders of them; without any, the game of this package and a loop that never waits.
        peer: pyboy measures PyBoy beside it, with the same buttons, in alternating rounds.
        lanes: consoles stepped together.
        threads: threads that step them.
        view: full, half, mean or packed.
        skip: skip waiting loops, which changes nothing but the speed; --no-skip runs every instruction.
        seconds: of each round.
        rounds: rounds of each side; the best and the median count.
        json: print JSON instead of a table.
    """
    plan = bench.Plan(lanes=lanes, threads=threads, view=view, skip=skip, seconds=seconds, rounds=rounds)
    cartridges = _find(roms) if roms else [("Pot Yard", open_game("potyard")[1]), ("busy loop", busy_loop())]
    results = list(bench.run(cartridges, plan, peer=peer))
    if json:
        print(json_format.dumps({"results": [result.row() for result in results]} | _means(results), indent=2))
    else:
        _print(results)
    return 0


def run_train(
    *,
    sides: tuple[str, ...] = ("ludus", "ludus-fp32", "sb3", "cleanrl"),
    lanes: int = 8,
    horizon: int = 128,
    epochs: int = 4,
    minibatches: int = 4,
    rounds: int = 5,
    json: bool = False,
) -> int:
    """Measure the whole training loop on Pot Yard with Nature's net, one thread, in turns: steps a second of CPU time.

    Args:
        sides: ludus (bf16 where the CPU has it), ludus-fp32, sb3 (Stable-Baselines3), pufferlib (its 3.0), cleanrl (a
            loop of its shape), recipe (that of ludus train potyard, with its own net), pyboy-sb3 (Stable-Baselines3
            on PyBoy).
        lanes: played together.
        horizon: steps of each lane in a rollout.
        epochs: of each update.
        minibatches: of each epoch.
        rounds: rollouts and updates of each side.
        json: print JSON instead of a table.
    """
    from ludus.run import train_bench

    plan = train_bench.Plan(lanes=lanes, horizon=horizon, epochs=epochs, minibatches=minibatches, rounds=rounds)
    paces = train_bench.run(plan, sides)
    if json:
        print(json_format.dumps({pace.side: list(pace.steps_per_cpu_s) for pace in paces}, indent=2))
        return 0
    table = Table("side", box=SIMPLE_HEAD, pad_edge=False)
    for name in ("steps/CPU-s", "least", "most", f"x {paces[-1].side}"):
        table.add_column(name, justify="right")
    for pace in paces:
        found = (pace.median, min(pace.steps_per_cpu_s), max(pace.steps_per_cpu_s))
        table.add_row(pace.side, *(f"{value:,.0f}" for value in found), f"{pace.median / paces[-1].median:.2f}")
    Console().print(table)
    return 0


main = {"gameboy": run_gameboy, "feats": run_feats, "goals": run_goals, "train": run_train, "video": run_video}


def _find(paths: Sequence[Path]) -> list[tuple[str, Cartridge]]:
    found = []
    for path in paths:
        below = sorted(path.rglob("*.gb")) if path.is_dir() else [path]
        if not below:
            raise InputError(f"{path}: no .gb file there or below; give ROMs or folders of them.")
        found += [(rom.stem, read_cartridge(rom)) for rom in below]
    return found


def _means(results: Sequence[bench.Result]) -> dict[str, float]:
    """Give the geometric means of the ratios, nothing without a peer."""
    ratios = {
        "ratio": [result.ratio for result in results],
        "median_ratio": [result.median_ratio for result in results],
        "cpu_ratio": [result.cpu_ratio for result in results],
    }
    told = {name: [ratio for ratio in found if ratio is not None] for name, found in ratios.items()}
    return {f"geometric_mean_{name}": bench.geometric_mean(found) for name, found in told.items() if found}


def _print(results: Sequence[bench.Result]) -> None:
    plan = results[0].plan
    console = Console()
    skip = "on" if plan.skip else "off"
    console.print(f"lanes {plan.lanes}, threads {plan.threads}, view {plan.view}, skip {skip}", highlight=False)
    table = Table(Column("ROM", overflow="fold"), box=SIMPLE_HEAD, pad_edge=False)
    for name in ("steps/s", "frames/s", "x real"):
        table.add_column(name, justify="right")
    peered = results[0].peer is not None
    for name in ("PyBoy f/s", "ratio", "median", "CPU") if peered else ():
        table.add_column(name, justify="right")
    for result in results:
        best = result.ours.best
        cells = [f"{best.steps_per_s:,.0f}", f"{best.frames_per_s:,.0f}", f"{best.times_real:,.0f}"]
        if result.peer:
            ratios = (result.ratio, result.median_ratio, result.cpu_ratio)
            cells += [f"{result.peer.best.frames_per_s:,.0f}", *(f"{ratio:.2f}" for ratio in ratios)]
        table.add_row(escape(result.rom), *cells)
    console.print(table)
    for name, value in _means(results).items():
        console.print(f"{name.replace('_', ' ')}: {value:.2f}", highlight=False)
