"""What was trained leaves: torch.export, ONNX and whole-graph compilation, with B left open."""

import subprocess
import sys
import warnings

import pytest
import torch
from torch.export import Dim
from torch.utils import _pytree

from marl_edu.algos import commnet, dqn, drqn, gat, ic3net, icm, tarmac
from marl_edu.core import graphs
from marl_edu.core.graph_layers import GraphConvolution, GraphMax, GraphMean
from marl_edu.envs import SpeakerListener, TrafficJunction
from marl_edu.training import a2c
from tests import ROOT
from tests.unchecked import unchecked

TEAMS = {"none": a2c, "commnet": commnet, "tarmac": tarmac, "ic3net": ic3net, "gat": gat}
LAYERS = [gat.GraphAttention, gat.GraphAttentionV2, GraphMean, GraphConvolution, GraphMax]
pytestmark = pytest.mark.long
FORMS = ["adjacency", "edges", "neighbours"]


def exported(net, args, dynamic):
    with warnings.catch_warnings():  # torch's LSTM lists its own weights anew
        warnings.filterwarnings("ignore", "The tensor attributes .*_flat_weights")
        return torch.export.export(net, args, dynamic_shapes=dynamic).module()


def onnx(net, args, dynamic):
    for package in ("onnx", "onnxruntime", "onnxscript"):
        pytest.importorskip(package)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the packages about themselves
        program = torch.onnx.export(
            net, args, dynamic_shapes=dynamic, dynamo=True, verbose=False, external_data=False
        )
    return lambda *args: program(*[x for x in _pytree.tree_leaves(args) if x is not None])


WAYS = [exported, onnx]


def tensors(found):
    return [x for x in _pytree.tree_leaves(found) if isinstance(x, torch.Tensor)]


def leaves_alike(way, net, args, others, dynamic=None):
    """Taken elsewhere with `args`, it says of other inputs what the network says."""
    net = net.eval()
    with unchecked(), torch.no_grad():
        found, expected = tensors(way(net, args, dynamic)(*others)), tensors(net(*others))
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("env", [TrafficJunction, SpeakerListener])
@pytest.mark.parametrize("name", TEAMS)
@pytest.mark.parametrize("way", WAYS)
def test_a_trained_team(way, name, env):
    """Agents with fewer actions than others (SpeakerListener) included."""
    cfg = TEAMS[name].Config(env=env, hidden_dim=8, updates=1, num_envs=2)
    net = TEAMS[name].train(cfg).net

    def inputs(B):
        team = env(num_envs=B, seed=B)
        return (team.reset(), net.start(B, team.n_agents) + 0.5, team.alive, None, team.adjacency())

    B = {0: Dim.AUTO}
    leaves_alike(way, net, inputs(3), inputs(5), (B, B, B, None, B))


@pytest.mark.parametrize("method", [dqn, drqn])
@pytest.mark.parametrize("way", WAYS)
def test_q_learners(way, method):
    net = method.build(method.Config(env=SpeakerListener, hidden_dim=8), SpeakerListener())
    B = {0: Dim.AUTO}

    def inputs(n):
        hidden = net.start(n, 2)
        return torch.randn(n, 2, 11), hidden if hidden is None else hidden + 0.5

    args = inputs(3)
    leaves_alike(way, net, args, inputs(5), tuple(None if x is None else B for x in args))


@pytest.mark.parametrize("way", WAYS)
def test_explorers(way):
    cfg = icm.Config(env=TrafficJunction, hidden_dim=8)
    env = TrafficJunction(num_envs=3, seed=0)
    net = icm.ppo.build(cfg, env)
    obs = torch.randn(5, env.n_agents, env.obs_dim)
    leaves_alike(way, net, (env.reset(),), (obs,), ({0: Dim.AUTO},))


def graph(form, seed=0, N=5):
    """A graph with loops of its own, and nodes that nobody hears."""
    adjacency = torch.rand(N, N, generator=torch.Generator().manual_seed(seed)) < 0.5
    if form == "edges":
        return torch.cat([graphs.edges_of(adjacency), torch.tensor([[2], [2]])], 1)
    return graphs.neighbours_of(adjacency) if form == "neighbours" else adjacency


@pytest.mark.parametrize(
    "way, layer_type",
    [*((exported, layer) for layer in LAYERS), (onnx, gat.GraphAttention), (onnx, GraphMax)],
)
@pytest.mark.parametrize("form", FORMS)
def test_graph_networks_in_all_forms_of_a_graph(way, form, layer_type):
    net = gat.GAT(6, 4, 3, heads=2, layers=2, layer_type=layer_type)
    args = (torch.randn(5, 6), graph(form))
    leaves_alike(way, net, args, (torch.randn(5, 6), args[1]))


@pytest.mark.parametrize("way", WAYS)
def test_a_graph_network_with_any_number_of_edges(way):
    net = gat.GAT(6, 4, 3, heads=2, layers=2)
    args, others = ((torch.randn(5, 6), graph("edges", seed)) for seed in (0, 3))
    assert args[1].shape != others[1].shape
    leaves_alike(way, net, args, others, (None, {1: Dim.AUTO}))


def test_exported_programs_are_saved_and_read(tmp_path):
    net = gat.GAT(6, 4, 3)
    args = (torch.randn(5, 6), graph("edges"))
    with unchecked():
        torch.export.save(torch.export.export(net, args), tmp_path / "team.pt2")
        again = torch.export.load(tmp_path / "team.pt2").module()
        torch.testing.assert_close(again(*args)[0], net(*args)[0])


PROGRAM = """
import torch
from marl_edu.algos import gat
from marl_edu.envs import TrafficJunction
from tests.algos.test_export import FORMS, graph

def check(net, *args):
    torch._dynamo.reset()
    compiled = torch.compile(net.eval(), fullgraph=True, backend="eager")
    torch.testing.assert_close(compiled(*args)[0], net(*args)[0])

for form in FORMS:
    for layer_type in (gat.GraphAttention, gat.GraphAttentionV2):
        net = gat.GAT(6, 4, 3, heads=2, layers=2, layer_type=layer_type)
        check(net, torch.randn(5, 6), graph(form))
env = TrafficJunction(num_envs=2, seed=0)
net = gat.build(gat.Config(hidden_dim=8), env)
check(net, env.reset(), net.start(2, env.n_agents), env.alive, None, env.adjacency())
"""


def test_compiled_as_one_graph():
    """Without the checks of signatures, which these tests alone put around every call."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-2000:]
