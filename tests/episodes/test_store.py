from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ludus.core import files
from ludus.core.errors import FileFormatError, InputError
from ludus.core.types import Episode, Event, Trace
from ludus.episodes import manifest
from ludus.episodes.recorder import Recording
from ludus.episodes.steps import Steps
from ludus.episodes.store import Store
from ludus.episodes.trace import EpisodeTrace
from tests.episodes.lines import line, video_file


def recording(id: str = "walk__7__0", *, events: bool = True) -> Recording:  # noqa: A002 - the manifest's word
    actions = np.array([1, 2, 0])
    steps = Steps(actions, np.ones(3, np.float32), np.arange(3) * 24, True, False)
    happened = (Event("arrived", {}, "run", id, "row", 0, 48),) if events else ()
    trace = EpisodeTrace(id, "walk", Trace((7,), "moves", actions[:, None], "0" * 32))
    return Recording(trace, steps, happened, np.zeros((4, 5), np.uint8))


def saved(store: Store, *, events: bool = True) -> Episode:
    (parts,) = store.save([recording(events=events)])
    episode = replace(manifest.from_json(line()), files=parts)
    store.append([episode])
    return episode


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(tmp_path / "deep" / "run", shades=(255, 0))
    made.make()
    return made


def test_an_episode_is_files_and_then_a_line(store: Store) -> None:
    episode = saved(store)
    assert store.episodes() == [episode]
    assert store.damage(episode, deep=True) == {}
    found = sorted(str(path.relative_to(store.root)) for path in store.root.rglob("*") if path.is_file())
    stem = "walk__7__0"
    assert found == [
        "episodes.jsonl",
        f"steps/{stem}.events.jsonl",
        f"steps/{stem}.parquet",
        f"thumbs/{stem}.png",
        f"traces/{stem}.json",
    ]


def test_where_nothing_happened_there_is_no_file_of_events(store: Store) -> None:
    assert set(saved(store, events=False).files) == {"trace", "steps"}


@pytest.mark.parametrize("part", ["trace", "steps", "events"])
def test_damage_names_the_part(store: Store, part: str) -> None:
    episode = saved(store)
    path = store.root / episode.files[part].path
    data = path.read_bytes()
    path.write_bytes(data[:-1])
    assert f"has {len(data) - 1} bytes, expected {len(data)}" in store.damage(episode)[part]
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert store.damage(episode) == {}
    assert "sha256" in store.damage(episode, deep=True)[part]
    path.unlink()
    assert store.damage(episode).keys() == {part}
    assert "is not there" in store.damage(episode)[part]


def test_a_missing_video_is_damage_and_a_skipped_one_is_not(store: Store) -> None:
    episode = saved(store)
    assert store.damage(replace(episode, video=video_file())).keys() == {"video"}


def test_a_path_that_leaves_the_folder_is_damage(store: Store) -> None:
    episode = saved(store)
    outside = replace(episode.files["trace"], path="../../outside.json")
    (store.root.parent.parent / "outside.json").write_bytes((store.root / episode.files["trace"].path).read_bytes())
    assert "outside" in store.damage(replace(episode, files={"trace": outside}))["trace"]


def test_settling_puts_one_line_for_each_episode_in_order(store: Store) -> None:
    episodes = [replace(manifest.from_json(line()), id=f"walk__{k}__{k}", index=k) for k in (2, 10, 0, 2)]
    store.append(episodes)
    assert [episode.index for episode in store.settle()] == [0, 2, 10]
    lines = files.read_jsonl(store.root / "episodes.jsonl")
    assert [told["episode_idx"] for told in lines] == [0, 2, 10]


def test_a_folder_is_one_process_s_at_a_time(store: Store) -> None:
    with store.locked(), pytest.raises(InputError, match="another process"), Store(store.root).locked():
        raise AssertionError
    with store.locked():
        pass


def test_clearing_deletes_the_run_and_nothing_else(store: Store) -> None:
    saved(store)
    store.write_run({"run_id": "walk"})
    (store.root / "mine.txt").write_text("mine")
    store.clear()
    assert [path.name for path in store.root.iterdir()] == ["mine.txt"]


def test_sweeping_deletes_what_a_killed_process_left_half_written(store: Store) -> None:
    episode = saved(store)
    half = store.root / "traces" / f".walk__8__1.json.{'0' * 32}"
    half.write_bytes(b"{")
    (store.root / ".mine").write_bytes(b"")
    store.sweep()
    assert not half.exists()
    assert (store.root / ".mine").exists()
    assert store.damage(episode, deep=True) == {}


def test_the_files_are_on_the_disk_before_the_line(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    sync = os.fsync

    def watched(descriptor: int) -> None:
        written.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    saved(store)
    assert written[-1].endswith("episodes.jsonl")
    assert {"traces", "steps"} <= {Path(path).name for path in written[:-1]}


def test_a_folder_that_cannot_be_made_is_an_error_that_names_it(tmp_path: Path) -> None:
    """Edge case of seed 002: output paths that are not writable."""
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"cannot write .*file"):
        Store(tmp_path / "file" / "run").make()


def test_a_full_disk_is_an_error_that_says_what_to_do(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match="No space left on device; mend that, and the same command goes on"):
        store.save([recording()])
    assert store.episodes() == []


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema_version": 2}'])
def test_a_foreign_run_json_is_an_error_that_names_it(store: Store, text: str) -> None:
    (store.root / "run.json").write_text(text)
    with pytest.raises(FileFormatError, match=r"run\.json"):
        store.run()


def test_run_json_comes_back(store: Store) -> None:
    assert store.run() is None
    store.write_run({"run_id": "walk"})
    assert store.run() == {"schema_version": 1, "run_id": "walk"}
