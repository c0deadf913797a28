"""Call an answer on one input, refuse what is none, and compare the rest with the right one."""

import traceback
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

RTOL, ATOL = 1e-4, 1e-5  # another order of summation is as right
MANY = 10**6  # numbers that no exercise asks for
MUCH = ("can't allocate memory", "not enough memory")  # what torch says when there is none

_isclose = torch.isclose  # whatever an answer makes of torch's own

Outcome = dict[str, Tensor]  # "the result", and "the gradient with respect to ..." of each argument


class Case(NamedTuple):
    """One input: what is special about it, in words, and the arguments."""

    what: str
    args: tuple[Any, ...]


class Wrong(Exception):
    """The answer gave nothing that could be compared: (name of the mistake, sentence)."""


class Asked(NamedTuple):
    """What an exercise asks of a result beside its numbers."""

    names: Sequence[str]  # of all arguments
    learned: Collection[str]  # arguments whose gradients must be right
    carries: bool  # whether any gradient comes back in the solution
    dtype_is_free: bool  # whether float64 is as good as float32, since numpy is welcome


def copied(args: Sequence[Any]) -> list[Any]:
    """Arguments that a function may spoil, the weights of networks among them included."""
    return [_copy(arg) for arg in args]


def _copy(arg: Any) -> Any:
    if isinstance(arg, Tensor):
        return arg.detach().clone()
    if type(arg) is list:
        return [_copy(one) for one in arg]
    return partial(arg.func, *map(_copy, arg.args)) if type(arg) is partial else arg


def _tensors(name: str, arg: Any) -> dict[str, Tensor]:
    """An argument if it is a tensor, or the weights of the networks in it; by what they are."""
    if isinstance(arg, Tensor):
        return {f"`{name}`": arg}
    networks = arg if type(arg) is list else [arg]
    weights = [one for each in networks if type(each) is partial for one in each.args]
    return {f"the weights of `{name}` ({n})": one for n, one in enumerate(weights, 1)}


def outcome(
    function: Callable[..., Any], args: Sequence[Any], names: Sequence[str], to: Collection[str]
) -> Outcome:
    """The result of `function`, and the gradients of a weighted sum of it. They are taken with
    respect to the floating-point inputs among `to`, and to the weights of networks among them;
    `names` are those of all inputs."""
    args = copied(args)
    leaves = {
        f"the gradient with respect to {what}": one.requires_grad_()
        for name, arg in zip(names, args, strict=True)
        if name in to
        for what, one in _tensors(name, arg).items()
        if one.is_floating_point()
    }
    result = function(*args)
    gradients: Sequence[Tensor] = [torch.zeros_like(leaf) for leaf in leaves.values()]
    if result.requires_grad and leaves:
        weights = torch.arange(1.0, result.numel() + 1).cos().view(result.shape).to(result.dtype)
        gradients = torch.autograd.grad(
            (result * weights).sum(), [*leaves.values()], allow_unused=True, materialize_grads=True
        )
    return {"the result": result.detach(), **dict(zip(leaves, gradients, strict=True))}


def attempt(answer: Callable[..., Any], case: Case, asked: Asked, right: Outcome) -> Outcome:
    """The outcome of an answer that nobody vouches for.

    Raises:
        Wrong: it raised, returned something else than a tensor, changed its input or was random.
    """
    args, expected = copied(case.args), right["the result"]
    lists = [list(arg) for arg in args if type(arg) is list]

    def call(*args: Any) -> Tensor:
        return as_tensor(answer(*args), expected, asked)

    try:
        plain = call(*args).detach().clone()
        _check_unchanged(args, lists, case, asked)
        if (plain.shape, plain.dtype) != (expected.shape, expected.dtype):
            return {"the result": plain}
        try:
            result = outcome(call, case.args, asked.names, asked.learned)
        except RuntimeError as error:
            if asked.carries or "Can't call numpy()" not in said(error):
                raise
            again = call(*copied(case.args)).detach()  # no gradient is wanted: numpy is as good
            result = {name: torch.zeros_like(value) for name, value in right.items()}
            result["the result"] = again
    except Wrong:
        raise
    except BaseException as error:  # an answer may also call sys.exit
        raise _describe(error, answer, case) from None
    if not same({"the result": result["the result"]}, {"the result": plain}):
        raise Wrong(
            "not_deterministic",
            "Two calls with the same input give different results: nothing may be drawn, and no "
            "layer made, inside the function. The weights are given.",
        )
    return result


def _check_unchanged(args: Sequence[Any], lists: list[list[Any]], case: Case, asked: Asked) -> None:
    before = iter(lists)
    for name, arg, original in zip(asked.names, args, case.args, strict=True):
        changed = type(arg) is list and arg != next(before)
        # The version counts writes, of which some change nothing this time.
        if changed or any(
            one._version or not _equal(one, other)  # noqa: SLF001
            for one, other in zip(
                _tensors(name, arg).values(), _tensors(name, original).values(), strict=True
            )
        ):
            raise Wrong(
                "mutated",
                f"It changes its input `{name}`, which the caller still needs: `x[...] = `, "
                "`x += ` and `x.fill_()` write into `x` itself. Make a new tensor.",
            )


def _equal(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors hold the same, NaN at the same places."""
    if one.shape != other.shape:
        return False
    return bool(((one == other) | (one.isnan() & other.isnan())).all())


def as_tensor(result: Any, right: Tensor, asked: Asked) -> Tensor:
    """What an answer returned as a plain dense tensor; `right` is the right one.

    Raises:
        Wrong: it cannot be one.
    """
    if isinstance(result, Tensor):
        return _plain(result, right, asked)
    if result is ...:
        raise Wrong("not_attempted", "Write the function, then grade it again.")
    if result is None:
        raise Wrong("nothing_returned", "It returns None: is there a `return` on every way out?")
    if not isinstance(result, np.ndarray | np.generic):
        raise Wrong("type", f"It returns a `{_kind(result)}`: return one tensor.")
    if asked.carries:
        raise Wrong(
            "numpy",
            "It returns a numpy array, which carries no gradient, and by the gradient agents "
            "learn what to say. Write it in torch.",
        )
    if result.dtype.kind not in "fiub":
        raise Wrong("type", f"It returns an array of `{result.dtype}`: return one of numbers.")
    array = torch.from_numpy(np.array(result))
    # numpy makes float64 and int64 unless told otherwise, which is as good here.
    floats = array.is_floating_point() and right.is_floating_point()
    wholes = result.dtype.kind in "iu" and right.dtype is torch.int64
    return array.to(right.dtype) if floats or wholes else array


def _plain(result: Tensor, right: Tensor, asked: Asked) -> Tensor:
    if type(result) is not Tensor:
        result = result.as_subclass(Tensor)
    if result.device.type != "cpu":
        said = f"The result is on the device {result.device.type}: leave it where the inputs are."
        raise Wrong("device", said)
    if result.is_nested or result.is_quantized:
        raise Wrong("type", "It returns a tensor of a special kind: return a plain one.")
    if result.numel() > MANY and result.shape != right.shape:  # an expanded one may take no memory
        raise Wrong("shape", f"The shape {tuple(result.shape)} is more than was asked for.")
    if result.layout is not torch.strided:
        result = result.to_dense()
    wide = result.dtype is torch.float64 and right.dtype is torch.float32
    return result.to(right.dtype) if wide and asked.dtype_is_free else result


def said(error: BaseException) -> str:
    """The first line of what an error says, whatever its class does."""
    try:
        return (str(error).strip() or "no message").splitlines()[0][:500]
    except BaseException:
        return "a message that cannot be shown"


def _kind(value: Any) -> str:
    try:
        return str(type.__getattribute__(type(value), "__name__"))
    except BaseException:
        return "thing"


def _describe(error: BaseException, answer: Callable[..., Any], case: Case) -> Wrong:
    text = said(error)
    if isinstance(error, NotImplementedError) and text == "no message":
        return Wrong("not_attempted", "Write the function, then grade it again.")
    if isinstance(error, MemoryError) or any(words in text for words in MUCH):
        return Wrong("memory", f"With {case.what} it asked for more memory than there is for it.")
    if isinstance(error, RuntimeError) and "Can't call numpy()" in text:
        return Wrong("numpy", "numpy stops the gradient on its way to the sender: stay in torch.")
    where = _line(error, answer)
    return Wrong("raised", f"With {case.what} it raised {_kind(error)}: {text}.{where}")


def _line(error: BaseException, answer: Callable[..., Any]) -> str:
    """The line of the answer that raised, as a sentence."""
    try:
        file = answer.__code__.co_filename
        lines = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == file]
        return f" The line is `{lines[-1].line}`." if lines and lines[-1].line else ""
    except BaseException:  # a callable may do anything when asked for an attribute
        return ""


def close(got: Tensor, right: Tensor, scale: float = 0.0) -> Tensor:
    """Where two tensors of one shape and dtype agree up to rounding: bool, of their shape.

    `scale` is the size of what their numbers are sums of, where it may be larger than they are.
    """
    atol = ATOL
    if right.dtype is torch.float32:  # rounding is of the size of what is summed
        atol *= max(1.0, scale, _size(right))
    return _isclose(got, right, rtol=RTOL, atol=atol, equal_nan=True)


def _size(numbers: Tensor) -> float:
    if not numbers.is_floating_point() or not numbers.numel():
        return 0.0
    return numbers.nan_to_num(0, 0, 0).abs().max().item()


def same(one: Outcome, other: Outcome) -> bool:
    """Whether two outcomes agree in shape, dtype and, up to rounding, in every number, as far as
    both know it: an outcome may be without gradients. Gradients through a softmax are differences
    of terms as large as the result."""
    scale = _size(other["the result"])
    pairs = [(one[name], other[name]) for name in one if name in other]
    return all(
        a.shape == b.shape and a.dtype == b.dtype and bool(close(a, b, scale).all())
        for a, b in pairs
    )


def difference(got: Outcome, right: Outcome) -> tuple[str, str]:
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
    if (value.isnan() & ~expected.isnan()).any():
        return "nan", "the result has NaN: is 0 divided by 0, or is there nothing to choose from?"
    scale = _size(expected)
    name = next(name for name in got if not close(got[name], right[name], scale).all())
    a, b = got[name], right[name]
    at = (~close(a, b, scale)).nonzero()[0].tolist()
    where = f"{name} at {at}" if at else name
    said = f"{where} is {a[tuple(at)]:.4g} and should be {b[tuple(at)]:.4g}."
    if name == "the result":
        return "value", said
    if a.isnan().any():
        return "nan_gradient", (
            f"{said} The values are right, but their gradient is NaN: is there a root, a logarithm "
            "or a quotient that `torch.where` throws away only after it was computed?"
        )
    why = "is something detached on the way?" if b[tuple(at)] else "should something be detached?"
    return "gradient", f"{said} The values are right: {why}"
