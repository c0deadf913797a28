"""The relay: who is asked, by a second route; its exact anchors; many agents; its errors."""

from xml.etree import ElementTree

import networkx
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from marl_edu.core.evaluate import play_episodes
from marl_edu.envs import Relay
from marl_edu.envs.baselines.relay import Listen
from tests.unchecked import unchecked

GRAPHS = st.sampled_from(["radius", "nearest"])


def graph_of(env, b):
    """Environment b as a networkx graph, an edge from whom is heard to who hears it."""
    graph = networkx.DiGraph()
    graph.add_nodes_from(range(env.n_agents))
    adjacency = env.adjacency()[b].tolist()
    for i, row in enumerate(adjacency):
        graph.add_edges_from((j, i) for j, there in enumerate(row) if there)
    return graph


@settings(max_examples=40)
@given(st.integers(1, 30), st.integers(1, 3), st.integers(2, 4), GRAPHS, st.integers(0, 10**6))
def test_who_is_asked_and_for_what(n_agents, hops, symbols, kind, seed):
    env = Relay(n_agents, hops, symbols, kind, k=3, degree=4.0, num_envs=3)
    obs = env.reset(seed)
    for b in range(3):
        graph, held = graph_of(env, b), {}
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
            assert env.hop_distance[b, i] == min(nearest, hops + 1)
            asked = nearest == hops and len(away[hops]) == 1
            assert env.asked[b, i] == asked
            if asked:
                assert away[hops] == {int(env.answer[b, i])}
    answers = (env.answer + torch.arange(n_agents) % 2) % symbols
    _, reward, terminated, truncated, info = env.step(answers)
    assert torch.equal(reward, (env.asked & (answers == env.answer)).float())
    assert terminated.all() and not truncated.any() and not info["alive"].any()
    for b in range(3):
        asked = env.asked[b].sum().item()
        assert info["success"][b].item() == pytest.approx(
            reward[b].sum().item() / asked if asked else 1
        )


@pytest.mark.long
@pytest.mark.parametrize("kind", ["radius", "nearest"])
@pytest.mark.parametrize("hops", [1, 2, 3])
def test_fewer_rounds_than_hops_are_worth_nothing_and_enough_are_worth_all(hops, kind):
    env = Relay(64, hops, 4, kind, num_envs=200)
    for rounds in range(hops):
        found = play_episodes(env, Listen(rounds), 800)["success"]
        assert abs(found.mean() - 1 / 4) < 4 * found.std() / len(found) ** 0.5
    assert (play_episodes(env, Listen(hops), 800)["success"] == 1).all()


def test_below_the_hops_nothing_depends_on_the_symbols():
    """The proof in the docstring, run: other symbols, and what an asked agent has heard is the
    same until the last round."""
    env = Relay(40, 3, 4, num_envs=50)
    env.reset(1)
    asked, before = env.asked, env.heard(2)
    env.symbol = (env.symbol + 1) % 4
    assert torch.equal(before[asked], env.heard(2)[asked]) and not before[asked].any()


def test_somebody_is_asked_and_many_are():
    env = Relay(64, 2, num_envs=500)
    env.reset(0)
    assert env.asked.any(1).float().mean() > 0.995
    assert 0.1 < env.asked.float().mean() < 0.6


def test_the_mean_number_of_neighbours_is_the_degree_away_from_the_border():
    env = Relay(900, 1, degree=6.0, num_envs=8)
    env.reset(0)
    inside = ((env.position > 2) & (env.position < 28)).all(-1)
    assert env.edges()[1].sum(-1)[inside].float().mean() == pytest.approx(6.0, abs=0.25)
    adjacency = env.adjacency()
    assert (
        torch.equal(adjacency, adjacency.transpose(1, 2))
        and adjacency.diagonal(dim1=1, dim2=2).all()
    )


def test_four_thousand_agents():
    env = Relay(4096, 3, num_envs=1)
    env.reset(0)
    index, mask = env.edges()
    assert index.shape == mask.shape and index.shape[-1] < 40
    assert env.step(Listen(3)(env))[-1]["success"].item() == 1


def test_a_smaller_batch_is_a_slice_and_seeds_repeat():
    small, large = Relay(20, 2, num_envs=3), Relay(20, 2, num_envs=8)
    assert torch.equal(small.reset(5), large.reset(5)[:3])
    assert torch.equal(small.asked, large.asked[:3])
    first = small.reset(5)
    assert torch.equal(first, small.reset(5)) and not torch.equal(first, small.reset(6))


def test_render_is_a_picture_of_all_agents():
    env = Relay(30, 2, num_envs=1)
    env.reset(0)
    for picture in (env.render(), env.step(env.answer) and env.render()):
        root = ElementTree.fromstring(picture)
        assert len(root.findall(".//{*}circle")) == 30
        assert "30 agents" in root.get("aria-label") and "2 hops away" in root.get("aria-label")
    assert "✓" in picture and "✗" not in picture
    big = Relay(2000, 1, num_envs=1)
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
