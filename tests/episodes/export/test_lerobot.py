from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from ludus.core.errors import InputError
from ludus.episodes.export.lerobot import IMAGE, STATE, export_lerobot
from ludus.episodes.export.played import picture
from tests.episodes.export.data import COLOURS, LENGTHS, SHADES, SPECS, VECTORS, episodes, frame

av = pytest.importorskip("av")
ROWS = sum(LENGTHS)
VIDEO = f"videos/{IMAGE}/chunk-000/file-000.mp4"


def rows(folder: Path, name: str) -> list[dict[str, Any]]:
    return list(pq.read_table(folder / name / "chunk-000" / "file-000.parquet").to_pylist())


@pytest.mark.parametrize("name", SPECS)
def test_a_row_a_step_with_times_from_whole_numbers(tmp_path: Path, name: str) -> None:
    spec = SPECS[name]
    assert export_lerobot(tmp_path / "set", episodes(spec), spec, task="play") == ROWS
    found = rows(tmp_path / "set", "data")
    fps = json.loads((tmp_path / "set" / "meta" / "info.json").read_text())["fps"]
    assert [row["index"] for row in found] == list(range(ROWS))
    assert [row["frame_index"] for row in found] == [step for steps in LENGTHS for step in range(steps)]
    assert [row["episode_index"] for row in found] == [n for n, steps in enumerate(LENGTHS) for _ in range(steps)]
    assert [row["timestamp"] for row in found] == [np.float32(row["frame_index"] / fps) for row in found]
    assert [row["next.done"] for row in found] == [step == steps - 1 for steps in LENGTHS for step in range(steps)]
    assert [row["next.truncated"] for row in found].count(True) == 1
    told = [number for episode in episodes(spec) for number in episode.actions.tolist()]
    assert [row["action"] for row in found] == told


def test_the_video_shows_shades_exactly_and_each_episode_knows_its_part(tmp_path: Path) -> None:
    export_lerobot(tmp_path / "set", episodes(SHADES), SHADES, task="play")
    with av.open(str(tmp_path / "set" / VIDEO)) as file:
        shown = [image.to_ndarray(format="gray") for image in file.decode(video=0)]
    seen = [frame(SHADES, number, step) for number, steps in enumerate(LENGTHS) for step in range(steps)]
    assert len(shown) == ROWS
    for image, before in zip(shown, seen, strict=True):
        assert np.array_equal(image[:9, :12], np.array(SHADES.shades)[before])
    parts = [
        (row[f"videos/{IMAGE}/from_timestamp"], row[f"videos/{IMAGE}/to_timestamp"])
        for row in rows(tmp_path / "set", "meta/episodes")
    ]
    assert parts == [(0.0, 2.5), (2.5, 3.0), (3.0, 7.0)]  # at 2 frames a second, of 2.5 steps


def test_vectors_have_no_video(tmp_path: Path) -> None:
    export_lerobot(tmp_path / "set", episodes(VECTORS), VECTORS, task="play")
    found = rows(tmp_path / "set", "data")
    assert found[0][STATE] == pytest.approx(frame(VECTORS, 0, 0).tolist())
    assert not (tmp_path / "set" / "videos").exists()
    info = json.loads((tmp_path / "set" / "meta" / "info.json").read_text())
    assert info["video_path"] is None
    assert info["features"][STATE]["shape"] == [3]


@pytest.mark.parametrize("spec", [SHADES, COLOURS], ids=["dots", "colours"])
def test_statistics_are_those_of_the_rows_and_pictures(tmp_path: Path, spec: Any) -> None:
    export_lerobot(tmp_path / "set", episodes(spec), spec, task="play")
    stats = json.loads((tmp_path / "set" / "meta" / "stats.json").read_text())
    rewards = np.concatenate([episode.reward for episode in episodes(spec)])
    assert stats["next.reward"]["mean"] == pytest.approx([rewards.mean()])
    assert stats["next.reward"]["q90"] == pytest.approx([np.quantile(rewards, 0.9)])
    seen = np.stack(
        [picture(frame(spec, n, step), spec) for n, steps in enumerate(LENGTHS) for step in range(steps)]  # type: ignore[arg-type]
    )
    pixels = seen.reshape(-1, 3) / 255
    assert np.ravel(stats[IMAGE]["mean"]) == pytest.approx(pixels.mean(0))
    assert np.ravel(stats[IMAGE]["std"]) == pytest.approx(pixels.std(0), abs=1e-6)
    assert np.ravel(stats[IMAGE]["min"]) == pytest.approx(pixels.min(0))
    assert np.ravel(stats[IMAGE]["max"]) == pytest.approx(pixels.max(0))
    assert np.ravel(stats[IMAGE]["q50"]) == pytest.approx(np.quantile(pixels, 0.5, axis=0, method="inverted_cdf"))
    assert stats[IMAGE]["count"] == [ROWS]


def test_files_of_a_full_size_are_followed_by_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ludus.episodes.export.lerobot.DATA_MB", 0)
    monkeypatch.setattr("ludus.episodes.export.lerobot.CHUNK_FILES", 2)
    export_lerobot(tmp_path / "set", episodes(SHADES), SHADES, task="play")
    found = sorted(str(path.relative_to(tmp_path / "set" / "data")) for path in tmp_path.rglob("data/*/*.parquet"))
    assert found == ["chunk-000/file-000.parquet", "chunk-000/file-001.parquet", "chunk-001/file-000.parquet"]
    places = [(row["data/chunk_index"], row["data/file_index"]) for row in rows(tmp_path / "set", "meta/episodes")]
    assert places == [(0, 0), (0, 1), (1, 0)]


def test_a_folder_in_use_is_refused(tmp_path: Path) -> None:
    (tmp_path / "kept").touch()
    with pytest.raises(InputError, match="is there already"):
        export_lerobot(tmp_path, episodes(SHADES), SHADES, task="play")
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


READER = """
import sys, json
from lerobot.datasets.lerobot_dataset import LeRobotDataset
data = LeRobotDataset("ludus/test", root=sys.argv[1], video_backend="pyav", tolerance_s=1e-4)
rows = [data[i] for i in range(len(data))]
print(json.dumps({
    "episodes": data.num_episodes, "frames": data.num_frames, "task": rows[0]["task"],
    "keys": sorted(rows[0]), "reward": [float(row["next.reward"]) for row in rows],
    "grey": [float(row["observation.image"].mean()) for row in rows] if "observation.image" in rows[0] else [],
    "mean": data.meta.stats["next.reward"]["mean"].tolist(),
}))
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", SPECS)
def test_the_lerobot_library_opens_it(tmp_path: Path, name: str, request: pytest.FixtureRequest) -> None:
    python = request.config.getoption("--lerobot-python")
    if not python:
        pytest.skip("needs --lerobot-python PATH, a Python that has lerobot 0.4 (it pins versions that Ludus does not)")
    spec = SPECS[name]
    export_lerobot(tmp_path / "set", episodes(spec), spec, task="play")
    command = [str(python), "-c", READER, str(tmp_path / "set")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={"HF_HUB_OFFLINE": "1"})
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert (told["episodes"], told["frames"], told["task"]) == (len(LENGTHS), ROWS, "play")
    assert told["reward"] == [float(step) for steps in LENGTHS for step in range(steps)]
    if spec.pictures:
        seen = [frame(spec, n, step) for n, steps in enumerate(LENGTHS) for step in range(steps)]
        greys = [picture(image, spec).mean() / 255 for image in seen]  # type: ignore[arg-type]
        assert told["grey"] == pytest.approx(greys, abs=0.05)  # the library pads odd sizes and reads 4:2:0
