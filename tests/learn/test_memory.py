from __future__ import annotations

import subprocess
import sys

import pytest

FAULTS = """
import resource, sys
from ludus.learn.memory import keep_freed
if sys.argv[1] == "kept":
    keep_freed()
for _ in range(3):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    made = [b"x" * (12 << 20) for _ in range(8)]
    del made
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's knobs")
def test_what_was_freed_is_taken_again_without_the_kernel() -> None:
    def faults(how: str) -> int:
        return int(subprocess.run([sys.executable, "-c", FAULTS, how], capture_output=True, check=True).stdout)

    assert faults("kept") < 100 < 10_000 < faults("given back")  # pages of 4 KiB; 8 x 12 MB are 24,576
