"""The Game Boy: a C++ core, one console (`GameBoy`), many (`GameBoyWorld`), and the same as Gymnasium environments.

Importing this package registers `Ludus/GameBoy-v0` with Gymnasium.
"""

from ludus.gameboy.cartridge import Cartridge, read_cartridge
from ludus.gameboy.console import GameBoy
from ludus.gameboy.envs import register
from ludus.gameboy.world import GameBoyWorld

__all__ = ["Cartridge", "GameBoy", "GameBoyWorld", "read_cartridge"]

register()
