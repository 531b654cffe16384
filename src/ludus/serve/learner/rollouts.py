"""Rollouts as they travel: the seed's JSON, of vectors or pictures, and our own bytes. T steps, N lanes.

Our own are safetensors with the tensors of `Rollout`, frames as one zstd frame, and `episode_returns`. Whatever is
packed unpacks to the bytes that its sizes ask for, never to more, so no body grows here.
"""

from __future__ import annotations

import base64
import binascii
import math
import zlib
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow
import safetensors
import safetensors.torch
import torch
from msgspec import Meta, Struct
from torch import Tensor

from ludus.learn.rollout import Rollout, empty_rollout, layout
from ludus.nets.agent import Agent
from ludus.run.learner import Played, check_tensor, invalid
from ludus.serve.wire import Count, Name

MOST_STEPS = 65_536
"""Steps of all lanes in a rollout."""
MOST_BYTES = 256 * 1024 * 1024
"""Of a rollout's frames, unpacked."""
RETURNS = "episode_returns"
Flag = bool | Annotated[int, Meta(ge=0, le=1)]
Number = float
Rows = Annotated[list[list[Number]], Meta(max_length=MOST_STEPS)]
Row = Annotated[list[Number], Meta(max_length=MOST_STEPS)]
Flags = Annotated[list[Flag], Meta(max_length=MOST_STEPS)]


class RolloutBody(Struct, kw_only=True, forbid_unknown_fields=True):
    """What one lane did in T steps, as the seed's workers tell it."""

    instance_id: Name
    policy_name: Name
    policy_version: Count | None = None
    """Of the weights that played; a rollout that does not say is corrected."""
    rewards: Annotated[list[Number], Meta(min_length=1, max_length=MOST_STEPS)]
    dones: Flags
    truncated: Flags | None = None
    """Of steps that are done, those that were cut off."""
    actions_disc: Rows = []
    actions_cont: Rows = []
    action_masks: Rows | None = None
    """`[T][A]`, of the first branch of actions: 1 where one was allowed."""
    log_probs: Row | None = None
    """Of the actions as they were executed."""
    values: Row | None = None
    hparams: dict[str, Any] | None = None
    """Not followed: the learner's recipe says how it learns."""
    seq_lens: list[int] | None = None
    episode_returns: Row | None = None
    episode_lengths: Row | None = None
    eval_mode: bool = False
    """Nothing is learned from an evaluation."""
    eval_seed: int | None = None
    eval_clip_url: str | None = None


class VectorBody(RolloutBody, kw_only=True):
    """A rollout of vectors."""

    obs: Rows
    """`[T][D]`."""


Side = Annotated[int, Meta(ge=1, le=4096)]


class PixelBody(RolloutBody, kw_only=True):
    """A rollout of pictures."""

    obs_zlib_b64: str
    """base64 of zlib of uint8 `[T, C, H, W]`."""
    obs_width: Side
    obs_height: Side
    obs_channels: Side = 3
    obs_dtype: Literal["uint8"] = "uint8"


def read_vectors(body: VectorBody, agent: Agent) -> Played:
    """Give the rollout of a body. Raises `RolloutError` that names the field."""
    stacked = agent.door.stacked
    if len(stacked) != 2:
        raise invalid("obs", f"are vectors, but the policy sees pictures {list(stacked)}; push pixels")
    rows = _rows("obs", body.obs, len(body.rewards), math.prod(stacked))
    return _played(body, agent, torch.from_numpy(rows).view(-1, *stacked))


def read_pixels(body: PixelBody, agent: Agent) -> Played:
    """Give the rollout of a body. Raises `RolloutError` that names the field.

    C is K for grey pictures and K * 3, frame by frame, for those in colour.
    """
    stacked = agent.door.stacked
    if len(stacked) < 3:
        raise invalid("obs_zlib_b64", f"holds pictures, but the policy sees vectors {list(stacked)}")
    colours = stacked[3] if len(stacked) == 4 else 1
    expected = {"obs_channels": stacked[0] * colours, "obs_height": stacked[1], "obs_width": stacked[2]}
    for name, size in expected.items():
        if getattr(body, name) != size:
            raise invalid(name, f"is {getattr(body, name)}, the policy sees {size}")
    steps = len(body.rewards)
    count = _bounded("obs_zlib_b64", steps * math.prod(expected.values()))
    try:
        packed = base64.b64decode(body.obs_zlib_b64, validate=True)
    except (binascii.Error, ValueError) as error:
        raise invalid("obs_zlib_b64", f"is not base64: {error}") from error
    unpacker = zlib.decompressobj()
    try:
        data = unpacker.decompress(packed, count + 1)
    except zlib.error as error:
        raise invalid("obs_zlib_b64", f"is not zlib: {error}") from error
    if len(data) != count or not unpacker.eof or unpacker.unused_data:
        found = "more" if len(data) > count else f"{len(data)} whole ones" if unpacker.eof else "a part of them"
        raise invalid("obs_zlib_b64", f"holds {found}, expected T * C * H * W = {count} bytes and nothing after")
    pictures = torch.frombuffer(bytearray(data), dtype=torch.uint8)
    frames = pictures.view(steps, stacked[0], colours, *stacked[1:3])
    return _played(body, agent, frames.movedim(2, -1) if len(stacked) == 4 else frames.squeeze(2))


def pack_rollout(played: Played) -> bytes:
    """Give a rollout in our own bytes."""
    tensors = {name: tensor.cpu().contiguous() for name, tensor in played.rollout.tensors().items()}
    packed = pyarrow.Codec("zstd").compress(tensors["frames"].numpy().tobytes(), asbytes=True)
    tensors["frames"] = torch.frombuffer(bytearray(packed), dtype=torch.uint8)
    return safetensors.torch.save(tensors | {RETURNS: torch.tensor(played.returns, dtype=torch.float64)})


def unpack_rollout(data: bytes, agent: Agent) -> tuple[Rollout, tuple[float, ...]]:
    """Give the rollout that `pack_rollout` packed, and returns. Raises `RolloutError` that names the field."""
    try:
        told = safetensors.torch.load(data)
    except safetensors.SafetensorError as error:
        raise invalid("body", f"is not safetensors: {error}") from error
    reward = told.get("reward")
    if reward is None or reward.ndim != 2 or not 0 < reward.numel() <= MOST_STEPS:
        shape = "absent" if reward is None else list(reward.shape)
        raise invalid("reward", f"is {shape}, expected float32 [T, N] of at most {MOST_STEPS} in all")
    expected = layout(agent, steps=len(reward), lanes=reward.shape[1], masked="allowed" in told)
    for name in sorted({*expected, RETURNS} ^ told.keys()):
        raise invalid(name, "is unknown, leave it out" if name in told else "is absent, expected it")
    returns = told.pop(RETURNS)
    check_tensor(RETURNS, returns, torch.float64, [min(returns.numel(), MOST_STEPS)])
    dtype, shape = expected["frames"]
    packed = told["frames"]
    check_tensor("frames", packed, torch.uint8, [packed.numel()])
    count = _bounded("frames", math.prod(shape) * dtype.itemsize)
    try:
        unpacked = pyarrow.Codec("zstd").decompress(packed.numpy().tobytes(), count, asbytes=True)
    except OSError as error:
        raise invalid("frames", f"is not one zstd frame of {count} bytes: {error}") from error
    told["frames"] = torch.frombuffer(bytearray(unpacked), dtype=dtype).view(shape)
    for name, (kind, sizes) in expected.items():
        check_tensor(name, told[name], kind, sizes)
    return _on(Rollout(**told), agent), tuple(returns.tolist())


def _played(body: RolloutBody, agent: Agent, frames: Tensor) -> Played:
    """Give a rollout of frames `[T, *stacked]`. Its last step needs a frame after it, unless it ends the episode."""
    told = len(body.rewards)
    dones, truncated = _column("dones", body.dones, told), _column("truncated", body.truncated, told)
    steps = told if dones[-1] else told - 1
    if not steps:
        raise invalid("rewards", "tell of one step that ends nothing, expected two or more")
    if body.log_probs is None:
        raise invalid("log_probs", "are absent, expected one of each action as it was executed")
    if bool((truncated > dones).any()):
        raise invalid("truncated", "is set where dones is not")
    values = _column("values", body.values, told)
    if body.values is None and truncated.any():
        raise invalid("values", "are absent, expected them where an episode is truncated")
    rollout = empty_rollout(agent, steps=steps, lanes=1, masked=body.action_masks is not None)
    rollout.frames[: min(told, steps + 1), 0] = frames[: steps + 1]
    ends, cuts = torch.from_numpy(dones[:steps] > 0), torch.from_numpy(truncated[:steps] > 0)
    rollout.first[0] = True
    rollout.first[1:, 0] = ends
    rollout.terminated[:, 0] = ends & ~cuts
    rollout.truncated[:, 0] = cuts
    rollout.action[:, 0] = torch.from_numpy(_actions(body, agent)[:steps])
    rollout.log_prob[:, 0, 0] = torch.from_numpy(_column("log_probs", body.log_probs, told)[:steps])
    rollout.reward[:, 0] = torch.from_numpy(_column("rewards", body.rewards, told)[:steps])
    # The frame after a cut is not told; the value of the one before it is the nearest that there is.
    rollout.final_value[:, 0] = torch.from_numpy(values[:steps]).where(cuts, torch.tensor(0.0))
    if rollout.allowed is not None:
        first = agent.head.branches[0].logit
        masks = _rows("action_masks", body.action_masks or [], told, first.stop - first.start)
        rollout.allowed[:, 0, first] = torch.from_numpy(masks[:steps] > 0)
    _column("episode_lengths", body.episode_lengths, len(body.episode_lengths or []))
    returns = _column("episode_returns", body.episode_returns, len(body.episode_returns or []))
    return Played(body.instance_id, body.policy_version, rollout, tuple(returns.tolist()), joint=True)


def _actions(body: RolloutBody, agent: Agent) -> npt.NDArray[np.float32]:
    """Give `float32[T, P]`: numbers of Boxes come from `actions_cont`, all others from `actions_disc`, in order."""
    head, steps = agent.head, len(body.rewards)
    normal = np.zeros(head.parts, np.bool_)
    for branch in head.branches:
        normal[branch.part] = branch.kind == "normal"
    found = np.zeros((steps, head.parts), np.float32)
    for name, rows, parts in (
        ("actions_disc", body.actions_disc, ~normal),
        ("actions_cont", body.actions_cont, normal),
    ):
        if parts.any() or any(rows):
            found[:, parts] = _rows(name, rows, steps, int(parts.sum()))
    return found


def _rows(name: str, rows: Sequence[Sequence[Number]], steps: int, width: int) -> npt.NDArray[np.float32]:
    if len(rows) != steps or any(len(row) != width for row in rows):
        wrong = next((f"; row {n} has {len(row)}" for n, row in enumerate(rows) if len(row) != width), "")
        raise invalid(name, f"has {len(rows)} rows{wrong}, expected {steps} of {width}")
    return _finite(name, np.array(rows, np.float64).reshape(steps, width))


def _column(name: str, row: Sequence[Number] | None, steps: int) -> npt.NDArray[np.float32]:
    if row is None:
        return np.zeros(steps, np.float32)
    if len(row) != steps:
        raise invalid(name, f"has {len(row)} numbers, expected {steps}, as many as rewards")
    return _finite(name, np.array(row, np.float64))


def _finite(name: str, numbers: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    if not (np.abs(numbers) <= np.finfo(np.float32).max).all():
        raise invalid(name, "holds a number that is too large for float32")
    return numbers.astype(np.float32)


def _bounded(name: str, count: int) -> int:
    if count > MOST_BYTES:
        raise invalid(name, f"would be {count} bytes, expected at most {MOST_BYTES}; push less at a time")
    return count


def _on(rollout: Rollout, agent: Agent) -> Rollout:
    """Give a rollout on the agent's device."""
    device = agent.value.weight.device
    return Rollout(**{name: tensor.to(device) for name, tensor in rollout.tensors().items()})
