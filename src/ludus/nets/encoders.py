"""What turns stacked frames into features: four encoders with one dial for their size."""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional

from ludus.core.config import Settings
from ludus.core.errors import InputError
from ludus.nets.layers import compute_dtype, orthogonal

PATCH = 8
"""Pixels on a side of what `Small` sees as one."""

Kind = Literal["small", "nature", "impala", "mlp"]


class NetConfig(Settings):
    """A net, whole."""

    kind: Kind = "small"
    """small: patches and one residual block, for two cores; nature: Mnih et al. 2015; impala: Espeholt et al. 2018;
    mlp: for vectors, where actor and critic share nothing."""
    size: float = 1.0
    """The one dial: all widths follow from it (`derive`)."""
    core: Literal["none", "gru"] = "none"
    """What carries memory from step to step, beside the stack."""


class Sizes(NamedTuple):
    """What follows from the dial."""

    width: int
    """Channels of the first layer."""
    hidden: int
    """Features."""


def derive(config: NetConfig) -> Sizes:
    """Give a net's sizes: at dial 1 those of the paper, or for `small` what two cores can train."""
    base = {"small": (32, 128), "nature": (32, 512), "impala": (16, 256), "mlp": (64, 64)}
    width, hidden = base[config.kind]
    return Sizes(max(8, 8 * round(width * config.size / 8)), max(16, 16 * round(hidden * config.size / 16)))


def make_encoder(config: NetConfig, stacked: tuple[int, ...], levels: int) -> nn.Module:
    """Give the encoder of frames `[B, *stacked]` of 0 to `levels` to features `[B, hidden]`.

    stacked: (K, H, W), (K, H, W, 3) or (K, D). Raises `InputError` where the kind of net and the frames do not fit.
    """
    pictures = len(stacked) > 2
    if pictures == (config.kind == "mlp"):
        fits = [kind for kind in get_args(Kind) if (kind != "mlp") == pictures]
        raise InputError(f"net.kind is {config.kind!r} for frames {list(stacked)}, expected one of {fits}.")
    sizes = derive(config)
    if config.kind == "mlp":
        return Mlp(stacked[0] * stacked[1], sizes)
    shape = stacked if len(stacked) == 3 else (stacked[0] * stacked[3], *stacked[1:3])
    if config.kind == "small":
        return Small(shape, sizes, levels)
    return Nature(shape, sizes, levels) if config.kind == "nature" else Impala(shape, sizes, levels)


def channels(frames: Tensor) -> Tensor:
    """Give frames `[B, K, H, W]` or `[B, K, H, W, 3]` as channels `[B, C, H, W]`, still bytes."""
    return frames.permute(0, 1, 4, 2, 3).flatten(1, 2) if frames.ndim == 5 else frames


def lay_out(encoder: nn.Module, frames: Tensor) -> Tensor:
    """Give frames `[T, N, K, H, W]` as a net that begins with a convolution reads them: channels beside each other.

    The values and their order are the same, only the strides differ. Done once, it spares every epoch the way.
    """
    if frames.ndim != 5 or not isinstance(encoder, Nature | Impala):
        return frames
    return frames.movedim(2, -1).contiguous().movedim(-1, 2)


class FirstConv(nn.Conv2d):
    """A convolution of pictures of bytes, 0 to `levels`, as if they were 0 to 1.

    The weights are scaled, not the pixels, of which there are many more.
    """

    def __init__(self, planes: int, width: int, size: int, *, levels: int, stride: int = 1, padding: int = 0) -> None:
        super().__init__(planes, width, size, stride=stride, padding=padding)
        self.levels = levels

    def forward(self, frames: Tensor) -> Tensor:
        """Give the map of frames `[B, K, H, W]` or `[B, K, H, W, 3]`."""
        wide = channels(frames).to(compute_dtype(frames.device), memory_format=torch.channels_last)
        return functional.conv2d(wide, self.weight / self.levels, self.bias, self.stride, self.padding)


class Small(nn.Module):
    """A CNN for two cores: patches of 8 pixels, centred on every 8th, and two residual blocks that look around them.

    Half of the features say what is there, by the maximum over all places, so that what is learned in one corner holds
    in the others; half say where. It looks at each pixel once, which is what makes it cheap.
    """

    def __init__(self, shape: tuple[int, ...], sizes: Sizes, levels: int) -> None:
        super().__init__()
        planes, height, width = shape
        self.levels = levels
        self.stem = orthogonal(nn.Linear(planes * PATCH**2, sizes.width))
        self.near = orthogonal(nn.Conv2d(sizes.width, sizes.width, 3, padding=1))
        self.far = orthogonal(nn.Conv2d(sizes.width, sizes.width, 3, padding=2, dilation=2))
        self.sort = orthogonal(nn.Linear(sizes.width, 2 * sizes.width))
        self.what = orthogonal(nn.Linear(2 * sizes.width, sizes.hidden // 2))
        self.where = orthogonal(nn.Linear(cells(height) * cells(width) * sizes.width, sizes.hidden // 2))
        self.norm = nn.LayerNorm(sizes.hidden)

    def forward(self, frames: Tensor) -> Tensor:
        """Give features `[B, hidden]`."""
        tokens = self.tokens(patches(channels(frames)))
        sorts = self.sort(tokens.permute(0, 2, 3, 1).flatten(1, 2))
        what = self.what(functional.relu(sorts.max(1).values))
        where = self.where(tokens.flatten(1))
        features: Tensor = functional.relu(self.norm(torch.cat([what, where], 1)))
        return features

    def tokens(self, cut: Tensor, hidden: Tensor | None = None, token: Tensor | None = None) -> Tensor:
        """Give the map `[B, width, rows, columns]` of patches; a token stands for those that are hidden.

        The weights are scaled, not the pixels, of which there are many more.
        """
        stem = self.stem
        if self.levels < 128:
            cut = cut.view(torch.int8)  # which torch makes into bf16 four times as quickly as uint8
        embedded = functional.linear(cut.to(compute_dtype(cut.device)), stem.weight / self.levels, stem.bias)
        if hidden is not None and token is not None:
            embedded = torch.where(hidden[..., None], token.to(embedded.dtype), embedded)
        x = functional.relu(embedded).permute(0, 3, 1, 2)
        x = functional.relu(x + self.near(x))
        return functional.relu(x + self.far(x))


def cells(side: int) -> int:
    """Give how many patches lie along a side of so many pixels."""
    return -(-(side + PATCH // 2) // PATCH)


def patches(x: Tensor) -> Tensor:
    """Give the patches of bytes `[B, C, H, W]`, centred on every 8th pixel from the corner: `[B, h, w, C * size^2]`.

    Eight pixels in a row are moved as one word, which is thrice as quick.
    """
    size = PATCH
    batch, planes, height, width = x.shape
    rows, columns = cells(height), cells(width)
    wide = x.new_zeros(batch, planes, rows * size, columns * size)
    wide[:, :, size // 2 : size // 2 + height, size // 2 : size // 2 + width] = x
    words = wide.view(torch.int64).view(batch, planes, rows, size, columns).permute(0, 2, 4, 1, 3)
    return words.contiguous().view(torch.uint8).view(batch, rows, columns, planes * size**2)


class Nature(nn.Module):
    """The CNN of Mnih et al. 2015, "Human-level control through deep reinforcement learning"."""

    def __init__(self, shape: tuple[int, ...], sizes: Sizes, levels: int) -> None:
        super().__init__()
        width = sizes.width
        self.convolutions = nn.Sequential(
            orthogonal(FirstConv(shape[0], width, 8, levels=levels, stride=4)),
            nn.ReLU(inplace=True),
            orthogonal(nn.Conv2d(width, 2 * width, 4, stride=2)),
            nn.ReLU(inplace=True),
            orthogonal(nn.Conv2d(2 * width, 2 * width, 3)),
            nn.ReLU(inplace=True),
            nn.Flatten(),
        )
        self.dense = orthogonal(nn.Linear(_flat(self.convolutions, shape), sizes.hidden))

    def forward(self, frames: Tensor) -> Tensor:
        """Give features `[B, hidden]`."""
        features: Tensor = functional.relu(self.dense(self.convolutions(frames)))
        return features


class Impala(nn.Module):
    """The residual CNN of Espeholt et al. 2018, "IMPALA", figure 3 right: stages of 1, 2 and 2 times the width."""

    def __init__(self, shape: tuple[int, ...], sizes: Sizes, levels: int) -> None:
        super().__init__()
        first = FirstConv(shape[0], sizes.width, 3, levels=levels, padding=1)
        stages: list[nn.Module] = []
        planes = sizes.width
        for width in (sizes.width, 2 * sizes.width, 2 * sizes.width):
            widening = nn.Conv2d(planes, width, 3, padding=1) if stages else first
            pool = nn.MaxPool2d(3, stride=2, padding=1)
            stages += [orthogonal(widening), pool, _Residual(width), _Residual(width)]
            planes = width
        self.convolutions = nn.Sequential(*stages, nn.ReLU(), nn.Flatten())
        self.dense = orthogonal(nn.Linear(_flat(self.convolutions, shape), sizes.hidden))

    def forward(self, frames: Tensor) -> Tensor:
        """Give features `[B, hidden]`."""
        features: Tensor = functional.relu(self.dense(self.convolutions(frames)))
        return features


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = orthogonal(nn.Conv2d(width, width, 3, padding=1))
        self.second = orthogonal(nn.Conv2d(width, width, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        change: Tensor = self.second(functional.relu(self.first(functional.relu(x))))
        return x + change


class Mlp(nn.Module):
    """Two tanh layers over a stack of vectors `float32[B, K, D]`."""

    def __init__(self, inputs: int, sizes: Sizes) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(),
            orthogonal(nn.Linear(inputs, sizes.width)),
            nn.Tanh(),
            orthogonal(nn.Linear(sizes.width, sizes.hidden)),
            nn.Tanh(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Give features `[B, hidden]`."""
        features: Tensor = self.layers(x)
        return features


def _flat(convolutions: nn.Module, shape: tuple[int, ...]) -> int:
    """Give the number of values that convolutions make of `[C, H, W]`. Raises `InputError` on a picture too small."""
    try:
        with torch.no_grad():
            return int(convolutions(torch.zeros(1, *shape, dtype=torch.uint8)).shape[1])
    except RuntimeError as error:
        raise InputError(
            f"pictures are {list(shape[1:])}, too small for this net; take net.kind 'small' or 'impala'."
        ) from error
