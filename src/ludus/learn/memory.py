"""What the C library does with memory that tensors have given back."""

from __future__ import annotations

import ctypes
import sys

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""Numbers of `mallopt(3)` of glibc."""
KEPT = 1 << 30
MOST_ON_HEAP = 1 << 25  # more is refused


def keep_freed() -> None:
    """Let this process keep up to a gibibyte of what is freed, for what is made next.

    Every minibatch frees some 60 MB; glibc gives them back to the kernel, which clears each page again when the next
    minibatch takes it, for up to an eighth of a CPU's time (LOG.md). Where there is no glibc nothing changes.
    """
    if sys.platform != "linux":
        return
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is not None:  # musl has none
        set_option(MMAP_THRESHOLD, MOST_ON_HEAP)
        set_option(TRIM_THRESHOLD, KEPT)
