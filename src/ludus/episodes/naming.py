"""Names: the scenario of a game, and the identity of an episode, which is the stem of its files."""

from __future__ import annotations

import re

from ludus.core import digest

DIGITS = 8
SAFE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")


def scenario(game: str) -> str:
    """Give a game's id as it may stand in a file name.

    What may not becomes '-', and then a short digest of the id follows, so that no two games share a name:
    `ALE/Breakout-v5` is `ALE-Breakout-v5-` and eight digits.
    """
    if SAFE.fullmatch(game) and "__" not in game:
        return game
    plain = re.sub(r"[^A-Za-z0-9.-]+", "-", game).strip("-.")
    return "-".join(filter(None, [plain, digest.of_bytes(game.encode())[:DIGITS]]))


def identity(scenario: str, seed: int, index: int) -> str:
    """Give `SCENARIO__SEED__INDEX`: the episode's own seed, and its place in the run from 0."""
    return f"{scenario}__{seed}__{index}"
