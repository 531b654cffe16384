from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ludus.core.errors import ActionError, InputError, RomError, StateError
from ludus.gameboy import GameBoy
from ludus.gameboy.state import VERSION
from tests.gameboy.roms import program, scroller, serial

BREAKPOINT = "        ld   bc, $1234\n        ld   b, b\n"


@pytest.fixture
def gb() -> GameBoy:
    console = GameBoy(scroller())
    console.tick(10)
    return console


def test_a_console_begins_as_its_model_does() -> None:
    assert str(GameBoy(scroller()).registers).startswith("Registers(a=1, f=176, b=0, c=19, d=0, e=216, h=1, l=77")
    assert GameBoy(scroller(), model="mgb").registers.a == 0xFF
    assert (GameBoy(scroller()).registers.sp, GameBoy(scroller()).registers.pc) == (0xFFFE, 0x100)


def test_a_boot_rom_is_run_from_zero() -> None:
    gb = GameBoy(scroller(), boot=bytes([0x18, 0xFE] + [0] * 254))  # JR -2
    gb.tick(3)
    assert gb.registers.pc in (0, 1, 2)


def test_title_frames_and_clock(gb: GameBoy) -> None:
    assert (gb.title, gb.frame_count) == ("SCROLLER", 10)
    clock = gb.clock
    gb.tick(60)
    assert gb.frame_count == 70
    assert 0 <= abs(gb.clock - clock - 60 * 70224) < 100


def test_the_screen_is_read_only_and_is_never_written_again(gb: GameBoy) -> None:
    shown = gb.screen
    assert (shown.shape, str(shown.dtype)) == ((144, 160), "uint8")
    assert np.unique(shown).tolist() == [0, 1, 2, 3]
    kept = shown.copy()
    gb.press("right")
    gb.tick()
    np.testing.assert_array_equal(shown, kept)
    assert (gb.screen != kept).any()
    with pytest.raises(ValueError, match="read-only"):
        gb.screen[0, 0] = 1


def test_a_tick_without_rendering_keeps_the_old_picture_and_the_same_future(gb: GameBoy) -> None:
    other = GameBoy(scroller())
    other.tick(10)
    shown = gb.screen
    gb.press("down")
    other.press("down")
    gb.tick(5, render=False)
    other.tick(5)
    assert gb.screen is shown
    gb.tick()
    other.tick()
    np.testing.assert_array_equal(gb.screen, other.screen)


def test_a_button_is_held_for_as_many_frames_as_asked(gb: GameBoy) -> None:
    gb.button("right", 3)
    gb.tick(10)
    assert gb.memory[0xFF43] == 3
    gb.button("left")
    gb.tick(10)
    assert gb.memory[0xFF43] == 2


def test_a_press_lasts_until_the_release(gb: GameBoy) -> None:
    gb.button("right", 2)
    gb.press("right")
    gb.tick(5)
    gb.release("right")
    gb.tick(5)
    assert gb.memory[0xFF43] == 5


@pytest.mark.parametrize(("name", "bit"), [("a", 1), ("b", 2), ("select", 4), ("start", 8)])
def test_the_buttons_reach_the_game(gb: GameBoy, name: str, bit: int) -> None:
    gb.press(name)
    gb.tick(2)
    assert gb.memory[0xC002] == bit


def test_an_unknown_button_is_an_error_that_names_the_nearest(gb: GameBoy) -> None:
    with pytest.raises(ActionError, match="there is no button 'strat'; did you mean 'start'"):
        gb.button("strat")
    with pytest.raises(ActionError, match="did you mean 'right'"):
        gb.release("rihgt")
    with pytest.raises(InputError, match="frames is 0, expected 1 or more"):
        gb.button("a", 0)


def test_memory_is_read_by_address_and_by_slice_and_written_by_address(gb: GameBoy) -> None:
    assert (gb.memory[0xC000], gb.memory[0xC001]) == (gb.memory[0xC000:0xC002][0], 0)
    gb.memory[0xC001] = 7
    assert gb.memory[0xC001] == 7
    assert gb.memory[0x134:0x13C] == b"SCROLLER"
    assert gb.memory[:4] == scroller()[:4]
    gb.memory[0x0134] = 0
    assert gb.memory[0x134] == ord("S")


@pytest.mark.parametrize("use", ["[-1]", "[0x10000]", "[-2:5]", "[5:2]", "[0:0x10001]", "[0:4:2]"])
def test_addresses_outside_memory_are_errors(gb: GameBoy, use: str) -> None:
    with pytest.raises(InputError, match="address"):
        eval(f"gb.memory{use}", {"gb": gb})
    with pytest.raises(InputError, match="0xC000 is 256, expected a byte"):
        gb.memory[0xC000] = 256


def test_serial_bytes_are_kept_whichever_way_the_console_runs() -> None:
    gb = GameBoy(program(serial("Hi") + BREAKPOINT + serial("!")))
    assert gb.run_to_breakpoint()
    assert gb.serial == b"Hi"
    gb.tick(2)
    assert gb.serial == b"Hi!"


def test_a_breakpoint_stops_with_the_registers_as_they_are_then() -> None:
    gb = GameBoy(program(BREAKPOINT + "        ld   bc, $5678\n"))
    assert gb.run_to_breakpoint()
    assert (gb.registers.b, gb.registers.c) == (0x12, 0x34)
    assert not GameBoy(program("")).run_to_breakpoint(max_frames=2)


def test_a_frame_that_a_breakpoint_interrupted_is_drawn_whole(gb: GameBoy) -> None:
    rom = scroller().replace(b"\xe0\x47\x00", b"\xe0\x47\x40")  # a NOP becomes a breakpoint, once a frame
    plain, broken = GameBoy(scroller()), GameBoy(rom)
    assert rom != scroller()
    plain.tick(20)
    while broken.frame_count < 20:
        broken.run_to_breakpoint(20 - broken.frame_count)
    np.testing.assert_array_equal(plain.screen, broken.screen)


def test_a_loaded_state_goes_on_as_before(gb: GameBoy) -> None:
    gb.button("down", 6)
    gb.tick(2)
    state = gb.save_state()
    shown = gb.screen
    gb.tick(20)
    after = gb.screen, gb.memory[0xC000:0xE000], gb.registers, gb.clock, gb.frame_count
    other = GameBoy(scroller())
    other.load_state(state)
    np.testing.assert_array_equal(other.screen, shown)
    other.tick(20)
    np.testing.assert_array_equal(other.screen, after[0])
    assert (other.memory[0xC000:0xE000], other.registers, other.clock, other.frame_count) == after[1:]


def damaged(state: bytes) -> dict[str, tuple[bytes, str]]:
    flipped = bytearray(state)
    flipped[len(state) // 2] ^= 4
    return {
        "empty": (b"", "begins with nothing, expected the magic 'LUDUS-GB'"),
        "foreign": (b"\x1d" + bytes(99), "begins with 1d 00"),
        "header": (state[:20], "truncated: 20 bytes do not hold a header"),
        "version": (state[:8] + bytes([VERSION + 1, 0]) + state[10:], f"version {VERSION + 1} at byte 8, expected"),
        "truncated": (state[:-1], f"truncated: {len(state) - 1} bytes, expected {len(state)}"),
        "longer": (state + b"\0", f"too long: {len(state) + 1} bytes, expected {len(state)}"),
        "flipped": (bytes(flipped), "damaged: its digest does not fit"),
        "model": (GameBoy(scroller(), model="mgb").save_state(), "saved on the model 'mgb', expected 'dmg'"),
        "ROM": (GameBoy(program("")).save_state(), r"\(SCROLLER\); load it with its own ROM"),
    }


@pytest.mark.parametrize(
    "case", ["empty", "foreign", "header", "version", "truncated", "longer", "flipped", "model", "ROM"]
)
def test_a_state_that_does_not_fit_is_refused_with_the_reason_and_nothing_is_loaded(gb: GameBoy, case: str) -> None:
    state, reason = damaged(gb.save_state())[case]
    gb.tick(3)
    before = gb.save_state()
    with pytest.raises(StateError, match=reason):
        gb.load_state(state)
    assert gb.save_state() == before


def test_every_flipped_bit_of_the_header_is_noticed(gb: GameBoy) -> None:
    state = gb.save_state()
    for place in [*range(60), len(state) - 1]:
        flipped = bytearray(state)
        flipped[place] ^= 1
        with pytest.raises(StateError):
            gb.load_state(bytes(flipped))


def test_bad_settings_are_errors(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="model is 'cbg'; known are: dmg0, dmg, mgb, sgb, sgb2"):
        GameBoy(scroller(), model="cbg")
    with pytest.raises(InputError, match="frames is -1"):
        GameBoy(scroller()).tick(-1)
    with pytest.raises(RomError, match="0 bytes"):
        GameBoy(b"")


def test_ram_without_a_controller_is_always_on() -> None:
    body = "        ld   a, $5A\n        ld   [$A123], a\n        ld   a, [$A123]\n        ld   b, b\n"
    for kind, expected in {0x08: 0x5A, 0x00: 0xFF, 0x02: 0xFF}.items():
        gb = GameBoy(program(body, cart=kind, ram_code=2))
        assert gb.run_to_breakpoint()
        assert gb.registers.a == expected


def test_skipping_changes_nothing_but_the_speed() -> None:
    consoles = [GameBoy(scroller(), skip=skip) for skip in (True, False)]
    for gb in consoles:
        gb.button("right", 5)
        gb.tick(30)
    assert consoles[0].save_state() == consoles[1].save_state()
