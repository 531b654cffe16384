"""Random feats and random streams, small enough that the plain meaning of feats can be computed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from ludus.core.types import Event
from ludus.feats import predicate as says
from ludus.feats.feat import ClipWindow, Feat, Score
from ludus.feats.parse import instant

KINDS = ["a", "b", "c"]
VALUES: list[Any] = [0, 1, 2, True, "red", None, [1]]
HZ = 10.0

scalars = st.sampled_from([value for value in VALUES if not isinstance(value, list)])
patterns = st.builds(
    says.Pattern,
    st.sampled_from(KINDS),
    st.dictionaries(st.sampled_from(["x", "y"]), scalars, max_size=2).map(lambda where: tuple(sorted(where.items()))),
) | st.just(says.Pattern("counter_delta", (("name", "p"),)))
seconds = st.sampled_from([0.1, 0.3, 0.5, 1.0, 2.0])
moments = st.one_of(
    st.builds(says.Happened, patterns),
    st.builds(says.PayloadBound, st.sampled_from(["x", "y"]), st.integers(0, 2), st.booleans()),
    st.builds(says.Count, patterns, st.integers(1, 3), seconds),
    st.builds(says.Sequence, st.lists(patterns, min_size=2, max_size=3).map(tuple), seconds),
)
states = st.one_of(
    st.builds(says.CounterReached, st.sampled_from(["p", "q"]), st.integers(-1, 6)),
    st.builds(says.Count, patterns, st.integers(1, 4), st.none()),
)


def _wholes(parts: st.SearchStrategy[says.Predicate]) -> st.SearchStrategy[says.Predicate]:
    listed = st.lists(parts, min_size=1, max_size=3).map(tuple)
    return st.one_of(
        st.builds(says.All, listed),
        listed.flatmap(lambda several: st.builds(says.AnyOf, st.integers(1, len(several)), st.just(several))),
        st.builds(says.Never, parts),
        st.builds(says.Restarted, parts, parts.filter(instant) | moments),
    )


predicates: st.SearchStrategy[says.Predicate] = st.recursive(moments | states, _wholes, max_leaves=6)
scores = (
    st.none()
    | st.builds(Score, st.sampled_from(["payload"]), st.sampled_from(["x"]), st.sampled_from(["max", "min"]))
    | st.builds(Score, st.sampled_from(["counter"]), st.sampled_from(["p"]), st.sampled_from(["max", "min"]))
)


@st.composite
def feats(draw: st.DrawFn) -> Feat:
    return Feat(
        id="f",
        name="F",
        predicate=draw(predicates),
        scope=draw(st.sampled_from(["run", "stage", "lifetime"])),
        hall=draw(st.sampled_from(["fame", "shame"])),
        dedupe=draw(st.sampled_from(["once_per_run", "once_per_stage", "once", "best_only"])),
        clip=draw(st.none() | st.just(ClipWindow(12, 6))),
        score=draw(scores),
    )


def several(most: int = 4) -> st.SearchStrategy[tuple[Feat, ...]]:
    """Feats of different ids."""
    return st.lists(feats(), min_size=1, max_size=most).map(
        lambda made: tuple(replace(feat, id=f"f{number}") for number, feat in enumerate(made))
    )


kinds = st.sampled_from([*KINDS * 4, *["counter_delta"] * 8, "stage_start", "run_start", "unheard"])


@st.composite
def streams(draw: st.DrawFn, *, lanes: int = 2, most: int = 25) -> tuple[Event, ...]:
    """Events of lanes that play one episode after another, each with stages."""
    now = {lane: [0, 0, 0] for lane in range(lanes)}  # episode, stage, tick
    events: list[Event] = []
    length = draw(st.integers(1, most))
    for kind in draw(st.lists(kinds, min_size=length, max_size=length)):
        lane = draw(st.integers(0, lanes - 1))
        place = now[lane]
        turn = draw(st.integers(0, 19))
        if turn == 0:
            place[:] = place[0] + 1, 0, 0
        elif turn == 1:
            place[1] += 1
        place[2] += draw(st.integers(0, 4))
        told: dict[str, Any] = {}
        if kind == "counter_delta":
            told = {"name": draw(st.sampled_from(["p", "q", "other"])), "delta": draw(st.integers(-1, 3))}
        elif draw(st.integers(0, 9)) == 0:
            told = {"counters": draw(st.dictionaries(st.sampled_from(["p", "q"]), st.integers(0, 6), max_size=2))}
        told |= draw(st.dictionaries(st.sampled_from(["x", "y"]), st.sampled_from(VALUES), max_size=2))
        episode, stage, tick = place
        events.append(
            Event(kind, told, "run", f"{lane}.{episode}", str(stage), lane, tick, len(events), f"player{lane}")
        )
    return tuple(events)
