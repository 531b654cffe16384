"""Events as they travel: one JSON object each, in the names of the telemetry contract."""

from __future__ import annotations

from typing import Any

from ludus.core.types import Event


def to_json(event: Event) -> dict[str, Any]:
    """Give an event as a JSON object; the lane is the World's own and does not travel, an unknown time is left out."""
    told: dict[str, Any] = {
        "event_id": event.id or f"{event.run}/{event.episode}/{event.seq}",
        "seq": event.seq,
        "event_type": event.kind,
        "tick": event.tick,
        "run_id": event.run,
        "episode_id": event.episode,
        "stage_id": event.stage,
        "instance_id": event.instance,
        "payload": dict(event.payload),
    }
    return told if event.ts is None else told | {"ts": event.ts}
