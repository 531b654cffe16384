"""The whole story in some minutes: an agent learns a game in a lab, is judged beside random play, and leaves proof.

Learning goes on in the lab's own processes, a learner and workers that report to the orchestrator, so that all of it
shows on the page. LOG.md has what that costs beside one process.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import Any

import httpx

from ludus.core.clock import Clock, SystemClock
from ludus.core.errors import InputError, LudusError
from ludus.core.extras import from_extra
from ludus.core.types import Episode
from ludus.episodes.summary import Summary
from ludus.gameboy.library import open_game
from ludus.goals.artefact import load_goal
from ludus.run.evaluate import Evaluation, evaluate
from ludus.run.feats import CARD, game_seat
from ludus.run.games import GameSettings, game_id
from ludus.run.goal_gate import try_gate, write_receipt
from ludus.run.train import Report
from ludus.serve.lab.supervise import Supervisor
from ludus.serve.lab.up import LabPlan, plan_lab
from ludus.serve.store.ingest import ENOUGH
from ludus.serve.worker.recorded import RecordedRun, report_run
from ludus.serve.worker.spool import client_for

POLL_S = 0.25
STUCK_S = 120.0
"""Without any learning; then something is wrong."""
FIRST_SEED = 1_000_000
"""Of the evaluation: yards that no training has drawn, but for chance."""
GATE_REPEATS = 3
LEAST_FEATS = 3
NEWEST = 1000
"""Unlocks that an orchestrator tells at once."""


@dataclass(frozen=True, slots=True)
class DemoPlan:
    """What is to be shown."""

    lab: LabPlan
    folder: Path
    """Of all that it leaves."""
    goals: tuple[Path, ...]
    episodes: int


@dataclass(frozen=True, slots=True)
class Learned:
    """What training came to."""

    steps: int
    updates: int
    seconds: float
    """From the first update to the last."""
    steps_per_s: float


@dataclass(frozen=True, slots=True)
class Clips:
    """What the trained agent's unlocks left at the orchestrator."""

    unlocks: int
    playable: Mapping[str, int]
    """Feat -> its clips that were fetched and decoded to their end."""
    faults: tuple[str, ...]
    """Why others are not."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What a demo came to."""

    learned: Learned
    trained: Summary
    random: Summary
    clips: Clips
    gates: Mapping[str, str | None]
    """Goal -> why its gate did not let its trace pass; None where it did."""

    @property
    def failures(self) -> list[str]:
        """What did not come out as promised, each as a sentence."""
        found = []
        trained, random = self.trained, self.random
        if trained.low is None or random.high is None or trained.low <= random.high:
            told = f"{trained.mean:.2f} ({_interval(trained)}) beside {random.mean:.2f} ({_interval(random)})"
            found.append(f"the trained agent does not clearly beat random play: {told}; give it more --minutes.")
        if len(self.clips.playable) < LEAST_FEATS:
            found.append(
                f"{len(self.clips.playable)} feats were unlocked with clips that play, expected at least {LEAST_FEATS}."
            )
        if self.clips.faults:
            found.append(f"{len(self.clips.faults)} clips do not play, the first is {self.clips.faults[0]}.")
        found += [f"the gate of {name}: {why}" for name, why in self.gates.items() if why is not None]
        return found


def plan_demo(lab: LabPlan, *, episodes: int = 48, clock: Clock | None = None) -> DemoPlan:
    """Give a demo that can be shown, in a new folder below `lab.runs`. Raises `InputError`s on what would stop it."""
    if lab.minutes < 0 or not (lab.minutes or lab.steps):
        raise InputError(f"minutes is {lab.minutes}, expected more than 0: how long to train.")
    if episodes < 2:
        raise InputError(f"episodes is {episodes}, expected at least 2: one tells nothing of how sure a mean is.")
    stamp = (clock or SystemClock()).stamp()[:19].replace("-", "").replace(":", "").replace("T", "-")
    folder = _new_folder(lab.runs, f"demo-{stamp}")
    game_id(GameSettings(game=lab.game))
    card = None if GameSettings(game=lab.game).of_gymnasium else open_game(lab.game)[0]
    if card is None or card.feats is None or card.goals is None:
        raise InputError(f"{lab.game!r} has no feats or no goals in its card; show a game that has both.")
    goals = tuple(sorted(path for path in card.goals.iterdir() if path.is_dir()))
    for goal in goals:
        load_goal(goal)
    return DemoPlan(plan_lab(replace(lab, state=folder / "lab", runs=folder)), folder, goals, episodes)


def training(plan: LabPlan, supervisor: Supervisor) -> Iterator[Report]:
    """Give how learning stands, again and again, until its minutes or steps are spent and its weights are saved.

    Raises `LudusError` where nothing is learned for two minutes.
    """
    moved_s, step = time.monotonic(), -1
    while not _is_done(supervisor):
        supervisor.check()
        told = standing(plan)
        now_s = time.monotonic()
        if told is not None and told["step"] != step:
            moved_s, step = now_s, told["step"]
            if "charts/SPS" in told["metrics"]:
                progress = told["progress"]
                left_s = told["elapsed_s"] * (1 - progress) / progress if progress else float("inf")
                yield Report(step, told["version"], told["metrics"], progress, left_s)
        if now_s - moved_s > STUCK_S:
            raise LudusError(f"nothing was learned for {STUCK_S:g} s; see the logs in {plan.state / 'logs'}.")
        time.sleep(POLL_S)


def standing(plan: LabPlan) -> dict[str, Any] | None:
    """Give how the policy stands, as its learner tells it; None while that is away."""
    try:
        answer = httpx.get(f"{plan.learner_url}/metrics", timeout=5.0, trust_env=False)
        told: dict[str, Any] = answer.raise_for_status().json()["policies"][plan.name]
    except httpx.HTTPError:
        return None
    return told


def learned(plan: LabPlan) -> Learned:
    """Give what training came to. Raises `LudusError` where its learner is away."""
    told = standing(plan)
    if told is None:
        raise LudusError(f"the learner has ended before its figures were read; see {plan.state / 'logs'}.")
    seconds = float(told["elapsed_s"])
    return Learned(told["step"], told["version"], seconds, told["step"] / max(seconds, 1e-9))


def evaluate_one(
    plan: DemoPlan, name: str, policy: str, *, on_episode: Callable[[Episode], None] = lambda _: None
) -> Evaluation:
    """Play episodes by a policy, each filmed and judged by the game's feats, into the folder `name`."""
    game = GameSettings(game=plan.lab.game, role=plan.lab.role)
    return evaluate(
        plan.lab.game,
        role=plan.lab.role,
        policy=policy,
        episodes=plan.episodes,
        seed=FIRST_SEED,
        out=plan.folder / name,
        judges=[game_seat(game, str(plan.lab.feats) if plan.lab.feats else CARD)],
        video_enabled=True,
        video_renderer="sim-view",
        on_episode=on_episode,
    )


def collect_clips(plan: DemoPlan, name: str) -> Clips:
    """Tell the orchestrator of a recorded run, fetch the clips of what it unlocks there, and see which of them play."""
    with client_for(plan.lab.url, plan.lab.token, timeout_s=60.0) as client:
        report_run(RecordedRun(plan.folder / name), client)
        mine = client.get("/feats/unlocks", params={"limit": NEWEST, "run": name}).raise_for_status().json()
        playable: dict[str, int] = {}
        faults: list[str] = []
        for unlock in mine:
            if not _is_wished(unlock):
                continue
            fault = unplayable(client, unlock)
            if fault:
                faults.append(f"{unlock['feat_id']} of {unlock['episode_id']}: {fault}")
            else:
                playable[unlock["feat_id"]] = playable.get(unlock["feat_id"], 0) + 1
    return Clips(len(mine), playable, tuple(faults))


def _is_wished(unlock: Mapping[str, Any]) -> bool:
    """Whether somebody was to make a clip: the feat asks for one, and there are not enough of it in the run already."""
    return unlock["clip_status"] is not None and (unlock.get("reason") or {}).get("code") != ENOUGH


def unplayable(client: httpx.Client, unlock: Mapping[str, Any]) -> str | None:
    """Give why an unlock's clip cannot be played; None where all its frames decode."""
    if unlock["clip_status"] != "ready":
        return f"{unlock['clip_status']} ({(unlock.get('reason') or {}).get('code', 'no reason')})"
    answer = client.get(unlock["clip_url"])
    if answer.status_code != 200:
        return f"{unlock['clip_url']} answers {answer.status_code}"
    with from_extra():
        import av
    try:
        with av.open(BytesIO(answer.content), "r") as film:
            frames = len([*film.decode(video=0)])
    except av.FFmpegError as error:
        return f"it does not decode: {error}"
    return None if frames else "it holds no frame"


def gates(plan: DemoPlan) -> dict[str, str | None]:
    """Give, for each goal, why the gate does not let its trace pass, None where it does; failures leave receipts."""
    found: dict[str, str | None] = {}
    for folder in plan.goals:
        gate = try_gate(load_goal(folder), repeat=GATE_REPEATS)
        found[gate.goal.name] = gate.failure and f"{gate.failure} See {write_receipt(gate, plan.folder / 'goal')}."
    return found


def _is_done(supervisor: Supervisor) -> bool:
    """Whether every worker was told that enough is learned; the weights are saved before that is said."""
    return all(status.state == "done" for status in supervisor.statuses[2:])


def _new_folder(runs: Path, name: str) -> Path:
    """Give the path of a folder that is not there yet, for a second demo of the same second too."""
    return next(
        path for number in count(1) if not (path := runs / (name if number == 1 else f"{name}-{number}")).exists()
    )


def _interval(summary: Summary) -> str:
    return "no interval" if summary.low is None else f"{summary.low:.2f} to {summary.high:.2f}"
