from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ludus.core import digest
from ludus.core.errors import SettingsError
from ludus.gameboy import GameBoyWorld
from ludus.gameboy.card import Card, EventRule, Role, StartRule, Weights
from ludus.gameboy.cartridge import read_cartridge
from ludus.gameboy.machine import make_batch
from ludus.gameboy.rules import Rules
from ludus.gameboy.watches import Reader, Watch
from tests.gameboy.roms import scroller

BCD: Callable[[bytes], int] = lambda raw: int(raw.hex())  # noqa: E731 - its digits are decimal
MEANINGS: dict[str, tuple[int, Callable[[bytes], int]]] = {
    "u8": (1, lambda raw: raw[0]),
    "u16le": (2, lambda raw: int.from_bytes(raw, "little")),
    "u16be": (2, lambda raw: int.from_bytes(raw, "big")),
    "u32le": (4, lambda raw: int.from_bytes(raw, "little")),
    "bcd1": (1, BCD),
    "bcd2": (2, BCD),
    "bcd3": (3, BCD),
    "bcd4": (4, BCD),
    "bit:0": (1, lambda raw: raw[0] & 1),
    "bit:7": (1, lambda raw: raw[0] >> 7),
}


def test_every_type_means_what_it_says_in_every_lane() -> None:
    core = make_batch(read_cartridge(scroller()), lanes=5)
    digits = np.random.default_rng(3).integers(0, 10, (5, 2 * 64)).astype(str)
    memory = [bytes.fromhex("".join(row)) for row in digits]
    memory[0] = bytes.fromhex("99" * 64)
    for lane, raw in enumerate(memory):
        for offset, byte in enumerate(raw):
            core.poke(lane, 0xC000 + offset, byte)
    watches = {kind: Watch(address=0xC000 + 5 * at, type=kind) for at, kind in enumerate(MEANINGS)}
    got = Reader(watches).read(core)
    assert got.dtype == np.int64
    for lane, raw in enumerate(memory):
        expected = [read(raw[5 * at : 5 * at + size]) for at, (size, read) in enumerate(MEANINGS.values())]
        assert got[lane].tolist() == expected


def card(**settings: Any) -> Card:
    watches = {
        "pots": Watch(address=0xC010, type="u8", role="counter"),
        "stage": Watch(address=0xC011, type="u8", names={2: "crypt"}),
    }
    events = (
        EventRule(kind="more", when="pots: +n", payload={"where": "stage"}),
        EventRule(kind="in_two", when="stage == 2"),
        EventRule(kind="in_two", when="stage: 1 -> 2"),
    )
    made: dict[str, Any] = {"id": "s", "title": "S", "rom": "s.gb", "sha256": "0" * 64, "watch": watches}
    return Card(**made | {"event": events, "stage": "stage"} | settings)


def judge(rules: Rules, before: list[list[int]], now: list[list[int]], moved: list[bool] | None = None) -> Any:
    mask = np.array([True] * len(now) if moved is None else moved)
    return rules.judge(np.array(before), np.array(now), mask)


def test_counters_come_first_then_the_cards_events_in_its_order_lane_by_lane() -> None:
    rules = Rules(card())
    outcome = judge(rules, [[5, 1], [9, 2], [3, 3]], [[7, 2], [1, 2], [3, 3]])
    assert list(rules.happenings(outcome)) == [
        (0, "counter_delta", {"name": "pots", "delta": 2}, "crypt"),
        (0, "more", {"where": "crypt", "delta": 2}, "crypt"),
        (0, "in_two", {}, "crypt"),
        (0, "in_two", {}, "crypt"),
        (1, "in_two", {}, "crypt"),
    ], "a counter that falls begins anew and tells nothing"
    assert all(type(payload.get("delta", 0)) is int for _, _, payload, _ in rules.happenings(outcome))


def test_a_lane_that_did_not_move_has_no_events_no_reward_and_no_end() -> None:
    rules = Rules(card(reward=Weights(events={"in_two": 1}, step=1), end={"terminated": "stage == 2"}))
    outcome = judge(rules, [[0, 2], [0, 2]], [[0, 2], [0, 2]], [False, True])
    assert [it[0] for it in rules.happenings(outcome)] == [1]
    assert (outcome.reward.tolist(), outcome.terminated.tolist()) == ([0, 2], [False, True])


def test_reward_adds_up_increases_events_and_steps() -> None:
    weights = Weights(watches={"pots": 0.5, "stage": 10}, events={"in_two": 3}, step=-1)
    rules = Rules(card(reward=weights, role={"calm": Role(step=0, events={"in_two": 0})}))
    before, now = [[5, 1], [9, 3]], [[7, 2], [1, 2]]
    assert judge(rules, before, now).reward.tolist() == [-1 + 1 + 10 + 6, -1 + 3]
    assert judge(Rules(rules.card, "calm"), before, now).reward.tolist() == [1 + 10, 0]


def test_a_lanes_reward_does_not_depend_on_the_lanes_beside_it() -> None:
    weights = Weights(watches={"pots": 0.1, "stage": 0.3}, events={"more": 1e-3}, step=-0.7)
    rules, random = Rules(card(reward=weights)), np.random.default_rng(1)
    before, now = random.integers(0, 200, (2, 37, 2))
    moved = np.ones(37, np.bool_)
    together = rules.judge(before, now, moved).reward
    alone = [rules.judge(before[[i]], now[[i]], moved[[i]]).reward[0] for i in range(37)]
    np.testing.assert_array_equal(together, alone)


def world(tmp_path: Any, lanes: int = 3, **starts: StartRule) -> GameBoyWorld:
    (tmp_path / "s.gb").write_bytes(scroller())
    watches = {"seed": Watch(address=0xC040, type="u16be"), "clock": Watch(address=0xC000, type="u16le")}
    settings: dict[str, Any] = {"rom": tmp_path / "s.gb", "sha256": digest.of_file_bytes(scroller())}
    return GameBoyWorld(Card(id="s", title="S", watch=watches, start=starts, **settings), lanes)


def test_a_recipe_presses_waits_writes_the_seed_and_runs_until(tmp_path: Any) -> None:
    recipe = StartRule(play=("run until clock == 30 within 60", "write seed to seed", "press right 5", "wait 2"))
    many = world(tmp_path, first=recipe)
    frames = many.reset(seeds=[1, 0x1234, 0x51234]).frames
    read = many._core.peek
    assert [read(lane, 0xC040, 0xC042).hex() for lane in range(3)] == ["0001", "1234", "1234"]
    assert {int.from_bytes(read(lane, 0xC000, 0xC002), "little") for lane in range(3)} == {30 + 5 + 2 + 1}
    assert {read(lane, 0xFF43, 0xFF44)[0] for lane in range(3)} == {5}, "scrolled by 5"
    assert (frames == frames[:1]).all() and frames.any()


def test_later_episodes_have_seeds_of_their_own(tmp_path: Any) -> None:
    many = world(tmp_path, first=StartRule(play=("write seed to seed",)))
    seen = []
    for seeds in (7, None, None, 7, None):
        many.reset(seeds=seeds)
        seen.append(tuple(many._core.peek(lane, 0xC040, 0xC042) for lane in range(3)))
    assert seen[0] == (b"\0\7", b"\0\x08", b"\0\x09")
    assert seen[3:] == seen[:2]
    assert len({seed for row in seen[:3] for seed in row}) == 9


def test_a_start_goes_on_from_another_or_from_a_saved_state(tmp_path: Any) -> None:
    first, second = StartRule(play=("wait 30",)), StartRule(after="first", play=("press a 3",))
    many = world(tmp_path, 1, second=second, first=first)
    many.reset()
    (tmp_path / "saved.state").write_bytes(many.save(0))
    saved = StartRule(state=tmp_path / "saved.state")
    np.testing.assert_array_equal(world(tmp_path, 1, saved=saved).reset().frames, many.reset().frames)


def test_a_condition_that_never_comes_true_is_told_with_what_the_watches_were(tmp_path: Any) -> None:
    with pytest.raises(SettingsError) as caught:
        world(tmp_path, first=StartRule(play=("run until clock == 5000 within 40",)))
    message = "card: setting 'start.first.play.0' is 'clock == 5000': not true within 40 frames in lane 0, game seed 0"
    assert message in str(caught.value)
