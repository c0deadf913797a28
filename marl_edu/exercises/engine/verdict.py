"""What the grader has to say of an answer."""

import html
import re
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, repr=False)
class Verdict:
    """What the grader has to say. Shown as text, and as HTML in a notebook."""

    passed: bool
    mistake: str  # its short name; "" if passed
    message: str
    case: int | None = None  # number of the input on which it showed
    inputs: tuple[Any, ...] = ()  # that input, to try it: `answer(*verdict.inputs)`
    printed: str = ""  # the start of what the answer printed

    @property
    def headline(self) -> str:
        """The verdict in a few words."""
        if self.mistake == "not_attempted":
            return "Not attempted yet"
        return "Passed" if self.passed else "Not right yet"

    def __repr__(self) -> str:
        sign = "○" if self.mistake == "not_attempted" else "✓" if self.passed else "✗"
        printed = f"\nPrinted on the way:\n{self.printed}" if self.printed else ""
        return f"{sign} {self.headline}. {self.message}{printed}"

    def _repr_html_(self) -> str:
        colour = "--marl-3, #009e73" if self.passed else "--marl-4, #d55e00"
        if self.mistake == "not_attempted":
            colour = "--marl-line, #8a9099"
        message = re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(self.message))
        printed = ""
        if self.printed:
            printed = f"<p>Printed on the way:</p><pre>{html.escape(self.printed)}</pre>"
        return (
            f'<div role="status" style="border-left: .3rem solid var({colour}); '
            f'padding: .2rem .8rem"><p><strong>{self.headline}.</strong> {message}</p>'
            f"{printed}</div>"
        )
