"""Watch the process of an answer, and end it with all that it has started. Linux only.

A keeper stands between the notebook and the process of an answer. What the answer starts and leaves
behind becomes the keeper's child, so that it can be found. An answer that kills its parent kills
the keeper, not the notebook; the notebook then adopts and ends what is left.
"""

import ctypes
import os
import resource
import select
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

MEMORY = 2 * 2**30  # bytes beyond what the session has, for all processes of an answer together
PROCESSES = 16  # of an answer at one time
FILE_SIZE = 16 * 2**20 + 1  # bytes of each file; an odd limit, which marks whose process it is
FILES = 256 * 2**20  # bytes that all its processes together write
OPEN_FILES = 64  # of each process at one time, beside what the session has open
TICK = 20  # milliseconds between two looks at memory and processes
ENDED, TIME, MANY, LARGE, WRITTEN = range(5)  # why the answer ended

# <linux/prctl.h>
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER, _PR_GET_CHILD_SUBREAPER = 1, 36, 37
_PAGE = resource.getpagesize()


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


_lock = threading.Lock()
_guards = 0  # how many gradings of this process are under way
_adopted_before = 0  # whether it was a parent of what is left behind before them


def guard() -> None:
    """In the session: what a keeper leaves that is killed becomes this process's child."""
    global _guards, _adopted_before
    with _lock:
        if not _guards:
            was = ctypes.c_int()
            ctypes.CDLL(None).prctl(_PR_GET_CHILD_SUBREAPER, ctypes.byref(was), 0, 0, 0)
            _adopted_before = was.value
            _prctl(_PR_SET_CHILD_SUBREAPER, 1)
        _guards += 1


def unguard() -> None:
    """In the session: a keeper has ended. End what it has left, then all is as before `guard`."""
    global _guards
    with _lock:
        _end_strays()
        _guards -= 1
        if not _guards:
            _prctl(_PR_SET_CHILD_SUBREAPER, _adopted_before)


def _end_strays(patience: float = 5.0) -> None:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline and (strays := _strays()):
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for one in [other for stray in strays for other in (stray, *descendants(stray))]:
                with suppress(OSError):
                    os.kill(one, number)
        for one in strays:
            with suppress(OSError):
                os.waitpid(one, os.WNOHANG)
        time.sleep(0.001)


def _strays() -> list[int]:
    """Children of this process that a keeper has left: they carry its mark."""
    return [one for one in _children(os.getpid()) if _file_size(one) == FILE_SIZE]


def _file_size(process: int) -> int:
    try:
        return resource.prlimit(process, resource.RLIMIT_FSIZE)[1]
    except OSError:
        return 0


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
        (resource.RLIMIT_NOFILE, max(map(int, os.listdir("/proc/self/fd"))) + OPEN_FILES),
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
        one of ENDED, TIME, MANY, LARGE, WRITTEN.
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
        if sum(map(_written, family)) > FILES:
            return WRITTEN


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
    """Bytes of memory that a process holds, shared ones included, without files."""
    kinds = ("RssAnon:", "RssShmem:")
    lines = _lines(process, "status")
    return sum(1024 * int(line.split()[1]) for line in lines if line.startswith(kinds))


def _written(process: int) -> int:
    """Bytes that a process has written, to files and elsewhere."""
    return sum(int(line[6:]) for line in _lines(process, "io") if line.startswith("wchar:"))


def _lines(process: int, file: str) -> list[str]:
    try:
        return Path(f"/proc/{process}/{file}").read_text().splitlines()
    except OSError:  # it has just ended
        return []
