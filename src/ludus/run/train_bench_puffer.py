"""Lanes of a World as PufferLib 3.0 takes them, and its trainer; imported only where it is installed."""

from __future__ import annotations

import contextlib
import io
import tempfile
import warnings
from typing import Any

import numpy as np
from gymnasium import spaces

from ludus.core.gym import WorldVectorEnv
from ludus.core.protocols import World

warnings.simplefilter("ignore")  # it asks for CUDA
with (
    tempfile.TemporaryDirectory() as folder,
    contextlib.chdir(folder),  # its import leaves a link where it is done
    contextlib.redirect_stderr(io.StringIO()),  # of gym, which it imports
):
    import pufferlib
    from pufferlib.models import Convolutional
    from pufferlib.pufferl import PuffeRL

FOREVER = 2**40


class LanesAsPufferEnv(pufferlib.PufferEnv):  # type: ignore[misc]
    """All lanes stepped in one call, into the buffers that the trainer reads."""

    def __init__(self, world: World, *, stack: int) -> None:
        self._env = WorldVectorEnv(world, stack=stack, autoreset_mode="SameStep")
        self.single_observation_space = spaces.Box(0, 255, self._env.single_observation_space.shape, np.uint8)
        self.single_action_space = world.spec.action_space
        self.num_agents = world.lanes
        super().__init__()

    def reset(self, seed: int | None = None) -> Any:
        """Give the first observations."""
        self.observations[:] = self._env.reset(seed=seed)[0]
        return self.observations, []

    def step(self, actions: Any) -> Any:
        """Act, and give what it led to."""
        self.observations[:], self.rewards[:], self.terminals[:], self.truncations[:], _ = self._env.step(actions)
        return self.observations, self.rewards, self.terminals, self.truncations, []

    def close(self) -> None:
        """Close the World."""
        self._env.close()


class _Nature(Convolutional):  # type: ignore[misc]
    def forward_eval(self, observations: Any, state: Any = None) -> Any:
        """Think as in training; the trainer calls it so, and this net of its own has no such name."""
        return self.forward(observations, state)


class _Silent(PuffeRL):  # type: ignore[misc]
    def print_dashboard(self, *_args: Any, **_kwargs: Any) -> None:
        """Print nothing, as the other sides do."""


def trainer(world: World, *, stack: int, horizon: int, epochs: int, minibatch: int) -> Any:
    """Give PufferLib's trainer with its own Nature net, whose `evaluate` plays a rollout and `train` learns from it.

    What is not told is as its `default.ini` has it, but for Adam: Muon would be one more package, and is dearer.
    """
    env = LanesAsPufferEnv(world, stack=stack)
    flat = 64 * int(
        np.prod([((side - 8) // 4 + 1 - 4) // 2 + 1 - 2 for side in env.single_observation_space.shape[1:]])
    )
    net = _Nature(env, framestack=stack, flat_size=flat)
    config = {
        "seed": 0,
        "torch_deterministic": True,
        "cpu_offload": False,
        "device": "cpu",
        "optimizer": "adam",
        "anneal_lr": True,
        "precision": "float32",
        "total_timesteps": FOREVER,
        "learning_rate": 2.5e-4,
        "gamma": 0.99,
        "gae_lambda": 0.95,
        "update_epochs": epochs,
        "clip_coef": 0.2,
        "vf_coef": 0.5,
        "vf_clip_coef": 0.2,
        "max_grad_norm": 0.5,
        "ent_coef": 0.01,
        "adam_beta1": 0.9,
        "adam_beta2": 0.999,
        "adam_eps": 1e-5,
        "data_dir": "",
        "checkpoint_interval": FOREVER,
        "batch_size": "auto",
        "minibatch_size": minibatch,
        "max_minibatch_size": minibatch,
        "bptt_horizon": horizon,
        "compile": False,
        "use_rnn": False,
        "vtrace_rho_clip": 1.0,
        "vtrace_c_clip": 1.0,
        "prio_alpha": 0.8,
        "prio_beta0": 0.2,
    }
    made = _Silent(config, env, net)
    made.utilization.stop()  # a thread that would outlive the bench
    return made
