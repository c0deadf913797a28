"""Seeds on a Ray cluster: without Ray through a stand-in, with it on two nodes of this machine."""

import concurrent.futures
import json
import pickle
import socket
import sys
import time
from functools import partial
from types import SimpleNamespace

import pytest

from marl_edu.core import storage
from marl_edu.core.provenance import PACKAGE, code_digest
from marl_edu.experiments import cluster, worker
from marl_edu.experiments import run as runs
from marl_edu.experiments.cluster import Cluster
from marl_edu.experiments.engine import Engine, execute
from tests import ROOT
from tests.experiments.test_command import (
    COMMIT,
    NEXT,
    a_run,
    at_a_commit,  # noqa: F401 -- a fixture
    command,
    files,
    outcome,
)

sys.path.insert(0, str(ROOT / "tools"))
import field_ray

# A stand-in for Ray: threads for processes, and all that is passed is pickled. ------------------


class RayError(Exception):
    """As Ray's: a process or a node is gone, say."""


class Killed(BaseException):
    """Ends a process of the stand-in from within."""


def passed(thing):
    return pickle.loads(pickle.dumps(thing))


class FakeRay:
    exceptions = SimpleNamespace(RayError=RayError)
    util = SimpleNamespace(
        scheduling_strategies=SimpleNamespace(NodeAffinitySchedulingStrategy=lambda *_, **__: None)
    )

    def __init__(self, cores=(2,), there=None):
        self.cores, self.there = cores, there
        self.pool = concurrent.futures.ThreadPoolExecutor(8)
        self.killed, self.open, self.told = [], False, {}

    def init(self, **told):
        self.open, self.told = True, told

    def shutdown(self):
        self.open = False

    def nodes(self):
        keys = ("Alive", "NodeID", "NodeManagerAddress", "Resources")
        return [
            dict(zip(keys, (True, f"{k}" * 12, f"10.0.0.{k}", {"CPU": n}), strict=True))
            for k, n in enumerate(self.cores)
        ]

    def cluster_resources(self):
        return {"CPU": float(sum(self.cores))}

    def remote(self, **options):
        def wrap(thing):
            if isinstance(thing, type):
                assert options == {"num_cpus": 1, "max_concurrency": 2}
                return SimpleNamespace(remote=lambda: Actor(self, thing()))
            return SimpleNamespace(remote=lambda: self.pool.submit(self.there or thing))

        return wrap

    def wait(self, refs, num_returns=1, timeout=None):
        when = "FIRST_COMPLETED" if num_returns == 1 else "ALL_COMPLETED"
        done, _ = concurrent.futures.wait(refs, timeout, when)
        return [ref for ref in refs if ref in done], [ref for ref in refs if ref not in done]

    def get(self, ref):
        return ref.result()

    def kill(self, actor):
        self.killed.append(actor)


class Actor:
    def __init__(self, ray, thing):
        self.ray, self.thing, self.dead = ray, thing, False

    def __getattr__(self, name):
        return SimpleNamespace(remote=lambda *args: self.ray.pool.submit(self.call, name, args))

    def call(self, name, args):
        if self.dead:
            raise RayError("the actor died")
        try:
            return passed(getattr(self.thing, name)(*passed(args)))
        except Killed:
            self.dead = True
            raise RayError("the actor died\nof something") from None


@pytest.fixture
def ray(monkeypatch):
    fake = FakeRay()
    monkeypatch.setattr(cluster, "_import_ray", lambda: fake)
    monkeypatch.setattr(cluster, "PAUSE", 0.01)
    yield fake
    fake.pool.shutdown()
    assert not fake.open, "the driver has left the cluster"


def seeds(folder, number=2, **settings):
    return [a_run(folder, seed, **settings) for seed in range(number)]


def dying(monkeypatch, run, deaths):
    """Seed 0 dies so many times at update 8 of 12, once its checkpoint has come to the driver."""
    original, left = worker.run_seed, [None] * deaths

    def dies(at_work, notify, *args, **kwargs):
        def at_eight(row):
            notify(row)
            if row["update"] == 8 and at_work.seed == 0 and left:
                deadline = time.monotonic() + 20
                while not run.partial(".safetensors").exists() and time.monotonic() < deadline:
                    time.sleep(0.005)
                left.pop()
                raise Killed

        original(at_work, at_eight, *args, **kwargs)

    monkeypatch.setattr(worker, "run_seed", dies)


def test_a_cluster_leaves_what_this_machine_would_leave(tmp_path, ray):
    there, here = seeds(tmp_path / "there"), seeds(tmp_path / "here")
    assert execute(there, Cluster) == []
    for run in here:
        runs.run_seed(run)
    assert files(tmp_path / "there") == files(tmp_path / "here")
    assert list(map(outcome, there)) == list(map(outcome, here))
    record = storage.read_json(there[0].record)
    assert record["commits"] == [COMMIT] and record["resumes"] == 0
    assert record["cpu_model"] and record["versions"]["torch"]
    assert ray.told["runtime_env"]["py_modules"] == [str(PACKAGE)]
    assert len(ray.killed) == 2, "the processes are ended"


def test_a_seed_whose_process_is_killed_goes_on_in_another(tmp_path, ray, monkeypatch, capsys):
    there = seeds(tmp_path / "there", pause=0.01)
    dying(monkeypatch, there[0], 1)
    assert execute(there, partial(Cluster, travel=0.0)) == []
    monkeypatch.undo()
    monkeypatch.setattr(runs, "git_commit", lambda: COMMIT)
    straight = a_run(tmp_path / "here")
    runs.run_seed(straight)
    assert outcome(there[0]) == outcome(straight)
    assert [storage.read_json(run.record)["resumes"] for run in there] == [1, 0]
    assert "seed 0: its process is gone (the actor died); it goes on" in capsys.readouterr().out
    assert files(tmp_path / "there") >= files(tmp_path / "here")
    assert not any(".partial" in name for name in files(tmp_path / "there"))


def test_a_seed_whose_process_always_dies_has_failed(tmp_path, ray, monkeypatch):
    run = a_run(tmp_path)
    dying(monkeypatch, run, 99)
    storage.write_atomic(run.partial(".safetensors"), b"")  # no newer one ever comes
    monkeypatch.setattr(worker, "UNFINISHED", ())
    monkeypatch.setattr(cluster, "UNFINISHED", ())
    ((failed, reason),) = execute([run], Cluster)
    assert failed == run and reason == "its process died 3 times, at last of: the actor died"


def test_what_fails_over_there_is_told_here(tmp_path, ray, monkeypatch):
    monkeypatch.setattr(worker, "said", lambda error: f"over there: {error}")
    run = a_run(tmp_path, die="raise")
    assert execute([run], Cluster) == [(run, "over there: a bug in this method")]
    assert not run.record.exists() and not run.rows.exists()


def test_two_commands_do_not_work_on_one_seed(tmp_path, ray):
    if runs.fcntl is None:
        pytest.skip("no file locks on this system")
    run, other = seeds(tmp_path)
    with runs.hold(run):
        ((failed, reason),) = execute([run, other], Cluster)
    assert failed == run and "another process is at work" in reason and other.record.exists()


def test_who_stops_it_keeps_the_checkpoints_that_have_come(tmp_path, ray):
    run = a_run(tmp_path, pause=0.05)

    class Stopped(Cluster):
        def news(self):
            if run.partial(".safetensors").exists():
                raise KeyboardInterrupt
            return super().news()

    with pytest.raises(KeyboardInterrupt):
        execute([run], partial(Stopped, travel=0.0))
    assert len(ray.killed) == 1 and runs.progress(run) is not None
    with runs.hold(run):  # nobody holds it
        pass
    seen = []
    runs.run_seed(run._replace(experiment=run.experiment), seen.append)
    assert seen[0]["update"] > 4, "it went on from the checkpoint"
    straight = a_run(tmp_path / "straight")
    runs.run_seed(straight)
    assert outcome(run) == outcome(straight)


def test_again_on_a_cluster_replaces_what_another_commit_made(tmp_path, ray, monkeypatch):
    run = a_run(tmp_path)
    runs.run_seed(run)
    monkeypatch.setattr(runs, "git_commit", lambda: NEXT)
    ((_, reason),) = execute([run], Cluster)
    assert "never overwritten" in reason
    assert execute([run], partial(Cluster, again=True)) == []
    assert storage.read_json(run.record)["commits"] == [NEXT]


def test_a_seed_for_each_core_unless_told(ray):
    for jobs, room in ((None, 2), (5, 5)):
        engine = Cluster(jobs=jobs)
        assert engine.room() == room and isinstance(engine, Engine)
        engine.stop()


# Nodes ------------------------------------------------------------------------------------------


def test_nodes_that_differ_are_told_before_the_first_run_and_once(tmp_path, ray, capsys):
    ray.cores = (0, 1, 1, 1, 1, 1)  # the head runs nothing
    there = worker.about()
    there = there | {"cpu_model": "an abacus", "versions": there["versions"] | {"torch": "1.0+cu"}}
    ray.there = lambda: there
    engine = Cluster()
    engine.stop()
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and said.startswith("10.0.0.1 (11111111), 10.0.0.2 (22222222), ")
    assert " and 2 more may round differently: processor an abacus there, " in said
    assert "; torch 1.0+cu there, " in said and "python" not in said


def test_a_node_that_joins_later_is_told_too(tmp_path, ray, monkeypatch, capsys):
    about = worker.about()
    monkeypatch.setattr(worker, "about", lambda: about | {"cpu_model": "an abacus"})
    ray.there = lambda: about
    assert execute(seeds(tmp_path, pause=0.01), Cluster) == []
    said = capsys.readouterr().err
    assert said.count("may round differently: processor an abacus there") == 1


def gone():
    raise RayError("ray::about() on 10.0.0.0\nModuleNotFoundError: No module named 'torch'")


def silent():
    time.sleep(0.5)


@pytest.mark.parametrize(
    "cores, there, said",
    [
        ((1,), gone, r"10\.0\.0\.0 .* cannot run the package: .*No module named 'torch'. Install"),
        ((1, 1), silent, r"no answer within 0 s from 10\.0\.0\.0 .*, 10\.0\.0\.1 "),
        ((0, 0), None, "has no core"),
        ((), None, "has no core"),
    ],
)
def test_nodes_that_cannot_run_anything_are_a_sentence(ray, monkeypatch, cores, there, said):
    ray.cores, ray.there = cores, there
    monkeypatch.setattr(cluster, "WAIT", 0.1)
    with pytest.raises(ValueError, match=said):
        Cluster()


def test_a_node_with_other_code_trains_nothing(tmp_path):
    found = worker.Seed().train(a_run(tmp_path), {}, False, COMMIT, "another digest")
    assert "other code than the driver" in found and files(tmp_path) == set()


# What travels -----------------------------------------------------------------------------------


def trained(run):
    return worker.Seed().train(run, {}, False, COMMIT, code_digest())


def test_a_checkpoint_travels_once(tmp_path):
    run, seed = a_run(tmp_path), worker.Seed()
    assert seed.news(0.0, True).files == {} and seed.news(0.0, True).row is None
    seed.run = run
    for content in (b"one", b"two"):
        storage.write_atomic(run.partial(".safetensors"), content)
        assert seed.news(0.0, False).files == {}
        assert seed.news(0.0, True).files == {".safetensors": content}
        assert seed.news(0.0, True).files == {}
    storage.write_atomic(run.partial(".json"), b"{}")
    assert seed.news(0.0, True).files == {".json": b"{}"}


@pytest.mark.parametrize("name", ["rows", "record"])
@pytest.mark.parametrize("change", [lambda x: x[:-9], lambda x: x.replace(b"2", b"3", 1)])
def test_results_arrive_as_they_were_written_or_not_at_all(tmp_path, name, change):
    run = a_run(tmp_path)
    sent = trained(run)
    assert sent.keys() == {"rows", "policy", "record"} and files(tmp_path) == set()
    with pytest.raises(ValueError, match="did not arrive as they were written"):
        worker.deliver(run, sent | {name: change(sent[name])})
    with pytest.raises(ValueError, match="did not arrive as they were written"):
        worker.deliver(a_run(tmp_path, lr=0.2), sent)
    assert files(tmp_path) == set()
    worker.deliver(run, sent)
    assert files(tmp_path) == {
        "fake-easy/seed-0.csv", "fake-easy/seed-0.json", "checkpoints/fake-easy-seed0.safetensors"
    }  # fmt: skip
    assert run.rows.read_bytes() == sent["rows"] and run.record.read_bytes() == sent["record"]


@pytest.mark.parametrize("broken", ["rows", "policy", "record"])
def test_a_driver_that_dies_while_results_arrive_can_go_on(tmp_path, monkeypatch, broken):
    run = a_run(tmp_path)
    sent, write = trained(run), storage.write_atomic

    def dies(path, *args, **kwargs):
        if path == getattr(run, broken):
            raise KeyboardInterrupt
        write(path, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(storage, "write_atomic", dies)
        with pytest.raises(KeyboardInterrupt):
            worker.deliver(run, sent)
    assert not runs.is_finished(run) and not run.record.exists()
    runs.run_seed(run)
    again = json.loads(sent["record"])
    assert storage.read_json(run.record)["evaluation"] == again["evaluation"]
    assert run.rows.read_bytes() == sent["rows"]


def test_a_digest_of_code_sees_every_byte_of_it(tmp_path, monkeypatch):
    from marl_edu.core import provenance

    monkeypatch.setattr(provenance, "PACKAGE", tmp_path)
    found = set()
    for name, text in (("a.py", "x"), ("a.py", "y"), ("b.py", ""), ("c/d.json", "{}")):
        storage.write_atomic(tmp_path / name, text)
        found.add(code_digest())
    (tmp_path / "b.py").rename(tmp_path / "e.py")
    found.add(code_digest())
    assert len(found) == 5
    storage.write_atomic(tmp_path / "a.pyc", "compiled")
    assert code_digest() in found


# No cluster -------------------------------------------------------------------------------------


def test_without_ray_a_sentence_says_what_to_install(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "ray", None)
    assert command(tmp_path, "run", "other", "--engine", "ray") == 2
    assert "--engine ray needs Ray, which is not installed: pip install" in capsys.readouterr().err
    assert files(tmp_path) == set()


@pytest.mark.parametrize(
    "address", ["", "here", "10.0.0.1", "http://a:1", "a:b", "a:70000", "a b:1"]
)
def test_an_address_that_is_none_is_told(tmp_path, ray, address):
    with pytest.raises(ValueError, match=r"--address must be auto, HOST:PORT or ray://HOST:PORT"):
        Cluster(address)


@pytest.mark.parametrize("address", ["127.0.0.1:{}", "ray://127.0.0.1:{}", "ray://localhost:{}"])
def test_nobody_at_the_address_is_told(ray, address):
    with socket.socket() as deaf:  # bound, and does not listen
        deaf.bind(("127.0.0.1", 0))
        address = address.format(deaf.getsockname()[1])
        with pytest.raises(ValueError, match=rf"no Ray cluster answers at {address} \(.*refused"):
            Cluster(address)


@pytest.mark.parametrize(
    "probe, said",
    [
        ("import time; time.sleep(60)", r"no answer within 2 s"),
        ("import sys; sys.exit('Traceback\\nanother version of Ray')", "another version of Ray"),
    ],
)
def test_somebody_else_at_the_address_is_told_in_a_bounded_time(ray, monkeypatch, probe, said):
    monkeypatch.setattr(cluster, "PROBE", probe)
    monkeypatch.setattr(cluster, "WAIT", 2.0)
    start = time.monotonic()
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        with pytest.raises(ValueError, match=rf"no Ray cluster answers at {address} \({said}\)"):
            Cluster(address)
    assert time.monotonic() - start < 30


# With Ray: what `make tools` tries, too ----------------------------------------------------------


@pytest.fixture(scope="module")
def nodes():
    pytest.importorskip("ray", reason="an optional dependency: the extra `ray`")
    with field_ray.trials() as tried:
        yield tried


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # Ray's own
@pytest.mark.parametrize("name", field_ray.TRIALS)
def test_on_two_nodes(nodes, name):
    getattr(nodes, name)()
