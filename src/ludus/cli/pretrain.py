"""`ludus pretrain`: encoders that know how a game looks before they are paid for playing it."""

from __future__ import annotations

from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from ludus.nets.mae import MaeConfig
from ludus.run.pretrain import pretrain_mae
from ludus.run.recipe import read_recipe


def run_mae(
    game: str,
    /,
    *,
    recipe: str | None = None,
    frames: int = 8000,
    updates: int = 600,
    seed: int = 0,
    out: Path | None = None,
) -> int:
    """Train the encoder of a game's recipe as a masked autoencoder: it tells three quarters of a picture from the rest.

    The frames come from random play. What it learned is measured on frames that it has not seen: the error of hidden
    pixels beside a guess, and how well a linear map from its features tells what the game's card watches, beside the
    same net untrained; exit code 1 if it is not better. ludus train GAME --ancestor FOLDER begins with it.

    Args:
        game: id of a game, path of a card or a ROM, or an id of Gymnasium's.
        recipe: whose net and World; by default the game's own.
        frames: stacks of frames, of which three quarters are learned from.
        updates: of 128 stacks each.
        seed: of weights, play and what is hidden.
        out: folder for the checkpoint, by default runs/pretrain/GAME-SEED.
    """
    chosen = read_recipe(game, recipe, [f"--run.seed={seed}"])
    folder = out or Path("runs/pretrain") / f"{Path(game).stem}-{seed}"
    found = pretrain_mae(chosen, folder, MaeConfig(frames=frames, updates=updates))
    table = Table("on frames not learned from", "pretrained", "without", box=SIMPLE_HEAD, pad_edge=False)
    table.add_row("error of hidden pixels, beside a guess", f"{found.error:.4f}", f"{found.guess:.4f}")
    if found.probe is not None and found.twin is not None:
        table.add_row("R^2 of a linear probe of the watches, mean", f"{found.probe:.3f}", f"{found.twin:.3f}")
    Console().print(table)
    print(found.checkpoint.path)
    return 0 if found.better else 1


main = {"mae": run_mae}
