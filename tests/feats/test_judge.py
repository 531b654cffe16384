"""What each field, predicate and option means, on the smallest stream that shows it."""

from __future__ import annotations

from typing import Any

import pytest

from ludus.core.protocols import Judge
from ludus.core.types import Event
from ludus.feats.judge import FeatJudge
from tests.feats.told import HZ, at, count, feat, fired, verdicts

TWENTY_POTS = feat({"counter_gte": ["pots_broken", 20]})
TWO_CURSES_AND_CLEAR = feat(
    {
        "and": [
            {"counter_gte": ["boss_curse_activations_stage", 2]},
            {"event_happened": ["stage_end", {"result": "clear"}]},
        ]
    },
    scope="stage",
)
BARK_VADER = feat(
    {
        "event_then_within": [
            ["boss_spawned", {"boss_id": "bark_vader"}],
            ["boss_defeated", {"boss_id": "bark_vader"}],
            20,
        ]
    }
)


def test_the_judge_fits_the_protocol() -> None:
    assert isinstance(FeatJudge((), tick_hz=HZ), Judge)


# The seed's three examples.


def test_twenty_pots_in_a_run_unlock_at_the_twentieth_and_once() -> None:
    assert fired(TWENTY_POTS, *[count("pots_broken")] * 40) == [19]


def test_two_curses_and_a_clear_stage() -> None:
    curse, clear = count("boss_curse_activations_stage"), at("stage_end", {"result": "clear"})
    assert fired(TWO_CURSES_AND_CLEAR, curse, curse, clear) == [2]
    assert fired(TWO_CURSES_AND_CLEAR, curse, clear) == []
    assert fired(TWO_CURSES_AND_CLEAR, clear, curse, curse) == []
    assert fired(TWO_CURSES_AND_CLEAR, curse, curse, at("stage_end", {"result": "death"})) == []


@pytest.mark.parametrize(("seconds", "unlocks"), [(19.999, True), (20.0, True), (20.001, False)])
def test_bark_vader_within_twenty_seconds(seconds: float, unlocks: bool) -> None:
    judge = FeatJudge((BARK_VADER,), tick_hz=1000)
    boss = {"boss_id": "bark_vader"}
    stream = [
        Event("boss_spawned", boss, "run", "1.0", "1", 0, 500),
        Event("boss_defeated", boss, "run", "1.0", "1", 0, 500 + round(seconds * 1000)),
    ]
    assert bool(judge.update(judge.init(1), stream)[1]) is unlocks


def test_another_boss_is_not_bark_vader() -> None:
    spawned, other = at("boss_spawned", {"boss_id": "bark_vader"}), at("boss_defeated", {"boss_id": "bone_king"}, s=5)
    assert fired(BARK_VADER, spawned, other) == []


# Predicates.


def test_counter_gte_turns_true_once_and_again_after_it_was_false() -> None:
    best = feat({"counter_gte": ["gold", 10]}, dedupe="best_only", score={"counter": "gold"})
    up, down = count("gold", 6), count("gold", -6)
    assert fired(best, up, up, up, down, down, count("gold", 20)) == [1, 5]


def test_a_counter_that_nothing_told_of_is_absent_and_not_zero() -> None:
    never = feat({"counter_gte": ["gold", 0]})
    assert fired(never, at("a"), count("pots")) == []
    assert fired(never, count("gold", 0)) == [0]
    assert fired(feat({"and": [{"counter_gte": ["gold", -5]}, {"event_happened": "a"}]}), at("a")) == []


def test_payload_gte_and_payload_lte_speak_of_the_current_event_and_of_numbers() -> None:
    high, low = feat({"payload_gte": ["speed", 5]}), feat({"payload_lte": ["speed", 5]})
    for value, unlocks in ((5, (1, 1)), (5.5, (1, 0)), (4, (0, 1)), ("9", (0, 0)), (True, (0, 0)), (None, (0, 0))):
        event = at("telemetry", {"speed": value})
        assert (len(fired(high, event)), len(fired(low, event))) == unlocks
    assert fired(high, at("a"), at("b", {"other": 9})) == []
    assert fired(feat({"payload_gte": ["speed", -1]}), at("a")) == [], "a missing key is absent and not 0"


@pytest.mark.parametrize("form", ["death", ["death"], ["death", {}], {"event": "death"}, {"type": "death"}])
def test_event_happened_in_every_form(form: Any) -> None:
    assert fired(feat({"event_happened": form}), at("life"), at("death")) == [1]


def test_kinds_and_filters_compare_exactly() -> None:
    one = feat({"event_happened": ["stage_end", {"n": 1, "ok": True, "word": "clear", "none": None}]})
    fits = {"n": 1, "ok": True, "word": "clear", "none": None, "more": [1]}
    assert fired(one, at("stage_end", fits)) == [0]
    assert fired(one, at("stage_end", fits | {"n": 1.0})) == [0], "numbers are numbers"
    for wrong in ({"n": True}, {"n": "1"}, {"ok": 1}, {"word": "Clear"}, {"none": 0}, {"n": [1]}):
        assert fired(one, at("stage_end", fits | wrong)) == [], wrong
    assert fired(one, at("Stage_end", fits)) == []
    assert fired(one, at("stage_end", {key: fits[key] for key in ("n", "ok", "word")})) == [], "null is not absent"


def test_event_then_within_is_strict_in_game_time_and_within_one_run() -> None:
    then = feat({"event_then_within": ["a", "b", 2]})
    assert fired(then, at("a", s=1), at("b", s=1)) == [], "at the same moment is not before"
    assert fired(then, at("a", s=1), at("b", s=3)) == [1]
    assert fired(then, at("a", s=1), at("b", s=3.1)) == []
    assert fired(then, at("a", s=0), at("a", s=1), at("b", s=2.5)) == [2], "any a will do"
    assert fired(then, at("a", s=0), at("a", s=2), at("b", s=2)) == [2], "the one before the last will do"
    assert fired(then, at("b", s=0), at("a", s=1)) == []
    assert fired(then, at("a", s=1), at("b", s=1.5, episode="2.0")) == []
    assert fired(then, at("a", s=1), at("b", s=2, stage="2")) == [1], "a stage's end does not part them"


def test_the_same_event_twice_is_then() -> None:
    twice = feat({"event_then_within": ["a", "a", 5]})
    assert fired(twice, at("a", s=1)) == []
    assert fired(twice, at("a", s=1), at("a", s=2)) == [1]


def test_sequence_within_asks_for_all_in_order() -> None:
    three = feat({"sequence_within": ["a", "b", "c", 4]})
    assert fired(three, at("a", s=0), at("b", s=1), at("c", s=4)) == [2]
    assert fired(three, at("a", s=0), at("b", s=1), at("c", s=4.1)) == []
    assert fired(three, at("b", s=0), at("a", s=1), at("c", s=2)) == []
    assert fired(three, at("a", s=0), at("b", s=1), at("a", s=3), at("c", s=4.5)) == [], "the later a has no b"
    assert fired(three, at("a", s=0), at("b", s=1), at("a", s=3), at("b", s=4), at("c", s=6)) == [4]


def test_and_or_not_and_any_k_of() -> None:
    a, b, c = ({"event_happened": kind} for kind in "abc")
    n, m = {"count_gte": ["n", 1]}, {"count_gte": ["m", 1]}
    assert fired(feat({"and": [a, n]}), at("a"), at("n"), at("a")) == [2]
    assert fired(feat({"or": [a, b]}, dedupe="once_per_stage"), at("b"), at("a", stage="2")) == [0, 1]
    assert fired(feat({"and": [a, {"not": b}]}), at("b"), at("a")) == [], "not: never so far"
    assert fired(feat({"and": [a, {"not": b}]}), at("a"), at("b")) == [0]
    assert fired(feat({"any_k_of": [2, [n, m, c]]}), at("n"), at("m")) == [1]
    assert fired(feat({"any_k_of": [2, [n, m, c]]}), at("n"), at("c")) == [1]
    assert fired(feat({"any_k_of": [2, [n, m, c]]}), at("c"), at("n")) == [], "c was not now"


def test_not_is_about_the_scopes_history() -> None:
    unhurt = {"and": [{"event_happened": "clear"}, {"not": {"event_happened": "hurt"}}]}
    stream = (at("hurt", stage="1"), at("clear", stage="1"), at("clear", stage="2"))
    assert fired(feat(unhurt, scope="stage", dedupe="once_per_stage"), *stream) == [2]
    assert fired(feat(unhurt, scope="run"), *stream) == []
    later = at("clear", episode="2.0")
    assert fired(feat(unhurt, scope="run"), *stream, later) == [3]
    assert fired(feat(unhurt, scope="lifetime", dedupe="once"), *stream, later) == []


def test_a_not_alone_never_turns_true() -> None:
    assert fired(feat({"not": {"event_happened": "a"}}), at("b"), at("b"), at("a"), at("b")) == []


def test_count_gte_counts_hits_and_within_seconds() -> None:
    three = feat({"count_gte": [["a", {"x": 1}], 3]})
    assert fired(three, *[at("a", {"x": 1})] * 2, at("a"), at("a", {"x": 1}), at("a", {"x": 1})) == [3]
    quick = feat({"count_gte": ["a", 3, 2]})
    assert fired(quick, at("a", s=0), at("a", s=1.5), at("a", s=2.5), at("a", s=3)) == [3]
    assert fired(quick, at("a", s=1), at("a", s=1), at("a", s=1)) == [2], "at the same moment is within"


def test_reset_if_begins_the_history_anew() -> None:
    again = feat({"count_gte": ["a", 2], "reset_if": {"event_happened": "b"}})
    assert fired(again, at("a"), at("b"), at("a"), at("a")) == [3]
    counter = feat({"counter_gte": ["gold", 5], "reset_if": {"event_happened": "b"}})
    assert fired(counter, count("gold", 4), at("b"), count("gold", 4), count("gold", 1)) == [3]
    sequence = feat({"event_then_within": ["a", "c", 9], "reset_if": {"event_happened": "b"}})
    assert fired(sequence, at("a", s=1), at("b", s=2), at("c", s=3), at("a", s=4), at("c", s=5)) == [4]


def test_the_reset_wins_over_what_happens_with_it() -> None:
    both = feat({"count_gte": ["a", 1], "reset_if": {"event_happened": ["a", {"bad": True}]}})
    assert fired(both, at("a", {"bad": True}), at("a")) == [1]


def test_a_streak_is_broken_by_its_breaker() -> None:
    streak = feat({"streak": ["win", 3, "loss"]})
    win, loss = at("win"), at("loss")
    assert fired(streak, win, win, loss, win, win, at("tie"), win) == [6]


# Fields.


def test_scopes_count_apart() -> None:
    stream = [
        count("gold", 2, stage="1"),
        count("gold", 2, stage="2"),
        count("gold", 2, episode="2.0"),
        count("gold", 2),
    ]
    for scope, unlocks in (("stage", []), ("run", [1]), ("lifetime", [2])):
        assert fired(feat({"counter_gte": ["gold", 4 if scope != "lifetime" else 5]}, scope=scope), *stream) == unlocks


def test_a_lifetime_is_a_players_over_all_lanes() -> None:
    life = feat({"counter_gte": ["gold", 3]}, scope="lifetime", dedupe="once")
    stream = [
        count("gold", 2, lane=0),
        count("gold", 2, lane=0, player="other"),
        count("gold", 1, lane=1, episode="5.0"),
    ]
    assert fired(life, *stream) == [2]


def test_a_snapshot_sets_the_runs_counter_and_others_take_the_difference() -> None:
    told = [count("gold", 5, stage="1"), at("t", {"counters": {"gold": 8}}, stage="2")]
    in_run, in_stage = ({"counter_gte": ["gold", value]} for value in (8, 3))
    assert fired(feat(in_run), *told) == [1]
    assert fired(feat(in_stage, scope="stage"), *told) == [0]
    assert fired(feat({"counter_gte": ["gold", 4]}, scope="stage", dedupe="once_per_stage"), *told) == [0]
    life = feat({"counter_gte": ["gold", 16]}, scope="lifetime", dedupe="once")
    again = at("t", {"counters": {"gold": 8}}, episode="2.0")
    assert fired(life, *told, again, again) == [2], "8 in each of two runs, told three times"


def test_dedupe_says_how_often() -> None:
    stream = [at("a", {"score": n}, episode=e, stage=s, player=p) for n, e, s, p in (
        (1, "1.0", "1", "x"), (1, "1.0", "1", "x"), (2, "1.0", "2", "x"), (2, "2.0", "2", "x"), (3, "3.0", "2", "y")
    )]  # fmt: skip
    happened = {"event_happened": "a"}
    expected = {"once_per_run": [0, 3, 4], "once_per_stage": [0, 2, 3, 4], "once": [0, 4], "best_only": [0, 2, 4]}
    assert {dedupe: fired(feat(happened, dedupe=dedupe), *stream) for dedupe in expected} == expected


def test_the_best_is_most_for_fame_and_least_for_shame_unless_stated() -> None:
    stream = [at("end", {"score": n}, episode=f"{i}.0") for i, n in enumerate((5, 3, 9, 3, 1))]
    end = {"event_happened": "end"}
    assert fired(feat(end, dedupe="best_only"), *stream) == [0, 2]
    assert fired(feat(end, dedupe="best_only", hall="shame"), *stream) == [0, 1, 4]
    score = {"payload": "score", "direction": "min"}
    assert fired(feat(end, dedupe="best_only", score=score), *stream) == [0, 1, 4]


def test_a_run_starts_with_its_ids_and_with_run_start() -> None:
    two = feat({"counter_gte": ["gold", 2]})
    gold = count("gold")
    assert fired(two, gold, at("run_start"), gold, gold) == [3], "the start event opens the run"
    assert fired(two, at("run_start"), gold, gold, at("run_start"), gold, gold) == [2, 5], "a second one begins another"
    keys = [v.evidence["seen_key"] for v in verdicts(two, at("run_start"), gold, gold, at("run_start"), gold, gold)]
    assert keys == ["run/1.0", "run/1.0#2"]


def test_a_stage_starts_with_its_id_and_with_stage_start() -> None:
    one = feat({"counter_gte": ["gold", 1]}, scope="stage", dedupe="once_per_stage")
    stream = [count("gold", stage="1"), at("stage_start", {"biome": "crypt"}, stage="2"), count("gold", stage="2")]
    stream += [at("stage_start", stage="2"), count("gold", stage="2"), count("gold", stage="")]
    found = verdicts(one, *stream)
    assert [v.evidence["seen_key"] for v in found] == ["run/1.0/1", "run/1.0/2", "run/1.0/2#2"]
    assert [v.evidence["biome"] for v in found] == [None, "crypt", None]
    assert [v.stage for v in found] == ["1", "2", "2"]


def test_a_verdict_says_what_when_where_and_why() -> None:
    (verdict,) = verdicts(feat({"event_happened": "boss_defeated"}), at("boss_defeated", {"biome": "crypt"}, s=2))
    assert (verdict.name, verdict.run, verdict.episode, verdict.stage, verdict.lane) == ("f", "run", "1.0", "1", 0)
    assert verdict.tick == 2 * HZ
    assert verdict.evidence == {
        "seq": 0,
        "event_id": "run/1.0/0",
        "event_type": "boss_defeated",
        "payload": {"biome": "crypt"},
        "seen_key": "run/1.0",
        "instance_id": "player",
        "score": None,
        "biome": "crypt",
        "ts": None,
    }


# What is told beside verdicts.


def test_progress_is_0_to_1_of_every_feat_in_a_lane() -> None:
    feats = (
        feat({"counter_gte": ["gold", 20]}, name="gold"),
        feat({"and": [{"counter_gte": ["gold", 10]}, {"event_happened": "end"}]}, name="both"),
        feat({"and": [{"count_gte": ["a", 4]}, {"not": {"event_happened": "hurt"}}]}, name="unhurt"),
        feat(
            {"any_k_of": [2, [{"count_gte": ["a", 2]}, {"count_gte": ["b", 2]}, {"count_gte": ["c", 2]}]]}, name="two"
        ),
        feat({"event_happened": "a"}, name="done"),
    )
    judge = FeatJudge(feats, tick_hz=HZ)
    memory, _ = judge.update(judge.init(2), [count("gold", 5), at("a"), at("b"), at("b")])
    assert judge.progress(memory, 0, "player") == {"gold": 0.25, "both": 0.25, "unhurt": 0.25, "two": 0.75, "done": 1.0}
    assert set(judge.progress(memory, 1).values()) == {0.0}
    memory, _ = judge.update(memory, [at("hurt")])
    assert judge.progress(memory, 0, "player")["unhurt"] == 0.0


def test_rarity_is_the_share_of_runs_that_unlocked_it() -> None:
    judge = FeatJudge((feat({"event_happened": "a"}, name="a"), feat({"event_happened": "b"}, name="b")), tick_hz=HZ)
    memory = judge.init(1)
    assert judge.rarity(memory) == {}
    stream = [at("a", episode=f"{n}.0") for n in range(4)] + [at("b", episode="3.0"), at("b", episode="3.0")]
    memory, _ = judge.update(memory, stream)
    assert judge.rarity(memory) == {"a": 1.0, "b": 0.25}


def test_a_leaderboard_holds_every_players_best() -> None:
    judge = FeatJudge((feat({"event_happened": "end"}, dedupe="best_only"),), tick_hz=HZ)
    stream = [at("end", {"score": n}, player=p, lane=lane) for n, p, lane in ((5, "x", 0), (9, "y", 1), (7, "x", 0))]
    memory, found = judge.update(judge.init(2), stream)
    assert [v.evidence["score"] for v in found] == [5, 9]
    (board,) = judge.leaderboards(memory).values()
    assert [(row["instance_id"], row["score"]) for row in board] == [("y", 9), ("x", 7)]
    memory, found = judge.update(memory, [at("end", player="z", lane=2), at("end", {"score": float("nan")}, lane=3)])
    (board,) = judge.leaderboards(memory).values()
    assert [row["score"] for row in board] == [9, 7, None, None], "no score is the worst, and no number is no score"
    assert judge.load(judge.save(memory)) == memory
