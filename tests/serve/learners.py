"""Learners that tests serve on loopback, and bodies of the seed's form."""

from __future__ import annotations

import asyncio
import base64
import threading
import zlib
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from ludus.core.clock import ManualClock
from ludus.core.rng import uniform
from ludus.run.learner import Learner
from ludus.run.recipe import Recipe, read_recipe
from ludus.serve.door.keys import Keys
from ludus.serve.door.listen import bind, serve, server_for
from ludus.serve.learner.api import School, create_learner_app

TOKEN = "a-token-for-these-tests"
STEPS = 9


def recipe(game: str = "CartPole-v1", *flags: str) -> Recipe:
    small = ["run.lanes=2", "run.horizon=8", "ppo.epochs=1", "ppo.minibatches=1", "run.steps=0", *flags]
    return read_recipe(game, None, [f"--{flag}" for flag in small])


class Served:
    """Learners that answer on a port of their own, in a thread."""

    def __init__(self, learners: dict[str, Learner], runs: Path) -> None:
        self.school = School(learners, runs)
        bound = bind("127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        self._server = server_for(create_learner_app(self.school, Keys(TOKEN, ManualClock())))
        self._bound, self._ready = bound, threading.Event()
        self._thread = threading.Thread(target=asyncio.run, args=(self._run(),))
        self._thread.start()
        assert self._ready.wait(30)

    def client(self, **headers: str) -> httpx.Client:
        headers = {"authorization": f"Bearer {TOKEN}"} | headers
        return httpx.Client(base_url=self.url, headers=headers, timeout=60, trust_env=False)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(30)
        assert not self._thread.is_alive()

    async def _run(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        serving = asyncio.create_task(serve([(self._server, [self._bound])], self._stop))
        await self._server.ready.wait()
        self._ready.set()
        await serving


def registration(policy: str = "pole", **more: Any) -> dict[str, Any]:
    return {"instance_id": "seed-0", "policy_name": policy, "capabilities": {}} | more


def steps(**more: Any) -> dict[str, Any]:
    """What the seed's bodies share."""
    told = {
        "instance_id": "seed-0",
        "hparams": {"lr": 3e-4},
        "actions_cont": [],
        "actions_disc": [[n % 2] for n in range(STEPS)],
        "rewards": [1.0] * STEPS,
        "dones": [n == 4 for n in range(STEPS)],
        "log_probs": [-0.7] * STEPS,
        "values": [0.5] * STEPS,
        "episode_returns": [5.0],
        "episode_lengths": [5],
        "eval_mode": False,
    }
    return told | more


def vectors(**more: Any) -> dict[str, Any]:
    obs = uniform(0, "obs", np.arange(STEPS * 4)).reshape(STEPS, 4).tolist()
    return steps(policy_name="pole", obs=obs) | more


def coded(data: bytes) -> str:
    return base64.b64encode(zlib.compress(data, 1)).decode()


def pixels(**more: Any) -> dict[str, Any]:
    sizes = {"obs_width": 80, "obs_height": 72, "obs_channels": 2, "obs_dtype": "uint8"}
    return steps(policy_name="yard", obs_zlib_b64=coded(bytes(STEPS * 2 * 72 * 80)), **sizes) | more


def told(answer: httpx.Response) -> tuple[int, str, str | None]:
    body = answer.json()
    assert body["ok"] is False and body["detail"]
    return answer.status_code, body["error"], body.get("field")
