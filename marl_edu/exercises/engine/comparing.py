"""When two results are the same, and what to say of the first difference.

It needs numpy alone: the notebook's grader and the judge in the page compare with this file. A
result made elsewhere, in torch say, is converted before; its dtype travels as a name, since numpy
does not know all of them.
"""

from typing import Any, NamedTuple

import numpy as np

RTOL, ATOL = 1e-4, 1e-5  # another order of summation is as right
KINDS = "fiubc"  # of numpy's dtypes, those of numbers

Array = np.ndarray


class Numbers(NamedTuple):
    """An array, and what its dtype is called where it was made."""

    dtype: str
    values: Array  # as float32 where numpy does not know the dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes of its axes."""
        return self.values.shape


Outcome = dict[str, Numbers]  # "the result", and "the gradient with respect to ..." of arguments


def close(got: Array, right: Array, scale: float = 0.0) -> Any:
    """Where two arrays of one shape and dtype agree up to rounding: bool, of their shape.

    `scale` is the size of what their numbers are sums of, where it may be larger than they are.
    Only operators are used: an answer may have changed what a function of numpy does.
    """
    alike = (got == right) | ((got != got) & (right != right))  # NaN is unlike itself
    atol = ATOL
    if right.dtype == np.float32:  # rounding is of the size of what is summed
        atol *= max(1.0, scale, size(right))
    if right.dtype.kind in "iub":
        got, right = got.astype(np.float32), right.astype(np.float32)
    error, allowed = abs(got - right), atol + abs(RTOL * right)
    return alike | ((error < float("inf")) & (error <= allowed))


def size(values: Array) -> float:
    """The largest finite number of an array of floating-point numbers; else 0."""
    if values.dtype.kind != "f":
        return 0.0
    sizes = abs(values)
    return float(np.where(sizes < float("inf"), sizes, 0).max(initial=0))


def same(one: Outcome, other: Outcome) -> bool:
    """Whether two outcomes agree in shape, dtype and, up to rounding, in every number, as far as
    both know it: an outcome may be without gradients. Gradients through a softmax are differences
    of terms as large as the result."""
    scale = size(other["the result"].values)
    pairs = [(one[name], other[name]) for name in one if name in other]
    with np.errstate(all="ignore"):
        return all(
            a.shape == b.shape
            and a.dtype == b.dtype
            and bool(close(a.values, b.values, scale).all())
            for a, b in pairs
        )


def difference(got: Outcome, right: Outcome) -> tuple[str, str]:
    """Name and description of the first difference between two outcomes."""
    value, expected = got["the result"], right["the result"]
    if value.shape != expected.shape:
        said = f"the shape is {value.shape} instead of {expected.shape}."
        fits = broadcasts(value.shape, expected.shape)
        return "shape", said + fits * " It would broadcast without a word: keep every axis."
    if value.dtype != expected.dtype:
        return "dtype", f"the dtype is {value.dtype} instead of {expected.dtype}."
    if ((value.values != value.values) & (expected.values == expected.values)).any():
        return "nan", "the result has NaN: is 0 divided by 0, or is there nothing to choose from?"
    scale = size(expected.values)
    with np.errstate(all="ignore"):
        differs = {n: ~close(got[n].values, right[n].values, scale) for n in got}
    name = next(name for name in got if differs[name].any())
    at = tuple(np.argwhere(differs[name])[0].tolist())
    a, b = got[name].values[at].item(), right[name].values[at].item()
    where = f"{name} at {list(at)}" if at else name
    said = f"{where} is {a:.4g} and should be {b:.4g}."
    if name == "the result":
        return "value", said
    if (got[name].values != got[name].values).any():
        return "nan_gradient", (
            f"{said} The values are right, but their gradient is NaN: is there a root, a logarithm "
            "or a quotient that `torch.where` throws away only after it was computed?"
        )
    why = "is something detached on the way?" if b else "should something be detached?"
    return "gradient", f"{said} The values are right: {why}"


def broadcasts(shape: tuple[int, ...], to: tuple[int, ...]) -> bool:
    """Whether an array of a shape would be taken for one of another without a word."""
    pairs = zip(reversed(shape), reversed(to), strict=False)
    return len(shape) <= len(to) and all(one in (1, other) for one, other in pairs)
