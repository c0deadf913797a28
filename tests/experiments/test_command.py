"""Runs that are interrupted, killed, repeated or mixed up end with the right files or an error."""

import errno
import hashlib
import json
import os
import pickle
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from marl_edu import results
from marl_edu.core import storage
from marl_edu.core.records import digest
from marl_edu.experiments import command as experiments
from marl_edu.experiments import run as runs
from marl_edu.experiments.run import Algorithm, Evaluation, Experiment, Run
from tests import ROOT

# A cheap, deterministic method with the interface of the real ones. ---------------------------


@dataclass(frozen=True)
class Config:
    seed: int = 0
    updates: int = 12
    lr: float = 0.1
    pause: float = 0.0  # seconds an update takes
    die: str = ""  # "kill" or "raise", at update 8 of the first attempt


def train(cfg, on_log=None, checkpoint=None):
    net = torch.nn.Linear(2, 1)
    torch.nn.init.constant_(net.weight, 0.5 + cfg.seed)
    torch.nn.init.zeros_(net.bias)
    optimizer = torch.optim.Adam(net.parameters(), lr=cfg.lr)
    generator = torch.Generator().manual_seed(cfg.seed)
    rows, first = [], 0
    if checkpoint is not None and checkpoint.exists():
        saved, meta = storage.load_checkpoint(checkpoint, {"config": asdict(cfg)})
        net.load_state_dict({k: saved[k] for k in ("weight", "bias")})
        storage.unpack_optimizer(optimizer, saved)
        generator.set_state(saved["generator"])
        rows, first = meta["rows"], meta["update"]
    for update in range(first + 1, cfg.updates + 1):
        time.sleep(cfg.pause)
        loss = net(torch.randn(4, 2, generator=generator)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if update % 2 == 0:
            rows.append({"update": update, "env_steps": 10 * update, "success": loss.item()})
            if on_log is not None:
                on_log(rows[-1])
        if update % 4 == 0 and checkpoint is not None:
            state = {**net.state_dict(), **storage.pack_optimizer(optimizer)}
            state["generator"] = generator.get_state()
            meta = {"config": asdict(cfg), "rows": rows, "update": update}
            storage.save_checkpoint(checkpoint, state, meta)
        if update == 8 and first == 0 and cfg.die == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if update == 8 and first == 0 and cfg.die == "raise":
            raise RuntimeError("a bug in this method")
    return SimpleNamespace(net=net, rows=rows)


def evaluate(net, cfg, episodes):
    return {"success": net.weight.sum().sigmoid().item(), "episodes": episodes}


def build(cfg, env):
    return torch.nn.Linear(2, 1)


FAKE, SCORE = Algorithm("fake", Config, train, build), Evaluation("weights", evaluate)


def fake(name="fake-easy", **settings) -> Experiment:
    return Experiment(name, FAKE, Config(**settings), SCORE, episodes=7, seeds=2)


def a_run(folder: Path, seed: int = 0, **settings) -> Run:
    return Run(fake(**settings), seed, folder, folder / "checkpoints")


def outcome(run: Run):
    """What must not depend on how often a run was interrupted."""
    record = storage.read_json(run.record)
    policy = None
    if run.policy.exists():
        tensors, _ = storage.load_checkpoint(run.policy)
        policy = {name: value.tolist() for name, value in tensors.items()}
    return record["evaluation"], run.rows.read_text(), policy


COMMIT = {"commit": "a" * 40, "dirty": False}


@pytest.fixture(autouse=True)
def at_a_commit(monkeypatch):
    """The code is that of a commit, whatever is being edited while the tests run."""
    monkeypatch.setattr(runs, "git_commit", lambda: COMMIT)


def files(folder: Path) -> set[str]:
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}


# One seed -------------------------------------------------------------------------------------


def test_a_run_leaves_curve_record_and_policy_and_nothing_else(tmp_path):
    threads = torch.get_num_threads()
    runs.run_seed(a_run(tmp_path))
    runs.run_seed(a_run(tmp_path, seed=1))
    assert files(tmp_path) == {
        "fake-easy/seed-0.csv",
        "fake-easy/seed-0.json",
        "fake-easy/seed-1.csv",
        "fake-easy/seed-1.json",
        "checkpoints/fake-easy-seed0.safetensors",
    }
    assert torch.get_num_threads() == threads
    record = storage.read_json(a_run(tmp_path).record)
    assert record["experiment"] == "fake-easy" and record["seed"] == 0
    assert record["settings"] == asdict(Config()) and record["schema"] >= 1
    ids = (record["algorithm"], record["env"], record["evaluator"])
    assert ids == ("fake", None, "weights")
    curve = a_run(tmp_path).rows.read_bytes()
    assert record["env_steps"] == 120 and record["csv_rows"] == curve.count(b"\n") - 1 == 6
    assert record["csv_sha256"] == hashlib.sha256(curve).hexdigest()
    assert record["evaluation"]["episodes"] == record["episodes"] == 7
    assert record["resumes"] == 0 and record["cpu_seconds"] > 0 and record["wall_seconds"] > 0
    assert set(record["versions"]) == {"python", "torch", "numpy", "marl_edu"}
    assert record["started"] <= record["finished"] and record["cpu_model"]
    assert record["device"] == "cpu" and record["commits"] == [COMMIT]
    assert len(storage.read_rows(a_run(tmp_path).rows)) == 6
    policy = storage.load_checkpoint(a_run(tmp_path).policy)[1]
    assert policy == record and record["identity"] == a_run(tmp_path).identity


@pytest.mark.parametrize("value", [0.1 + 0.2, float("nan"), 1e-320, "ä", None, [torch.tensor(3)]])
def test_a_digest_is_of_every_entry_and_survives_the_disk(tmp_path, value):
    record = {"seed": 3, "evaluation": {"success": value}}
    path = tmp_path / "record.json"
    storage.write_json(path, record | {"digest": digest(record)})
    again = storage.read_json(path)
    assert digest(again) == again["digest"]
    again["evaluation"]["success"] = 0.31
    assert digest(again) != again["digest"]


def test_a_record_of_a_run_holds_its_digest(tmp_path):
    runs.run_seed(a_run(tmp_path))
    record = storage.read_json(a_run(tmp_path).record)
    assert record["digest"] == digest(record)
    text = a_run(tmp_path).record.read_text().replace('"seed": 0', '"seed": 5')
    assert digest(json.loads(text)) != record["digest"]


def test_a_run_without_steps_or_curve_says_so(tmp_path):
    def nodes(cfg, on_log=None, checkpoint=None):
        found = train(cfg)
        found.rows = [{"update": 1}] if cfg.seed else []
        return found

    for seed in (0, 1):
        run = a_run(tmp_path, seed)
        method = run.experiment.algorithm._replace(train=nodes)
        runs.run_seed(run._replace(experiment=replace(run.experiment, algorithm=method)))
        record = storage.read_json(run.record)
        assert record["env_steps"] is None and record["csv_rows"] == seed


def test_uncommitted_code_trains_nothing_unless_allowed(tmp_path, monkeypatch):
    dirty = COMMIT | {"dirty": True}
    monkeypatch.setattr(runs, "git_commit", lambda: dirty)
    with pytest.raises(ValueError, match=r"differs from its commit.*--dirty"):
        runs.run_seed(a_run(tmp_path), lambda row: pytest.fail("it trains"))
    assert files(tmp_path) == set()
    runs.run_seed(a_run(tmp_path), dirty=True)
    assert storage.read_json(a_run(tmp_path).record)["commits"] == [dirty]


def test_a_package_without_repository_trains(tmp_path, monkeypatch):
    nothing = {"commit": None, "dirty": None}
    monkeypatch.setattr(runs, "git_commit", lambda: nothing)
    runs.run_seed(a_run(tmp_path))
    assert storage.read_json(a_run(tmp_path).record)["commits"] == [nothing]


NEXT = {"commit": "b" * 40, "dirty": False}


def interrupted(run: Run, **how) -> Run:
    """This run, stopped at its last row."""

    def stop(row):
        if row["update"] == run.experiment.cfg.updates:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        runs.run_seed(run, stop, **how)
    return run


def test_again_makes_anew_what_another_commit_made(tmp_path, monkeypatch):
    run = a_run(tmp_path)
    runs.run_seed(run)
    old, curve = storage.read_json(run.record), run.rows.read_text()
    runs.run_seed(run, lambda row: pytest.fail("made at this commit"), again=True)
    monkeypatch.setattr(runs, "git_commit", lambda: NEXT)
    monkeypatch.setattr(runs, "now", lambda: "2030-01-01T00:00:00+00:00")
    interrupted(run, again=True)
    assert storage.read_json(run.record) == old, "the old one stays until the new one is there"
    assert run.rows.read_text() == curve
    runs.run_seed(run, again=True)
    new = storage.read_json(run.record)
    assert new["commits"] == [NEXT] and new["resumes"] == 1 and new["started"] > old["finished"]
    assert storage.load_checkpoint(run.policy)[1] == new and new["digest"] != old["digest"]
    assert len(files(tmp_path)) == 3, "curve, record and policy"


def test_again_begins_anew_what_another_commit_began(tmp_path, monkeypatch):
    run = interrupted(a_run(tmp_path))
    monkeypatch.setattr(runs, "git_commit", lambda: NEXT)
    seen = []
    runs.run_seed(run, seen.append, again=True)
    record = storage.read_json(run.record)
    assert seen[0]["update"] == 2 and record["commits"] == [NEXT] and record["resumes"] == 0
    mixed = interrupted(a_run(tmp_path, seed=1))
    monkeypatch.setattr(runs, "git_commit", lambda: COMMIT)
    runs.run_seed(mixed)
    assert storage.read_json(mixed.record)["commits"] == [NEXT, COMMIT]
    assert not runs.is_finished(mixed, COMMIT) and not runs.is_finished(mixed, NEXT)


def test_again_is_whole_where_writing_it_fails(tmp_path, monkeypatch):
    run = a_run(tmp_path)
    runs.run_seed(run)
    monkeypatch.setattr(runs, "git_commit", lambda: NEXT)
    with monkeypatch.context() as patch:
        patch.delattr(storage, "write_rows")
        with pytest.raises(AttributeError):
            runs.run_seed(run, again=True)
    assert not runs.is_finished(run) and runs.progress(run) == 12
    runs.run_seed(run, lambda row: pytest.fail("all updates were done"), again=True)
    assert storage.read_json(run.record)["commits"] == [NEXT]


def test_a_finished_seed_is_not_run_again(tmp_path):
    runs.run_seed(a_run(tmp_path))
    before = a_run(tmp_path).record.read_text()
    runs.run_seed(a_run(tmp_path), notify=lambda row: pytest.fail("it trains again"))
    assert a_run(tmp_path).record.read_text() == before


@pytest.mark.parametrize("stops", [(1,), (3,), (6,), (1, 3, 5)])
def test_an_interrupted_run_ends_with_the_same_numbers(tmp_path, stops):
    runs.run_seed(a_run(tmp_path / "straight"))
    run = a_run(tmp_path / "interrupted")
    for stop in stops:

        def notify(row, stop=stop):
            if row["update"] == 2 * stop:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            runs.run_seed(run, notify)
        assert not run.record.exists() and runs.progress(run) is not None
    runs.run_seed(run)
    assert outcome(run) == outcome(a_run(tmp_path / "straight"))
    assert storage.read_json(run.record)["resumes"] == len(stops)
    assert files(tmp_path / "interrupted") == files(tmp_path / "straight")


def test_time_is_added_up_over_interruptions(tmp_path, monkeypatch):
    clock = SimpleNamespace(cpu=100.0, wall=500.0)
    monkeypatch.setattr(time, "process_time", lambda: clock.cpu)
    monkeypatch.setattr(time, "perf_counter", lambda: clock.wall)
    run = a_run(tmp_path)

    def notify(row, end=8):
        if row["update"] == end:
            raise KeyboardInterrupt
        clock.cpu, clock.wall = clock.cpu + 10, clock.wall + 20

    with pytest.raises(KeyboardInterrupt):
        runs.run_seed(run, notify)  # 3 rows of 10 s before it
    clock.cpu, clock.wall = 3.0, 9000.0  # another process, later
    runs.run_seed(run, lambda row: notify(row, end=0))  # rows of updates 6 (or 10) to 12
    record = storage.read_json(run.record)
    rows = 2 if record["cpu_seconds"] == 50 else 4
    assert record["cpu_seconds"] == 30 + 10 * rows and record["wall_seconds"] == 60 + 20 * rows


@pytest.mark.parametrize("change", [{"lr": 0.2}, {"updates": 14}])
def test_results_of_other_settings_are_never_touched(tmp_path, change):
    runs.run_seed(a_run(tmp_path))
    before = outcome(a_run(tmp_path))
    (key, value), old = *change.items(), getattr(Config(), *change)
    expected = rf"seed-0\.json was made under other.*{key} is {old} in the file, {value} is taken"
    with pytest.raises(ValueError, match=expected):
        runs.run_seed(a_run(tmp_path, **change))
    assert outcome(a_run(tmp_path)) == before
    runs.run_seed(a_run(tmp_path / "elsewhere", **change))


def test_an_unfinished_run_or_policy_of_other_settings_is_never_touched(tmp_path):
    def interrupt(row):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        runs.run_seed(a_run(tmp_path), interrupt)
    with pytest.raises(ValueError, match=r"partial/seed-0\.json was made under other settings"):
        runs.run_seed(a_run(tmp_path, lr=0.2))
    runs.run_seed(a_run(tmp_path))
    other = a_run(tmp_path / "b", lr=0.2)._replace(policies=a_run(tmp_path).policies)
    with pytest.raises(ValueError, match=r"fake-easy-seed0\.safetensors was made under other"):
        runs.run_seed(other)


def test_a_curve_without_record_is_never_touched(tmp_path):
    runs.run_seed(a_run(tmp_path))
    a_run(tmp_path).record.unlink()
    with pytest.raises(ValueError, match="nobody knows how it was made"):
        runs.run_seed(a_run(tmp_path))


def test_a_full_disk_at_the_end_loses_nothing(tmp_path, monkeypatch):
    run = a_run(tmp_path)

    def full(path, rows):
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(storage, "write_rows", full)
        with pytest.raises(OSError, match="No space left"):
            runs.run_seed(run)
    assert not run.record.exists() and not run.rows.exists()
    seen = []
    runs.run_seed(run, seen.append)
    assert seen == [], "all updates were in the checkpoint"
    runs.run_seed(a_run(tmp_path / "straight"))
    assert outcome(run) == outcome(a_run(tmp_path / "straight"))


def test_two_commands_do_not_work_on_one_seed(tmp_path):
    if runs.fcntl is None:
        pytest.skip("no file locks on this system")

    def second(row):
        runs.run_seed(a_run(tmp_path))

    with pytest.raises(ValueError, match="another process is at work on this seed"):
        runs.run_seed(a_run(tmp_path), second)


def test_the_identity_sees_everything_that_decides_the_numbers(tmp_path):
    run = a_run(tmp_path)
    other_train = FAKE._replace(train=evaluate)
    changes = [
        {"episodes": 8},
        {"algorithm": FAKE._replace(id="other")},
        {"evaluation": SCORE._replace(id="other")},
    ]
    others = [
        a_run(tmp_path, seed=1),
        a_run(tmp_path, lr=0.2),
        *(run._replace(experiment=replace(run.experiment, **change)) for change in changes),
    ]
    assert len({r.identity for r in [run, *others]}) == 6
    moved = replace(run.experiment, name="x", seeds=5, algorithm=other_train)
    again = run._replace(experiment=moved)
    assert again.identity == a_run(tmp_path / "moved").identity == run.identity


# The command ----------------------------------------------------------------------------------


def command(folder, *words, **known):
    book = known or {"fake-easy": fake(), "fake-hard": fake("fake-hard"), "other": fake("other")}
    return experiments.main([*words, "--results", str(folder)], book)


def test_names_and_beginnings_of_names():
    known = {name: fake(name) for name in ("tarmac-easy", "commnet-easy", "tarmac-hard", "tar")}

    def chosen(*names):
        return [e.name for e in experiments.select(names, known)]

    assert chosen("tarmac") == ["tarmac-easy", "tarmac-hard"]
    assert chosen("all") == chosen("tar", "all") == list(known)
    assert chosen("tarmac-hard", "tarmac", "tar") == ["tarmac-easy", "tarmac-hard", "tar"]
    for wrong in ("tarma", "easy", "", "tarmac-"):
        with pytest.raises(ValueError, match="there are tarmac-easy, commnet-easy"):
            chosen(wrong)


def test_misuse_is_explained(tmp_path, capsys):
    assert command(tmp_path, "run", "fakes") == 2
    assert "no experiment is called 'fakes'" in capsys.readouterr().err
    for words in (
        ["run", "other", "--seeds", "0"],
        ["run", "other", "--seeds", "1000000"],
        ["run", "other", "--again", "--dirty"],
        ["go"],
        ["run", "other", "--jobs", "x"],
    ):
        with pytest.raises(SystemExit) as error:
            command(tmp_path, *words)
        assert error.value.code == 2
    assert "must be a whole number from 1 to 10,000, got x" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        command(tmp_path, "run", "other", "--engine", "spark")
    assert "argument --engine: must be local or ray, got spark" in capsys.readouterr().err
    assert command(tmp_path, "run", "other", "--address", "auto") == 2
    assert "--address is that of a Ray cluster: add --engine ray" in capsys.readouterr().err


def test_list_status_and_table(tmp_path, capsys):
    runs.run_seed(a_run(tmp_path))
    with pytest.raises(KeyboardInterrupt):
        runs.run_seed(a_run(tmp_path, seed=1), lambda row: (_ for _ in ()).throw(KeyboardInterrupt))
    assert command(tmp_path, "list") == command(tmp_path, "status") == 0
    out = capsys.readouterr().out
    assert "fake-easy: 1 of 2 seeds finished; seed 1 at 0 of 12 updates" in out
    assert "fake-hard: 0 of 2" in out and "not measured" in out
    assert command(tmp_path, "table") == 0
    assert "fake-easy" in capsys.readouterr().out
    changed = fake(lr=0.3)
    assert command(tmp_path, "status", **{"fake-easy": changed}) == 0
    assert "under other settings" in capsys.readouterr().out
    assert command(tmp_path, "run", "fake-easy", **{"fake-easy": changed}) == 2
    assert "under other settings" in capsys.readouterr().err


def test_the_command_counts_what_is_done_at_this_commit(tmp_path, capsys, monkeypatch):
    def serve(todo, make):
        engine = make()
        for run in todo:
            runs.run_seed(run, again=engine.again, dirty=engine.dirty)
        return []

    monkeypatch.setattr(experiments, "execute", serve)
    assert command(tmp_path, "run", "fake") == command(tmp_path, "run", "all", "--again") == 0
    assert "4 of 6 seeds are finished already" in capsys.readouterr().out
    monkeypatch.setattr(runs, "git_commit", lambda: NEXT)
    runs.run_seed(a_run(tmp_path), again=True)
    assert command(tmp_path, "run", "all", "--again") == 0
    assert "1 of 6 seeds are finished already" in capsys.readouterr().out
    records = [storage.read_json(path) for path in tmp_path.glob("*/seed-*.json")]
    assert len(records) == 6 and all(record["commits"] == [NEXT] for record in records)
    monkeypatch.setattr(runs, "git_commit", lambda: COMMIT | {"dirty": True})
    assert command(tmp_path, "run", "all", "--again") == command(tmp_path, "run", "all") == 2
    monkeypatch.setattr(runs, "git_commit", lambda: {"commit": None, "dirty": None})
    assert command(tmp_path, "run", "all", "--again") == 2
    assert "not in its repository" in capsys.readouterr().err


@pytest.mark.long
def test_processes_killed_failing_and_going_on(tmp_path, capsys):
    """Two jobs: one seed is killed (-9), one raises; the others finish and both can go on."""
    known = {
        "fake-kill": replace(fake("fake-kill", die="kill"), seeds=1),
        "fake-raise": replace(fake("fake-raise", die="raise"), seeds=1),
    }
    assert command(tmp_path, "run", "fake", "--jobs", "2", "--dirty", **known) == 1
    err = capsys.readouterr().err
    assert "fake-kill seed 0: its process died with exit code -9" in err
    assert "RuntimeError: a bug in this method" in err
    for name, experiment in known.items():
        run = Run(experiment, 0, tmp_path, tmp_path / "checkpoints")
        assert runs.progress(run) is not None and not run.record.exists()
        runs.run_seed(run)
        straight = Run(fake(name), 0, tmp_path / "straight", tmp_path / "straight")
        runs.run_seed(straight)
        assert outcome(run) == outcome(straight)
        assert storage.read_json(run.record)["resumes"] == 1
    assert command(tmp_path, "run", "fake", **known) == 0
    assert "2 of 2 seeds are finished already" in capsys.readouterr().out


CTRL_C = """
import signal
import sys
import MODULE as t
from pathlib import Path
if __name__ == "__main__":
    # Whoever runs the tests in the background is deaf to Ctrl-C, and so are its children.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    known = {"fake-easy": t.fake(pause=0.2)}
    words = ["run", "fake", "--seeds", "1", "--dirty", "--results", sys.argv[1]]
    sys.exit(t.experiments.main(words, known))
"""


# The terminal tells parent and children; a scheduler tells the parent first.
@pytest.mark.long
@pytest.mark.parametrize(
    "send, number, code",
    [(os.killpg, signal.SIGINT, 130), (os.kill, signal.SIGTERM, 143)],
    ids=["ctrl-c", "sigterm"],
)
def test_who_stops_it_is_told_how_to_go_on(tmp_path, send, number, code):
    script = tmp_path / "script.py"
    script.write_text(CTRL_C.replace("MODULE", __name__))
    process = subprocess.Popen(
        [sys.executable, str(script), str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    slow = a_run(tmp_path, pause=0.2)
    deadline = time.monotonic() + 60
    while not slow.partial(".safetensors").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    send(process.pid, number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    assert "0 of 1 seeds are finished" in err and "run fake --seeds 1 --dirty --results" in err
    assert "Traceback" not in err
    runs.run_seed(slow)
    runs.run_seed(a_run(tmp_path / "straight"))
    assert outcome(slow) == outcome(a_run(tmp_path / "straight"))


# The book's own -------------------------------------------------------------------------------


def test_the_published_teams_are_in_the_catalogue():
    for method, size in (("ic3net", "easy"), ("ic3net", "medium"), ("none", "medium")):
        experiment = experiments.EXPERIMENTS[f"{method}-{size}"]
        assert experiment.algorithm.id == method and experiment.seeds == 5
        assert experiment.cfg.env_args["difficulty"] == size


def test_the_books_experiments_are_well_formed():
    for name, experiment in experiments.EXPERIMENTS.items():
        assert name == experiment.name and name.count("-") >= 1
        assert experiment.seeds >= 1 and set(experiment.keep_policy) <= set(range(experiment.seeds))
        assert experiment.cfg.updates >= 1
        json.dumps(Run(experiment, 0, results.RESULTS, results.RESULTS).settings)
        assert pickle.loads(pickle.dumps(experiment)) == experiment, "a child process gets it"
