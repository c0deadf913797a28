"""What was tried with other people's environments and tools, as tables.

The records are made by tools/pairs.py and tools/field.py; `make tools` runs both.
"""

from collections.abc import Mapping, Sequence
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
    methods, lines, dates = record["methods"], [], record["time"][:10]
    for source in record["sources"]:
        packages = _versions(source["packages"])
        lines += [[row["environment"], packages, _came(row, methods)] for row in source["rows"]]
    return Table(
        ["environment", "package", "what came of it"],
        lines,
        f"{record['updates']} updates each, {dates}, with torch {record['torch']}. "
        f"The algorithms: {', '.join(methods)}.",
    )


def tools(folder: Path = RESULTS) -> Table:
    """Our environments in other tools: what passed, and what of ours had to give way.

    Raises:
        FileNotFoundError: nothing was tried; the message names the command.
    """
    rows = _read(folder / "field.json", "tools/field.py --save")["tools"].values()
    return Table(
        ["tool", "version", "what was checked", "what came of it", "gave way", "tried on"],
        [
            [
                row["tool"],
                row["version"] or "—",
                row["check"],
                _passed(row),
                "; ".join(row["gave_way"]) or "nothing",
                row["time"][:10],
            ]
            for row in rows
        ],
        "The newest release of each tool that pip found, beside our package in an environment of "
        "its own. What gave way: versions of our dependencies other than those tested here.",
    )


def _read(path: Path, command: str) -> dict[str, Any]:
    if not path.exists():
        raise FileNotFoundError(
            f"no {path}; make it in a checkout of {folders.REPOSITORY} with\n  python {command}"
        )
    return storage.read_json(path)


def _versions(packages: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in packages.items())


def _came(row: Mapping[str, Any], methods: Sequence[str]) -> str:
    """What came of an environment: the methods that trained, and each reason with its methods."""
    trained, refused = row["trained"], row["refused"]
    reasons: dict[str, list[str]] = {}
    for method, reason in refused.items():
        reasons.setdefault(reason, []).append(method)
    parts = []
    if trained:
        parts.append("all train" if len(trained) == len(methods) else f"{', '.join(trained)} train")
    for reason, whose in reasons.items():
        who = "all refused" if len(whose) == len(methods) else f"{', '.join(whose)} refused"
        parts.append(f"{who}: {reason}")
    return "; ".join(parts)


def _passed(row: Mapping[str, Any]) -> str:
    """What came of a tool: how many environments passed, and what it said of the others."""
    if "said" in row:
        return f"not tried: {row['said']}"
    passed, refused = len(row["passed"]), row["refused"]
    if not refused:
        return f"all {passed} environments pass"
    said = "; ".join(f"{name}: {reason}" for name, reason in refused.items())
    return f"{passed} of {passed + len(refused)} environments pass; {said}"
