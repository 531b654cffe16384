from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ludus.core import files
from ludus.core.errors import FileFormatError, InputError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


def test_a_written_file_holds_the_data_and_nothing_lies_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_bytes(b"old")
    files.write_atomic(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "data"
    path.write_bytes(b"old")

    def full_disk(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space"):
        files.write_atomic(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_written_file_has_ordinary_permissions(tmp_path: Path) -> None:
    ordinary, atomic = tmp_path / "ordinary", tmp_path / "atomic"
    ordinary.write_bytes(b"")
    files.write_atomic(atomic, b"")
    assert atomic.stat().st_mode == ordinary.stat().st_mode


@given(rows=st.lists(JSON))
def test_json_lines_come_back_as_written(rows: list[object], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("jsonl") / "rows.jsonl"
    files.write_jsonl(path, rows)
    assert files.read_jsonl(path) == rows
    assert path.read_bytes().count(b"\n") == len(rows)


def test_a_line_separator_inside_a_string_is_not_the_end_of_a_line(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('["a\u2028b"]\n', encoding="utf-8")
    assert files.read_jsonl(path) == [["a\u2028b"]]


@pytest.mark.parametrize(("text", "line"), [("[1]\n[2\n[3]\n", 2), ("[1]\n\n[3]\n", 2), ("nonsense", 1)])
def test_a_bad_line_is_an_error_that_names_file_and_line(tmp_path: Path, text: str, line: int) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(text)
    with pytest.raises(FileFormatError, match=rf"rows\.jsonl, line {line}, column"):
        files.read_jsonl(path)


def test_bytes_that_are_not_utf8_are_an_error_that_names_the_byte(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_bytes(b"ab\xff")
    with pytest.raises(FileFormatError, match="byte 2"):
        files.read_text(path)


def test_a_missing_file_is_an_error_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere: No such file or directory; give"):
        files.read_bytes(tmp_path / "nowhere")


def test_nan_is_never_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        files.write_jsonl(tmp_path / "rows.jsonl", [float("nan")])
    assert list(tmp_path.iterdir()) == []


def test_files_written_together_are_all_there_and_nothing_lies_beside_them(tmp_path: Path) -> None:
    contents = {tmp_path / f"{number}": bytes([number]) * 9 for number in range(3)}
    files.write_all_atomic(contents)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == contents


def test_a_log_grows_by_whole_lines(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    assert files.read_log(log) == []
    files.append_jsonl(log, [{"a": 1}, "b\u2028"])
    files.append_jsonl(log, [3])
    assert files.read_log(log) == files.read_jsonl(log) == [{"a": 1}, "b\u2028", 3]


@pytest.mark.parametrize("cut", [1, 2, 6])
def test_a_line_that_a_crash_cut_is_ignored_and_the_next_one_takes_its_place(tmp_path: Path, cut: int) -> None:
    log = tmp_path / "log.jsonl"
    files.append_jsonl(log, ["whole", "cut off"])
    log.write_bytes(log.read_bytes()[:-cut])
    assert files.read_log(log) == ["whole"]
    files.append_jsonl(log, ["next"])
    assert files.read_log(log) == files.read_jsonl(log) == ["whole", "next"]


def test_a_log_of_one_cut_line_is_empty(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_bytes(b'{"a": ')
    assert files.read_log(log) == []
    files.append_jsonl(log, [1])
    assert files.read_jsonl(log) == [1]


def test_a_bad_line_within_a_log_is_an_error_that_names_it(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_bytes(b"1\n{\n3\n")
    with pytest.raises(FileFormatError, match=r"log\.jsonl, line 2"):
        files.read_log(log)


def test_a_new_folder_is_whole_or_absent(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), files.new_folder(tmp_path / "a" / "set") as folder:
        (folder / "half" / "file").touch()
    assert list((tmp_path / "a").iterdir()) == []
    with files.new_folder(tmp_path / "a" / "set") as folder:
        (folder / "part").mkdir()
        (folder / "part" / "file").write_text("whole")
        assert not (tmp_path / "a" / "set").exists()
    assert (tmp_path / "a" / "set" / "part" / "file").read_text() == "whole"


def test_a_folder_in_use_is_only_replaced_by_force(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "old").touch()
    with pytest.raises(InputError, match=r"set is there already"), files.new_folder(tmp_path / "set"):
        pass
    with files.new_folder(tmp_path / "set", force=True) as folder:
        (folder / "new").touch()
    assert [path.name for path in (tmp_path / "set").iterdir()] == ["new"]
    assert [path.name for path in tmp_path.iterdir()] == ["set"]
