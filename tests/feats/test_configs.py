from __future__ import annotations

from pathlib import Path

from ludus.gameboy.library import open_game

ROOT = Path(__file__).parent.parent.parent


def test_the_feats_under_configs_are_those_that_ship() -> None:
    card, _ = open_game("potyard")
    assert card.feats is not None
    assert (ROOT / "configs" / "feats.potyard.json").read_bytes() == card.feats.read_bytes()
