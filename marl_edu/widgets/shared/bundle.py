"""Joins a script that is written as ES modules into one file.

A widget must be one module, and a page that is opened from disk may not import any. So a figure
is written as modules that import from each other, and joined: as one module for a notebook, as one
plain script for a page. The scripts of the interview pages likewise.

What is accepted, each at the beginning of a line; anything else raises a `BundleError` that names
the line:

    import { a, b } from "./x.js";                       over several lines, too
    export const | function | async function | class NAME

All files share one scope, so two of them may not give the same name to different things.
"""

import re
from pathlib import Path
from typing import NamedTuple

SHARED = Path(__file__).parent
FIGURES = tuple(sorted(path.parent.name for path in SHARED.parent.glob("*/figure.js")))

_IMPORT = re.compile(
    r'^import \{\s*([\w$]+(?:,\s*[\w$]+)*),?\s*\} from "(\.{1,2}/[\w./-]+\.js)";\n', re.MULTILINE
)
_EXPORT = re.compile(r"^export (?=(?:const|function|async function|class) ([\w$]+))", re.MULTILINE)
_OTHER = re.compile(r"^[ \t]*(?:import|export)\b|\bimport(?:\(|\.meta\b)", re.MULTILINE)
_DECLARED = re.compile(
    r"^(?:export )?(?:(?:async )?function\*? |class |(?:const|let|var) )"
    r"(\[[^\]=]*\]|\{[^}=]*\}|[\w$]+(?:, [\w$]+)*)",
    re.MULTILINE,
)
_NAME = re.compile(r"[\w$]+")
_COMMENT = re.compile(r"^[ \t]*(?://.*|/\*\*(?:[^*]|\*(?!/))*\*/[ \t]*)\n", re.MULTILINE)


class BundleError(ValueError):
    """A script that cannot be joined."""


class Source(NamedTuple):
    """A module, read."""

    path: Path
    text: str  # without imports, without comments on lines of their own, and with nothing exported
    imports: list[tuple[Path, str, int]]  # from where, which name, in which line
    exports: set[str]
    names: dict[str, int]  # what it declares at its top, in which line


def read(path: Path) -> Source:
    """Read a module. Raises BundleError where it holds what is not accepted."""
    text = path.read_text(encoding="utf-8")

    def line(at: int) -> int:
        return text.count("\n", 0, at) + 1

    imported, exported = list(_IMPORT.finditer(text)), list(_EXPORT.finditer(text))
    accepted = {found.start() for found in (*imported, *exported)}
    for other in _OTHER.finditer(text):
        if other.start() not in accepted:
            number = line(other.start())
            raise BundleError(
                f"{_place(path, number)}: {text.splitlines()[number - 1].strip()!r}; accepted are "
                'import { a, b } from "./x.js"; and export const, function or class'
            )
    return Source(
        path,
        _COMMENT.sub("", _EXPORT.sub("", _IMPORT.sub("", text))).strip() + "\n",
        [
            ((path.parent / found[2]).resolve(), name, line(found.start()))
            for found in imported
            for name in _NAME.findall(found[1])
        ],
        {found[1] for found in exported},
        {
            name: line(found.start())
            for found in _DECLARED.finditer(text)
            for name in _NAME.findall(found[1])
        },
    )


def join(*entries: Path) -> str:
    """The modules and all that they import, each once, behind what it imports, in one scope.

    Raises:
        BundleError: a form that is not accepted, a file or name that is not there, a circle of
            imports, a name that stands for two things.
    """
    joined: dict[Path, Source] = {}
    owners: dict[str, str] = {}

    def add(path: Path, way: tuple[Path, ...]) -> Source:
        if path in way:
            circle = " -> ".join(step.name for step in (*way[way.index(path) :], path))
            raise BundleError(f"imports go round in a circle: {circle}")
        if path in joined:
            return joined[path]
        source = read(path)
        for other, name, line in source.imports:
            if not other.is_file():
                raise BundleError(f"{_place(path, line)}: there is no file {other}")
            if name not in add(other, (*way, path)).exports:
                raise BundleError(f"{_place(path, line)}: {other.name} exports no {name!r}")
        for name, line in source.names.items():
            if name in owners:
                raise BundleError(
                    f"{_place(path, line)}: {name!r} stands for something else in {owners[name]}"
                )
            owners[name] = _place(path, line)
        joined[path] = source
        return source

    for entry in entries:
        add(entry.resolve(), ())
    return "\n".join(source.text for source in joined.values())


def script(*entries: Path, last: str = "") -> str:
    """The modules as one plain script, with a scope of its own; `last` stands at its end."""
    return f'(function () {{\n"use strict";\n{join(*entries)}{last}}})();\n'


def figure_module(name: str) -> str:
    """A live figure as one ES module, for anywidget."""
    return f"{join(_figure(name))}export default {{ name: FIGURE, render }};\n"


def figure_script(name: str) -> str:
    """A live figure as one plain script that brings all those on the page to life."""
    entries = (_figure(name), SHARED / "host.js")
    return script(*entries, last="host(FIGURE, LINKED, render);\n")


def _figure(name: str) -> Path:
    if name not in FIGURES:
        raise ValueError(f"name must be one of {', '.join(FIGURES)}, got {name!r}")
    return SHARED.parent / name / "figure.js"


def _place(path: Path, line: int) -> str:
    return f"{path.parent.name}/{path.name}:{line}"
