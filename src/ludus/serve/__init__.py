"""The lab as processes: an orchestrator that keeps, judges and streams what workers report, and what workers need.

Reading order: `wire` (what travels), `store` (what is kept), `door` (who may), `live` (what is streamed), `api` (the
orchestrator), `worker` and `learner` (the other ends), `lab` (all of them as processes). Imports only go back in it.
"""
