"""Files that are whole or not there: checkpoints (safetensors), tables (csv), objects (json).

Every file is written under a temporary name in its own folder, flushed to the disk and then
renamed over the old one. A full disk, Ctrl-C or a power cut leaves the old file as it was.

A checkpoint holds named tensors and a `meta` dictionary, which travels as a JSON string in the
header of the safetensors file next to a format marker and a checksum. What training needs to go
on bit-identically is all tensors or numbers: the network's `state_dict()`, the optimiser
(`pack_optimizer`), and a `torch.Generator` (its `get_state()` is a uint8 tensor).
"""

import csv
import errno
import hashlib
import io
import json
import math
import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from marl_edu.core.settings import plain

FORMAT = "marl_edu/1"  # the marker of our checkpoints; another number = another layout

Number = int | float


def write_atomic(path: str | Path, content: str | bytes, overwrite: bool = True) -> None:
    r"""Writes a whole file or nothing. Makes the folder when it is missing.

    Args:
        path: the file. A link to it stays one; a file that was there keeps its mode.
        content: text (written as UTF-8 with "\n" line ends) or bytes.
        overwrite: False protects a finished result.

    Raises:
        FileExistsError: the file is there and `overwrite` is False.
        OSError: the disk is full or the folder cannot be written. The old file is intact.
    """
    path = Path(path)
    data = content.encode() if isinstance(content, str) else content
    if not overwrite and path.exists():
        raise FileExistsError(
            errno.EEXIST,
            "this finished result is never overwritten; remove it or write to another folder",
            str(path),
        )
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())  # the bytes, before the name points to them
        if target.exists():
            shutil.copymode(target, temporary)
        os.replace(temporary, target)
    except BaseException as error:  # also Ctrl-C must not leave the temporary file behind
        with suppress(OSError):  # the first error is the one to tell
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            reason = error.strerror or str(error)
            message = f"could not write this file ({reason}); what was there before is untouched"
            raise OSError(error.errno or errno.EIO, message, str(path)) from error
        raise


def save_checkpoint(
    path: str | Path, tensors: Mapping[str, Tensor], meta: Mapping[str, Any]
) -> None:
    """Writes named tensors and their `meta` (JSON values only) as one safetensors file.

    Raises:
        TypeError: `meta` holds something that JSON cannot.
        OSError: see `write_atomic`; an older checkpoint at `path` stays intact.
    """
    try:
        text = json.dumps(dict(meta))
    except TypeError as error:
        raise TypeError(f"meta must hold JSON values only: {error}") from error
    # safetensors refuses tensors that share memory (tied weights), hence the clones
    copies = {name: t.detach().cpu().contiguous().clone() for name, t in tensors.items()}
    header = {"format": FORMAT, "meta": text, "sha256": _digest(copies, text)}
    write_atomic(path, safetensors.torch.save(copies, metadata=header))


def load_checkpoint(
    path: str | Path, expect: Mapping[str, Any] | None = None
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Reads a checkpoint written by `save_checkpoint`; no byte of it is ever executed.

    Args:
        path: the file.
        expect: entries which `meta` must hold with exactly these values, e.g. the config.

    Returns:
        (tensors on the CPU, meta). Tuples in `meta` have become lists, as in all JSON.

    Raises:
        FileNotFoundError: no such file.
        ValueError: damaged, not a checkpoint of this package, or another `meta` than expected.
    """
    path = Path(path)
    data = path.read_bytes()
    try:
        tensors = {name: t.clone() for name, t in safetensors.torch.load(data).items()}
        length = int.from_bytes(data[:8], "little")
        header = json.loads(data[8 : 8 + length]).get("__metadata__") or {}
    except (SafetensorError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise ValueError(
            f"{path}: damaged or no safetensors file ({error}); a checkpoint written by "
            f"marl_edu.core.storage.save_checkpoint is taken. If a run left it, remove it to start "
            f"afresh."
        ) from error
    if header.get("format") != FORMAT:
        found = header.get("format")
        raise ValueError(f"{path}: format {found!r} found, only {FORMAT!r} is taken")
    text = header.get("meta", "")
    if header.get("sha256") != _digest(tensors, text):
        raise ValueError(f"{path}: damaged (its checksum differs). Remove it to start afresh.")
    meta = json.loads(text)
    for key, wanted in (expect or {}).items():
        wanted = plain(wanted)
        if key not in meta or not _same(meta[key], wanted):
            what = difference(key, meta.get(key), wanted)
            raise ValueError(f"{path}: made under other settings: {what}")
    return tensors, meta


def pack_optimizer(
    optimizer: torch.optim.Optimizer, prefix: str = "optimizer"
) -> dict[str, Tensor]:
    """Flattens an optimiser's state (e.g. Adam's moments and steps, the learning rates).

    Returns:
        tensors under `<prefix>.<parameter index>.<entry>` and `<prefix>.group<k>.lr`.
    """
    state = optimizer.state_dict()
    tensors: dict[str, Tensor] = {}
    for index, entries in state["state"].items():
        for entry, value in entries.items():
            if isinstance(value, Tensor):
                tensors[f"{prefix}.{index}.{entry}"] = value.detach().clone()
            elif value is not None:
                raise TypeError(f"optimizer state {entry!r} must be a tensor, got {value!r}")
    for k, group in enumerate(state["param_groups"]):
        tensors[f"{prefix}.group{k}.lr"] = torch.tensor(float(group["lr"]), dtype=torch.float64)
    return tensors


def unpack_optimizer(
    optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor], prefix: str = "optimizer"
) -> None:
    """Puts back what `pack_optimizer` took; other entries of `tensors` are ignored.

    Raises:
        ValueError: `tensors` belong to an optimiser of other parameters.
    """
    state = optimizer.state_dict()
    shapes = [p.shape for group in optimizer.param_groups for p in group["params"]]
    groups = {f"group{k}": group for k, group in enumerate(state["param_groups"])}
    state["state"] = {}
    for name, value in tensors.items():
        if not name.startswith(f"{prefix}."):
            continue
        owner, _, entry = name.removeprefix(f"{prefix}.").partition(".")
        if owner in groups and entry == "lr":
            groups.pop(owner)["lr"] = value.item()
            continue
        index = int(owner) if owner.isdigit() else len(shapes)
        if index >= len(shapes) or (value.dim() > 0 and value.shape != shapes[index]):
            raise ValueError(f"{name} {tuple(value.shape)} fits no parameter of this optimizer")
        state["state"].setdefault(index, {})[entry] = value.clone()
    if groups:
        raise ValueError(f"tensors lack {prefix}.{next(iter(groups))}.lr: not this optimizer's")
    optimizer.load_state_dict(state)


def write_rows(path: str | Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Writes rows of numbers as csv, exactly (floats by their shortest exact digits).

    Raises:
        ValueError: the rows do not all have the same columns.
    """
    columns = list(rows[0]) if rows else []
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    for k, row in enumerate(rows):
        if set(row) != set(columns):
            raise ValueError(f"rows must all have the columns {columns}, row {k} has {list(row)}")
        writer.writerow([repr(_number(row[column])) for column in columns])
    write_atomic(path, out.getvalue())


def read_rows(path: str | Path, record: Mapping[str, Any] | None = None) -> list[dict[str, Number]]:
    """Reads what `write_rows` wrote.

    Args:
        path: the csv. record: of its run; its `csv_rows` and `csv_sha256` hold unless None.

    Raises:
        ValueError: a line with too few or too many entries, an entry that is no number, or not the
            file that the record speaks of.
    """
    data = Path(path).read_bytes()
    wanted = (record or {}).get("csv_sha256")
    if wanted is not None and hashlib.sha256(data).hexdigest() != wanted:
        raise ValueError(f"{path}: not as it was written (its record has another sha256)")
    try:
        lines = list(csv.reader(io.StringIO(data.decode(), newline=None), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path}: damaged, no csv ({error})") from error
    columns = lines[0] if lines else []
    if (record or {}).get("csv_rows") not in (None, max(0, len(lines) - 1)):
        raise ValueError(f"{path}: {len(lines) - 1} rows, its record has another number")
    rows = []
    for k, line in enumerate(lines[1:], start=2):
        try:
            rows.append({c: _parse(entry) for c, entry in zip(columns, line, strict=True)})
        except ValueError as error:
            raise ValueError(f"{path}, line {k}: damaged row {line} ({error})") from error
    return rows


def write_json(path: str | Path, record: Mapping[str, Any], overwrite: bool = True) -> None:
    """Writes a record as JSON; NaN and infinities, which JSON lacks, become null."""
    text = json.dumps(finite(record), indent=1, allow_nan=False, ensure_ascii=False)
    write_atomic(path, text + "\n", overwrite)


def read_json(path: str | Path) -> dict[str, Any]:
    """Reads a JSON object. Raises ValueError when the file is damaged or no object."""
    try:
        record = json.loads(Path(path).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: damaged, no JSON ({error})") from error
    if not isinstance(record, dict):
        raise ValueError(f"{path}: a JSON object is taken, got {type(record).__name__}")
    return record


def _digest(tensors: Mapping[str, Tensor], text: str) -> str:
    """sha256 over meta and all tensors: safetensors itself does not notice a flipped bit."""
    total = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        t = tensors[name]
        total.update(f"{name} {t.dtype} {tuple(t.shape)}".encode())
        total.update(t.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return total.hexdigest()


def _same(a: Any, b: Any) -> bool:
    """Equality as in JSON: NaN equals NaN, but True is not 1."""
    return json.dumps(a, sort_keys=True) == json.dumps(b, sort_keys=True)


def difference(key: str, found: Any, wanted: Any) -> str:
    """Says in words what differs; of two dictionaries only the entries that do."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        keys = [k for k in {**found, **wanted} if not _same(found.get(k), wanted.get(k))]
        parts = [difference(f"{key}.{k}", found.get(k), wanted.get(k)) for k in keys]
        return "; ".join(parts)
    return f"{key} is {found!r} in the file, {wanted!r} is taken"


def _number(value: Any) -> Number:
    """A numpy or torch scalar as a Python number. Raises TypeError for anything else."""
    value = value.item() if hasattr(value, "item") else value
    if not isinstance(value, int | float):
        raise TypeError(f"a csv entry must be a number, got {value!r}")
    return value if isinstance(value, float) else int(value)


def _parse(entry: str) -> Number:
    try:
        return int(entry)
    except ValueError:
        return float(entry)


def finite(value: Any) -> Any:
    """The same as plain JSON values; a number that is not finite is None."""
    if isinstance(value, Mapping):
        return {str(k): finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [finite(v) for v in value]
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
