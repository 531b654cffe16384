"""A run that is killed at any moment goes on. Seed 002, FR-009."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import ludus
from ludus.core import files
from ludus.episodes import manifest

EPISODES = 120
"""Many more than are played until the first are written."""
RUN: dict[str, Any] = {"episodes": EPISODES, "max_steps": 150, "video_enabled": True, "video_renderer": "sim-view"}
PATIENCE_S = 60


def lines(out: Path) -> list[dict[str, Any]]:
    return [manifest.untimed(line) for line in files.read_log(out / "episodes.jsonl")]


def ids(out: Path) -> list[str]:
    return [line["id"] for line in lines(out)]


def start(out: Path, workers: int) -> subprocess.Popen[bytes]:
    told = RUN | {"lanes": 2, "workers": workers, "out": str(out)}
    code = (
        f"import ludus, json\nif __name__ == '__main__': ludus.evaluate('potyard', **json.loads({json.dumps(told)!r}))"
    )
    script = out.with_suffix(".py")
    script.write_text(code)  # a file, for the worker processes import it
    return subprocess.Popen([sys.executable, script])


def kill_after(out: Path, count: int, workers: int) -> None:
    process = start(out, workers)
    due = time.monotonic() + PATIENCE_S
    while len(lines(out)) < count and process.poll() is None:
        assert time.monotonic() < due
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("whole")
    ludus.evaluate("potyard", out=out, **RUN)
    return out


@pytest.mark.parametrize(("workers", "kills"), [(1, (1, 9)), (2, (9,))])
def test_a_killed_run_goes_on_to_the_same_manifest(
    whole: Path, tmp_path: Path, workers: int, kills: tuple[int, ...]
) -> None:
    out, wanted = tmp_path / "killed", lines(whole)
    for count in kills:
        kill_after(out, count, workers)
        killed = lines(out)
        assert all(line in wanted for line in killed)
    assert 9 <= len(killed) < EPISODES
    found = ludus.evaluate("potyard", out=out, **RUN)
    assert found.played == EPISODES - len({line["id"] for line in killed})
    assert lines(out) == wanted
    assert ludus.verify(out).faults == {}
    assert sorted(path.name for path in (out / "videos").iterdir()) == [f"{name}.mp4" for name in sorted(ids(whole))]
    assert [path for path in out.rglob(".*") if path.is_file()] == []


def test_a_worker_that_is_killed_is_told_and_the_rest_stays(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import multiprocessing

    from ludus.core.errors import LudusError
    from ludus.core.types import Episode

    def shoot(_: Episode) -> None:
        for child in multiprocessing.active_children():
            child.kill()

    with pytest.raises(LudusError, match=r"a worker process ended with exit code -9 .* the same command goes on"):
        ludus.evaluate("potyard", out=tmp_path, workers=2, lanes=1, on_episode=shoot, **RUN)
    assert 0 < len(lines(tmp_path)) < EPISODES
    ludus.evaluate("potyard", out=tmp_path, **RUN)
    assert lines(tmp_path) == lines(whole)
