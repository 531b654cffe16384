"""What was wrong with the engine that these feats come from, each with a test that would catch it.

The eleven defects are those of the reference on serving, section 3.2; the bugs those of the reference on MetaBonk,
section 1. Of the bugs that lie in other rooms (clips, the page, the worker), what the feats room owes them is tested.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ludus.core.errors import FileFormatError
from ludus.feats.door import Door
from ludus.feats.judge import FeatJudge
from ludus.feats.loader import parse_feats
from ludus.feats.reach import Telemetry, Teller, examine
from ludus.feats.unlocks import MOST, Unlocks, record
from tests.feats.told import HZ, at, count, feat, fired, verdicts

CLIP = {"pre_s": 12, "post_s": 6}

# The eleven defects.


def test_defect_1_an_event_is_not_its_own_predecessor() -> None:
    assert fired(feat({"event_then_within": ["a", "a", 5]}), at("a", s=1)) == []


def test_defect_2_two_events_at_once_are_told_to_be_out_of_reach_and_have_another_form() -> None:
    both = [{"event_happened": "a"}, {"event_happened": "b"}]
    (reach,) = examine([feat({"and": both})], Telemetry((Teller("a", "x"), Teller("b", "x")), {}))
    assert reach.reasons == ("no event can be all that an 'and' asks of the current event; use sequence_within",)
    counted = feat({"and": [{"count_gte": ["a", 1]}, {"count_gte": ["b", 1]}]})
    assert fired(counted, at("a"), at("b")) == fired(counted, at("b"), at("a")) == [1]


def test_defect_3_windows_may_be_as_long_as_they_like() -> None:
    hour = feat({"event_then_within": ["a", "b", 3600]})
    assert fired(hour, at("a", s=0), *[at("c", s=s) for s in range(1, 3600, 60)], at("b", s=3600)) == [61]


def test_defect_4_a_snapshot_leaves_stages_and_lifetimes_their_own_totals() -> None:
    told = [count("gold", 9, stage="1"), at("t", {"counters": {"gold": 10}}, stage="2")]
    gold = {"counter_gte": ["gold", 10]}
    assert fired(feat(gold, scope="stage"), *told) == []
    assert fired(feat(gold), *told) == [1]
    again = [replace(event, episode="2.0") for event in told]
    assert fired(feat({"counter_gte": ["gold", 20]}, scope="lifetime", dedupe="once"), *told, *again) == [3]


def test_defect_5_lifetimes_outlive_the_process_and_once_is_once_a_player(tmp_path: Path) -> None:
    life = feat({"counter_gte": ["gold", 10]}, scope="lifetime", dedupe="once")
    judge = FeatJudge((life,), tick_hz=HZ)
    kept = Unlocks(tmp_path / "unlocks.json")
    memory, _ = judge.update(judge.init(1), [count("gold", 6)])
    kept.memory = judge.save(memory).decode()
    kept.save()
    held = Unlocks(tmp_path / "unlocks.json").memory
    assert held is not None
    memory, found = judge.update(
        judge.load(held.encode()), [count("gold", 4, episode="2.0"), count("gold", 9, player="b")]
    )
    assert [verdict.evidence["seen_key"] for verdict in found] == ["player"]
    assert judge.update(memory, [count("gold", 9, player="b")])[1][0].evidence["seen_key"] == "b"


def test_defect_6_an_unlock_asks_for_seconds_before_and_after_and_waits_for_its_clip() -> None:
    pots = feat({"event_happened": "a"}, clip=CLIP | {"speed": 3.0})
    made = record(pots, verdicts(pots, at("a", s=30))[0])
    assert made["clip"] == {"pre_s": 12.0, "post_s": 6.0, "speed": 3.0}
    assert (made["clip_status"], made["tick"]) == ("pending", 30 * HZ)
    assert "clip_url" not in made


def test_defect_7_windows_are_game_time_whatever_the_clocks_say() -> None:
    then = feat({"event_then_within": ["a", "b", 2]})
    slow, quick = replace(at("a", s=0), ts=0.0), replace(at("b", s=1), ts=900.0)
    assert fired(then, slow, quick) == [1]
    assert fired(then, slow, replace(at("b", s=3), ts=0.1)) == []


def test_defect_8_a_definition_that_cannot_be_read_is_refused() -> None:
    for wrong in ({"counter_gte": ["x"]}, {"counter_gteq": ["x", 1]}, {"payload_gte": ["x", "1"]}):
        told = [{"id": "a", "name": "A", "predicate": wrong}]
        with pytest.raises(FileFormatError, match="feat 'a'"):
            parse_feats(json.dumps(told))


def test_defect_9_what_has_been_unlocked_is_remembered_however_much_comes_after(tmp_path: Path) -> None:
    a = feat({"event_happened": "a"})
    kept = Unlocks(tmp_path / "unlocks.json")
    found = verdicts(a, *[at("a", episode=f"{n}.0") for n in range(MOST + 5)])
    assert all(kept.add(a, verdict) for verdict in found)
    kept.save()
    again = Unlocks(tmp_path / "unlocks.json")
    assert len(again.records) == MOST
    assert [again.add(a, verdict) for verdict in found] == [None] * (MOST + 5)


def test_defect_10_a_judge_holds_numbers_and_no_pictures() -> None:
    pots = feat({"and": [{"counter_gte": ["pots", 20]}, {"event_happened": "clear"}]}, clip=CLIP)
    judge = FeatJudge((pots,), tick_hz=HZ)
    memory, _ = judge.update(judge.init(1), [count("pots")] * 500)
    assert len(judge.save(memory)) < 1000


def test_defect_11_one_bad_event_stops_nothing_and_is_told() -> None:
    a = feat({"event_happened": "a"}, dedupe="once_per_stage")
    odd = [at("counter_delta"), at("counter_delta", {"name": ["x"], "delta": None}), at("t", {"counters": [1]})]
    assert fired((a, feat({"counter_gte": ["x", 1]}, name="x")), *odd, at("a", {"a": object()})) == [3]
    with pytest.raises(FileFormatError, match=r"line 2: payload.delta is None, expected a number"):
        Door(tick_hz=HZ).receive_all([{"event_type": "a"}, {"event_type": "counter_delta", "payload": {"name": "x"}}])


# The bugs.


def test_bug_1_every_event_has_a_time_of_its_own() -> None:
    door = Door(tick_hz=HZ)
    heard = [door.receive({"event_type": kind}, now=now) for kind, now in (("a", 100.0), ("b", 100.5), ("b", 103.0))]
    assert [event and (event.ts, event.tick) for event in heard] == [(100.0, 6000), (100.5, 6030), (103.0, 6180)]


def test_bug_2_a_run_is_one_run_of_the_game_for_counters_and_dedupe_alike() -> None:
    gold = feat({"counter_gte": ["gold", 2]})
    launch = [count("gold", 2, episode=f"{n}.0", lane=n % 2) for n in range(4)]
    assert fired(gold, *launch) == [0, 1, 2, 3]
    anonymous = [at("run_start", run="", episode=""), count("gold", 2, run="", episode="")] * 2
    assert fired(gold, *anonymous) == [1, 3]


def test_bug_3_the_first_run_needs_no_start_event() -> None:
    assert fired(feat({"counter_gte": ["gold", 1]}), count("gold")) == [0]


def test_bug_4_a_score_is_what_the_feat_names_and_may_be_a_counter() -> None:
    end = feat({"event_happened": "end"}, dedupe="best_only", score={"counter": "earned"})
    stream = [count("earned", 5), count("earned", 7), at("end", {"final_reward": 0.5})]
    assert verdicts(end, *stream)[0].evidence["score"] == 12


def test_bug_5_a_clip_that_is_not_there_yet_does_not_hold_up_the_unlock() -> None:
    a, bare = feat({"event_happened": "a"}, clip=CLIP), feat({"event_happened": "a"}, name="bare")
    made = [record(each, verdict) for each, verdict in zip((a, bare), verdicts((a, bare), at("a")), strict=True)]
    assert [row["clip_status"] for row in made] == ["pending", "skipped"]
    assert made[1]["clip_reason"] == "no_clip_asked_for"


def test_bug_6_the_post_roll_is_part_of_what_is_asked_for() -> None:
    a = feat({"event_happened": "a"}, clip=CLIP)
    assert record(a, verdicts(a, at("a"))[0])["clip"]["post_s"] == 6.0


def test_bug_7_the_last_unlock_before_the_end_is_in_the_file(tmp_path: Path) -> None:
    a = feat({"event_happened": "a"}, dedupe="once_per_stage")
    kept = Unlocks(tmp_path / "deep" / "unlocks.json")
    for verdict in verdicts(a, at("a", stage="1"), at("a", stage="2")):
        kept.add(a, verdict)
        kept.save()
    assert [row["stage"] for row in Unlocks(tmp_path / "deep" / "unlocks.json").records] == ["1", "2"]


def test_bug_8_the_dedupe_of_a_restarted_process_is_that_of_the_old_one(tmp_path: Path) -> None:
    a = feat({"event_happened": "a"}, dedupe="once")
    first = Unlocks(tmp_path / "u.json")
    first.add(a, verdicts(a, at("a"))[0])
    first.save()
    assert Unlocks(tmp_path / "u.json").add(a, verdicts(a, at("a", episode="2.0"))[0]) is None


def test_bug_9_whoever_makes_an_event_it_is_judged() -> None:
    assert fired(feat({"event_happened": "FeatUnlocked"}), at("FeatUnlocked", {"feat_id": "a"})) == [0]


def test_bug_10_memory_is_a_value_that_nobody_else_changes() -> None:
    judge = FeatJudge((feat({"counter_gte": ["gold", 2]}),), tick_hz=HZ)
    base, _ = judge.update(judge.init(1), [count("gold")])
    one, other = (judge.update(base, [count("gold")]) for _ in range(2))
    assert one == other and len(one[1]) == 1


def test_bug_11_an_id_can_leave_no_folder() -> None:
    for wrong in ("../up", "a/b", "a b", ".", "a..b", "-a", "a\n"):
        with pytest.raises(FileFormatError, match="expected letters"):
            feat({"event_happened": "a"}, name="x", id=wrong)


def test_bug_12_not_is_not_true_of_every_other_event() -> None:
    assert fired(feat({"not": {"event_happened": "a"}}, dedupe="best_only"), at("b"), at("c")) == []


def test_bug_13_progress_is_computed_and_not_ticked_by_hand() -> None:
    judge = FeatJudge((feat({"counter_gte": ["gold", 4]}),), tick_hz=HZ)
    assert judge.progress(judge.update(judge.init(1), [count("gold")])[0], 0) == {"f": 0.25}


def test_bug_14_a_stage_is_one_stage_of_one_run_of_one_player() -> None:
    stage = feat({"event_happened": "stage_end"}, scope="stage", dedupe="once_per_stage")
    ends = [at("stage_end", {"stage": 1, "biome": "forest"}, stage="1", episode=f"{n}.0", lane=n) for n in range(3)]
    assert fired(stage, *ends) == [0, 1, 2]


def test_bug_15_a_score_of_0_is_a_score_and_the_better_one_takes_its_place() -> None:
    end = feat({"event_happened": "end"}, dedupe="best_only")
    kept = Unlocks()
    for verdict in verdicts(end, at("end", {"score": 0}), at("end", {"score": 4}, episode="2.0")):
        assert kept.add(end, verdict)
    assert [row["score"] for row in kept.records] == [4]
    absent = feat({"event_happened": "end"}, dedupe="best_only", score={"payload": "gold"})
    assert fired(absent, at("end"), at("end"), at("end", {"gold": -3}), at("end")) == [0, 2], "any score beats none"


# Other ways of the old engine, from the same pages.


def test_a_missing_counter_and_a_missing_key_are_no_zero() -> None:
    assert fired(feat({"counter_gte": ["gold", -1]}), at("a")) == []
    assert fired(feat({"payload_gte": ["gold", -1]}), at("a")) == []


def test_the_seeds_minimal_event_is_enough_and_older_names_are_mapped_once() -> None:
    rows = [
        {"event_type": "EpisodeStart"},
        {"event_type": "counter", "payload": {"counter": "gold", "value": 3}},
        {"event_type": "counter_delta", "payload": {"name": "gold", "delta": 0, "value": 9}},
        {"event_type": "StageStart", "payload": {"stage": 2}},
        {"event_id": "", "event_type": "Custom", "message": "hello", "host": "here", "step": 4},
    ]
    heard = Door(tick_hz=HZ).receive_all(rows)
    assert [event.kind for event in heard] == ["run_start", "counter_delta", "counter_delta", "stage_start", "Custom"]
    assert [event.payload for event in heard[1:3]] == [{"name": "gold", "delta": 3}, {"name": "gold", "delta": 0}]
    assert (heard[3].stage, [event.seq for event in heard]) == ("2", [0, 1, 2, 3, 4])


def test_a_late_event_counts_at_the_time_that_was_reached() -> None:
    door = Door(tick_hz=HZ)
    rows = [{"event_type": "a", "tick": tick, "run_id": run} for tick, run in ((60, "x"), (30, "x"), (10, "y"))]
    assert [event.tick for event in door.receive_all(rows)] == [60, 60, 10]


def test_several_operators_in_one_object_are_refused() -> None:
    with pytest.raises(FileFormatError, match="exactly one of"):
        feat({"counter_gte": ["a", 1], "event_happened": "b"})
