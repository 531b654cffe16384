"""What a sweep searches: settings of a recipe, each with a range or with choices.

ppo.optim.lr=1e-4..1e-2:log     numbers between, by their logarithm
ppo.epochs=1..8                 whole numbers, ends included
net.kind=small|nature           one of these
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ludus.core import config
from ludus.core.errors import InputError

RANGE = re.compile(r"(?P<low>[-+.\de]+?)\.\.(?P<high>[-+.\de]+)(?P<log>:log)?", re.IGNORECASE)
KEY = re.compile(r"\w+(\.\w+)+")


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers from low to high, both included."""

    low: float
    high: float
    log: bool = False
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """One of some words."""

    words: tuple[str, ...]


Space = dict[str, Range | Choice]
"""Setting -> what it may be."""


def read_space(words: Iterable[str]) -> Space:
    """Give the space of words `a.b=...`, and of TOML files whose table `[search]` has them as `"a.b" = "..."`.

    Raises `InputError` that names the word and what was expected.
    """
    space: Space = {}
    for word in words:
        if word.endswith(".toml") and "=" not in word:
            table = config.read_block(Path(word)).get("search")
            if not isinstance(table, dict) or not all(isinstance(text, str) for text in table.values()):
                raise InputError(
                    f'{word}: expected a table [search] of texts, as in "ppo.optim.lr" = "1e-4..1e-2:log".'
                )
            space |= {key: _read(key, text, f"{word}: {key}") for key, text in table.items()}
        else:
            key, _, text = word.removeprefix("--").partition("=")
            space[key] = _read(key, text, word)
    if not space:
        raise InputError(
            "nothing is searched, expected some --search a.b=LOW..HIGH, as in ppo.optim.lr=1e-4..1e-2:log."
        )
    return space


def _read(key: str, text: str, where: str) -> Range | Choice:
    if not KEY.fullmatch(key):
        raise InputError(f"{where}: expected A.B=LOW..HIGH, A.B=LOW..HIGH:log or A.B=THIS|THAT.")
    found = RANGE.fullmatch(text)
    if not found:
        words = tuple(text.split("|"))
        if len(words) < 2 or len(set(words)) < len(words) or not all(words):
            raise InputError(f"{where}: {text!r} is no range LOW..HIGH and no two choices THIS|THAT.")
        return Choice(words)
    try:
        low, high = float(found["low"]), float(found["high"])
    except ValueError as error:
        raise InputError(f"{where}: {error}; expected numbers, as in 1e-4..1e-2.") from error
    log = found["log"] is not None
    if not low < high or (log and low <= 0):
        raise InputError(f"{where}: goes from {low:g} to {high:g}, expected it to rise{' and to be above 0' * log}.")
    whole = all(re.fullmatch(r"[-+]?\d+", found[end]) for end in ("low", "high"))
    return Range(low, high, log, whole)


def ends(space: Space) -> list[list[str]]:
    """Give flags that set every setting to each of its ends or choices once, to see whether a recipe takes them."""
    values = {key: _ends(part) for key, part in space.items()}
    most = max(map(len, values.values()))
    return [[f"--{key}={each[min(number, len(each) - 1)]}" for key, each in values.items()] for number in range(most)]


def _ends(part: Range | Choice) -> list[str]:
    if isinstance(part, Choice):
        return list(part.words)
    return [str(int(end)) if part.whole else repr(end) for end in (part.low, part.high)]
