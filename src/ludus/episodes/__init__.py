"""The record of play: traces, steps, events, videos, and the manifest that names them."""
