"""The relay: who is asked, by a second route; its exact anchors; many agents; its errors."""

from xml.etree import ElementTree

import networkx
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from marl_edu.envs import Relay
from marl_edu.envs.baselines.relay import Listen
from marl_edu.envs.baselines.task import scores
from tests.unchecked import unchecked

GRAPHS = st.sampled_from(["radius", "nearest"])


def graph_of(world, b):
    """World b as a networkx graph, an edge from whom is heard to who hears it."""
    graph = networkx.DiGraph()
    graph.add_nodes_from(range(world.n_agents))
    hears = world.adjacency()[b].tolist()
    for i, row in enumerate(hears):
        graph.add_edges_from((j, i) for j, there in enumerate(row) if there)
    return graph


@settings(max_examples=40)
@given(st.integers(1, 30), st.integers(1, 3), st.integers(2, 4), GRAPHS, st.integers(0, 10**6))
def test_who_is_asked_and_for_what(n_agents, hops, symbols, kind, seed):
    world = Relay(n_agents, hops, symbols, kind, k=3, degree=4.0, batch_size=3)
    obs = world.reset(seed)
    for b in range(3):
        graph, held = graph_of(world, b), {}
        for i in range(n_agents):
            source, *code = obs[b, i].tolist()
            assert sum(code) == source
            if source:
                held[i] = code.index(1.0)
        for i in range(n_agents):
            away = {}
            for j, symbol in held.items():
                if networkx.has_path(graph, j, i):
                    away.setdefault(networkx.shortest_path_length(graph, j, i), set()).add(symbol)
            nearest = min(away, default=hops + 1)
            assert world.hop_distance[b, i] == min(nearest, hops + 1)
            asked = nearest == hops and len(away[hops]) == 1
            assert world.asked[b, i] == asked
            if asked:
                assert away[hops] == {int(world.answer[b, i])}
    answers = (world.answer + torch.arange(n_agents) % 2) % symbols
    _, reward, terminated, truncated, info = world.step(answers)
    assert torch.equal(reward, (world.asked & (answers == world.answer)).float())
    assert terminated.all() and not truncated.any() and not info["alive"].any()
    for b in range(3):
        asked = world.asked[b].sum().item()
        assert info["success"][b].item() == pytest.approx(
            reward[b].sum().item() / asked if asked else 1
        )


@pytest.mark.parametrize("kind", ["radius", "nearest"])
@pytest.mark.parametrize("hops", [1, 2, 3])
def test_fewer_rounds_than_hops_are_worth_nothing_and_enough_are_worth_all(hops, kind):
    world = Relay(64, hops, 4, kind, batch_size=200)
    for rounds in range(hops):
        found = scores(world, Listen(rounds), 800)["success"]
        assert abs(found.mean() - 1 / 4) < 4 * found.std() / len(found) ** 0.5
    assert (scores(world, Listen(hops), 800)["success"] == 1).all()


def test_below_the_hops_nothing_depends_on_the_symbols():
    """The proof in the docstring, run: other symbols, and what an asked agent has heard is the
    same until the last round."""
    world = Relay(40, 3, 4, batch_size=50)
    world.reset(1)
    asked, before = world.asked, world.heard(2)
    world.symbol = (world.symbol + 1) % 4
    assert torch.equal(before[asked], world.heard(2)[asked]) and not before[asked].any()


def test_somebody_is_asked_and_many_are():
    world = Relay(64, 2, batch_size=500)
    world.reset(0)
    assert world.asked.any(1).float().mean() > 0.995
    assert 0.1 < world.asked.float().mean() < 0.6


def test_the_mean_number_of_neighbours_is_the_degree_away_from_the_border():
    world = Relay(900, 1, degree=6.0, batch_size=8)
    world.reset(0)
    inside = ((world.position > 2) & (world.position < 28)).all(-1)
    assert world.edges()[1].sum(-1)[inside].float().mean() == pytest.approx(6.0, abs=0.25)
    hears = world.adjacency()
    assert torch.equal(hears, hears.transpose(1, 2)) and hears.diagonal(dim1=1, dim2=2).all()


def test_four_thousand_agents():
    world = Relay(4096, 3, batch_size=1)
    world.reset(0)
    index, mask = world.edges()
    assert index.shape == mask.shape and index.shape[-1] < 40
    assert world.step(Listen(3)(world))[-1]["success"].item() == 1


def test_a_smaller_batch_is_a_slice_and_seeds_repeat():
    small, large = Relay(20, 2, batch_size=3), Relay(20, 2, batch_size=8)
    assert torch.equal(small.reset(5), large.reset(5)[:3])
    assert torch.equal(small.asked, large.asked[:3])
    first = small.reset(5)
    assert torch.equal(first, small.reset(5)) and not torch.equal(first, small.reset(6))


def test_render_is_a_picture_of_all_agents():
    world = Relay(30, 2, batch_size=1)
    world.reset(0)
    for picture in (world.render(), world.step(world.answer) and world.render()):
        root = ElementTree.fromstring(picture)
        assert len(root.findall(".//{*}circle")) == 30
        assert "30 agents" in root.get("aria-label") and "2 hops away" in root.get("aria-label")
    assert "✓" in picture and "✗" not in picture
    big = Relay(2000, 1, batch_size=1)
    big.reset(0)
    assert len(big.render()) < 40_000


def test_bad_input_is_named():
    with unchecked():
        for name, value in (("n_agents", 0), ("hops", 0), ("k", 1.5)):
            with pytest.raises(ValueError, match=f"{name} must be a whole number of at least 1"):
                Relay(**{name: value})
        with pytest.raises(ValueError, match="symbols must be a whole number of at least 2, got 1"):
            Relay(symbols=1)
        with pytest.raises(ValueError, match=r"graph must be one of \['nearest', 'radius'\]"):
            Relay(graph="ring")
        with pytest.raises(ValueError, match="degree must be a number above 0, got 0"):
            Relay(degree=0)
