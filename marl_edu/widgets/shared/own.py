"""A reader's function at work in a lab: the answer to an exercise, where the book's would stand.

What it gives is checked at every call, and what is wrong with it is a sentence with its name.
"""

import traceback
from typing import Any

import torch
from torch import Tensor

YOURS, BOOKS = "yours", "the book's"  # whose function trains


class Own:
    """A function whose results are checked.

    Args:
        argument: what a panel calls it, for the message below. function: the reader's.
        letters: the sizes of what it gives, as its exercise names them: "(B, N, d_v)".

    Raises:
        TypeError: it is no function.
    """

    def __init__(self, argument: str, function: Any, letters: str):
        if not callable(function):
            kind = type(function).__name__
            raise TypeError(f"{argument} must be your function itself, uncalled, got a {kind}")
        self.function, self.letters = function, letters
        self.name = getattr(function, "__name__", type(function).__name__)

    def __call__(self, *args: Any, shape: tuple[int, ...], learned: bool = False) -> Tensor:
        """What the function gives, which must be finite numbers of this shape.

        Args:
            learned: whether a gradient goes through it.

        Raises:
            ValueError: it gives something else, or raises; the message says what.
        """
        try:
            given = self.function(*args)
        except Exception as error:
            raise ValueError(f"`{self.name}` raised {_where(error, self.function)}") from error
        self.check(given, shape)
        if learned and not given.requires_grad:
            raise ValueError(
                f"`{self.name}` gave a tensor without a gradient: nothing can be learned from that"
            )
        return given

    def check(self, given: Any, shape: tuple[int, ...]) -> None:
        """Raise ValueError unless this is what was asked for."""
        wanted = f"`{self.name}` must give a tensor of shape {shape}, {self.letters}"
        if given is ...:
            raise ValueError(f"`{self.name}` is not written yet: it gives `...`")
        if given is None:
            raise ValueError(f"{wanted}; it gave None. Is there a `return`?")
        if not isinstance(given, Tensor):
            raise ValueError(f"{wanted}; it gave a {type(given).__name__}")
        if tuple(given.shape) != shape:
            raise ValueError(f"{wanted}; it gave {tuple(given.shape)}")
        if given.dtype != torch.get_default_dtype():
            raise ValueError(f"{wanted}, of {torch.get_default_dtype()}; it gave {given.dtype}")
        if not given.isfinite().all():
            what = "NaN" if given.isnan().any() else "infinity"
            raise ValueError(f"`{self.name}` gave {what}: nothing can be learned from that")


def _where(error: Exception, function: Any) -> str:
    """An exception in words, with the line of the function that it came from."""
    file = getattr(getattr(function, "__code__", None), "co_filename", None)
    lines = [one for one in traceback.extract_tb(error.__traceback__) if one.filename == file]
    line = f" in `{lines[-1].line}`" if lines and lines[-1].line else ""
    said = " ".join(str(error).split())
    return f"{type(error).__name__}{line}: {said}"
