"""Where seeds are run: what an engine offers, and the loop that is the same for all of them.

`processes.Processes` uses the cores of this machine, `cluster.Cluster` those of a Ray cluster.
"""

import contextlib
import signal
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn, Protocol, runtime_checkable

from tqdm import tqdm

from marl_edu.experiments.run import Run

# Of a seed under way: a row of its curve, None once it is finished, or why it failed.
Message = Mapping[str, Any] | str | None


class Terminated(KeyboardInterrupt):
    """SIGTERM, with which schedulers end what runs: it stops as Ctrl-C does."""


@runtime_checkable
class Engine(Protocol):
    """What runs seeds somewhere. `execute` calls `stop` once, whatever happens."""

    def room(self) -> int:
        """How many seeds may be under way at once."""

    def start(self, run: Run) -> None:
        """Begins a seed, or goes on with it. Raises ValueError or OSError if it cannot."""

    def news(self) -> Iterable[tuple[Run, Message]]:
        """What the seeds under way have to say; waits for it, a second at most."""

    def stop(self) -> None:
        """Ends what is under way; what was reached stays."""


def execute(todo: Sequence[Run], make: Callable[[], Engine]) -> list[tuple[Run, str]]:
    """Executes runs, as many at a time as the engine takes. One that fails stops no other.

    Args:
        todo: the runs. make: the engine; it is not made if there is nothing to do.

    Returns:
        the runs that failed, each with the reason.
    """
    if not todo:
        return []
    engine = make()
    waiting, failures = deque(todo), []
    bars: dict[Path, tqdm] = {}  # of the seeds under way
    overall = tqdm(total=len(todo), desc="all seeds", unit="seed", disable=None)
    before = signal.signal(signal.SIGTERM, _terminated)
    try:
        while waiting or bars:
            while waiting and len(bars) < engine.room():
                run = waiting.popleft()
                bars[run.record] = _bar(run, list(bars.values()))
                try:
                    engine.start(run)
                except (ValueError, OSError) as error:
                    _end(bars.pop(run.record), overall, run, reason := said(error))
                    failures.append((run, reason))
            for run, message in engine.news() if bars else ():
                if isinstance(message, Mapping):
                    _step(bars[run.record], message)
                    continue
                _end(bars.pop(run.record), overall, run, message)
                if message is not None:
                    failures.append((run, message))
    finally:
        with contextlib.suppress(KeyboardInterrupt):  # a second Ctrl-C: it is stopping already
            engine.stop()
        for bar in bars.values():
            bar.close()
        overall.close()
        signal.signal(signal.SIGTERM, before)
    return failures


def said(error: Exception) -> str:
    """Why a seed failed: what an error of ours says, and of others all that is known."""
    if isinstance(error, ValueError | OSError):
        return str(error)
    return "".join(traceback.format_exception(error))


def _terminated(*_: Any) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough
    raise Terminated


def _bar(run: Run, others: Sequence[tqdm]) -> tqdm:
    taken = {abs(bar.pos) for bar in others}
    line = next(k for k in range(1, len(taken) + 2) if k not in taken)
    total = run.experiment.cfg.updates
    return tqdm(
        total=total, desc=run.title, unit="update", position=line, leave=False, disable=None
    )


def _step(bar: tqdm, row: Mapping[str, Any]) -> None:
    if bar.disable:
        return
    if bar.n == 0:  # a resumed run starts late: judge the time left from here
        bar.n = bar.initial = row["update"]
        bar.start_t = time.time()
    if "success" in row:
        bar.set_postfix_str(f"success {row['success']:.2f}", refresh=False)
    bar.update(row["update"] - bar.n)


def _end(bar: tqdm, overall: tqdm, run: Run, reason: str | None) -> None:
    bar.close()
    overall.update()
    tqdm.write(f"{run.title}: {'finished' if reason is None else 'failed'}")
