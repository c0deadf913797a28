"""What is made anew is made where its input is, wherever torch would make it by itself."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from marl_edu.core import graphs, ops
from marl_edu.training.replay import Episodes, ReplayBuffer, SequenceReplay

ADJACENCY = torch.rand(2, 4, 4, generator=torch.Generator().manual_seed(0)) < 0.5
EDGES = graphs.edges_of(ADJACENCY[0])
NEAR = graphs.neighbours_of(ADJACENCY)
AVAILABLE = torch.ones(2, 3, dtype=torch.bool)
X = torch.rand(2, 4, 1, 3, generator=torch.Generator().manual_seed(1))


def episodes() -> Episodes:
    """Two agents of three steps each, in each of two environments."""
    shape, number = (2, 3, 2), torch.arange(12, device="cpu")
    alive = torch.ones(shape, dtype=torch.bool, device="cpu")
    obs = torch.rand(2, 4, 2, 1, generator=torch.Generator().manual_seed(2), device="cpu")
    done = number.view(shape)
    return Episodes(obs, done % 3, done.float(), alive, ~alive, done[..., None].float())


def kept(replay: ReplayBuffer | SequenceReplay) -> list[Tensor]:
    """What it writes down of the episodes."""
    rows: dict[str, Tensor] = {}
    replay._write = lambda **given: rows.update(given)
    replay.add(episodes())
    return [*rows.values()]


TRANSITIONS, SEQUENCES = ReplayBuffer(20, 1, AVAILABLE), SequenceReplay(9, 3, 1, AVAILABLE, 1)
for full in (TRANSITIONS, SEQUENCES):
    full.add(episodes())


def chance() -> torch.Generator:
    return torch.Generator("cpu").manual_seed(3)


MADE: dict[str, Callable[[], list[Tensor]]] = {
    "mean of others": lambda: [*ops.mean_of_others(X[:, :, 0], ADJACENCY)],
    "act": lambda: [ops.act(X[..., 0, :], chance())],
    "epsilon greedy": lambda: [ops.epsilon_greedy(X[..., 0, :], 0.5, AVAILABLE[0], chance())],
    "adjacency": lambda: [graphs.Dense(ADJACENCY).mask],
    "edges": lambda: [*vars(graphs.EdgeList(EDGES, 4)).values()][1:],
    "edges of": lambda: [graphs.edges_of(ADJACENCY[0])],
    "neighbours": lambda: [
        graphs.NeighbourList(*NEAR).mask,
        graphs.NeighbourList(*NEAR).senders(X),
    ],
    "neighbours of": lambda: [*graphs.neighbours_of(ADJACENCY)],
    "empty transitions": lambda: [*ReplayBuffer(20, 1, AVAILABLE).fields.values()],
    "empty sequences": lambda: [*SequenceReplay(9, 3, 1, AVAILABLE, 1).fields.values()],
    "rows of transitions": lambda: kept(ReplayBuffer(20, 1, AVAILABLE)),
    "rows of sequences": lambda: kept(SequenceReplay(9, 3, 1, AVAILABLE, 1)),
    "transitions": lambda: [*TRANSITIONS.sample(5, chance())],
    "sequences": lambda: [*SEQUENCES.sample(5, 2, 1, chance())],
}


@pytest.mark.parametrize("name", MADE)
def test_it_is_made_on_the_device_of_its_input(name: str) -> None:
    expected = MADE[name]()
    with torch.device("meta"):  # what is made without naming a device would hold no numbers
        found: list[Any] = MADE[name]()
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert one.device.type == "cpu" and torch.equal(one, other)
