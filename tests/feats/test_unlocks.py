"""Unlocks: their record, their halls, and the file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ludus.core.errors import FileFormatError
from ludus.feats.unlocks import Unlocks, record
from tests.feats.told import at, feat, verdicts

CLIP = {"pre_s": 12, "post_s": 6, "speed": 3.0}
FALL = feat({"event_happened": "fall"}, name="shame.fall", tier="major", hall="shame", clip=CLIP, points=7)
WIN = feat({"event_happened": "win"}, name="win", dedupe="once_per_stage")


def test_a_record_has_the_fields_of_feat_unlocked() -> None:
    (verdict,) = verdicts(FALL, at("fall", {"biome": "crypt", "score": 4}, s=1, stage="3"))
    assert record(FALL, verdict) == {
        "feat_id": "shame.fall",
        "name": "F",
        "tier": "major",
        "hall": "shame",
        "scope": "run",
        "points": 7,
        "seen_key": "run/1.0",
        "ts": None,
        "tick": 60,
        "run_id": "run",
        "episode_id": "1.0",
        "instance_id": "player",
        "stage": "3",
        "biome": "crypt",
        "score": 4,
        "clip": {"pre_s": 12.0, "post_s": 6.0, "speed": 3.0},
        "evidence": {"event_id": "run/1.0/0", "event_type": "fall", "payload": {"biome": "crypt", "score": 4}},
        "clip_status": "pending",
    }


def test_the_halls_hold_the_newest_first() -> None:
    kept = Unlocks()
    for verdict in verdicts((FALL, WIN), at("win", stage="1"), at("fall"), at("win", stage="2")):
        kept.add(FALL if verdict.name == FALL.id else WIN, verdict)
    assert [row["feat_id"] for row in kept.hall("shame")] == ["shame.fall"]
    assert [row["stage"] for row in kept.hall("fame")] == ["2", "1"]
    assert [row["stage"] for row in kept.hall("fame", limit=1)] == ["2"]


def test_the_file_is_the_seeds_with_what_a_restart_needs(tmp_path: Path) -> None:
    path = tmp_path / "checkpoints" / "feats_unlocks.json"
    kept = Unlocks(path)
    (verdict,) = verdicts(WIN, at("win"))
    made = kept.add(WIN, verdict)
    kept.memory = "{}"
    kept.save()
    assert json.loads(path.read_text()) == {
        "unlocks": [made],
        "seen": {WIN.key: ["run/1.0/1"]},
        "memory": "{}",
    }
    again = Unlocks(path)
    assert (again.records, again.memory) == ([made], "{}")
    assert again.add(WIN, verdict) is None
    path.write_text(json.dumps({"unlocks": [made]}))
    assert Unlocks(path).records == [made], "the predecessor's file"


def test_a_changed_feat_may_be_unlocked_again(tmp_path: Path) -> None:
    kept = Unlocks()
    easier = feat({"or": [{"event_happened": "win"}, {"event_happened": "draw"}]}, name="win", dedupe="once_per_stage")
    assert kept.add(WIN, verdicts(WIN, at("win"))[0])
    assert kept.add(easier, verdicts(easier, at("win"))[0])


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"unlocks": 3}', '{"unlocks": [3]}', '{"unlocks": [{"hall": "fame"}]}']
)
def test_a_file_that_holds_something_else_is_refused_and_left_as_it_is(tmp_path: Path, text: str) -> None:
    path = tmp_path / "u.json"
    path.write_text(text)
    with pytest.raises(FileFormatError, match=r"u.json: .*move the file away"):
        Unlocks(path)
    assert path.read_text() == text


def test_without_a_path_nothing_is_written() -> None:
    Unlocks().save()
