"""The lab's panels: training in the background, with a way to stop it and words for what failed."""

import time
from collections.abc import Callable, Iterator
from threading import Event
from types import SimpleNamespace
from typing import Any

import ipywidgets
import pytest

from marl_edu.widgets.shared.lab import LabPanel, named_by_what_differs


class Steps(LabPanel):
    """Trains nothing, one update at a time, when the test says so."""

    def __init__(self) -> None:
        self.width = ipywidgets.IntText(value=8, description="width")
        updates = ipywidgets.IntText(value=3, description="updates")
        self.curve = ipywidgets.HTML()
        self.step, self.taken, self.began = Event(), Event(), 0
        super().__init__([self.width], updates, "Ready.", [self.curve])

    def plan(self) -> tuple[Callable[..., Any], Any]:
        if self.width.value < 1:
            raise ValueError(f"width must be at least 1, got {self.width.value}")
        return self._train, SimpleNamespace(updates=self.updates.value, width=self.width.value)

    def _train(self, cfg: Any, on_log: Callable[[Any], None]) -> Any:
        self.began += 1
        for update in range(1, cfg.updates + 1):
            assert self.step.wait(10)
            self.step.clear()
            if cfg.width == 13:
                raise RuntimeError("thirteen <units>")
            self.taken.set()
            on_log({"update": update, "env_steps": 10 * update, "success": update / 10})
        return SimpleNamespace(width=cfg.width)

    def say(self, row: Any) -> str:
        return f"success {row['success']:.0%}"

    def draw(self, rows: Any) -> None:
        self.curve.value = str([text.get_text() for text in self._figure(rows).axes[0].texts])

    def _figure(self, rows: Any) -> Any:
        return self.curves("tarmac", rows)

    def finish(self, run: Any) -> str:
        return f"done with {run.width}"

    def without_kernel(self) -> str:
        return "a stored run"

    def advance(self) -> None:
        """Let it take an update, and wait until it has."""
        self.taken.clear()
        self.step.set()
        assert self.taken.wait(10)

    def ended(self) -> None:
        assert self.thread is not None
        self.thread.join(10)
        assert not self.thread.is_alive()


@pytest.fixture
def panel() -> Iterator[Steps]:
    made = Steps()
    yield made
    made.step.set()  # where it waits for another update, it need not wait long
    made._give_up()
    made.close()


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def run_through(panel: Steps) -> None:
    panel.button.click()
    for _ in range(panel.updates.value):
        panel.advance()
    panel.ended()


def test_it_trains_in_the_background_and_says_how_far_it_is(panel: Steps) -> None:
    panel.button.click()  # returns at once
    assert panel.running and panel.result is None
    assert panel.stop_button.description == "Stop" and not panel.stop_button.layout.display
    panel.advance()
    until(lambda: panel.bar.value == 1)
    until(lambda: "success 10%; about 0 s left" in panel.status.value)
    panel.advance()
    panel.advance()
    panel.ended()
    assert panel.result.width == 8 and panel.status.value == "done with 8"
    assert panel.stop_button.layout.display == "none" and not panel.running


def test_a_second_press_changes_nothing(panel: Steps) -> None:
    panel.button.click()
    panel.button.click()
    panel.advance()
    panel.button.click()
    assert panel.began == 1 and len(panel.attempts) == 1


def test_it_stops_and_goes_on_where_it_was(panel: Steps) -> None:
    panel.button.click()
    panel.advance()
    until(lambda: panel.bar.value == 1)
    panel.stop_button.click()
    assert not panel.running and panel.stop_button.description == "Resume"
    panel.advance()  # the update that it was in
    until(lambda: "Stopped after 2 of 3 updates" in panel.status.value)
    panel.taken.clear()
    panel.step.set()
    assert not panel.taken.wait(0.2) and panel.bar.value == 2  # it stands
    panel.stop_button.click()
    assert panel.running
    panel.ended()
    assert panel.began == 1 and panel.result.width == 8
    assert [row["update"] for row in panel.attempts[-1].rows] == [1, 2, 3]


def test_train_after_stop_begins_anew_and_forgets_the_stopped_run(panel: Steps) -> None:
    panel.button.click()
    old = panel.thread
    panel.advance()
    until(lambda: panel.bar.value == 1)
    panel.stop_button.click()
    panel.width.value = 9
    panel.step.set()  # it is in its next update, at whose end it is given up
    panel.button.click()
    assert not old.is_alive() and panel.running
    for _ in range(3):
        panel.advance()
    panel.ended()
    assert panel.result.width == 9 and len(panel.attempts) == 1


def test_what_fails_is_said_in_words_and_the_next_run_works(panel: Steps) -> None:
    panel.width.value = 0
    panel.button.click()
    assert "width must be at least 1, got 0" in panel.status.value
    panel.width.value = 13
    panel.button.click()
    panel.step.set()
    panel.ended()
    assert "RuntimeError: thirteen &lt;units&gt;" in panel.status.value
    assert 'role="alert"' in panel.status.value
    assert panel.result is None and isinstance(panel.error, RuntimeError)
    assert not panel.attempts  # a run that failed has no place among the last three
    panel.width.value = 8
    run_through(panel)
    assert panel.error is None and panel.status.value == "done with 8"


def test_train_waits_and_raises_what_training_raises(panel: Steps) -> None:
    panel.width.value = 13
    panel.step.set()
    with pytest.raises(RuntimeError, match="thirteen"):
        panel.train()


def test_the_last_three_runs_stay_named_by_what_differed(panel: Steps) -> None:
    for width in (8, 16, 16, 32):
        panel.width.value = width
        run_through(panel)
    shown = panel.curve.value
    assert "TarMAC width 32 30" in shown
    assert "'width 16 run 1 30'" in shown and "'width 16 run 2 30'" in shown
    assert "width 8" not in shown


def test_names_of_runs() -> None:
    assert named_by_what_differs([]) == []
    assert named_by_what_differs([{"a": 1}, {"a": 1}]) == ["run 1", "run 2"]
    assert named_by_what_differs([{"a": 1, "b": 2}, {"a": 1, "b": 3}]) == ["b 2", "b 3"]
    long = {"bonus": "ICM, encoder trained by the inverse model alone"}
    assert named_by_what_differs([long, {"bonus": "RND"}]) == ["bonus ICM, encoder…", "bonus RND"]


def test_without_a_kernel_a_stored_run_stands_in(panel: Steps) -> None:
    assert panel._repr_mimebundle_()["text/html"] == "a stored run"
