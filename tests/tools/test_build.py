"""A notebook runs once for its test and its page: what nbval has run is what the book shows."""

import shutil
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import nbformat
import pytest
from jupyter_cache import get_cache
from jupyter_cache.executors.utils import single_nb_execution
from nbformat.v4 import new_code_cell, new_notebook

from tests import ROOT

pytestmark = pytest.mark.long
SHOWN = [
    "import sys\nfrom IPython.display import HTML, display",
    "print('said')\ndisplay(HTML('<b>shown</b>'))",
    "print('not on the page', file=sys.stderr)\n[1, 2]",
    "2 + 2",
]
KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}


def write(path: Path, *cells: str) -> None:
    notebook = new_notebook(metadata=KERNEL, cells=[new_code_cell(source) for source in cells])
    notebook.cells.append(
        new_code_cell("raise ValueError", metadata={"tags": ["raises-exception"]})
    )
    path.parent.mkdir(exist_ok=True)
    nbformat.write(notebook, path)


def python(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, capture_output=True, text=True, timeout=300
    )


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A book of two notebooks, one of which fails, after its notebooks were tested."""
    folder = tmp_path_factory.mktemp("project")
    write(folder / "book" / "good.ipynb", *SHOWN)
    write(folder / "book" / "bad.ipynb", "1 / 0")
    for name in ("book/conftest.py", "tools/book.py", "_config.yml"):
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    tested = python(folder, "-m", "pytest", "--nbval-lax", "book")
    assert "1 failed, 6 passed" in tested.stdout, tested.stdout + tested.stderr
    return folder


def stored(project: Path) -> dict[str, tuple[datetime, nbformat.NotebookNode]]:
    """When each notebook of the cache came there, and what it holds."""
    cache = get_cache(str(project / "_build" / ".jupyter_cache"))
    records = cache.list_cache_records()
    return {Path(one.uri).stem: (one.created, cache.get_cache_bundle(one.pk).nb) for one in records}


def test_the_book_shows_what_the_test_ran(project: Path) -> None:
    """The stored outputs are those that the build would have made by itself."""
    notebook = nbformat.read(project / "book" / "good.ipynb", as_version=4)
    built = single_nb_execution(notebook, str(project), timeout=60, allow_errors=False).nb
    _, tested = stored(project)["good"]
    for ours, theirs in zip(tested.cells, built.cells, strict=True):
        assert ours.execution_count == theirs.execution_count
        for kind in ("stream", "display_data", "execute_result", "error"):
            one, other = (
                [output for output in cell.outputs if output.output_type == kind]
                for cell in (ours, theirs)
            )
            if kind == "error":  # a traceback names the run of its cell
                assert [error.ename for error in one] == [error.ename for error in other]
            else:
                assert one == other


def test_what_failed_is_not_stored_and_what_is_stored_does_not_run_again(project: Path) -> None:
    before = stored(project)
    assert before.keys() == {"good"}
    built = python(project, "tools/book.py")
    assert built.returncode == 1 and "ZeroDivisionError" in built.stderr
    assert stored(project) == before


def test_nothing_is_kept_when_what_notebooks_use_has_changed(project: Path) -> None:
    before = stored(project)
    (project / "requirements.txt").write_text("torch==1.0\n")
    assert python(project, "tools/book.py").returncode == 1
    after = stored(project)
    assert after.keys() == {"good"} and after["good"][0] > before["good"][0]
