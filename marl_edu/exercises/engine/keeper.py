"""Watch the process of an answer, and end it with all that it has started. Linux only.

Between the notebook and the process of an answer stands a keeper. What the answer starts and leaves
behind becomes the keeper's child, so that it can be found; and an answer that kills its parent
kills the keeper, not the notebook.
"""

import ctypes
import os
import resource
import select
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

MEMORY = 2 * 2**30  # bytes beyond what the session has, for all processes of an answer together
PROCESSES = 16  # of an answer at one time
FILE_SIZE = 16 * 2**20  # bytes of each file that an answer writes
TICK = 20  # milliseconds between two looks at memory and processes
ENDED, TIME, MANY, LARGE = 0, 3, 4, 5  # how the keeper ends: it says why the answer did

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36  # <linux/prctl.h>
_PAGE = resource.getpagesize()


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def adopt() -> None:
    """Make this process the parent of whatever its descendants leave behind."""
    os.setsid()
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)


def limit(seconds: int) -> None:
    """Limit this process, the answer's: what it computes, its memory, its files."""
    os.setsid()
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    mapped = int(Path("/proc/self/statm").read_text().split()[0]) * _PAGE
    for what, most in (
        (resource.RLIMIT_AS, mapped + MEMORY),
        (resource.RLIMIT_FSIZE, FILE_SIZE),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))
    # Seconds of computing, not of waiting for a busy machine.
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))


def allow(seconds: int) -> None:
    """From now on this process may compute for so many seconds, within what `limit` said."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    soft = int(used.ru_utime + used.ru_stime) + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (min(soft, hard), hard))


def keep(worker: int, caller: int, seconds: int) -> int:
    """Wait until `worker` ends, breaks a limit, or `caller`, a pipe, is closed at its other end.

    Returns:
        one of ENDED, TIME, MANY, LARGE.
    """
    watch = select.poll()
    watch.register(caller, select.POLLIN)
    with suppress(OSError):  # on an old kernel; a tick later it is noticed as well
        watch.register(os.pidfd_open(worker), select.POLLIN)
    start = _resident(worker)
    while True:
        over = any(file == caller for file, _ in watch.poll(TICK))
        ended, status, used = os.wait4(worker, os.WNOHANG)
        if ended:
            killed = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
            late = used.ru_utime + used.ru_stime >= seconds
            out_of_time = killed == signal.SIGXCPU or (killed == signal.SIGKILL and late)
            return TIME if out_of_time else ENDED
        if over:
            return ENDED
        family = list(descendants(os.getpid()))
        if len(family) > PROCESSES:
            return MANY
        # A fork counts what it shares with its parent, too.
        if sum(max(0, _resident(one) - start) for one in family) > MEMORY:
            return LARGE


def end_all(patience: float = 5.0) -> None:
    """Kill all descendants of this process, and theirs, until none is left."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        family = list(descendants(os.getpid()))
        for number in (signal.SIGSTOP, signal.SIGKILL):  # who is stopped starts nobody
            for one in family:
                with suppress(OSError):
                    os.kill(one, number)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.001)


def descendants(process: int) -> Iterator[int]:
    """The children of a process, their children, and so on."""
    for child in _children(process):
        yield child
        yield from descendants(child)


def _children(process: int) -> list[int]:
    try:
        lists = list(Path(f"/proc/{process}/task").glob("*/children"))
        if lists:
            return [int(one) for found in lists for one in found.read_text().split()]
    except OSError:  # it has just ended
        return []
    return [int(one.name) for one in Path("/proc").glob("[0-9]*") if _parent(one) == process]


def _parent(folder: Path) -> int:
    try:
        return int((folder / "stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return 0


def _resident(process: int) -> int:
    """Bytes of memory that a process holds, without files."""
    try:
        _, resident, shared, *_ = Path(f"/proc/{process}/statm").read_text().split()
    except (OSError, ValueError):
        return 0
    return (int(resident) - int(shared)) * _PAGE
