"""What the chapters' labs have in common: controls, training what they say, and its curves.

With a kernel a lab is made of ipywidgets; without one, what it shows is a stored run.
"""

import html
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from textwrap import shorten
from threading import Event, Thread
from typing import Any

import anywidget
import ipywidgets
from matplotlib.figure import Figure

from marl_edu import plots, results
from marl_edu.training.checkpoint import Result, Row
from marl_edu.widgets.shared.bundle import SHARED, join
from marl_edu.widgets.shared.own import BOOKS, YOURS, Own

WIDE = {"style": {"description_width": "9rem"}, "layout": {"width": "24rem"}}  # of a control
KEPT = 3  # runs whose curves stay
LONGEST = 22  # letters of the name of one of them
DRAW_EVERY = 5  # rows of the log
AGAIN = "<strong>To train, run this cell again: the kernel that it ran in has ended.</strong>"


class KeptKeys(anywidget.AnyWidget):
    """Shows nothing; with it a panel keeps the keys that JupyterLab would take for the notebook,
    and says so where its kernel is gone."""

    _esm = f"{join(SHARED / 'panel.js')}export default {{ render }};\n"
    _css = (SHARED / "panel.css").read_text(encoding="utf-8")


class GivenUp(Exception):
    """A run that was stopped, and that nobody wants to resume."""


@dataclass(eq=False)
class Attempt:
    """A run of a panel: its settings as the controls name them, and its log so far."""

    settings: dict[str, Any]
    cfg: Any
    rows: list[Row] = field(default_factory=list)
    go_on: Event = field(default_factory=Event)  # cleared while it is stopped
    given_up: bool = False
    seconds: float = 0.0  # that it ran, without what it stood still


class LabPanel(ipywidgets.VBox):  # type: ignore[misc]
    """A panel that trains what its controls say, in a thread, so that the notebook can be used.

    Train begins, Stop halts, Resume goes on; Train after Stop begins again. While a run is under
    way another press of Train changes nothing. Derived classes give `plan`, `say`, `draw`, `finish`
    and `without_kernel`.

    Args:
        controls: what to choose; each has a description. updates: the one for the length.
        ready: what the panel says at first. shown: where results appear.
        own: a reader's function that trains instead of the book's; a menu offers both.

    Attributes:
        result: what the last run that ended has left behind (a `Result`), or None.
        error: the exception that the last run ended with, or None.
    """

    def __init__(
        self,
        controls: Sequence[Any],
        updates: Any,
        ready: str,
        shown: Sequence[Any],
        own: Own | None = None,
    ):
        self.updates, self._own = updates, own
        self.whose = ipywidgets.Dropdown(
            options=[YOURS, BOOKS], description=f"{own.name} is" if own else "", **WIDE
        )
        self.seed = ipywidgets.IntSlider(value=0, min=0, max=9, description="seed", **WIDE)
        self.controls = [*[self.whose] * (own is not None), *controls, updates, self.seed]
        self.button = ipywidgets.Button(description="Train", button_style="primary")
        self.stop_button = ipywidgets.Button(description="Stop", layout={"display": "none"})
        self.bar = ipywidgets.IntProgress(description="training", **WIDE)
        self.status = ipywidgets.HTML(ready)
        self.result: Result | None = None
        self.error: Exception | None = None
        self.attempts: deque[Attempt] = deque(maxlen=KEPT)  # the last is the one under way
        self.thread: Thread | None = None
        self.button.on_click(lambda _: self.start())
        self.stop_button.on_click(lambda _: self.halt() if self.running else self.resume())
        buttons = ipywidgets.HBox([self.button, self.stop_button])
        again = ipywidgets.HTML(AGAIN)
        again.add_class("marl-panel-again")
        self.status.add_class("marl-panel-status")
        for one in (buttons, self.bar):
            one.add_class("marl-panel-live")
        parts = [again, *self.controls, buttons, self.bar, self.status, *shown, KeptKeys()]
        super().__init__(parts)
        self.add_class("marl-panel")

    # -- what a derived class gives --------------------------------------------------------------

    def plan(self) -> tuple[Callable[..., Any], Any]:
        """What the controls say: a function `train(cfg, on_log)`, and its config."""
        raise NotImplementedError

    def say(self, row: Row) -> str:
        """A row of the log in words."""
        raise NotImplementedError

    def draw(self, rows: Sequence[Row]) -> None:
        """Show how far it has come."""
        raise NotImplementedError

    def finish(self, run: Any) -> str:
        """Try and show what was trained; returns what came of it in words."""
        raise NotImplementedError

    def without_kernel(self) -> str:
        """HTML of a stored run."""
        raise NotImplementedError

    def stored(self, settings: dict[str, Any]) -> str:
        """The experiment of the book that has these settings of the controls; "" if none has."""
        raise NotImplementedError

    @property
    def own(self) -> Own | None:
        """The reader's function, if it is to train the next run."""
        return self._own if self.whose.value == YOURS else None

    # -- training --------------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        """Whether a run is under way, not halted."""
        return self._alive() and self.attempts[-1].go_on.is_set()

    def train(self) -> Any:
        """Train what was chosen, and wait for it. Raises what training raises."""
        self.start()
        if self.thread is not None:
            self.thread.join()
        if self.error is not None:
            raise self.error
        return self.result

    def start(self) -> None:
        """Begin to train what was chosen, unless a run is under way; what Train does."""
        if self.running:
            return
        self._give_up()
        self.error = None
        try:
            train, cfg = self.plan()
        except Exception as error:
            self._fail(error)
            return
        attempt = Attempt({one.description: one.value for one in self.controls}, cfg)
        attempt.go_on.set()
        self.attempts.append(attempt)
        self.bar.max, self.bar.value = cfg.updates, 0
        self.status.value = "Training has begun."
        self._offer("Stop")
        self.thread = Thread(target=self._run, args=(train, attempt), daemon=True)
        self.thread.start()

    def halt(self) -> None:
        """Stop a run at its next row of the log; `resume` goes on, `start` begins again."""
        if self.running:
            self.attempts[-1].go_on.clear()
            self.status.value = "Stopping."
            self._offer("Resume")

    def resume(self) -> None:
        """Go on with a run that was stopped."""
        if self._alive():
            self._offer("Stop")
            self.attempts[-1].go_on.set()

    def _alive(self) -> bool:
        return self.thread is not None and self.thread.is_alive()

    def _give_up(self) -> None:
        """End a run that was stopped."""
        if self._alive() and self.thread is not None:
            attempt = self.attempts.pop()
            attempt.given_up = True
            attempt.go_on.set()
            self.thread.join()

    def _run(self, train: Callable[..., Any], attempt: Attempt) -> None:
        began = time.perf_counter()

        def on_log(row: Row) -> None:
            nonlocal began
            attempt.rows.append(row)
            attempt.seconds += time.perf_counter() - began
            self._show(attempt)
            attempt.go_on.wait()
            if attempt.given_up:
                raise GivenUp
            began = time.perf_counter()

        try:
            result = train(attempt.cfg, on_log)
            self._offer("")  # what follows takes a second or two
            self.draw(attempt.rows)
            self.status.value = "Trained. Playing fresh episodes."
            said = self.finish(result)
        except GivenUp:
            return
        except Exception as error:  # shown to whoever pressed the button, and raised by `train`
            if not attempt.given_up:
                self.attempts.remove(attempt)
                self._fail(error)
            return
        self.result = result
        self.status.value = said

    def _show(self, attempt: Attempt) -> None:
        done = int(attempt.rows[-1]["update"])
        self.bar.value = done
        if attempt.go_on.is_set():
            left = attempt.seconds / done * (attempt.cfg.updates - done)
            words = html.escape(self.say(attempt.rows[-1]))
            self.status.value = f"{words}; about {left:.0f} s left"
        else:
            self.status.value = (
                f"Stopped after {done} of {attempt.cfg.updates} updates. Resume goes on; "
                "Train begins again."
            )
        if len(attempt.rows) % DRAW_EVERY == 0:
            self.draw(attempt.rows)

    def _fail(self, error: Exception) -> None:
        self.error = error
        words = str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
        self.status.value = f'<strong role="alert">It ended: {html.escape(words)}</strong>'
        self._offer("")

    def _offer(self, what: str) -> None:
        """Show the second button with this description, or hide it."""
        if what:
            self.stop_button.description = what
            self.add_class("marl-panel-training")
        else:
            self.remove_class("marl-panel-training")
        self.stop_button.layout.display = "" if what else "none"

    # -- curves ----------------------------------------------------------------------------------

    def curves(
        self,
        method: str,
        rows: Sequence[Row],
        key: str = "success",
        **how: Any,
    ) -> Figure:
        """The curve of these rows; in grey those of the runs before, by what differed, and beside
        a reader's function what the stored runs gave.

        Args:
            method: names its colour. key: a column of the log. how: goes to `learning_curves`.
        """
        known = [one for one in self.attempts if one.rows]
        if not known or known[-1].rows is not rows:  # those of a stored run
            known = []
        names = named_by_what_differs([one.settings for one in known])
        earlier = {
            name: results.run_curve(one.rows, key)
            for name, one in zip(names[:-1], known[:-1], strict=True)
        }
        if known and self._own and (stored := self.stored(known[-1].settings)):
            with suppress(FileNotFoundError):  # nobody has run that, or the runs are not here
                earlier |= {"stored runs": up_to(results.learning_curve(stored, key), rows)}
        return plots.learning_curves(
            {f"{method}-{names[-1]}" if len(known) > 1 else method: results.run_curve(rows, key)},
            earlier=earlier,
            **how,
        )

    def picture(
        self,
        method: str,
        rows: Sequence[Row],
        words: str = "success",
        key: str = "success",
        **how: Any,
    ) -> str:
        """HTML of `curves`; `words` say what `key` is."""
        steps = f"{rows[-1]['env_steps']:,.0f} environment steps"
        scale = how.get("scale", 100.0)
        text = f"{words}: {scale * rows[-1][key]:.0f}{' %' * (scale == 100)} after {steps}"
        figure = self.curves(method, rows, key, **how)
        return plots.show(figure, alt=f"Learning curve, {text}.", caption=text)._repr_html_()

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is None:
            return None
        shown = self.without_kernel() if self._own is None else with_a_kernel(self._own)
        return bundle | {"text/html": shown}


def with_a_kernel(own: Own) -> str:
    """That a panel which trains a reader's function needs a kernel."""
    return (
        f"<p>With a kernel (<code>make lab</code>) a panel here trains with your "
        f"<code>{html.escape(own.name)}</code>, or with the book's.</p>"
    )


def up_to(curve: Any, rows: Sequence[Row]) -> Any:
    """A stored curve as far as these rows come; all of it where they end before it begins."""
    n = max(2, int((curve.steps <= rows[-1]["env_steps"]).sum()))
    parts = {name: getattr(curve, name)[:n] for name in ("steps", "iqm", "low", "high")}
    return curve._replace(**parts)


def named_by_what_differs(runs: Sequence[dict[str, Any]]) -> list[str]:
    """A name for each run: the settings that not all of them have, and its number where these do
    not tell it from another."""
    differs = (
        [name for name in runs[0] if len({str(one[name]) for one in runs}) > 1] if runs else []
    )
    words = [", ".join(f"{name} {one[name]}" for name in differs) for one in runs]
    words = [shorten(name, LONGEST, placeholder="…") for name in words]
    return [
        name if words.count(name) == 1 else f"{name} run {k}".strip()
        for k, name in enumerate(words, 1)
    ]


def stored_run(experiment: str, what: str, draw: Callable[[list[Any]], str]) -> str:
    """That a panel needs a kernel, and the first stored run of an experiment."""
    try:
        rows = results.load(experiment)[0]["rows"]
    except FileNotFoundError:
        return "<p>This panel needs a kernel: <code>make lab</code>.</p>"
    return (
        "<p><strong>This panel needs a kernel</strong> (<code>make lab</code>). A stored run "
        f"{what} gave this:</p>{draw(rows)}"
    )
