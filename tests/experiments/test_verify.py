"""Stored runs cannot change unseen: every damage is named, and taken back where git has it."""

import shutil
import subprocess
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marl_edu import results
from marl_edu.core import storage
from marl_edu.core.records import digest
from marl_edu.experiments import command, verify
from marl_edu.experiments import run as runs

from .test_command import COMMIT, a_run, fake

anywhere = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
SEEDS = (0, 1)


@pytest.fixture
def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two finished seeds."""
    monkeypatch.setattr(runs, "git_commit", lambda: COMMIT)
    for seed in SEEDS:
        runs.run_seed(a_run(tmp_path, seed))
    return tmp_path


def book(folder: Path) -> list[runs.Run]:
    return [a_run(folder, seed) for seed in SEEDS]


def verified(folder: Path, *words: str) -> int:
    return command.main(["verify", *words, "--results", str(folder)], {"fake-easy": fake()})


def test_what_is_as_it_was_written_passes(stored, capsys):
    assert verified(stored) == 0
    assert capsys.readouterr().out == "2 records: no files are damaged.\n"
    assert len(results.load("fake-easy", folder=stored)) == 2


def test_records_without_a_digest_pass_and_are_counted(stored, capsys):
    run = a_run(stored)
    record = storage.read_json(run.record)
    storage.write_json(run.record, record | {"digest": None, "csv_rows": None, "csv_sha256": None})
    assert verified(stored) == 0
    assert "1 have no digest" in capsys.readouterr().out
    assert len(results.load("fake-easy", folder=stored)) == 2


@anywhere
@given(data=st.data())
def test_any_changed_bit_is_noticed(stored, data):
    """By `load` and by `verify`: the file is refused, or says the same as before."""
    path = a_run(stored).record.with_suffix(data.draw(st.sampled_from([".json", ".csv"])))
    whole, before = path.read_bytes(), results.load("fake-easy", folder=stored)
    at, bit = data.draw(st.integers(0, len(whole) - 1)), data.draw(st.integers(0, 7))
    path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :])
    try:
        refused = ""
        try:
            after = results.load("fake-easy", folder=stored)
        except ValueError as error:
            refused = str(error)
        named = [problem.path for problem in verify.check(book(stored), stored)]
        if refused:
            assert str(path) in refused and named
        else:  # the key of a digest itself, say
            digests = {"digest", "csv_rows", "csv_sha256"}
            for one, other in zip(before, after, strict=True):
                shared = one.keys() & other.keys() - digests
                assert one.keys() - digests == shared
                assert all(one[key] == other[key] for key in shared)
    finally:
        path.write_bytes(whole)


def cut(path: Path) -> None:
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-2]))


def edit(path: Path) -> None:
    record = storage.read_json(path)
    record["evaluation"]["success"] = 0.99
    storage.write_json(path, record)


def unknown(path: Path) -> None:
    path.write_text("[" * 100_000)


def forged(path: Path, **changes) -> None:
    """As somebody writes a record who knows how digests are made."""
    record = storage.read_json(path) | changes
    storage.write_json(path, record | {"digest": digest(record)})


def remove_all(path: Path) -> None:
    """A seed that nobody would miss."""
    for one in path.parent.glob(f"{path.stem}.*"):
        one.unlink()


@pytest.mark.parametrize(
    "name, damage, said",
    [
        ("seed-1.csv", cut, "another sha256"),
        ("seed-1.csv", Path.unlink, "not there"),
        ("seed-1.csv", lambda path: path.write_bytes(b'update\n"1\r2\x00\xff'), "sha256"),
        ("seed-1.json", edit, "its digest is another one"),
        ("seed-1.json", unknown, "no JSON"),
        ("seed-1.json", Path.unlink, "not there"),
        ("seed-1.json", remove_all, "not there"),
        ("seed-1.json", lambda path: shutil.copy(path.with_name("seed-0.json"), path), "seed"),
        ("seed-1.json", partial(forged, identity="0" * 16), "identity"),
        ("seed-1.json", partial(forged, experiment="other-easy"), "experiment"),
        ("seed-1.json", partial(forged, episodes=8), "identity"),
        ("seed-1.json", partial(forged, settings={"seed": 1}), "identity"),
        ("seed-1.json", partial(forged, settings=3), "how it was made"),
    ],
)
def test_each_damage_is_named_and_taken_back_from_git(stored, capsys, name, damage, said):
    git = ["git", "-C", str(stored), "-c", "user.name=a", "-c", "user.email=a@b.c"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "all"]):
        subprocess.run([*git, *words], check=True)
    path = stored / "fake-easy" / name
    whole = path.read_bytes()
    damage(path)
    assert verified(stored) == 1
    told = capsys.readouterr().out
    assert str(path) in told and said in told and "1 file is damaged" in told
    assert verified(stored, "--repair") == 0 and "Repaired." in capsys.readouterr().out
    assert path.read_bytes() == whole


def test_what_git_has_not_whole_is_not_taken_back(stored, capsys):
    edit(a_run(stored).record)
    assert verified(stored, "--repair") == 1  # no repository at all
    assert "run fake-easy again" in capsys.readouterr().out


def test_a_network_of_other_settings_is_named(stored, capsys):
    tensors, _ = storage.load_checkpoint(a_run(stored).policy)
    storage.save_checkpoint(a_run(stored).policy, tensors, {"identity": "other"})
    assert verified(stored) == 1
    assert "safetensors: was made under other settings" in capsys.readouterr().out


def test_a_run_under_two_names_counts_once(stored):
    for suffix in (".json", ".csv"):
        shutil.copy(
            a_run(stored).record.with_suffix(suffix), stored / "fake-easy" / f"seed-5{suffix}"
        )
    forged(stored / "fake-easy" / "seed-5.json", seed=5)
    with pytest.raises(ValueError, match=r"seed-5\.json is the same run as .*seed-0\.json"):
        results.load("fake-easy", folder=stored)


def trained_here(todo):
    for run in todo:
        runs.run_seed(run, dirty=True)
    return []


def test_training_again_compares_to_the_last_digit(stored, capsys):
    assert verify.main(book(stored), stored, False, 9, trained_here) == 0
    assert capsys.readouterr().out.count("the same to the last digit") == 2
    rows = storage.read_rows(a_run(stored).rows)
    rows[3]["success"] += 1e-16 + abs(rows[3]["success"]) * 3e-16
    storage.write_rows(a_run(stored).rows, rows)
    forged(a_run(stored).record, csv_sha256=None)
    forged(a_run(stored, 1).record, evaluation={"success": 0.5, "episodes": 7})
    before = [path.read_bytes() for path in sorted(stored.rglob("*.csv"))]
    assert verify.main(book(stored), stored, False, 2, trained_here) == 1
    told = capsys.readouterr().out
    assert "seed 0: its curve differs from row 4 on" in told
    assert "seed 1: evaluation.success is 0.5 in the file" in told
    assert [path.read_bytes() for path in sorted(stored.rglob("*.csv"))] == before


def test_the_number_to_train_again_may_exceed_what_there_is(stored):
    assert len(verify.draw(book(stored), 9, stored)) == 2
    assert verify.draw([], 9, stored) == []
    (old, new), *_ = verify.draw(book(stored), 1, stored / "new")
    assert new.record != old.record and new.identity == old.identity


def test_one_damaged_record_does_not_stop_list_and_status(stored, capsys):
    unknown(a_run(stored, 1).record)
    book = {"fake-easy": fake(), "fake-hard": replace(fake("fake-hard"), seeds=1)}
    for words in ("list", "status"):
        assert command.main([words, "--results", str(stored)], book) == 0
        told = capsys.readouterr().out
        assert "fake-hard" in told and "damaged" in told


@pytest.mark.long
def test_the_book_s_own_records_are_as_they_were_written():
    known = [run for e in command.EXPERIMENTS.values() for run in command._runs(e, results.RESULTS)]
    assert verify.check(known, results.RESULTS) == []
