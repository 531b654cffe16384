"""FR-004 and FR-013 of seed 002, acceptance scenario 5: the manifest, its schema, and what the schema refuses."""

from __future__ import annotations

import json
from importlib.resources import files as resources
from pathlib import Path
from typing import Any

import pytest

from ludus.core.errors import FileFormatError
from ludus.episodes import manifest
from tests.episodes.lines import XXH3, artefact, clip, clip_file, line, no_video, video_file, without

CODES = json.loads(manifest.SCHEMA.read_text())["$defs"]["reason"]["properties"]["code"]["enum"]
GOOD = {
    "plain": line(),
    "no events": line(events={}, files=without(line()["files"], "events")),
    "no steps": line(steps=0, ticks=0, video=no_video("no-frames")),
    "negative seed": line(id="walk__-7__0", seed=-7),
    "video": line(video=video_file()),
    "video with notes": line(video=video_file(notes="padded")),
    "video that fell back": line(
        video=video_file(renderer="synthetic", fallback_reason={"code": "renderer-unavailable", "detail": "vectors"})
    ),
    "video of zero frames": line(video=video_file(frames=0)),
    "recovered": line(video=video_file(status="recovered", reason={"code": "worker-crashed", "detail": "killed"})),
    "failed": line(video=no_video("disk-full", status="failed")),
    "clips": line(clips=[clip(), clip_file()]),
} | {code: line(video=no_video(code)) for code in CODES}

BAD: dict[str, tuple[Any, str]] = {
    "no object": ([1], "$: "),
    "no id": (without(line(), "id"), "'id' is a required"),
    "no video": (without(line(), "video"), "'video' is a required"),
    "another schema version": (line(schema_version=2), "$.schema_version"),
    "an unknown field": (line(more=1), "'more' was unexpected"),
    "an id that leaves the folder": (line(id="../walk__7__0"), "$.id"),
    "a negative index": (line(episode_idx=-1), "$.episode_idx"),
    "steps in words": (line(steps="3"), "$.steps"),
    "a digest too short": (line(digest="abc"), "$.digest"),
    "an event that never happened": (line(events={"arrived": 0}), "$.events.arrived"),
    "a trace elsewhere": (line(files=line()["files"] | {"trace": artefact("/etc/passwd")}), "$.files.trace.path"),
    "an unknown file": (line(files=line()["files"] | {"more": artefact("more")}), "'more' was unexpected"),
    "a file without its digest": (line(files={"trace": without(artefact("traces/a.json"), "sha256")}), "$.files"),
    "a verdict without evidence": (line(verdicts=[without(line()["verdicts"][0], "evidence")]), "$.verdicts[0]"),
    "a time of day": (line(timing={"finished": "noon", "wall_s": 1}), "$.timing.finished"),
    "an empty video": (line(video=video_file(filesize_bytes=0)), "$.video.filesize_bytes"),
    "another format": (line(video=video_file(format="gif")), "$.video.format"),
    "negative frames": (line(video=video_file(frames=-1)), "$.video.frames"),
    "an unknown renderer": (line(video=video_file(renderer="sim_view")), "$.video.renderer"),
    "an unknown status": (line(video=video_file(status="success")), "$.video"),
    "a video without its digest": (line(video=without(video_file(), "sha256")), "'sha256' is a required"),
    "a video without its path": (line(video=without(video_file(), "path")), "'path' is a required"),
    "a video elsewhere": (line(video=video_file(path="../x.mp4")), "$.video.path"),
    "a video and a reason": (line(video=video_file(reason={"code": "no-frames", "detail": ""})), "$.video"),
    "skipped without a reason": (line(video=without(no_video(), "reason")), "'reason' is a required"),
    "skipped with a path": (line(video=no_video(path="videos/a.mp4")), "$.video"),
    "skipped for an unknown reason": (line(video=no_video("moviepy missing")), "$.video.reason.code"),
    "odd sizes": (line(video=video_file(width=161)), "$.video.width"),
    "more about the video": (line(video=video_file(more=1)), "'more' was unexpected"),
    "a clip without a file or a reason": (line(clips=[clip(skipped=None)]), "$.clips[0]"),
    "a clip with a file and a reason": (line(clips=[clip_file(skipped="disabled")]), "$.clips[0]"),
    "an empty clip": (line(clips=[clip_file(frames=0)]), "$.clips[0]: 0 is less than the minimum of 1"),
    "a clip that stands still": (line(clips=[clip(speed=0)]), "$.clips[0].speed"),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_good_line_has_no_problems(name: str) -> None:
    assert manifest.problems(GOOD[name]) == []


@pytest.mark.parametrize("name", BAD)
def test_a_bad_line_has_a_problem_at_its_place(name: str) -> None:
    bad, told = BAD[name]
    assert told in "\n".join(manifest.problems(bad))


def test_what_is_said_where_video_is_off_fits() -> None:
    assert manifest.problems(line(video=dict(manifest.OFF))) == []


def test_the_schema_ships_in_the_package() -> None:
    shipped = resources("ludus.episodes").joinpath("schema.json")
    assert json.loads(shipped.read_text())["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("name", GOOD)
def test_a_line_is_an_episode_and_back(name: str) -> None:
    assert manifest.to_json(manifest.from_json(GOOD[name])) == GOOD[name]


@pytest.mark.parametrize("bad", [[1], "text", {}, line(files=None), line(files={"trace": {"path": "a"}})])
def test_what_is_no_line_is_an_error(bad: Any) -> None:
    with pytest.raises(FileFormatError, match="line 3"):
        manifest.from_json(bad, "line 3")


def test_a_later_line_of_an_episode_replaces_the_earlier_one(tmp_path: Path) -> None:
    """FR-009: resume-aware."""
    path = tmp_path / "episodes.jsonl"
    assert manifest.read(path) == []
    first, other = line(), line(id="walk__8__1")
    again = line(**{"return": 9.0})
    manifest.append(path, [manifest.from_json(first), manifest.from_json(other)])
    manifest.append(path, [manifest.from_json(again)])
    assert [(episode.id, episode.total) for episode in manifest.read(path)] == [
        ("walk__7__0", 9.0),
        ("walk__8__1", -1.5),
    ]


def test_a_line_that_a_crash_cut_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "episodes.jsonl"
    manifest.append(path, [manifest.from_json(line())])
    with path.open("a") as file:
        file.write(json.dumps(line(id="walk__8__1"))[:-30])
    assert [episode.id for episode in manifest.read(path)] == ["walk__7__0"]


def test_untimed_lines_differ_only_in_what_was_played() -> None:
    one = line(video=video_file())
    timed = line(
        video=video_file(encode_ms_per_frame=9.0), timing={"finished": "2027-01-31T23:59:59.000Z", "wall_s": 9}
    )
    assert manifest.untimed(one) == manifest.untimed(timed)
    assert manifest.untimed(one) != manifest.untimed(line(video=video_file(frame_digest=XXH3[::-1].replace("b", "c"))))
