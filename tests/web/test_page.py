"""The page, in a browser, at an orchestrator that has something to tell."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.web.conftest import ROOT, SHOTS, WEB, WORKER, Lab

ROOMS = {
    "swarm": "/",
    "focus": f"/?worker={WORKER}&lane=3",
    "runs": "/runs",
    "run": "/runs/cartpole-0",
    "nowhere": "/no/such/room",
}
EMPTY_ROOMS = {
    "swarm": {"path": "/", "asks": "**/workers"},
    "runs": {"path": "/runs", "asks": "**/runs?*"},
}
MOST_DELAY_MS = 150
MOST_HEAP_BYTES = 20_000_000
RECORDS_PER_S = 10_000
LIVE = {"swarm": "[data-latency]", "focus": "[data-median]"}


def test_every_room_can_be_used_by_everybody_by_day_and_by_night(lab: Lab) -> None:
    lab.walk(ROOMS, shows=LIVE)
    assert {path.stem for path in SHOTS.glob("*-desktop-dark.png")} >= {f"{name}-desktop-dark" for name in ROOMS}


def test_rooms_say_that_they_fetch_that_nothing_is_there_and_that_it_failed(empty_lab: Lab) -> None:
    told = empty_lab.check("states", empty_rooms=EMPTY_ROOMS)
    assert told["nowhere"]["empty"] == "There is no room here"
    assert (told["swarm"]["empty"], told["runs"]["empty"]) == ("Nobody plays", "No run yet")
    for name in EMPTY_ROOMS:
        assert told[name]["loading"].startswith("Fetching "), name
        assert "It is not the season." in told[name]["failed"], name


def test_the_page_needs_no_pointer(lab: Lab) -> None:
    told = lab.check("keys", worker=WORKER)
    assert told["complained"] == []
    assert (told["first"], told["filter"], told["address"]) == ("Skip to the room", "Filter runs", "no such run")
    assert {"Go to Swarm", "Go to Runs", "Filter runs", "Show these keys"} <= set(told["keys"])
    assert told["theme"] == "light"
    assert (told["beside"], told["lane"]) == (True, "1")
    assert (told["clip"], told["after"]) == (f"{WORKER}-lane-2.webm", "")


def test_the_palette_leads_anywhere_by_keys_alone(lab: Lab) -> None:
    told = lab.check("palette", run="cartpole-1", worker=WORKER, feat="Pot Popper")
    assert (told["complained"], told["violations"], told["wide"]) == ([], [], 0)
    assert {"Rooms", "Runs", "Workers", "Feats", "Theme"} <= set(told["groups"])
    assert (told["pointed"], told["second"]) == ("Swarm", "Runs")
    assert told["last"].startswith("Night")
    assert told["nothing"]
    assert (told["behind"], told["back"], told["entered"]) == (False, "dialog", "room")
    assert told["led"] == {
        "room": "/hall/shame",
        "run": "/runs/cartpole-1",
        "episode": "/episodes/eval-random:potyard__1__1",
        "worker": f"/ worker={WORKER} lane=0",
        "feat": "/hall/fame feat=minor.pots.20_in_run",
    }
    assert told["theme"] == "light"


def test_lanes_with_most_to_see_are_featured_until_they_are_locked(lab: Lab) -> None:
    first = {"hype": [[4, 3.2], [3, 1.5], [1, 0.4]], "shame": [[5, 2.0]], "stuck": [6], "flags": ["stuck"]}
    told = lab.check("featured", worker=WORKER, statuses=[first, {"hype": [[2, 9.9], [4, 9.5]]}, {"policy_version": 7}])
    assert (told["complained"], told["answers"]) == ([], [200] * 4)
    assert [tile.partition("\n")[0] for tile in told["first"]] == [f"{WORKER}, lane {lane}" for lane in (4, 3, 5)]
    assert [tile.rpartition("\n")[2] for tile in told["first"]] == ["hype 3.2", "hype 1.5", "shame 2.0"]
    assert told["stuck"].endswith("stuck")
    assert [tile.partition("\n")[0] for tile in told["locked"]] == [f"{WORKER}, lane {lane}" for lane in (4, 3, 5)]
    assert [tile.partition("\n")[0] for tile in told["free"]] == [f"{WORKER}, lane {lane}" for lane in (2, 4)]


def test_curves_are_drawn_however_they_are_looked_at(lab: Lab) -> None:
    told = lab.check("curves")
    assert told["complained"] == []
    for how in ("whole", "close", "smooth", "time"):
        assert told[how] > 500, (how, told)
    assert [label.split()[0] for label in told["apart"]] == ["cartpole-1", "cartpole-0"]


def test_an_unlock_is_told_as_it_happens(lab: Lab) -> None:
    place = {"run_id": "told-live", "episode_id": "1.0", "instance_id": "page"}
    pot = {"event_type": "counter_delta", "payload": {"name": "pots_broken", "delta": 25}, "tick": 1, **place}
    told = lab.check("toasts", events=[pot])
    assert told["statuses"] == [200]
    assert "Pot Popper" in told["told"] and "Fame" in told["told"]


def test_live_pictures_are_of_now(lab: Lab) -> None:
    told = lab.check("live", worker=WORKER, seconds=4)
    assert told["moved"]
    # The bar is 150 ms on a machine with nothing else to do, which the slow test holds; this one shares its cores.
    assert 0 < told["tiles"] < 10 * MOST_DELAY_MS
    assert 0 < told["film"] < 10 * MOST_DELAY_MS


@pytest.mark.slow
def test_live_pictures_are_on_the_screen_within_150_ms(lab: Lab) -> None:
    told = lab.check("live", worker=WORKER, seconds=20)
    assert told["moved"]
    assert 0 < told["tiles"] < MOST_DELAY_MS, told


@pytest.mark.parametrize("seconds", [5, pytest.param(60, marks=pytest.mark.slow)])
def test_a_page_that_is_told_much_does_not_grow(lab: Lab, seconds: int) -> None:
    with _telling(lab, "soak") as records_per_s:
        told = lab.check("soak", run="soak", metric="loss", seconds=seconds)
        rate = records_per_s()
    assert told["complained"] == []
    assert told["drawn"]
    assert told["grown"] < MOST_HEAP_BYTES, told
    assert rate > RECORDS_PER_S / 4  # even on a machine that has much else to do
    (SHOTS / "soak.json").write_text(json.dumps(told | {"records_per_s": rate}))


@contextmanager
def _telling(lab: Lab, run: str) -> Iterator[Callable[[], float]]:
    """Tells metrics of a run, so many records a second, until it is left; gives how many it were."""
    stop, began, first = threading.Event(), threading.Event(), time.monotonic()
    step, size = 0, 500

    def tell() -> None:
        nonlocal step
        with lab.client() as client:
            while not stop.is_set():
                rows = [{"step": step + n, "values": {"loss": 1 / (1 + (step + n) % 997)}} for n in range(size)]
                client.post(f"/runs/{run}/metrics", json={"rows": rows}).raise_for_status()
                step += size
                began.set()
                stop.wait(max(0.0, first + step / RECORDS_PER_S - time.monotonic()))

    thread = threading.Thread(target=tell)
    thread.start()
    try:
        assert began.wait(30)
        yield lambda: step / (time.monotonic() - first)
    finally:
        stop.set()
        thread.join(30)


def test_types_of_the_page_are_those_of_the_routes(node: None, tmp_path: Path) -> None:
    document, types = tmp_path / "openapi.json", tmp_path / "api.ts"
    schema = subprocess.run([sys.executable, WEB / "schema.py"], capture_output=True, check=True)
    document.write_bytes(schema.stdout)
    command = [str(WEB / "node_modules" / ".bin" / "openapi-typescript"), str(document), "-o", str(types)]
    subprocess.run(command, check=True, capture_output=True)
    assert types.read_text() == (WEB / "src" / "api.gen.ts").read_text(), "run: npm --prefix web run types"


def test_a_wheel_brings_the_page(page: Path, tmp_path: Path) -> None:
    options = ["--quiet", "--no-deps", "--no-build-isolation", "-C", "wheel.cmake=false", "-C", f"build-dir={tmp_path}"]
    subprocess.run([sys.executable, "-m", "pip", "wheel", ".", *options, "-w", str(tmp_path)], cwd=ROOT, check=True)
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        brought = {name.removeprefix("ludus/serve/static/") for name in wheel.namelist()}
    built = {str(path.relative_to(page)) for path in page.rglob("*") if path.is_file()}
    assert "index.html" in built
    assert built <= brought
    assert not any(name.startswith(("web/", "node_modules/")) for name in brought)


def test_the_page_is_typed(node: None) -> None:
    done = subprocess.run(["npm", "run", "--silent", "check"], cwd=WEB, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
