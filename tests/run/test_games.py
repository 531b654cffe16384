from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from ludus.core.errors import InputError
from ludus.gameboy.library import shipped
from ludus.run.games import GameSettings, codec_id, game_id, open_world
from tests.gameboy.roms import scroller


@pytest.mark.parametrize(
    ("game", "id_of_world", "codec"),
    [
        ("potyard", "gameboy:potyard", "pokemonred_puffer_v1"),
        (str(shipped()["potyard"]), "gameboy:potyard", "pokemonred_puffer_v1"),
        ("tests.gym_games:Dots-v0", "Dots-v0", "Discrete(5)"),
    ],
)
def test_a_game_is_opened_by_its_name(game: str, id_of_world: str, codec: str) -> None:
    settings = GameSettings(game=game)
    with closing(open_world(settings, 2)) as world:
        assert (world.spec.id, world.lanes, codec_id(world)) == (id_of_world, 2, codec)
    assert game_id(settings) == id_of_world.removeprefix("gameboy:")


def test_a_rom_is_a_game(tmp_path: Path) -> None:
    path = tmp_path / "scroller.gb"
    path.write_bytes(scroller())
    settings = GameSettings(game=str(path), max_steps=5)
    with closing(open_world(settings, 1)) as world:
        assert world.spec.id == "gameboy:SCROLLER"
    assert game_id(settings) == "SCROLLER"


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"game": "potyrad"}, "did you mean 'potyard'"),
        ({"game": "nowhere.gb"}, "cannot read nowhere.gb"),
        ({"game": "nowhere.toml"}, "cannot read nowhere.toml"),
        ({"game": "NoSuchGame-v3"}, "NoSuchGame"),
        ({"game": "CartPole-v1", "role": "scout"}, "role is 'scout', but 'CartPole-v1' is a Gymnasium game"),
        ({"game": "potyard", "show": "vector"}, "show is 'vector', but 'potyard' is a Game Boy game"),
        ({"game": "potyard", "options": {"a": 1}}, "options is"),
        ({"game": "potyard", "role": "scuot"}, "did you mean 'scout'"),
    ],
)
def test_what_cannot_be_opened_is_an_error_that_says_why(settings: dict[str, object], what: str) -> None:
    with pytest.raises(InputError, match=what):
        open_world(GameSettings.model_validate(settings), 1)
