"""Whether stored runs are as they were written, and whether training gives them again.

A record holds the rows and the sha256 of its curve and a digest of itself; records from before
that hold none. A file that is not as it was written is taken back from the repository's last
commit, if that holds it whole; else its seed has to be run again.
"""

import random
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from marl_edu.core import storage
from marl_edu.core.records import read_record
from marl_edu.experiments.identity import identity
from marl_edu.experiments.run import Run, is_finished

IDS = ("algorithm", "env", "evaluator", "episodes", "settings")


class Problem(NamedTuple):
    """A file that is not as it was written."""

    path: Path
    what: str

    @property
    def advice(self) -> str:
        """What to do about it."""
        name = f"run {self.path.parent.name}"
        return f"verify --repair takes it back from git; or remove its seed, and {name} again."


def main(
    runs: Sequence[Run],
    folder: Path,
    repairs: bool,
    again: int | None,
    execute: Callable[[Sequence[Run]], list[tuple[Run, str]]],
) -> int:
    """Check, and print what is wrong. Returns 1 if something is, else 0.

    Args:
        runs: those of the catalogue. folder: of all results. repairs: take back what can be.
        again: so many seeds are trained anew and compared.
        execute: trains runs and gives those that failed, with the reason.
    """
    left = wrong = check(runs, folder)
    for problem in wrong:
        fixed = repairs and repair(problem)
        print(f"{problem.path}: {problem.what}. {'Repaired.' if fixed else problem.advice}")
    if repairs and wrong:
        left = check(runs, folder)
    print(summary(folder, len(left)))
    differ = 0
    with tempfile.TemporaryDirectory() as place:
        damaged = {problem.path.with_suffix("") for problem in left}
        whole = [run for run in runs if run.record.with_suffix("") not in damaged]
        anew = draw(whole, again or 0, Path(place))
        for run, reason in execute([new for _, new in anew]) if anew else []:
            print(f"{run.title}: {reason}")
        for old, new in anew:
            said = compared(old, new)
            differ += bool(said)
            print(f"{old.title}: {said or 'the same to the last digit'}")
    return int(bool(left) or differ > 0)


def check(runs: Sequence[Run], folder: Path) -> list[Problem]:
    """What is wrong with the runs of a folder, those that the catalogue lacks among them."""
    known = {run.record: run for run in runs}
    records = set(folder.glob("*/seed-*.json")) | {run.record for run in runs if run.rows.exists()}
    records |= _committed(folder)
    return [
        Problem(path, what)
        for record in sorted(records)
        for path, what in _problems(record, known.get(record))
    ]


def _committed(folder: Path) -> set[Path]:
    """The records that the last commit holds: one that is gone leaves no other trace."""
    command = ["git", "-C", str(folder), "ls-tree", "-r", "-z", "--name-only", "HEAD"]
    try:
        found = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return set()
    paths = map(Path, found.split("\0"))
    return {folder / path for path in paths if path.match("*/seed-*.json") and len(path.parts) == 2}


def _problems(path: Path, run: Run | None) -> Iterator[tuple[Path, str]]:
    try:
        seed = int(path.stem.removeprefix("seed-"))
        record = _checked(path, seed)
    except (ValueError, OSError) as error:
        yield path, _said(error, path)
        return
    rows = path.with_suffix(".csv")
    try:
        curve = storage.read_rows(rows, record)
        steps = record.get("env_steps")
        if steps is not None and curve and curve[-1].get("env_steps") != steps:
            yield rows, f"it ends after {curve[-1].get('env_steps')} steps, its record says {steps}"
    except (ValueError, OSError) as error:
        yield rows, _said(error, rows)
    if run is None:
        return
    try:
        is_finished(run)
    except (ValueError, OSError) as error:
        wrong = run.policy if str(error).startswith(str(run.policy)) else path
        yield wrong, _said(error, wrong)


def _checked(path: Path, seed: int) -> dict[str, Any]:
    """A record that is what its place says. Raises ValueError."""
    record = read_record(path)
    name = path.parent.name
    settings = record.get("settings")
    if not isinstance(settings, dict) or any(key not in record for key in (*IDS, "identity")):
        raise ValueError("it does not say how it was made")
    for what, found, wanted in (
        ("experiment", record.get("experiment"), name),
        ("seed", record.get("seed"), seed),
        ("seed of its settings", settings.get("seed"), seed),
        ("identity", record["identity"], identity(**{key: record[key] for key in IDS})),
        ("episodes", record.get("evaluation", {}).get("episodes", record["episodes"]),
         record["episodes"]),
    ):  # fmt: skip
        if found != wanted:
            raise ValueError(f"its {what} is {found!r}, and should be {wanted!r}")
    return record


def _said(error: Exception, path: Path) -> str:
    """An error as the rest of a sentence about a file."""
    if isinstance(error, FileNotFoundError):
        return "it is not there"
    text = error.strerror or str(error) if isinstance(error, OSError) else str(error)
    return text.removeprefix(str(path)).lstrip(": ").rstrip(".")


def repair(problem: Problem) -> bool:
    """Take a file and its record back from the last commit, if they are whole there."""
    folder, stem = problem.path.parent, problem.path.stem
    if problem.path.suffix == ".safetensors":
        return False
    names = (f"{stem}.json", f"{stem}.csv")
    with tempfile.TemporaryDirectory() as place:
        copy = Path(place) / folder.name
        for name in names:
            command = ["git", "-C", str(folder), "show", f"HEAD:./{name}"]
            try:
                found = subprocess.run(command, capture_output=True, check=True)
            except (OSError, subprocess.CalledProcessError):
                return False
            storage.write_atomic(copy / name, found.stdout)
        if any(True for _ in _problems(copy / names[0], None)):
            return False
        for name in names:
            storage.write_atomic(folder / name, (copy / name).read_bytes())
    return True


def summary(folder: Path, wrong: int) -> str:
    """How many records there are, how many have no digest yet, and how many files are wrong."""
    total = undigested = 0
    for path in folder.glob("*/seed-*.json"):
        total += 1
        try:
            undigested += storage.read_json(path).get("digest") is None
        except (ValueError, OSError):
            continue
    said = f"{total} records: {wrong or 'no'} file{'s are' if wrong != 1 else ' is'} damaged."
    if undigested:
        said += f" {undigested} have no digest: whether they were changed cannot be seen."
    return said


def draw(runs: Sequence[Run], number: int, place: Path) -> list[tuple[Run, Run]]:
    """Finished runs by chance, each with one of the same seed that writes elsewhere."""
    finished = [run for run in runs if run.record.exists() and run.rows.exists()]
    chosen = random.SystemRandom().sample(finished, min(number, len(finished)))
    return [(run, run._replace(results=place, policies=place / "checkpoints")) for run in chosen]


def compared(old: Run, new: Run) -> str:
    """Where two runs differ, in words; nothing where all but the time taken is the same.

    Another processor, thread count or version of torch rounds differently, and one digit grows.
    """
    try:
        before, after = storage.read_json(old.record), storage.read_json(new.record)
        curves = [_untimed(storage.read_rows(run.rows)) for run in (old, new)]
    except (ValueError, OSError) as error:
        return f"not compared ({error})"
    if curves[0] != curves[1]:
        pairs = zip(*curves, strict=False)
        row = next((k for k, (a, b) in enumerate(pairs, 1) if a != b), min(map(len, curves)) + 1)
        return f"its curve differs from row {row} on{_why(before, after)}"
    if before["evaluation"] != after["evaluation"]:
        what = storage.difference("evaluation", before["evaluation"], after["evaluation"])
        return f"{what}{_why(before, after)}"
    return ""


def _untimed(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    return [str({k: v for k, v in row.items() if not k.endswith("seconds")}) for row in rows]


def _why(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """What else differs between two records, which may be the reason."""
    for key in ("cpu_model", "versions"):
        if before.get(key) != after.get(key):
            return f" ({key}: {before.get(key)} then, {after.get(key)} now)"
    return ""
