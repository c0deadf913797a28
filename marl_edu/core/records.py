"""Records of runs: JSON objects, a file a seed, each with a digest of what was written."""

import hashlib
import json
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from marl_edu.core import storage


def digest(record: Mapping[str, Any]) -> str:
    """The sha256 of a record's entries but "digest", the same before it is written and once read
    again."""
    entries = {key: value for key, value in storage.finite(record).items() if key != "digest"}
    return hashlib.sha256(json.dumps(entries, sort_keys=True).encode()).hexdigest()


def read_record(path: Path) -> dict[str, Any]:
    """Reads the record of a run. Raises ValueError if it is damaged, or not as it was written."""
    record = storage.read_json(path)
    if record.get("digest") not in (None, digest(record)):
        raise ValueError(f"{path}: not as it was written (its digest is another one)")
    return record


def by_seed(folder: Path, beginning: str, ending: str = ".json") -> dict[int, Path]:
    """The files `<beginning><seed><ending>` of a folder: seed -> file, in order of seed.

    What else begins and ends so, such as the copy `seed-2 (1).json`, is no further seed: it is left
    out with a warning. A folder that is not there holds none.
    """
    found = {}
    for path in folder.glob("*"):
        if not (path.name.startswith(beginning) and path.name.endswith(ending)):
            continue
        seed = path.name.removeprefix(beginning).removesuffix(ending)
        if re.fullmatch("0|[1-9][0-9]*", seed):
            found[int(seed)] = path
        else:
            warnings.warn(
                f"{path} is not counted: a file of seed k is called {beginning}k{ending}. Remove "
                "the copy, or put it back under its name",
                stacklevel=2,
            )
    return dict(sorted(found.items()))


def read_by_seed(folder: Path, beginning: str) -> list[tuple[Path, dict[str, Any]]]:
    """The JSON objects `<beginning><seed>.json` of a folder and where each stands, by seed.

    Raises:
        ValueError: a damaged file, one of another seed than its name says, or one that is not as
            it was written.
    """
    found = [(path, seed, read_record(path)) for seed, path in by_seed(folder, beginning).items()]
    for path, seed, record in found:
        if record.get("seed", seed) != seed:
            raise ValueError(
                f"{path} is of seed {record['seed']}: a copy, or renamed. Remove it, or put it "
                "back under its name"
            )
    return [(path, record) for path, _, record in found]
