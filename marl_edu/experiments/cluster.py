"""Seeds on the cores of a Ray cluster, each in a process of its own, as on one machine.

The package that is at work here is shipped to the nodes, so all run the same code; what they need
besides is in `requirements.txt`. Records, curves and networks are written here, on the driver's
disk, once all of a seed has arrived. Until then its checkpoint comes every half minute. Where a
process dies or a node goes, the seed goes on from there on another core.

A last digit depends on the processor and the build of torch: nodes that differ are reported before
the first run, and each record says what it was made on.
"""

import contextlib
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tqdm import tqdm

from marl_edu.core import storage
from marl_edu.core.provenance import PACKAGE
from marl_edu.experiments.engine import Message
from marl_edu.experiments.run import Run, code_at_work, hold
from marl_edu.experiments.worker import UNFINISHED, News, Seed, about, deliver, differences

WAIT = 60.0  # seconds that a cluster, and each look at its nodes, may take to answer
PAUSE = 1.0  # seconds between two looks at a seed
TRAVEL = 30.0  # seconds between two checkpoints of a seed that travel
LIVES = 3  # deaths in a row, without a new checkpoint, after which a seed has failed
ADDRESS = r"auto|(?:ray://)?(?P<host>[^/:\s]+|\[[0-9a-fA-F:]+\]):(?P<port>\d{1,5})"
PROBE = "import ray, sys; ray.init(sys.argv[1], log_to_driver=False, logging_level='CRITICAL')"


class _Work:
    """A seed under way."""

    def __init__(self, run: Run):
        self.run = run
        self.lock = contextlib.ExitStack()
        self.actor: Any = None
        self.ended: Any = None  # what `Seed.train` will give
        self.news: Any = None  # what `Seed.news` will give
        self.looks = 0
        self.about: dict[str, Any] = {}
        self.deaths = 0


class Cluster:
    """An engine (see `engine.Engine`) of the cores of a Ray cluster.

    Args:
        address: of the cluster; None: one of this machine alone, which ends with the run.
        jobs: seeds at a time, a core each; None: as many as the cluster has cores.
        again, dirty: see `run.run_seed`.
        travel: seconds between two checkpoints of a seed that come here.

    Raises:
        ValueError: no Ray here, no cluster at the address, or nodes that cannot run the package.
    """

    def __init__(
        self,
        address: str | None = None,
        jobs: int | None = None,
        again: bool = False,
        dirty: bool = False,
        travel: float = TRAVEL,
    ):
        self.jobs, self.again, self.looks = jobs, again, max(1, round(travel / PAUSE))
        self.commit, self.here = code_at_work(dirty), about()
        self.active: list[_Work] = []
        self.known: set[str] = set()  # differences that were reported
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray would tell its makers
        self.ray = _import_ray()
        if address is not None:
            _call(address)
        self.ray.init(
            address=address or "local",
            runtime_env={"py_modules": [str(PACKAGE)], "excludes": ["**/__pycache__"]},
            log_to_driver=False,
            logging_level="ERROR",
            **({} if address else {"include_dashboard": False}),
        )
        try:
            self.actor = self.ray.remote(num_cpus=1, max_concurrency=2)(Seed)
            self.look_at_nodes()
        except BaseException:
            self.ray.shutdown()
            raise

    def room(self) -> int:
        """The seeds asked for at once, or a seed for each core that there is now."""
        return self.jobs or max(1, int(self.ray.cluster_resources().get("CPU", 0)))

    def start(self, run: Run) -> None:
        """Begins a seed, or goes on from what is stored of it here."""
        work = _Work(run)
        work.lock.enter_context(hold(run))
        self._send(work)
        self.active.append(work)

    def news(self) -> Iterator[tuple[Run, Message]]:
        """What has arrived from the nodes; what died is sent out again."""
        refs = {ref: work for work in self.active for ref in (work.ended, work.news)}
        if not self.ray.wait(list(refs), timeout=1.0)[0]:
            return
        for ref in self.ray.wait(list(refs), num_returns=len(refs), timeout=0)[0]:
            work = refs[ref]
            if work not in self.active or ref not in (work.ended, work.news):
                continue  # of a process that died, or of a seed that has ended
            try:
                message = self._take(work, self.ray.get(ref))
            except self.ray.exceptions.RayError as error:
                message = self._died(work, error)
            if isinstance(message, dict):
                if message:
                    yield work.run, message
                continue
            self._forget(work)
            yield work.run, message

    def stop(self) -> None:
        """Ends what is under way; the checkpoints that have arrived stay."""
        for work in list(self.active):
            self._forget(work)
        self.ray.shutdown()

    def _send(self, work: _Work) -> None:
        """A new process for a seed, on whichever node has a free core."""
        paths = {suffix: work.run.partial(suffix) for suffix in UNFINISHED}
        files = {suffix: path.read_bytes() for suffix, path in paths.items() if path.exists()}
        code = self.here["code"]
        work.actor, work.looks, work.about = self.actor.remote(), 0, {}
        work.ended = work.actor.train.remote(work.run, files, self.again, self.commit, code)
        work.news = work.actor.news.remote(0.0, False)

    def _take(self, work: _Work, came: News | dict[str, bytes] | str) -> Message:
        """The message in what came: a row, {} for none, or how the seed ended."""
        if isinstance(came, str):
            return came
        if isinstance(came, dict):
            try:
                deliver(work.run, came, self.again)
            except (ValueError, OSError) as error:
                return str(error)
            return None
        work.about = came.about
        self._report(differences(came.about, self.here), f"the node of {work.run.title}")
        for suffix, data in came.files.items():
            storage.write_atomic(work.run.partial(suffix), data)
        if ".safetensors" in came.files:
            work.deaths = 0
        work.looks += 1
        work.news = work.actor.news.remote(PAUSE, work.looks % self.looks == 0)
        return came.row or {}

    def _died(self, work: _Work, error: Exception) -> Message:
        """A process or its node is gone: the seed goes on elsewhere, unless that happens always."""
        work.deaths += 1
        reason = str(error).strip().splitlines()[0]
        if work.deaths >= LIVES:
            return f"its process died {LIVES} times, at last of: {reason}"
        tqdm.write(f"{work.run.title}: its process is gone ({reason}); it goes on in another")
        self.ray.kill(work.actor)  # it may be out of reach, and at work
        self._send(work)
        return {}

    def _forget(self, work: _Work) -> None:
        self.active.remove(work)
        self.ray.kill(work.actor)
        work.lock.close()

    def look_at_nodes(self) -> None:
        """Compares all nodes with this machine, before the first run. Raises ValueError."""
        affinity = self.ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy
        nodes = {}
        for node in self.ray.nodes():
            if node["Alive"] and node["Resources"].get("CPU", 0) >= 1:
                there = affinity(node["NodeID"], soft=False)
                ask = self.ray.remote(num_cpus=0, max_retries=0, scheduling_strategy=there)(about)
                nodes[ask.remote()] = f"{node['NodeManagerAddress']} ({node['NodeID'][:8]})"
        if not nodes:
            raise ValueError("the Ray cluster has no core: add a node, or give it --num-cpus")
        ready, late = self.ray.wait(list(nodes), num_returns=len(nodes), timeout=WAIT)
        if late:
            names = _some([nodes[ref] for ref in late])
            raise ValueError(f"no answer within {WAIT:.0f} s from {names}: remove it, or try again")
        kinds: dict[str, list[str]] = {}  # a difference -> the nodes that have it
        for ref in ready:
            try:
                said = differences(self.ray.get(ref), self.here)
            except Exception as error:  # whatever goes wrong over there
                raise ValueError(
                    f"node {nodes[ref]} cannot run the package: {_last_line(str(error))}. Install "
                    "what is in requirements.txt there, for the same version of Python"
                ) from error
            kinds.setdefault(said, []).append(nodes[ref])
        for said, alike in kinds.items():
            self._report(said, _some(alike))

    def _report(self, difference: str, where: str) -> None:
        """Says once of each kind of node that it differs."""
        if difference and difference not in self.known:
            self.known.add(difference)
            tqdm.write(f"{where} may round differently: {difference}", file=sys.stderr)


def _some(names: list[str]) -> str:
    """The first names of a list, which may be long."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["?"])[-1]


def _import_ray() -> Any:
    try:
        import ray
    except ImportError:
        raise ValueError(
            "--engine ray needs Ray, which is not installed: pip install 'ray[client]'"
        ) from None
    return ray


def _call(address: str) -> None:
    """Whether a cluster answers. Raises ValueError, in a bounded time; Ray itself may wait long, or
    end the process."""
    fits = re.fullmatch(ADDRESS, address)
    if not fits or int(fits["port"] or 0) > 65535:
        raise ValueError(f"--address must be auto, HOST:PORT or ray://HOST:PORT, got {address!r}")
    try:
        if fits["host"]:
            place = fits["host"].strip("[]"), int(fits["port"])
            socket.create_connection(place, timeout=min(10.0, WAIT)).close()
        command = [sys.executable, "-c", PROBE, address]
        subprocess.run(command, cwd=Path.home(), capture_output=True, timeout=WAIT, check=True)
    except subprocess.CalledProcessError as error:
        reason = _last_line(error.stderr.decode(errors="replace"))
    except subprocess.TimeoutExpired:
        reason = f"no answer within {WAIT:.0f} s"
    except OSError as error:
        reason = error.strerror or str(error)
    else:
        return
    raise ValueError(
        f"no Ray cluster answers at {address} ({reason}). Start it with ray start --head, and "
        "from outside of it use ray://HOST:10001"
    )
