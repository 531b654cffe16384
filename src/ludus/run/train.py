"""`train`: plays, learns and keeps what it learned, until the budget is spent; the same call goes on where it was."""

from __future__ import annotations

import math
import shutil
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import safetensors.torch
import torch

from ludus.core import config, files
from ludus.core.clock import Clock, SystemClock
from ludus.core.errors import DivergedError, InputError
from ludus.core.protocols import World
from ludus.core.types import Checkpoint
from ludus.gameboy.machine import usable_cpus
from ludus.learn import checkpoint as store
from ludus.learn.memory import keep_freed
from ludus.learn.ppo import Learner, autocast, find_precision, make_learner, update
from ludus.learn.profile import differences, numeric_profile
from ludus.learn.rollout import Rollout, empty_rollout
from ludus.learn.threads import threads
from ludus.nets.agent import Agent, Door, make_agent
from ludus.run.collect import Ended, Lanes, begin, collect
from ludus.run.games import GameSettings
from ludus.run.games import open_world as open_game
from ludus.run.recipe import Recipe
from ludus.run.sinks import JsonLines, Sink, TensorBoard, WandB

EPISODES = 100
"""Newest episodes whose mean return is the run's score."""


class MakeWorld(Protocol):
    """Gives the World of settings, in so many lanes."""

    def __call__(self, settings: GameSettings, lanes: int, /, *, threads: int | None) -> World:
        """Give the World, all its lanes before their first episode."""
        ...


@dataclass(frozen=True, slots=True)
class Report:
    """How a run stands after an update."""

    step: int
    updates: int
    metrics: dict[str, float]
    progress: float
    """The part of the budget that is spent, 0 to 1."""
    left_s: float
    """Seconds that the rest will take at the pace so far."""


@dataclass(slots=True, eq=False)
class _Run:
    """A run under way."""

    recipe: Recipe
    folder: Path
    world: World
    lanes: Lanes
    learner: Learner
    rollout: Rollout
    clock: Clock
    parent: str | None
    lineage: tuple[str, ...] = ()
    step: int = 0
    spent_s: float = 0.0
    """Before this process."""
    began_s: float = 0.0
    episodes: deque[Ended] = field(default_factory=lambda: deque(maxlen=EPISODES))
    saved: Checkpoint | None = None

    @property
    def elapsed_s(self) -> float:
        return self.spent_s + self.clock.seconds() - self.began_s

    @property
    def progress(self) -> float:
        run = self.recipe.run
        by_steps = self.step / run.steps if run.steps else 0.0
        by_time = self.elapsed_s / (60 * run.minutes) if run.minutes else 0.0
        return min(1.0, max(by_steps, by_time))

    @property
    def score(self) -> float:
        return float(np.mean([episode.reward for episode in self.episodes])) if self.episodes else -math.inf


def train(
    recipe: Recipe,
    folder: Path,
    *,
    ancestor: Path | None = None,
    strict: bool = False,
    on_report: Callable[[Report], None] = lambda _: None,
    on_notice: Callable[[str], None] = lambda _: None,
    clock: Clock | None = None,
    make_world: MakeWorld = open_game,
) -> Checkpoint:
    """Train until the recipe's budget is spent, and give the last checkpoint.

    folder: of the run: settings.json, metrics.jsonl, checkpoints. A run that is there goes on from its newest whole
    checkpoint, bit for bit as if it had never stopped, unless minutes are its budget or the numeric profile differs;
    then `strict` refuses and otherwise a notice says so. ancestor: a checkpoint whose weights a new run begins with.
    make_world: gives the World of the recipe in so many lanes and threads, by default by the game's name.
    Raises `InputError` on settings that are not those of the run in the folder, `DivergedError` on NaN.
    """
    if not recipe.run.steps and not recipe.run.minutes:
        raise InputError("run.steps and run.minutes are both 0, expected one of them: how long to train.")
    folder.mkdir(parents=True, exist_ok=True)
    keep_freed()
    with threads(_thread_count(recipe)):
        world = make_world(recipe.world, recipe.run.lanes, threads=min(recipe.run.lanes, torch.get_num_threads()))
        run = _open(recipe, folder, world, ancestor, strict, on_notice, clock or SystemClock())
        sinks = _sinks(run)
        try:
            while run.progress < 1.0:
                on_report(_iterate(run, sinks))
            if run.saved is None or run.saved.updates != run.learner.updates:
                _save(run)
            assert run.saved is not None
            return run.saved
        finally:
            for sink in sinks:
                sink.close()
            run.world.close()


def _iterate(run: _Run, sinks: list[Sink]) -> Report:
    """One rollout, one update, one line of metrics."""
    ppo, settings = run.recipe.ppo, run.recipe.run
    before_s = run.clock.seconds()
    with autocast(ppo, run.rollout.reward.device):
        ended = collect(
            run.lanes, run.learner.agent, run.rollout, seed=settings.seed, step=run.step // run.lanes.world.lanes
        )
    collected_s = run.clock.seconds()
    try:
        run.learner, metrics = update(run.learner, run.rollout, config=ppo, progress=run.progress)
    except DivergedError as error:
        raise DivergedError(f"{error} What led to it is in {_write_receipt(run)}.") from error
    run.step += run.rollout.steps * run.rollout.lanes
    run.episodes.extend(ended)
    now_s = run.clock.seconds()
    metrics["charts/SPS"] = run.rollout.steps * run.rollout.lanes / max(now_s - before_s, 1e-9)
    metrics["perf/collect_share"] = (collected_s - before_s) / max(now_s - before_s, 1e-9)
    if run.episodes:
        metrics["charts/episodic_return"] = run.score
        metrics["charts/episodic_length"] = float(np.mean([episode.length for episode in run.episodes]))
    for sink in sinks:
        sink.write(metrics, step=run.step, updates=run.learner.updates)
    if run.learner.updates % settings.checkpoint_updates == 0:
        _save(run)
    progress = run.progress
    left_s = run.elapsed_s * (1 - progress) / progress if progress else math.inf
    return Report(run.step, run.learner.updates, metrics, progress, left_s)


def _open(
    recipe: Recipe,
    folder: Path,
    world: World,
    ancestor: Path | None,
    strict: bool,
    on_notice: Callable[[str], None],
    clock: Clock,
) -> _Run:
    """Give the run of a folder, gone on with or begun."""
    settings = recipe.run
    _check_settings(recipe, folder)
    door = Door.of(world.spec, settings.stack)
    found = store.newest_checkpoint(folder / "checkpoints")
    device = torch.device(settings.device)
    if found is None:
        agent = make_agent(door, recipe.net, seed=settings.seed)
        lineage = () if ancestor is None else descend(agent, ancestor, folder)
        learner = make_learner(agent.to(device), recipe.ppo, seed=settings.seed)
        lanes = begin(world, agent, seed=settings.seed)
        rollout = empty_rollout(agent, steps=settings.horizon, lanes=settings.lanes)
        config.dump(recipe, folder / "settings.json")
        parent = lineage[0] if lineage else None
        return _Run(recipe, folder, world, lanes, learner, rollout, clock, parent, lineage, began_s=clock.seconds())
    saved, facts, notices = found
    changed = differences(dict(facts.profile), _profile(recipe))
    if changed:
        sentence = f"{saved.path} was made elsewhere ({'; '.join(changed)}), so the run will not go on bit for bit."
        if strict:
            raise InputError(f"{sentence} Go on without --strict, or where it was made.")
        notices.append(sentence)
    for notice in notices:
        on_notice(notice)
    learner, arrays = store.load_learner(saved.path, recipe.ppo, device)
    if "episodes" not in arrays:
        raise InputError(f"{saved.path} is of `ludus learner` and holds no lanes to go on from; name another --out.")
    tallies = arrays.pop("episodes")
    run = _Run(
        recipe,
        folder,
        world,
        Lanes.load(world, arrays),
        learner,
        empty_rollout(learner.agent, steps=settings.horizon, lanes=settings.lanes),
        clock,
        saved.digest,
        facts.lineage,
        step=saved.step,
        spent_s=facts.elapsed_s,
        began_s=clock.seconds(),
        saved=saved,
    )
    run.episodes.extend(Ended(float(reward), int(length)) for reward, length in tallies)
    return run


def descend(agent: Agent, ancestor: Path, folder: Path) -> tuple[str, ...]:
    """Give a net the weights of a checkpoint, of which the run's folder keeps a copy, and give the lineage with it."""
    path = store.find_checkpoint(ancestor)
    checkpoint, facts = store.read_checkpoint(path)
    store.load_weights(agent, store.load_agent(path).state_dict(), name=str(path))
    with files.new_folder(folder / "ancestor", force=True) as beside:
        shutil.copytree(path, beside, dirs_exist_ok=True)
    return (checkpoint.digest, *facts.lineage)


def _check_settings(recipe: Recipe, folder: Path) -> None:
    """Refuse other settings than those of the run in the folder; only its budget may grow. Raises `InputError`."""
    path = folder / "settings.json"
    if not path.is_file():
        return
    was, now = (_flat(one.model_dump()) for one in (config.load(Recipe, [path]), recipe))
    budget = ("run.steps", "run.minutes")
    changed = [f"{key} {now[key]!r}, was {was[key]!r}" for key in now if key not in budget and now[key] != was.get(key)]
    if changed:
        raise InputError(f"{folder} holds a run of other settings ({'; '.join(changed)}); name another --out.")


def _flat(table: dict[str, object], at: str = "") -> dict[str, object]:
    flat: dict[str, object] = {}
    for name, value in table.items():
        flat |= _flat(value, f"{at}{name}.") if isinstance(value, dict) else {f"{at}{name}": value}
    return flat


def _save(run: _Run) -> None:
    """Write a checkpoint, name it best if it is, and delete those that are no longer kept."""
    facts = store.Facts(
        game=run.world.spec.id,
        step=run.step,
        settings=run.recipe.model_dump(mode="json"),
        profile=_profile(run.recipe),
        parent=run.parent,
        elapsed_s=run.elapsed_s,
        lineage=run.lineage,
    )
    tallies = np.array([(episode.reward, episode.length) for episode in run.episodes], np.float64).reshape(-1, 2)
    folder = run.folder / "checkpoints"
    run.saved = store.save_checkpoint(folder, run.learner, facts, run.lanes.save() | {"episodes": tallies})
    run.parent = run.saved.digest
    if math.isfinite(run.score):
        store.mark_best(folder, run.saved, run.score)
    store.prune(folder, keep=run.recipe.run.keep)


def _write_receipt(run: _Run) -> Path:
    """Write the batch, the weights before it and the settings, which repeat a failed update, and give their folder."""
    receipt = run.folder / f"receipt-{run.learner.updates:06}"
    receipt.mkdir(exist_ok=True)
    tensors = {name: tensor.contiguous() for name, tensor in run.rollout.tensors().items()}
    files.write_atomic(receipt / "rollout.safetensors", safetensors.torch.save(tensors))
    config.dump(run.recipe, receipt / "settings.json")
    facts = store.Facts(run.world.spec.id, run.step, run.recipe.model_dump(mode="json"), _profile(run.recipe))
    store.save_checkpoint(receipt, run.learner, facts, {"seed": np.array([run.recipe.run.seed])})
    return receipt


def _profile(recipe: Recipe) -> dict[str, str]:
    device = torch.device(recipe.run.device)
    return numeric_profile(device, find_precision(recipe.ppo.precision, device))


def _sinks(run: _Run) -> list[Sink]:
    sinks: list[Sink] = [JsonLines(run.folder / "metrics.jsonl", updates=run.learner.updates)]
    if run.recipe.run.tensorboard:
        with suppress(ModuleNotFoundError):  # an extra that nothing depends on
            sinks.append(TensorBoard(run.folder / "tensorboard", step=run.step))
    if run.recipe.run.wandb:
        settings = run.recipe.model_dump(mode="json")
        sinks.append(WandB(run.folder / "wandb", name=run.folder.name, settings=settings))
    return sinks


def _thread_count(recipe: Recipe) -> int:
    return recipe.run.threads or (1 if recipe.net.kind == "mlp" else usable_cpus())
