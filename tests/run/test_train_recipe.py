from __future__ import annotations

from pathlib import Path

import pytest

from ludus.core.errors import InputError, SettingsError
from ludus.run.recipe import read_recipe, recipes


@pytest.mark.parametrize("name", recipes())
def test_every_shipped_recipe_is_whole(name: str) -> None:
    recipe = read_recipe("potyard", name)
    assert recipe.world.game == "potyard"
    assert recipe.run.steps or recipe.run.minutes
    assert recipe.run.lanes * recipe.run.horizon % recipe.ppo.minibatches == 0


def test_a_game_finds_its_own_recipe_and_flags_lie_over_it() -> None:
    recipe = read_recipe("CartPole-v1", None, ["--ppo.optim.lr=0.5", "--run.seed=3"])
    assert (recipe.net.kind, recipe.world.show, recipe.ppo.optim.lr, recipe.run.seed) == ("mlp", "vector", 0.5, 3)
    assert read_recipe("some.gb").net.kind == "small"


def test_a_file_is_a_recipe_too(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("[run]\nlanes = 3\n")
    assert read_recipe("potyard", str(path)).run.lanes == 3


def test_unknown_names_and_keys_are_refused_with_the_nearest() -> None:
    with pytest.raises(InputError, match="no recipe 'potyad'; did you mean 'potyard'"):
        read_recipe("potyard", "potyad")
    with pytest.raises(SettingsError, match=r"no setting 'ppo\.epoch'; did you mean 'epochs'"):
        read_recipe("potyard", None, ["--ppo.epoch=3"])
