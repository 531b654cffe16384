"""The reference of the Python API: a page for each public room, by mkdocstrings from signatures and docstrings."""

from __future__ import annotations

from importlib import import_module

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOMS = {
    "core": ("types", "protocols", "errors", "config", "rng", "digest", "gym", "gym_world", "lanes", "events"),
    "gameboy": ("console", "world", "library", "codec", "trace", "cartridge", "card", "pictures", "envs"),
    "episodes": ("manifest", "store", "recorder", "wrapper", "trace", "steps", "summary", "report", "video"),
    "feats": ("loader", "feat", "judge", "unlocks", "contract", "drift", "reach", "door"),
    "goals": ("artefact", "calibration", "match", "judge", "task"),
    "learn": ("ppo", "rollout", "advantage", "optim", "checkpoint", "policy", "distil", "mae", "merge"),
    "run": ("evaluate", "verify", "train", "recipe", "games", "policies", "judging", "compare", "goal", "export"),
}


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the pages."""
    for room in ROOMS:
        files.append(File.generated(config, f"reference/python/{room}.md", content=page(room)))
    return files


def page(room: str) -> str:
    """Give the page of a room as Markdown."""
    about = (import_module(f"ludus.{room}").__doc__ or "").strip()
    modules = "\n".join(f"::: ludus.{room}.{module}\n" for module in ROOMS[room])
    return f"# ludus.{room}\n\n{about}\n\n{modules}"
