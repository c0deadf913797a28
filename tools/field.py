"""Our environments in the tools of the field: one throw-away environment for each tool.

usage: python tools/field.py [--save] [TOOL ...]      e.g. torchrl skrl

Each gets the newest release of the tool that pip finds, our wheel, and the torch that is installed
here (on Linux that may be the small CPU build). tools/field_checks.py is run there; then the
environment is removed. First pip is asked for the versions that requirements.txt pins, then for any
in our ranges, and at last the tool decides alone: what had to give way stands in the tool's row.
A tool that cannot be installed is a row too. `--save` puts the rows of these tools into
book/results/field.json, which a page of the book shows.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from field_checks import CHECKS, TRIALS
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from marl_edu import results
from marl_edu.core import storage
from marl_edu.core.provenance import git_commit, now

ROOT = Path(__file__).resolve().parent.parent
SHIPPED = ("pyproject.toml", "README.md", "LICENSE", "LICENSE-text")
PIP = (sys.executable, "-m", "pip")  # ours, for all: an environment of its own needs none
MINUTES = 15  # that a check may take


class Tool(NamedTuple):
    """A tool of the field: what it is called, and what pip is asked for."""

    name: str
    install: str  # "": there is no package; the check follows its source


TOOLS = {
    "gymnasium": Tool("Gymnasium", "gymnasium"),
    "pettingzoo": Tool("PettingZoo", "pettingzoo"),
    "torchrl": Tool("TorchRL", "torchrl"),
    "sb3": Tool("Stable-Baselines3", "stable-baselines3"),
    "supersuit": Tool("SuperSuit", "supersuit"),
    "skrl": Tool("skrl", "skrl[torch]"),
    "rllib": Tool("RLlib", "ray[rllib]"),
    "tianshou": Tool("tianshou", "tianshou"),
    "epymarl": Tool("EPyMARL", ""),
    "ray": Tool("Ray", "ray[client]"),
}


def build_wheel(folder: Path) -> Path:
    """Our wheel, built from a copy, so that nothing is left in the checkout."""
    source = folder / "source"
    source.mkdir()
    for name in SHIPPED:
        shutil.copy(ROOT / name, source)
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "marl_edu", source / "marl_edu", ignore=ignore)
    build = [*PIP, "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*build, "--wheel-dir", folder, source], check=True)
    (wheel,) = folder.glob("marl_edu-*.whl")
    return wheel


def pins() -> dict[str, str]:
    """What of our dependencies was tested together, torch as it is here."""
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    pinned = [Requirement(line) for line in lines if line and not line.startswith("#")]
    found: dict[str, str] = {canonicalize_name(one.name): str(one.specifier)[2:] for one in pinned}
    return {name: found[name] for name in ranges()} | {"torch": version("torch")}


def ranges() -> dict[str, Requirement]:
    """What our package asks for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = [Requirement(line) for line in project["dependencies"]]
    return {canonicalize_name(one.name): one for one in declared}


def pip(python: Path, *words: str | Path) -> str:
    """Install; returns what pip says is wrong, or ""."""
    done = subprocess.run(
        [*PIP, "--python", python, "install", "--quiet", "--no-compile", *words],
        capture_output=True,
        text=True,
    )
    errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR:")]
    return "" if done.returncode == 0 else (errors or done.stderr.splitlines()[-1:] or ["?"])[0]


def install(python: Path, tool: Tool, wheel: Path, folder: Path) -> str:
    """Install the tool and our wheel: our pins, or our ranges, or what the tool wants.

    Returns:
        what pip says is wrong, or "".
    """
    torch = f"torch=={version('torch')}"
    pinned = folder / "pins.txt"
    pinned.write_text("".join(f"{name}=={exact}\n" for name, exact in pins().items()))
    wanted = []
    if tool.install:
        if not (exact := newest(tool.install)):
            return f"pip finds no release of {tool.install}"
        wanted = [f"{tool.install}=={exact}"]
    if not pip(python, wheel, *wanted, "--constraint", pinned):
        return ""
    if not pip(python, wheel, *wanted, torch):
        return ""
    if said := pip(python, *wanted, torch):
        return said
    there = installed(python)
    missing = [name for name in ranges() if name not in there]
    return pip(python, *missing, torch) or pip(python, "--no-deps", wheel)


def newest(requirement: str) -> str:
    """The newest release that pip finds, or "". Left to itself, pip takes an older one that asks
    for less."""
    ask = [*PIP, "install", "--quiet", "--dry-run", "--no-deps", "--ignore-installed"]
    done = subprocess.run([*ask, "--report", "-", requirement], capture_output=True, text=True)
    return json.loads(done.stdout)["install"][0]["metadata"]["version"] if done.stdout else ""


def installed(python: Path) -> dict[str, str]:
    """The versions of all packages of an environment."""
    listed = [*PIP, "--python", str(python), "list", "--format", "json"]
    done = subprocess.run(listed, capture_output=True, text=True, check=True)
    return {canonicalize_name(one["name"]): one["version"] for one in json.loads(done.stdout)}


def gave_way(there: Mapping[str, str]) -> list[str]:
    """Which of our dependencies are not as tested, and which are not as we ask for."""
    lines = []
    for name, exact in pins().items():
        if there[name] == exact:
            continue
        asked = ranges()[name].specifier
        outside = "" if there[name] in asked else f", outside of {asked}"
        lines.append(f"{name} {there[name]} instead of {exact}{outside}")
    return lines


def check(key: str, python: Path, folder: Path) -> dict[str, Any]:
    """Run the check of a tool: which environments passed, and what was said of the others."""
    for name in ("field_checks.py", "field_ray.py"):
        shutil.copy(Path(__file__).with_name(name), folder)
    command = [str(python), "field_checks.py", key]
    env = os.environ | {"TMPDIR": str(folder)}  # what a tool writes goes with its environment
    try:
        done = subprocess.run(
            command, cwd=folder, env=env, capture_output=True, text=True, timeout=60 * MINUTES
        )
    except subprocess.TimeoutExpired:
        return {"said": f"the check took more than {MINUTES} minutes"}
    if done.returncode:
        return {"said": done.stderr.strip().splitlines()[-1]}
    return json.loads(done.stdout.splitlines()[-1])


def row(key: str, wheel: Path) -> dict[str, Any]:
    """The row of one tool, in an environment that is removed again."""
    tool, start = TOOLS[key], time.perf_counter()
    summary = " ".join((CHECKS[key].__doc__ or "").split())
    found: dict[str, Any] = {"tool": tool.name, "check": summary, "version": None, "gave_way": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
        python = folder / "venv" / "bin" / "python"
        if said := install(python, tool, wheel, folder):
            found["said"] = f"cannot be installed: {said}"
        else:
            there = installed(python)
            if tool.install:
                found["version"] = there[canonicalize_name(Requirement(tool.install).name)]
            found["gave_way"] = gave_way(there)
            found |= check(key, python, folder)
    if key in TRIALS:
        found["of"] = "trials"
    found["minutes"] = round((time.perf_counter() - start) / 60, 1)
    return found | {"time": now(), **git_commit()}


def outcome(found: Mapping[str, Any]) -> str:
    """A row in words."""
    if "said" in found:
        return found["said"]
    refused = [f"{name}: {said}" for name, said in found["refused"].items()]
    return "; ".join([f"{len(found['passed'])} passed", *refused])


def main(arguments: Sequence[str] | None = None) -> int:
    """Try the tools one by one, print, and save if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("tools", nargs="*", metavar="TOOL", help=f"of {', '.join(TOOLS)} (all)")
    parser.add_argument("--save", action="store_true", help="write book/results/field.json")
    options = parser.parse_args(arguments)
    if unknown := set(options.tools) - TOOLS.keys():
        parser.error(f"TOOL must be one of {', '.join(TOOLS)}, got {', '.join(sorted(unknown))}")
    path = results.RESULTS / "field.json"
    with tempfile.TemporaryDirectory() as name:
        wheel = build_wheel(Path(name))
        for key in options.tools or TOOLS:
            found = row(key, wheel)
            gave = f" ({'; '.join(found['gave_way'])})" if found["gave_way"] else ""
            print(f"{found['tool']} {found['version']}{gave}: {outcome(found)}", flush=True)
            if options.save:  # each at once: the next may take long
                rows = storage.read_json(path)["tools"] if path.exists() else {}
                rows[key] = found
                storage.write_json(path, {"tools": {k: rows[k] for k in TOOLS if k in rows}})
    return 0


if __name__ == "__main__":
    sys.exit(main())
