"""Ludus: a school for agents that play games from pixels."""

from ludus.run.evaluate import evaluate as evaluate
from ludus.run.verify import verify as verify

__version__: str
