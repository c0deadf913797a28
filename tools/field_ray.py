"""Seeds on a Ray cluster of two nodes on this machine: what is tried, each with its own name.

Runs where Ray and the package are installed: in the throw-away environment of tools/field.py, and
in `tests/experiments/test_cluster.py` where Ray happens to be there.
"""

import contextlib
import io
import os
import signal
import socket
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from marl_edu.core import storage
from marl_edu.experiments.catalogue import EXPERIMENTS
from marl_edu.experiments.cluster import Cluster
from marl_edu.experiments.engine import execute
from marl_edu.experiments.processes import Processes
from marl_edu.experiments.run import Experiment, Run
from marl_edu.experiments.verify import compared

NODE = {"num_cpus": 1, "object_store_memory": 100 * 2**20, "include_dashboard": False}


def tiny(updates: int = 3) -> Experiment:
    """A team that says nothing, on the easy junction, for a few updates of few environments."""
    known = EXPERIMENTS["none-easy"]
    cfg = replace(known.cfg, updates=updates, num_envs=4, log_every=1, checkpoint_every=2)
    return replace(known, cfg=cfg, episodes=20)


def runs(folder: Path, updates: int = 3, seeds: int = 2) -> list[Run]:
    """Its first seeds, in a folder of their own."""
    return [Run(tiny(updates), seed, folder, folder / "checkpoints") for seed in range(seeds)]


def differ(folder: Path, found: list[Run]) -> str:
    """Where runs differ from those of this machine's own processes; "" where nowhere."""
    own = [run._replace(results=folder / "own", policies=folder / "own") for run in found]
    assert execute(own, partial(Processes, dirty=True)) == []
    for run in found:
        left = run.record.parent / ".partial"
        assert not left.exists(), f"{left} was left"
    return "; ".join(filter(None, map(compared, own, found)))


class Disturbed(Cluster):
    """A cluster to which something is done once a checkpoint has come here."""

    def __init__(self, disturb: Callable[["Disturbed"], None], address: str):
        super().__init__(address, dirty=True, travel=0.0)
        self.disturb: Callable[[Disturbed], None] | None = disturb
        self.sent: list[Path] = []  # the record of the seed, each time that one is sent out

    def _send(self, work: Any) -> None:
        self.sent.append(work.run.record)
        super()._send(work)

    def news(self) -> Iterator[Any]:
        """As always, and then the disturbance."""
        yield from super().news()
        if self.disturb and self.active and self.travelled():
            disturb, self.disturb = self.disturb, None
            disturb(self)

    def travelled(self) -> list[Any]:
        """The seeds under way of which a checkpoint has come here."""
        return [one for one in self.active if one.run.partial(".safetensors").exists()]


class Trials:
    """A cluster of two nodes, a core each, and what is tried on it."""

    def __init__(self, folder: Path):
        from ray.cluster_utils import Cluster as Nodes

        self.folder = folder
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.door = free.getsockname()[1]
        head = NODE | {"ray_client_server_port": self.door}
        self.nodes = _patiently(lambda: Nodes(initialize_head=True, head_node_args=head))
        self.second = _patiently(lambda: self.nodes.add_node(**NODE))

    @property
    def address(self) -> str:
        """Where the cluster answers."""
        return str(self.nodes.address)

    def same_digits(self) -> None:
        """Two seeds on two nodes, beside the same in local processes."""
        there = runs(self.folder / "digits")
        assert execute(there, partial(Cluster, self.address, dirty=True)) == []
        assert not (said := differ(self.folder / "digits", there)), said

    def from_outside(self) -> None:
        """A driver that is no part of the cluster, through `ray://`."""
        there = runs(self.folder / "outside")
        assert execute(there, partial(Cluster, f"ray://127.0.0.1:{self.door}", dirty=True)) == []
        assert not (said := differ(self.folder / "outside", there)), said

    def other_machine(self) -> None:
        """Nodes with another processor are told, in one line."""
        heard = io.StringIO()
        engine = Cluster(self.address, dirty=True)
        try:
            engine.here["cpu_model"] = "an abacus"
            with contextlib.redirect_stderr(heard):
                engine.look_at_nodes()
        finally:
            engine.stop()
        assert heard.getvalue().count("may round differently") == 1, heard.getvalue()
        assert "an abacus here" in heard.getvalue(), heard.getvalue()

    def worker_killed(self) -> None:
        """The process of a seed is killed (-9) after a checkpoint; the curve stays the same."""

        def kill(engine: Disturbed) -> None:
            os.kill(engine.travelled()[0].about["pid"], signal.SIGKILL)

        self._disturbed("killed", kill)

    def node_removed(self) -> None:
        """A node goes while its seed runs, which ends on the other one with the same curve."""

        def remove(engine: Disturbed) -> None:
            self.nodes.remove_node(self.second, allow_graceful=False)

        self._disturbed("removed", remove)

    def _disturbed(self, name: str, disturb: Callable[[Disturbed], None]) -> None:
        there, made = runs(self.folder / name, updates=30), []

        def make() -> Disturbed:
            made.append(Disturbed(disturb, self.address))
            return made[0]

        assert execute(there, make) == []
        assert made[0].disturb is None, "nothing was disturbed"
        assert len(made[0].sent) > len(there), "no seed was sent out again"
        resumes = [storage.read_json(run.record)["resumes"] for run in there]
        assert sum(resumes) >= 1, f"no seed went on from its checkpoint: {resumes}"
        assert not (said := differ(self.folder / name, there)), said

    def no_answer(self) -> None:
        """No cluster at an address: one sentence, in a bounded time."""
        with socket.socket() as deaf:
            deaf.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{deaf.getsockname()[1]}"
            said = ""
            try:
                Cluster(address, dirty=True)
            except ValueError as error:
                said = str(error)
            assert f"no Ray cluster answers at {address}" in said, said or "it answers"

    def close(self) -> None:
        """Ends the cluster."""
        self.nodes.shutdown()


def _patiently(begin: Callable[[], Any]) -> Any:
    """A node of Ray gives up if it has not begun after some seconds, as on a busy machine."""
    for _ in range(3):
        with contextlib.suppress(Exception):
            return begin()
    return begin()


# The last one takes a node away.
TRIALS = (
    "same_digits", "from_outside", "other_machine", "worker_killed", "no_answer", "node_removed",
)  # fmt: skip


@contextlib.contextmanager
def trials() -> Iterator[Trials]:
    """The cluster, for as long as something is tried on it."""
    with tempfile.TemporaryDirectory() as name:
        tried = Trials(Path(name))
        try:
            yield tried
        finally:
            tried.close()
