"""What an answer did on each input, as JSON of a known shape, so that a process may send it."""

import base64
from typing import Any, NamedTuple

import torch

from marl_edu.exercises.engine.isolation import Garbled
from marl_edu.exercises.engine.trying import Outcome

ROOM = 32 * 2**20  # bytes of numbers that one answer may send
_DTYPES = {
    str(dtype): dtype
    for dtype in (getattr(torch, name) for name in dir(torch))
    if isinstance(dtype, torch.dtype)
}


class Seen(NamedTuple):
    """What an answer did on one input: an outcome, or why there is none."""

    outcome: Outcome | None
    mistake: str = ""
    said: str = ""


def packed(seen: list[Seen]) -> list[dict[str, Any]]:
    """`seen` as JSON can hold it; a result for which there is no room is refused."""
    room, rows = ROOM, []
    for one in seen:
        tensors = (one.outcome or {}).values()
        size = sum(tensor.numel() * tensor.element_size() for tensor in tensors)
        if size > room:
            shape = tuple(one.outcome["the result"].shape) if one.outcome else ()
            one = Seen(None, "shape", f"It returns more than anybody asked for: the shape {shape}.")
        else:
            room -= size
        values = (
            {name: _packed(value) for name, value in one.outcome.items()} if one.outcome else None
        )
        rows.append({"values": values, "mistake": one.mistake, "said": one.said})
    return rows


def _packed(tensor: torch.Tensor) -> dict[str, Any]:
    plain = tensor.detach().resolve_conj().resolve_neg()
    # Even of one expanded number, which calls itself contiguous, a clone has strides of its own.
    flat = plain.clone(memory_format=torch.contiguous_format).view(-1)
    data = base64.b64encode(flat.view(torch.uint8).numpy().tobytes()).decode()
    return {"dtype": str(tensor.dtype), "shape": list(tensor.shape), "data": data}


def unpacked(rows: Any, number: int) -> list[Seen]:
    """What `packed` has packed, of so many cases.

    Raises:
        Garbled: `rows` is something else.
    """
    try:
        if len(rows) != number:
            raise ValueError
        return [_seen(**row) for row in rows]
    except (TypeError, ValueError, KeyError, RuntimeError):
        raise Garbled from None


def _seen(values: Any, mistake: Any, said: Any) -> Seen:
    if not isinstance(mistake, str) or not isinstance(said, str):
        raise TypeError
    if values is None:
        return Seen(None, mistake, said)
    if "the result" not in values:
        raise KeyError
    return Seen({name: _numbers(**row) for name, row in values.items()}, mistake, said)


def _numbers(dtype: str, shape: list[int], data: str) -> torch.Tensor:
    kind = _DTYPES[dtype]
    content = bytearray(base64.b64decode(data, validate=True))
    if not content:
        return torch.empty(shape, dtype=kind)
    return torch.frombuffer(content, dtype=torch.uint8).view(kind).view(shape)
