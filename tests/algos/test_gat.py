"""Graph attention, equation by equation, against loops over nodes and PyTorch Geometric's own."""

import math
import warnings
from pathlib import Path

import networkx
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from marl_edu.agents.gnn_dqn_agent import LAYERS
from marl_edu.algos import gat
from marl_edu.algos.gat import GAT, GraphAttention, GraphAttentionV2, GraphTalk
from marl_edu.core import graphs
from marl_edu.core.evaluate import evaluate
from marl_edu.envs.grid_world import MultiAgentGridWorld
from marl_edu.training import a2c
from tests.unchecked import unchecked

with warnings.catch_warnings():  # it still uses torch.jit.script, which torch advises against
    warnings.simplefilter("ignore", DeprecationWarning)
    from torch_geometric.nn import GATConv, GATv2Conv, GCNConv

D, OUT = 5, 3
f64 = torch.float64
graphs_drawn = {"seed": st.integers(0, 10**6), "N": st.integers(1, 8), "heads": st.integers(1, 3)}


def draw(seed: int, *shape: int, density: float = 0.4):
    """Features of nodes and who hears whom, some of them nobody else."""
    generator = torch.Generator().manual_seed(seed)
    N = shape[-1]
    h = torch.randn(*shape, D, generator=generator, dtype=f64)
    adjacency = torch.rand(*shape, N, generator=generator) < density
    adjacency[..., 0, :] = False
    return h, adjacency


def make(layer=GraphAttention, seed: int = 0, **settings):
    torch.manual_seed(seed)
    module = layer(D, OUT, **settings).double()
    with torch.no_grad():
        module.bias.normal_()
    return module


# ---- The equations, by loops over nodes ----------------------------------------------------------


class ByHand:
    """A layer computed node by node and head by head, as the paper writes it."""

    def __init__(self, module: GraphAttention, h, adjacency):
        self.m, self.h, self.adjacency = module, h, adjacency
        self.N, self.H = len(h), module.heads

    def W(self, i: int, k: int):
        """W^k h_i."""
        return self.m.W.weight.view(self.H, OUT, D)[k] @ self.h[i]

    def neighbourhood(self, i: int) -> list[int]:
        return [j for j in range(self.N) if j == i or self.adjacency[i, j]]

    def e(self, i: int, j: int, k: int) -> float:
        a = torch.cat([self.m.a_receiver[k], self.m.a_sender[k]])
        score = (a @ torch.cat([self.W(i, k), self.W(j, k)])).item()
        return score if score > 0 else 0.2 * score

    def alpha(self, i: int, k: int) -> list[float]:
        e = {j: math.exp(self.e(i, j, k)) for j in self.neighbourhood(i)}
        return [e.get(j, 0.0) / sum(e.values()) for j in range(self.N)]

    def heard(self, i: int, k: int):
        return sum(alpha * self.W(j, k) for j, alpha in enumerate(self.alpha(i, k)))


@pytest.fixture(params=[1, 3], ids=["1 head", "3 heads"])
def layer(request):
    h, adjacency = draw(1, 5)
    module = make(heads=request.param)
    return ByHand(module, h, adjacency), *module(h, adjacency)


def test_eq_gat_score(layer):
    """The score shows in how much more one neighbour is attended to than another."""
    by_hand, _, attention = layer
    for k in range(by_hand.H):
        for i in range(5):
            first, *rest = by_hand.neighbourhood(i)
            for j in rest:
                ratio = (attention[k, i, j] / attention[k, i, first]).log().item()
                assert ratio == pytest.approx(by_hand.e(i, j, k) - by_hand.e(i, first, k))


def test_eq_gat_attention(layer):
    by_hand, _, attention = layer
    for k in range(by_hand.H):
        for i in range(5):
            assert attention[k, i].tolist() == pytest.approx(by_hand.alpha(i, k))


def test_eq_gat_concat(layer):
    by_hand, output, _ = layer
    for i in range(5):
        heads = torch.cat([by_hand.heard(i, k) for k in range(by_hand.H)])
        torch.testing.assert_close(output[i], heads + by_hand.m.bias)


def test_eq_gat_mean(layer):
    by_hand, *_ = layer
    last = make(heads=by_hand.H, concat=False)
    output, _ = last(by_hand.h, by_hand.adjacency)
    again = ByHand(last, by_hand.h, by_hand.adjacency)
    for i in range(5):
        mean = sum(again.heard(i, k) for k in range(again.H)) / again.H
        torch.testing.assert_close(output[i], mean + last.bias)


def test_eq_gat_v2(layer):
    by_hand, *_ = layer
    v2 = make(GraphAttentionV2, heads=by_hand.H)
    _, attention = v2(by_hand.h, by_hand.adjacency)
    for k in range(by_hand.H):
        W_i = v2.W_i.weight.view(-1, OUT, D)[k]
        W = v2.W.weight.view(-1, OUT, D)[k]
        for i in range(5):
            e = {
                j: torch.exp(v2.a[k] @ F.leaky_relu(W_i @ by_hand.h[i] + W @ by_hand.h[j], 0.2))
                for j in by_hand.neighbourhood(i)
            }
            expected = [(e[j] / sum(e.values())).item() if j in e else 0.0 for j in range(5)]
            assert attention[k, i].tolist() == pytest.approx(expected)


def test_eq_gat_team():
    """z + tanh(what the heads hear), twice, each layer with weights of its own."""
    torch.manual_seed(0)
    talk = GraphTalk(6, heads=2, layers=2).double()
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(2, 4, 6, generator=generator, dtype=f64)
    mask = torch.rand(2, 4, 4, generator=generator) < 0.5
    expected = z
    for layer in talk.layers:
        expected = expected + torch.tanh(layer(expected, mask)[0])
    output, attention = talk(z, mask)
    torch.testing.assert_close(output, expected)
    assert attention.shape == (2, 2, 2, 4, 4)  # of both layers


def test_a_hidden_layer_has_elu_behind_it_and_the_last_one_has_not():
    h, adjacency = draw(2, 6)
    net = GAT(D, 4, 7, heads=3, layers=3, out_heads=2).double()
    x = h
    for layer in net.layers[:-1]:
        x = F.elu(layer(x, adjacency)[0])
    torch.testing.assert_close(net(h, adjacency)[0], net.layers[-1](x, adjacency)[0])
    assert [tuple(a.shape) for a in net(h, adjacency)[1]] == [(3, 6, 6), (3, 6, 6), (2, 6, 6)]


# ---- GCN, mean, max ------------------------------------------------------------------------------


def test_mean_and_max_and_gcn_are_what_they_say():
    h, adjacency = draw(3, 6)
    adjacency = adjacency | adjacency.T
    degree = (adjacency | torch.eye(6, dtype=torch.bool)).sum(1)
    for name in ("mean", "max", "gcn"):
        module = make(LAYERS[name], heads=2)
        Wh = module.W(h)
        output = module(h, adjacency)[0] - module.bias
        for i in range(6):
            near = [j for j in range(6) if j == i or adjacency[i, j]]
            expected = {
                "mean": Wh[near].mean(0),
                "max": Wh[near].amax(0),
                "gcn": sum(Wh[j] / (degree[i] * degree[j]) ** 0.5 for j in near),
            }[name]
            torch.testing.assert_close(output[i], expected)


def test_max_shows_in_which_share_of_features_a_sender_is_the_largest():
    h, adjacency = draw(3, 6)
    module = make(LAYERS["max"], heads=2)
    _, attention = module(h, adjacency)
    torch.testing.assert_close(attention.sum(-1), torch.ones(2, 6, dtype=f64))
    assert (attention * OUT).frac().abs().max() < 1e-9


# ---- One graph in three forms --------------------------------------------------------------------


@pytest.mark.parametrize("name", LAYERS)
@settings(max_examples=15)
@given(**graphs_drawn)
def test_adjacency_edges_and_neighbours_give_the_same_numbers_and_gradients(name, seed, N, heads):
    h, adjacency = draw(seed, N)
    net = GAT(D, 4, OUT, heads=heads, out_heads=2, layer_type=LAYERS[name]).double()
    forms = adjacency, graphs.edges_of(adjacency), graphs.neighbours_of(adjacency)
    found = []
    for graph in forms:
        x = h.clone().requires_grad_()
        output, _ = net(x, graph)
        weights = torch.arange(1.0, output.numel() + 1, dtype=f64).cos().view(output.shape)
        gradients = torch.autograd.grad((output * weights).sum(), [x, *net.parameters()])
        found.append((output.detach(), *gradients))
    for other in found[1:]:
        torch.testing.assert_close(other, found[0])


@pytest.mark.parametrize("name", LAYERS)
def test_attention_is_shown_in_the_form_of_the_graph(name):
    h, adjacency = draw(4, 7)
    module = make(LAYERS[name], heads=2)
    rows = module(h, adjacency)[1]
    edges = graphs.edges_of(adjacency)
    _, along = module(h, edges)
    loops = torch.arange(7).expand(2, -1)
    sender, receiver = torch.cat([edges, loops], 1)
    torch.testing.assert_close(along, rows[:, receiver, sender])
    near = graphs.neighbours_of(adjacency)
    _, lists = module(h, near)
    itself = torch.arange(7)
    torch.testing.assert_close(lists[..., 0], rows[:, itself, itself])
    picked = rows.gather(2, near.nodes.expand(2, -1, -1)) * near.mask
    torch.testing.assert_close(lists[..., 1:], picked)


@pytest.mark.parametrize("name", LAYERS)
def test_saying_that_a_node_hears_itself_changes_nothing(name):
    h, adjacency = draw(5, 6)
    module = make(LAYERS[name], heads=2)
    expected = module(h, adjacency)[0]
    itself = torch.eye(6, dtype=torch.bool)
    edges = torch.cat([torch.arange(6).expand(2, -1), graphs.edges_of(adjacency)], 1)
    near = graphs.neighbours_of(adjacency)
    nodes = torch.cat([torch.arange(6)[:, None], near.nodes], 1)
    mask = torch.cat([torch.ones(6, 1, dtype=torch.bool), near.mask], 1)
    for graph in (adjacency | itself, edges, graphs.Neighbours(nodes, mask)):
        torch.testing.assert_close(module(h, graph)[0], expected)


@pytest.mark.parametrize("name", LAYERS)
def test_batches_of_adjacencies_and_of_neighbours_are_as_many_graphs(name):
    h, adjacency = draw(6, 3, 5)
    module = make(LAYERS[name], heads=2)
    by_rows, by_lists = module(h, adjacency)[0], module(h, graphs.neighbours_of(adjacency))[0]
    torch.testing.assert_close(by_rows, by_lists)
    for b in range(3):
        torch.testing.assert_close(module(h[b], adjacency[b])[0], by_rows[b])
    torch.testing.assert_close(
        module(h, adjacency[0])[0][0], by_rows[0]
    )  # one graph for all environments


def test_graphs_of_networkx_are_read_as_they_are():
    tree = networkx.gn_graph(40, seed=0)
    adjacency = torch.from_numpy(networkx.to_numpy_array(tree, dtype=bool).T.copy())
    edges = torch.tensor(list(tree.edges)).T  # u -> v: v hears u
    assert {*map(tuple, graphs.edges_of(adjacency).T.tolist())} == {*tree.edges}
    h = torch.randn(40, D, dtype=f64)
    module = make(heads=2)
    torch.testing.assert_close(module(h, edges)[0], module(h, adjacency)[0])


@pytest.mark.parametrize("graph", ["edges", "neighbours"])
def test_a_sparse_graph_makes_no_tensor_of_n_by_n(graph):
    N, k = 3000, 4
    nodes = torch.randint(N, (N, k))
    near = graphs.Neighbours(nodes, torch.ones_like(nodes, dtype=torch.bool))
    edges = torch.stack([nodes.flatten(), torch.arange(N).repeat_interleave(k)])
    sizes = []

    class Watch(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            result = func(*args, **(kwargs or {}))
            if isinstance(result, torch.Tensor):
                sizes.append(result.numel())
            return result

    net = GAT(D, 4, OUT, heads=2)
    h = torch.randn(N, D, requires_grad=True)
    with Watch():
        net(h, edges if graph == "edges" else near)[0].sum().backward()
    assert max(sizes) <= N * (k + 1) * 2 * 4 < N * N / 10


# ---- What every layer must keep ------------------------------------------------------------------


@pytest.mark.parametrize("name", ["gat", "gatv2", "mean", "max"])
@settings(max_examples=15)
@given(**graphs_drawn)
def test_rows_of_attention_sum_to_one_and_who_is_not_heard_has_none(name, seed, N, heads):
    h, adjacency = draw(seed, 2, N)
    _, attention = make(LAYERS[name], heads=heads)(h, adjacency)
    heard = adjacency | torch.eye(N, dtype=torch.bool)
    assert (attention.masked_select(~heard[:, None]) == 0).all() and (attention >= 0).all()
    torch.testing.assert_close(attention.sum(-1), torch.ones(2, heads, N, dtype=f64))
    assert (attention[:, :, 0, 0] == 1).all()  # it hears nobody else


@pytest.mark.parametrize("name", LAYERS)
@settings(max_examples=10)
@given(order=st.permutations(range(5)), seed=st.integers(0, 10**6))
def test_who_is_called_what_does_not_matter(name, order, seed):
    h, adjacency = draw(seed, 2, 5)
    net = GAT(D, 4, OUT, heads=2, layer_type=LAYERS[name]).double()
    output, attention = net(h, adjacency)
    again = net(h[:, order], adjacency[:, order][:, :, order])
    torch.testing.assert_close(again[0], output[:, order])
    torch.testing.assert_close(again[1][-1], attention[-1][:, :, order][..., order])


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("layers", [0, 1, 2, 3])
def test_information_travels_exactly_as_many_links_as_there_are_layers(name, layers):
    """On a path 0 - 1 - ... - 6 the receptive field of node 0 is 0 ... L."""
    torch.manual_seed(1)
    talk = GraphTalk(6, heads=2, layers=layers, layer_type=LAYERS[name]).double()
    adjacency = torch.zeros(1, 7, 7, dtype=torch.bool)
    for i in range(6):
        adjacency[0, i, i + 1] = adjacency[0, i + 1, i] = True
    z = torch.randn(1, 7, 6, dtype=f64, requires_grad=True)
    weights = torch.randn(6, dtype=f64)
    (gradient,) = torch.autograd.grad((talk(z, adjacency)[0][0, 0] * weights).sum(), z)
    reached = gradient[0].abs().sum(-1) > 0
    if name == "max":  # some may be the largest in nothing, but none beyond the field in something
        assert not reached[layers + 1 :].any() and reached[0]
    else:
        assert reached.tolist() == [i <= layers for i in range(7)]


@pytest.mark.parametrize("name", LAYERS)
def test_no_path_from_sender_to_receiver_is_cut(name):
    """The gradient is the one that small changes give, whichever form the graph has."""
    module = make(LAYERS[name], heads=2)
    h, adjacency = draw(7, 4)
    for graph in (adjacency, graphs.edges_of(adjacency), graphs.neighbours_of(adjacency)):
        torch.autograd.gradcheck(lambda h, *_, g=graph: module(h, g)[0], (h.requires_grad_(),))


def test_scores_in_the_thousands_do_not_overflow():
    h, adjacency = draw(8, 5)
    module = make(heads=2).float()
    for graph in (adjacency, graphs.edges_of(adjacency), graphs.neighbours_of(adjacency)):
        x = (1e4 * h).float().requires_grad_()
        output, attention = module(x, graph)
        output.sum().backward()
        assert output.isfinite().all() and attention.isfinite().all() and x.grad.isfinite().all()


def test_the_three_dropouts_fall_where_the_paper_puts_them():
    """Of the input, of the attention, of W h; and attention is shown without dropout."""
    h, adjacency = draw(9, 40)
    module = make(heads=2, dropout=0.5)
    dropped = []
    module.drop.register_forward_hook(lambda _, inputs, output: dropped.append(inputs[0].shape))
    _, attention = module(h, adjacency)
    assert dropped == [(40, D), (40, 40, 2), (40, 2, OUT)]
    torch.testing.assert_close(attention.sum(-1), torch.ones(2, 40, dtype=f64))
    module.eval()
    torch.testing.assert_close(module(h, adjacency)[0], module(h, adjacency)[0])


def test_weights_begin_with_the_spread_of_one_head():
    """Glorot of the stacked matrix would be another start: see the pitfalls of the chapter."""
    torch.manual_seed(0)
    module = GraphAttention(1433, 8, heads=8)
    bound = math.sqrt(6 / (1433 + 8))
    assert 0.99 * bound < module.W.weight.abs().max() <= bound
    assert module.a_sender.abs().max() <= math.sqrt(6 / 9) and (module.bias == 0).all()
    assert sum(p.numel() for p in GAT(1433, 8, 7, heads=8).parameters()) == 92_373


# ---- Static and dynamic attention (Brody et al. 2022) --------------------------------------------


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6))
def test_gat_ranks_senders_alike_for_every_receiver(seed):
    """Static attention: eq. (1) is monotone in a term of the sender alone."""
    h, _ = draw(seed, 6)
    _, attention = make(seed=seed, heads=2)(h, torch.ones(6, 6, dtype=torch.bool))
    order = attention.argsort(-1)
    assert (order == order[:, :1]).all()


@given(seed=st.integers(0, 10**6))
def test_without_the_leaky_relu_the_receiver_cancels(seed):
    """One weight per sender, the same for everybody, and no gradient for the receiver's half."""
    h, _ = draw(seed, 6)
    everybody = torch.ones(6, 6, dtype=torch.bool)
    straight = make(seed=seed, heads=2, slope=1.0)  # LeakyReLU becomes the identity
    heard, attention = straight(h, everybody)
    assert torch.allclose(attention, attention[:, :1].expand_as(attention))
    heard.square().sum().backward()
    assert straight.a_receiver.grad.abs().max() < 1e-9 < straight.a_sender.grad.abs().max()
    bent = make(seed=seed, heads=2)(h, everybody)[1]
    assert not torch.allclose(bent, bent[:, :1].expand_as(bent))


def test_gatv2_can_let_every_receiver_pick_another_sender_and_gat_cannot():
    """The counter-example: n receivers, each of which has to attend to "its" one of n senders."""
    n = 4
    keys = torch.eye(n, dtype=f64)
    v2 = GraphAttentionV2(n, 2 * n).double()
    with torch.no_grad():  # |x - y| by two LeakyReLUs per feature: largest score where x = y
        pair = torch.cat([torch.eye(n), -torch.eye(n)]).double()
        v2.W.weight.copy_(pair)
        v2.W_i.weight.copy_(-pair)
        v2.a.fill_(-20.0)
    everybody = torch.ones(n, n, dtype=torch.bool)
    _, attention = v2(keys, everybody)
    assert (attention[0].diagonal() > 0.99).all()
    for seed in range(20):  # whatever GAT's weights, one sender is first for all
        _, attention = make(seed=seed, heads=1)(torch.randn(n, D, dtype=f64), everybody)
        assert len(set(attention[0].argmax(-1).tolist())) == 1


# ---- PyTorch Geometric ---------------------------------------------------------------------------


def same_weights(ours: GraphAttention, theirs) -> None:
    """Copy our weights into their layer."""
    with torch.no_grad():
        if isinstance(theirs, GATConv):
            theirs.lin.weight.copy_(ours.W.weight)
            theirs.att_dst.copy_(ours.a_receiver[None])
            theirs.att_src.copy_(ours.a_sender[None])
        else:
            theirs.lin_l.weight.copy_(ours.W.weight)
            theirs.lin_r.weight.copy_(ours.W_i.weight)
            theirs.att.copy_(ours.a[None])
            theirs.lin_l.bias.zero_()
            theirs.lin_r.bias.zero_()
        theirs.bias.copy_(ours.bias)


@pytest.mark.parametrize("concat", [True, False])
@pytest.mark.parametrize("heads", [1, 8])
@pytest.mark.parametrize("version", ["gat", "gatv2"])
@pytest.mark.parametrize("form", ["adjacency", "edges", "neighbours"])
def test_output_gradients_and_attention_are_those_of_pytorch_geometric(
    form, version, heads, concat
):
    torch.manual_seed(0)
    N, in_dim, out_dim = 50, 16, 8
    adjacency = torch.rand(N, N) < 0.15
    edges = graphs.edges_of(adjacency)
    graph = {
        "adjacency": adjacency,
        "edges": edges,
        "neighbours": graphs.neighbours_of(adjacency),
    }[form]
    ours = LAYERS[version](in_dim, out_dim, heads, concat)
    conv = GATConv if version == "gat" else GATv2Conv
    theirs = conv(in_dim, out_dim, heads, concat)
    with torch.no_grad():
        ours.bias.normal_()
    same_weights(ours, theirs)
    h = torch.randn(N, in_dim)
    mine, yours = h.clone().requires_grad_(), h.clone().requires_grad_()
    output, attention = ours(mine, graph)
    expected, (pairs, alpha) = theirs(yours, edges, return_attention_weights=True)
    torch.testing.assert_close(output, expected, atol=1e-5, rtol=1e-5)
    if form == "adjacency":
        torch.testing.assert_close(attention[:, pairs[1], pairs[0]], alpha.T, atol=1e-5, rtol=1e-5)
    weights = torch.randn_like(expected)
    (output * weights).sum().backward()
    (expected * weights).sum().backward()
    both = [(mine.grad, yours.grad), (ours.bias.grad, theirs.bias.grad)]
    if version == "gat":
        both += [
            (ours.W.weight.grad, theirs.lin.weight.grad),
            (ours.a_receiver.grad, theirs.att_dst.grad[0]),
            (ours.a_sender.grad, theirs.att_src.grad[0]),
        ]
    else:
        both += [
            (ours.W.weight.grad, theirs.lin_l.weight.grad),
            (ours.W_i.weight.grad, theirs.lin_r.weight.grad),
            (ours.a.grad, theirs.att.grad[0]),
        ]
    for a, b in both:
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-5)


def test_gcn_is_that_of_pytorch_geometric():
    torch.manual_seed(0)
    adjacency = torch.rand(30, 30) < 0.2
    ours, theirs = LAYERS["gcn"](6, 4), GCNConv(6, 4)
    with torch.no_grad():
        theirs.lin.weight.copy_(ours.W.weight)
    h, edges = torch.randn(30, 6), graphs.edges_of(adjacency)
    torch.testing.assert_close(ours(h, adjacency)[0], theirs(h, edges), atol=1e-5, rtol=1e-5)


# ---- The team ------------------------------------------------------------------------------------

GRID = {"grid_size": (6, 6), "n_agents": 7, "n_targets": 3, "max_steps": 4, "hearing": 2}


@pytest.mark.parametrize("name", LAYERS)
def test_a_team_plays_the_same_with_a_mask_and_with_a_list_of_neighbours(name):
    torch.manual_seed(0)
    env = MultiAgentGridWorld(**GRID, num_envs=5, seed=0)
    cfg = gat.Config(hidden_dim=8, heads=2, layers=2, layer_type=LAYERS[name])
    net = gat.build(cfg, env)
    obs, h = env.reset(), net.start(5, 7)
    dense = net(obs, h, env.alive, mask=net.comm_graph(env))
    net.communicate.nearest = 7
    listed = net(obs, h, env.alive, mask=net.comm_graph(env))
    assert listed.attention.shape == (5, 2, 2, 7, 8)
    torch.testing.assert_close(listed.logits, dense.logits)
    alone = net(obs, h, env.alive)  # without a graph everybody hears everybody
    assert not torch.allclose(alone.logits, dense.logits)


def test_a_team_trained_small_runs_in_an_environment_of_any_size():
    small = {**GRID, "env": MultiAgentGridWorld}
    env_args = {key: small[key] for key in GRID}
    cfg = gat.Config(env=MultiAgentGridWorld, env_args=env_args, updates=2, num_envs=4)
    net = gat.train(cfg).net
    net.communicate.nearest = 8
    args = {**GRID, "grid_size": (140, 140), "n_agents": 4096, "n_targets": 1000}
    found = evaluate(MultiAgentGridWorld(**args, num_envs=1), a2c.TeamPolicy(net), episodes=1)
    assert 0 <= found["success"] <= 1


def test_without_layers_nobody_talks():
    torch.manual_seed(0)
    z, mask = torch.randn(2, 4, 8), torch.rand(2, 4, 4) < 0.5
    output, attention = GraphTalk(8, layers=0)(z, mask)
    assert torch.equal(output, z) and not attention.any() and attention.shape == (2, 1, 4, 4, 4)


def test_links_can_be_cut_from_outside():
    torch.manual_seed(0)
    z, mask = torch.randn(2, 4, 8), torch.ones(2, 4, 4, dtype=torch.bool)
    talk = GraphTalk(8)
    talk.rewire = torch.zeros_like
    _, attention = talk(z, mask)
    assert torch.equal(attention, torch.eye(4).expand(2, 1, 4, -1, -1))


# ---- Bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "graph, error, message",
    [
        (torch.ones(4, 4, dtype=torch.bool), ValueError, r"adjacency must fit h \(5, 3\), got"),
        (torch.ones(2, 5, 5, dtype=torch.bool), ValueError, "adjacency must fit h"),
        (torch.ones(5, 5), TypeError, "bool adjacency, int64 edges .* got a tensor of torch.float"),
        (torch.zeros(3, 2, dtype=torch.int64), ValueError, r"edges \(2, E\) go with h \(N, D\)"),
        (torch.tensor([[0], [5]]), ValueError, r"edges must name nodes in 0..4, got 0..5"),
        ("all", TypeError, "got str"),
        (
            (torch.zeros(4, 2, dtype=torch.int64), torch.zeros(4, 2, dtype=torch.bool)),
            ValueError,
            r"neighbours must be nodes and a mask \(5, 'K'\), got \(4, 2\)",
        ),
    ],
)
def test_a_graph_that_does_not_fit_is_named(graph, error, message):
    layer = GraphAttention(3, 2)
    with unchecked(), pytest.raises(error, match=message):
        layer(torch.zeros(5, 3), graph)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: GraphAttention(3, 2, heads=0), "heads must be at least 1, got 0"),
        (lambda: GAT(3, 2, 2, layers=0), "layers must be at least 1, got 0"),
        (lambda: GraphTalk(8, heads=3), "heads divide hidden_dim, got .*heads=3, hidden_dim=8"),
    ],
)
def test_bad_sizes_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    "make", [lambda t: GAT(3, 2, 2, layer_type=t), lambda t: GraphTalk(8, layer_type=t)]
)
def test_a_layer_type_that_is_none_is_named(make):
    with unchecked(), pytest.raises(TypeError, match=r"such as GraphAttention .*got 'sage'"):
        make("sage")


def test_pytorch_geometric_is_an_oracle_and_no_part_of_the_package():
    package = Path(gat.__file__).parents[1]
    assert not any("torch_geometric" in path.read_text("utf-8") for path in package.rglob("*.py"))
