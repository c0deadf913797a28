"""What a stored run is: ids that no move touches, and the settings that differ from frozen
defaults.

A run is identified by the ids of its algorithm, its environment and its evaluation, by its seed and
its number of episodes. It is also identified by the settings that differ from the defaults in
`schema.json`. That file is a list of layers, and only grows:

- A new field with its default goes into the last layer: no stored run has it, all stored runs
  behaved as with its default, so they keep their identity.
- A default that changes needs a new layer with the next number. A field's first default stays what
  identities are counted from, so that a run under the new default is another run than one under
  the old.
- A field that is gone stays in its layer; the code's Config need not have it.

`check` compares the file with the code; a test calls it.
"""

import hashlib
import inspect
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from marl_edu.core import storage
from marl_edu.core.settings import plain

SCHEMA = Path(__file__).with_name("schema.json")
OF_THE_RUN = ("num_envs", "device", "seed")  # arguments of an environment that no `env_args` hold


def load_schema(path: Path = SCHEMA) -> list[dict[str, Any]]:
    """The layers, first to last."""
    return storage.read_json(path)["layers"]


def defaults(layers: list[dict[str, Any]], kind: str, name: str, first: bool) -> dict[str, Any]:
    """The frozen defaults of an algorithm or an environment.

    Args:
        kind: "algorithms" or "envs". name: its id. first: those that identities are counted from;
            else those of the last layer.
    """
    found: dict[str, Any] = {}
    for layer in layers:
        own = layer[kind].get(name, {})
        found = own | found if first else found | own
    return found


def different(settings: Mapping[str, Any], frozen: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that are not as frozen; one that was never frozen always counts."""
    return {k: v for k, v in settings.items() if k not in frozen or frozen[k] != v}


def identity(
    algorithm: str,
    env: str | None,
    evaluator: str,
    episodes: int,
    settings: Mapping[str, Any],
    layers: list[dict[str, Any]] | None = None,
) -> str:
    """Sixteen hexadecimal digits by which a run is known.

    Args:
        algorithm, env, evaluator: ids. episodes: of the final evaluation.
        settings: all of the run's, as JSON values (`core.settings.plain`), the seed among them.
    """
    layers = load_schema() if layers is None else layers
    own = different(settings, defaults(layers, "algorithms", algorithm, first=True))
    own.pop("env", None)
    own["seed"] = settings["seed"]
    if "env_args" in settings:
        own["env_args"] = _different_env(env, settings["env_args"], layers)
    what = {"algorithm": algorithm, "env": env, "evaluator": evaluator, "episodes": episodes}
    text = json.dumps(what | {"settings": own}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _different_env(
    env: str | None, args: Mapping[str, Any] | None, layers: list[Any]
) -> dict[str, Any]:
    """The arguments of an environment that are not as frozen; those of one it wraps likewise."""
    own = different(args or {}, defaults(layers, "envs", env or "", first=True))
    if "env_args" in own:
        own["env_args"] = _different_env(own.get("env"), own["env_args"], layers)
    return own


def defaults_of_config(config: Any) -> dict[str, Any]:
    """The defaults of a Config in the code, as JSON values; fields without one are left out."""
    found = {}
    for field in fields(config):
        value = field.default
        if value is MISSING and field.default_factory is not MISSING:
            value = field.default_factory()
        if value is not MISSING:
            found[field.name] = plain(value)
    return found


def defaults_of_env(make: Callable[..., Any]) -> dict[str, Any]:
    """The defaults of an environment's arguments in the code, as JSON values."""
    return {
        name: plain(argument.default)
        for name, argument in inspect.signature(make).parameters.items()
        if argument.default is not argument.empty and name not in OF_THE_RUN
    }


def check(
    algorithms: Mapping[str, type],
    envs: Mapping[str, Callable[..., Any]],
    layers: list[Any] | None = None,
) -> Iterator[str]:
    """Where the code and the schema disagree, in words that say what to do.

    Args:
        algorithms: id -> its Config. envs: id -> what makes the environment.
    """
    layers = load_schema() if layers is None else layers
    number = layers[-1]["schema"]
    for kind, known, read in (
        ("algorithms", algorithms, defaults_of_config),
        ("envs", envs, defaults_of_env),
    ):
        for name, thing in known.items():
            frozen = defaults(layers, kind, name, first=False)
            for key, value in read(thing).items():
                where = f"{kind}.{name}.{key}"
                if key not in frozen:
                    yield f"{where} is new: add it with its default {value!r} to the last layer"
                elif frozen[key] != value:
                    yield (
                        f"{where} is {value!r} in the code and {frozen[key]!r} in schema {number}: "
                        f"a changed default needs a layer with schema {number + 1}"
                    )
