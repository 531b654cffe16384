"""What to look out for while something is played: options that verbs share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ludus.run.feats import game_seat
from ludus.run.games import GameSettings
from ludus.run.judging import Seat


@dataclass(frozen=True, slots=True)
class Noticed:
    """What to look out for in every episode."""

    goal: tuple[Path, ...] = ()
    """Folders of goals (ludus goal); each episode tells which it reached, and when."""
    feats: str | None = None
    """A feats file to judge by, or `card` for the game's own; ludus judge does it again."""

    def judges(self, game: GameSettings) -> tuple[Seat, ...]:
        """Give the judges that are asked for."""
        judges: tuple[Seat, ...] = ()
        if self.goal:  # they need PyTorch
            from ludus.run.goal_seats import goal_seats

            judges = goal_seats(self.goal, game)
        return (*judges, game_seat(game, self.feats)) if self.feats else judges


NOTHING = Noticed()
