"""A lab on one machine: which processes it is made of, how each is told what it needs, and the way in for a browser."""

from __future__ import annotations

import re
import shutil
import sys
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx

from ludus.core.errors import InputError
from ludus.feats.loader import read_feats
from ludus.gameboy.library import open_game
from ludus.run.feats import find_feats
from ludus.run.games import game_id
from ludus.run.recipe import read_recipe
from ludus.serve.api.app import LEAST_FREE_BYTES
from ludus.serve.door.keys import read_token
from ludus.serve.door.listen import UNIX, bind
from ludus.serve.door.security import MIB
from ludus.serve.lab.supervise import Child

HOST = "127.0.0.1"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,60}")
COMMAND = (sys.executable, "-m", "ludus.cli")
ASK_S = 10.0


@dataclass(frozen=True, slots=True)
class LabPlan:
    """A lab that raises one agent."""

    name: str
    """Of the policy, and of its folder in `runs`."""
    game: str
    workers: int = 1
    state: Path = Path("lab")
    runs: Path = Path("runs")
    port: int = 8040
    learner_port: int = 8061
    metrics_port: int | None = 8765
    uds: Path | None = None
    """A Unix socket by which workers reach the orchestrator, instead of its port."""
    feats: Path | None = None
    goals: Path | None = None
    recipe: str | None = None
    """Name or path of one, by default the game's own."""
    role: str | None = None
    seed: int | None = None
    steps: int | None = None
    minutes: float = 0.0
    settings: tuple[str, ...] = ()
    """Of the recipe, as a.b=c."""

    @property
    def url(self) -> str:
        """Where the orchestrator answers."""
        return f"http://{HOST}:{self.port}"

    @property
    def workers_url(self) -> str:
        """Where workers reach the orchestrator."""
        return f"{UNIX}{self.uds}" if self.uds else self.url

    @property
    def learner_url(self) -> str:
        """Where the learner answers."""
        return f"http://{HOST}:{self.learner_port}"

    @property
    def crew(self) -> dict[str, Path]:
        """Workers by name, and the folder of each."""
        names = (f"{self.name}-{number}" for number in range(1, self.workers + 1))
        return {name: self.state / "workers" / name for name in names}

    @property
    def flags(self) -> list[str]:
        """What stands over the recipe."""
        told = {"world.role": self.role, "run.seed": self.seed, "run.steps": self.steps}
        return [*self.settings, *(f"{key}={value}" for key, value in told.items() if value is not None)]

    @property
    def token(self) -> str:
        """The orchestrator's, made if there is none yet. Raises `InputError` on one that others can read."""
        return read_token(self.state / "token")


def plan_lab(plan: LabPlan) -> LabPlan:
    """Give a plan that can be followed: with the game's own feats and goals, and free ports for 0.

    Raises `InputError`s on whatever would stop it: an unknown game, a setting that does not fit, a port that is in use,
    a disk that is almost full.
    """
    chosen = read_recipe(plan.game, plan.recipe, plan.flags)
    if not NAME.fullmatch(plan.name):
        raise InputError(f"the name is {plan.name!r}, expected letters, digits, '-', '_' and '.'; it names a folder.")
    if plan.minutes < 0:
        raise InputError(f"minutes is {plan.minutes}, expected 0 or more.")
    game_id(chosen.world)
    if not 1 <= plan.workers <= 64:
        raise InputError(f"workers is {plan.workers}, expected 1 to 64.")
    if not chosen.world.of_gymnasium:
        card, _ = open_game(plan.game)
        feats = plan.feats or (find_feats(card) if card.feats else None)
        plan = replace(plan, feats=feats, goals=plan.goals or card.goals)
    if plan.feats is not None:
        read_feats(plan.feats)
    told = {"port": plan.port, "learner_port": plan.learner_port, "metrics_port": plan.metrics_port}
    ports = {name: port for name, port in told.items() if port is not None}
    plan = replace(plan, **_check_ports(ports))
    try:
        for folder in (plan.state, plan.runs):
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder {error.filename}: {error.strerror}; name another.") from error
    check_space(plan.state)
    return plan


def name_for(game: str) -> str:
    """Give a policy's name by its game."""
    return Path(game).stem if game.endswith((".toml", ".gb", ".gbc")) else re.sub(r"[^A-Za-z0-9._-]", "-", game)


def check_space(folder: Path) -> None:
    """Raise `InputError` where a disk is so full that an orchestrator would take nothing."""
    free = shutil.disk_usage(folder).free
    if free < LEAST_FREE_BYTES:
        least = LEAST_FREE_BYTES // MIB
        raise InputError(f"only {free // MIB} MiB are free where {folder} is, expected {least}; make room there.")


def _check_ports(ports: dict[str, int]) -> dict[str, Any]:
    """Give ports that can be listened at, 0 replaced by any that is free. Raises `InputError` that names the option."""
    found: dict[str, int] = {}
    for name, port in ports.items():
        try:
            with closing(bind(HOST, port)) as bound:
                found[name] = bound.getsockname()[1]
        except InputError as error:
            option = f"--{name.replace('_', '-')}"
            raise InputError(f"{HOST}:{port} is in use; end what listens there, or give another {option}.") from error
    return found


def children(plan: LabPlan) -> list[Child]:
    """Give the processes of a lab, in the order in which they need each other."""
    serve = ["serve", "--port", str(plan.port), "--metrics-port", str(plan.metrics_port or -1)]
    serve += ["--state", str(plan.state), "--runs", str(plan.runs)]
    serve += ["--uds", str(plan.uds)] if plan.uds else []
    serve += ["--feats", str(plan.feats)] if plan.feats else []
    serve += ["--goals", str(plan.goals)] if plan.goals else []
    learner = ["learner", plan.name, plan.game, "--runs", str(plan.runs), "--port", str(plan.learner_port)]
    learner += ["--minutes", str(plan.minutes)] + (["--recipe", plan.recipe] if plan.recipe else [])
    learner += [f"--{flag}" for flag in plan.flags]
    worker = ["worker", plan.name, "--learner", plan.learner_url, "--token", str(plan.runs / "token")]
    worker += ["--lab", plan.workers_url, "--lab-token", str(plan.state / "token")]
    return [
        Child("orchestrator", (*COMMAND, *serve), ready_url=f"{plan.url}/readyz"),
        Child("learner", (*COMMAND, *learner), ready_url=f"{plan.learner_url}/healthz"),
        *(
            # One whose learner is away just now ends with exit code 2 too, so nothing that it refuses is final.
            Child(name, (*COMMAND, *worker, "--name", name, "--state", str(place)), refusals=frozenset())
            for name, place in plan.crew.items()
        ),
    ]


def open_url(plan: LabPlan) -> str:
    """Give an address that opens the page in a browser, once. Raises `InputError` where no orchestrator answers."""
    headers = {"authorization": f"Bearer {plan.token}"}
    try:
        answer = httpx.post(f"{plan.url}/open", headers=headers, timeout=ASK_S, trust_env=False)
        answer.raise_for_status()
    except httpx.HTTPError as error:
        raise InputError(f"the orchestrator at {plan.url} gives no way in: {error}") from error
    return f"{plan.url}{answer.json()['url']}"
