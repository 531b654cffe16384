from __future__ import annotations

from pathlib import Path

import pytest

from ludus.serve import page as pages
from ludus.serve.api.lab import LabSettings
from tests.serve.lab import Served


def test_browsers_get_the_page_wherever_they_go_and_programs_get_the_routes(tmp_path: Path) -> None:
    page = tmp_path / "page"
    (page / "assets").mkdir(parents=True)
    (page / "index.html").write_text("<p>the page</p>")
    (page / "assets" / "main.js").write_text("1")
    (tmp_path / "secret.js").write_text("secret")
    (page / "assets" / "out.js").symlink_to(tmp_path / "secret.js")
    lab = Served(LabSettings(state=tmp_path / "state", runs=tmp_path / "runs"), page=page)
    html = {"accept": "text/html,application/xhtml+xml"}
    try:
        with lab.client() as client:
            for address in ("/", "/runs", "/episodes/a:b", "/nowhere/at/all"):
                assert client.get(address, headers=html).text == "<p>the page</p>"
            assert client.get("/runs").json() == []
            assert client.get("/assets/main.js").text == "1"
            assert "immutable" in client.get("/assets/main.js").headers["cache-control"]
            assert client.get("/", headers=html).headers["cache-control"] == "no-cache"
            assert client.get("/assets/out.js").status_code == 404
            assert client.get("/assets/..%2f..%2fsecret.js").status_code == 404
            for strange in ("a" * 4000, "%00", "%ff", "assets/main.js/x"):
                assert client.get(f"/{strange}").status_code == 404
            assert client.get("/openapi.json", headers=html).json()["info"]["title"] == "Ludus"
            assert client.post("/events", json={"event_type": "a"}, headers=html).json()["ok"] is True
    finally:
        lab.stop()


def test_the_page_of_the_lab_is_there_once_it_is_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "STATIC", tmp_path / "static")
    assert pages.built_page() is None
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / "index.html").write_text("<p>the page</p>")
    assert pages.built_page() == tmp_path / "static"
