"""Everything that can happen in Pot Yard does, and its card tells it."""

from __future__ import annotations

import json
from collections import defaultdict
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from ludus.core.types import Event
from ludus.gameboy import GameBoyWorld
from ludus.gameboy.machine import FRAME_HZ
from ludus.gameboy.trace import load_actions
from tests.potyard.measure import interval, measure
from tests.potyard.memory import CARD
from tests.potyard.record import DIGESTS, replay

Kinds = dict[str, list[Event]]


@cache
def golden() -> tuple[GameBoyWorld, dict[str, str], tuple[Event, ...]]:
    """The trace that ships with the game, played again."""
    assert CARD.demo is not None
    world, digests = replay(load_actions(CARD.demo, codec=CARD.codec))
    return world, digests, world.events()


@cache
def idle() -> tuple[GameBoyWorld, tuple[Event, ...]]:
    """Standing still, from the title."""
    world = GameBoyWorld("potyard", 1, start="title")
    world.reset(seeds=1)
    step = world.step([world.codec.number("START")])
    while not step.done.any():
        step = world.step([0])
    return world, world.events()


def by_kind(events: tuple[Event, ...]) -> Kinds:
    kinds: Kinds = defaultdict(list)
    for event in events:
        kinds[event.kind].append(event)
    return kinds


def seconds(first: Event, second: Event) -> float:
    return (second.tick - first.tick) / FRAME_HZ


def test_the_golden_trace_gives_the_golden_frames() -> None:
    assert golden()[1] == json.loads(Path(DIGESTS).read_text())


def test_every_golden_run_clears_three_stages() -> None:
    world, _, events = golden()
    kinds = by_kind(events)
    lanes = list(range(world.lanes))
    assert sorted(event.lane for event in kinds["run_cleared"]) == lanes
    for kind in ("boss_spawned", "boss_defeated", "portal_opened", "stage_cleared"):
        assert sorted((e.lane, e.payload["stage"]) for e in kinds[kind]) == [(n, s) for n in lanes for s in (1, 2, 3)]
    assert all(world.watches(lane)["phase"] == "cleared" for lane in lanes)


def test_standing_still_ends_in_death() -> None:
    world, events = idle()
    assert world.watches(0)["hearts"] == 0
    assert [event.payload["stage"] for event in by_kind(events)["death"]] == [1]
    (end,) = by_kind(events)["stage_end"]
    assert (end.payload["result"], end.payload["stage"], end.payload["delta"]) == ("death", 1, 1)


def test_every_event_and_every_counter_of_the_card_happens() -> None:
    events = golden()[2] + idle()[1]
    assert {event.kind for event in events} == {rule.kind for rule in CARD.event} | {"counter_delta"}
    counted = {event.payload["name"] for event in events if event.kind == "counter_delta"}
    assert counted == {name for name, watch in CARD.watch.items() if watch.role == "counter"}


def test_payloads_say_what_the_seed_of_the_run_says() -> None:
    routes = {0: ["forest", "desert", "crypt"], 1: ["forest", "crypt", "desert"], 2: ["desert", "forest", "crypt"]}
    bosses = {"forest": "bark_vader", "desert": "dune_worm", "crypt": "bone_king"}
    spawned, ended = defaultdict(list), defaultdict(list)
    for event in by_kind(golden()[2])["boss_spawned"]:
        spawned[event.lane].append(event.payload["boss_id"])
    for event in by_kind(golden()[2])["stage_end"]:
        assert event.payload["result"] == "clear" and event.stage == str(event.payload["stage"])
        ended[event.lane].append(event.payload["biome"])
    for lane in range(golden()[0].lanes):
        route = routes.get(lane % 4, routes[0])
        assert ended[lane] == route
        assert spawned[lane] == [bosses[biome] for biome in route]


def test_counters_add_up_to_what_memory_says_at_the_end() -> None:
    world, _, events = golden()
    sums: dict[tuple[int, str], int] = defaultdict(int)
    for event in by_kind(events)["counter_delta"]:
        sums[event.lane, event.payload["name"]] += event.payload["delta"]
    started = {"stages_started": 1}  # the first one before the episode began
    for name, watch in CARD.watch.items():
        if watch.role == "counter" and name != "boss_curse_activations_stage":
            for lane in range(world.lanes):
                assert sums[lane, name] + started.get(name, 0) == world.watches(lane)[name], (lane, name)


def test_the_events_of_the_feats_examples_come_as_the_contract_has_them() -> None:
    """Seed document 000: 20 pots in a run; Bark Vader beaten within 20 s; two curses, then the stage cleared."""
    events = golden()[2]
    pots: dict[int, int] = defaultdict(int)
    curses: dict[tuple[int, str], int] = defaultdict(int)
    spawned: dict[int, Event] = {}
    quick, cursed = set(), set()
    for event in events:
        if event.payload.get("name") == "pots_broken":
            pots[event.lane] += event.payload["delta"]
        if event.payload.get("name") == "boss_curse_activations_stage":
            curses[event.lane, event.stage] += event.payload["delta"]
        if event.kind == "boss_spawned" and event.payload["boss_id"] == "bark_vader":
            spawned[event.lane] = event
        beaten = event.kind == "boss_defeated" and event.payload["boss_id"] == "bark_vader"
        if beaten and seconds(spawned[event.lane], event) <= 20:
            quick.add(event.lane)
        if event.kind == "stage_end" and event.payload["result"] == "clear" and curses[event.lane, event.stage] >= 2:
            cursed.add(event.lane)
    assert min(pots.values()) >= 20
    assert quick and len(quick) < len(pots), "some are quick enough, not all"
    assert len(cursed) > 10


@pytest.mark.parametrize("seeds", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_the_scripted_player_clears_every_seed(seeds: int) -> None:
    result = measure("scripted", seeds)
    assert result.cleared.all()
    assert result.returns.min() > 100
    assert result.first_reward.max() < 20


def test_a_random_player_sees_much_and_earns_little() -> None:
    result = measure("random", 100)
    assert len(result.events) >= 8
    low, high = interval(result.returns)
    assert -2 < low < high < 5, "far below the scripted player's 100 and more"
    assert np.median(result.first_reward) < 25, "seconds, not minutes"
