"""Call an answer in torch on one input, and refuse what is no result: numbers and gradients.

What torch alone can do is here: gradients, and the count of writes into a tensor. What came of it
is converted to numpy, in which it is compared; see comparing.py.
"""

from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from marl_edu.exercises.engine.comparing import Numbers, Outcome, same
from marl_edu.exercises.engine.refusing import (
    NOT_DETERMINISTIC,
    TORCH,
    Wrong,
    array_of,
    check_size,
    mutated,
    raised,
    said,
)


class Case(NamedTuple):
    """One input: what is special about it, in words, and the arguments."""

    what: str
    args: tuple[Any, ...]


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
    values = {"the result": result, **dict(zip(leaves, gradients, strict=True))}
    return {name: numbers(value) for name, value in values.items()}


def numbers(tensor: Tensor) -> Numbers:
    """A tensor in numpy."""
    plain = tensor.detach().resolve_conj().resolve_neg()
    try:
        return Numbers(str(plain.dtype), plain.numpy())
    except TypeError:  # numpy does not know the dtype
        return Numbers(str(plain.dtype), plain.to(torch.float32).numpy())


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
        plain = numbers(call(*args).clone())
        _check_unchanged(args, lists, case, asked)
        if (plain.shape, plain.dtype) != (expected.shape, expected.dtype):
            return {"the result": plain}
        try:
            result = outcome(call, case.args, asked.names, asked.learned)
        except RuntimeError as error:
            if asked.carries or "Can't call numpy()" not in said(error):
                raise
            # No gradient is wanted: numpy is as good.
            result = {name: _zeros(value) for name, value in right.items()}
            result["the result"] = numbers(call(*copied(case.args)))
    except Wrong:
        raise
    except BaseException as error:  # an answer may also call sys.exit
        raise _described(error, answer, case) from None
    if not same({"the result": result["the result"]}, {"the result": plain}):
        raise Wrong(*NOT_DETERMINISTIC)
    return result


def _zeros(like: Numbers) -> Numbers:
    return Numbers(like.dtype, np.zeros_like(like.values))


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
            raise mutated(name, TORCH)


def _equal(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors hold the same, NaN at the same places."""
    if one.shape != other.shape:
        return False
    return bool(((one == other) | (one.isnan() & other.isnan())).all())


def as_tensor(result: Any, right: Numbers, asked: Asked) -> Tensor:
    """What an answer returned as a plain dense tensor; `right` is the right one.

    Raises:
        Wrong: it cannot be one.
    """
    if isinstance(result, Tensor):
        return _plain(result, right, asked)
    if asked.carries and isinstance(result, np.ndarray | np.generic):
        raise Wrong(
            "numpy",
            "It returns a numpy array, which carries no gradient, and by the gradient agents "
            "learn what to say. Write it in torch.",
        )
    return torch.from_numpy(array_of(result, right.values.dtype, TORCH))


def _plain(result: Tensor, right: Numbers, asked: Asked) -> Tensor:
    if type(result) is not Tensor:
        result = result.as_subclass(Tensor)
    if result.device.type != "cpu":
        said = f"The result is on the device {result.device.type}: leave it where the inputs are."
        raise Wrong("device", said)
    if result.is_nested or result.is_quantized:
        raise Wrong("type", "It returns a tensor of a special kind: return a plain one.")
    check_size(tuple(result.shape), right.shape)
    if result.layout is not torch.strided:
        result = result.to_dense()
    wide = result.dtype is torch.float64 and right.values.dtype == np.float32
    return result.to(torch.float32) if wide and asked.dtype_is_free else result


def _described(error: BaseException, answer: Callable[..., Any], case: Case) -> Wrong:
    if isinstance(error, RuntimeError) and "Can't call numpy()" in said(error):
        return Wrong("numpy", "numpy stops the gradient on its way to the sender: stay in torch.")
    try:
        file = str(answer.__code__.co_filename)
    except BaseException:  # a callable may do anything when asked for an attribute
        file = ""
    return raised(error, file, case.what)
