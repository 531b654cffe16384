"""What was done and earned, step by step: a Parquet file an episode, and its events as JSON Lines. T steps."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from ludus.core import events
from ludus.core.types import Actions, Event

_ENCODE = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True, eq=False)
class Steps:
    """The columns of an episode."""

    actions: Actions
    """`[T, *action_space.shape]`."""
    reward: npt.NDArray[np.float32]
    tick: npt.NDArray[np.int64]
    """Game time after the step."""
    terminated: bool
    truncated: bool
    """How it ended: true of its last step alone."""
    value: npt.NDArray[np.float32] | None = None
    log_prob: npt.NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.reward)


def pack_steps(steps: Steps) -> bytes:
    """Give the columns as Parquet: `action`, `reward`, `terminated`, `truncated`, `tick`, `value`, `log_prob`.

    An action of several parts is a list of its numbers in C order, whose shape is in the field's metadata `shape`. The
    last two columns are there where the policy told them.
    """
    last = np.arange(len(steps)) == len(steps) - 1
    columns: dict[str, Any] = {
        "reward": steps.reward,
        "terminated": last & steps.terminated,
        "truncated": last & steps.truncated,
        "tick": steps.tick,
    }
    columns |= {name: column for name in ("value", "log_prob") if (column := getattr(steps, name)) is not None}
    action, field = _pack_actions(steps.actions)
    table = pa.table(columns).add_column(0, field, action)
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", use_dictionary=False, write_statistics=False)
    return bytes(sink.getvalue())


def read_steps(data: bytes) -> Steps:
    """Give the columns in a file's bytes."""
    table = pq.read_table(pa.BufferReader(data))
    terminated, truncated = (table[name].to_numpy() for name in ("terminated", "truncated"))
    known = {name: table[name].to_numpy() for name in ("value", "log_prob") if name in table.column_names}
    return Steps(
        actions=_unpack_actions(table["action"].combine_chunks(), table.schema.field("action")),
        reward=table["reward"].to_numpy(),
        tick=table["tick"].to_numpy(),
        terminated=bool(terminated[-1:].any()),
        truncated=bool(truncated[-1:].any()),
        **known,
    )


def pack_events(told: Sequence[Event]) -> bytes:
    """Give events as JSON Lines, as they travel (`ludus.core.events`)."""
    return "".join([_ENCODE(events.to_json(event)) + "\n" for event in told]).encode()


def _pack_actions(actions: Actions) -> tuple[Any, Any]:
    if actions.ndim == 1:
        return pa.array(actions), pa.field("action", pa.from_numpy_dtype(actions.dtype))
    shape = actions.shape[1:]
    values = pa.array(np.ascontiguousarray(actions).ravel())
    listed = pa.FixedSizeListArray.from_arrays(values, int(np.prod(shape)))
    return listed, pa.field("action", listed.type, metadata={"shape": json.dumps(shape)})


def _unpack_actions(column: Any, field: Any) -> Actions:
    if not pa.types.is_fixed_size_list(field.type):
        return np.asarray(column.to_numpy(zero_copy_only=False))
    shape = json.loads(field.metadata[b"shape"])
    return np.asarray(column.flatten().to_numpy(zero_copy_only=False)).reshape(-1, *shape)
