"""Seeds on the cores of this machine, each in a process of its own."""

import contextlib
import multiprocessing
import signal
from collections.abc import Iterator
from multiprocessing.connection import Connection, wait
from typing import Any, cast

from marl_edu.experiments.engine import Message, said
from marl_edu.experiments.run import Run, run_seed


class Processes:
    """An engine (see `engine.Engine`) of local processes.

    Args:
        jobs: seeds at a time, a core each. again, dirty: see `run.run_seed`.
    """

    def __init__(self, jobs: int = 1, again: bool = False, dirty: bool = False):
        self.jobs, self.again, self.dirty = jobs, again, dirty
        self.context = multiprocessing.get_context("spawn")  # forking with threads may hang
        self.active: dict[Any, tuple[Run, Any]] = {}

    def room(self) -> int:
        """So many seeds at once."""
        return self.jobs

    def start(self, run: Run) -> None:
        """Begins a seed in a new process."""
        receiver, sender = self.context.Pipe(duplex=False)
        what = (run, sender, self.again, self.dirty)
        process = self.context.Process(target=_worker, args=what, daemon=True)
        with _deaf_to_interrupts():  # inherited by the child: Ctrl-C is for the parent
            process.start()
        sender.close()  # so that the child's death ends the pipe
        self.active[receiver] = run, process

    def news(self) -> Iterator[tuple[Run, Message]]:
        """What the processes have sent, and which have died."""
        for ready in wait(list(self.active), timeout=1.0):
            run, process = self.active[ready]
            try:
                message = cast(Connection, ready).recv()
            except (EOFError, OSError):
                process.join()
                message = f"its process died with exit code {process.exitcode}"
            if not isinstance(message, dict):
                del self.active[ready]
                process.join()
            yield run, message

    def stop(self) -> None:
        """Ends the processes; files are written whole or not at all, so no harm is done."""
        for _, process in self.active.values():
            process.terminate()
            process.join()
        self.active.clear()


def _worker(run: Run, sender: Connection, again: bool, dirty: bool) -> None:
    """Runs in the child: sends the rows of the curve, then None or the reason of a failure."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        run_seed(run, sender.send, again, dirty)
    except BrokenPipeError:
        return  # the parent is gone: stop too, the checkpoint is there
    except Exception as error:
        sender.send(said(error))
    else:
        sender.send(None)


@contextlib.contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
