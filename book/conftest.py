"""What the tests of the notebooks have run is what the book shows: it goes into the book's cache.

nbval runs every cell of every notebook. When the last one of a notebook has passed, the outputs
are stored where the build looks for them, so that nothing has to run twice.
"""

import os
import sys
from collections.abc import Generator
from pathlib import Path

import nbval.plugin
import pytest
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from nbval.kernel import RunningKernel
from nbval.plugin import IPyNbCell, IPyNbFile

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))
import book

os.environ["MARL_EDU_STRICT"] = "1"  # a claim that does not hold is a failure: results/claims.py
SECONDS = pytest.StashKey[dict[int, float]]()  # of each cell that has passed, by its number


class Kernel(RunningKernel):  # type: ignore[misc]  # nbval says nothing about its types
    """A kernel that is started a second time where the first one never answered.

    Its ports are chosen before it takes them; another process may have one of them by then.
    """

    def __init__(self, *arguments: object, **options: object) -> None:
        """Start it; see `nbval.kernel.RunningKernel`."""
        try:
            super().__init__(*arguments, **options)
        except RuntimeError:
            super().__init__(*arguments, **options)


nbval.plugin.RunningKernel = Kernel


def pytest_sessionstart(session: pytest.Session) -> None:
    """Before anything runs, drop what an older package or older results have left."""
    if not hasattr(session.config, "workerinput"):  # once, not in every process
        book.forget_stale_outputs()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep a notebook as soon as its last cell has passed."""
    report = yield
    if isinstance(item, IPyNbCell) and report.when == "call" and report.passed:
        notebook = item.parent
        number = item.cell_num + 1
        item.cell.execution_count = number
        item.cell.outputs = item.test_outputs
        for output in item.test_outputs:
            if output.output_type == "execute_result":
                output.execution_count = number
        seconds = notebook.stash.setdefault(SECONDS, {})
        seconds[number] = call.duration
        if len(seconds) == sum(cell.cell_type == "code" for cell in notebook.nb.cells):
            keep(notebook, sum(seconds.values()))
    return report


def keep(notebook: IPyNbFile, seconds: float) -> None:
    """Store a notebook with its outputs, as the build would after running it."""
    cache = get_cache(str(book.CACHE))
    record = cache.add_nb_to_project(str(notebook.path))
    bundle = CacheBundleIn(notebook.nb, record.uri, data={"execution_seconds": seconds})
    cache.cache_notebook_bundle(bundle, overwrite=True)
