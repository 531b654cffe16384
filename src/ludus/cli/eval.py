"""`ludus eval`: plays a batch of episodes, records every one, and tells what they come to."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table
from tyro.conf import OmitArgPrefixes

from ludus.cli._noticed import NOTHING, Noticed
from ludus.cli._progress import progress_bar
from ludus.run.evaluate import Evaluation, evaluate
from ludus.run.games import game_settings


@dataclass(frozen=True, slots=True)
class Played:
    """How the game is played."""

    role: str | None = None
    """Whose rewards count, a role of the card."""
    start: str | None = None
    """Where episodes begin, a start of the card."""
    codec: str | None = None
    """The buttons to choose from, the id of an action codec; by default the card's."""
    view: str | None = None
    """full, half, mean or packed; by default the card's."""
    max_steps: int | None = None
    """Steps after which an episode is cut off."""
    show: Literal["auto", "render", "vector"] = "auto"
    """What is seen of a Gymnasium game: its pictures where it has any, always its rendering, or its vectors."""


@dataclass(frozen=True, slots=True)
class Film:
    """Films of the episodes."""

    video: bool = False
    """An MP4 of every episode, one frame for every step; episodes that were recorded without get one too."""
    video_renderer: Literal["synthetic", "sim-view", "none"] = "synthetic"
    """sim-view is the game's own picture, synthetic is drawn from the recorded step data."""
    video_quality: Literal["fast", "exact"] = "fast"
    """Of pictures in colour: exact is lossless. Pictures in shades always are."""


def main(
    game: str = "potyard",
    /,
    *,
    policy: str = "random",
    episodes: int = 10,
    seed: int = 0,
    out: Path | None = None,
    lanes: int = 16,
    workers: int = 1,
    resume: bool = True,
    overwrite: bool = False,
    verify: bool = False,
    noticed: Annotated[Noticed, OmitArgPrefixes] = NOTHING,
    film: Annotated[Film, OmitArgPrefixes] = Film(),
    played: Annotated[Played, OmitArgPrefixes] = Played(),
) -> int:
    """Play episodes of a game by a policy, record every one, and show the mean return and how sure it is.

    Episode k is seeded seed + k. The same command goes on where it was left; ludus verify plays the records again.

    Args:
        game: id of a game of this package, path of a card (.toml) or a ROM (.gb), or an id of Gymnasium, ALE/... too.
        policy: random, scripted (the demo of the game's card), the folder of a checkpoint or of a training run, or
            MODULE:FACTORY, a function that takes a WorldSpec and gives a Policy.
        episodes: how many.
        seed: of the first episode.
        out: folder of the run; by default one below runs/ that is named after what is asked for.
        lanes: episodes played together in each process; it changes the speed, not the results.
        workers: processes; they change the speed, not the results.
        resume: go on in a folder that holds episodes of the same settings.
        overwrite: delete the run that the folder holds, and play it anew.
        verify: before going on, compare the sha256 of files too, not only their sizes.
        noticed: what to look out for.
        film: films of the episodes.
        played: how the game is played.
    """
    with progress_bar("playing") as bar:
        evaluation = evaluate(
            game,
            policy=policy,
            episodes=episodes,
            seed=seed,
            out=out,
            lanes=lanes,
            workers=workers,
            resume=resume,
            overwrite=overwrite,
            verify=verify,
            judges=noticed.judges(game_settings(game, asdict(played))),
            video_enabled=film.video,
            video_renderer=film.video_renderer,
            video_quality=film.video_quality,
            on_start=lambda missing: bar.start(max(episodes, missing), done=max(0, episodes - missing)),
            on_episode=bar.advance,
            **asdict(played),
        )
    Console().print(closing_table(evaluation))
    Console().print(f"{evaluation.out / 'report.html'}", highlight=False, soft_wrap=True)
    return 0


def closing_table(evaluation: Evaluation) -> Table:
    """Give what an evaluation came to, as a table."""
    summary = evaluation.summary
    there = summary.episodes - evaluation.played
    told = {
        "episodes": f"{summary.episodes}" + (f", of which {there} were there" if there else ""),
        "return, mean": f"{summary.mean:.2f}",
        "95 % interval": "none of one episode" if summary.low is None else f"{summary.low:.2f} to {summary.high:.2f}",
        "least, most": f"{summary.least:.2f}, {summary.most:.2f}",
        "steps, mean": f"{summary.mean_steps:.1f}",
        "ends": ", ".join(f"{count} {name}" for name, count in summary.ends.items() if count) or "none",
        "video": ", ".join(f"{count} {name}" for name, count in summary.videos.items()),
    }
    if summary.verdicts:
        told["verdicts"] = ", ".join(f"{name} {count}" for name, count in summary.verdicts.items())
    first = evaluation.episodes[0]
    title = f"{first.scenario} by {first.policy}"
    table = Table(Column(escape(title), no_wrap=True), Column("", overflow="fold"), box=SIMPLE_HEAD, pad_edge=False)
    for name, value in told.items():
        table.add_row(name, escape(value))
    return table
