"""What is made anew is made where its input is, wherever torch would make it by itself."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from marl_edu import graphs
from marl_edu.replay import Episodes, Lives, Transitions

HEARS = torch.rand(2, 4, 4, generator=torch.Generator().manual_seed(0)) < 0.5
EDGES = graphs.edges_of(HEARS[0])
NEAR = graphs.neighbours_of(HEARS)
AVAILABLE = torch.ones(2, 3, dtype=torch.bool)
X = torch.rand(2, 4, 1, 3, generator=torch.Generator().manual_seed(1))


def episodes() -> Episodes:
    """Two agents that live for three steps, in each of two worlds."""
    shape, number = (2, 3, 2), torch.arange(12, device="cpu")
    lived = torch.ones(shape, dtype=torch.bool, device="cpu")
    obs = torch.rand(2, 4, 2, 1, generator=torch.Generator().manual_seed(2), device="cpu")
    done = number.view(shape)
    return Episodes(obs, done % 3, done.float(), lived, lived, done[..., None].float())


def kept(replay: Transitions | Lives) -> list[Tensor]:
    """What it writes down of the episodes."""
    rows: dict[str, Tensor] = {}
    replay._write = lambda **given: rows.update(given)
    replay.add(episodes())
    return [*rows.values()]


TRANSITIONS, LIVES = Transitions(20, 1, AVAILABLE), Lives(9, 3, 1, AVAILABLE, 1)
for full in (TRANSITIONS, LIVES):
    full.add(episodes())


def chance() -> torch.Generator:
    return torch.Generator("cpu").manual_seed(3)


MADE: dict[str, Callable[[], list[Tensor]]] = {
    "adjacency": lambda: [graphs.Dense(HEARS).mask],
    "edges": lambda: [*vars(graphs.EdgeList(EDGES, 4)).values()][1:],
    "edges of": lambda: [graphs.edges_of(HEARS[0])],
    "neighbours": lambda: [
        graphs.NeighbourList(*NEAR).mask,
        graphs.NeighbourList(*NEAR).senders(X),
    ],
    "neighbours of": lambda: [*graphs.neighbours_of(HEARS)],
    "empty transitions": lambda: [*Transitions(20, 1, AVAILABLE).fields.values()],
    "empty lives": lambda: [*Lives(9, 3, 1, AVAILABLE, 1).fields.values()],
    "rows of transitions": lambda: kept(Transitions(20, 1, AVAILABLE)),
    "rows of lives": lambda: kept(Lives(9, 3, 1, AVAILABLE, 1)),
    "transitions": lambda: [*TRANSITIONS.draw(5, chance())],
    "lives": lambda: [*LIVES.draw(5, 2, 1, chance())],
}


@pytest.mark.parametrize("name", MADE)
def test_it_is_made_on_the_device_of_its_input(name: str) -> None:
    expected = MADE[name]()
    with torch.device("meta"):  # what is made without naming a device would hold no numbers
        found: list[Any] = MADE[name]()
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert one.device.type == "cpu" and torch.equal(one, other)
