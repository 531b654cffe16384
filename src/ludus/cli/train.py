"""`ludus train`: trains a net on a game, goes on where it was stopped, and shows how it stands."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from ludus.core.clock import Every, SystemClock
from ludus.run.recipe import Recipe, read_recipe
from ludus.run.train import Report, train

LINE_S = 10.0
"""Seconds between lines where nobody watches a terminal."""


def main(
    game: str,
    /,
    *,
    recipe: str | None = None,
    role: str | None = None,
    minutes: float | None = None,
    steps: int | None = None,
    seed: int | None = None,
    out: Path | None = None,
    ancestor: Path | None = None,
    strict: bool = False,
    settings: tuple[str, ...] = (),
) -> int:
    """Train a net on a game from pixels. The same command goes on with a run that was stopped, exactly where it was.

    Any setting can be given as --a.b=c, such as --ppo.epochs=4 or --net.size=2; docs/training.md lists them. The run's
    folder holds settings.json, metrics.jsonl, tensorboard/ and checkpoints/, whose best one ludus eval can play.

    Args:
        game: id of a game of this package (see ludus games), the path of a card (.toml) or a ROM (.gb), or an id of
            Gymnasium's such as CartPole-v1 or ALE/Pong-v5.
        recipe: name of a shipped recipe or path of a .toml; by default the game's own.
        role: whose rewards to learn from, a role of the card.
        minutes: train for so long; how far that comes is up to the machine.
        steps: train for so many steps of all lanes together; this is what repeats exactly.
        seed: of the weights, the lanes and all chances.
        out: folder of the run, by default runs/train/GAME-ROLE-SEED.
        ancestor: a checkpoint, or a run, whose weights to begin with.
        strict: refuse to go on where the numeric profile differs from the checkpoint's.
        settings: settings as a.b=c, over the recipe; --a.b=c says the same.
    """
    flags = [*settings]
    if role is not None:
        flags.append(f"--world.role={role}")
    if seed is not None:
        flags.append(f"--run.seed={seed}")
    if minutes is not None or steps is not None:
        flags += [f"--run.minutes={minutes or 0}", f"--run.steps={steps or 0}"]
    chosen = read_recipe(game, recipe, flags)
    folder = out or Path("runs/train") / _run_name(chosen)
    console = Console(stderr=True)
    shown = _Progress(console)
    saved = train(
        chosen,
        folder,
        ancestor=ancestor,
        strict=strict,
        on_report=shown,
        on_notice=lambda notice: console.print(notice, markup=False, highlight=False, soft_wrap=True),
    )
    shown.close()
    print(f"{saved.step:,} steps, {saved.updates:,} updates: {saved.path}")
    return 0


class _Progress:
    """One line that is written over in a terminal, and now and then a line elsewhere."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._clock = SystemClock()
        self._due = Every(0.2 if console.is_terminal else LINE_S)
        self._last: Report | None = None

    def __call__(self, report: Report) -> None:
        self._last = report
        if self._due(self._clock.seconds()):
            self._show(report)
            self._last = None

    def close(self) -> None:
        """Show the last report too."""
        if self._last is not None:
            self._show(self._last)
        if self._console.is_terminal:
            self._console.print()

    def _show(self, report: Report) -> None:
        end = "\r" if self._console.is_terminal else "\n"
        self._console.print(line(report), end=end, markup=False, highlight=False, overflow="crop", no_wrap=True)


def line(report: Report) -> str:
    """Give a report as one line."""
    told = report.metrics
    score = f"{told['charts/episodic_return']:.2f}" if "charts/episodic_return" in told else "none yet"
    left = f"{report.left_s / 60:.1f} min" if report.left_s < float("inf") else "?"
    return (
        f"{report.progress:4.0%}  {report.step:,} steps  {told['charts/SPS']:,.0f}/s  return {score}  "
        f"policy {told['losses/policy_loss']:+.3f}  value {told['losses/value_loss']:.3f}  "
        f"entropy {told['losses/entropy']:.2f}  kl {told['losses/approx_kl']:.4f}  left {left} "
    )


def _run_name(recipe: Recipe) -> str:
    game = recipe.world.game
    stem = Path(game).stem if game.endswith((".toml", ".gb", ".gbc")) else game.replace("/", "-").replace(":", "-")
    return "-".join([stem, *([recipe.world.role] if recipe.world.role else []), str(recipe.run.seed)])
