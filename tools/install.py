"""Make the virtual environment, and install what was tested together and the package into it.

usage: python tools/install.py [VENV [PYTHON]]
       python tools/install.py --here             into the environment of this Python

What an interrupted call has left is mended by the next one: an environment without pip is made
again, and a stamp, written last, holds a hash of what was to be installed.

On the platform that `requirements.lock` is for, all packages but torch are held against its hashes.
torch comes from where pip is configured to look (an index, a folder of wheels), else from PyTorch's
index of builds for the CPU, and is known by the hashes that the lock notes in comments.
"""

from __future__ import annotations  # an older Python is to get as far as its sentence

import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "requirements.txt"
LOCK = ROOT / "requirements.lock"
CPU = "https://download.pytorch.org/whl/cpu"
CANDIDATES = ("python3", "python3.13", "python3.12", "python3.11", "python")
# What `venv` makes: nothing else is ever removed.
MADE = {"bin", "include", "lib", "lib64", "share", "etc", "pyvenv.cfg", ".gitignore", ".installed"}
MADE |= {"Scripts", "Include", "Lib", "man"}


class Failed(Exception):
    """It cannot be installed; the message says why, and what to do."""


def python_of(venv: Path) -> Path:
    """The interpreter of an environment."""
    return venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def runs(command: list[str | Path], code: str) -> bool:
    """Whether an interpreter runs this."""
    try:
        return subprocess.run([*command, "-c", code], capture_output=True).returncode == 0
    except OSError:
        return False


def interpreter(named: str) -> str:
    """A Python that is recent enough: the one named, or what is on PATH. Raises Failed."""
    recent = "import sys; sys.exit(sys.version_info < (3, 11))"
    for candidate in (named,) if named else (*CANDIDATES, sys.executable):
        if runs([candidate], recent):
            return candidate
    raise Failed(
        f"Python 3.11 or newer is needed; {named or 'none'} found is. "
        "Name one: make PYTHON=/path/to/python3"
    )


def make(venv: Path, named: str) -> None:
    """Make an environment, unless there is a whole one. Raises Failed."""
    if runs([python_of(venv)], "import pip, sys; sys.exit(sys.prefix == sys.base_prefix)"):
        return
    if venv.exists():
        if not venv.is_dir() or {path.name for path in venv.iterdir()} - MADE:
            raise Failed(f"{venv} is something else than a virtual environment: name another one")
        shutil.rmtree(venv)  # what an interrupted call has left
    found = interpreter(named)
    print(f"Making {venv}", flush=True)
    try:
        made = subprocess.run([found, "-m", "venv", str(venv)]).returncode == 0
    except BaseException:
        shutil.rmtree(venv, ignore_errors=True)
        raise
    if not made:
        shutil.rmtree(venv, ignore_errors=True)
        raise Failed(
            f"{found} cannot make a virtual environment (on Debian: apt install python3-venv)"
        )


def wanted() -> str:
    """A hash of what is to be installed."""
    digest = hashlib.sha256()
    for path in (REQUIREMENTS, LOCK, ROOT / "pyproject.toml", Path(__file__)):
        digest.update(path.read_bytes() if path.exists() else b"")
    return digest.hexdigest()


def pip(venv: Path, *arguments: str | Path) -> None:
    """Run it in the environment. Raises Failed."""
    quiet = ("--disable-pip-version-check", "--quiet")
    command = [python_of(venv), "-m", "pip", "install", *quiet, *arguments]
    if subprocess.run([str(word) for word in command], cwd=ROOT).returncode:
        raise Failed("pip could not install everything: what it said stands above")


def is_configured(venv: Path) -> bool:
    """Whether pip was told where else to look than on PyPI."""
    command = [str(python_of(venv)), "-m", "pip", "config", "list"]
    listed = subprocess.run(command, capture_output=True, text=True).stdout
    return bool(re.search(r"\.'?(index-url|extra-index-url|find-links)", listed))


def is_locked(venv: Path) -> bool:
    """Whether the lock is for this platform: it names the one that it was made on."""
    code = (
        "import platform, sys; print(*sys.version_info[:2], platform.system(), platform.machine())"
    )
    found = subprocess.run(
        [str(python_of(venv)), "-c", code], capture_output=True, text=True
    ).stdout
    major, minor, system, machine = found.split()
    name = f"# for: CPython {major}.{minor}, {system}, {machine}"
    return LOCK.exists() and name in LOCK.read_text("utf-8").splitlines()


def install_torch(venv: Path) -> None:
    """The pinned torch, and a look at its hash. Raises Failed in CI where that is unknown."""
    pin = next(line for line in REQUIREMENTS.read_text("utf-8").splitlines() if "torch==" in line)
    # Its own index is asked for nothing else.
    source = () if is_configured(venv) else ("--index-url", CPU, "--no-deps")
    with tempfile.TemporaryDirectory() as place:
        report = Path(place) / "report.json"
        pip(venv, "--report", report, *source, pin)
        installed = json.loads(report.read_text("utf-8"))["install"]
    known = set(re.findall(r"^# torch: (\w{64})", LOCK.read_text("utf-8"), re.MULTILINE))
    for one in installed:
        hashes = one["download_info"].get("archive_info", {}).get("hashes", {})
        if one["metadata"]["name"] == "torch" and hashes.get("sha256") not in known:
            said = f"torch has the sha256 {hashes.get('sha256')}, which requirements.lock has not"
            if os.environ.get("CI") == "true" and is_locked(venv):
                raise Failed(said)
            print(f"Note: {said}.", flush=True)


def install(venv: Path, named: str = "") -> None:
    """Make sure that all is there. Raises Failed."""
    stamp = venv / ".installed"
    if venv != Path(sys.prefix):
        make(venv, named)
    if stamp.exists() and stamp.read_text("utf-8") == wanted():
        return
    stamp.unlink(missing_ok=True)
    if is_locked(venv):
        pip(venv, "--require-hashes", "--no-deps", "--requirement", LOCK)
        install_torch(venv)
    else:
        print(f"requirements.lock is not for {platform.platform()}: versions without hashes.")
        install_torch(venv)
        pip(venv, "--requirement", REQUIREMENTS)
    pip(venv, "--no-build-isolation", "--no-deps", "--editable", ".")
    stamp.write_text(wanted(), "utf-8")


def main(arguments: list[str]) -> int:
    """Install; 1 if it did not work."""
    here = arguments[:1] == ["--here"]
    venv = Path(sys.prefix) if here else ROOT / (arguments[0] if arguments else ".venv")
    try:
        install(venv, *arguments[1:2])
    except Failed as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped: the next call goes on.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
