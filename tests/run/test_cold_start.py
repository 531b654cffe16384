"""How soon a process is of use, in CPU seconds of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

IMPORT = """
import sys, time
began = time.process_time()
import ludus
print(time.process_time() - began, *sorted({"torch", "numpy", "gymnasium", "pydantic"} & set(sys.modules)))
"""
TRAIN = """
import sys, time
from pathlib import Path
from ludus.run.recipe import read_recipe
from ludus.run.train import train
class Done(Exception): pass
def stop(report): raise Done
began = time.process_time()
flags = ["--run.threads=1", "--run.tensorboard=false"]
try: train(read_recipe("potyard", None, flags), Path(sys.argv[1]), on_report=stop)
except Done: print(time.process_time() - began)
"""


def _run(code: str, *words: str) -> list[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, check=True
    ).stdout.split()


def test_importing_ludus_takes_less_than_half_a_second_and_no_torch() -> None:
    taken_s, *loaded = _run(IMPORT)
    assert float(taken_s) < 0.5 and loaded == []


def test_the_shipped_recipe_makes_its_first_update_within_ten_seconds(tmp_path: Path) -> None:
    (taken_s,) = _run(TRAIN, str(tmp_path))
    assert float(taken_s) < 10
