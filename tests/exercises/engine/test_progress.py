"""What a reader has passed is noted, whoever else notes something, and nothing is lost."""

import functools
import json
import multiprocessing
import os
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from marl_edu.exercises.engine import progress
from marl_edu.exercises.engine.progress import FILE, UNDATED
from tests import ROOT

NOTED = Path(FILE)
CASES = json.loads((ROOT / "tests/interview/progress_cases.json").read_text("utf-8"))


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """An empty folder to work in, with the package installed elsewhere."""
    monkeypatch.setattr(progress, "CHECKOUT", None)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def kept() -> dict:
    return json.loads(NOTED.read_text("utf-8"))


def note_many(folder: str, names: list[str]) -> None:
    os.chdir(folder)
    for name in names:
        assert progress.note(name).startswith("Noted")


def test_of_a_checkout_every_folder_finds_the_same_file(tmp_path, monkeypatch):
    checkout, elsewhere = tmp_path / "book", tmp_path / "elsewhere"
    (checkout / "lab" / "chapters").mkdir(parents=True)
    elsewhere.mkdir()
    (checkout / "_toc.yml").touch()
    monkeypatch.setattr(progress, "CHECKOUT", checkout)
    for folder in (elsewhere, checkout, checkout / "lab" / "chapters"):
        monkeypatch.chdir(folder)
        assert progress.path() == checkout / FILE


def test_this_package_lies_in_its_checkout():
    assert progress.ABOVE == ROOT


@pytest.mark.parametrize("entry, fits", CASES["exercises"], ids=str)
def test_an_entry_is_checked_field_by_field_as_the_page_does(entry, fits):
    assert progress.is_entry(entry) is fits
    NOTED.write_text(json.dumps({"version": 2, "exercises": {"a": entry}}))
    assert progress.done() == ({"a"} if fits and entry["done"] else set())


def test_two_processes_lose_nothing(here):
    context = multiprocessing.get_context("fork")
    names = [[f"{who}_{k}" for k in range(40)] for who in ("one", "two", "three")]
    working = [context.Process(target=note_many, args=(str(here), some)) for some in names]
    for process in working:
        process.start()
    for process in working:
        process.join(60)
        assert process.exitcode == 0
    assert progress.done() == {name for some in names for name in some}
    assert [path.name for path in here.iterdir()] == [FILE]


def test_what_passed_carries_its_moment_and_is_noted_once():
    before = datetime.now(UTC).replace(microsecond=0)
    assert progress.note("a").startswith(f"Noted in {FILE}")
    at = datetime.fromisoformat(kept()["exercises"]["a"]["at"])
    assert before <= at <= datetime.now(UTC) and kept()["version"] == 2
    text = NOTED.read_text()
    progress.note("a")
    assert NOTED.read_text() == text


def test_a_note_is_newer_than_what_it_changes_by_any_clock():
    ahead = {"done": False, "at": "2099-12-31T23:59:59.999Z"}
    last = {"done": False, "at": "9999-12-31T23:59:59.999Z"}
    NOTED.write_text(json.dumps({"version": 2, "exercises": {"a": ahead, "b": last}}))
    progress.note("a")
    progress.note("b")
    assert kept()["exercises"]["a"] == {"done": True, "at": "2100-01-01T00:00:00.000Z"}
    assert kept()["exercises"]["b"] == last | {"done": True}  # no later moment can be written


def test_version_1_is_taken_over_with_all_that_is_in_it():
    card = {"box": 2, "due": "2026-11-24"}
    old = {"exercises": {"a": "done", "b": "open"}, "cards": {"q": card}, "quizzes": {"q": True}}
    NOTED.write_text(json.dumps(old | {"note": "mine"}))
    assert progress.done() == {"a"}
    progress.note("c")
    now = kept()
    assert now["version"] == 2 and now["note"] == "mine"
    assert now["cards"] == {"q": card | {"at": UNDATED}}
    assert now["quizzes"] == {"q": {"right": True, "at": UNDATED}}
    assert now["exercises"]["a"] == {"done": True, "at": UNDATED}
    assert progress.done() == {"a", "c"}


def test_a_newer_version_and_what_is_damaged_are_left_alone():
    deep = '{"exercises": ' + "[" * 100_000 + "]" * 100_000 + "}"
    newer = '{"version": 3, "exercises": {}}'
    for text, said in (
        (newer, "version 3"),
        ('{"version": "x", "exercises": {}}', "'x'"),
        (deep, "move it"),
        ("\0", "move it"),
        ('{"version": true, "exercises": {}}', "True"),
        ('{"version": 2, "exercises": {}, "note": 1e999}', "move it"),
        ('{"version": 2, "exercises": {}, "note": NaN}', "move it"),
    ):
        NOTED.write_text(text)
        with pytest.raises(progress.Unreadable, match=said):
            progress.done()
        assert progress.note("a").startswith("It could not be noted")
        assert NOTED.read_text() == text


def test_a_file_that_windows_has_marked_as_utf_8_is_read():
    NOTED.write_text('{"version": 2, "exercises": {}}', encoding="utf-8-sig")
    assert progress.done() == set()
    assert progress.note("a").startswith("Noted in")


@pytest.mark.skipif(os.name != "posix", reason="such a folder cannot be removed")
def test_where_the_folder_is_gone_a_sentence_says_so(tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert progress.note("a").startswith("It could not be noted: ")


@pytest.mark.skipif(os.name != "posix", reason="links and modes")
def test_a_link_stays_a_link_and_a_mode_stays_as_it_is(here):
    other = here / "elsewhere"
    other.mkdir()
    (other / "mine.json").write_text('{"exercises": {}}')
    (other / "mine.json").chmod(0o640)
    NOTED.symlink_to(other / "mine.json")
    progress.note("a")
    assert NOTED.is_symlink() and progress.done() == {"a"}
    assert stat.S_IMODE((other / "mine.json").stat().st_mode) == 0o640
    assert [path.name for path in other.iterdir()] == ["mine.json"]
    NOTED.unlink()
    os.mkfifo(NOTED)  # reading it would wait for ever
    assert progress.note("a").startswith("It could not be noted")


@pytest.mark.skipif(os.name != "posix", reason="locks of folders")
def test_whoever_holds_the_lock_for_too_long_is_named(here, monkeypatch):
    monkeypatch.setattr(progress, "PATIENCE", 0.05)
    with progress._alone(here):
        assert f"writing in {here} for too long" in progress.note("a")
    assert progress.note("a").startswith("Noted")


class Callable:
    """An answer that is an object."""

    def __call__(self, x):
        return x

    def method(self, x):
        return x


class Hostile(Callable):
    """One that answers no question."""

    def __getattribute__(self, name):
        raise RuntimeError(name)


def attention(x, more=1):
    return x


def solved_attention(x):
    return x


def test_lambdas_partials_and_objects_are_a_reader_s_work_too():
    mine = [
        attention,
        lambda x: x,
        functools.partial(attention, more=2),
        functools.partial(functools.partial(attention), more=2),
        Callable(),
        Hostile(),
    ]
    assert all(progress.is_readers(one, "attention") for one in mine)
    pages = [solved_attention, functools.partial(solved_attention), progress.path]
    assert not any(progress.is_readers(one, "attention") for one in pages)
    assert progress.is_readers(Callable().method, "method")
