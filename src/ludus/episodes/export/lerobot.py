"""Export to LeRobotDataset v3.0, written with pyarrow and PyAV alone; the LeRobot library is needed only to read it.

Source: the layout that lerobot 0.4 writes and reads. Frame t of the data set is what the player saw before action t,
so an episode of T steps has T rows. LeRobot knows whole frames a second only, so time there is the step's number over
`fps`, and `step_hz` in `meta/info.json` tells how many steps make a second of the game.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from ludus.core import files
from ludus.core.extras import from_extra
from ludus.core.protocols import WorldSpec
from ludus.core.types import Frames
from ludus.episodes.export import statistics
from ludus.episodes.export.played import Played, picture
from ludus.episodes.export.statistics import Statistics

IMAGE, STATE = "observation.image", "observation.state"
PATHS = {
    "data_path": "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet",
    "video_path": "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4",
}
CHUNK_FILES, DATA_MB, VIDEO_MB = 1000, 100, 200
INDEX = ("timestamp", "frame_index", "episode_index", "index", "task_index")

Columns = dict[str, npt.NDArray[Any]]
"""Name -> `[T, D]`."""


@dataclass
class _Shard:
    """Files that are being written, with the episodes that lie in them."""

    place: tuple[int, int]
    """Chunk and file."""
    video: _Video | None
    tables: list[pa.Table] = field(default_factory=list)

    @property
    def full(self) -> bool:
        filmed = 0 if self.video is None else self.video.bytes
        return filmed >= VIDEO_MB << 20 or sum(table.nbytes for table in self.tables) >= DATA_MB << 20


class _Video:
    """An MP4 of one frame a step: shades without loss, colours nearly so."""

    def __init__(self, path: Path, *, fps: int, spec: WorldSpec) -> None:
        with from_extra():
            import av
        path.parent.mkdir(parents=True, exist_ok=True)
        self.frames = self.bytes = 0
        self._make = av.VideoFrame.from_ndarray
        self._file = av.open(str(path), "w", options={"fflags": "+bitexact"})
        height, width = spec.frame_shape[:2]
        options = {"preset": "veryfast", "threads": "1", "x264-params": "scenecut=0:rc-lookahead=0"}
        self._stream = self._file.add_stream(
            "libx264", rate=fps, options=options | ({"qp": "0"} if spec.shades else {"crf": "17"})
        )
        self._stream.width, self._stream.height = width + width % 2, height + height % 2
        self._stream.pix_fmt = "yuv420p"
        self._stream.gop_size = 15  # a random frame decodes as fast as with 2, at less than half the size
        self._stream.max_b_frames = 0

    def add(self, frame: Frames) -> None:
        height, width = frame.shape[:2]
        even = np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), "edge")
        shown = self._make(np.ascontiguousarray(even), format="rgb24")
        shown.pts = self.frames
        self.frames += 1
        self._mux(shown)

    def close(self) -> None:
        self._mux(None)
        self._file.close()

    def _mux(self, shown: Any) -> None:
        packets = self._stream.encode(shown)
        self.bytes += sum(packet.size for packet in packets)
        self._file.mux(packets)


def export_lerobot(
    folder: Path, episodes: Iterable[Played], spec: WorldSpec, *, task: str, fps: int | None = None
) -> int:
    """Write a new LeRobotDataset in `folder` and give how many rows it has.

    Pictures are a video under `observation.image`, of even size; vectors `observation.state`. `fps` is by default the
    steps of a second of the game, rounded. Raises `InputError` if the folder is in use; then nothing is written.
    """
    writer = _Writer(spec, task=task, fps=max(1, round(spec.step_hz)) if fps is None else fps)
    with files.new_folder(folder) as fresh:
        for number, episode in enumerate(episodes):
            writer.add(fresh, number, episode)
        writer.finish(fresh)
    return writer.rows


class _Writer:
    def __init__(self, spec: WorldSpec, *, task: str, fps: int) -> None:
        self.rows = 0
        self._spec, self._task, self._fps = spec, task, fps
        self._shard: _Shard | None = None
        self._episodes: list[dict[str, Any]] = []
        self._columns: list[Columns] = []
        self._shown = np.zeros((3, 256), np.int64)
        self._features: dict[str, Any] = {}

    def add(self, folder: Path, number: int, episode: Played) -> None:
        steps = len(episode.actions)
        if self._shard is None or self._shard.full:
            self._shard = self._next_shard(folder)
        shard, index = self._shard, self.rows
        chunk, file = shard.place
        at = {"chunk_index": chunk, "file_index": file}
        told: dict[str, Any] = {"episode_index": number, "tasks": [self._task], "length": steps}
        told |= {f"data/{key}": value for key, value in at.items()}
        told |= {"dataset_from_index": index, "dataset_to_index": index + steps}
        seen = islice(episode.frames, steps)  # the last one comes after the last action
        found: dict[str, Statistics] = {}
        columns = self._describe(episode)
        if shard.video is None:
            columns = {STATE: np.stack(list(seen)).astype(np.float32)} | columns
        else:
            first = shard.video.frames
            found[IMAGE] = self._film(shard.video, seen, steps)
            told |= {f"videos/{IMAGE}/{key}": value for key, value in at.items()}
            told |= {f"videos/{IMAGE}/from_timestamp": first / self._fps}
            told |= {f"videos/{IMAGE}/to_timestamp": shard.video.frames / self._fps}
        columns |= self._count(number, index, steps)
        self._features = self._features or {name: _feature(name, rows) for name, rows in columns.items()}
        found |= {name: statistics.of_column(rows) for name, rows in columns.items()}
        told |= {f"stats/{name}/{key}": value for name, stats in found.items() for key, value in stats.items()}
        self._episodes.append(told | {f"meta/episodes/{key}": 0 for key in at})
        self._columns.append(columns)
        shard.tables.append(_table(columns))
        self.rows += steps

    def finish(self, folder: Path) -> None:
        self._close_shard(folder)
        meta = folder / "meta"
        (meta / "episodes" / "chunk-000").mkdir(parents=True)
        pq.write_table(pa.Table.from_pylist(self._episodes), meta / "episodes" / "chunk-000" / "file-000.parquet")
        pq.write_table(_tasks(self._task), meta / "tasks.parquet")
        names = list(self._columns[0]) if self._columns else []
        whole = {name: np.concatenate([columns[name] for columns in self._columns]) for name in names}
        stats = {name: statistics.of_column(rows) for name, rows in whole.items()}
        if self._spec.pictures and self.rows:
            stats[IMAGE] = statistics.of_pictures(self._shown, self.rows)
        for name, value in (("stats.json", stats), ("info.json", self._info())):
            (meta / name).write_text(json.dumps(value, indent=4))

    def _film(self, video: _Video, seen: Iterator[Frames], steps: int) -> Statistics:
        shown = np.zeros_like(self._shown)
        for frame in seen:
            coloured = picture(frame, self._spec)
            shown += statistics.histogram(coloured)
            video.add(coloured)
        self._shown += shown
        return statistics.of_pictures(shown, steps)

    def _describe(self, episode: Played) -> Columns:
        actions = episode.actions.reshape(len(episode.actions), -1)
        return {
            "action": actions.astype(np.int64 if actions.dtype.kind in "iu" else np.float32),
            "next.reward": episode.reward[:, None],
            "next.done": (episode.terminated | episode.truncated)[:, None],
            "next.truncated": episode.truncated[:, None],
        }

    def _count(self, number: int, index: int, steps: int) -> Columns:
        step = np.arange(steps)
        times = (step / self._fps).astype(np.float32)
        columns: tuple[npt.NDArray[Any], ...] = (times, step, np.full(steps, number), index + step, 0 * step)
        return {name: column[:, None] for name, column in zip(INDEX, columns, strict=True)}

    def _next_shard(self, folder: Path) -> _Shard:
        self._close_shard(folder)
        number = 0 if self._shard is None else self._shard.place[0] * CHUNK_FILES + self._shard.place[1] + 1
        chunk, file = divmod(number, CHUNK_FILES)
        if not self._spec.pictures:
            return _Shard((chunk, file), None)
        path = folder / PATHS["video_path"].format(video_key=IMAGE, chunk_index=chunk, file_index=file)
        return _Shard((chunk, file), _Video(path, fps=self._fps, spec=self._spec))

    def _close_shard(self, folder: Path) -> None:
        if self._shard is None:
            return
        chunk, file = self._shard.place
        path = folder / PATHS["data_path"].format(chunk_index=chunk, file_index=file)
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.concat_tables(self._shard.tables), path)
        if self._shard.video is not None:
            self._shard.video.close()

    def _info(self) -> dict[str, Any]:
        pictures = self._spec.pictures
        return {
            "codebase_version": "v3.0",
            "robot_type": self._spec.id,
            "total_episodes": len(self._episodes),
            "total_frames": self.rows,
            "total_tasks": 1,
            "chunks_size": CHUNK_FILES,
            "data_files_size_in_mb": DATA_MB,
            "video_files_size_in_mb": VIDEO_MB,
            "fps": self._fps,
            "step_hz": self._spec.step_hz,
            "splits": {"train": f"0:{len(self._episodes)}"},
            "data_path": PATHS["data_path"],
            "video_path": PATHS["video_path"] if pictures else None,
            "features": ({IMAGE: self._image()} if pictures else {}) | self._features,
        }

    def _image(self) -> dict[str, Any]:
        height, width = (size + size % 2 for size in self._spec.frame_shape[:2])
        told = {
            "video.height": height,
            "video.width": width,
            "video.codec": "h264",
            "video.pix_fmt": "yuv420p",
            "video.is_depth_map": False,
            "video.fps": self._fps,
            "video.channels": 3,
            "has_audio": False,
        }
        return {"dtype": "video", "shape": [height, width, 3], "names": ["height", "width", "channels"], "info": told}


def _feature(name: str, rows: npt.NDArray[Any]) -> dict[str, Any]:
    size = rows.shape[1]
    names: Sequence[str] | None = [f"{name}_{part}" for part in range(size)] if name in ("action", STATE) else None
    return {"dtype": rows.dtype.name, "shape": [size], "names": names}


def _table(columns: Columns) -> pa.Table:
    """Give rows as Arrow columns: a number where there is one a row, else a list."""
    return pa.table({name: rows[:, 0] if rows.shape[1] == 1 else rows.tolist() for name, rows in columns.items()})


def _tasks(task: str) -> pa.Table:
    """Give the table of tasks, whose names pandas is to take for the index."""
    name = "__index_level_0__"
    column = {"metadata": None, "name": "task_index", "field_name": "task_index"}
    index = {"metadata": None, "name": None, "field_name": name, "pandas_type": "unicode", "numpy_type": "object"}
    told = {
        "index_columns": [name],
        "column_indexes": [],
        "columns": [column | {"pandas_type": "int64", "numpy_type": "int64"}, index],
    }
    table = pa.table({"task_index": pa.array([0]), name: pa.array([task])})
    return table.replace_schema_metadata({"pandas": json.dumps(told)})
