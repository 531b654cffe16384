"""Lines of a manifest, good ones to be made bad."""

from __future__ import annotations

from typing import Any

SHA256 = "a" * 64
XXH3 = "b" * 32


def artefact(path: str) -> dict[str, Any]:
    return {"path": path, "filesize_bytes": 10, "sha256": SHA256}


def video_file(**more: Any) -> dict[str, Any]:
    told = {
        "status": "ok",
        "requested": "sim-view",
        "renderer": "sim-view",
        "path": "videos/walk__7__0.mp4",
        "format": "mp4",
        "filesize_bytes": 1234,
        "frames": 3,
        "fps": 2.488647,
        "fps_exact": "32768/13167",
        "width": 160,
        "height": 144,
        "codec": "avc1.42C01E",
        "sha256": SHA256,
        "frame_digest": XXH3,
        "encode_ms_per_frame": 0.005,
        "overhead": {"ratio": 0.01, "budget": 0.05, "verdict": "within", "blocked_ms": 0.0, "method": "wall time"},
    }
    return told | more


def no_video(code: str = "disabled", **more: Any) -> dict[str, Any]:
    reason = {"code": code, "detail": "why"}
    return {"status": "skipped", "requested": "none", "renderer": "none", "reason": reason} | more


def clip(**more: Any) -> dict[str, Any]:
    told: dict[str, Any] = {
        "tag": "arrived",
        "tick": 72,
        "start": 0,
        "end": 3,
        "pre_s": 5.0,
        "post_s": 0.0,
        "speed": 1.0,
        "truncated_pre": True,
        "truncated_post": False,
        "path": None,
        "frames": 0,
        "filesize_bytes": 0,
        "sha256": "",
        "skipped": "disabled",
        "rerenderable": True,
    }
    return told | more


def clip_file(**more: Any) -> dict[str, Any]:
    path = "clips/walk__7__0__f0-3__arrived.mp4"
    return clip(path=path, frames=3, filesize_bytes=9, sha256=SHA256, skipped=None) | more


def line(**more: Any) -> dict[str, Any]:
    told: dict[str, Any] = {
        "schema_version": 1,
        "id": "walk__7__0",
        "run_id": "walk-00000000",
        "scenario": "walk",
        "seed": 7,
        "episode_idx": 0,
        "policy": "random",
        "steps": 3,
        "return": -1.5,
        "ticks": 72,
        "terminated": True,
        "truncated": False,
        "digest": XXH3,
        "events": {"arrived": 1},
        "files": {
            "trace": artefact("traces/walk__7__0.json"),
            "steps": artefact("steps/walk__7__0.parquet"),
            "events": artefact("steps/walk__7__0.events.jsonl"),
        },
        "verdicts": [
            {"judge": "feats", "name": "arrived", "step": 2, "tick": 72, "stage": "row", "evidence": {"ticks": 3}}
        ],
        "clips": [],
        "video": no_video(),
        "timing": {"finished": "2026-01-31T23:59:59.000Z", "wall_s": 0.5},
    }
    return told | more


def without(told: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in told.items() if key not in keys}
