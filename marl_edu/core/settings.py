"""Settings as JSON values: what a run is known by, and what its checkpoint is compared with.

Numbers, texts, lists and dictionaries are themselves; an array is a digest of its numbers. A class
or function with an id (`core.registry`) is that id. Any other is its name and a digest of what it
does, since in a notebook every lambda is `__main__.<lambda>`. The digest covers its code, its
closure, the defaults of its arguments and the globals that it names, in the same way. Comments,
docstrings and line numbers do not count. What an installed package defines is known by its name;
of a function that it made (`parallel_env` of a PettingZoo environment) the closure counts too.
"""

import dataclasses
import dis
import enum
import functools
import hashlib
import json
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from marl_edu.core.registry import name_of

TEXTS = Path | torch.device | torch.dtype | enum.Enum | range | bytes | complex
PYTHON = "Python {}.{}".format(*sys.version_info)  # its code differs from version to version
# What a class's member made of a function (a property, say) keeps that function as.
WRAPPED = ("__func__", "fget", "fset", "fdel", "func", "__wrapped__")


def plain(settings: Any, where: str = "settings") -> Any:
    """A config (dataclass, dictionary, ...) as JSON values: see the top of this file.

    Args:
        where: what error messages call it.
    Raises:
        TypeError: something in it cannot be compared with what another process will hold.
    """
    return _Walk().plain(settings, where)


class _Walk:
    """One way through settings; it knows which functions and classes it is inside of."""

    def __init__(self) -> None:
        self.inside: list[Any] = []

    def plain(self, x: Any, where: str) -> Any:
        """Anything."""
        if isinstance(x, np.bool_ | np.integer | np.floating):
            return x.item()
        if x is None or isinstance(x, str | bool | int | float):
            return x
        if (name := name_of(x)) is not None:
            return name
        if dataclasses.is_dataclass(x) and not isinstance(x, type):
            held = {field.name: getattr(x, field.name) for field in dataclasses.fields(x)}
            return self._mapping(held | ({"made by": type(x)} if callable(x) else {}), where)
        if isinstance(x, Mapping):
            return self._mapping(x, where)
        if isinstance(x, list | tuple):
            return [self.plain(v, f"{where}[{k}]") for k, v in enumerate(x)]
        if isinstance(x, set | frozenset):
            return sorted(json.dumps(self.plain(v, where)) for v in x)
        if isinstance(x, TEXTS):
            return str(x)
        if isinstance(x, Tensor | np.ndarray) and x.dtype != object:
            array = x.detach().cpu().numpy() if isinstance(x, Tensor) else x
            return f"{array.dtype} {array.shape} {_digest(array.tobytes().hex())}"
        return self._callable(x, where)

    def _mapping(self, x: Mapping[Any, Any], where: str) -> dict[str, Any]:
        return {str(key): self.plain(value, f"{where}.{key}") for key, value in x.items()}

    def _callable(self, x: Any, where: str) -> Any:
        if isinstance(x, ModuleType):
            return x.__name__
        if isinstance(x, functools.partial):
            parts = {"function": x.func, "args": x.args, "keywords": x.keywords}
            return self.plain(parts, where)
        if isinstance(x, MethodType):
            return self.plain({"function": x.__func__, "of": x.__self__}, where)
        if not (callable(x) and hasattr(x, "__qualname__")):
            raise TypeError(
                f"{where} must be a number, text, array, class, function or functools.partial of "
                f"these to be kept in a checkpoint, got {x!r}: give the class or function that "
                "makes it an id with marl_edu.core.registry.register, or train without checkpoint"
            )
        module = getattr(x, "__module__", None) or "builtins"
        name, theirs = f"{module}.{x.__qualname__}", _installed(module)
        made = isinstance(x, FunctionType) and "<" in name  # <locals>, <lambda>
        if any(x is one for one in self.inside) or (theirs and not made):
            return name
        self.inside.append(x)
        if isinstance(x, type):
            held = self._class(x, f"{where} ({name})")
        elif isinstance(x, FunctionType):
            held = self._function(x, f"{where} ({name})", follow=not theirs)
        else:  # such as what functools.cache returns
            held = self.plain(getattr(x, "__wrapped__", None), where)
        self.inside.pop()
        return f"{name}, {_digest(held)} in {PYTHON}"

    def _function(self, f: FunctionType, where: str, follow: bool) -> dict[str, Any]:
        cells = zip(f.__code__.co_freevars, f.__closure__ or (), strict=True)
        names = sorted(set(_global_names(f.__code__)) & f.__globals__.keys()) if follow else []
        held = {
            "defaults": f.__defaults__,
            "keyword defaults": f.__kwdefaults__,
            "closure": {name: cell.cell_contents for name, cell in cells if not _empty(cell)},
            "globals": {name: f.__globals__[name] for name in names},
        }
        return {"code": _code(f.__code__, f.__doc__)} | self.plain(held, where)

    def _class(self, c: type, where: str) -> dict[str, Any]:
        """Its bases, what was written in its body, and a dataclass's fields."""
        held: dict[str, Any] = {"bases": [base for base in c.__bases__ if base is not object]}
        for name, member in vars(c).items():
            inner = [getattr(member, key, None) for key in WRAPPED]
            parts = [f for f in [member, *inner] if isinstance(f, FunctionType)]
            if parts:  # "<string>": written by dataclass or NamedTuple, from the fields
                held[name] = [f for f in parts if f.__code__.co_filename != "<string>"]
            elif not name.startswith(("__", "_abc_")) and not hasattr(type(member), "__get__"):
                held[name] = member
        for field in dataclasses.fields(c) if dataclasses.is_dataclass(c) else ():
            held[field.name] = [str(field.type), *_given(field.default, field.default_factory)]
        return self.plain(held, where)


def _given(*values: Any) -> list[Any]:
    return [value for value in values if value is not dataclasses.MISSING]


def _installed(module: str) -> bool:
    """Whether it is of an installed package, of this one, of Python: known by its name."""
    if module == "__main__":
        return False
    if module.partition(".")[0] == __name__.partition(".")[0]:
        return True
    file = getattr(sys.modules.get(module), "__file__", None)
    if file is None:
        return True
    path = Path(file)
    return bool({"site-packages", "dist-packages"} & set(path.parts)) or path.is_relative_to(
        sysconfig.get_path("stdlib")
    )


def _code(code: CodeType, doc: str | None = None) -> list[Any]:
    """What code does, without where it stands."""
    constants = [
        _code(c) if isinstance(c, CodeType) else _constant(c)
        for c in code.co_consts
        if doc is None or c != doc
    ]
    counts = [code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags]
    names = [code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars]
    return [code.co_code.hex(), code.co_exceptiontable.hex(), constants, counts, names]


def _constant(c: Any) -> Any:
    if isinstance(c, frozenset):
        return ["frozenset", *sorted(map(repr, c))]
    return repr(c)


def _global_names(code: CodeType) -> Iterator[str]:
    for line in dis.get_instructions(code):
        if line.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            yield line.argval
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _global_names(inner)


def _empty(cell: Any) -> bool:
    try:
        return cell.cell_contents is cell
    except ValueError:  # a name that nothing was bound to yet
        return True


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
