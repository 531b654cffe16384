"""Evaluation batches: so many episodes of a game, played, recorded, and gone on with where a run was left."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from ludus.core import digest
from ludus.core.errors import InputError
from ludus.core.protocols import Policy
from ludus.core.types import Episode
from ludus.episodes.naming import scenario
from ludus.episodes.provenance import provenance
from ludus.episodes.report import write_report
from ludus.episodes.store import Store
from ludus.episodes.summary import Summary, summarize
from ludus.run.facts import action_names, compare, run_facts
from ludus.run.filming import film_again, sweep, to_film, video_settings
from ludus.run.games import GameSettings, game_id, game_settings, open_world
from ludus.run.judging import Seat
from ludus.run.policies import make_policy
from ludus.run.recording import Plan
from ludus.run.workers import record_all


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What an evaluation came to."""

    out: Path
    episodes: tuple[Episode, ...]
    """Those that were asked for, in their order."""
    summary: Summary
    played: int
    """Episodes that were played just now; the others were there."""
    filmed: int
    """Episodes that were there and got their video just now."""


def evaluate(
    game: str | Path,
    *,
    policy: str | Policy[Any] = "random",
    episodes: int = 10,
    seed: int = 0,
    out: str | Path | None = None,
    lanes: int = 16,
    workers: int = 1,
    resume: bool = True,
    overwrite: bool = False,
    verify: bool = False,
    video_enabled: bool = False,
    video_renderer: Literal["synthetic", "sim-view", "none"] = "synthetic",
    video_quality: Literal["fast", "exact"] = "fast",
    judges: Sequence[Seat] = (),
    on_start: Callable[[int], None] | None = None,
    on_episode: Callable[[Episode], None] | None = None,
    **settings: Any,
) -> Evaluation:
    """Play episodes of a game by a policy, record every one, and give them with what they come to.

    game: a card's id, the path of a card or a ROM, or a Gymnasium id. policy: random, scripted, a checkpoint,
    MODULE:FACTORY, or a Policy. Episode k is seeded `seed + k`. out: the run's folder, by default below `runs/`. lanes:
    episodes played together in each of `workers` processes; neither changes a result. resume: go on in a folder of the
    same settings, rather than refuse it; verify: compare sha256 there, not only sizes; overwrite: delete the run that
    is there. video_enabled: film every episode (sim-view: the game's own picture; synthetic: drawn from the step data);
    one that was played without, or whose video is lost, is filmed from its trace. judges: whose verdicts to record.
    on_start is told how many episodes there are to do, on_episode gets each when it is written. settings: how the game
    is played, `role`, `start`, `max_steps` and others of `GameSettings`.

    Raises `LudusError`s: on what cannot be played, and on a folder of other settings, with the difference.
    """
    for name, value in (("episodes", episodes), ("lanes", lanes), ("workers", workers)):
        if value < 1:
            raise InputError(f"{name} is {value}, expected 1 or more.")
    plan, told = _plan(
        game_settings(str(game), settings), policy, seed, None if out is None else Path(out), lanes, tuple(judges)
    )
    plan = replace(plan, video=video_settings(video_enabled, video_renderer, video_quality))
    store, asked = Store(plan.out), [plan.opening(index) for index in range(episodes)]
    with store.locked():
        if overwrite:
            store.clear()
            store.make()
        there = _resume(store, plan, told["facts"], [opening.id for opening in asked], resume=resume, deep=verify)
        _open_session(store, plan, told, episodes, workers)
        missing = [opening.index for opening in asked if opening.id not in there.done]
        if on_start:
            on_start(len(missing) + len(there.unfilmed))
        for episode in _work(store, plan, missing, there.unfilmed, workers):
            if on_episode:
                on_episode(episode)
        by_id = {episode.id: episode for episode in _settle(store, plan)}
    found = tuple(by_id[opening.id] for opening in asked)
    return Evaluation(plan.out, found, summarize(found), len(missing), len(there.unfilmed))


@dataclass(frozen=True, slots=True)
class _There:
    """What a folder holds of a run."""

    done: frozenset[str]
    """Ids of the episodes that need not be played."""
    unfilmed: tuple[Episode, ...]
    """Those of them that need a video."""


def _work(
    store: Store, plan: Plan, missing: Sequence[int], unfilmed: Sequence[Episode], workers: int
) -> Iterator[Episode]:
    """Play what is missing, film what was played without, and give each episode when its line is written."""
    for group in record_all(plan, missing, workers=workers):
        store.append(group)
        yield from group
    if plan.video is not None:
        for episode in film_again(plan.out, plan.game, unfilmed, plan.video, lanes=plan.lanes):
            store.append([episode])
            yield episode


def _settle(store: Store, plan: Plan) -> list[Episode]:
    """Put the manifest in order, write the page, and give all episodes."""
    episodes = store.settle()
    write_report(plan.out, store.run() or {}, episodes)
    if plan.video is not None:
        sweep(plan.out)
    return episodes


def _plan(
    game: GameSettings,
    policy: str | Policy[Any],
    seed: int,
    out: Path | None,
    lanes: int,
    judges: tuple[Seat, ...],
) -> tuple[Plan, dict[str, Any]]:
    """Give the plan, and what is told of it: the facts that decide what is recorded, and the names of actions.

    Raises whatever is wrong with game or policy.
    """
    with closing(open_world(game, 1)) as world:
        if isinstance(policy, str):
            make_policy(policy, game, world.spec)
        facts, names = run_facts(game, world, policy, seed, judges), action_names(world)
    name = scenario(game_id(game))
    run = f"{name}-{digest.of_bytes(json.dumps(facts, sort_keys=True).encode())[:8]}"
    plan = Plan(game, name, policy, seed, out or Path("runs") / f"eval-{run}", run, lanes, judges)
    return plan, {"facts": facts, "action_names": names}


def _resume(
    store: Store, plan: Plan, facts: Mapping[str, Any], wanted: Sequence[str], *, resume: bool, deep: bool
) -> _There:
    """Give what need not be played again. Raises `InputError` on a folder of another run."""
    held, episodes = store.run(), store.episodes()
    if held is None and not episodes:
        return _There(frozenset(), ())
    if held is None:
        raise InputError(f"{plan.out}: holds episodes but no run.json; choose another --out, or say --overwrite.")
    if differences := list(compare(held["facts"], facts)):
        told = "; ".join(differences)
        raise InputError(f"{plan.out} holds another run: {told}. Choose another --out, or say --overwrite.")
    if episodes and not resume:
        raise InputError(f"{plan.out} holds {len(episodes)} episodes; say --resume to go on, or --overwrite.")
    store.sweep()
    damaged = {episode.id: store.damage(episode, deep=deep) for episode in episodes}
    done = [episode for episode in episodes if damaged[episode.id].keys().isdisjoint(episode.files)]
    if plan.video is None:
        return _There(frozenset(episode.id for episode in done), ())
    sweep(plan.out)
    named = to_film([episode for episode in done if episode.id in wanted], damaged, plan.video)
    unfilmed = tuple(episode for episode in done if episode.id in named)
    return _There(frozenset(episode.id for episode in done), unfilmed)


def _open_session(store: Store, plan: Plan, told: Mapping[str, Any], episodes: int, workers: int) -> None:
    """Write what is asked for now beside what was asked for before."""
    held = store.run() or {"sessions": []}
    session = provenance() | {"episodes": episodes, "lanes": plan.lanes, "workers": workers}
    session["video"] = None if plan.video is None else plan.video.model_dump()
    store.write_run({"run_id": plan.run, **told, "sessions": [*held["sessions"], session]})
