"""Whatever an answer does: a verdict, nothing left running, and a caller that is as it was."""

import mmap
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch

from marl_edu import exercises
from marl_edu.exercises.engine import grading, isolation

if not isolation.fork_is_safe():
    pytest.skip("answers run in a thread here", allow_module_level=True)

mean, bonus = exercises.mean_of_the_others, exercises.surprise


@pytest.fixture(autouse=True)
def _soon(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)  # what passes is noted there
    monkeypatch.setattr(grading, "SECONDS", 1)
    monkeypatch.setattr(isolation, "PATIENCE", 3)


def state() -> dict:
    """All that belongs to the caller."""
    return {
        "torch's random numbers": torch.random.get_rng_state().tolist(),
        "numpy's": str(np.random.get_state()),
        "dtype": torch.get_default_dtype(),
        "device": torch.get_default_device(),
        "gradients": torch.is_grad_enabled(),
        "inference": torch.is_inference_mode_enabled(),
        "threads": (torch.get_num_threads(), threading.active_count()),
        "children": sorted(  # ended ones too, if nobody asked how; a browser may be among them
            child
            for task in Path("/proc/self/task").glob("*/children")
            for child in task.read_text().split()
        ),
        "folder": os.getcwd(),
        "environment": dict(os.environ),
        "handlers": [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)],
        "files": sorted(
            os.readlink(f"/proc/self/fd/{n}")
            for n in os.listdir("/proc/self/fd")
            if os.path.lexists(f"/proc/self/fd/{n}")
        ),
        "streams": (sys.stdout, sys.stderr, sys.path.copy()),
        "a patch": torch.allclose,
        "recursion": sys.getrecursionlimit(),
    }


def starts(n: int):
    """An answer that starts `n` processes and leaves them, each in a session of its own."""
    started = []

    def answer(z, alive):
        while len(started) < n:
            started.append(1)
            if os.fork() == 0:
                os.setsid()
                time.sleep(60)
                os._exit(0)
        return mean.solution(z, alive)

    return answer


def allocates(z, alive):
    kept = []
    while True:
        kept.append(torch.ones(2**26))  # 256 MB


def many_allocate(z, alive):
    for _ in range(8):
        if os.fork() == 0:
            kept = [torch.ones(2**27) for _ in range(2)]
            time.sleep(60)
            os._exit(len(kept))
    time.sleep(60)


def fills_every_file(z, alive):
    for number in range(64):
        try:
            os.write(number, b'{"result": [{"values": null}]}' * 3)
        except OSError:
            continue
    return z


def half_a_message(z, alive):
    for number in range(3, 64):
        try:
            os.write(number, (2**40).to_bytes(8))
        except OSError:
            continue
    time.sleep(60)


def floods(z, alive):
    while True:
        os.write(1, b"again " * 10_000)


def leaves_and_kills(number):
    """An answer that leaves processes behind, and does this to who watches it."""

    def answer(z, alive):
        for _ in range(2):
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0:
                    os.setsid()
                time.sleep(60)
                os._exit(0)
        time.sleep(0.1)
        os.kill(os.getppid(), number)
        time.sleep(60)

    return answer


def shares_memory(z, alive):
    kept = []
    while True:
        kept.append(mmap.mmap(-1, 2**26))
        kept[-1].write(bytes(2**26))


def many_share_memory(z, alive):
    for _ in range(8):
        if os.fork() == 0:
            kept = mmap.mmap(-1, 2**29)
            kept.write(bytes(2**29))
            time.sleep(60)
    time.sleep(60)


def hides_memory(z, alive):
    for number in range(1000):
        os.write(os.memfd_create(str(number)), bytes(2**23))


def writes_many_files(z, alive):
    with tempfile.TemporaryDirectory() as folder:
        for number in range(1000):
            Path(folder, str(number % 3)).write_bytes(bytes(2**23))


def changes_all(z, alive):
    torch.set_grad_enabled(False)
    torch.set_default_dtype(torch.float16)
    torch.set_default_device("meta")
    torch.allclose = lambda *a, **k: True
    os.chdir("/")
    os.environ["PATH"] = ""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.setrecursionlimit(77)
    random.seed(1)
    np.random.seed(1)
    torch.manual_seed(1)
    sys.stdout = None
    sys.path.clear()
    return z


@pytest.mark.parametrize(
    "answer, mistakes",
    [
        (starts(5), {""}),
        (starts(60), {"too_much", "died"}),
        (allocates, {"memory", "too_much", "time", "died"}),
        (many_allocate, {"too_much", "memory", "time"}),
        (fills_every_file, {"garbled"}),
        (half_a_message, {"garbled", "time"}),
        (floods, {"raised", "time"}),
        # It may still return, before its keeper is gone.
        (lambda z, alive: os.kill(os.getppid(), signal.SIGKILL), {"died", "nothing_returned"}),
        (lambda z, alive: os.killpg(0, signal.SIGKILL), {"died"}),
        (leaves_and_kills(signal.SIGKILL), {"died"}),
        (leaves_and_kills(signal.SIGSTOP), {"time"}),
        (shares_memory, {"memory", "too_much", "raised", "time"}),
        (many_share_memory, {"too_much", "time"}),
        (hides_memory, {"too_much"}),
        (writes_many_files, {"too_much"}),
        (
            lambda z, alive: signal.signal(signal.SIGXCPU, signal.SIG_IGN) and [*iter(int, 1)],
            {"time"},
        ),
        (lambda z, alive: input("what?"), {"raised"}),
        (changes_all, {"value", "dtype", "nothing_returned", "device", "raised", "died"}),
    ],
)
def test_a_verdict_comes_nothing_is_left_and_the_caller_is_as_before(answer, mistakes):
    mean.grade(mean.solution)  # what is imported and drawn the first time stays
    before, start = state(), time.monotonic()
    verdict = mean.grade(answer)
    assert verdict.mistake in mistakes, verdict
    assert time.monotonic() - start < 8
    assert state() == before
    assert not _left_behind()
    assert len(verdict.printed) <= isolation.PRINTED


def test_a_session_that_ignores_its_children_is_told_why_as_well(monkeypatch):
    was = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        assert mean.grade(mean.solution).passed
        assert mean.grade(lambda z, alive: [*iter(int, 1)]).mistake == "time"
        assert mean.grade(many_share_memory).mistake in ("too_much", "time")
    finally:
        signal.signal(signal.SIGCHLD, was)
    assert not _left_behind()


def test_threads_that_grade_at_the_same_time_leave_all_as_it_was():
    before = state()
    answers = [mean.solution, changes_all, leaves_and_kills(signal.SIGKILL)] * 2
    with ThreadPoolExecutor(len(answers)) as pool:
        torch.set_default_dtype(torch.float64)
        try:
            verdicts = list(pool.map(mean.grade, answers))
            assert torch.get_default_dtype() is torch.float64
        finally:
            torch.set_default_dtype(torch.float32)
    assert [verdict.passed for verdict in verdicts] == [True, False, False] * 2
    assert state() == before
    assert not _left_behind()


WITHOUT_CHECKS = """
import random
from marl_edu import exercises
before = random.getstate()
hunt, mean = exercises.lucky, exercises.mean_of_the_others
assert hunt.grade(hunt.solution).passed and not mean.grade(hunt.solution).passed
assert hunt.train(hunt.suspect) and random.getstate() == before
"""


@pytest.mark.long
def test_python_s_random_numbers_are_as_before(tmp_path):
    # In a process of its own: the checks of types in these tests draw some themselves.
    root = Path(__file__).parents[3]
    run = [sys.executable, "-c", WITHOUT_CHECKS]
    subprocess.run(run, check=True, cwd=tmp_path, env={"PYTHONPATH": str(root)}, timeout=60)


def _left_behind() -> list[Path]:
    """Processes in this test's own folder, which whatever it forked has inherited."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (process / "cwd").readlink() == Path.cwd() and int(process.name) != os.getpid():
                found.append(process)
    return found


def test_what_is_left_behind_is_seen():
    child = os.fork()
    if child == 0:
        time.sleep(30)
        os._exit(0)
    try:
        assert [int(one.name) for one in _left_behind()] == [child]
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


class Mute(Exception):
    def __str__(self):
        raise RuntimeError("no")


class Nameless:
    def __getattr__(self, name):
        raise RuntimeError(name)

    def __call__(self, z, alive):
        return mean.solution(z, alive)


def raises_mute(z, alive):
    raise Mute


@pytest.mark.parametrize(
    "answer, mistake",
    [
        (raises_mute, "raised"),
        (lambda z, alive: mean.solution(z, alive).to_sparse(), "gradient"),  # none where it is 0
        (lambda z, alive: torch.zeros((), dtype=z.dtype).expand(*z.shape), "value"),
        (lambda z, alive: torch.zeros(()).expand(2**40), "shape"),
        (lambda z, alive: mean.solution(z, alive).to("meta"), "device"),
        (lambda z, alive: torch.nn.Parameter(mean.solution(z, alive)), "gradient"),
        (lambda z, alive: mean.solution(z, alive).to(torch.complex64), "dtype"),
        (lambda z, alive: torch.nested.nested_tensor([z[0]]), "type"),
        (lambda z, alive: np.array([None]), "numpy"),
        (
            lambda z, alive: exec("raise BaseExceptionGroup('two', [SystemExit(1), Mute()])"),
            "raised",
        ),
    ],
)
def test_odd_results_and_errors_get_a_verdict(answer, mistake):
    assert mean.grade(answer).mistake == mistake


def test_a_grader_that_an_answer_breaks_still_gives_a_verdict():
    def breaks_torch(z, alive):
        torch.Tensor.numel = None
        return z

    verdict = mean.grade(breaks_torch)
    assert verdict.mistake in ("failed", "raised") and torch.Tensor.numel is not None


def test_a_callable_may_refuse_to_say_its_name():
    assert mean.grade(Nameless()).passed


def detached(z, alive):
    return mean.solution(z, alive).detach()


@pytest.mark.parametrize(
    "session",
    [
        torch.no_grad,
        torch.inference_mode,
        lambda: torch.device("meta"),
        lambda: torch.autocast("cpu", dtype=torch.bfloat16),
        lambda: torch.autograd.set_detect_anomaly(True),
        lambda: np.errstate(all="raise"),
    ],
)
def test_the_session_does_not_decide(session, monkeypatch):
    monkeypatch.setattr(mean, "_examinations", {})
    with session():
        right, wrong = mean.grade(mean.solution), mean.grade(detached)
    assert right.passed and wrong.mistake == "gradient"


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16])
def test_nor_does_its_dtype(dtype, monkeypatch):
    def makes_its_own(z, alive):
        return mean.solution(z, alive) + torch.zeros(1)

    monkeypatch.setattr(mean, "_examinations", {})
    torch.set_default_dtype(dtype)
    try:
        assert mean.grade(makes_its_own).passed and mean.grade(mean.solution).passed
    finally:
        torch.set_default_dtype(torch.float32)


def test_what_runs_where_nothing_can_be_limited_says_so(monkeypatch):
    monkeypatch.setattr(isolation, "fork_is_safe", lambda: False)
    monkeypatch.setattr(grading, "fork_is_safe", lambda: False)
    monkeypatch.setattr(grading, "SECONDS", 20)
    assert isolation.UNLIMITED in mean.grade(mean.solution).message


def test_numpy_will_do_where_no_gradient_comes_back():
    def in_numpy(predicted, after, eta):
        return eta / 2 * ((predicted.numpy() - after.numpy()) ** 2).sum(-1)

    assert bonus.grade(in_numpy).passed
    kept = bonus.grade(lambda predicted, after, eta: eta / 2 * (predicted - after).square().sum(-1))
    assert kept.mistake == "gradient_kept"


def test_float64_of_torch_is_as_good_as_numpy_s():
    count = exercises.count_bonus
    assert count.grade(lambda cells: count.solution(cells).double()).passed
    assert count.grade(lambda cells: count.solution(cells).half()).mistake == "dtype"


def test_a_gradient_that_is_nan_is_not_called_detached():
    def through_a_root(z, alive):
        right = mean.solution(z, alive)
        return torch.where(right.abs() >= 0, right, (0 * right).sqrt())

    verdict = mean.grade(through_a_root)
    assert verdict.mistake == "nan_gradient" and "NaN" in verdict.message


def test_another_seed_draws_other_inputs():
    one, other = mean.cases(seed=1), mean.cases(seed=2)
    assert not torch.equal(one[0].args[0], other[0].args[0])
    assert mean.grade(mean.solution, seed=3).passed
