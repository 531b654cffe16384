from __future__ import annotations

import subprocess
import sys
import time
import types
from dataclasses import dataclass
from importlib import import_module
from typing import Annotated

import pytest
from tyro.conf import OmitArgPrefixes

from ludus import __version__, cli
from ludus.core.errors import InputError


@dataclass(frozen=True)
class Wanted:
    """What to look for."""

    goal: tuple[str, ...] = ()
    loud: bool = False


NOTHING = Wanted()


def test_every_verb_of_the_table_is_a_module_with_a_main_that_explains_itself() -> None:
    for verb in cli.VERBS:
        main = import_module(f"ludus.cli.{verb}").main
        for function in main.values() if isinstance(main, dict) else [main]:
            assert function.__doc__


def test_every_module_is_a_verb_of_the_table() -> None:
    from pkgutil import iter_modules

    assert {module.name for module in iter_modules(cli.__path__) if not module.name.startswith("_")} == set(cli.VERBS)


def test_help_names_every_verb_and_three_examples(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(f"\n  {verb} " in text for verb in cli.VERBS)
    assert text.count("\n  ludus ") == len(cli.EXAMPLES) == 3
    assert all(example.split()[1] in cli.VERBS for example in cli.EXAMPLES)


def test_no_arguments_mean_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 0
    assert capsys.readouterr().out == cli.usage() + "\n"


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"ludus {__version__}\n"


def test_an_unknown_verb_exits_2_and_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["docter"]) == 2
    captured = capsys.readouterr()
    assert (captured.out, captured.err.count("\n")) == ("", 1)
    assert "did you mean 'doctor'?" in captured.err


def test_bad_arguments_exit_2_and_complain_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(["doctor", "--jsno"])
    captured = capsys.readouterr()
    assert (caught.value.code, captured.out) == (2, "")
    assert "--json" in captured.err


def test_an_error_of_ludus_exits_2_with_one_sentence_and_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(game: str, /) -> int:
        """Refuse a game."""
        raise InputError(f"there is no game {game!r}.")

    _add_verb(monkeypatch, "refuse", refuse)
    assert cli.main(["refuse", "chess"]) == 2
    assert capsys.readouterr().err == "ludus: there is no game 'chess'.\n"


def test_ctrl_c_ends_quietly_as_shells_expect(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop() -> int:
        raise KeyboardInterrupt

    monkeypatch.setitem(cli.VERBS, "stop", "")
    monkeypatch.setitem(sys.modules, "ludus.cli.stop", types.SimpleNamespace(main=stop))
    assert cli.main(["stop"]) == 130
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1
    assert "Traceback" not in told.err


def test_a_verb_can_have_verbs_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    def one(*, times: int = 1) -> int:
        """Give one, or so."""
        return times

    def two() -> int:
        """Give two."""
        return 2

    _add_verb(monkeypatch, "count", {"one": one, "two": two})
    assert cli.main(["count", "one", "--times", "3"]) == 3
    assert cli.main(["count", "two"]) == 2


@pytest.mark.parametrize(
    "words",
    [
        ["--goal", "a", "b", "--goal", "c", "--loud"],
        ["--goal", "a", "--loud", "--goal=b", "--goal", "c"],
        ["--goal", "a", "b", "c", "--loud"],
    ],
)
def test_an_option_of_many_values_that_comes_again_adds_to_them(
    words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[object] = []

    def look(place: str, /, *, wanted: Annotated[Wanted, OmitArgPrefixes] = NOTHING, times: int = 1) -> int:
        """Look at a place."""
        seen.extend([place, wanted.goal, wanted.loud, times])
        return 0

    _add_verb(monkeypatch, "look", look)
    assert cli.main(["look", "here", "--times", "2", *words, "--times", "3"]) == 0
    assert seen == ["here", ("a", "b", "c"), True, 3], "what takes one value keeps the last"


def test_importing_ludus_is_quick_and_brings_in_nothing_heavy() -> None:
    program = "import sys, ludus, ludus.cli; print(*sorted({'torch', 'gymnasium', 'tyro'} & set(sys.modules)))"
    times = []
    for _ in range(3):
        start = time.perf_counter()
        loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
        times.append(time.perf_counter() - start)
        assert loaded.split() == []
    assert min(times) < 0.5


def _add_verb(monkeypatch: pytest.MonkeyPatch, name: str, main: cli.Main) -> None:
    module = types.ModuleType(f"ludus.cli.{name}")
    vars(module)["main"] = main
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(cli.VERBS, name, "a verb for a test")
