"""What an answer did on each input, as JSON of a known shape, so that a process may send it."""

import base64
from typing import Any

import numpy as np

from marl_edu.exercises.engine.comparing import KINDS, Numbers
from marl_edu.exercises.engine.judging import Seen

ROOM = 32 * 2**20  # bytes of numbers that one answer may send


def packed(seen: list[Seen]) -> list[dict[str, Any]]:
    """`seen` as JSON can hold it; a result for which there is no room is refused."""
    room, rows = ROOM, []
    for one in seen:
        size = sum(value.values.nbytes for value in (one.outcome or {}).values())
        if size > room:
            shape = one.outcome["the result"].shape if one.outcome else ()
            one = Seen(None, "shape", f"It returns more than anybody asked for: the shape {shape}.")
        else:
            room -= size
        values = (
            {name: as_json(value) for name, value in one.outcome.items()} if one.outcome else None
        )
        rows.append({"values": values, "mistake": one.mistake, "said": one.said})
    return rows


def as_json(numbers: Numbers) -> list[Any]:
    """Numbers as JSON can hold them: what their dtype is called, numpy's dtype, shape, bytes."""
    values = numbers.values
    data = base64.b64encode(values.tobytes()).decode()
    return [numbers.dtype, values.dtype.str, list(values.shape), data]


def from_json(row: list[Any]) -> Numbers:
    """What `as_json` has made of numbers.

    Raises:
        TypeError, ValueError: it is something else.
    """
    dtype, name, shape, data = row
    kind = np.dtype(name)
    if not isinstance(dtype, str) or kind.kind not in KINDS:
        raise TypeError("no dtype of numbers")
    content = base64.b64decode(data, validate=True)
    values = np.frombuffer(bytearray(content), kind) if content else np.empty(0, kind)
    return Numbers(dtype, values.reshape(shape))


def unpacked(rows: Any, number: int) -> list[Seen]:
    """What `packed` has packed, of so many cases.

    Raises:
        TypeError, ValueError, KeyError: it is something else.
    """
    if len(rows) != number:
        raise ValueError(f"{len(rows)} rows instead of {number}")
    return [_seen(**row) for row in rows]


def _seen(values: Any, mistake: Any, said: Any) -> Seen:
    if not isinstance(mistake, str) or not isinstance(said, str):
        raise TypeError("no text")
    if values is None:
        return Seen(None, mistake, said)
    if "the result" not in values:
        raise KeyError("the result")
    return Seen({name: from_json(row) for name, row in values.items()}, mistake, said)
