"""Which extra brings which package, so that who lacks one reads what to install."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ludus.core.errors import MissingExtraError

PACKAGES = {
    "PIL": ("Pillow", "pictures"),
    "ale_py": ("ale-py", "games"),
    "apsw": ("apsw", "serve"),
    "av": ("PyAV", "video"),
    "duckdb": ("duckdb", "serve"),
    "fastapi": ("fastapi", "serve"),
    "httptools": ("httptools", "serve"),
    "httpx": ("httpx", "serve"),
    "minari": ("minari", "export"),
    "minigrid": ("minigrid", "games"),
    "msgspec": ("msgspec", "serve"),
    "optuna": ("optuna", "sweep"),
    "prometheus_client": ("prometheus-client", "serve"),
    "psycopg": ("psycopg", "postgres"),
    "pyboy": ("PyBoy", "bench"),
    "ray": ("ray", "ray"),
    "safetensors": ("safetensors", "learn"),
    "scipy": ("scipy", "learn"),
    "sqlalchemy": ("SQLAlchemy", "postgres"),
    "stable_baselines3": ("stable-baselines3", "rl"),
    "starlette": ("starlette", "serve"),
    "structlog": ("structlog", "serve"),
    "tensorboard": ("tensorboard", "learn"),
    "torch": ("PyTorch", "learn"),
    "uvicorn": ("uvicorn", "serve"),
    "uvloop": ("uvloop", "serve"),
    "wandb": ("wandb", "wandb"),
    "websockets": ("websockets", "serve"),
}
"""By the name that is imported: what it is called, and the extra."""


@contextmanager
def from_extra() -> Iterator[None]:
    """Import within it what an extra brings: `MissingExtraError` where such a package is not installed.

    Any other import that fails is raised as it is, one within an installed package too: that is a fault, and no extra
    mends it.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name not in PACKAGES:
            raise
        package, extra = PACKAGES[error.name]
        raise MissingExtraError(package, extra=extra) from error
