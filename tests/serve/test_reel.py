"""Films of a worker's newest episodes: every clip is cut, awaited, or refused with a reason."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ludus.core import rng
from ludus.core.protocols import Choice, World
from ludus.episodes._native import demux
from ludus.episodes.video.files import PART
from ludus.run.games import game_settings, open_world
from ludus.run.watching import Turns
from ludus.serve.worker.errands import Film, Unmade
from ludus.serve.worker.reel import Reel

LANES, LIMIT = 2, 60
TICKS = 24


class Played:
    """Two lanes of Pot Yard, played at random and filmed."""

    def __init__(self, folder: Path, **told: Any) -> None:
        self.world: World = open_world(game_settings("potyard", {"max_steps": LIMIT}), LANES, threads=1)
        self.reel = Reel(folder, self.world.spec, LANES, **told)
        self.watch = Turns(self.world, self.reel.follow, scenario="w", seed=0, run="r", instance="i")
        self.count = 0
        self.step = self.world.reset(seeds=0)
        self.watch(self.step, np.ones(LANES, np.bool_), None)

    def play(self, steps: int) -> None:
        for _ in range(steps):
            if (done := self.step.done).any():
                self.watch(self.world.reset(mask=done), done, None)
            actions = rng.integers(0, "reel", self.count * LANES + np.arange(LANES), high=8)
            self.step = self.world.step(actions)
            self.watch(self.step, np.ones(LANES, np.bool_), Choice(actions))
            self.count += 1


@pytest.fixture
def played(tmp_path: Path) -> Iterator[Played]:
    found = Played(tmp_path)
    yield found
    found.reel.close()
    found.world.close()


def wish(
    tick: int, *, episode: str = "w__0__0", pre_s: float = 4.0, post_s: float = 2.0, **more: Any
) -> dict[str, Any]:
    told = {"tag": "feat_x", "score": 1.0, "run_id": "r", "episode_id": episode, "tick": tick, "tick_hz": 59.7}
    return told | {"pre_s": pre_s, "post_s": post_s, "speed": 2.0} | more


def frames(made: Film | Unmade | None) -> int:
    assert isinstance(made, Film), made
    count = int(demux(made.path.read_bytes())[1])
    assert made.clip["frames"] == made.clip["end"] - made.clip["start"] <= count
    return int(made.clip["frames"])


def test_a_clip_of_an_episode_that_is_over_is_cut_out_of_its_film(played: Played) -> None:
    played.play(LIMIT + 1)
    made = played.reel.cut(wish(30 * TICKS))
    assert frames(made) == 10 + 1 + 5 and isinstance(made, Film)
    assert (made.clip["start"], made.clip["end"]) == (19, 35), "the step that led to tick 30 * 24 has frame 29"
    assert not made.clip["truncated_pre"] and not made.clip["truncated_post"]
    early, late = played.reel.cut(wish(TICKS)), played.reel.cut(wish(LIMIT * TICKS))
    assert isinstance(early, Film) and early.clip["truncated_pre"] and early.clip["start"] == 0
    assert isinstance(late, Film) and late.clip["truncated_post"] and late.clip["end"] == LIMIT


def test_a_clip_of_an_episode_under_way_waits_for_its_last_frames(played: Played) -> None:
    played.play(20)
    asked = wish(20 * TICKS, post_s=2.0)
    assert played.reel.cut(asked) is None
    played.play(LIMIT - 25)
    made = played.reel.cut(asked)  # what has been filmed may not have reached the file yet
    if made is None:
        played.play(LIMIT)
        made = played.reel.cut(asked)
    assert frames(made) == 16


def test_a_clip_of_a_long_episode_does_not_wait_for_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.serve.test_reel.LIMIT", 10_000)
    played = Played(tmp_path)
    cut = None
    while cut is None and played.count < 200:
        played.play(10)
        if played.reel._playing.get("w__0__0") is None:
            pytest.fail("random play ends the first episode before: take another seed")
        cut = played.reel.cut(wish(15 * TICKS))
    assert frames(cut) == 16 and "w__0__0" in played.reel._playing
    played.reel.close()
    played.world.close()


def test_what_a_killed_process_has_filmed_is_cut_by_the_next_one(played: Played, tmp_path: Path) -> None:
    played.play(45)
    after = tmp_path / "after"
    (after / "videos").mkdir(parents=True)
    for part in (tmp_path / "videos").glob(f".*{PART}"):
        shutil.copyfile(part, after / "videos" / part.name)
    reel = Reel(after, played.world.spec, LANES)
    assert frames(reel.cut(wish(15 * TICKS))) == 16
    lost = reel.cut(wish(50 * TICKS))
    assert isinstance(lost, Unmade) and lost.reason["code"] == "worker-crashed" and "before the moment" in str(lost)
    reel.close()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"episode": "w__0__99"}, "not-kept"),
        ({"episode": "../../etc/passwd"}, "not-ours"),
        ({"pre_s": "x"}, "unreadable"),
        ({"tick": 1_000_000}, "no-frames"),
    ],
)
def test_what_cannot_be_cut_says_why(played: Played, change: dict[str, Any], code: str) -> None:
    played.play(LIMIT + 1)
    made = played.reel.cut(wish(**{"tick": 100} | change))
    assert isinstance(made, Unmade) and made.reason["code"] == code and made.reason["detail"]


def test_an_episode_that_could_not_be_filmed_says_why(tmp_path: Path) -> None:
    (tmp_path / "videos").write_text("no folder")
    played = Played(tmp_path)
    played.play(LIMIT + 1)
    made = played.reel.cut(wish(100))
    assert isinstance(made, Unmade) and made.reason["code"] == "unwritable-path"
    played.reel.close()
    played.world.close()


def test_a_film_that_is_damaged_says_so(played: Played, tmp_path: Path) -> None:
    played.play(LIMIT + 1)
    (tmp_path / "videos" / "w__0__0.mp4").write_bytes(b"no film")
    made = played.reel.cut(wish(100))
    assert isinstance(made, Unmade) and made.reason["code"] == "unreadable"


def test_the_oldest_films_make_room(tmp_path: Path) -> None:
    played = Played(tmp_path, most_bytes=200_000)
    played.play(4 * LIMIT)
    before = len([*(tmp_path / "videos").glob("w__*.mp4")])
    assert played.reel.trim() <= 200_000
    left = {path.stem for path in (tmp_path / "videos").glob("w__*.mp4")}
    assert 0 < len(left) < before and "w__0__0" not in left
    made = played.reel.cut(wish(100))
    assert isinstance(made, Unmade) and made.reason["code"] == "not-kept"
    played.reel.close()
    played.world.close()


def test_the_newest_moments_are_the_end_of_the_last_episode(played: Played) -> None:
    nothing = played.reel.newest(tag="now", speed=1.0)
    assert isinstance(nothing, Unmade) and nothing.reason["code"] == "no-frames"
    played.play(LIMIT + 1)
    made = played.reel.newest(tag="now", speed=3.0)
    assert frames(made) == LIMIT and isinstance(made, Film) and made.clip["speed"] == 3.0


def test_films_under_way_are_finished_at_the_end(tmp_path: Path) -> None:
    played = Played(tmp_path)
    played.play(20)
    played.reel.close()
    assert frames(played.reel.cut(wish(20 * TICKS))) == 11
    played.world.close()
