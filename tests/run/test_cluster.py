"""A learner and workers as actors of Ray. What needs Ray itself is slow, for Ray takes long to begin."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import pytest

from ludus.core.errors import FileFormatError, InputError, LudusError, MissingExtraError
from ludus.run import cluster
from ludus.run.cluster import open_cluster
from ludus.run.learner import RolloutError, open_learner
from ludus.run.processes import train_processes
from ludus.run.recipe import Recipe, read_recipe
from tests.run.family import one_thread as one_thread


def recipe(*flags: str) -> Recipe:
    small = ["run.lanes=4", "run.horizon=8", "ppo.epochs=2", "run.steps=0", "run.threads=1"]
    return read_recipe("CartPole-v1", None, [f"--{flag}" for flag in (*small, *flags)])


def test_without_ray_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r"ray is not installed; run: pip install 'ludus\[ray\]'"):
        open_cluster(partial(open_learner, "p", recipe()), recipe(), workers=2).__enter__()


def test_lanes_that_cannot_be_split_are_refused_before_ray_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match="multiple of the 3 workers"):
        open_cluster(partial(open_learner, "p", recipe()), recipe(), workers=3).__enter__()


def test_an_address_at_which_nobody_is_is_told_of_at_once() -> None:
    for address in ("ray://far:10001", "far", "far:x"):
        with pytest.raises(InputError, match="expected HOST:PORT"):
            cluster._knock(address)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        cluster._knock(address)
    with pytest.raises(LudusError, match=f"nothing answers at {address}"):
        cluster._knock(address)


@pytest.fixture(scope="module")
def ray_of_three() -> Iterator[None]:
    """A Ray that stays for all tests, begun as the cluster begins one."""
    if find_spec("ray") is None:
        pytest.skip("Ray is not installed: pip install 'ludus[ray]'")
    assert cluster._begin(None, cpus=3)
    import ray

    yield
    ray.shutdown()


@pytest.mark.slow
def test_actors_learn_what_as_many_processes_learn_bit_for_bit(ray_of_three: None) -> None:
    chosen = recipe()
    with open_cluster(partial(open_learner, "p", chosen), chosen, workers=2) as crew:
        receipts = list(crew.train(3))
        weights = crew.weights()
    learner = open_learner("p", chosen)
    expected = list(train_processes(learner, workers=2, updates=3))
    assert weights == learner.weights()
    assert [(one.version, one.step, one.lag, one.corrected) for one in receipts] == [
        (one.version, one.step, one.lag, one.corrected) for one in expected
    ]


@pytest.mark.slow
def test_an_actors_files_are_the_learners_and_are_gone_on_with(
    ray_of_three: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    chosen = recipe("run.steps=96")
    opening = partial(open_learner, "p", chosen, folder=Path("runs/p"))
    with open_cluster(opening, chosen, workers=2) as crew:
        assert [receipt.done for receipt in crew.train()] == [False, False, True]
        saved, weights = crew.save(), crew.weights()
        with pytest.raises(RolloutError, match="has learned for as long as it was to") as caught:
            list(crew.train(1))
    assert caught.value.reason == "spent"
    assert saved is not None and saved.path.resolve().is_relative_to(tmp_path)
    assert open_learner("p", chosen, folder=tmp_path / "runs" / "p").weights() == weights
    with pytest.raises(InputError, match="other settings"):
        open_cluster(
            partial(open_learner, "p", recipe("run.seed=5"), folder=Path("runs/p")), chosen, workers=2
        ).__enter__()


@pytest.mark.slow
def test_what_a_worker_refuses_is_raised_as_it_is(ray_of_three: None) -> None:
    with (
        open_cluster(partial(open_learner, "p", recipe("net.size=2")), recipe(), workers=2) as crew,
        pytest.raises(FileFormatError, match="version 0"),
    ):
        list(crew.train(1))


@pytest.mark.slow
@pytest.mark.parametrize("who", ["the learner", "worker 1"])
def test_an_actor_that_is_killed_is_named(ray_of_three: None, who: str) -> None:
    chosen = recipe()
    with open_cluster(partial(open_learner, "p", chosen), chosen, workers=2) as crew:
        running = crew.train(9)
        next(running)
        (place,) = [place for place in crew.places.values() if place.startswith(who)]
        os.kill(int(place.rstrip(")").split()[-1]), signal.SIGKILL)
        with pytest.raises(LudusError, match=rf"^{who} \(.* process \d+\) ended"):
            list(running)


@pytest.mark.slow
def test_a_ray_that_is_too_small_or_elsewhere_is_refused(ray_of_three: None) -> None:
    chosen = recipe()
    with pytest.raises(InputError, match="Ray has 3 CPUs, expected 5"):
        open_cluster(partial(open_learner, "p", chosen), chosen, workers=4).__enter__()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="sockets are looked up in /proc")
def test_a_ray_that_is_begun_here_listens_to_this_machine_alone(ray_of_three: None) -> None:
    chosen = recipe()
    with open_cluster(partial(open_learner, "p", chosen), chosen, workers=2):
        heard = [*listening(descendants(os.getpid()))]
    assert len(heard) >= 4 and {*heard} <= {"0100007F", "0000000000000000FFFF00000100007F"}, heard


@pytest.mark.slow
def test_a_ray_that_is_begun_here_lets_nobody_in_without_the_token(ray_of_three: None) -> None:
    import ray

    address = ray.get_runtime_context().gcs_address
    code = f"import ray; ray.init({address!r}, log_to_driver=False)"
    told = {**os.environ, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0" * 64}
    done = subprocess.run([sys.executable, "-c", code], env=told, capture_output=True, text=True)
    assert done.returncode != 0
    assert "authentication" in done.stderr.lower()


def descendants(parent: int) -> set[int]:
    """Give the processes that a process has begun, and those that these have."""
    parent_of = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parent_of[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    found = {parent}
    while more := {child for child, of in parent_of.items() if of in found} - found:
        found |= more
    return found


def listening(processes: set[int]) -> Iterator[str]:
    """Give the addresses, in the kernel's hexadecimal, at which processes listen."""
    links = set()
    for process in processes:
        with suppress(OSError):
            links |= {str(file.readlink()) for file in Path(f"/proc/{process}/fd").iterdir()}
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            local, state, inode = (line.split()[place] for place in (1, 3, 9))
            if state == "0A" and f"socket:[{inode}]" in links:
                yield local.partition(":")[0]
