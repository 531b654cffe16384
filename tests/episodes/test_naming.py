from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ludus.episodes.naming import SAFE, identity, scenario


def test_an_identity_is_scenario_seed_and_index() -> None:
    """FR-009, seed 002: `<scenario>__<seed>__<episode_idx>`."""
    assert identity("potyard", 7, 0) == "potyard__7__0"


@pytest.mark.parametrize("name", ["potyard", "CartPole-v1", "my_game.2"])
def test_a_safe_name_stays_as_it_is(name: str) -> None:
    assert scenario(name) == name


@pytest.mark.parametrize(
    "name", ["ALE/Breakout-v5", "../../etc/passwd", ".hidden", "a__b", "mein Spiel", "", "ends-", "é"]
)
def test_an_altered_name_gets_a_digest(name: str) -> None:
    assert re.fullmatch(r"(.+-)?[0-9a-f]{8}", scenario(name))
    assert scenario(name) != name


def test_a_gymnasium_id_stays_readable() -> None:
    assert scenario("ALE/Breakout-v5").startswith("ALE-Breakout-v5-")


@given(one=st.text(max_size=12), other=st.text(max_size=12))
def test_every_scenario_is_a_safe_file_name_and_no_two_games_share_one(one: str, other: str) -> None:
    for name in (scenario(one), scenario(other)):
        assert SAFE.fullmatch(name)
        assert "__" not in name
    assert (scenario(one) == scenario(other)) == (one == other)
