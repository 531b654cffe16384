"""A learner: holds the weights of one policy, and makes newer ones of what workers play.

Workers reach it in the same process, over shared memory (`run.processes`) or over HTTP (`serve.learner_api`); it is the
same object with the same answers. A rollout says which version of the weights played it: the newest is learned from as
it is, an older one is corrected by V-trace, and one that is too old is refused. Nothing is learned of a refused one.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import safetensors.torch
import torch
from torch import Tensor

from ludus.core import config, rng
from ludus.core.clock import Clock, SystemClock
from ludus.core.errors import DivergedError, InputError
from ludus.core.types import Checkpoint
from ludus.learn import checkpoint as store
from ludus.learn import ppo
from ludus.learn.profile import numeric_profile
from ludus.learn.rollout import Rollout, layout
from ludus.nets.agent import Agent, Door, make_agent
from ludus.run.games import game_id, open_world
from ludus.run.recipe import Recipe
from ludus.run.sinks import JsonLines
from ludus.run.train import EPISODES, descend

MOST_LAG = 8
"""Versions that weights may be behind before what they play is refused."""

Reason = Literal["unregistered", "stale", "future", "spent", "busy", "invalid", "diverged", "unknown_policy"]


class RolloutError(InputError):
    """A rollout, or a worker, that a learner does not take."""

    def __init__(self, reason: Reason, detail: str, **told: Any) -> None:
        super().__init__(detail)
        self.reason = reason
        """For programs."""
        self.told = told
        """What else is known: `field` of what is wrong in a rollout."""


@dataclass(frozen=True, slots=True)
class Weights:
    """What a policy plays with."""

    version: int
    """Updates that led to them."""
    data: bytes = field(repr=False)
    """Safetensors."""


@dataclass(frozen=True, slots=True)
class Registered:
    """What a worker needs to begin."""

    policy: str
    recipe: Recipe
    seed: int
    """Of its lanes and chances; a worker that comes again gets another, so that it plays other episodes."""
    weights: Weights


@dataclass(frozen=True, slots=True, eq=False)
class Played:
    """A rollout and who played it."""

    worker: str
    version: int | None
    """Of the weights that played; None where the worker does not say, and then it is corrected."""
    rollout: Rollout
    returns: tuple[float, ...] = ()
    """Of the episodes that ended."""
    joint: bool = False
    """Its log-probs are whole actions' and not branches', or it has no values; then too it is corrected."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a rollout."""

    version: int
    """Of the newest weights, with this rollout in them."""
    lag: int | None
    """Versions that the weights that played were behind."""
    corrected: bool
    """By V-trace."""
    step: int
    """Steps that were learned from so far."""
    done: bool
    """The recipe's steps, or the minutes, are spent."""
    metrics: Mapping[str, float]


class Learner:
    """One policy under way. Threads may share it: one learns at a time, and all may read weights meanwhile."""

    def __init__(
        self,
        name: str,
        state: ppo.Learner,
        recipe: Recipe,
        *,
        folder: Path | None = None,
        saved: Checkpoint | None = None,
        lineage: tuple[str, ...] = (),
        most_lag: int = MOST_LAG,
        minutes: float = 0.0,
        spent_s: float = 0.0,
        clock: Clock | None = None,
    ) -> None:
        """minutes: to learn for, from the first rollout on, of which `spent_s` seconds are over; 0: for ever."""
        self.name, self.recipe, self.folder, self.most_lag = name, recipe, folder, most_lag
        self._budget_s, self._spent_s, self._clock = 60 * minutes or math.inf, spent_s, clock or SystemClock()
        self._began_s: float | None = None
        self._last_s = math.inf
        self.state, self.step = state, saved.step if saved else 0
        self.metrics: dict[str, float] = {}
        self.refused = self._registered = 0
        self.workers: dict[str, int | None] = {}
        """Registered ones, and the version that each played with last."""
        self._saved, self._lineage = saved, lineage
        self._returns: deque[float] = deque(maxlen=EPISODES)
        self._lock = threading.Lock()
        self._sink = None if folder is None else JsonLines(folder / "metrics.jsonl", updates=state.updates)

    @property
    def version(self) -> int:
        """Of the newest weights."""
        return self.state.updates

    @property
    def progress(self) -> float:
        """The part of the recipe's steps, or of the minutes, that is spent, 0 to 1; 0 where there is no end."""
        by_steps = self.step / (self.recipe.run.steps or math.inf)
        return min(1.0, max(by_steps, self.elapsed_s / self._budget_s))

    @property
    def elapsed_s(self) -> float:
        """Seconds since the first rollout, those before a restart too."""
        return self._spent_s + (0.0 if self._began_s is None else self._clock.seconds() - self._began_s)

    def register(self, worker: str) -> Registered:
        """Take a worker in, one that was here before too, and give it all that it needs."""
        with self._lock:
            number = self._registered
            self._registered += 1
            self.workers[worker] = None
        # After a restart versions may name other weights than before, so seeds go on from the version too.
        seed = worker_seed(self.recipe.run.seed, number + (self.version << 20))
        return Registered(self.name, self.recipe, seed, _weights(self.state))

    def weights(self, since: int = -1) -> Weights | None:
        """Give the newest weights; None where they are those of version `since`."""
        state = self.state
        return None if state.updates == since else _weights(state)

    def push(self, played: Played) -> Receipt:
        """Learn from a rollout. Raises `RolloutError`; then nothing has changed."""
        with self._lock:
            try:
                return self._learn(played)
            except RolloutError:
                self.refused += 1
                raise

    def save(self) -> Checkpoint | None:
        """Write a checkpoint, unless the newest is written or there is no folder, and give the newest."""
        with self._lock:
            return self._save()

    def _learn(self, played: Played) -> Receipt:
        lag = self._lag(played)
        check_rollout(played.rollout, self.state.agent)
        self._began_s = self._clock.seconds() if self._began_s is None else self._began_s
        if self.progress >= 1.0:
            self._save()
            raise RolloutError("spent", f"{self.name!r} has learned for as long as it was to.")
        stale = played.joint or lag != 0
        try:
            state, metrics = ppo.update(
                self.state, played.rollout, config=self.recipe.ppo, progress=self.progress, stale=stale
            )
        except DivergedError as error:
            raise RolloutError("diverged", f"{error} The weights stay as they were.") from error
        except InputError as error:
            raise RolloutError("invalid", str(error), field="rewards") from error
        self.state = state
        self.step += played.rollout.steps * played.rollout.lanes
        self._returns.extend(played.returns)
        if self._returns:
            metrics["charts/episodic_return"] = sum(self._returns) / len(self._returns)
        now_s = self._clock.seconds()
        if now_s > self._last_s:
            metrics["charts/SPS"] = played.rollout.steps * played.rollout.lanes / (now_s - self._last_s)
        self._last_s, self.metrics = now_s, metrics
        if self._sink is not None:
            self._sink.write(metrics, step=self.step, updates=self.version)
        self.workers[played.worker] = played.version
        if self.version % self.recipe.run.checkpoint_updates == 0 or self.progress >= 1.0:
            self._save()
        return Receipt(self.version, lag, stale, self.step, self.progress >= 1.0, metrics)

    def _lag(self, played: Played) -> int | None:
        """Give how far a rollout's weights are behind, None where it is not told. Raises `RolloutError`."""
        if played.worker not in self.workers:
            raise RolloutError("unregistered", f"no worker {played.worker!r} is registered; register first.")
        if played.version is None:
            return None
        lag, told = self.version - played.version, {"field": "policy_version", "version": self.version}
        if lag < 0:
            raise RolloutError("future", f"policy_version is {played.version}, the newest is {self.version}.", **told)
        if lag > self.most_lag:
            raise RolloutError(
                "stale",
                f"policy_version is {played.version}, {lag} behind the newest, expected at most {self.most_lag}; "
                "get the weights and play again.",
                **told,
            )
        return lag

    def _save(self) -> Checkpoint | None:
        if self.folder is None or (self._saved is not None and self._saved.updates == self.version):
            return self._saved
        device = self.state.agent.value.weight.device
        parent = self._saved.digest if self._saved else self._lineage[0] if self._lineage else None
        facts = store.Facts(
            game=game_id(self.recipe.world),
            step=self.step,
            settings=self.recipe.model_dump(mode="json"),
            profile=numeric_profile(device, ppo.find_precision(self.recipe.ppo.precision, device)),
            parent=parent,
            elapsed_s=self.elapsed_s,
            lineage=self._lineage,
        )
        folder = self.folder / "checkpoints"
        self._saved = store.save_checkpoint(folder, self.state, facts, {})
        score = self.metrics.get("charts/episodic_return", -math.inf)
        if math.isfinite(score):
            store.mark_best(folder, self._saved, score)
        store.prune(folder, keep=self.recipe.run.keep)
        return self._saved


def open_learner(
    name: str,
    recipe: Recipe,
    *,
    folder: Path | None = None,
    ancestor: Path | None = None,
    most_lag: int = MOST_LAG,
    minutes: float = 0.0,
    clock: Clock | None = None,
) -> Learner:
    """Give the learner of a folder as its newest checkpoint has it, or a new one; None keeps nothing.

    The folder is as that of `ludus train`. ancestor: a checkpoint whose weights a new one begins with. minutes: how
    long to learn; the recipe's own do not count. Raises `InputError` on a folder of other settings.
    """
    told: dict[str, Any] = {"folder": folder, "most_lag": most_lag, "minutes": minutes, "clock": clock}
    device = torch.device(recipe.run.device)
    found = store.newest_checkpoint(folder / "checkpoints") if folder else None
    if found is not None:
        saved, facts, _ = found
        if _lasting(Recipe.model_validate(facts.settings)) != _lasting(recipe):
            raise InputError(f"{folder} holds a policy of other settings; name another, or give it those.")
        state, _ = store.load_learner(saved.path, recipe.ppo, device)
        told |= {"saved": saved, "lineage": facts.lineage, "spent_s": facts.elapsed_s}
        return Learner(name, state, recipe, **told)
    world = open_world(recipe.world, 1, threads=1)
    try:
        agent = make_agent(Door.of(world.spec, recipe.run.stack), recipe.net, seed=recipe.run.seed)
    finally:
        world.close()
    lineage: tuple[str, ...] = ()
    if ancestor is not None:
        if folder is None:
            raise InputError("an ancestor is given but no folder, which would keep a copy of it; give one.")
        lineage = descend(agent, ancestor, folder)
    state = ppo.make_learner(agent.to(device), recipe.ppo, seed=recipe.run.seed)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        config.dump(recipe, folder / "settings.json")
    return Learner(name, state, recipe, **told, lineage=lineage)


def worker_seed(seed: int, number: int) -> int:
    """Give the seed of a worker of a run."""
    return int(rng.integers(seed, "workers", number, high=2**31))


def check_rollout(rollout: Rollout, agent: Agent) -> None:
    """Refuse what an agent cannot have played. Raises `RolloutError` that names the field."""
    told = rollout.tensors()
    expected = layout(agent, steps=rollout.steps, lanes=rollout.lanes, masked=rollout.allowed is not None)
    for name, (dtype, shape) in expected.items():
        check_tensor(name, told[name], dtype, shape)
        if dtype.is_floating_point and not bool(torch.isfinite(told[name]).all()):
            raise invalid(name, "holds NaN or infinities, expected numbers")
    if rollout.frames.dtype == torch.uint8 and rollout.frames.numel():
        most = int(rollout.frames.max())
        if most > agent.door.levels:
            raise invalid("frames", f"go up to {most}, expected at most {agent.door.levels}")
    for branch in agent.head.branches:
        action = rollout.action[..., branch.part]
        most = 1 if branch.kind == "bits" else branch.logit.stop - branch.logit.start - 1
        wrong = (action < 0) | (action > most) | (action != action.floor())
        if branch.kind != "normal" and bool(wrong.any()):
            raise invalid("action", f"holds {float(action[wrong][0]):g}, expected whole numbers of 0 to {most}")


def check_tensor(name: str, found: Tensor, dtype: torch.dtype, shape: list[int]) -> None:
    """Refuse a tensor of another dtype or shape. Raises `RolloutError` that names it."""
    if found.dtype != dtype or list(found.shape) != shape:
        raise invalid(name, f"is {found.dtype} {list(found.shape)}, expected {dtype} {shape}")


def invalid(name: str, detail: str) -> RolloutError:
    """Give the error of a field."""
    return RolloutError("invalid", f"{name} {detail}.", field=name)


def _weights(state: ppo.Learner) -> Weights:
    tensors = {name: tensor.cpu().contiguous() for name, tensor in state.agent.state_dict().items()}
    return Weights(state.updates, safetensors.torch.save(tensors))


def _lasting(recipe: Recipe) -> Recipe:
    """Give the settings that a policy must be gone on with; its budget may grow."""
    return recipe.model_copy(update={"run": recipe.run.model_copy(update={"steps": 0, "minutes": 0.0})})
