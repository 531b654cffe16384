"""What Prometheus is told at `/metrics`: counts of what happened here, and nothing that names a run."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST as CONTENT_TYPE

__all__ = ["CONTENT_TYPE", "Tally"]


class Tally:
    """Counters of one orchestrator."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.events = Counter("ludus_events", "Events that were committed", registry=self.registry)
        self.duplicates = Counter("ludus_duplicates", "Events that came again", registry=self.registry)
        self.refused = Counter("ludus_refused", "Requests that were refused", ["reason"], registry=self.registry)
        self.unlocks = Counter("ludus_unlocks", "Feats that were unlocked", ["hall"], registry=self.registry)
        self.commit_s = Histogram("ludus_commit_seconds", "From a batch to its answer", registry=self.registry)
        self.waiting = Gauge("ludus_writer_waiting", "Requests that wait for the writer", registry=self.registry)
        self.listeners = Gauge("ludus_ws_listeners", "WebSockets that are open", registry=self.registry)
        self.dropped = Gauge("ludus_ws_dropped", "WebSockets closed for being slow", registry=self.registry)
        self.clips = Gauge("ludus_clips_pending", "Clips that wait for a worker", registry=self.registry)

    def text(self) -> bytes:
        """Give all of it in the format of Prometheus."""
        return generate_latest(self.registry)
