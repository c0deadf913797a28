"""tools/page_python.py: nothing is taken without its hash, from wherever it comes."""

import hashlib
import subprocess
import sys
import urllib.error
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from tests import ROOT

sys.path.insert(0, str(ROOT / "tools"))
import javascript
import page_python

RIGHT = {"core.js": b"core", "numpy.whl": b"numpy"}
EDITOR = {"@a/one": b'import { x } from "two";\n', "two": b"export const x = 1;\n"}


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


Source = Callable[[Iterable[str]], Iterator[tuple[str, bytes]]]


def having(files: dict[str, bytes], asked: list[list[str]] | None = None) -> Source:
    """A source of these files, that notes what it was asked for."""

    def source(wanted: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        if asked is not None:
            asked.append(sorted(wanted))
        yield from files.items()

    return source


def unreachable(error: Exception) -> Source:
    def source(wanted: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        raise error
        yield

    return source


@pytest.fixture(autouse=True)
def tables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Two files for Python, two modules for the editor, and an environment of their own."""
    monkeypatch.setattr(page_python, "FILES", {n: sha256(data) for n, data in RIGHT.items()})
    monkeypatch.setattr(
        page_python,
        "MODULES",
        {n: page_python.Module("1.0", "index.js", sha256(data)) for n, data in EDITOR.items()},
    )
    found = {f"{name}/index.js": data for name, data in EDITOR.items()}
    monkeypatch.setattr(page_python, "unpacked", lambda *names: found)
    monkeypatch.setattr(page_python, "SOURCES", (having(RIGHT),))
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.delenv("CI", raising=False)


def brought() -> dict[str, bytes]:
    place = page_python.folder()
    paths = sorted(path for path in place.rglob("*") if path.is_file())
    return {path.relative_to(place).as_posix(): path.read_bytes() for path in paths}


def test_each_file_comes_from_the_first_source_that_has_the_right_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[list[str]] = []
    sources = (
        having({"core.js": b"core", "numpy.whl": b"something else", "more.js": b"?"}, asked),
        unreachable(urllib.error.URLError("no route")),
        having({"numpy.whl": b"also something else"}, asked),
        having(RIGHT, asked),
        having(RIGHT, asked),
    )
    monkeypatch.setattr(page_python, "SOURCES", sources)
    assert page_python.bring() == []
    assert asked == [["core.js", "numpy.whl"], ["numpy.whl"], ["numpy.whl"]]
    found = brought()
    assert {name: found[f"pyodide/{name}"] for name in RIGHT} == RIGHT
    assert found.keys() == {
        *(f"pyodide/{name}" for name in (*RIGHT, "pyodide-lock.json")),
        "editor/a-one.js",
        "editor/two.js",
    }


@pytest.mark.parametrize(
    "error",
    [
        OSError("no network"),
        javascript.Missing("node"),
        subprocess.CalledProcessError(1, "pip"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_cannot_be_had_is_one_line_and_a_failure_only_in_ci(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(page_python, "SOURCES", (unreachable(error), having({"core.js": b"core"})))
    assert page_python.main() == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert "DO NOT RUN IN THE PAGE" in line and "numpy.whl" in line and "core.js" not in line
    assert not (page_python.folder() / "pyodide").exists()
    assert (page_python.folder() / "editor" / "two.js").is_file()
    monkeypatch.setenv("CI", "true")
    assert page_python.main() == 1


def test_a_module_of_the_editor_that_was_changed_is_not_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = {f"{name}/index.js": data + b" " for name, data in EDITOR.items()}
    monkeypatch.setattr(page_python, "unpacked", lambda *names: other)
    (said,) = page_python.bring()
    assert "@a/one@1.0 has another hash" in said
    assert not (page_python.folder() / "editor").exists()


def test_what_was_brought_needs_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    assert page_python.bring() == []
    before = brought()
    monkeypatch.setattr(page_python, "SOURCES", ())
    monkeypatch.setattr(page_python, "unpacked", lambda *names: {})
    assert page_python.bring() == [] and brought() == before


def test_another_table_is_another_place(monkeypatch: pytest.MonkeyPatch) -> None:
    before = page_python.folder()
    monkeypatch.setitem(page_python.FILES, "core.js", sha256(b"a newer one"))
    assert page_python.folder() != before


def test_a_module_imports_what_lies_beside_it_and_keeps_its_code() -> None:
    text = (
        "/**\nA comment,\nof lines.\n*/\n"
        "import { x,\n  y } from 'two';\n"
        "export { z } from '@a/one';\n"
        "// another\n"
        "const text = 'import from \"two\"'; // stays\n"
        "const pattern = /\\/\\*.*\\*\\//;\n"
    )
    assert page_python.beside(text) == (
        'import { x,\n  y } from "./two.js";\n'
        'export { z } from "./a-one.js";\n'
        "const text = 'import from \"two\"'; // stays\n"
        "const pattern = /\\/\\*.*\\*\\//;\n"
    )
    with pytest.raises(ValueError, match="'three'"):
        page_python.beside('import x from "three";\n')


def test_an_archive_is_called_as_npm_calls_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Done:
        returncode = 0

    monkeypatch.setattr(javascript, "node_folder", lambda: tmp_path)
    monkeypatch.setattr(javascript.subprocess, "run", lambda *words, **more: Done())
    for name in ("a-one-1.0.tgz", "two-2.0.tgz"):
        (tmp_path / name).touch()
    found = javascript.packed(tmp_path, "@a/one@1.0", "two@2.0")
    assert [path.name for path in found] == ["a-one-1.0.tgz", "two-2.0.tgz"]
    with pytest.raises(javascript.Missing, match=r"three@3\.0"):
        javascript.packed(tmp_path, "two@2.0", "three@3.0")
