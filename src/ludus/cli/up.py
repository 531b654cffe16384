"""`ludus up`: a whole lab on this machine, its processes kept running."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from ludus.serve.lab.supervise import Status, Supervisor
    from ludus.serve.lab.up import LabPlan

LOOK_S = 0.5
READY_S = 120.0


def main(
    game: str = "potyard",
    /,
    *,
    name: str | None = None,
    workers: int | None = None,
    role: str | None = None,
    recipe: str | None = None,
    steps: int | None = None,
    minutes: float = 0.0,
    seed: int | None = None,
    state: Path = Path("lab"),
    runs: Path = Path("runs"),
    port: int = 8040,
    learner_port: int = 8061,
    metrics_port: int = 8765,
    uds: Path | None = None,
    inline: bool = False,
    settings: tuple[str, ...] = (),
) -> int:
    """Run a lab on this machine: an orchestrator with its page, a learner of one policy, and workers that play for it.

    Each is a process, and is started again whenever it ends, after a pause that grows with each failure. Any of them
    may be killed: what was acknowledged is kept, and the policy goes on from its newest checkpoint. Ctrl-C ends all of
    them, and the same command goes on where they were. What they write is in STATE/logs.

    Args:
        game: as in ludus train.
        name: of the policy, and of its folder in RUNS; by default the game's.
        workers: that play, by default 2: one plays while the learner learns from the other's rollout; 1 inline.
        role: whose rewards to learn from, a role of the card.
        recipe: name of a shipped recipe or path of a .toml; by default the game's own.
        steps: learn from so many steps of all workers together; by default it goes on until it is ended.
        minutes: learn for so long.
        seed: of the weights, and of all workers' lanes and chances.
        state: folder of the orchestrator's store, its token and the logs.
        runs: folder of the folders of runs.
        port: of the page and the orchestrator; 0 takes any that is free.
        learner_port: of the learner; 0 takes any that is free.
        metrics_port: of the metrics stream; -1 for none.
        uds: path of a Unix socket by which the workers reach the orchestrator, which no other user can open.
        inline: all of it in one process, with one worker and without the learner's port, to debug it.
        settings: settings of the learner as a.b=c, over the recipe; --a.b=c says the same.
    """
    from ludus.serve.lab.up import LabPlan, name_for, plan_lab

    crew = workers if workers is not None else 1 if inline else 2
    told = LabPlan(name or name_for(game), game, crew, state, runs, port, learner_port)
    told = replace(told, metrics_port=None if metrics_port < 0 else metrics_port, recipe=recipe, role=role, seed=seed)
    plan = plan_lab(replace(told, steps=steps, minutes=minutes, uds=uds, settings=settings))
    if inline:
        from ludus.serve.lab.inline import run_inline

        run_inline(plan, lambda told: print(way_in(told.url, told.open_url), flush=True))
        return 0
    return _keep_up(plan)


def _keep_up(plan: LabPlan) -> int:
    from ludus.serve.lab.supervise import Supervisor, ended_by_sigterm
    from ludus.serve.lab.up import children, open_url

    try:
        with ended_by_sigterm(), Supervisor(children(plan), plan.state / "logs", tell=_print) as supervisor:
            supervisor.wait_until_ready(READY_S)
            print(way_in(plan.url, open_url(plan)), flush=True)
            stay_up(supervisor)
    except KeyboardInterrupt:
        return 0


def stay_up(supervisor: Supervisor) -> NoReturn:
    """Keep children running until Ctrl-C. Raises `InputError` where one of them refuses."""
    while True:
        supervisor.check()
        threading.Event().wait(LOOK_S)


def way_in(url: str, open_url: str) -> str:
    """Give the line that says where the page of an orchestrator opens."""
    from ludus.serve.page import built_page

    if built_page() is None:
        return f"the page is not built, for that needs Node: make run; what is kept is told at {url}/runs"
    return f"open {open_url}"


def _print(status: Status) -> None:
    print(status.line, flush=True)
