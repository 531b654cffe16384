"""The command line: verbs, the only place that prints, and exit codes.

0 all is well, 1 what was checked failed, 2 the input cannot be used. A verb is one module here and one line in `VERBS`;
it is imported only when it is called. Its `main` is a function for tyro that gives the exit code; where a verb has
verbs of its own, `main` is a dict of such functions.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import is_dataclass
from importlib import import_module
from typing import Any, get_args, get_origin, get_type_hints

from ludus import __version__
from ludus.core.errors import LudusError, SettingsError, nearest
from ludus.core.extras import from_extra

Main = Callable[..., int] | dict[str, Callable[..., int]]

VERBS = {
    "games": "show the games that are there: their codecs, starts, events, roles and goals",
    "train": "train a net on a game from pixels, or go on where it was stopped",
    "league": "train an agent for each role of a game from one ancestor, and judge all by every role's rewards",
    "sweep": "train by many recipes and find the settings that are good",
    "pretrain": "teach an encoder how a game looks, before any reward",
    "learner": "hold a policy's weights, and learn from what workers play, over HTTP or in processes",
    "worker": "play for a learner elsewhere, and push what was played",
    "eval": "play a batch of episodes by a policy, record every one, and tell what they come to",
    "episodes": "list and show what a run has recorded, make its films smaller",
    "compare": "tell which of two evaluated runs returns more, and how sure that is",
    "curves": "draw what runs returned as they learned",
    "verify": "play recorded episodes again and tell whether they come out as recorded",
    "judge": "judge recorded episodes again by feats, from their events alone",
    "play": "play a game in many lanes, as a script or by your own keys",
    "watch": "show what changes in a game's memory, to write a card for it",
    "feats": "show what is noticed in a game, check what can feed it, and judge recorded events",
    "goal": "take a screen as a goal, find its limit, and prove that a trace gets there",
    "merge": "make one agent of several that come from one, and promote it if it plays no worse and better",
    "bench": "measure speed, side by side with a peer",
    "conform": "check the Game Boy core against vectors and test ROMs",
    "demo": "see an agent learn a game with the page open, and what it can do beside random play",
    "up": "run a whole lab on this machine: orchestrator, learner and workers, kept running",
    "serve": "run the orchestrator of a lab: events, feats, clips and metrics over HTTP and WebSocket",
    "store": "check, compact or export what an orchestrator keeps",
    "doctor": "show what is installed here, and how to get what is missing",
}

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""
SETTING = re.compile(r"--\w+(\.\w+)+=")
"""How a setting is given to a verb whose `main` takes `settings`: --a.b=c."""

EXAMPLES = {
    "ludus play": "see the built-in game played",
    "ludus train potyard --minutes 3": "see it learned",
    "ludus doctor --help": "every verb explains itself",
}


def main(args: Sequence[str] | None = None) -> int:
    """Run one command line and give its exit code; argparse's SystemExit(2) on arguments that cannot be used."""
    words = list(sys.argv[1:] if args is None else args)
    if not words or words[0] in ("-h", "--help"):
        print(usage())
        return 0
    if words[0] == "--version":
        print(f"ludus {__version__}")
        return 0
    verb, *rest = words
    if verb not in VERBS:
        return _refuse(f"there is no verb {verb!r}; {nearest(verb, VERBS)} See: ludus --help")
    try:
        with from_extra():
            return _run(import_module(f"ludus.cli.{verb}").main, rest, prog=f"ludus {verb}")
    except LudusError as error:
        return _refuse(str(error))
    except KeyboardInterrupt:
        print("ludus: stopped; what was written is whole, and a run goes on by the same command", file=sys.stderr)
        return INTERRUPTED


def usage() -> str:
    """Give the text of `ludus --help`."""
    width = max(map(len, [*VERBS, *EXAMPLES]))
    verbs = "\n".join(f"  {verb:{width}}  {summary}" for verb, summary in VERBS.items())
    examples = "\n".join(f"  {command:{width}}  {summary}" for command, summary in EXAMPLES.items())
    return f"""\
Ludus raises agents that play games from pixels, and shows and proves what they do.

usage: ludus VERB [OPTIONS]

verbs
{verbs}

examples
{examples}

exit codes: 0 all is well, 1 what was checked failed, 2 the input cannot be used"""


def _run(main: Main, args: list[str], *, prog: str) -> int:
    import tyro
    from pydantic import ValidationError

    if not isinstance(main, dict) and "settings" in inspect.signature(main).parameters:
        dotted = [word for word in args if SETTING.match(word)]
        args = [word for word in args if word not in dotted]
        args += ["--settings", *(word.removeprefix("--") for word in dotted)] if dotted else []
    args = _gather(main, args)
    try:
        if isinstance(main, dict):
            return tyro.extras.subcommand_cli_from_dict(main, prog=prog, args=args)
        return tyro.cli(main, prog=prog, args=args)
    except ValidationError as error:  # of settings that tyro makes of the words
        problem = error.errors()[0]
        name = ".".join(map(str, problem["loc"])).replace("_", "-")
        raise SettingsError(f"--{name} is {problem['input']!r}: {problem['msg']}.") from error


def _gather(main: Main, args: list[str]) -> list[str]:
    """Give the words with the values of an option that comes twice, and takes many, behind one: tyro takes the last."""
    given = [word.partition("=")[0] for word in args if word.startswith("--")]
    twice = {name for name in given if given.count(name) > 1}
    command = main.get(args[0]) if isinstance(main, dict) else main
    many = twice & set(_many(get_type_hints(command))) if twice and command is not None else set()
    found: dict[str, list[str]] = {name: [] for name in given if name in many}
    rest: list[str] = []
    into = rest
    for word in args:
        name, _, value = word.partition("=")
        if name in found:
            into = found[name]
            into += [value] if "=" in word else []
        else:
            into = rest if word.startswith("--") else into
            into.append(word)
    return rest + [word for name, values in found.items() for word in (name, *values)]


def _many(hints: Mapping[str, Any]) -> Iterator[str]:
    """Give the options that take several values, those in groups of options too."""
    for name, kind in hints.items():
        if get_origin(kind) is tuple and get_args(kind)[-1] is ...:
            yield f"--{name.replace('_', '-')}"
        elif is_dataclass(kind):
            yield from _many(get_type_hints(kind))


def _refuse(message: str) -> int:
    print(f"ludus: {message}", file=sys.stderr)
    return 2
