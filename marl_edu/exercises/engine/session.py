"""The state in which every answer is judged, whatever the session has set before.

A notebook may have switched gradients off, changed the default dtype or device, or seeded the
random numbers. None of this may decide a verdict, and a verdict may change none of it.
"""

import os
import random
import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import numpy as np
import torch

PATIENCE = 30  # seconds for another thread's verdict; one that was given up may never let go
_one_at_a_time = threading.RLock()  # the state is the process's: threads would restore each other's


def _renew() -> None:
    """In a fork: whoever held the lock is not here to release it."""
    global _one_at_a_time
    _one_at_a_time = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)


@contextmanager
def known_state() -> Iterator[None]:
    """Gradients on, float32 on the CPU, seeded random numbers; afterwards all is as it was."""
    lock = _one_at_a_time
    with ExitStack() as stack:
        if lock.acquire(timeout=PATIENCE):
            stack.callback(lock.release)
        enter, after = stack.enter_context, stack.callback
        enter(torch.inference_mode(False))
        enter(torch.enable_grad())
        enter(torch.autocast("cpu", enabled=False))
        enter(torch.autograd.set_detect_anomaly(False))
        after(torch.set_default_dtype, torch.get_default_dtype())
        torch.set_default_dtype(torch.float32)
        if torch.get_default_device().type != "cpu":
            enter(torch.device("cpu"))
        after(torch.set_float32_matmul_precision, torch.get_float32_matmul_precision())
        torch.set_float32_matmul_precision("highest")
        warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
        deterministic = torch.are_deterministic_algorithms_enabled()
        if deterministic:
            after(torch.use_deterministic_algorithms, True, warn_only=warn_only)
            torch.use_deterministic_algorithms(False)
        enter(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        enter(np.errstate(all="warn"))
        _seed(stack)
        yield


def _seed(stack: ExitStack) -> None:
    """Seed every generator that an answer may draw from; `stack` puts them back."""
    stack.callback(random.setstate, random.getstate())
    random.seed(0)
    stack.callback(np.random.set_state, np.random.get_state())
    np.random.seed(0)
    # Not torch.manual_seed, which would seed accelerators as well.
    stack.callback(torch.default_generator.set_state, torch.default_generator.get_state())
    torch.default_generator.manual_seed(0)
