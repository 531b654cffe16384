"""Cards that make no sense: each fault is told with file, key, value and what was expected."""

from __future__ import annotations

from pathlib import Path

import pytest

from ludus.core import digest
from ludus.core.errors import InputError, SettingsError
from ludus.gameboy import GameBoyWorld
from ludus.gameboy.card import Card, EventRule
from ludus.gameboy.library import open_game, read_card, shipped
from ludus.gameboy.rules import merge_weights
from ludus.gameboy.watches import Watch
from tests.gameboy.roms import scroller

HEAD = f"""
id = "scroller"
title = "Scroller"
rom = "scroller.gb"
sha256 = "{digest.of_file_bytes(scroller())}"
"""
WATCHES = """
[watch.clock]
address = 0xC000
type = "u16le"
[watch.keys]
address = 0xC002
type = "u8"
names = { 1 = "a_key", 2 = "b_key" }
"""


def write(folder: Path, text: str, head: str = HEAD, watches: str = WATCHES) -> Path:
    (folder / "scroller.gb").write_bytes(scroller())
    path = folder / "scroller.toml"
    path.write_text(head + watches + text)
    return path


def test_a_card_is_a_game(tmp_path: Path) -> None:
    text = '[[event]]\nkind = "tapped"\nwhen = "keys: 0 -> a_key"\npayload = { key = "keys", clock = "clock" }\n'
    path = write(tmp_path, text + "[reward]\nevents = { tapped = 2 }\n[end]\ntruncated = 'clock >= 60'\n")
    for game in (path, str(path), read_card(path)):
        world = GameBoyWorld(game, 2, release_after_frames=24)
        assert world.spec.id == "gameboy:scroller"
        world.reset()
        steps = [world.step([world.codec.number("A"), 0]) for _ in range(3)]
        (event,) = [event for event in world.events() if event.kind == "tapped"]
        assert (event.lane, event.tick, event.episode, event.stage) == (0, 24, "0.0", "")
        assert event.payload["key"] == "a_key"
        assert [step.reward.tolist() for step in steps] == [[2, 0], [0, 0], [0, 0]]
        assert steps[-1].truncated.all() and not steps[-1].terminated.any()


FAULTS = {
    "address of ROM": ("[watch.x]\naddress = 0x7FFF\ntype = 'u8'", "'watch.x.address' is '0x7FFF': that is ROM"),
    "address over the end": ("[watch.x]\naddress = 0xFFFF\ntype = 'u16le'", "expected 0x8000 to 0xFFFE for a u16le"),
    "address below zero": ("[watch.x]\naddress = -1\ntype = 'u8'", "that is not there; expected 0x8000 to 0xFFFF"),
    "address no number": ("[watch.x]\naddress = 'C000'\ntype = 'u8'", "'watch.x.address' is 'C000'"),
    "type": ("[watch.x]\naddress = 0xC010\ntype = 'u24'", "'watch.x.type' is 'u24': expected u8, u16le"),
    "role of a watch": ("[watch.x]\naddress = 0xC010\ntype = 'u8'\nrole = 'count'", "'counter' or 'gauge'"),
    "same word twice": ("[watch.x]\naddress = 0xC010\ntype = 'u8'\nnames = {1 = 'a', 2 = 'a'}", "different word"),
    "name of a watch": ("[watch.not]\naddress = 0xC010\ntype = 'u8'", "setting 'watch.not' is 'not': a watch's name"),
    "overlap": ("[watch.x]\naddress = 0xC001\ntype = 'u8'", "'watch.x', a u8 at 0xC001, lies over 'watch.clock'"),
    "overlap at one address": ("[watch.x]\naddress = 0xC002\ntype = 'bit:1'", "a bit:1 at 0xC002, lies over"),
    "unknown key": ("[watch.x]\nadress = 0xC010\ntype = 'u8'", "'watch.x.adress'; did you mean 'address'?"),
    "unknown table": ("[rewards]\nstep = 1", "no setting 'rewards'; did you mean 'reward'?"),
    "unknown watch in an event": (
        "[[event]]\nkind = 'x'\nwhen = 'clocks: changed'",
        "'event.0.when' is 'clocks: changed': there is no watch 'clocks'; did you mean 'clock'?",
    ),
    "unknown watch in a payload": (
        "[[event]]\nkind = 'x'\nwhen = 'clock: +n'\npayload = {at = 'clok'}",
        "'event.0.payload.at' is 'clok': there is no such watch; did you mean 'clock'?",
    ),
    "two deltas": ("[[event]]\nkind = 'x'\nwhen = 'clock: +n'\npayload = {delta = 'keys'}", "'delta' is there already"),
    "kind taken": (
        "[[event]]\nkind = 'counter_delta'\nwhen = 'clock: +n'",
        "every counter gives these events by itself",
    ),
    "unknown watch in an end": ("[end]\nterminated = 'key == 1'", "'end.terminated' is 'key == 1': there is no watch"),
    "unknown stage": ("", "'stage' is 'stag': there is no such watch"),
    "reward for nothing": ("[reward]\nwatches = {clocks = 1}", "'reward.watches.clocks' is 1.0: there is nothing"),
    "reward for no event": ("[reward]\nevents = {clock = 1}", "'reward.events.clock' is 1.0: there is nothing"),
    "reward that is no number": ("[reward]\nstep = nan", "'reward.step' is nan"),
    "role of a role": ("[role.a]\nwatches = {clocks = 1}", "'role.a.watches.clocks' is 1.0"),
    "unknown base": ("[role.a]\nbase = 'b'", "'role.a.base' is 'b': there is no such role; known are: a."),
    "cyclic role": (
        "[role.a]\nbase = 'b'\n[role.b]\nbase = 'c'\n[role.c]\nbase = 'b'",
        "'role.c.base' is 'b': that leads in a circle, b -> c -> b",
    ),
    "role its own base": ("[role.a]\nbase = 'a'", "'role.a.base' is 'a': that leads in a circle, a -> a"),
    "cyclic start": ("[start.a]\nafter = 'b'\n[start.b]\nafter = 'a'", "leads in a circle"),
    "start after nothing": ("[start.a]\nafter = 'b'", "'start.a.after' is 'b': there is no such start"),
    "start from two": ("[start.a]\nstate = 'x.state'\nafter = 'a'", "from a state or from another start"),
    "step of a start": ("[start.a]\nplay = ['wait 1', 'hold a 8']", "'start.a.play.1' is 'hold a 8': expected 'press"),
    "button of a start": ("[start.a]\nplay = ['press strat 8']", "no button 'strat'; did you mean 'start'?"),
    "seed of a start": ("[start.a]\nplay = ['write seed to cloc']", "no watch 'cloc'; did you mean 'clock'?"),
    "condition of a start": ("[start.a]\nplay = ['run until key == 1 within 9']", "'start.a.play.0' is 'key == 1'"),
    "steps": ("[end]\nmax_steps = 0", "'end.max_steps' is 0"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_told_with_file_key_value_and_what_was_expected(fault: str, tmp_path: Path) -> None:
    text, message = FAULTS[fault]
    head = HEAD + 'stage = "stag"\n' if fault == "unknown stage" else HEAD
    path = write(tmp_path, text, head=head)
    with pytest.raises(SettingsError) as caught:
        read_card(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('codec = "full"', "'codec' is 'full': there is no action codec 'full'; did you mean 'full_v0'"),
        ('view = "tall"', "'view' is 'tall'"),
        ("release_after_frames = 30", "'release_after_frames' is 30: release_after_frames is 30, expected 0 to 24"),
        ('include = ["absent.toml"]', "cannot read"),
        ('goals = "goals"', "/goals': nothing lies there"),
        ('feats = "feats.json"', "/feats.json': nothing lies there"),
        ("id = 3", "Cannot overwrite a value"),
        ("include = 3", "'include' is 3"),
    ],
)
def test_a_fault_at_the_top_is_told_too(line: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read_card(write(tmp_path, "", head=f"{HEAD}{line}\n"))
    assert message in str(caught.value)


def test_a_fault_in_an_included_file_names_that_file(tmp_path: Path) -> None:
    (tmp_path / "watches.toml").write_text("[watch.x]\naddress = 0x100\ntype = 'u8'\n")
    path = write(tmp_path, "", head=HEAD + 'include = ["watches.toml"]\n')
    with pytest.raises(SettingsError, match=r"watches\.toml: setting 'watch.x.address' is '0x0100'"):
        read_card(path)


def test_a_card_lies_over_what_it_includes(tmp_path: Path) -> None:
    (tmp_path / "watches.toml").write_text(WATCHES)
    head = HEAD + 'include = ["watches.toml"]\n'
    card = read_card(write(tmp_path, "[watch.keys]\nrole = 'counter'\n", head=head, watches=""))
    assert (card.watch["keys"].address, card.watch["keys"].role) == (0xC002, "counter")


def test_a_rom_of_another_digest_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "", head=HEAD.replace('sha256 = "', 'sha256 = "0').replace('0"', '"'))
    path = write(tmp_path, "", head='id = "s"\ntitle = "S"\nrom = "scroller.gb"\nsha256 = "' + "0" * 64 + '"\n')
    with pytest.raises(SettingsError, match=rf"scroller\.toml: setting 'sha256' is '0+': the ROM .*{HEAD[-66:-58]}"):
        open_game(path)


@pytest.mark.parametrize("bits", [("bit:1", "bit:1"), ("bit:1", "bit:7"), ("u8", "u8")])
def test_watches_of_one_type_may_lie_at_one_address(bits: tuple[str, str], tmp_path: Path) -> None:
    text = "".join(f"[watch.x{n}]\naddress = 0xC010\ntype = '{kind}'\n" for n, kind in enumerate(bits))
    assert len(read_card(write(tmp_path, text)).watch) == 4


def test_a_game_that_is_not_there_is_told_with_the_nearest() -> None:
    with pytest.raises(InputError, match=r"no game 'potyrad' and no file of that name; did you mean 'potyard'\?"):
        GameBoyWorld("potyrad", 1)
    with pytest.raises(InputError, match="has no role 'scot'; did you mean 'scout'"):
        GameBoyWorld("potyard", 1, role="scot")
    with pytest.raises(InputError, match="has no start 'first'; did you mean 'first_yard'"):
        GameBoyWorld("potyard", 1, start="first")
    with pytest.raises(InputError, match="start is 'title' and there are 1 starts, expected one"):
        GameBoyWorld("potyard", 1, start="title", starts=[b""])


def test_a_card_made_in_python_is_checked_as_well(tmp_path: Path) -> None:
    (tmp_path / "s.gb").write_bytes(scroller())
    settings = {"id": "s", "title": "S", "rom": tmp_path / "s.gb", "sha256": digest.of_file_bytes(scroller())}
    with pytest.raises(SettingsError, match=r"card: setting 'event\.0\.when' is 'x: changed'"):
        GameBoyWorld(Card(**settings, event=(EventRule(kind="x", when="x: changed"),)), 1)
    GameBoyWorld(Card(**settings, watch={"x": Watch(address=0xC000, type="u8")}), 1)


def test_a_role_lies_over_its_base_and_that_over_the_reward(tmp_path: Path) -> None:
    text = """
[[event]]
kind = "tap"
when = "keys: 0 -> >0"
[reward]
watches = { clock = 1, keys = 2 }
events = { tap = 3 }
[role.a]
step = -1
watches = { clock = 10 }
[role.b]
base = "a"
watches = { keys = 20 }
"""
    card = read_card(write(tmp_path, text))
    merged = merge_weights(card, "b")
    assert (merged.watches, merged.events, merged.step) == ({"clock": 10, "keys": 20}, {"tap": 3}, -1)
    assert merge_weights(card, None) == card.reward


def test_every_shipped_card_fits_its_rom_and_its_folder() -> None:
    for name, path in shipped().items():
        card, cartridge = open_game(name)
        assert (card.id, card.rom.parent) == (name, path.parent)
        assert cartridge.sha256 == card.sha256
