"""What every environment checks before it believes its caller: the messages are worded once,
here."""

from collections.abc import Iterable

import torch
from torch import Tensor


def whole_number(name: str, value: int, at_least: int = 0) -> int:
    """Return `value`, or raise ValueError unless it is a whole number of at least `at_least`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < at_least:
        raise ValueError(f"{name} must be a whole number of at least {at_least}, got {value!r}")
    return value


def positive_int(name: str, value: int) -> int:
    """Return `value`, or raise ValueError unless it is a whole number of at least 1."""
    return whole_number(name, value, 1)


def probability(name: str, value: float) -> float:
    """Return `value` as a float, or raise ValueError unless it lies in [0, 1]."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 1:
        raise ValueError(f"{name} must be a number in [0, 1], got {value!r}")
    return float(value)


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
