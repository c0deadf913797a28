"""Names that outlive files and folders.

Stored runs and checkpoints know an environment or a layer by its name here, never by its import
path. So you can move and rename it in the code without orphaning a result.
"""

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T", bound=Callable[..., Any])

_NAMES: dict[Any, str] = {}


def register(name: str) -> Callable[[T], T]:
    """Decorator: this class or function is called `name` forever.

    A cell of a notebook that is run again defines it again, under the same name.

    Raises:
        ValueError: something else has that name.
    """

    def note(thing: T) -> T:
        for other in [other for other, known in _NAMES.items() if known == name]:
            if (other.__module__, other.__qualname__) != (thing.__module__, thing.__qualname__):
                raise ValueError(f"{name!r} is the name of {other.__qualname__} already")
            del _NAMES[other]
        _NAMES[thing] = name
        return thing

    return note


def name_of(thing: Any) -> str | None:
    """The name of a class or function; None if it was never given one."""
    return _NAMES.get(thing) if isinstance(thing, Hashable) and callable(thing) else None


def registered() -> dict[str, Any]:
    """Everything that has a name, in the modules imported so far."""
    return {name: thing for thing, name in _NAMES.items()}
