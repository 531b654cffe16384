"""A memory on its way to the next: what the events of an update touch, begin and unlock."""

from __future__ import annotations

from typing import Any

from ludus.core.types import Event, Verdict
from ludus.feats.compiler import SCOPES, Program
from ludus.feats.feat import USUAL_SCORES, Feat
from ludus.feats.memory import ABSENT, Lane, Life, Memory, Span, Spans
from ludus.feats.parts import NUMBERS

RUN_START, STAGE_START = "run_start", "stage_start"


class Work:
    """One update of a memory. What it changes, it has copied first."""

    def __init__(self, program: Program, memory: Memory) -> None:
        self._program = program
        self._memory = memory
        self._lanes: dict[int, tuple[Lane, str, Spans]] = {}
        self._lives: dict[str, Life] = {}
        self._boards = memory.boards
        self._runs = memory.runs
        self._winners = memory.winners
        self._verdicts: list[Verdict] = []

    def spans(self, event: Event) -> Spans:
        """Give the cells that an event can touch, of the run and stage that it belongs to."""
        found = self._lanes.get(event.lane)
        if found is None or found[1] != event.instance:
            found = self._enter(event)
        lane = found[0]
        if (
            event.episode != lane.episode
            or event.stage != lane.stage
            or event.run != lane.run
            or event.kind in (RUN_START, STAGE_START)
            or not lane.begun
        ):
            self._begin(lane, event)
        return found[2]

    def unlock(self, feat: Feat, event: Event, spans: Spans) -> None:
        """Keep a verdict, unless the feat's dedupe says that there has been one."""
        key, lane = self._program.keys[feat.id], self._lanes[event.lane][0]
        score = self._score(feat, event, spans)
        if not self._counts(feat, key, event, score):
            return
        if key not in lane.of_run.won:
            lane.of_run.won |= {key}
            self._winners = {**self._winners, key: self._winners.get(key, 0) + 1}
        evidence = {
            "event_type": event.kind,
            "payload": dict(event.payload),
            "seen_key": _seen_key(feat, lane, event, score),
            "instance_id": event.instance,
            "score": score,
            "biome": event.payload.get("biome", lane.biome),
            "ts": event.ts,
        }
        self._verdicts.append(Verdict(feat.id, lane.run, lane.episode, lane.stage, event.lane, event.tick, evidence))

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
        spans = (lane.of_run.cells, lane.of_stage.cells, self._lives[event.instance].cells)
        found = self._lanes[event.lane] = (lane, event.instance, spans)
        return found

    def _begin(self, lane: Lane, event: Event) -> None:
        """Begin a run or a stage where the event's ids, or its kind, say so; an id left out is the current one."""
        run, episode = event.run or lane.run, event.episode or lane.episode
        if not lane.begun or (run, episode) != (lane.run, lane.episode):
            lane.begun, lane.run, lane.episode, lane.repeats = True, run, episode, 0
            self._begin_run(lane, event)
        elif event.kind == RUN_START and lane.of_run.opened:
            self._begin_run(lane, event)
        elif event.kind == RUN_START:
            lane.of_run.opened = True
            self._reset(lane.of_run, 0)
            self._reset(lane.of_stage, 1)
        if (event.stage and event.stage != lane.stage) or (event.kind == STAGE_START and lane.of_stage.opened):
            self._begin_stage(lane, event.stage or lane.stage)
        if event.kind == STAGE_START:
            lane.of_stage.opened = True
            lane.biome = event.payload.get("biome")
            self._reset(lane.of_stage, 1)

    def _begin_run(self, lane: Lane, event: Event) -> None:
        lane.repeats += 1
        self._runs += 1
        key = f"{lane.run}/{lane.episode}" + (f"#{lane.repeats}" if lane.repeats > 1 else "")
        self._renew(lane.of_run, 0, key)
        lane.of_run.opened = event.kind == RUN_START
        lane.visits, lane.biome = {}, None
        self._begin_stage(lane, event.stage)

    def _begin_stage(self, lane: Lane, stage: str) -> None:
        visit = lane.visits.get(stage, 0) + 1
        lane.stage, lane.visits = stage, {**lane.visits, stage: visit}
        self._renew(lane.of_stage, 1, f"{lane.of_run.key}/{stage}" + (f"#{visit}" if visit > 1 else ""))

    def _renew(self, span: Span, which: int, key: str) -> None:
        span.key, span.opened, span.won = key, False, frozenset()
        self._reset(span, which)

    def _reset(self, span: Span, which: int) -> None:
        span.cells[:] = self._program.starts[which]

    def _counts(self, feat: Feat, key: str, event: Event, score: float | None) -> bool:
        """Say whether the feat may unlock now, and note that it has."""
        lane = self._lanes[event.lane][0]
        match feat.dedupe:
            case "once_per_run":
                return key not in lane.of_run.won
            case "once_per_stage":
                new = key not in lane.of_stage.won
                lane.of_stage.won |= {key}
                return new
            case "once":
                life = self._lives[event.instance]
                new = key not in life.won
                life.won |= {key}
                return new
            case "best_only":
                return self._is_best(feat, key, event, score)

    def _is_best(self, feat: Feat, key: str, event: Event, score: float | None) -> bool:
        """Say whether a score beats all on the feat's board, and note it where it is its instance's best."""
        board, sign = self._boards.get(key, {}), 1 if feat.direction == "max" else -1

        def rank(value: float | None) -> float:
            return ABSENT if value is None else sign * value

        own = board.get(event.instance)
        if own is not None and rank(score) <= rank(own["score"]):
            return False
        best = max((rank(row["score"]) for row in board.values()), default=None)
        lane = self._lanes[event.lane][0]
        place = {"score": score, "run_id": lane.run, "episode_id": lane.episode, "tick": event.tick}
        self._boards = {**self._boards, key: {**board, event.instance: place}}
        return best is None or rank(score) > best

    def _score(self, feat: Feat, event: Event, spans: Spans) -> float | None:
        """Give the score of a feat at an event; None where there is no number for it."""
        if feat.score and feat.score.source == "counter":
            value: Any = spans[SCOPES[feat.scope]][self._program.scores[feat.id].index]
            return None if value == ABSENT else value
        for name in [feat.score.name] if feat.score else USUAL_SCORES:
            value = event.payload.get(name)
            if type(value) in NUMBERS:
                return value  # type: ignore[no-any-return]
        return None


def _seen_key(feat: Feat, lane: Lane, event: Event, score: float | None) -> str:
    """Give what an unlock is unique by, for its feat."""
    match feat.dedupe:
        case "once_per_run":
            return lane.of_run.key
        case "once_per_stage":
            return lane.of_stage.key
        case "once":
            return event.instance
        case "best_only":
            return f"{lane.of_run.key}={score}"
