"""Checkpoints: folders of safetensors and JSON that are whole or absent, each with the digest of its parent.

    checkpoints/step_000000131072/
        checkpoint.json      what it is, of which settings, and the sha256 of the files beside it
        model.safetensors    the weights
        optim.safetensors    the optimisers
        loop.safetensors     what the loop goes on from: lanes of the World, stacks, memory, tallies
    checkpoints/best         name of the folder with the best score, and the score
    checkpoints/latest       name of the newest folder, written last

A folder is written beside its place and renamed. Nothing is ever pickled.
"""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy.typing as npt
import safetensors.numpy
import safetensors.torch
import torch
from torch import Tensor

from ludus import __version__
from ludus.core import digest, files
from ludus.core.errors import FileFormatError, InputError
from ludus.core.types import Checkpoint
from ludus.learn.ppo import Learner, PpoConfig, make_learner
from ludus.nets import spaces
from ludus.nets.agent import Agent, Door, make_agent
from ludus.nets.encoders import NetConfig

FORMAT = "ludus-checkpoint-1"
FACTS = "checkpoint.json"
MODEL, OPTIM, LOOP = "model.safetensors", "optim.safetensors", "loop.safetensors"
Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Facts:
    """What a checkpoint says of itself beside its weights."""

    game: str
    step: int
    settings: Mapping[str, Any]
    """All settings of the run."""
    profile: Mapping[str, str]
    """Numeric profile."""
    parent: str | None = None
    elapsed_s: float = 0.0
    """Seconds that the run has taken so far."""
    lineage: tuple[str, ...] = ()
    """Digests of what the run's weights come from, nearest first: its ancestor, then the ancestor's own lineage."""


def save_checkpoint(folder: Path, learner: Learner, facts: Facts, loop: Arrays) -> Checkpoint:
    """Write `folder/step_...` and give it; `latest` names it afterwards. An older folder of the name is replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"step_{facts.step:012}"
    weights = {name: tensor.contiguous() for name, tensor in learner.agent.state_dict().items()}
    parts = {
        MODEL: safetensors.torch.save(weights),
        OPTIM: safetensors.torch.save(_optimizer_tensors(learner)),
        LOOP: safetensors.numpy.save(loop),
    }
    digests = {name: digest.of_file_bytes(data) for name, data in parts.items()}
    door = learner.agent.door
    told = {
        "format": FORMAT,
        "ludus": __version__,
        "game": facts.game,
        "step": facts.step,
        "updates": learner.updates,
        "parent": facts.parent,
        "lineage": list(facts.lineage),
        "door": {"stacked": door.stacked, "levels": door.levels, "actions": spaces.to_json(door.actions)},
        "net": learner.agent.config.model_dump(),
        "seed": learner.seed,
        "scaler": learner.scaler.state_dict(),
        "settings": dict(facts.settings),
        "profile": dict(facts.profile),
        "elapsed_s": facts.elapsed_s,
        "files": digests,
    }
    beside = folder / f".{path.name}.{uuid.uuid4().hex}"
    beside.mkdir()
    for name, data in parts.items():
        files.write_atomic(beside / name, data)
    files.write_atomic(beside / FACTS, (json.dumps(told, indent=2) + "\n").encode())
    if path.exists():
        shutil.rmtree(path)
    beside.rename(path)
    files.write_atomic(folder / "latest", f"{path.name}\n".encode())
    return Checkpoint(path, facts.game, facts.step, learner.updates, digests[MODEL], facts.parent)


def read_checkpoint(path: Path) -> tuple[Checkpoint, Facts]:
    """Give a checkpoint and its facts, all its files checked against their digests. Raises `FileFormatError`."""
    told = _read_facts(path)
    for name, expected in told["files"].items():
        found = digest.of_file(path / name)
        if found != expected:
            raise FileFormatError(f"{path / name}: sha256 is {found}, expected {expected}; the file is damaged.")
    facts = Facts(
        game=told["game"],
        step=told["step"],
        settings=told["settings"],
        profile=told["profile"],
        parent=told["parent"],
        elapsed_s=told["elapsed_s"],
        lineage=tuple(told.get("lineage", ())),
    )
    return Checkpoint(path, facts.game, facts.step, told["updates"], told["files"][MODEL], facts.parent), facts


def newest_checkpoint(folder: Path) -> tuple[Checkpoint, Facts, list[str]] | None:
    """Give the newest checkpoint of a folder that is whole, and a notice for every one that is not; None without any.

    `latest` comes first, then the others, newest first, for a process may have ended before it wrote `latest`.
    """
    names = sorted((path.name for path in folder.glob("step_*")), reverse=True)
    if (folder / "latest").is_file():
        named = files.read_text(folder / "latest").strip()
        names = [named, *(name for name in names if name != named)]
    notices: list[str] = []
    for name in names:
        try:
            return *read_checkpoint(folder / name), notices
        except InputError as error:
            notices.append(f"{error} The checkpoint before it is taken.")
    if notices:
        raise FileFormatError(f"{folder}: no checkpoint is whole. {notices[0]}")
    return None


def find_checkpoint(path: Path) -> Path:
    """Give the folder of a checkpoint: itself, or the best, else the newest, of a run's folder. Raises `InputError`."""
    for folder in (path, path / "checkpoints"):
        if (folder / FACTS).is_file():
            return folder
        for pointer in ("best", "latest"):
            if (folder / pointer).is_file():
                named = folder / files.read_text(folder / pointer).split()[0]
                if (named / FACTS).is_file():
                    return named
    raise InputError(f"{path}: no checkpoint is there, expected a folder with {FACTS}, or a run's with checkpoints/.")


def load_agent(path: Path) -> Agent:
    """Give the net of a checkpoint with its weights. Raises `FileFormatError` on a damaged one, or of another version.

    Weights that lack a part, or have one too many, or one of another shape, are refused: there is no partial load.
    """
    told = _read_facts(path)
    data = files.read_bytes(path / MODEL)
    if digest.of_file_bytes(data) != told["files"][MODEL]:
        raise FileFormatError(f"{path / MODEL}: its sha256 is not what {FACTS} says; the file is damaged.")
    door = told["door"]
    made = Door(tuple(door["stacked"]), door["levels"], spaces.from_json(door["actions"]))
    agent = make_agent(made, NetConfig.model_validate(told["net"]), seed=0)
    load_weights(agent, safetensors.torch.load(data), name=str(path / MODEL))
    return agent


def load_weights(agent: Agent, weights: Mapping[str, Tensor], *, name: str) -> None:
    """Put all weights into a net that has exactly these. Raises `FileFormatError` that names the first that differs."""
    own = agent.state_dict()
    for key in sorted(own.keys() | weights.keys()):
        here, there = own.get(key), weights.get(key)
        if here is None or there is None or here.shape != there.shape:
            was = "absent" if there is None else f"{list(there.shape)}"
            now = "none" if here is None else f"{list(here.shape)}"
            raise FileFormatError(f"{name}: weight {key!r} is {was}, the net has {now}; load it into its own net.")
    agent.load_state_dict(dict(weights))


def load_learner(path: Path, config: PpoConfig, device: torch.device | None = None) -> tuple[Learner, Arrays]:
    """Give the learner of a checkpoint as it was, and what the loop goes on from. Raises `FileFormatError`."""
    told = _read_facts(path)
    learner = make_learner(load_agent(path).to(device), config, seed=told["seed"])
    _load_optimizers(learner, safetensors.torch.load(files.read_bytes(path / OPTIM)), name=str(path / OPTIM))
    if told["scaler"]:
        learner.scaler.load_state_dict(told["scaler"])
    return replace(learner, updates=told["updates"]), safetensors.numpy.load(files.read_bytes(path / LOOP))


def mark_best(folder: Path, checkpoint: Checkpoint, score: float) -> bool:
    """Name the checkpoint in `best` if no other has scored as much, and say whether."""
    pointer = folder / "best"
    if pointer.is_file() and float(files.read_text(pointer).split()[1]) >= score:
        return False
    files.write_atomic(pointer, f"{checkpoint.path.name} {score!r}\n".encode())
    return True


def export_agent(path: Path, folder: Path, receipt: Mapping[str, Any]) -> None:
    """Write a checkpoint's weights alone, to be shipped, and a receipt: how they came to be and what they can do."""
    told = _read_facts(path)
    folder.mkdir(parents=True, exist_ok=True)
    files.write_atomic(folder / MODEL, files.read_bytes(path / MODEL))
    told["files"] = {MODEL: told["files"][MODEL]}
    files.write_atomic(folder / FACTS, (json.dumps(told, indent=2) + "\n").encode())
    files.write_atomic(folder / "receipt.json", (json.dumps(dict(receipt), indent=2) + "\n").encode())


def prune(folder: Path, *, keep: int) -> None:
    """Delete all checkpoints but the `keep` newest and the best one."""
    pointer = folder / "best"
    best = files.read_text(pointer).split()[0] if pointer.is_file() else None
    for path in sorted(folder.glob("step_*"))[:-keep]:
        if path.name != best:
            shutil.rmtree(path)


def _read_facts(path: Path) -> dict[str, Any]:
    try:
        told = json.loads(files.read_text(path / FACTS))
    except json.JSONDecodeError as error:
        raise FileFormatError(f"{path / FACTS}: {error}; the file is damaged.") from error
    if not isinstance(told, dict) or told.get("format") != FORMAT:
        found = told.get("format") if isinstance(told, dict) else told
        raise FileFormatError(f"{path / FACTS}: format is {found!r}, expected {FORMAT!r}; save it with this version.")
    return told


def _optimizer_tensors(learner: Learner) -> dict[str, Tensor]:
    names = {id(weight): name for name, weight in learner.agent.named_parameters()}
    return {
        f"{number}/{names[id(weight)]}/{key}": value.contiguous()
        for number, optimizer in enumerate(learner.optimizers)
        for weight, state in optimizer.state.items()
        for key, value in state.items()
    }


def _load_optimizers(learner: Learner, tensors: Mapping[str, Tensor], *, name: str) -> None:
    weights = dict(learner.agent.named_parameters())
    for key, value in tensors.items():
        number, weight, field = key.split("/")
        if int(number) >= len(learner.optimizers) or weight not in weights:
            raise FileFormatError(f"{name}: there is no place for {key!r}; load it with its own settings.")
        # Laid out in memory as the weight is, for the fused kernel walks both alike.
        like = weights[weight]
        kept = torch.empty_like(like, requires_grad=False).copy_(value) if value.shape == like.shape else value
        learner.optimizers[int(number)].state[like][field] = kept
