from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, ValidationError

from ludus.core import config
from ludus.core.errors import SettingsError

WORD = st.characters(exclude_categories=["Cs", "Cc"])


class Train(config.Settings):
    minutes: float = 3.0
    lanes: int = Field(default=64, ge=1)


class Rule(config.Settings):
    kind: str


class Run(config.Settings):
    game: str
    rules: tuple[Rule, ...] = ()
    watches: dict[str, Rule] | None = None
    train: Train = Train()
    roles: tuple[str, ...] = ()
    weights: dict[str, float] = Field(default_factory=dict)
    note: str | None = None


@pytest.fixture
def block(tmp_path: Path) -> Path:
    path = tmp_path / "base.toml"
    path.write_text('game = "potyard"\n[train]\nminutes = 10\nlanes = 8\n[weights]\npots = 1\n')
    return path


def test_a_block_fills_the_model_and_defaults_fill_the_rest(block: Path) -> None:
    run = config.load(Run, [block])
    assert run == Run(game="potyard", train=Train(minutes=10, lanes=8), weights={"pots": 1.0})


def test_later_blocks_lie_over_earlier_ones_key_by_key(block: Path, tmp_path: Path) -> None:
    later = tmp_path / "later.toml"
    later.write_text("[train]\nlanes = 16\n[weights]\ngold = 2\n")
    run = config.load(Run, [block, later])
    assert run.train == Train(minutes=10, lanes=16)
    assert run.weights == {"pots": 1.0, "gold": 2.0}


def test_flags_lie_over_blocks(block: Path) -> None:
    flags = ["--train.lanes=4", '--roles=["scout", "tank"]', "--game=007", "--weights.pots=-1e-3", "--note=a=b"]
    run = config.load(Run, [block], flags)
    assert run.train == Train(minutes=10, lanes=4)
    assert (run.roles, run.game, run.weights, run.note) == (("scout", "tank"), "007", {"pots": -1e-3}, "a=b")


def test_what_was_dumped_is_a_block_that_gives_the_same_settings(block: Path, tmp_path: Path) -> None:
    run = config.load(Run, [block], ["--train.lanes=5"])
    saved = tmp_path / "run.json"
    config.dump(run, saved)
    assert config.load(Run, [saved]) == run
    assert '"note": null' in saved.read_text()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--train.lane=4"], "--train.lane=4: there is no setting 'train.lane'; did you mean 'lanes'?"),
        (["--gme=x"], "--gme=x: there is no setting 'gme'; did you mean 'game'?"),
        (["--train.zzz=4"], "there is no setting 'train.zzz'; known are: minutes, lanes."),
        (
            ["--train.lanes=four"],
            "--train.lanes=four: setting 'train.lanes' is 'four': Input should be",
        ),
        (["--train.lanes=0"], "setting 'train.lanes' is '0': Input should be greater than or equal to 1."),
        (['--rules=[{knid = "x"}]'], "there is no setting 'rules.0.knid'; did you mean 'kind'?"),
        (["--watches.hp.knid=x"], "there is no setting 'watches.hp.knid'; did you mean 'kind'?"),
        (["--watches.hp.zzz=x"], "there is no setting 'watches.hp.zzz'; known are: kind."),
        (["--train=4"], "--train=4: setting 'train' is '4'"),
        (["--train.lanes"], "--train.lanes: expected --KEY=VALUE"),
        (["--train..lanes=1"], "--train..lanes=1: expected --KEY=VALUE"),
        (["--roles=[1"], "--roles=[1: "),
    ],
)
def test_a_bad_flag_is_an_error_that_names_it(block: Path, flags: list[str], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        config.load(Run, [block], flags)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gaem = 1", "bad.toml: there is no setting 'gaem'; did you mean 'game'?"),
        ("[train]\nlanes = 1.5", "bad.toml: setting 'train.lanes' is 1.5"),
        ("game = \n", "bad.toml: Invalid value (at line 1"),
    ],
)
def test_a_bad_block_is_an_error_that_names_its_file(block: Path, tmp_path: Path, text: str, message: str) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text(text)
    with pytest.raises(SettingsError) as caught:
        config.load(Run, [block, bad])
    assert message in str(caught.value)


def test_a_missing_setting_is_an_error_that_says_how_to_give_it() -> None:
    with pytest.raises(SettingsError, match="'game' is missing; give it in a block or as --game=VALUE"):
        config.load(Run, [])


def test_every_problem_is_named_at_once(block: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        config.load(Run, [block], ["--train.lanes=x", "--trian.lanes=1"])
    assert len(str(caught.value).splitlines()) == 2


JSON = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(WORD),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(WORD), inner, max_size=3),
    max_leaves=8,
)


@given(table=st.dictionaries(st.text(WORD), JSON, max_size=4))
def test_a_table_written_as_toml_is_read_back_as_it_was(table: dict[str, Any]) -> None:
    assert tomllib.loads(config.to_toml(table)) == table


def test_what_is_none_is_left_out_of_toml() -> None:
    assert config.to_toml({"a": None, "b": {"c": None, "d": 1e-05}}) == "[b]\nd = 1e-05\n"


def test_a_json_block_that_is_no_object_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "list.json"
    path.write_text("[1]")
    with pytest.raises(SettingsError, match=r"list\.json: holds \[1\]"):
        config.load(Run, [path])


def test_settings_are_frozen(block: Path) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        config.load(Run, [block]).game = "other"  # type: ignore[misc]


def test_a_variable_is_another_name_of_a_setting() -> None:
    assert config.variable("highlights.folder", {"METABONK_HIGHLIGHTS_DIR": "there", "OTHER": "x"}) == "there"
    assert config.variable("highlights.folder", {}) is None


def test_of_two_variables_of_one_setting_the_first_counts() -> None:
    both = {"ROBOT_SF_PERF_ENFORCE": "1", "LUDUS_PERF_ENFORCE": "0"}
    assert not config.switch("perf.enforce", both)
    assert config.switch("perf.enforce", {"ROBOT_SF_PERF_ENFORCE": "1"})
    assert not config.switch("perf.enforce", {})


def test_a_switch_that_is_neither_yes_nor_no_is_refused() -> None:
    with pytest.raises(SettingsError, match="METABONK_HIGHLIGHTS is 'maybe', expected 1 or 0"):
        config.switch("highlights.enabled", {"METABONK_HIGHLIGHTS": "maybe"})
