"""Call an answer on one input, refuse what is none, and compare the rest with the right one."""

import io
import traceback
from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

TOLERANCE = {"rtol": 1e-4, "atol": 1e-5}  # another order of summation is as right


class Case(NamedTuple):
    """One input: what is special about it, in words, and the arguments."""

    what: str
    args: tuple[Any, ...]


class Wrong(Exception):
    """The answer gave nothing that could be compared: (name of the mistake, sentence)."""


class FirstWords(io.StringIO):
    """Keeps the start of what is printed, however much it is."""

    def write(self, text: str) -> int:
        """Keep the first 400 characters."""
        room = 400 - self.tell()
        if len(text) > room > 0:
            text = text[: room - 1] + "…"
        super().write(text[: max(0, room)])
        return len(text)


def outcome(
    function: Callable[..., Any], case: Case, names: Sequence[str], learned: Collection[str]
) -> dict[str, Tensor]:
    """The result of `function`, and the gradients of a weighted sum of it with respect to the
    floating-point inputs among `learned`; `names` are those of all inputs."""
    args = [arg.clone() if isinstance(arg, Tensor) else arg for arg in case.args]
    leaves = {
        f"the gradient with respect to `{name}`": arg.requires_grad_()
        for name, arg in zip(names, args, strict=True)
        if name in learned and isinstance(arg, Tensor) and arg.is_floating_point()
    }
    result = function(*args)
    gradients: Sequence[Tensor] = [torch.zeros_like(leaf) for leaf in leaves.values()]
    if result.requires_grad:
        weights = torch.arange(1.0, result.numel() + 1).cos().view(result.shape)
        gradients = torch.autograd.grad(
            (result * weights).sum(), [*leaves.values()], allow_unused=True, materialize_grads=True
        )
    return {"the result": result.detach(), **dict(zip(leaves, gradients, strict=True))}


def attempt(
    answer: Callable[..., Any],
    case: Case,
    names: Sequence[str],
    learned: Collection[str],
    right: Tensor,
) -> dict[str, Tensor]:
    """The outcome of an answer that nobody vouches for; `right` is the right result.

    Raises:
        Wrong: it raised, returned something else than a tensor, changed its input or was random.
    """
    args = [arg.clone() if isinstance(arg, Tensor) else arg for arg in case.args]
    try:
        plain = _as_tensor(answer(*args), right, bool(learned))
        for name, arg, original in zip(names, args, case.args, strict=True):
            # The version counts writes, of which some change nothing this time.
            if isinstance(arg, Tensor) and (arg._version or not _equal(arg, original)):  # noqa: SLF001
                raise Wrong(
                    "mutated",
                    f"It changes its input `{name}`, which the caller still needs: `x[...] = `, "
                    "`x += ` and `x.fill_()` write into `x` itself. Make a new tensor.",
                )
        result = outcome(
            lambda *a: _as_tensor(answer(*a), right, bool(learned)), case, names, learned
        )
    except Wrong:
        raise
    except BaseException as error:  # an answer may also call sys.exit
        raise _describe(error, answer, case) from None
    if not same({"": plain}, {"": result["the result"]}):
        raise Wrong(
            "not_deterministic",
            "Two calls with the same input give different results: nothing may be drawn, and no "
            "layer made, inside the function. The weights are given.",
        )
    return result


def _equal(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors of one shape hold the same, NaN at the same places."""
    return bool(((one == other) | (one.isnan() & other.isnan())).all())


def _as_tensor(result: Any, right: Tensor, gradient: bool) -> Tensor:
    if isinstance(result, Tensor):
        return result
    if result is ...:
        raise Wrong("not_attempted", "Write the function, then grade it again.")
    if result is None:
        raise Wrong("nothing_returned", "It returns None: is there a `return` on every way out?")
    if isinstance(result, np.ndarray | np.generic) and gradient:
        raise Wrong(
            "numpy",
            "It returns a numpy array, which carries no gradient, and by the gradient agents "
            "learn what to say. Write it in torch.",
        )
    if isinstance(result, np.ndarray | np.generic):
        # numpy makes float64 unless told otherwise, which is as good here.
        array = torch.from_numpy(np.array(result))
        return array.to(right.dtype) if array.is_floating_point() else array
    raise Wrong("type", f"It returns a `{type(result).__name__}`: return one tensor.")


def _describe(error: BaseException, answer: Callable[..., Any], case: Case) -> Wrong:
    if isinstance(error, NotImplementedError) and not str(error):
        return Wrong("not_attempted", "Write the function, then grade it again.")
    if isinstance(error, RuntimeError) and "Can't call numpy()" in str(error):
        return Wrong("numpy", "numpy stops the gradient on its way to the sender: stay in torch.")
    said = (str(error).strip() or "no message").splitlines()[0]
    file = getattr(getattr(answer, "__code__", None), "co_filename", None)
    lines = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == file]
    where = f" The line is `{lines[-1].line}`." if lines and lines[-1].line else ""
    return Wrong("raised", f"With {case.what} it raised {type(error).__name__}: {said}.{where}")


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    """Whether two outcomes agree in shape, dtype and, up to rounding, in every number, as far as
    both know it: an outcome may be without gradients."""
    pairs = [(one[name], other[name]) for name in one if name in other]
    return all(
        a.shape == b.shape
        and a.dtype == b.dtype
        and torch.allclose(a, b, **TOLERANCE, equal_nan=True)
        for a, b in pairs
    )


def difference(got: dict[str, Tensor], right: dict[str, Tensor]) -> tuple[str, str]:
    """Name and description of the first difference between two outcomes."""
    value, expected = got["the result"], right["the result"]
    if value.shape != expected.shape:
        said = f"the shape is {tuple(value.shape)} instead of {tuple(expected.shape)}."
        try:
            fits = torch.broadcast_shapes(value.shape, expected.shape) == expected.shape
        except RuntimeError:
            fits = False
        return "shape", said + fits * " It would broadcast without a word: keep every axis."
    if value.dtype != expected.dtype:
        return "dtype", f"the dtype is {value.dtype} instead of {expected.dtype}."
    if value.isnan().any():
        return "nan", "the result has NaN: is 0 divided by 0, or is there nothing to choose from?"
    name = next(name for name in got if not same({name: got[name]}, {name: right[name]}))
    a, b = got[name], right[name]
    at = (~torch.isclose(a, b, **TOLERANCE, equal_nan=True)).nonzero()[0].tolist()
    where = f"{name} at {at}" if at else name
    said = f"{where} is {a[tuple(at)]:.4g} and should be {b[tuple(at)]:.4g}."
    if name == "the result":
        return "value", said
    return "gradient", f"{said} The values are right: is something detached on the way?"
