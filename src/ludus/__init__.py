"""Ludus: a school for agents that play games from pixels."""

__version__ = "0.1.0"
