"""What is checked before a caller is believed: the messages are worded once, here."""

import operator
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, SupportsFloat, SupportsIndex

import numpy as np
import torch
from torch import Tensor


def whole_number(name: str, value: SupportsIndex, at_least: int = 0) -> int:
    """Return `value` as an int, or raise ValueError unless it is a whole number of at least
    `at_least`: an int, or one of numpy's or torch's."""
    found = _index(value)
    if found is None or found < at_least:
        raise ValueError(f"{name} must be a whole number of at least {at_least}, got {value!r}")
    return found


def positive_int(name: str, value: SupportsIndex) -> int:
    """Return `value` as an int, or raise ValueError unless it is a whole number of at least 1."""
    return whole_number(name, value, 1)


def seed_number(value: SupportsIndex) -> int:
    """Return a seed as an int, or raise TypeError unless it is a whole number."""
    found = _index(value)
    if found is None:
        raise TypeError(f"seed must be a whole number or None, got {value!r}")
    return found


def _index(value: Any) -> int | None:
    """A whole number as an int; None: it is something else, such as a truth value."""
    if isinstance(value, bool) or getattr(value, "dtype", None) == torch.bool:
        return None
    try:
        return operator.index(value)
    except TypeError:
        return None


def one_number(value: Any) -> float | None:
    """The number that a number, an array or a tensor holds; None: it holds none, or several."""
    try:
        found = np.asarray(value.detach().cpu().double() if isinstance(value, Tensor) else value)
    except (TypeError, ValueError):
        return None
    return float(found.item()) if found.size == 1 and found.dtype.kind in "biuf" else None


def finite_number(value: Any) -> float | None:
    """As `one_number`; None also where it is not finite, or too large to be so as a float32."""
    found = one_number(value)
    return found if found is not None and abs(found) <= torch.finfo(torch.float32).max else None


def probability(name: str, value: SupportsFloat) -> float:
    """Return `value` as a float, or raise ValueError unless it lies in [0, 1]."""
    found = None if isinstance(value, bool | np.bool_) else one_number(value)
    if found is None or not 0 <= found <= 1:
        raise ValueError(f"{name} must be a number in [0, 1], got {value!r}")
    return found


def did_you_mean(name: str, known: Iterable[str], otherwise: str = "") -> str:
    """The end of a message about an unknown name: a space and the nearest known one, if any is."""
    near = get_close_matches(name, list(known), n=1)
    hint = f"Did you mean {near[0]}?" if near else otherwise
    return hint and f" {hint}"


def truth_value(name: str, value: bool) -> bool:
    """Return `value`, or raise TypeError unless it is True or False."""
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False, got {value!r}")
    return value


def one_of(name: str, value: str, choices: Iterable[str]) -> str:
    """Return `value`, or raise ValueError naming the choices."""
    if value not in choices:
        raise ValueError(f"{name} must be one of {sorted(choices)}, got {value!r}")
    return value


def check_actions(
    actions: Tensor, shape: tuple[int, int], n_actions: int, device: torch.device
) -> None:
    """Raise unless `actions` is an integer tensor `(B, N)` on `device` with entries in range."""
    if not isinstance(actions, Tensor):
        raise TypeError(f"actions must be a torch.Tensor, got {type(actions).__name__}")
    if tuple(actions.shape) != shape:
        raise ValueError(f"actions must have shape (B, N) = {shape}, got {tuple(actions.shape)}")
    if actions.dtype not in (torch.int64, torch.int32):
        raise TypeError(f"actions must be int64 or int32, got {actions.dtype}")
    if actions.device.type != torch.device(device).type:
        raise ValueError(f"actions must be on device {device}, got {actions.device}")
    low, high = actions.aminmax()
    if low < 0 or high >= n_actions:
        raise ValueError(
            f"actions must lie in 0..{n_actions - 1}, got values from {low.item()} to {high.item()}"
        )


def check_continuous_actions(
    actions: Tensor, shape: tuple[int, int, int], device: torch.device
) -> None:
    """Raise unless `actions` is a float tensor `(B, N, A)` on `device` with entries in [0, 1]."""
    if not isinstance(actions, Tensor):
        raise TypeError(f"actions must be a torch.Tensor, got {type(actions).__name__}")
    if not actions.is_floating_point():
        raise TypeError(
            "actions must be numbers in [0, 1], since this environment is continuous, got "
            f"{actions.dtype}: choose among whole numbers with continuous=False"
        )
    if tuple(actions.shape) != shape:
        raise ValueError(f"actions must have shape (B, N, A) = {shape}, got {tuple(actions.shape)}")
    if actions.device.type != torch.device(device).type:
        raise ValueError(f"actions must be on device {device}, got {actions.device}")
    low, high = actions.aminmax()
    if not (low >= 0 and high <= 1):  # NaN lies nowhere
        raise ValueError(
            f"actions must lie in [0, 1], got values from {low.item()} to {high.item()}"
        )
