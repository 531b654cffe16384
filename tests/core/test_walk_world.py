from __future__ import annotations

from tests.walk_world import WalkWorld
from tests.world_conformance import WorldConformance


class TestWalkWorld(WorldConformance):
    def make(self, lanes: int, threads: int = 1) -> WalkWorld:
        return WalkWorld(lanes)
