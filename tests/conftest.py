from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("ludus", deadline=None)  # a slow machine is no failure
settings.load_profile("ludus")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--test-roms", type=Path, help="folder with the repositories that docs/conformance.md names")
    parser.addoption("--lerobot-python", type=Path, help="a Python that has the LeRobot library, to open exports with")
    parser.addoption("--mergekit-python", type=Path, help="a Python that has mergekit, to merge with beside ours")
    parser.addoption("--torchrl-python", type=Path, help="a Python that has TorchRL, to compute advantages with")
