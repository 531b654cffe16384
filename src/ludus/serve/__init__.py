"""The lab as processes: an orchestrator that keeps, judges and streams what workers report, and what workers need.

Reading order: `wire` (what travels), `database` and `store` (what is kept), `ingest` (how events become durable),
`hub` and `ws` (how they are streamed), `security`, `app` (the orchestrator), `spool` and `worker` (the other end).
"""
