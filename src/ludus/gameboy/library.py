"""Where games come from: cards in files, the cards that ship in this package, and ROMs without a card."""

from __future__ import annotations

from pathlib import Path

from ludus.core import config
from ludus.core.errors import InputError, nearest
from ludus.gameboy.card import Card
from ludus.gameboy.cartridge import Cartridge, Rom, read_cartridge
from ludus.gameboy.expression import RESERVED
from ludus.gameboy.lane import LaneSettings
from ludus.gameboy.rules import Rules
from ludus.gameboy.start import find_recipe
from ludus.gameboy.watches import NAME

RAM, END = 0x8000, 0x10000

Game = Rom | Card
"""What a game can be given as: the id of a shipped card, a card or the path of one, or a ROM."""


def shipped() -> dict[str, Path]:
    """Give the cards of this package, by id."""
    return {path.parent.name: path for path in sorted(Path(__file__).parent.glob("*/card.toml"))}


def shipped_agents(game: str) -> dict[str, Path]:
    """Give the folders of the trained agents that ship with a game of this package, by name."""
    card = shipped().get(game)
    return {path.name: path for path in sorted(card.parent.glob("agents/*"))} if card else {}


def read_card(path: Path) -> Card:
    """Give the card of a file, checked as far as it can be without its ROM.

    Raises `SettingsError` that names file, key, value and what was expected.
    """
    blocks = [path.parent / name for name in _included(path)]
    held = {f"watch.{name}": str(block) for block in blocks for name in config.read_block(block).get("watch", {})}
    card = config.load(Card, [*blocks, path]).at(path, held)
    check_card(card)
    return card


def check_card(card: Card) -> None:
    """Refuse a card whose parts do not fit together. Raises `SettingsError`."""
    _check_watches(card)
    rules = Rules(card)
    for name in card.start:
        find_recipe(rules, name)
    for key in ("feats", "goals", "demo"):
        path: Path | None = getattr(card, key)
        if path is not None and not path.exists():
            raise card.fault(key, str(path), "nothing lies there; put it beside the card, or leave the key out.")
    try:
        LaneSettings(card.view, card.codec, card.frames_per_step, card.release_after_frames)
    except InputError as error:
        raise card.fault("release_after_frames", card.release_after_frames, str(error)) from error


def open_game(game: Game) -> tuple[Card, Cartridge]:
    """Give a game's card and its cartridge; a ROM alone gets a card that watches nothing.

    Raises `SettingsError` on a card that makes no sense or does not fit its ROM, `RomError` on what cannot be played.
    """
    if isinstance(game, Card):
        check_card(game)
        return game, _open_rom(game)
    if isinstance(game, str | Path) and (path := _card_path(game)):
        card = read_card(path)
        return card, _open_rom(card)
    cartridge = read_cartridge(game)
    rom = Path(cartridge.name)
    return Card(id=cartridge.title, title=cartridge.title, rom=rom, sha256=cartridge.sha256), cartridge


def _card_path(game: str | Path) -> Path | None:
    """Give the file of a game's card, None for a ROM. Raises `InputError` on a word that is neither."""
    found = shipped().get(str(game))
    if found or Path(game).suffix == ".toml":
        return found or Path(game)
    if not Path(game).exists() and not Path(game).suffix:
        raise InputError(
            f"there is no game {str(game)!r} and no file of that name; {nearest(str(game), shipped())} "
            "Or give the path of a card (.toml) or of a ROM (.gb)."
        )
    return None


def _open_rom(card: Card) -> Cartridge:
    cartridge = read_cartridge(card.rom)
    if cartridge.sha256 != card.sha256:
        reason = f"the ROM {card.rom} has {cartridge.sha256}; get the card's ROM, or write a card for this one."
        raise card.fault("sha256", card.sha256, reason)
    return cartridge


def _included(path: Path) -> list[str]:
    """Give the files that a card lies over; a list that is none is told when the card is loaded."""
    names = config.read_block(path).get("include")
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []


def _check_watches(card: Card) -> None:
    for name, watch in card.watch.items():
        key = f"watch.{name}"
        if not NAME.fullmatch(name) or name in RESERVED:
            reason = f"a watch's name is small letters, digits and '_', and none of {', '.join(RESERVED)}; rename it."
            raise card.fault(key, name, reason)
        if not RAM <= watch.address <= END - watch.size:
            what = "that is ROM, which never changes" if 0 <= watch.address < RAM else "that is not there"
            reason = f"{what}; expected 0x{RAM:04X} to 0x{END - watch.size:04X} for a {watch.type}."
            raise card.fault(f"{key}.address", f"0x{watch.address:04X}", reason)
    placed = sorted(card.watch.items(), key=lambda item: item[1].address)
    for at, (name, watch) in enumerate(placed):
        for other, after in placed[at + 1 :]:
            if after.address >= watch.address + watch.size:
                break
            if (after.address, after.kind) != (watch.address, watch.kind):
                reason = (
                    f"'watch.{other}', a {after.type} at 0x{after.address:04X}, lies over 'watch.{name}', "
                    f"a {watch.type} at 0x{watch.address:04X}; mend whichever is wrong."
                )
                raise card.fault(f"watch.{other}.type", after.type, reason)
