"""Who may do what: codes, cookies, tokens of scopes, and what is noted of those who come."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

import ludus
from ludus.core.clock import ManualClock
from ludus.core.types import Event
from ludus.serve.door.keys import MOST_FAILURES, Keys, Scope
from ludus.serve.worker.errands import Errands, Unmade
from ludus.serve.worker.spool import Reporter, Spool, client_for
from tests.serve.lab import Served, batch, pots


@pytest.fixture(autouse=True)
def forgiven(served: Served) -> None:
    """Every test begins with nobody having been wrong."""
    served.lab.keys.forgive()


def test_codes_and_cookies_grow_old() -> None:
    clock = ManualClock()
    keys = Keys("0123456789abcdef", clock)
    late, cookie = keys.mint(), keys.redeem(keys.mint())
    assert cookie is not None
    assert keys.knows(cookie)
    assert Keys("0123456789abcdef", clock).knows(cookie), "a restart keeps browsers"
    assert not Keys("another token....", clock).knows(cookie)
    clock.advance(301)
    assert keys.redeem(late) is None
    clock.advance(31 * 24 * 3600)
    assert not keys.knows(cookie)
    for made_up in ("", ".", "..", "9" * 400, "admin.-1.", "admin.١٢.", f"admin.{10**12}.", "admin.0.", "root.0.ff"):
        assert not keys.knows(made_up)
        assert not keys.opens(made_up)


ASKED = {
    ("POST", "/events"): {"ingest", "worker", "admin"},
    ("POST", "/runs/r/metrics"): {"ingest", "worker", "admin"},
    ("POST", "/workers/w/sync"): {"worker", "admin"},
    ("POST", "/clips/1"): {"worker", "admin"},
    ("POST", "/highlights"): {"worker", "admin"},
    ("POST", "/open"): {"admin"},
    ("DELETE", "/events"): {"ingest", "worker", "admin"},  # who may say so is told that there is no such route
    ("POST", "/anything/else"): {"admin"},
    ("GET", "/ws"): {"view", "admin"},
    ("GET", "/live"): {"view", "admin"},
    ("GET", "/live/feed"): {"worker", "admin"},
}


def upgrades(served: Served, path: str, headers: dict[str, str]) -> bool:
    """Whether a WebSocket opens there."""
    try:
        with connect(f"ws://127.0.0.1:{served.port}{path}?worker=w", additional_headers=headers, proxy=None):
            return True
    except InvalidStatus as refused:
        return bool(json.loads(refused.response.body or b"")["error"] != "wrong_scope")


@pytest.mark.parametrize("scope", ["view", "ingest", "worker", "admin"])
def test_a_token_of_a_scope_opens_that_and_nothing_else(served: Served, scope: Scope) -> None:
    bearer = {"authorization": f"Bearer {served.lab.keys.grant(scope)}"}
    with httpx.Client(base_url=served.url, headers=bearer, trust_env=False) as client:
        for (method, path), scopes in ASKED.items():
            if method == "GET":
                assert upgrades(served, path, bearer) == (scope in scopes), path
            else:
                refused = client.request(method, path, json={}).json().get("error") == "wrong_scope"
                assert refused == (scope not in scopes), (method, path)


def test_tokens_of_scopes_end() -> None:
    clock = ManualClock()
    keys = Keys("0123456789abcdef", clock)
    short, long = keys.grant("worker", 60), keys.grant("view")
    assert [keys.opens(token) for token in (short, long, "0123456789abcdef")] == ["worker", "view", "admin"]
    assert keys.knows(long) is None, "a token is no cookie"
    assert keys.opens(keys.redeem(keys.mint()) or "") is None, "nor a cookie a token"
    assert keys.opens("admin" + long.removeprefix("view")) is None
    clock.advance(61)
    assert [keys.opens(token) for token in (short, long)] == [None, "view"]
    assert Keys("another token....", clock).opens(long) is None, "a new token ends all"


def test_a_browser_that_may_only_look_changes_nothing(served: Served, bare: httpx.Client) -> None:
    with served.client() as client:
        url = client.post("/open", params={"scope": "view"}).json()["url"]
    cookie = {"cookie": bare.get(url).headers["set-cookie"].partition(";")[0], "origin": served.url}
    bare.cookies.clear()
    answer = bare.post("/events", json={"event_type": "a"}, headers=cookie)
    assert (answer.status_code, answer.json()["error"]) == (403, "wrong_scope")
    with connect(f"ws://127.0.0.1:{served.port}/ws", additional_headers=cookie, proxy=None) as page:
        assert json.loads(page.recv())["type"] == "hello"


def test_nothing_that_comes_from_elsewhere_is_unpickled() -> None:
    words = ("pickle.load", "torch.load(", "allow_pickle=True", "shelve", "yaml.load(", "marshal")
    for path in Path(ludus.__file__).parent.rglob("*.py"):
        code = path.read_text().replace("safetensors.torch.load(", "")
        assert not [word for word in words if word in code], path


def test_an_orchestrator_has_nothing_to_call_others_with() -> None:
    clients = ("httpx", "requests", "aiohttp", "websockets.sync.client", "websockets.asyncio.client")
    code = f"import sys, ludus.serve.lab.orchestrator; sys.exit(any(name in sys.modules for name in {clients}))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_what_changes_anything_is_audited(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "ludus.audit")
    with served.client() as client:
        client.post("/open")
        client.post("/workers/audited/sync", json={})  # told all the time, and kept itself
        client.post("/workers/audited/sync", json={}, headers={"authorization": "Bearer wrong"})
    changed, refused = (record for record in caplog.records if record.name == "ludus.audit")
    assert (changed.args, refused.args) == (
        {"method": "POST", "path": "/open", "address": "127.0.0.1", "scope": "admin", "status": 200},
        {"method": "POST", "path": "/workers/audited/sync", "address": "127.0.0.1", "scope": None, "status": 401},
    )
    assert served.token not in caplog.text


def test_who_is_wrong_too_often_is_told_to_come_later_and_the_right_token_still_opens(
    served: Served, bare: httpx.Client
) -> None:
    wrong = {"authorization": "Bearer " + "x" * 43}
    for _ in range(MOST_FAILURES - 1):
        assert bare.post("/open", headers=wrong).status_code == 401
    assert bare.get("/open", params={"code": "guessed"}).status_code == 401
    for guess in (bare.post("/open", headers=wrong), bare.get("/open", params={"code": "guessed"})):
        assert (guess.status_code, guess.json()["error"]) == (429, "too_many_failures")
        assert guess.headers["retry-after"] == "60"
    served.post(batch(pots(1), producer="right"))
    clock = ManualClock()
    keys = Keys("0123456789abcdef", clock)
    assert [keys.failed("a") for _ in range(MOST_FAILURES + 1)] == [False] * MOST_FAILURES + [True]
    assert not keys.failed("b")
    clock.advance(60)
    assert not keys.failed("a")


def test_a_worker_does_its_work_with_a_token_of_its_scope(served: Served, tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.add([Event("counter_delta", {"name": "pots_broken", "delta": 20}, "scoped", "1", "", 0, 0)])
    with client_for(served.url, served.lab.keys.grant("worker", 60)) as client:
        assert Reporter(spool, "scoped", client).send_all()
        assert Errands(client, "scoped", lambda _: Unmade("skipped", {"code": "a", "detail": "b"})).run({}) == 1
