"""Run a reader's code so that it can neither hang nor end the notebook it is called from.

An answer is a function typed into a notebook: a closure over the reader's other cells, which no
fresh interpreter could be sent. A fork has it already, starts in milliseconds and can be killed
whatever it does. (An alarm signal cannot: Python handles it between two instructions of the main
thread only, and a bare `except` in the answer's loop swallows it.)

A fork is not safe everywhere: Windows has none, macOS's own libraries refuse it, and autograd's
threads for an accelerator do not survive it. There the answer runs in a thread, which is given up
when its time is over.
"""

import ctypes
import multiprocessing
import os
import pickle
import queue
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Callable
from typing import Any

import torch

PATIENCE = 4  # a busy machine may take so many times longer than the seconds of computing


class OutOfTime(Exception):
    """The job computed longer than it may."""


class Died(Exception):
    """The job's process ended without an answer."""


def fork_is_safe() -> bool:
    """Whether this process may fork and go on computing gradients in the fork."""
    return sys.platform == "linux" and not torch.accelerator.is_available()


def run_apart(job: Callable[[], Any], seconds: int) -> Any:
    """Return `job()`, which gets `seconds` of computing; its result must be picklable.

    Raises:
        OutOfTime: it computed longer. Died: its process ended. RuntimeError: the job raised, and
            with it the grader.
    """
    finished, result = (_in_fork if fork_is_safe() else _in_thread)(job, seconds)
    if not finished:
        raise RuntimeError(f"the grader itself failed:\n{result}")
    return result


def _outcome(job: Callable[[], Any]) -> tuple[bool, Any]:
    try:
        return True, job()
    except BaseException:
        return False, traceback.format_exc()


def _in_fork(job: Callable[[], Any], seconds: int) -> tuple[bool, Any]:
    receive, send = multiprocessing.Pipe(duplex=False)
    with warnings.catch_warnings():  # of forking while threads run: the child uses none of them
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        try:
            import resource

            # Seconds of computing, not of waiting for a busy machine.
            resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
            torch.set_num_threads(1)  # the parent's thread pool did not come along
            send.send_bytes(pickle.dumps(_outcome(job)))
        finally:
            os._exit(0)  # without the parent's exit handlers and buffers
    send.close()
    status = 0
    try:
        if not receive.poll(PATIENCE * seconds):
            raise OutOfTime
        return pickle.loads(receive.recv_bytes())
    except EOFError:
        pass  # ended without a word: its status says why
    finally:
        receive.close()
        os.kill(child, signal.SIGKILL)  # of no consequence where it has ended already
        _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU:
        raise OutOfTime
    raise Died


def _in_thread(job: Callable[[], Any], seconds: int) -> tuple[bool, Any]:
    answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
    thread = threading.Thread(target=lambda: answers.put(_outcome(job)), daemon=True)
    streams = sys.stdout, sys.stderr
    thread.start()
    try:
        return answers.get(timeout=seconds)
    except queue.Empty:
        # Ends the thread at its next Python instruction, if it has one.
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(thread.ident or 0), ctypes.py_object(SystemExit)
        )
        raise OutOfTime from None
    finally:
        sys.stdout, sys.stderr = streams  # a thread given up has not put them back
