"""Write requirements.lock: every package that requirements.txt needs, with the hash of its file.

usage: python tools/lock.py       on the platform that the lock is for: Linux, Python 3.11

pip resolves the pins, downloads every file that it would install, and the files are hashed here:
the lock holds what was seen, for this platform alone. torch is not in it; the hashes of its files
stay noted in comments, of older calls too, since its builds come from several places.
"""

import hashlib
import json
import platform
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"


def pip(*arguments: str) -> None:
    """Run it; stops where it fails."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    subprocess.run(command, cwd=ROOT, check=True)


def name_of(path: Path) -> str:
    """The package that a file holds, as PyPI spells it: my-package."""
    return canonicalize_name(re.split(r"-\d", path.name, maxsplit=1)[0])


def main() -> None:
    """Resolve, download, hash, write."""
    with tempfile.TemporaryDirectory() as place:
        report = Path(place) / "report.json"
        pip(
            *("install", "--dry-run", "--ignore-installed", "--quiet"),
            *("--report", str(report), "--requirement", "requirements.txt"),
        )
        found = json.loads(report.read_text("utf-8"))["install"]
        pins: dict[str, str] = {
            canonicalize_name(one["metadata"]["name"]): one["metadata"]["version"] for one in found
        }
        files = Path(place) / "files"
        wanted = [f"{name}=={version}" for name, version in pins.items()]
        pip("download", "--quiet", "--no-deps", "--dest", str(files), *wanted)
        hashes = {
            name_of(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files.iterdir()
        }
    torch = {f"# torch: {hashes['torch']} ({pins['torch']})"}
    if LOCK.exists():
        torch |= set(re.findall(r"^# torch: .*$", LOCK.read_text("utf-8"), re.MULTILINE))
    major, minor = sys.version_info[:2]
    lines = [
        "# Made by tools/lock.py from requirements.txt; do not edit.",
        f"# for: CPython {major}.{minor}, {platform.system()}, {platform.machine()}",
        *sorted(torch),
        *(
            f"{name}=={version} --hash=sha256:{hashes[name]}"
            for name, version in sorted(pins.items())
            if name != "torch"
        ),
    ]
    LOCK.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{LOCK.name}: {len(pins) - 1} packages, and torch by its hash")


if __name__ == "__main__":
    main()
