"""What learns is not checked call by call: the signatures are checked where each part is tested."""

from collections.abc import Iterator

import pytest

from tests.unchecked import unchecked


@pytest.fixture(autouse=True)
def at_users_speed() -> Iterator[None]:
    """Without the checks of signatures: they take more than half of the time."""
    with unchecked():
        yield
