from __future__ import annotations

from pathlib import Path

import pytest

from ludus.cli import main
from ludus.core import files
from ludus.core.errors import FileFormatError, InputError
from ludus.run.curves import RETURN, panels, read_curve, read_curves
from ludus.run.plots import svg

ROOT = Path(__file__).parent.parent.parent


def _run(folder: Path, rows: dict[int, float | None]) -> Path:
    folder.mkdir()
    told = [{"global_step": step} | ({} if value is None else {RETURN: value}) for step, value in rows.items()]
    files.write_jsonl(folder / "metrics.jsonl", told)
    return folder


def test_runs_of_unlike_length_meet_where_all_have_values(tmp_path: Path) -> None:
    one = _run(tmp_path / "one", {0: None, 10: 0.0, 20: 10.0, 40: 30.0})
    other = _run(tmp_path / "other", {15: 1.0, 30: 1.0})
    curve = read_curve("a", [one, other])
    assert (curve.steps[0], curve.steps[-1]) == (15, 30) and list(curve.steps) == sorted(set(curve.steps))
    assert (curve.runs[0][0], curve.runs[0][-1], set(curve.runs[1])) == (5.0, 20.0, {1.0})


def test_what_is_kept_is_drawn_again_alike(tmp_path: Path) -> None:
    runs = [_run(tmp_path / name, {0: 1.0, 50: place}) for place, name in enumerate("abc")]
    words = [f"first={runs[0]}", f"first={runs[1]}", f"second={runs[2]}"]
    kept = tmp_path / "kept.json"
    assert main(["curves", *words, "--out", str(tmp_path / "one.svg"), "--keep", str(kept)]) == 0
    assert main(["curves", str(kept), "--out", str(tmp_path / "other.svg")]) == 0
    text = (tmp_path / "one.svg").read_text()
    assert text == (tmp_path / "other.svg").read_text()
    assert "first, 2 seeds" in text and text.count("<polygon") == 1 and text.count("<polyline") == 2


def test_the_picture_of_the_page_is_that_of_its_receipt() -> None:
    drawn = svg(panels(read_curves(ROOT / "docs/receipts/learning.json")))
    assert drawn == (ROOT / "docs/pictures/learning.svg").read_text()


def test_what_is_no_run_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError, match="holds no 'charts/episodic_return' yet"):
        read_curve("a", [_run(tmp_path / "a", {0: None})])
    (tmp_path / "x.json").write_text("[]")
    with pytest.raises(FileFormatError, match="expected what ludus curves --keep has written"):
        read_curves(tmp_path / "x.json")
    assert main(["curves", "runs/a"]) == 2 and main(["curves"]) == 2
    assert "neither NAME=RUN" in capsys.readouterr().err
