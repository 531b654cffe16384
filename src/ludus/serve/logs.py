"""Logs: one JSON object a line, to a file that is put aside when it is long, and what went wrong to standard error.

    {"ts": "2026-01-31T23:59:59.000Z", "lvl": "info", "evt": "unlocked shame.death", "logger": "ludus.serve",
     "role": "orchestrator", "run": "r", "worker": "w1", "tick": 4800, "trace": "r/1/17"}

Code logs by the standard library; a message with named values, `LOG.info("unlocked %(feat)s", {...})`, has them as
fields too. `trace` is the id of the event that a line comes from: an unlock's and its clip's lines have the same one.
Nothing that opens a door is written: tokens, cookies and codes come out as `***`.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterable, Mapping
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, TextIO

import structlog
from structlog.stdlib import ProcessorFormatter
from structlog.types import EventDict, Processor

FILE_BYTES, FILES = 8 * 1024 * 1024, 4
"""Of a log file, and how many older ones are kept."""
HIDDEN = "***"
SECRET = re.compile(
    r"(?P<before>(?:bearer|token)[ =:]+|[?&]code=|ludus_\d+=)[\w.~+/=-]{8,}"
    r"|\b(?:view|ingest|worker|admin)\.\d+\.[0-9a-f]{64}",
    re.IGNORECASE,
)
"""What is not written, whatever it opens: what comes after words that announce it, and tokens of scopes."""


def set_up_logs(
    file: Path | None = None, *, secrets: Iterable[str] = (), err: TextIO | None = None, **bound: Any
) -> None:
    """Have this process log to a file, and from warnings on to standard error, in colours where people watch.

    bound: fields of every line, such as `role` and `worker`. secrets: texts that are never written. A second call
    replaces the first.
    """
    err = err or sys.stderr
    hide = _hider([secret for secret in secrets if secret])
    chain: list[Processor] = [_fields(bound), structlog.processors.TimeStamper("iso", utc=True, key="ts")]
    people = structlog.dev.ConsoleRenderer(colors=True, event_key="evt", timestamp_key="ts")
    machine = structlog.processors.JSONRenderer()
    shown = logging.StreamHandler(err)
    shown.setLevel(logging.WARNING)
    shown.setFormatter(_formatter(chain, people if err.isatty() else machine, hide, traces=not err.isatty()))
    handlers: list[logging.Handler] = [shown]
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        kept = _File(file, maxBytes=FILE_BYTES, backupCount=FILES, encoding="utf-8")
        kept.setFormatter(_formatter(chain, machine, hide, traces=True))
        handlers.append(kept)
    root = logging.getLogger()
    for old in [handler for handler in root.handlers if isinstance(handler.formatter, ProcessorFormatter)]:
        root.removeHandler(old)
        old.close()
    for handler in handlers:
        handler.addFilter(_keep_named)
        root.addHandler(handler)
    root.setLevel(logging.INFO)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it tells of every request


class _File(RotatingFileHandler):
    """A file whose disk may be full: then its lines are lost, but what went wrong is still said on standard error."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 # the library's name
        """Drop a line."""


def _formatter(chain: list[Processor], render: Processor, hide: Any, *, traces: bool) -> logging.Formatter:
    traced: list[Processor] = [structlog.processors.ExceptionRenderer(), _renamed] if traces else []
    return ProcessorFormatter(
        foreign_pre_chain=chain,
        processors=[ProcessorFormatter.remove_processors_meta, *traced, render, hide],
    )


def _keep_named(record: logging.LogRecord) -> bool:
    """Keep a message's named values, which structlog's formatter drops when it has put them into the message."""
    record.named = record.args if isinstance(record.args, Mapping) else {}
    return True


def _fields(bound: Mapping[str, Any]) -> Processor:
    """Give what makes a record's fields: level, message, logger, those of the process, and named values."""

    def fields(_logger: Any, _method: str, told: EventDict) -> EventDict:
        record: logging.LogRecord = told["_record"]
        told.update({"lvl": record.levelname.lower(), "evt": told.pop("event"), "logger": record.name})
        told.update({**bound, **getattr(record, "named", {})})
        if record.exc_info:
            told["exc_info"] = record.exc_info
        return told

    return fields


def _renamed(_logger: Any, _method: str, told: EventDict) -> EventDict:
    """Call a traceback `exc`."""
    if "exception" in told:
        told["exc"] = told.pop("exception")
    return told


def _hider(secrets: list[str]) -> Any:
    known = re.compile("|".join(map(re.escape, secrets))) if secrets else None

    def hide(_logger: Any, _method: str, line: Any) -> str:
        text = SECRET.sub(lambda found: (found["before"] or "") + HIDDEN, str(line))
        return known.sub(HIDDEN, text) if known else text

    return hide
