"""Files are opened beneath their folder part by part: no link is followed, whenever it comes."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from ludus.serve.beneath import NotPlainError, open_beneath
from tests.serve.lab import Served
from tests.serve.test_api import wait_for

NAME = f"{'a' * 64}.mp4"


def descriptors() -> int:
    """How many files this process has open."""
    return len([*Path("/dev/fd").iterdir()])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a file in a folder, and a secret beside it."""
    (tmp_path / "secret").write_text("secret")
    found = tmp_path / "root"
    (found / "in").mkdir(parents=True)
    (found / "in" / "file").write_text("mine")
    return found


def test_a_plain_file_is_opened_and_stays_the_one_that_it_was(folder: Path) -> None:
    with open_beneath(folder, "in/file") as file:
        (folder / "in" / "file").unlink()
        (folder / "in" / "file").symlink_to(folder.parent / "secret")
        assert Path(f"/dev/fd/{file.fileno()}").read_text() == "mine"
    linked = folder.parent / "by_link"
    linked.symlink_to(folder)
    (folder / "in" / "other").write_text("too")
    with open_beneath(linked, "in/other") as file:
        assert file.read() == b"too"  # the folder itself may be a link: it is the operator's


@pytest.mark.parametrize("name", ["", ".", "..", "/", "in/../../secret", "/etc/passwd", "in//file", "in/file\0"])
def test_no_name_leads_out(folder: Path, name: str) -> None:
    with pytest.raises(NotPlainError, match="no name beneath"):
        open_beneath(folder, name)


def test_whatever_is_no_plain_file_is_not_opened(folder: Path) -> None:
    (folder / "link").symlink_to(folder / "in" / "file")
    (folder / "linked").symlink_to(folder / "in")
    (folder / "dangling").symlink_to("nowhere")
    os.mkfifo(folder / "pipe")
    for name in ("link", "linked/file", "dangling", "pipe", "in", "in/file/beyond"):
        with pytest.raises(NotPlainError):
            open_beneath(folder, name)
    for name in ("absent", "no/such", "x" * 300):
        with pytest.raises(OSError, match=r"No such|too long"):
            open_beneath(folder, name)


def test_nothing_stays_open(folder: Path) -> None:
    before = descriptors()
    for name in ("in/file", "in", "absent", "no/such", "in/file/beyond"):
        for _ in range(3):
            with suppress(OSError, NotPlainError):
                open_beneath(folder, name).close()
    assert descriptors() == before


def test_a_link_that_was_planted_among_films_is_refused_with_a_reason(served: Served) -> None:
    (served.lab.settings.state / "secret.mp4").write_bytes(b"secret")
    (served.lab.highlights / NAME).symlink_to(served.lab.settings.state / "secret.mp4")
    with served.client() as client:
        answer = client.get(f"/highlights/{NAME}")
        assert (answer.status_code, answer.json()["error"]) == (404, "not_plain")
        assert client.get(f"/highlights/{NAME.replace('a', 'b')}").json()["error"] == "not_found"
        (served.lab.highlights / NAME).unlink()
        (served.lab.highlights / NAME).write_bytes(b"0123456789")
        assert client.get(f"/highlights/{NAME}").content == b"0123456789"


def _write_run(served: Served, name: str) -> None:
    run, outside = served.lab.settings.runs / name, served.lab.settings.state / "outside"
    run.mkdir(parents=True)
    outside.mkdir(exist_ok=True)
    (outside / "a.mp4").write_bytes(b"secret")
    (outside / "a.jsonl").write_bytes(b"{}\n")
    (run / "plain.parquet").write_bytes(b"no parquet")
    (run / "videos").symlink_to(outside)
    (run / "events.jsonl").symlink_to(outside / "a.jsonl")
    files = {"trace": {"path": "videos/../run.json"}, "events": {"path": "events.jsonl"}}
    line = {"id": "a", "video": {"path": "videos/a.mp4"}, "files": files | {"steps": {"path": "plain.parquet"}}}
    (run / "episodes.jsonl").write_text(json.dumps(line) + "\n" + json.dumps({"id": "b", "files": 3}) + "\n")


def test_a_link_in_the_folder_of_a_run_is_refused_with_a_reason(served: Served) -> None:
    _write_run(served, "linked")
    with served.client() as client:
        wait_for(lambda: client.get("/episodes/linked:b").status_code == 200)

        def refusal(path: str) -> tuple[int, str]:
            answer = client.get(f"/episodes/linked:{path}")
            return answer.status_code, answer.json()["error"]

        for part in ("video", "trace", "events"):
            assert refusal(f"a/{part}") == (404, "not_plain")
        assert refusal("a/timeline") == (404, "not_plain")  # of its events
        assert refusal("a/frames/0") == (404, "not_plain")  # of its trace
        assert refusal("a/thumb") == refusal("b/steps") == (404, "not_found")
        assert client.get("/episodes/linked:a/steps").content == b"no parquet"


def test_an_answer_closes_its_file_whatever_is_asked(served: Served) -> None:
    name = f"{'c' * 64}.mp4"
    (served.lab.highlights / name).write_bytes(b"0123456789")
    with httpx.Client(base_url=served.url, trust_env=False, timeout=30) as client:

        def ask() -> list[tuple[int, bytes]]:
            asked: list[dict[str, Any]] = [{}, *({"headers": {"range": told}} for told in RANGES)]
            answers = [client.get(f"/highlights/{name}", **told) for told in asked]
            answers.append(client.head(f"/highlights/{name}"))
            return [(answer.status_code, answer.content) for answer in answers]

        told = ask()
        assert [code for code, _ in told] == [200, 206, 206, 416, 400, 405]
        assert (told[0][1], told[1][1]) == (b"0123456789", b"234")
        before = descriptors()
        for _ in range(20):
            ask()
        assert descriptors() <= before + 2  # files of theirs that come and go


RANGES = ("bytes=2-4", "bytes=0-1,5-6", "bytes=99-", "lines=1-2")
