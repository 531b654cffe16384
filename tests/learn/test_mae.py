from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ludus.core.errors import InputError
from ludus.learn.mae import errors, fit, make_autoencoder, probe
from ludus.nets.encoders import NetConfig, make_encoder
from ludus.nets.mae import Hidden, MaeConfig, hide

CONFIG = MaeConfig(mask=0.5, hidden=32, updates=60, batch=32, lr=3e-3)


def _encoder(kind: str = "small") -> nn.Module:
    torch.manual_seed(0)
    return make_encoder(NetConfig.model_validate({"kind": kind, "size": 0.5}), (1, 40, 40), 3)


def _striped(count: int) -> Tensor:
    """Pictures whose stripes all have one shade of two: any patch tells all others."""
    shade = np.random.default_rng(0).integers(0, 2, count) * 3
    frames = np.zeros((count, 1, 40, 40), np.uint8)
    frames[:, :, ::2] = shade[:, None, None, None]
    return torch.from_numpy(frames)


def test_as_many_patches_are_hidden_as_are_asked_for_and_those_of_least_chance() -> None:
    chances = torch.rand(4, 36)
    seen = hide(_striped(4), chances, MaeConfig(mask=0.75))
    assert seen.cut.shape == (4, 6, 6, 64)
    assert seen.hidden.flatten(1).sum(1).tolist() == [27] * 4
    hidden = seen.hidden.flatten(1)
    assert all(chances[row][hidden[row]].max() < chances[row][~hidden[row]].min() for row in range(4))


@pytest.mark.parametrize(("side", "mask"), [(4, 0.75), (40, 0.001), (40, 1.0)])
def test_a_picture_of_one_patch_is_refused_and_so_is_hiding_nothing_or_all(side: int, mask: float) -> None:
    frames = torch.zeros(2, 1, side, side, dtype=torch.uint8)
    with pytest.raises(InputError, match="patches, expected some but not all"):
        hide(frames, torch.rand(2, 1 if side == 4 else 36), MaeConfig(mask=mask))


def test_nothing_of_what_is_hidden_leaks() -> None:
    coder = make_autoencoder(_encoder(), CONFIG, seed=0)
    seen = hide(_striped(4), torch.rand(4, 36), CONFIG)
    other = torch.where(seen.hidden[..., None], torch.randint_like(seen.cut, 4), seen.cut)
    assert not torch.equal(other, seen.cut)
    assert torch.equal(coder(seen), coder(Hidden(other, seen.hidden)))


def test_it_tells_what_is_hidden_from_the_rest_and_the_same_again() -> None:
    frames, told = _striped(200), []
    for _ in range(2):
        coder = make_autoencoder(_encoder(), CONFIG, seed=0)
        before, guess = errors(coder, frames[150:], CONFIG, seed=0)
        fit(coder, frames[:150], CONFIG, seed=0)
        told.append(errors(coder, frames[150:], CONFIG, seed=0)[0])
        assert told[-1] < 0.3 * guess < before
    assert told[0] == told[1]


def test_a_probe_finds_what_is_linear_in_the_features_and_nothing_else() -> None:
    frames = torch.randint(0, 256, (400, 1, 2, 2), dtype=torch.uint8)
    pixels = nn.Sequential(nn.Flatten(), _Float())
    linear = frames.double().flatten(1) @ torch.tensor([1.0, -2.0, 0.5, 3.0], dtype=torch.float64)
    noise = torch.randn(400, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = probe(pixels, frames, torch.stack([linear, noise], 1))
    assert found[0] > 0.999 and found[1] < 0.1


def test_a_net_that_sees_no_patches_is_refused() -> None:
    with pytest.raises(InputError, match=r"Nature, which sees no patches, expected net\.kind 'small'"):
        make_autoencoder(_encoder("nature"), CONFIG, seed=0)


class _Float(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.float() / 255
