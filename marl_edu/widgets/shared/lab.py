"""What the chapters' labs have in common: controls, a button that trains with them, what it shows.

With a kernel a lab is made of ipywidgets; without one, what it shows is a stored run.
"""

from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets

from marl_edu import results

WIDE = {"style": {"description_width": "9rem"}, "layout": {"width": "24rem"}}  # of a control


class LabPanel(ipywidgets.VBox):  # type: ignore[misc]
    """A panel whose button calls `train`, which derived classes give, and `without_kernel`.

    Args:
        controls: what to choose. ready: what it says at first. shown: where results appear.
    """

    def __init__(self, controls: Sequence[Any], ready: str, shown: Sequence[Any]):
        self.button = ipywidgets.Button(description="Train", button_style="primary")
        self.bar = ipywidgets.IntProgress(description="training", **WIDE)
        self.status = ipywidgets.HTML(ready)
        self.button.on_click(lambda _: self.train())
        super().__init__([*controls, self.button, self.bar, self.status, *shown])

    def train(self) -> Any:
        """Train what was chosen; what the button does."""
        raise NotImplementedError

    def run(
        self,
        train: Callable[..., Any],
        cfg: Any,
        say: Callable[[Any], str],
        draw: Callable[[list[Any]], None],
    ) -> Any:
        """Call `train(cfg, on_log)` with the button off, the bar moving and a curve now and then.

        Args:
            say: a row of the log in words. draw: shows the rows so far.
        """
        self.button.disabled, self.bar.max, self.bar.value = True, cfg.updates, 0
        rows: list[Any] = []

        def on_log(row: Any) -> None:
            rows.append(row)
            self.bar.value, self.status.value = int(row["update"]), say(row)
            if len(rows) % 5 == 0:
                draw(rows)

        try:
            return train(cfg, on_log)
        finally:
            self.button.disabled = False

    def without_kernel(self) -> str:
        """HTML of a stored run."""
        raise NotImplementedError

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = super()._repr_mimebundle_(**kwargs)
        return None if bundle is None else bundle | {"text/html": self.without_kernel()}


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
