"""Videos of evaluation batches. The test of each requirement of seed 002 names it."""

from __future__ import annotations

import logging
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ludus
from ludus.core import files
from ludus.core.types import Episode
from ludus.episodes import manifest
from ludus.run import recording
from ludus.run.actors import PolicyActor
from ludus.run.evaluate import evaluate
from ludus.run.filming import video_settings
from ludus.run.games import GameSettings, open_world
from ludus.run.loop import play
from ludus.run.policies import make_policy
from tests.run.seats import seats
from tests.run.test_loop import BornDead

BATCH: dict[str, Any] = {"episodes": 2, "max_steps": 40, "seed": 3}
POTYARD: dict[str, Any] = BATCH | {"game": "potyard", "video_enabled": True, "video_renderer": "sim-view"}
DOTS = "tests.gym_games:Dots-v0"


def lines(out: Path) -> list[dict[str, Any]]:
    told = files.read_jsonl(out / "episodes.jsonl")
    assert [problem for line in told for problem in manifest.problems(line)] == []
    return [manifest.untimed(line) for line in told]


def without_video(told: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for key, value in line.items() if key != "video"} for line in told]


def decoded(path: Path) -> list[Any]:
    av = pytest.importorskip("av", reason="PyAV is not installed: pip install 'ludus[video]'")
    with av.open(str(path)) as film:
        return [frame.to_ndarray(format="gray") for frame in film.decode(video=0)]


def check_films(out: Path, episodes: tuple[Episode, ...], renderer: str) -> None:
    for episode in episodes:
        video = episode.video
        assert (video["status"], video["renderer"], video["format"]) == ("ok", renderer, "mp4")
        path = out / video["path"]
        assert path.name == f"{episode.id}.mp4"
        assert path.stat().st_size == video["filesize_bytes"] > 0
        assert len(decoded(path)) == video["frames"] == episode.steps > 0


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A micro-batch with video."""
    out = tmp_path_factory.mktemp("whole")
    evaluate(out=out, lanes=1, **POTYARD)
    return out


def test_a_micro_batch_has_a_film_of_every_episode_with_a_frame_for_every_step(whole: Path) -> None:
    """Acceptance scenarios 1, 3 and 5, FR-001, FR-004, FR-005 and FR-015."""
    lines(whole)
    check_films(whole, tuple(manifest.read(whole / "episodes.jsonl")), "sim-view")
    assert sorted(path.name for path in (whole / "videos").iterdir()) == ["potyard__3__0.mp4", "potyard__4__1.mp4"]


def test_the_game_s_own_picture_is_filmed_exactly(whole: Path) -> None:
    from ludus.episodes.trace import unpack
    from ludus.run.replay import replay, script

    episode = manifest.read(whole / "episodes.jsonl")[0]
    world = open_world(GameSettings(game="potyard", max_steps=40), 1)
    told = script(unpack((whole / episode.files["trace"].path).read_bytes(), "trace"))
    shown = [turn.step.frames[0] for turn, _ in replay(world, [told]) if turn.choice]
    luma = np.array([235, 162, 89, 16])
    for ours, theirs in zip(shown, decoded(whole / episode.video["path"]), strict=True):
        # gray of a limited-range picture is its luma, spread to 0 to 255
        np.testing.assert_allclose(theirs, (luma[ours] - 16) * 255 / 219, atol=1)


def test_video_changes_nothing_but_the_video(whole: Path, tmp_path: Path) -> None:
    """FR-012: same metrics, same digests, same files."""
    evaluate(out=tmp_path, **(POTYARD | {"video_enabled": False}))
    assert without_video(lines(tmp_path)) == without_video(lines(whole))


@pytest.mark.parametrize("more", [{"lanes": 2}, {"lanes": 1, "workers": 2}], ids=str)
def test_films_are_the_same_for_any_lanes_and_workers(whole: Path, tmp_path: Path, more: dict[str, Any]) -> None:
    """FR-009."""
    evaluate(out=tmp_path, **POTYARD, **more)
    assert lines(tmp_path) == lines(whole)


def test_a_run_that_is_left_in_the_middle_goes_on_in_the_same_process(whole: Path, tmp_path: Path) -> None:
    """Films that are over and that nobody has told of yet are let go of, and made again."""
    game = GameSettings(game="potyard", max_steps=40)
    plan = recording.Plan(
        game, "potyard", "random", 3, tmp_path, "left", 2, video=video_settings(True, "sim-view", "fast")
    )
    with closing(open_world(game, 2)) as world, closing(recording._Session(plan, world)) as session:
        actor = PolicyActor(make_policy("random", game, world.spec), world.spec, 2)
        for turn in play(world, actor, map(plan.opening, range(9))):
            session.follow(turn)
            if session.finished:
                break
        assert session.finished and not list((tmp_path / "videos").glob("*.mp4")), "it is not counted yet"
    assert [path.name for path in (tmp_path / "videos").glob(".*")] == []
    evaluate(out=tmp_path, **POTYARD)
    assert lines(tmp_path) == lines(whole)


def test_without_video_nothing_of_it_is_imported_or_made(tmp_path: Path) -> None:
    """Acceptance scenario 2, FR-002."""
    command = ["eval", "potyard", "--no-video", "--episodes", "2", "--max-steps", "5", "--out", str(tmp_path)]
    video = ("av", "ludus.episodes.video", "ludus.episodes._native")
    code = f"""
import sys
from ludus import cli
assert cli.main({command!r}) == 0
print([name for name in sys.modules if name.startswith({video!r})])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert not (tmp_path / "videos").exists()
    assert {line["video"]["reason"]["code"] for line in lines(tmp_path)} == {"disabled"}


# Renderers


@pytest.mark.parametrize(
    ("game", "more", "renderer"),
    [
        ("potyard", {}, "synthetic"),
        (DOTS, {"video_renderer": "sim-view"}, "sim-view"),
        (DOTS, {}, "synthetic"),
        ("CartPole-v1", {"show": "vector"}, "synthetic"),
    ],
)
def test_every_kind_of_world_is_filmed(tmp_path: Path, game: str, more: dict[str, Any], renderer: str) -> None:
    """FR-003 and FR-010: two frame sources, chosen by a flag; synthetic unless asked otherwise."""
    found = evaluate(game, out=tmp_path, **BATCH, video_enabled=True, **more)
    check_films(tmp_path, found.episodes, renderer)
    assert ludus.verify(tmp_path).faults == {}
    assert lines(tmp_path)


@pytest.mark.parametrize("game", ["CartPole-v1", "ALE/Breakout-v5", "MiniGrid-Empty-Random-5x5-v0"])
def test_gymnasium_s_own_pictures_are_filmed(tmp_path: Path, game: str) -> None:
    """FR-003, in colours."""
    pytest.importorskip("ale_py", reason="the games are not installed: pip install 'ludus[games,video]'")
    found = evaluate(game, out=tmp_path, **BATCH, video_enabled=True, video_renderer="sim-view")
    check_films(tmp_path, found.episodes, "sim-view")
    assert ludus.verify(tmp_path).faults == {}


def test_a_world_without_pictures_falls_back_to_what_is_drawn(tmp_path: Path) -> None:
    """Edge case: sim-view is not available."""
    found = evaluate("CartPole-v1", out=tmp_path, **BATCH, show="vector", video_enabled=True, video_renderer="sim-view")
    check_films(tmp_path, found.episodes, "synthetic")
    for line in lines(tmp_path):
        assert line["video"]["requested"] == "sim-view"
        assert line["video"]["fallback_reason"]["code"] == "renderer-unavailable"


def test_the_renderer_none_films_nothing(tmp_path: Path) -> None:
    evaluate(out=tmp_path, **(POTYARD | {"video_renderer": "none"}))
    assert {line["video"]["reason"]["code"] for line in lines(tmp_path)} == {"renderer-none"}
    assert not (tmp_path / "videos").exists()


# What goes wrong does not stop the batch


def test_without_an_encoder_there_is_a_reason_and_no_film(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Edge case: the codec is missing. FR-006."""
    monkeypatch.setitem(sys.modules, "av", None)
    monkeypatch.delitem(sys.modules, "ludus.episodes.video.colour", raising=False)
    with caplog.at_level(logging.WARNING):
        found = evaluate(DOTS, out=tmp_path, **BATCH, video_enabled=True, video_renderer="sim-view")
    assert len(found.episodes) == 2
    assert {line["video"]["reason"]["code"] for line in lines(tmp_path)} == {"encoder-missing"}
    assert "PyAV is not installed" in caplog.text


def test_a_folder_of_videos_that_cannot_be_written_is_a_reason(
    whole: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Edge case: the output path is not writable. FR-006."""
    (tmp_path / "videos").write_text("a file is in the way")
    with caplog.at_level(logging.WARNING):
        evaluate(out=tmp_path, **POTYARD)
    assert {line["video"]["reason"]["code"] for line in lines(tmp_path)} == {"unwritable-path"}
    assert without_video(lines(tmp_path)) == without_video(lines(whole))
    assert "potyard__3__0" in caplog.text


def test_an_episode_without_steps_has_no_film_and_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Edge case: no frames are captured. FR-011."""
    monkeypatch.setattr(recording, "open_world", lambda _, lanes, threads: BornDead(lanes))
    evaluate("potyard", out=tmp_path, episodes=4, lanes=2, video_enabled=True)
    codes = [line["video"].get("reason", {}).get("code") for line in lines(tmp_path)]
    assert codes == ["no-frames", None, "no-frames", None]
    assert len(list((tmp_path / "videos").glob("*.mp4"))) == 2


# Going on


def test_what_was_played_without_video_is_filmed_from_its_traces(whole: Path, tmp_path: Path) -> None:
    evaluate(out=tmp_path, **(POTYARD | {"video_enabled": False}))
    found = evaluate(out=tmp_path, **POTYARD)
    assert (found.played, found.filmed) == (0, 2)
    assert lines(tmp_path) == lines(whole)


@pytest.mark.parametrize("how", ["gone", "cut", "flipped"])
def test_a_damaged_film_is_made_again_and_nothing_else(whole: Path, tmp_path: Path, how: str) -> None:
    evaluate(out=tmp_path, **POTYARD)
    told = files.read_jsonl(tmp_path / "episodes.jsonl")
    path = tmp_path / "videos" / "potyard__3__0.mp4"
    data = path.read_bytes()
    path.unlink()
    if how != "gone":
        path.write_bytes(data[:-1] if how == "cut" else data[:-1] + bytes([data[-1] ^ 1]))
    assert "potyard__3__0" in ludus.verify(tmp_path).faults
    found = evaluate(out=tmp_path, verify=how == "flipped", **POTYARD)
    assert (found.played, found.filmed) == (0, 1)
    assert path.read_bytes() == data
    again = files.read_jsonl(tmp_path / "episodes.jsonl")
    assert [line["timing"] for line in again] == [line["timing"] for line in told]
    assert ludus.verify(tmp_path).faults == {}


def test_values_are_drawn_the_same_when_an_episode_is_filmed_later(tmp_path: Path) -> None:
    told = POTYARD | {"video_renderer": "synthetic", "policy": "tests.run.policies:telling"}
    evaluate(out=tmp_path / "live", **told)
    evaluate(out=tmp_path / "later", **(told | {"video_enabled": False}))
    evaluate(out=tmp_path / "later", **told)
    assert lines(tmp_path / "later") == lines(tmp_path / "live")


def test_another_renderer_films_again(whole: Path, tmp_path: Path) -> None:
    evaluate(out=tmp_path, **(POTYARD | {"video_renderer": "synthetic"}))
    assert evaluate(out=tmp_path, **POTYARD).filmed == 2
    assert lines(tmp_path) == lines(whole)
    assert evaluate(out=tmp_path, **POTYARD).filmed == 0


def test_an_episode_that_shows_something_else_now_gets_no_film(tmp_path: Path) -> None:
    evaluate(out=tmp_path, **(POTYARD | {"video_enabled": False}))
    told = files.read_jsonl(tmp_path / "episodes.jsonl")
    told[0]["digest"] = "0" * 32
    files.write_jsonl(tmp_path / "episodes.jsonl", told)
    evaluate(out=tmp_path, **POTYARD)
    first, second = lines(tmp_path)
    assert (first["video"]["status"], first["video"]["reason"]["code"]) == ("failed", "verify-mismatch")
    assert second["video"]["status"] == "ok"
    assert [path.name for path in (tmp_path / "videos").iterdir()] == ["potyard__4__1.mp4"]


def test_what_a_killed_process_was_filming_is_swept(whole: Path, tmp_path: Path) -> None:
    evaluate(out=tmp_path, **(POTYARD | {"episodes": 1}))
    part = tmp_path / "videos" / ".potyard__4__1.part.mp4"
    part.write_bytes(b"\0" * 100)
    evaluate(out=tmp_path, **POTYARD)
    assert lines(tmp_path) == lines(whole)
    assert len(list((tmp_path / "videos").iterdir())) == 2


# Clips


def judged(out: Path, **more: Any) -> list[Episode]:
    evaluate(out=out, judges=seats(n=20), **(POTYARD | more))
    return manifest.read(out / "episodes.jsonl")


def test_what_judges_want_filmed_is_cut_out_of_the_video_frame_for_frame(tmp_path: Path) -> None:
    found = judged(tmp_path)
    assert lines(tmp_path)
    clips = [(episode, clip) for episode in found for clip in episode.clips]
    assert clips
    for episode, clip in clips:
        assert clip.path == f"clips/{episode.id}__f{clip.start}-{clip.end}__third.mp4"
        whole = decoded(tmp_path / episode.video["path"])
        for ours, theirs in zip(decoded(tmp_path / clip.path), whole[clip.start : clip.end], strict=True):
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("more", [{"video_enabled": False}, {"video_enabled": True}], ids=["without", "with"])
def test_clips_that_are_missing_are_made_when_the_run_goes_on(tmp_path: Path, more: dict[str, Any]) -> None:
    before = judged(tmp_path / "one")
    judged(tmp_path / "other", **more)
    for path in (tmp_path / "other" / "clips").glob("*"):
        path.unlink()
    assert [episode.clips for episode in judged(tmp_path / "other")] == [episode.clips for episode in before]
    assert lines(tmp_path / "other") == lines(tmp_path / "one")
