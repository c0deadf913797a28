"""The live graph: who listens to whom among neighbours, and how far information travels in so many
layers.

A relay (`marl_edu.envs.relay`) is played by a trained team whose forward pass runs in the page.
Where there is no kernel, the page runs the same JavaScript with a small host; without
JavaScript, or in print, a still picture and the numbers.
"""

import html
from typing import Any, NamedTuple

import torch
import traitlets
from torch import Tensor
from torch.nn import functional as F

from marl_edu.algos.gat import GraphAttention, GraphTalk
from marl_edu.envs.drawing import junction, shapes
from marl_edu.envs.relay import Relay
from marl_edu.experiments import catalogue
from marl_edu.training import a2c
from marl_edu.widgets.shared.bundle import figure_module
from marl_edu.widgets.shared.figure import LiveFigure, style
from marl_edu.widgets.shared.weights import pack

TEAM = "gat-relay3-layers3"
UNIT, DISC = 100, 15  # units of the picture per unit of the environment; radius of an agent
LETTERS = "ABCDEFGH"
MOMENT = ("places", "holds", "cut", "radius", "layer", "head", "selected")


class Moment(NamedTuple):
    """What the team makes of the graph as it stands. N agents, L layers, H heads, M symbols."""

    comm_graph: Tensor  # (N, N) bool, itself included
    attention: Tensor  # (L, H, N, N), receivers in rows
    chances: Tensor  # (N, M): how likely each agent gives each answer
    field: Tensor  # (L + 1, N, N) bool: [l, i, j]: after l layers i may know something of j


class GraphFigure(LiveFigure):
    """A graph of agents that pass on what they know, computed in the browser.

    Args:
        net: a team of `gat.build` that plays `Relay`, with a layer at least; by default the book's.
        settings: any of the traits below; by default a telling moment of a relay.

    Traits, in step with the picture:
        places: where the agents are, "x,y;x,y;...", whole numbers, 100 to a unit of length.
        holds: what each is the source of, a letter, or "-" for nothing: "--A---C-".
        cut: links that are cut, "0-3,2-5". radius: how far agents hear, 100 to a unit of length.
        layer: whose attention is shown, after which the field is, from 1. head: from 1; 0: mean.
        selected: number of the agent that is looked at. hint: the one thing to try.
    """

    NAME = "graph"
    STATE = ("net", "look", "hint", "first", *MOMENT)
    _esm = figure_module("graph")
    _css = style("graph")

    net = traitlets.Dict().tag(sync=True)
    look = traitlets.Unicode(junction.STYLE).tag(sync=True)
    hint = traitlets.Unicode().tag(sync=True)
    first = traitlets.Dict().tag(sync=True)  # the moment it was made with, for Reset
    places = traitlets.Unicode().tag(sync=True)
    holds = traitlets.Unicode().tag(sync=True)
    cut = traitlets.Unicode("", allow_none=True).tag(sync=True)
    radius = traitlets.Int(138).tag(sync=True)
    layer = traitlets.Int(1).tag(sync=True)
    head = traitlets.Int(0).tag(sync=True)
    selected = traitlets.Int(0).tag(sync=True)

    def __init__(self, net: a2c.ActorCritic | None = None, **settings: Any):
        self.team = catalogue.load_policy(TEAM) if net is None else net
        talk = self.team.communicate
        if not isinstance(talk, GraphTalk) or not talk.layers:
            raise TypeError("net must be a team of gat.build with at least one layer")
        unknown = settings.keys() - set(self.STATE) | settings.keys() & {"net", "look", "first"}
        if unknown:
            raise TypeError(f"GraphFigure takes no {', '.join(sorted(unknown))}")
        given = {"places", "holds", "radius", "selected"} <= settings.keys()
        defaults = {"layer": len(talk.layers), **({} if given else telling_moment(self.team))}
        super().__init__(net=export(self.team), **{**defaults, **settings})
        self.first = {key: getattr(self, key) for key in MOMENT}

    @traitlets.validate("layer", "head", "selected", "radius")
    def _check(self, proposal: Any) -> int:
        name, value = proposal["trait"].name, proposal["value"]
        low = 1 if name == "layer" else 0
        high = {
            "layer": self.net["layers"],
            "head": self.net["heads"],
            "selected": max(0, len(self.holds) - 1),
            "radius": 1000,
        }[name]
        if not low <= value <= high:
            raise ValueError(f"{name} must lie in {low}..{high}, got {value!r}")
        return value

    def moment(self) -> Moment:
        """What the team makes of the graph as it is shown."""
        places = torch.tensor([[int(x) for x in p.split(",")] for p in self.places.split(";")])
        apart = ((places[:, None] - places) ** 2).sum(-1)
        comm_graph = apart <= self.radius**2
        for pair in filter(None, (self.cut or "").split(",")):
            i, j = map(int, pair.split("-"))
            comm_graph[i, j] = comm_graph[j, i] = False
        return listen(self.team, comm_graph, self.holds)

    def _still(self) -> str:
        """What is there without JavaScript: the moment as a picture, and the numbers."""
        weights = self._weights(self.moment())[self.selected]
        rows = "".join(
            f'<tr><th scope="row">agent {j}{", itself" * (j == self.selected)}</th>'
            f"<td>{100 * weights[j]:.0f}\u00a0%</td></tr>"
            for j in weights.argsort(descending=True).tolist()
            if weights[j] >= junction.FAINTEST
        )
        table = (
            '<table><thead><tr><th scope="col">Heard</th><th scope="col">Attention</th></tr>'
            f"</thead><tbody>{rows}</tbody></table>"
        )
        caption = f"<figcaption>{html.escape(self.caption())}</figcaption>"
        inside = self.picture() + table + caption
        return f'<figure class="mg mg-still" style="{junction.STYLE}">{inside}</figure>'

    def _weights(self, now: Moment) -> Tensor:
        heads = now.attention[self.layer - 1]
        return heads.mean(0) if self.head == 0 else heads[self.head - 1]

    def caption(self) -> str:
        """The moment in words."""
        now, i = self.moment(), self.selected
        answer = int(now.chances[i].argmax())
        known = now.field[self.layer, i].sum()
        return (
            f"Agent {i} answers {LETTERS[answer]} ({100 * now.chances[i, answer]:.0f}\u00a0%). "
            f"After {self.layer} layer{'s' * (self.layer > 1)} it may know something of {known} of "
            f"{len(self.holds)} agents, itself included."
        )

    def picture(self) -> str:
        """The moment as SVG: links, who is in the field, and what the selected agent attends to."""
        now, i = self.moment(), self.selected
        at = [(int(x), int(y)) for x, y in (p.split(",") for p in self.places.split(";"))]
        N, weights = len(at), self._weights(now)[i]
        links = [(*at[a], *at[b]) for a in range(N) for b in range(a) if now.comm_graph[a, b]]
        parts = [shapes.lines(links, 1.5)]
        for j, (x, y) in enumerate(at):
            if now.field[self.layer, i, j]:
                parts.append(
                    f'<circle cx="{x}" cy="{y}" r="24" fill="var(--accent)" opacity=".2"/>'
                )
        for j, (x, y) in enumerate(at):
            if j != i and weights[j] >= junction.FAINTEST:
                width = 1 + 7 * weights[j].item()
                parts.append(
                    f'<path d="M{x} {y}L{at[i][0]} {at[i][1]}" stroke="var(--ink)" '
                    f'stroke-width="{width:.1f}" opacity=".85"/>'
                )
        for j, (x, y) in enumerate(at):
            parts.append(shapes.agent(j, x, y, DISC))
            if self.holds[j] != "-":
                parts.append(shapes.words(self.holds[j], x + 22, y - 10, 20, "var(--bad)"))
        side = round(UNIT * N**0.5)
        return shapes.canvas(side, side, parts, self.caption())


def export(net: a2c.ActorCritic) -> dict[str, Any]:
    """What the forward pass needs, as JSON values. The memory before the first step is 0, so what
    multiplies it is left out, as is the critic."""
    left_out = ("value.", "recall.", "memory.weight_hh")
    values = {k: v for k, v in net.state_dict().items() if not k.startswith(left_out)}
    layers: Any = net.communicate.layers
    first = layers[0]
    assert type(first) is GraphAttention, "only the layers of GAT are drawn"
    return {
        "heads": first.heads,
        "layers": len(layers),
        "hidden_dim": net.memory.hidden_size,
        "symbols": net.policy.out_features,
        **pack(values),
    }


@torch.no_grad()
def listen(net: a2c.ActorCritic, comm_graph: Tensor, holds: str) -> Moment:
    """What a team makes of a graph in which agents hold letters; `comm_graph` (N, N) bool."""
    M = net.policy.out_features
    symbol = torch.tensor([LETTERS.find(letter) for letter in holds])
    source = symbol >= 0
    one_hot = F.one_hot(symbol.clamp_min(0), M) * source[:, None]
    obs = torch.cat([source[:, None], one_hot], 1).float()[None]
    z = F.relu(net.encode(obs))
    z, attention = net.communicate(z, comm_graph[None])
    logits = net.policy(net.memory(z[0]))
    field = [torch.eye(len(holds), dtype=torch.bool)]
    for _ in attention[0]:
        field.append((comm_graph.float() @ field[-1].float()) > 0)
    return Moment(comm_graph, attention[0], logits.softmax(-1), torch.stack(field))


def telling_moment(net: a2c.ActorCritic, n_agents: int = 16) -> dict[str, Any]:
    """A relay in which an agent rightly answers what it was told over as many links as there are
    layers. It would answer something else if one of those links were cut.

    Agents stand as in `Relay`, but pushed apart where discs would lie upon each other.

    Returns:
        places, holds, radius, selected and a hint that names the link; the first of the relays with
        seeds 0, 1, ... in which this is so, else the first one.
    """
    talk: Any = net.communicate
    layers, M = len(talk.layers), net.policy.out_features
    radius = round(UNIT * Relay(n_agents, layers, M, num_envs=1).radius)
    found: dict[str, Any] = {}
    for seed in range(200):
        generator = torch.Generator().manual_seed(seed)
        at = _spread(torch.rand(n_agents, 2, generator=generator), round(UNIT * n_agents**0.5))
        comm_graph = ((at[:, None] - at) ** 2).sum(-1) <= radius**2
        source = torch.rand(n_agents, generator=generator) < 0.2
        symbol = torch.randint(M, (n_agents,), generator=generator)
        pairs = zip(source.tolist(), symbol.tolist(), strict=True)
        holds = "".join(LETTERS[letter] if is_source else "-" for is_source, letter in pairs)
        now = listen(net, comm_graph, holds)
        common = {
            "places": ";".join(f"{x},{y}" for x, y in at.tolist()),
            "holds": holds,
            "radius": radius,
        }
        if not found:
            found = common | {"selected": 0, "hint": "drag an agent, or cut a link."}
        if len(set(symbol[source].tolist())) < 2:
            continue  # all answers would be alike
        near, far = now.field[layers - 1] & source, now.field[layers] & source
        for i in range(n_agents):
            told = {int(symbol[j]) for j in far[i].nonzero()[:, 0]}
            if near[i].any() or len(told) != 1:
                continue  # it is not asked
            (answer,) = told
            if int(now.chances[i].argmax()) != answer or now.chances[i, answer] < 0.8:
                continue
            links = [j for j in comm_graph[i].nonzero()[:, 0].tolist() if j != i]
            for j in links:
                less = comm_graph.clone()
                less[i, j] = less[j, i] = False
                if len(links) > 1 and int(listen(net, less, holds).chances[i].argmax()) != answer:
                    hint = (
                        f"agent {i} knows the answer, {LETTERS[answer]}, from {layers} links away. "
                        f"Cut its link to agent {j}, and watch."
                    )
                    return common | {"selected": i, "hint": hint}
    return found


def _spread(share: Tensor, side: int, apart: float = 55.0) -> Tensor:
    """Places in a square, from shares of its side, pushed apart; whole numbers."""
    margin = 1.5 * DISC
    at = margin + share.double() * (side - 2 * margin)
    for _ in range(100):
        way = at[:, None] - at
        length = way.norm(dim=-1, keepdim=True).clamp_min(1e-6)
        push = 0.5 * (apart - length).clamp_min(0) * way / length
        at = (at + 0.5 * push.sum(1)).clamp(margin, side - margin)
    return at.round().long()
