"""What docs/video.md says is so."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from ludus.episodes.video import Code

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/video.md").read_text()
RECEIPT = json.loads((ROOT / "docs/receipts/video.json").read_text())


def line_of(row: dict[str, Any]) -> str:
    """Give a row of the receipt as the page quotes it."""
    cost, verdict = row["cpu_overhead"], {True: "met", False: "missed", None: "too unsteady to tell"}
    return (
        f"| {row['policy']} | {row['renderer']} | {cost['median']:.1%} | {cost['low']:.1%} to {cost['high']:.1%} | "
        f"{row['added_cpu_us_per_step']:.1f} of {row['off_cpu_us_per_step']:.1f} | {row['encode_ms_per_frame']:.4f} | "
        f"{row['bytes_per_frame']} | {verdict[row['target_met']]} |"
    )


def test_every_reason_is_on_the_page() -> None:
    assert {code.value for code in Code} <= set(re.findall(r"`([a-z-]+)`", PAGE))


def test_the_costs_on_the_page_are_those_of_the_receipt() -> None:
    assert {(row["policy"], row["renderer"]) for row in RECEIPT["rows"]} == {
        (policy, renderer) for policy in ("random", "cnn") for renderer in ("synthetic", "sim-view")
    }
    for row in RECEIPT["rows"]:
        assert line_of(row) in PAGE, line_of(row)
    where = RECEIPT["where"]
    assert f"{where['cores']} cores, {where['cpu']}, load {where['load_average'][0]}" in PAGE


def test_the_example_runs(tmp_path: Path) -> None:
    names: dict[str, Any] = {"folder": tmp_path}
    for block in re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL):
        exec(block, names)
    assert names["record"].status == "ok" and names["record"].file.frames == 60
    assert names["pending"].clip.path.endswith("__feat_pots.mp4")
    assert (tmp_path / names["pending"].clip.path).is_file()
