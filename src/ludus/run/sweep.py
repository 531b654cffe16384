"""`sweep`: trains by many recipes to find a good one; every trial is a run like any other.

FOLDER/sweep.json        what is searched, and the recipe that trials change
FOLDER/study.log         the study: Optuna's journal, which several processes may write
FOLDER/trial-0007/       a trial's run, as of `train`; a trial that was killed goes on in it
FOLDER/best.toml         the recipe of the best trial so far

Trials are drawn by Optuna's TPE (Bergstra et al. 2011), each by chances of its own number. The score of a trial is its
run's: the mean return of the newest 100 episodes. Needs the extra `sweep`.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ludus.core import config, files, rng
from ludus.core.errors import DivergedError, InputError
from ludus.core.extras import from_extra
from ludus.run.facts import compare
from ludus.run.plots import Panel, Series
from ludus.run.recipe import Recipe, read_recipe
from ludus.run.search import Choice, Space, ends
from ludus.run.side_by_side import Tell, Work, side_by_side
from ludus.run.train import Report, train

if TYPE_CHECKING:
    import optuna

RUNGS = 20
"""How many times in its budget a trial may be given up."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is searched, and how long."""

    game: str
    space: Space
    recipe: str | None = None
    """Name or path; by default the game's own."""
    flags: tuple[str, ...] = ()
    """Settings over the recipe that are the same for all trials, `--a.b=c`."""
    trials: int = 20
    """In all, those that were done before too."""
    seed: int = 0
    """Of what is drawn; runs have the recipe's."""
    start_trials: int = 5
    """Done by chance, and not given up, before the others are measured by them."""
    prune: bool = True
    """Give up trials whose return so far is below the median of others at the same part of their budget."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A trial, done or not."""

    number: int
    state: str
    """complete, pruned, fail or running."""
    score: float | None
    """Of a trial that was given up: its last."""
    settings: Mapping[str, Any]
    """What was drawn."""
    reason: str = ""
    """Why it failed."""
    course: Mapping[int, float] = field(default_factory=dict)
    """Twentieth of the budget -> return so far."""


def sweep(
    plan: Plan, folder: Path, *, processes: int = 1, on_report: Callable[[int, Report | None], None] = lambda *_: None
) -> list[Trial]:
    """Do the trials that are missing, write `best.toml`, and give all trials, the best first.

    on_report gets a trial's number and how its run stands, None once it is over. Raises `MissingExtraError` without
    Optuna, `InputError` on settings that recipes do not take, or where the folder holds another sweep.
    """
    if plan.trials < 1:
        raise InputError(f"trials is {plan.trials}, expected 1 or more.")
    for flags in ends(plan.space):
        read_recipe(plan.game, plan.recipe, [*plan.flags, *flags])
    _study(folder, plan)  # before anything is written, so that a missing extra leaves no folder
    _check_folder(plan, folder)
    works: list[Work] = [partial(_take_part, plan, folder)] * processes
    side_by_side(works, lambda _, told: on_report(*told), processes=processes)
    found = trials(plan, folder)
    if found[0].state == "complete":
        best = recipe_of(plan, found[0].settings).model_dump(mode="json", exclude_defaults=True)
        best["world"].pop("game")
        told = (
            f"# The best of {len(found)} trials of {plan.game}: trial {found[0].number}, score {found[0].score:.6g}.\n"
        )
        files.write_atomic(folder / "best.toml", (told + config.to_toml(best)).encode())
    return found


def trials(plan: Plan, folder: Path) -> list[Trial]:
    """Give all trials of a folder: complete ones first, and the best of them first of all."""
    found = [
        Trial(
            number=each.number,
            state=each.state.name.lower(),
            score=each.value if each.value is not None else next(reversed(each.intermediate_values.values()), None),
            settings=each.params,
            reason=each.user_attrs.get("reason", ""),
            course=each.intermediate_values,
        )
        for each in _study(folder, plan).get_trials(deepcopy=False)
    ]
    order = ("complete", "pruned", "fail", "running", "waiting")
    lowest = -np.inf
    return sorted(found, key=lambda each: (order.index(each.state), -(lowest if each.score is None else each.score)))


def recipe_of(plan: Plan, settings: Mapping[str, Any]) -> Recipe:
    """Give the recipe of a trial."""
    drawn = [
        f"--{key}={value!r}" if isinstance(value, float) else f"--{key}={value}" for key, value in settings.items()
    ]
    return read_recipe(plan.game, plan.recipe, [*plan.flags, *drawn])


def panels(plan: Plan, found: Sequence[Trial]) -> list[Panel]:
    """Give the scores of all trials that have one, over each setting that was searched."""
    drawn = []
    for key, part in plan.space.items():
        labels = {float(place): word for place, word in enumerate(part.words)} if isinstance(part, Choice) else {}
        places = {word: place for place, word in labels.items()}
        series = []
        for name, states in (("complete", ("complete",)), ("given up", ("pruned",))):
            shown = [each for each in found if each.state in states and each.score is not None]
            if shown:
                x = [places[each.settings[key]] if labels else float(each.settings[key]) for each in shown]
                series.append(Series(name, x, [each.score or 0.0 for each in shown], dots=True))
        log = not isinstance(part, Choice) and part.log
        if series:
            drawn.append(Panel("score", series, x_name=key, log=log, x_labels=labels))
    return drawn


def _study(folder: Path, plan: Plan) -> optuna.Study:
    """Give the study of a folder, new where there is none. Raises `MissingExtraError`."""
    with from_extra():
        import optuna
        from optuna.storages.journal import JournalFileBackend
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    folder.mkdir(parents=True, exist_ok=True)
    pruner = (
        optuna.pruners.MedianPruner(plan.start_trials, n_min_trials=1) if plan.prune else optuna.pruners.NopPruner()
    )
    return optuna.create_study(
        storage=optuna.storages.JournalStorage(JournalFileBackend(str(folder / "study.log"))),
        study_name="ludus",
        direction="maximize",
        pruner=pruner,
        load_if_exists=True,
    )


def _check_folder(plan: Plan, folder: Path) -> None:
    """Refuse a folder of another sweep; only the number of trials may grow. Raises `InputError`."""
    path = folder / "sweep.json"
    base = read_recipe(plan.game, plan.recipe, plan.flags).model_dump(mode="json")
    told = json.loads(json.dumps({"space": {key: asdict(part) for key, part in plan.space.items()}, "recipe": base}))
    told |= {"seed": plan.seed}
    if path.is_file():
        if differences := list(compare(json.loads(files.read_text(path)), told)):
            raise InputError(f"{folder} holds another sweep ({'; '.join(differences)}); name another --out.")
        return
    files.write_atomic(path, (json.dumps(told, indent=2) + "\n").encode())


def _take_part(plan: Plan, folder: Path, tell: Tell) -> None:
    """Do trials until all are done, first those whose process has ended before they were."""
    import optuna

    study = _study(folder, plan)
    for left in study.get_trials(deepcopy=False, states=[optuna.trial.TrialState.RUNNING]):
        with _held(folder, left.number) as mine:
            if mine and study.get_trials(deepcopy=False)[left.number].state == optuna.trial.TrialState.RUNNING:
                _try(plan, folder, study, optuna.trial.Trial(study, left._trial_id), tell)
    while len(study.get_trials(deepcopy=False)) < plan.trials:
        trial = study.ask()
        with _held(folder, trial.number):
            _try(plan, folder, study, trial, tell)


@contextmanager
def _held(folder: Path, number: int) -> Iterator[bool]:
    """Give whether a trial is this process's own to do: the lock on its folder goes with the process that had it."""
    run = folder / f"trial-{number:04}"
    run.mkdir(exist_ok=True)
    with (run / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


def _try(plan: Plan, folder: Path, study: optuna.Study, trial: optuna.Trial, tell: Tell) -> None:
    """Train by what is drawn for a trial, unless it is given up, and tell the study how it went."""
    import optuna

    chance = rng.integers(plan.seed, "sweep", np.array(trial.number), high=2**32)
    study.sampler = optuna.samplers.TPESampler(n_startup_trials=plan.start_trials, seed=int(chance))
    recipe = recipe_of(plan, {key: _draw(trial, key, part) for key, part in plan.space.items()})
    told = set(study.get_trials(deepcopy=False)[trial.number].intermediate_values)
    score: float | None = None

    def follow(report: Report) -> None:
        nonlocal score
        tell((trial.number, report))
        score = report.metrics.get("charts/episodic_return")
        rung = int(report.progress * RUNGS)
        if score is not None and rung not in told:
            told.add(rung)
            trial.report(score, rung)
            if rung < RUNGS and trial.should_prune():
                raise optuna.TrialPruned

    try:
        train(recipe, folder / f"trial-{trial.number:04}", on_report=follow)
    except optuna.TrialPruned:
        study.tell(trial, state=optuna.trial.TrialState.PRUNED)
    except (DivergedError, InputError) as error:  # what was drawn cannot be trained by, others may
        trial.set_user_attr("reason", str(error))
        study.tell(trial, state=optuna.trial.TrialState.FAIL)
    else:
        score = score if score is not None else _last_score(folder / f"trial-{trial.number:04}")
        if score is None:
            trial.set_user_attr("reason", "no episode ended within the budget, so there is no score.")
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
        else:
            study.tell(trial, score)
    tell((trial.number, None))


def _last_score(run: Path) -> float | None:
    """Give the score of a run that had been finished, and only its trial had not."""
    rows = files.read_jsonl(run / "metrics.jsonl")
    return rows[-1].get("charts/episodic_return") if rows else None


def _draw(trial: optuna.Trial, key: str, part: Any) -> Any:
    if isinstance(part, Choice):
        return trial.suggest_categorical(key, part.words)
    if part.whole:
        return trial.suggest_int(key, int(part.low), int(part.high), log=part.log)
    return trial.suggest_float(key, part.low, part.high, log=part.log)
