"""Pot Yard's feats: each can be fed by the card, and each unlocks in real play."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ludus.core import rng
from ludus.core.types import Event, Verdict
from ludus.feats.contract import contract
from ludus.feats.drift import diff
from ludus.feats.feat import Feat
from ludus.feats.judge import FeatJudge
from ludus.feats.loader import read_feats
from ludus.feats.predicate import CounterReached
from ludus.feats.reach import examine
from ludus.gameboy import GameBoyWorld
from ludus.gameboy.machine import FRAME_HZ
from ludus.gameboy.trace import load_actions
from ludus.run.feats import telemetry
from tests.potyard.memory import CARD
from tests.potyard.record import replay

ROOT = Path(__file__).parents[2]
RANDOM_LANES = 64


@cache
def feats() -> tuple[Feat, ...]:
    assert CARD.feats is not None
    return read_feats(CARD.feats)


@cache
def demo() -> tuple[Event, ...]:
    """What the scripted player meets: the trace that ships with the game."""
    assert CARD.demo is not None
    return replay(load_actions(CARD.demo, codec=CARD.codec))[0].events()


@cache
def random() -> tuple[Event, ...]:
    """What a random player meets."""
    world = GameBoyWorld("potyard", RANDOM_LANES)
    running, number = ~world.reset(seeds=0).done, 0
    while running.any():
        actions = rng.integers(np.arange(RANDOM_LANES), "play", number, high=len(world.codec))
        running = ~world.step(actions, mask=running).done
        number += 1
    return world.events()


def judged(events: tuple[Event, ...]) -> tuple[Verdict, ...]:
    judge = FeatJudge(feats(), tick_hz=FRAME_HZ)
    return judge.update(judge.init(RANDOM_LANES), events)[1]


def words(value: Any) -> Iterator[str]:
    """Every key in JSON."""
    if isinstance(value, dict):
        yield from value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from words(inner)


def test_the_card_can_feed_every_feat() -> None:
    assert {reach.feat.id: reach.reasons for reach in examine(feats(), telemetry(CARD)) if reach.reasons} == {}


def test_every_feat_unlocks_in_real_play() -> None:
    unlocked = {verdict.name for verdict in judged(demo()) + judged(random())}
    assert {feat.id for feat in feats()} - unlocked == set()


def test_the_seeds_three_examples_unlock_and_are_not_given_away() -> None:
    lanes = {feat.id: {v.lane for v in judged(demo()) if v.name == feat.id} for feat in feats()}
    assert len(lanes["minor.pots.20_in_run"]) == 16
    assert 0 < len(lanes["major.bark_vader.in_20s"]) < 16, "some are quick enough, not all"
    assert 10 < len(lanes["major.curse.two_and_clear"]) < 16
    hard = {v.name for v in judged(random())} & {"minor.pots.20_in_run", "major.bark_vader.in_20s"}
    assert hard == set(), "a random player gets none of them"


def test_the_seeds_example_stands_there_word_for_word() -> None:
    (pots,) = (feat for feat in feats() if feat.id == "minor.pots.20_in_run")
    assert (pots.name, pots.predicate) == ("Pot Popper", CounterReached("pots_broken", 20))
    assert (pots.tier, pots.scope, pots.hall, pots.dedupe) == ("minor", "run", "fame", "once_per_run")
    assert pots.clip and pots.clip.to_json() == {"pre_s": 12, "post_s": 6, "speed": 3.0}


def test_they_are_many_and_of_every_kind() -> None:
    assert CARD.feats is not None
    written = set(words(json.loads(CARD.feats.read_text())))
    operators = "counter_gte payload_gte payload_lte event_happened event_then_within sequence_within count_gte streak"
    assert {*operators.split(), "any_k_of", "and", "or", "not", "reset_if", "score", "hidden", "points"} <= written
    assert len(feats()) >= 25
    for field, values in (
        ("tier", {"minor", "major"}),
        ("scope", {"run", "stage", "lifetime"}),
        ("hall", {"fame", "shame"}),
        ("dedupe", {"once_per_run", "once_per_stage", "once", "best_only"}),
    ):
        assert {getattr(feat, field) for feat in feats()} == values
    names = [feat.name for feat in feats()]
    assert len(set(names)) == len(names)
    assert all(feat.description for feat in feats()[1:]), "only the seed's own example says nothing more"
    assert all(feat.clip for feat in feats())


def test_the_contract_under_docs_is_theirs_and_real_play_keeps_it() -> None:
    held = json.loads((ROOT / "docs" / "telemetry_contract.feats.json").read_text())
    assert held == contract(feats()).to_json(), "write it again: ludus feats contract"
    assert not diff(contract(feats()), demo() + random()).found


@pytest.mark.parametrize("name", ["major.trophy_wall", "minor.pots.first"])
def test_what_is_once_in_a_life_is_once_for_all_lanes(name: str) -> None:
    assert [verdict.name for verdict in judged(demo())].count(name) == 1
