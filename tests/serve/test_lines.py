"""Lists of runs and episodes: what they tell, and how episodes are asked for, on both kinds of store."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ludus.core.errors import InputError
from ludus.serve.store import versions
from ludus.serve.store.backends import open_database
from ludus.serve.store.lines import Wanted, episode_line, run_line
from ludus.serve.store.rows import Store
from ludus.serve.store.tables import TABLES
from tests.serve.conftest import Opener


def line(name: str, total: float | None, **told: Any) -> dict[str, Any]:
    """Give a line of a manifest."""
    return {"id": name, "scenario": "potyard", "policy": "random", "seed": 7, "return": total, **told}


FILM = {"video": {"path": "videos/a.mp4"}}
EPISODES = [
    ("eval:a", "eval", line("a", 3.0, steps=10, terminated=True, **FILM)),
    ("eval:b", "eval", line("b", -1.0, steps=30, truncated=True, verdicts=[{"name": "pot_10"}, {"name": "death"}])),
    ("eval:c", "eval", line("c", None, policy="runs/deep/50%_off", verdicts=[{"name": "pot_10"}], **FILM)),
    ("train:d", "train", line("d", 9.5, scenario="maze", seed=8, steps=20, video={"status": "skipped"})),
]


@pytest.fixture
def store(opened: Opener) -> Store:
    found = opened()
    with found.transaction():
        found.put_episodes(EPISODES)
    return found


FOUND = [
    (Wanted(), "dcba"),
    (Wanted(run="eval"), "cba"),
    (Wanted(scenario="maze"), "d"),
    (Wanted(policy="random"), "dba"),
    (Wanted(policy="50%_off"), "c"),
    (Wanted(policy="elsewhere/50%_off/"), "c"),
    (Wanted(verdict="pot_10"), "cb"),
    (Wanted(verdict="pot"), ""),
    (Wanted(verdict="pot%"), ""),
    (Wanted(outcome="terminated"), "a"),
    (Wanted(outcome="truncated"), "b"),
    (Wanted(video=True), "ca"),
    (Wanted(video=False), "db"),
    (Wanted(min_return=3.0), "da"),
    (Wanted(q="seed 7"), "cba"),
    (Wanted(q="Maze SEED 8"), "d"),
    (Wanted(q="50%"), "c"),
    (Wanted(q="5%f"), ""),
    (Wanted(q="\\"), ""),
    (Wanted(run="eval", video=True, min_return=0.0), "a"),
]


def test_episodes_are_found_by_what_is_wanted(store: Store) -> None:
    for wanted, found in FOUND:
        assert "".join(told["id"][-1] for told in store.episodes(9, wanted)) == found, wanted
        assert store.episode_count(wanted) == len(found), wanted


def test_episodes_come_in_the_order_that_is_asked_for_a_page_at_a_time(store: Store) -> None:
    def names(**asked: Any) -> str:
        return "".join(told["id"][-1] for told in store.episodes(9, **asked))

    assert (names(order="oldest"), names(order="newest")) == ("abcd", "dcba")
    assert (names(order="best"), names(order="worst")) == ("dabc", "badc")  # who tells no return comes last
    assert (names(order="longest"), names(order="shortest")) == ("bdac", "cadb")
    assert names(order="noticed") == "bcda"
    assert [told["id"] for told in store.episodes(2, order="best", offset=1)] == ["eval:a", "eval:b"]
    assert names(before=3) == "ba"


def test_what_can_be_asked_for_is_told(store: Store) -> None:
    assert store.episode_names() == {
        "runs": ["eval", "train"],
        "scenarios": ["maze", "potyard"],
        "policies": ["50%_off", "random"],
        "verdicts": ["death", "pot_10"],
    }


def test_a_line_that_comes_again_is_found_by_what_it_says_now(store: Store) -> None:
    with store.transaction():
        store.put_episodes([("eval:a", "eval", line("a", 0.5, scenario="cave"))])
    assert [told["number"] for told in store.episodes(9, Wanted(scenario="cave", video=False))] == [1]
    assert store.episode_count(Wanted(scenario="potyard")) == 2


STRANGE = (
    {"verdicts": 3, "return": "much", "steps": 2**70, "video": [], "scenario": 5, "policy": None, "seed": {}},
    {"scenario": "a\0b\ud800", "return": float("1e999"), "verdicts": [None, {"name": 4}, {"name": "x\ny"}]},
    {"return": 10**400, "steps": True},
)


@pytest.mark.parametrize("told", STRANGE)
def test_whatever_a_folder_tells_is_kept(opened: Opener, told: dict[str, Any]) -> None:
    store = opened()
    kept = {name: value for name, value in told.items() if value != float("inf")}
    with store.transaction():
        store.put_episodes([("r:a", "r", kept)])
        store.put_run("r", 0, {"run": {"facts": kept}, "settings": 3})
    assert store.episode_count(Wanted(run="r")) == 1
    assert store.episodes(1)[0]["number"] == 1
    assert episode_line(told, id_="r:a")["total"] is None
    assert store.runs(1)[0]["kind"] == "eval"


def test_runs_that_differ_in_their_seed_alone_are_of_one_group() -> None:
    def group(**settings: Any) -> Any:
        return run_line({"settings": settings})["group"]

    assert (
        group(run={"seed": 1, "steps": 5}) == group(run={"steps": 5, "seed": 2}) != group(run={"seed": 1, "steps": 6})
    )
    assert run_line({})["group"] is None


def test_a_store_of_the_first_version_is_brought_up(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    old = open_database(place)
    with old.transaction():
        for table in TABLES:
            old.write(table)
        old.write("INSERT INTO facts VALUES ('version', '1')")
        told = json.dumps({"settings": {"world": {"game": "potyard"}}}).encode()
        old.write("INSERT INTO runs VALUES ('train', 5, :told)", {"told": told})
        rows = [
            {"number": number, "id": id_, "run": run, "told": json.dumps(told).encode()}
            for number, (id_, run, told) in enumerate(EPISODES, start=1)
        ]
        old.write_many("INSERT INTO episodes VALUES (:number, :id, :run, :told)", rows)
    old.close()
    monkeypatch.setattr(versions, "PAGE", 3)
    for _ in range(2):
        store = Store(open_database(place))
        assert [told["id"][-1] for told in store.episodes(9, Wanted(video=True))] == ["c", "a"]
        assert (store.runs(9)[0]["kind"], store.runs(9)[0]["game"]) == ("train", "potyard")
        store.close()


def test_a_store_of_a_later_version_is_left_alone(place: str) -> None:
    store = Store(open_database(place))
    with store.transaction():
        store.database.write("UPDATE facts SET value = '9' WHERE name = 'version'")
    store.close()
    database = open_database(place)
    with pytest.raises(InputError, match="version '9', expected"):
        Store(database)
    database.close()
