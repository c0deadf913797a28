"""Run a reader's code so that it can neither hang, end nor change the notebook it is called from.

An answer is a function typed into a notebook: a closure over the reader's other cells, which no
fresh interpreter could be sent. A fork has it already, starts in milliseconds and can be killed
whatever it does. (An alarm signal cannot: Python handles it between two instructions of the main
thread only, and a bare `except` in the answer's loop swallows it.) What comes back is JSON, which
cannot run code as a pickle can.

A fork is not safe everywhere: Windows has none, macOS's own libraries refuse it, and autograd's
threads for an accelerator do not survive it. There the answer runs in a thread, which is given up
when its time is over, and `UNLIMITED` says what that means.
"""

import ctypes
import gc
import json
import os
import queue
import secrets
import select
import signal
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable
from contextlib import ExitStack, redirect_stderr, redirect_stdout, suppress
from typing import Any, NamedTuple

import torch

from marl_edu.exercises.engine.printing import PRINTED, FirstWords

if sys.platform == "linux":
    from marl_edu.exercises.engine import keeper

PATIENCE = 4  # a busy machine may take so many times longer than the seconds of computing
MESSAGE = 64 * 2**20  # bytes of what may come back
UNLIMITED = (
    "On this system it ran inside this very process: only its time is limited, and what it starts "
    "or changes stays."
)


class Stopped(Exception):
    """The job gave no result."""


class OutOfTime(Stopped):
    """The job computed longer than it may."""


class TooMuch(Stopped):
    """The job took more memory, wrote more or started more processes than it may; the message says
    which."""


class Died(Stopped):
    """The job's process ended without a result."""


class Garbled(Stopped):
    """What came back is not what the job's process sends."""


class Failed(Stopped, RuntimeError):
    """The job raised, and with it the grader: a mistake in it, or an answer that changes torch."""


class Report(NamedTuple):
    """What came of a job."""

    result: Any  # as JSON hands it over
    printed: str  # the start of what was printed on the way


def fork_is_safe() -> bool:
    """Whether this process may fork and go on computing gradients in the fork."""
    return sys.platform == "linux" and not torch.accelerator.is_available()


def run_apart(job: Callable[[], Any], seconds: int) -> Report:
    """Run `job()`, which gets `seconds` of computing; its result must be what JSON can hold.

    Raises:
        Stopped: there is no result; its kinds say why.
    """
    said, printed = (_in_fork if fork_is_safe() else _in_thread)(job, seconds)
    if not isinstance(said, dict) or said.keys() - {"result", "failed"} or len(said) != 1:
        raise Garbled
    if "failed" in said:
        raise Failed(f"the grader itself failed:\n{said['failed']}")
    return Report(said["result"], printed.strip())


def allow(seconds: int) -> None:
    """Inside a job: from now on it may compute for so many seconds, within its own."""
    if fork_is_safe():
        keeper.allow(seconds)


def _outcome(job: Callable[[], Any], printed: FirstWords) -> str:
    try:
        with redirect_stdout(printed), redirect_stderr(printed):
            return json.dumps({"result": job()})
    except BaseException:
        return json.dumps({"failed": traceback.format_exc()})


def _in_fork(job: Callable[[], Any], seconds: int) -> tuple[Any, str]:
    receive, send = os.pipe()
    alive, release = os.pipe()  # closing its end tells the keeper that all is over
    output, reason = os.memfd_create("printed"), os.memfd_create("reason")
    token = secrets.token_bytes(16)  # what else is written to the pipe is no message
    kept = None
    try:
        keeper.guard()
        with warnings.catch_warnings():  # of forking while threads run: the child uses none of them
            warnings.simplefilter("ignore", DeprecationWarning)
            kept = os.fork()
        if kept == 0:
            os.close(release)
            os.close(receive)
            _keep(lambda: _send(job, token, send, output), seconds, alive, send, reason)
        os.close(send)
        os.close(alive)
        deadline = time.monotonic() + PATIENCE * seconds
        try:
            message = _received(receive, kept, token, deadline)
            if message is None:  # the keeper is about to notice, and knows why
                _ended(kept, deadline)
        finally:
            os.close(release)
            for number in (signal.SIGCONT, signal.SIGKILL):  # the answer may have stopped it
                with suppress(OSError):
                    os.kill(kept, number)
                if _ended(kept, time.monotonic() + 10):
                    break
        if message is None:
            raise _why(os.pread(reason, 1, 0))
        printed = os.pread(output, 4 * PRINTED, 0).decode(errors="replace")
        return json.loads(message), printed[:PRINTED]
    finally:
        keeper.unguard()
        for file in (receive, output, reason):
            os.close(file)
        if kept is None:  # no process could be made
            for file in (send, alive, release):
                os.close(file)


def _why(reason: bytes) -> Stopped:
    match [*reason]:
        case [keeper.TIME]:
            return OutOfTime()
        case [keeper.MANY]:
            return TooMuch(f"more than {keeper.PROCESSES} processes at a time")
        case [keeper.LARGE]:
            return TooMuch(f"more than {keeper.MEMORY // 2**30} GB of memory")
        case [keeper.WRITTEN]:
            return TooMuch(f"more than {keeper.FILES // 2**20} MB of files")
    return Died()


def _keep(work: Callable[[], None], seconds: int, alive: int, send: int, reason: int) -> None:
    """In the keeper's process: start the worker, watch it, end with it. Never returns."""
    try:
        gc.disable()  # what the session would throw away is not ours to throw away
        signal.set_wakeup_fd(-1)
        keeper.adopt()
        worker = os.fork()
        if worker == 0:
            try:
                os.close(alive)
                keeper.limit(seconds)
                work()
            finally:
                os._exit(0)  # without the session's exit handlers and buffers
        os.close(send)
        os.pwrite(reason, bytes([keeper.keep(worker, alive, seconds)]), 0)
        keeper.end_all()
    finally:
        os._exit(0)


def _send(job: Callable[[], Any], token: bytes, send: int, output: int) -> None:
    """In the worker's process: run the job, with its output in a file, and send what it gives."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for name in os.listdir("/proc/self/fd"):  # what the session has open is out of reach
        file = int(name)
        if file not in (send, output, nothing):
            with suppress(OSError):  # the listing's own file is closed already
                os.dup2(output if file in (1, 2) else nothing, file)
    torch.set_num_threads(1)  # the session's thread pool did not come along
    message = _outcome(job, FirstWords(output)).encode()
    left = memoryview(token + len(message).to_bytes(8) + message)
    while left:
        left = left[os.write(send, left) :]


def _received(receive: int, kept: int, token: bytes, deadline: float) -> bytes | None:
    """The message of the worker's process; None if it, or its keeper, ends without one.

    Raises:
        OutOfTime: nothing whole has come by `deadline`. Garbled: something else has.
    """
    with ExitStack() as stack:
        files = [receive]
        with suppress(OSError):  # an old kernel, or it has ended
            files.append(os.pidfd_open(kept))
            stack.callback(os.close, files[1])
        return _message(files, token, deadline)


def _message(files: list[int], token: bytes, deadline: float) -> bytes | None:
    """What comes through the first of `files`; None once only the others have something."""
    waiting = select.poll()
    for file in files:
        waiting.register(file, select.POLLIN)
    receive = files[0]
    got, length, head = bytearray(), None, len(token) + 8
    while length is None or len(got) < length:
        left = deadline - time.monotonic()
        ready = waiting.poll(1000 * left) if left > 0 else []
        if not ready:
            raise OutOfTime
        if all(file != receive for file, _ in ready):  # the answer has killed its keeper
            return None
        part = os.read(receive, 2**20)
        if not part and not got:
            return None
        got += part
        if not part or got[: len(token)] != token[: len(got)]:
            raise Garbled
        if length is None and len(got) >= head:
            length = head + int.from_bytes(got[len(token) : head])
            if length > MESSAGE:
                raise Garbled
    return bytes(got[head:length])


def _ended(process: int, deadline: float) -> bool:
    """Whether a child ends until `deadline`, or has."""
    while time.monotonic() < deadline:
        try:
            if os.waitpid(process, os.WNOHANG)[0]:
                return True
        except ChildProcessError:  # it has been waited for, here or by the session
            return True
        time.sleep(0.001)
    return False


def _stop(thread: threading.Thread) -> None:
    """End a thread at its next Python instruction, if it has one.

    What judges takes the exception for the answer's, and tries the next input: so several times.
    """
    for _ in range(100):
        if not thread.is_alive():
            return
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(thread.ident or 0), ctypes.py_object(SystemExit)
        )
        thread.join(0.01)


def _in_thread(job: Callable[[], Any], seconds: int) -> tuple[Any, str]:
    answers: queue.SimpleQueue[str] = queue.SimpleQueue()
    printed = FirstWords()
    thread = threading.Thread(target=lambda: answers.put(_outcome(job, printed)), daemon=True)
    streams = sys.stdout, sys.stderr
    thread.start()
    try:
        return json.loads(answers.get(timeout=seconds)), printed.kept
    except queue.Empty:
        _stop(thread)
        raise OutOfTime from None
    finally:
        sys.stdout, sys.stderr = streams  # a thread given up has not put them back
