"""A memory on its way to the next: what the events of an update touch, begin and unlock."""

from __future__ import annotations

from dataclasses import replace

from ludus.core.events import RUN_START, STAGE_START
from ludus.core.types import Event, Verdict
from ludus.feats.compiler import SCOPES, Program
from ludus.feats.feat import USUAL_SCORES, Dedupe, Feat
from ludus.feats.memory import ABSENT, RUN, STAGE, Lane, Life, Memory, Place, Span, Spans
from ludus.feats.parts import is_number

STARTS = frozenset({RUN_START, STAGE_START})


class Work:
    """One update of a memory. What it changes, it has copied first."""

    def __init__(self, program: Program, memory: Memory) -> None:
        self._program = program
        self._memory = memory
        self._lanes: dict[int, tuple[Lane, str, Spans]] = {}
        self._lives: dict[str, Life] = {}
        self._boards = memory.boards
        self._runs = memory.runs
        self._winners: dict[str, int] = memory.winners
        self._verdicts: list[Verdict] = []

    def spans(self, event: Event) -> Spans:
        """Give the cells that an event can touch, of the run and stage that it belongs to."""
        found = self._lanes.get(event.lane)
        if found is None or found[1] != event.instance:
            found = self._enter(event)
        lane, _, spans = found
        place = lane.place
        if (
            event.episode != place.episode
            or event.stage != place.stage
            or event.run != place.run
            or event.kind in STARTS
            or not place.begun
        ):
            self._begin(lane, event)
        return spans

    def unlock(self, feat: Feat, event: Event, spans: Spans) -> None:
        """Keep a verdict, unless the feat's dedupe says that there has been one."""
        key, lane = self._program.keys[feat.id], self._lanes[event.lane][0]
        if _is_spent(feat.dedupe, key, lane, self._lives[event.instance]):
            return
        score = self._score(feat, event, spans)
        if feat.dedupe == "best_only" and not self._is_best(feat, key, event, score):
            return
        self._note(key, lane, self._lives[event.instance])
        place = lane.place
        evidence = {
            "seq": event.seq,
            "event_id": event.id or f"{event.run}/{event.episode}/{event.seq}",
            "event_type": event.kind,
            "payload": dict(event.payload),
            "seen_key": _seen_key(feat, place, event, score),
            "instance_id": event.instance,
            "score": score,
            "biome": event.payload.get("biome", place.biome),
            "ts": event.ts,
        }
        self._verdicts.append(Verdict(feat.id, place.run, place.episode, place.stage, event.lane, event.tick, evidence))

    def finish(self) -> tuple[Memory, tuple[Verdict, ...]]:
        """Give the next memory and the verdicts."""
        if not self._lanes:
            return self._memory, ()
        memory = Memory(
            lanes={**self._memory.lanes, **{number: lane for number, (lane, _, _) in self._lanes.items()}},
            lives={**self._memory.lives, **self._lives},
            boards=self._boards,
            runs=self._runs,
            winners=self._winners,
        )
        return memory, tuple(self._verdicts)

    def _enter(self, event: Event) -> tuple[Lane, str, Spans]:
        """Copy the lane and the life of an event, if that has not been done."""
        known = self._lanes.get(event.lane)
        if known:
            lane = known[0]
        else:
            kept = self._memory.lanes.get(event.lane)
            lane = kept.copy() if kept else self._program.fresh_lane()
        if event.instance not in self._lives:
            life = self._memory.lives.get(event.instance)
            self._lives[event.instance] = life.copy() if life else self._program.fresh_life()
        spans = (lane.run, lane.stage, self._lives[event.instance].cells)
        found = self._lanes[event.lane] = (lane, event.instance, spans)
        return found

    def _begin(self, lane: Lane, event: Event) -> None:
        """Begin a run or a stage where the event's ids, or its kind, say so; an id left out is the current one."""
        place = lane.place
        run, episode = event.run or place.run, event.episode or place.episode
        starts_run, starts_stage = event.kind == RUN_START, event.kind == STAGE_START
        if not place.begun or (run, episode) != (place.run, place.episode):
            self._begin_run(lane, Place(run, episode, begun=True), event)
        elif starts_run and place.of_run.opened:
            self._begin_run(lane, place, event)
        elif starts_run:
            lane.place = replace(place, of_run=replace(place.of_run, opened=True))
            lane.run[:], lane.stage[:], _ = self._program.starts
        place = lane.place
        if (event.stage and event.stage != place.stage) or (starts_stage and place.of_stage.opened):
            self._begin_stage(lane, event.stage or place.stage)
        if starts_stage:
            of_stage = replace(lane.place.of_stage, opened=True)
            lane.place = replace(lane.place, of_stage=of_stage, biome=event.payload.get("biome"))
            lane.stage[:] = self._program.starts[STAGE]

    def _begin_run(self, lane: Lane, place: Place, event: Event) -> None:
        self._runs += 1
        repeats = place.repeats + 1
        span = Span(_numbered(f"{place.run}/{place.episode}", repeats), event.kind == RUN_START)
        lane.place = Place(place.run, place.episode, begun=True, repeats=repeats, of_run=span)
        lane.run[:], lane.run_won = self._program.starts[RUN], frozenset()
        self._begin_stage(lane, event.stage)

    def _begin_stage(self, lane: Lane, stage: str) -> None:
        place = lane.place
        visit = place.visits.get(stage, 0) + 1
        span = Span(_numbered(f"{place.of_run.key}/{stage}", visit))
        lane.place = replace(place, stage=stage, visits={**place.visits, stage: visit}, of_stage=span)
        lane.stage[:], lane.stage_won = self._program.starts[STAGE], frozenset()

    def _note(self, key: str, lane: Lane, life: Life) -> None:
        """Remember that a feat has unlocked in this run, stage and life."""
        if key not in lane.run_won:
            if self._winners is self._memory.winners:
                self._winners = dict(self._winners)
            self._winners[key] = self._winners.get(key, 0) + 1
        lane.run_won |= {key}
        lane.stage_won |= {key}
        life.won |= {key}

    def _is_best(self, feat: Feat, key: str, event: Event, score: float | None) -> bool:
        """Say whether a score beats all on the feat's board, and note it where it is its instance's best."""
        board, mine = self._boards.get(key, {}), rank(feat.direction, score)
        own = board.get(event.instance)
        if own is not None and mine <= rank(feat.direction, own["score"]):
            return False
        best = max((rank(feat.direction, row["score"]) for row in board.values()), default=None)
        lane = self._lanes[event.lane][0].place
        place = {"score": score, "run_id": lane.run, "episode_id": lane.episode, "tick": event.tick}
        self._boards = {**self._boards, key: {**board, event.instance: place}}
        return best is None or mine > best

    def _score(self, feat: Feat, event: Event, spans: Spans) -> float | None:
        """Give the score of a feat at an event; None where there is no number for it."""
        if feat.score and feat.score.source == "counter":
            counted = spans[SCOPES[feat.scope]][self._program.scores[feat.id].index]
            return None if counted == ABSENT else int(counted) if counted.is_integer() else counted
        for name in [feat.score.name] if feat.score else USUAL_SCORES:
            value = event.payload.get(name)
            if is_number(value):
                return value
        return None


def rank(direction: str, score: float | None) -> float:
    """Give what is more for a better score; none at all is the worst."""
    return ABSENT if score is None else score if direction == "max" else -score


def _is_spent(dedupe: Dedupe, key: str, lane: Lane, life: Life) -> bool:
    """Say whether a feat has unlocked already, and may not again."""
    match dedupe:
        case "once_per_run":
            return key in lane.run_won
        case "once_per_stage":
            return key in lane.stage_won
        case "once":
            return key in life.won
        case "best_only":
            return False


def _seen_key(feat: Feat, place: Place, event: Event, score: float | None) -> str:
    """Give what an unlock is unique by, for its feat."""
    match feat.dedupe:
        case "once_per_run":
            return place.of_run.key
        case "once_per_stage":
            return place.of_stage.key
        case "once":
            return event.instance
        case "best_only":
            return f"{place.of_run.key}={score}"


def _numbered(key: str, number: int) -> str:
    return key if number == 1 else f"{key}#{number}"
