"""What decides a run's record, as JSON: two runs with equal facts are the same run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ludus.core import digest
from ludus.core.protocols import Policy, World
from ludus.run.games import GameSettings, codec_id
from ludus.run.judging import Seat
from ludus.run.policies import policy_facts

RULES = {"event", "end", "reward", "role", "stage", "watch"}
"""What of a card decides events, rewards and ends."""


def run_facts(
    game: GameSettings, world: World, policy: str | Policy[Any], seed: int, judges: Sequence[Seat]
) -> dict[str, Any]:
    """Give the facts of a run; how many episodes, in how many lanes and processes, is none of them."""
    return {
        "game": game.model_dump(mode="json"),
        "policy": policy_facts(policy, game),
        "seed": seed,
        "judges": {seat.name: {"sees": seat.sees} | dict(seat.facts) for seat in judges},
        "world": world_facts(world),
    }


def world_facts(world: World) -> dict[str, Any]:
    """Give what its spec tells of a World, the ROM that it plays, and the digest of what its card makes of it."""
    spec, inner = world.spec, getattr(world, "inner", world)
    cartridge, card = getattr(inner, "cartridge", None), getattr(inner, "card", None)
    return {
        "id": spec.id,
        "frame_shape": list(spec.frame_shape),
        "shades": None if spec.shades is None else list(spec.shades),
        "action_space": str(spec.action_space),
        "codec": codec_id(world),
        "tick_hz": spec.tick_hz,
        "ticks_per_step": spec.ticks_per_step,
        "rom_sha256": cartridge and cartridge.sha256,
        "rules": card and digest.of_bytes(card.model_dump_json(include=RULES).encode()),
    }


def action_names(world: World) -> list[str] | None:
    """Give what each number of an action means, for whoever looks at a record; None where nothing can be told of them.

    They are no fact: words decide nothing, and records from before they were told stay the runs that they are.
    """
    inner = getattr(world, "inner", world)
    codec = getattr(inner, "codec", None)
    names = getattr(inner, "action_names", None) if codec is None else codec.names
    return names and list(names)


def compare(was: Any, now: Any, at: str = "") -> Iterator[str]:
    """Give where settings differ, each as one sentence."""
    if isinstance(was, dict) and isinstance(now, dict):
        for key in sorted(was.keys() | now.keys()):
            yield from compare(was.get(key), now.get(key), f"{at}.{key}" if at else key)
    elif was != now:
        yield f"{at} is {was!r} there and {now!r} here"
