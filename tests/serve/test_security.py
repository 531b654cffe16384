"""The security table: who is refused, why, and that nothing else comes in. `ROWS` has its rows and their tests."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from ludus.core.clock import SystemClock
from ludus.core.errors import InputError
from ludus.serve.api.lab import LabSettings
from ludus.serve.door.keys import Keys, read_token
from ludus.serve.door.security import is_loopback, rules_for
from tests.serve import test_beneath, test_limits, test_scopes, test_unix
from tests.serve.lab import Served, raw, told

EVENT = b'{"event_type": "a"}'
ROWS = {
    "1 loopback by default; beyond it the token is needed to read too": (
        "test_loopback_is_the_default_and_anything_else_needs_the_token_to_read",
        "test_a_served_lab_listens_to_loopback_alone",
    ),
    "1 a Unix socket for workers of the same user": (
        "test_the_door_stands_before_the_socket_too",
        "test_a_path_where_something_else_is_is_left_alone",
    ),
    "2 the token for all that changes anything and for WebSockets; its file is its owner's": (
        "test_whatever_may_change_something_needs_the_token",
        "test_a_websocket_needs_the_token",
        "test_the_token_is_for_its_owner_alone",
    ),
    "2 a browser gets a cookie for a code that works once": (
        "test_a_code_opens_once_and_its_cookie_is_strict",
        "test_codes_and_cookies_grow_old",
    ),
    "2 tokens of scopes": (
        "test_a_token_of_a_scope_opens_that_and_nothing_else",
        "test_tokens_of_scopes_end",
        "test_a_browser_that_may_only_look_changes_nothing",
    ),
    "3 Host, with its port, on HTTP and WebSocket": (
        "test_a_host_that_is_not_ours_is_refused",
        "test_the_names_of_loopback_are_ours",
        "test_a_host_or_a_token_that_comes_twice_is_refused",
    ),
    "4 Origin, Sec-Fetch-Site, JSON that says so": (
        "test_a_page_of_another_origin_is_refused_even_with_the_token",
        "test_a_page_of_our_own_is_served",
        "test_another_sites_requests_are_refused_but_its_links_lead_here",
        "test_a_websocket_of_another_origin_is_refused_with_the_token",
        "test_the_metrics_stream_is_open_to_programs_of_this_machine_and_to_no_page",
        "test_a_body_that_is_not_told_to_be_json_is_refused",
    ),
    "5 headers": ("test_every_answer_tells_browsers_what_not_to_do",),
    "6 ids, never paths; no link is followed": (
        "test_no_address_leads_to_a_file_that_is_not_meant",
        "test_a_plain_file_is_opened_and_stays_the_one_that_it_was",
        "test_a_link_that_was_planted_among_films_is_refused_with_a_reason",
        "test_a_link_in_the_folder_of_a_run_is_refused_with_a_reason",
    ),
    "7 limits, counted as bytes come in": (
        "test_a_body_is_counted_as_it_comes_in_whatever_its_headers_say",
        "test_a_body_that_does_not_come_is_given_up",
        "test_headers_that_do_not_end_are_given_up",
        "test_bodies_made_to_hurt_are_answered_in_short_time",
        "test_a_websocket_message_that_is_too_large_closes_it",
        "test_too_much_waiting_is_refused_and_nothing_that_waits_is_lost",
    ),
    "8 no pickle": ("test_nothing_that_comes_from_elsewhere_is_unpickled",),
    "9 workers pull; nobody is dialled": ("test_an_orchestrator_has_nothing_to_call_others_with",),
    "10 changes are audited, and who is wrong too often is refused": (
        "test_what_changes_anything_is_audited",
        "test_who_is_wrong_too_often_is_told_to_come_later_and_the_right_token_still_opens",
    ),
}


@pytest.fixture(autouse=True)
def forgiven(served: Served) -> None:
    """Every test begins with nobody having been wrong."""
    served.lab.keys.forgive()


def test_every_row_of_the_table_has_its_tests() -> None:
    named = [name for names in ROWS.values() for name in names]
    there = {*globals(), *vars(test_beneath), *vars(test_limits), *vars(test_scopes), *vars(test_unix)}
    assert [name for name in named if name not in there] == []
    assert len(named) == len({*named})


def get(served: Served, host: str, path: str = "/healthz", extra: str = "") -> bytes:
    line = f"Host: {host}\r\n" if host else ""
    return raw(served, f"GET {path} HTTP/1.1\r\n{line}{extra}Connection: close\r\n\r\n".encode())


@pytest.mark.parametrize(
    "host",
    [
        "evil.com",
        "evil.com:{port}",
        "127.0.0.1.nip.io:{port}",
        "127.0.0.1:1",
        "127.0.0.1",
        "localhost:x",
        "[::2]:{port}",
        "",
    ],
)
def test_a_host_that_is_not_ours_is_refused(served: Served, host: str) -> None:
    assert told(get(served, host.format(port=served.port))) == (421, "wrong_host")
    assert raw(served, f"GET /ws HTTP/1.1\r\nHost: {host}\r\n".encode() + UPGRADE).split()[1] in (b"421", b"400")


UPGRADE = (
    b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


@pytest.mark.parametrize("host", ["127.0.0.1:{port}", "localhost:{port}", "LOCALHOST:{port}", "[::1]:{port}"])
def test_the_names_of_loopback_are_ours(served: Served, host: str) -> None:
    assert get(served, host.format(port=served.port)).split()[1] == b"200"


def test_a_host_or_a_token_that_comes_twice_is_refused(served: Served) -> None:
    ours = f"127.0.0.1:{served.port}"
    assert told(get(served, ours, extra="Host: evil.com\r\n")) == (400, "repeated_header")
    twice = "Authorization: Bearer a\r\nAuthorization: Bearer b\r\n"
    assert told(get(served, ours, extra=twice)) == (400, "repeated_header")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"])
@pytest.mark.parametrize("path", ["/events", "/clips/1", "/nowhere", "/open"])
def test_whatever_may_change_something_needs_the_token(bare: httpx.Client, method: str, path: str) -> None:
    answer = bare.request(method, path, content=EVENT, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["error"]) == (401, "no_token")
    answer = bare.request(method, path, headers={"authorization": "Bearer " + "x" * 43})
    assert (answer.status_code, answer.json()["error"]) == (401, "wrong_token")


@pytest.mark.parametrize("origin", ["http://evil.com", "null", "http://127.0.0.1:1", "https://localhost"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_page_of_another_origin_is_refused_even_with_the_token(served: Served, method: str, origin: str) -> None:
    with served.client(headers={"origin": origin}) as client:
        assert client.request(method, "/events").json()["error"] == "wrong_origin"


def test_a_page_of_our_own_is_served(served: Served) -> None:
    with served.client(headers={"origin": served.url, "sec-fetch-site": "same-origin"}) as client:
        assert client.post("/events", json={"event_type": "a"}).status_code == 200


def test_another_sites_requests_are_refused_but_its_links_lead_here(bare: httpx.Client) -> None:
    cross = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}
    assert bare.get("/healthz", headers=cross).json()["error"] == "wrong_site"
    assert bare.get("/healthz", headers=cross | {"sec-fetch-mode": "navigate"}).status_code == 200


def test_a_body_that_is_not_told_to_be_json_is_refused(served: Served) -> None:
    with served.client() as client:
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
            answer = client.post("/events", content=EVENT, headers={"content-type": kind})
            assert (answer.status_code, answer.json()["error"]) == (415, "not_json")


def test_a_code_opens_once_and_its_cookie_is_strict(served: Served, bare: httpx.Client) -> None:
    with served.client() as client:
        url = client.post("/open").json()["url"]
    opened = bare.get(url)
    assert (opened.status_code, opened.headers["location"]) == (303, "/")
    cookie = opened.headers["set-cookie"].lower()
    assert all(word in cookie for word in ("httponly", "samesite=strict", "path=/", f"ludus_{served.port}="))
    assert bare.get(url).json()["error"] == "wrong_code"
    value = opened.headers["set-cookie"].partition(";")[0]
    with httpx.Client(base_url=served.url, headers={"cookie": value}, trust_env=False) as browser:
        body = {"event_type": "a"}
        assert browser.post("/events", json=body).json()["error"] == "no_origin"
        assert browser.post("/events", json=body, headers={"origin": served.url}).status_code == 200
        assert browser.post("/events", json=body, headers={"origin": "http://evil.com"}).status_code == 403
        tampered = {"cookie": value[:-1] + ("0" if value[-1] != "0" else "1"), "origin": served.url}
        assert browser.post("/events", json=body, headers=tampered).status_code == 401
    url = f"ws://127.0.0.1:{served.port}/ws"
    with connect(url, additional_headers={"cookie": value}, origin=Origin(served.url), proxy=None) as page:
        assert json.loads(page.recv())["type"] == "hello"
    bare.cookies.clear()


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer wrong"}, {"cookie": "ludus=1"}])
def test_a_websocket_needs_the_token(served: Served, headers: dict[str, str]) -> None:
    with pytest.raises(InvalidStatus) as refused:
        connect(f"ws://127.0.0.1:{served.port}/ws", additional_headers=headers, proxy=None)
    assert refused.value.response.status_code == 401


@pytest.mark.parametrize("path_port", ["/ws", "/metrics"])
def test_a_websocket_of_another_origin_is_refused_with_the_token(served: Served, path_port: str) -> None:
    port = served.port if path_port == "/ws" else served.metrics_port
    with pytest.raises(InvalidStatus) as refused:
        connect(
            f"ws://127.0.0.1:{port}{path_port}",
            origin=Origin("http://evil.com"),
            additional_headers=served.headers,
            proxy=None,
        )
    assert refused.value.response.status_code == 403


def test_the_metrics_stream_is_open_to_programs_of_this_machine_and_to_no_page(served: Served) -> None:
    url = f"ws://127.0.0.1:{served.metrics_port}/metrics"
    with connect(url, proxy=None) as program:
        program.send('{"step": 1, "loss": 0.5}')
    with pytest.raises(InvalidStatus) as refused:
        connect(url, origin=Origin(f"http://127.0.0.1:{served.metrics_port}"), proxy=None)
    assert refused.value.response.status_code == 401


def test_every_answer_tells_browsers_what_not_to_do(bare: httpx.Client) -> None:
    for answer in (bare.get("/healthz"), bare.get("/nowhere"), bare.post("/events")):
        assert answer.headers["content-security-policy"].startswith("default-src '")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in answer.headers


def test_loopback_is_the_default_and_anything_else_needs_the_token_to_read(tmp_path: Path) -> None:
    assert LabSettings().host == "127.0.0.1"
    assert [is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "127.9.9.9")] == [True] * 4
    assert [is_loopback(host) for host in ("0.0.0.0", "::", "192.168.0.2", "lab.example", "")] == [False] * 5
    assert rules_for("0.0.0.0").reads_need_token
    outside = Served(LabSettings(state=tmp_path, host="0.0.0.0"))
    try:
        with httpx.Client(base_url=outside.url, trust_env=False) as bare:
            assert bare.get("/healthz").status_code == 200
            for path in ("/events", "/readyz", "/metrics", "/openapi.json", "/highlights/x"):
                assert bare.get(path).json()["error"] == "no_token"
            with pytest.raises(InvalidStatus):
                connect(f"ws://127.0.0.1:{outside.metrics_port}/metrics", proxy=None)
        with outside.client() as client:
            assert client.get("/events").status_code == 200
    finally:
        outside.stop()


def test_a_served_lab_listens_to_loopback_alone(served: Served) -> None:
    listening = {
        line.split()[1]
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]
        if line.split()[3] == "0A" and int(line.split()[1].rpartition(":")[2], 16) in (served.port, served.metrics_port)
    }
    assert {place.partition(":")[0] for place in listening} == {"0100007F"}


def test_the_token_is_for_its_owner_alone(tmp_path: Path) -> None:
    token = read_token(tmp_path / "token")
    assert len(token) >= 43
    assert (tmp_path / "token").stat().st_mode & 0o777 == 0o600
    assert read_token(tmp_path / "token") == token
    (tmp_path / "token").chmod(0o644)
    with pytest.raises(InputError, match="chmod 600"):
        read_token(tmp_path / "token")
    assert Keys(token, SystemClock()).opens(token)
