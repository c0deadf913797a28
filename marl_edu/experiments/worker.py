"""What runs on the nodes of a cluster: one seed, in a process of its own and a folder of its own.

It knows nothing of Ray. `cluster.py` makes an actor of `Seed`; two of its methods run side by side:
`train`, and `news` for as long as that takes. What a seed needs to go on elsewhere, and in the end
what it has made, leave it as bytes; the driver writes the files.
"""

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from marl_edu.core import storage
from marl_edu.core.provenance import code_digest
from marl_edu.core.records import digest
from marl_edu.experiments.engine import said
from marl_edu.experiments.run import JOURNAL, Run, clear, machine, run_seed

UNFINISHED = (".safetensors", ".json")  # what an unfinished run goes on from; see `Run.partial`


class News(NamedTuple):
    """How far a seed is."""

    row: dict[str, Any] | None  # the last one of its curve
    files: dict[str, bytes]  # those of UNFINISHED that are newer than what was last sent
    about: dict[str, Any]  # see `about`


class Seed:
    """One seed on one node."""

    def __init__(self) -> None:
        self.run: Run | None = None
        self.row: dict[str, Any] | None = None
        self.sent: dict[str, int] = {}  # file -> when what was sent of it was written
        self.about = about()

    def train(
        self, run: Run, files: Mapping[str, bytes], again: bool, commit: Mapping[str, Any],
        code: str,
    ) -> dict[str, bytes] | str:  # fmt: skip
        """Runs the seed, or goes on with it.

        Args:
            run: where its files go is another folder here. files: those of UNFINISHED, if it was
                begun. again: see `run.run_seed`. commit: that of the driver's code.
            code: the digest of the driver's code.

        Returns:
            the finished run's files, see `collect`; or why it failed.
        """
        if code != self.about["code"]:
            return "this node runs other code than the driver: the package there has to give way"
        try:
            with tempfile.TemporaryDirectory() as place:
                folder = Path(place)
                self.run = run._replace(results=folder, policies=folder / "checkpoints")
                for suffix, data in files.items():
                    storage.write_atomic(self.run.partial(suffix), data)
                self._unsent()  # the driver has these
                run_seed(self.run, self._note, again, commit=commit)
                return collect(self.run)
        except Exception as error:
            return said(error)

    def news(self, seconds: float, files: bool) -> News:
        """What is new after so many seconds.

        Args:
            files: send what an interrupted run goes on from, too.
        """
        time.sleep(seconds)
        return News(self.row, self._unsent() if files and self.run else {}, self.about)

    def _note(self, row: dict[str, Any]) -> None:
        self.row = row

    def _unsent(self) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        assert self.run is not None
        for suffix in UNFINISHED:
            path = self.run.partial(suffix)
            try:
                written, data = path.stat().st_mtime_ns, path.read_bytes()
            except FileNotFoundError:  # not yet, or no more
                continue
            if written != self.sent.get(suffix):
                self.sent[suffix] = written
                found[suffix] = data
        return found


def about() -> dict[str, Any]:
    """What this process runs on: what decides the last digits, and its code."""
    return {**machine(), "code": code_digest(), "pid": os.getpid()}


def differences(there: Mapping[str, Any], here: Mapping[str, Any]) -> str:
    """How another machine differs from this one in what decides the last digits, in words."""
    theirs, ours = ({"processor": one["cpu_model"], **one["versions"]} for one in (there, here))
    return "; ".join(
        f"{key} {theirs[key]} there, {value} here"
        for key, value in ours.items()
        if theirs[key] != value
    )


def collect(run: Run) -> dict[str, bytes]:
    """The files of a finished seed, to be delivered elsewhere."""
    paths = {"rows": run.rows, "policy": run.policy, "record": run.record}
    return {name: path.read_bytes() for name, path in paths.items() if path.exists()}


def deliver(run: Run, files: Mapping[str, bytes], again: bool = False) -> None:
    """Puts the files of a seed that was run elsewhere where they belong, the record last.

    Args:
        run: the seed. files: what `collect` gave. again: in place of older ones.

    Raises:
        ValueError: they are not as they were written, or of another run. Nothing was touched.
    """
    try:
        record = json.loads(files["record"])
        rows = hashlib.sha256(files["rows"]).hexdigest()
        found = (record["digest"], record["csv_sha256"], record["identity"])
    except (KeyError, ValueError, TypeError):
        found, record, rows = ("", "", ""), {}, "?"
    if found != (digest(record), rows, run.identity):
        raise ValueError("its files did not arrive as they were written")
    journal = run.partial(".json")
    if not journal.exists():  # it says how the curve was made, as long as there is no record
        storage.write_json(journal, {key: record[key] for key in JOURNAL} | {"update": 0})
    if again:
        run.record.unlink(missing_ok=True)
    for name, path in (("rows", run.rows), ("policy", run.policy), ("record", run.record)):
        if name in files:
            storage.write_atomic(path, files[name], overwrite=name != "record")
    clear(run)
