"""Papers that cite each other: what is drawn, and that the recipe touches only what it may."""

import pytest
import torch

from marl_edu.algos import gat
from marl_edu.experiments import node_classification


@pytest.fixture(scope="module")
def papers():
    return node_classification.draw_papers(0)


def test_the_graph_is_of_the_size_and_kind_of_cora(papers):
    assert papers.features.shape == (2700, 500) and papers.topic.unique().tolist() == [*range(7)]
    links = papers.edges.shape[1] / 2
    assert 5000 < links < 5400
    home = (papers.topic[papers.edges[0]] == papers.topic[papers.edges[1]]).float().mean()
    assert 0.75 < home < 0.90
    degree = papers.edges[1].bincount(minlength=2700)
    assert degree.float().mean() == pytest.approx(3.9, abs=0.3) and degree.max() > 4 * 3.9


def test_links_go_both_ways_and_none_comes_twice_or_leads_to_itself(papers):
    pairs = {*map(tuple, papers.edges.T.tolist())}
    assert len(pairs) == papers.edges.shape[1]
    assert all((j, i) in pairs and i != j for i, j in pairs)


def test_a_paper_has_a_few_words_and_its_row_sums_to_one(papers):
    torch.testing.assert_close(papers.features.sum(1), torch.ones(2700))
    words = (papers.features > 0).sum(1)
    assert words.min() >= 3 and words.max() <= 28


def test_twenty_of_each_topic_are_labelled_and_nothing_is_in_two_parts(papers):
    assert papers.topic[papers.labelled].bincount().tolist() == [20] * 7
    parts = torch.cat([papers.labelled, papers.validation, papers.test])
    assert len(parts.unique()) == len(parts) == 140 + 500 + 1000


def test_the_same_seed_draws_the_same_graph(papers):
    again, other = node_classification.draw_papers(0), node_classification.draw_papers(1)
    assert all(torch.equal(a, b) for a, b in zip(papers, again, strict=True))
    assert not torch.equal(papers.topic, other.topic)


@pytest.mark.long
def test_training_is_the_same_for_the_same_seed_and_stops_by_patience():
    cfg = node_classification.Config(updates=30, hidden_dim=2, heads=2, patience=3, lr=0.0)
    first, again = node_classification.train(cfg), node_classification.train(cfg)
    for a, b in zip(first.net.state_dict().values(), again.net.state_dict().values(), strict=True):
        assert torch.equal(a, b)
    assert len(first.rows) == 3  # nothing changes, so nothing gets worse: all epochs are played
    falls = node_classification.train(
        node_classification.Config(updates=200, hidden_dim=2, heads=2, patience=2, lr=3.0)
    )
    assert len(falls.rows) < 20


def test_no_topic_but_those_of_labelled_and_validation_nodes_is_looked_at(monkeypatch):
    """Other test topics, the same network."""
    cfg = node_classification.Config(updates=5, hidden_dim=2, heads=2)
    honest = node_classification.train(cfg).net.state_dict()
    papers = node_classification.draw_papers(0)
    topic = papers.topic.clone()
    topic[papers.test] = (topic[papers.test] + 1) % 7
    monkeypatch.setattr(
        node_classification, "draw_papers", lambda seed: papers._replace(topic=topic)
    )
    blind = node_classification.train(cfg).net.state_dict()
    assert all(torch.equal(honest[key], blind[key]) for key in honest)


def test_an_mlp_is_the_same_network_without_edges(papers):
    cfg = node_classification.Config(use_edges=False)
    assert node_classification.graph_of(cfg, papers).shape == (2, 0)
    net = gat.GAT(500, 2, 7, 2).eval()
    alone = net(papers.features, papers.edges[:, :0])[0]
    torch.testing.assert_close(net(papers.features[:50], papers.edges[:, :0])[0], alone[:50])


def test_the_evaluation_says_what_the_largest_topic_alone_would_score(papers):
    found = node_classification.evaluate(gat.GAT(500, 8, 7, 8), node_classification.Config(), 1000)
    assert found["episodes"] == 1000 and 0.2 < found["majority"] < 0.4
    assert 0 <= found["success"] <= 1
