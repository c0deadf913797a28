"""What all tests share."""

from collections.abc import Generator
from contextlib import nullcontext

import pytest
import torch
from hypothesis import settings

from tests.unchecked import unchecked

# Small networks on few cores: threads cost more than they bring.
torch.set_num_threads(1)

# The same drawn inputs in every run, and no clock: a busy machine is not a failure.
settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile("steady")


@pytest.hookimpl(tryfirst=True)  # before -m chooses among them
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what opens a browser, and all seeds but the first of what learns as slow.

    Notebooks and what learns come first, so that short tests are last.
    """
    trained = set()
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)
        if isinstance(item, pytest.Function) and item.get_closest_marker("learning"):
            params = getattr(getattr(item, "callspec", None), "params", {})
            what = (item.path, item.originalname, str(params | {"seed": None}))
            if "seed" in params and what in trained:
                item.add_marker(pytest.mark.slow)
            trained.add(what)
    # A sort keeps the order of equals: files stay whole.
    items.sort(key=lambda item: item.path.suffix == ".py" and "learning" not in item.keywords)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """What takes long is not checked call by call, which takes more than half of its time.

    The signatures are checked where each part is tested.
    """
    slow = any(item.get_closest_marker(mark) for mark in ("learning", "long", "slow"))
    with unchecked() if slow else nullcontext():
        return (yield)
