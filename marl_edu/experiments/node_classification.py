"""Classifying the nodes of a graph: what graph attention was published for.

The graph is of papers that cite each other, drawn at random to resemble Cora (2,708 papers, 5,278
links, 7 topics), which cannot be downloaded here. Since *it is not Cora*, do not compare scores on
it with the published numbers. The recipe is the published one (arXiv 1710.10903 and its code): 20
labelled nodes per class, all others without; three dropouts of 0.6; Adam; early stopping.

    network = gat.GAT(500, hidden=8, out_dim=7, heads=8, dropout=0.6)
    logits, attention = network(papers.features, papers.edges)
"""

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from marl_edu.algos import gat

TOPICS = (0.30, 0.16, 0.15, 0.13, 0.11, 0.08, 0.07)  # shares of the papers, as uneven as in Cora


class Papers(NamedTuple):
    """A citation graph. N papers, V words, E directed edges, each link in both directions."""

    features: Tensor  # (N, V): which words a paper has, every row divided by its sum
    edges: Tensor  # (2, E)
    topic: Tensor  # (N,)
    labelled: Tensor  # the papers (140,) whose topics may be learned from
    validation: Tensor  # (500,) when to stop
    test: Tensor  # (1000,)


def draw_papers(
    seed: int, n: int = 2700, links: int = 5300, words: int = 500, at_home: float = 0.81,
    on_topic: float = 0.20,
) -> Papers:  # fmt: skip
    """Draw a citation graph: a stochastic block model with uneven degrees, and a bag of words.

    Args:
        seed: the same graph for the same seed. n: N. links: so many, those drawn twice count once.
        words: V.
        at_home: share of links drawn within a topic.
        on_topic: share of a paper's words that are drawn from its topic's own list; the others come
            from one list for all.
    """
    generator = torch.Generator().manual_seed(seed)

    def pick(weights: Tensor, count: int) -> Tensor:
        return weights.multinomial(count, replacement=True, generator=generator)

    topic = pick(torch.tensor(TOPICS), n)
    fame = torch.rand(n, generator=generator).clamp_min(0.01) ** -0.5  # a few are cited a lot
    one = pick(fame, links)
    home = torch.rand(links, generator=generator) < at_home
    other = pick(fame, links)
    for k in range(len(TOPICS)):
        there = home & (topic[one] == k)
        other[there] = pick(fame * (topic == k), int(there.sum()))
    edges = torch.stack([torch.cat([one, other]), torch.cat([other, one])])
    edges = edges[:, edges[0] != edges[1]].unique(dim=1)

    common = torch.arange(1.0, words + 1) ** -0.7  # a few words are in nearly every paper
    own = torch.rand(len(TOPICS), words, generator=generator) < 0.08
    chances = (1 - on_topic) * common / common.sum() + on_topic * own / own.sum(1, keepdim=True)
    length = torch.randint(8, 29, (n, 1), generator=generator)
    drawn = chances[topic].multinomial(28, replacement=True, generator=generator)
    features = torch.zeros(n, words + 1)
    features.scatter_(1, drawn.masked_fill(torch.arange(28) >= length, words), 1.0)
    features = features[:, :words] / features[:, :words].sum(1, keepdim=True)

    shuffled = torch.randperm(n, generator=generator)
    first = [shuffled[topic[shuffled] == k][:20] for k in range(len(TOPICS))]
    labelled = torch.cat(first)
    rest = shuffled[~torch.isin(shuffled, labelled)]
    return Papers(features, edges, topic, labelled, rest[:500], rest[500:1500])


@dataclass(frozen=True)
class Config:
    """One run; the defaults are the paper's for Cora."""

    seed: int = 0  # of the graph that is drawn, and of the network
    layer_type: Callable[..., nn.Module] = gat.GraphAttention  # the kind of layer
    use_edges: bool = True  # False: the same network without any edge, a multilayer perceptron
    updates: int = 2000  # epochs at most (paper: 100,000; patience ends it long before)
    hidden_dim: int = 8  # features per head
    heads: int = 8
    dropout: float = 0.6  # of input, attention and W h alike
    lr: float = 5e-3
    weight_decay: float = 5e-4  # of all parameters, as in the official code
    patience: int = 100  # epochs without a better validation loss or accuracy


@dataclass
class Result:
    """The network that was best on the validation nodes, and a row per 10 epochs."""

    net: gat.GAT
    rows: list[dict[str, Any]]


def build(cfg: Config, papers: Papers) -> gat.GAT:
    """The network for these papers."""
    return gat.GAT(
        papers.features.shape[1], cfg.hidden_dim, len(TOPICS), cfg.heads, dropout=cfg.dropout,
        layer_type=cfg.layer_type,
    )  # fmt: skip


def graph_of(cfg: Config, papers: Papers) -> Tensor:
    """The edges that the network of this run may use."""
    return papers.edges if cfg.use_edges else papers.edges[:, :0]


def train(
    cfg: Config,
    on_log: Callable[[dict[str, Any]], None] | None = None,
    checkpoint: str | Path | None = None,
) -> Result:
    """Learn from the labelled nodes, and stop by the validation nodes; test nodes are not touched.

    Args:
        cfg: the run. on_log: called with every new row.
        checkpoint: not used: a run takes less than a minute, and after an interruption it starts
            over.
    """
    torch.manual_seed(cfg.seed)
    papers = draw_papers(cfg.seed)
    net = build(cfg, papers)
    optimizer = torch.optim.Adam(net.parameters(), lr=cfg.lr, weight_decay=cfg.weight_decay)
    graph, start = graph_of(cfg, papers), time.process_time()
    best_loss, best_accuracy, waited, best = float("inf"), 0.0, 0, copy.deepcopy(net.state_dict())
    rows: list[dict[str, Any]] = []
    for epoch in range(cfg.updates):
        net.train()
        logits, _ = net(papers.features, graph)
        loss = F.cross_entropy(logits[papers.labelled], papers.topic[papers.labelled])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

        found = score(net, papers, graph, papers.validation)
        if found["success"] >= best_accuracy or found["loss"] <= best_loss:
            if found["success"] >= best_accuracy and found["loss"] <= best_loss:
                best = copy.deepcopy(net.state_dict())
            best_accuracy = max(best_accuracy, found["success"])
            best_loss, waited = min(best_loss, found["loss"]), 0
        else:
            waited += 1
        if (epoch + 1) % 10 == 0:
            row = {"update": epoch + 1, "cpu_seconds": time.process_time() - start}
            rows.append(row | {"loss": loss.item(), "success": found["success"]})
            if on_log:
                on_log(rows[-1])
        if waited == cfg.patience:
            break
    net.load_state_dict(best)
    return Result(net.eval(), rows)


@torch.no_grad()
def score(net: gat.GAT, papers: Papers, graph: Tensor, nodes: Tensor) -> dict[str, float]:
    """The share of right answers on these nodes, as `success`, and the `loss`, without dropout."""
    net.eval()
    logits = net(papers.features, graph)[0][nodes]
    right = logits.argmax(1) == papers.topic[nodes]
    loss = F.cross_entropy(logits, papers.topic[nodes])
    return {"success": right.float().mean().item(), "loss": loss.item()}


def evaluate(net: gat.GAT, cfg: Config, episodes: int) -> dict[str, float]:
    """On the test nodes of the run's graph: `success`, the share of the largest topic as
    `majority`, and the number of nodes as `episodes`. The argument takes the first so many
    nodes."""
    papers = draw_papers(cfg.seed)
    nodes = papers.test[:episodes]
    majority = papers.topic[nodes].bincount().max().item() / len(nodes)
    found = score(net, papers, graph_of(cfg, papers), nodes)
    return {"success": found["success"], "majority": majority, "episodes": len(nodes)}
