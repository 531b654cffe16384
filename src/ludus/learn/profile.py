"""The numeric profile: what float results depend on beside the program and its input."""

from __future__ import annotations

import platform

import numpy as np
import torch

Profile = dict[str, str]


def numeric_profile(device: torch.device, dtype: torch.dtype) -> Profile:
    """Give the profile of this process. Training is repeated bit for bit only under an equal one."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    return {
        "torch": torch.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "threads": str(torch.get_num_threads()),
        "isa": torch.backends.cpu.get_cpu_capability(),
        "device": f"{device.type} {name}",
        "dtype": str(dtype).removeprefix("torch."),
    }


def differences(was: Profile, now: Profile) -> list[str]:
    """Give what differs, as `threads 2, was 1`; nothing where results repeat."""
    return [f"{key} {now.get(key)}, was {was.get(key)}" for key in sorted(was | now) if was.get(key) != now.get(key)]
