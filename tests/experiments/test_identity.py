"""What a stored run is called: by ids and by settings that differ from frozen defaults."""

import copy
from collections.abc import Iterator
from dataclasses import field, make_dataclass

import pytest
from torch import nn

from marl_edu import results
from marl_edu.core import storage
from marl_edu.core.registry import registered
from marl_edu.experiments import identity as names
from marl_edu.experiments.catalogue import EXPERIMENTS, POLICIES
from marl_edu.experiments.methods import ALGORITHMS
from marl_edu.experiments.run import Run

LAYERS = names.load_schema()
CONFIGS = {algorithm.id: algorithm.config for algorithm in ALGORITHMS.values()}
ENVS = {
    name: make
    for name, make in registered().items()
    if not (isinstance(make, type) and issubclass(make, nn.Module))
}


def with_field(config: type, name: str, default) -> type:
    """The same Config with a field more, or with another default for one that it has."""
    kind = type(default)
    return make_dataclass(
        config.__name__, [(name, kind, field(default=default))], bases=(config,), frozen=True
    )


def stored() -> Iterator[tuple[Run, dict]]:
    for experiment in EXPERIMENTS.values():
        for seed in range(experiment.seeds):
            run = Run(experiment, seed, results.RESULTS, POLICIES)
            if run.record.exists():
                yield run, storage.read_json(run.record)


def test_every_stored_record_has_the_identity_that_todays_code_gives_it():
    found = {run.record: (record, run.identity) for run, record in stored()}
    assert set(found) == set(results.RESULTS.glob("*/seed-*.json"))
    for path, (record, today) in found.items():
        ids = {key: record[key] for key in ("algorithm", "env", "evaluator", "episodes")}
        of_its_settings = names.identity(**ids, settings=record["settings"], layers=LAYERS)
        assert record["identity"] == of_its_settings == today, path


def test_no_two_records_have_the_same_identity():
    digits = [record["identity"] for _, record in stored()]
    assert len(set(digits)) == len(digits)


def test_every_kept_policy_has_the_identity_of_its_record():
    found = sorted(POLICIES.glob("*.safetensors"))
    known = {run.policy: record for run, record in stored()}
    assert found and set(found) <= set(known)
    for path in found:
        meta = storage.load_checkpoint(path)[1]
        assert meta["identity"] == known[path]["identity"], path
        assert meta["settings"] == known[path]["settings"], path


def test_the_code_and_the_schema_agree():
    assert list(names.check(CONFIGS, ENVS, LAYERS)) == []


def test_a_new_field_orphans_nothing():
    """On a copy: it is named until it stands in the last layer; identities stay, with it or not."""
    new = {**CONFIGS, "dqn": with_field(CONFIGS["dqn"], "n_step", 1)}
    (said,) = names.check(new, ENVS, LAYERS)
    assert said == "algorithms.dqn.n_step is new: add it with its default 1 to the last layer"
    layers = copy.deepcopy(LAYERS)
    layers[-1]["algorithms"]["dqn"]["n_step"] = 1
    assert list(names.check(new, ENVS, layers)) == []
    record = storage.read_json(results.RESULTS / "dqn-tmaze" / "seed-0.json")
    what = {key: record[key] for key in ("algorithm", "env", "evaluator", "episodes", "settings")}
    assert names.identity(**what, layers=layers) == record["identity"]
    what["settings"] = what["settings"] | {"n_step": 1}
    assert names.identity(**what, layers=layers) == record["identity"]
    what["settings"] = what["settings"] | {"n_step": 3}
    assert names.identity(**what, layers=layers) != record["identity"]


@pytest.mark.parametrize("kind, name, key", [("algorithms", "dqn", "gamma"),
                                             ("envs", "t-maze", "length")])  # fmt: skip
def test_a_changed_default_needs_a_new_number(kind, name, key):
    """On a copy: the test names the field; under the next number, runs before and after differ."""
    configs, envs = dict(CONFIGS), dict(ENVS)
    if kind == "algorithms":
        configs[name] = with_field(configs[name], key, 0.5)
        new = 0.5
    else:

        def other(length: int = 77, witness: bool = False):
            raise NotImplementedError

        envs[name] = other
        new = 77
    (said,) = names.check(configs, envs, LAYERS)
    number = LAYERS[-1]["schema"]
    assert f"{kind}.{name}.{key} is {new} in the code" in said
    assert f"needs a layer with schema {number + 1}" in said
    added = {"schema": number + 1, "algorithms": {}, "envs": {}}
    added[kind] = {name: {key: new}}
    layers = [*copy.deepcopy(LAYERS), added]
    assert list(names.check(configs, envs, layers)) == []
    record = storage.read_json(results.RESULTS / "dqn-tmaze" / "seed-0.json")
    what = {key: record[key] for key in ("algorithm", "env", "evaluator", "episodes", "settings")}
    assert names.identity(**what, layers=layers) == record["identity"]
    if kind == "algorithms":
        what["settings"] = what["settings"] | {key: new}
    else:
        what["settings"] = what["settings"] | {"env_args": {key: new}}
    assert names.identity(**what, layers=layers) != record["identity"]


def test_arguments_of_a_wrapped_environment_are_compared_too():
    inner = {"env": "t-maze", "env_args": {}}
    layers = [{"schema": 1, "algorithms": {}, "envs": {"t-maze": {"length": 10}, "flicker": {}}}]

    def called(args):
        settings = {"seed": 0, "env": "flicker", "env_args": args}
        return names.identity("x", "flicker", "q", 9, settings, layers)

    assert called(inner) == called({**inner, "env_args": {"length": 10}})
    assert called(inner) != called({**inner, "env_args": {"length": 9}})
    assert called(inner) != called({**inner, "env": "relay"})
