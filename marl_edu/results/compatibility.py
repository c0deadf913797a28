"""What was tried with other people's environments and tools, as tables.

The records are made by tools/pairs.py and tools/field.py; `make tools` runs both.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from marl_edu.core import storage
from marl_edu.results import folders
from marl_edu.results.folders import RESULTS
from marl_edu.results.tables import Table


def pairs(folder: Path = RESULTS) -> Table:
    """Every algorithm on every environment: what trained, and why the rest was refused.

    Raises:
        FileNotFoundError: nothing was tried; the message names the command.
    """
    record = _read(folder / "pairs.json", "tools/pairs.py --save")
    lines = []
    for source in record["sources"]:
        packages = ", ".join(f"{name} {version}" for name, version in source["packages"].items())
        for came, rows in _grouped((_came(row, record["methods"]), row) for row in source["rows"]):
            lines.append([packages, ", ".join(row["environment"] for row in rows), came])
    return Table(
        ["package", "environments", "what came of it"],
        lines,
        f"{record['updates']} updates each, {record['time'][:10]}, with torch {record['torch']}. "
        f"The algorithms: {', '.join(record['methods'])}.",
    )


def tools(folder: Path = RESULTS) -> Table:
    """Our environments in other tools: what passed, and what of ours had to give way.

    Raises:
        FileNotFoundError: nothing was tried; the message names the command.
    """
    rows = _read(folder / "field.json", "tools/field.py --save")["tools"].values()
    return Table(
        ["tool", "version", "tried on", "what came of it", "gave way", "what was checked"],
        [
            [
                row["tool"],
                row["version"] or "—",
                row["time"][:10],
                _passed(row),
                "; ".join(row["gave_way"]) or "nothing",
                row["check"].replace("`", ""),
            ]
            for row in rows
        ],
        "The newest release of each tool that pip found, beside our package in an environment of "
        "its own. What gave way: dependencies that had to be installed in another version.",
    )


def _read(path: Path, command: str) -> dict[str, Any]:
    if not path.exists():
        raise FileNotFoundError(
            f"no {path}; make it in a checkout of {folders.REPOSITORY} with\n  python {command}"
        )
    return storage.read_json(path)


def _grouped(pairs: Iterable[tuple[str, Any]]) -> list[tuple[str, list[Any]]]:
    """Each text once, with all that it is said of."""
    found: dict[str, list[Any]] = {}
    for said, what in pairs:
        found.setdefault(said, []).append(what)
    return list(found.items())


def _came(row: Mapping[str, Any], methods: Sequence[str]) -> str:
    """What came of an environment: the methods that trained, and each reason with its methods."""

    def who(some: Sequence[str]) -> str:
        return "all" if len(some) == len(methods) else ", ".join(some)

    parts = [f"{who(row['trained'])} train"] if row["trained"] else []
    reasons = _grouped((reason, method) for method, reason in row["refused"].items())
    return "; ".join([*parts, *(f"{who(some)} refused: {reason}" for reason, some in reasons)])


def _passed(row: Mapping[str, Any]) -> str:
    """What came of a tool: how many environments (or trials) passed, what it said of the others."""
    what = row.get("of", "environments")
    if "said" in row:
        return f"not tried: {row['said']}"
    passed, refused = len(row["passed"]), row["refused"]
    if not refused:
        return f"all {passed} {what} pass"
    reasons = _grouped((reason, name) for name, reason in refused.items())
    said = "; ".join(f"{', '.join(names)}: {reason}" for reason, names in reasons)
    return f"{passed} of {passed + len(refused)} {what} pass; {said}"
