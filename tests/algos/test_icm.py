"""ICM, equation by equation, against loops over transitions; and where its gradients go."""

import math

import pytest
import torch
from torch.nn import functional as F

from marl_edu.algos.icm import STOPS, Config, IntrinsicCuriosityModule, bonus
from marl_edu.envs.key_door_maze import KeyDoorMaze
from tests.unchecked import unchecked

OBS, A, FEATURES = 5, 4, 6


@pytest.fixture
def module():
    torch.manual_seed(0)
    return IntrinsicCuriosityModule(OBS, A, FEATURES, 7, beta=0.3, eta=0.4).double()


@pytest.fixture
def transitions():
    g = torch.Generator().manual_seed(1)
    obs, after = torch.randn(2, 9, OBS, generator=g, dtype=torch.float64)
    return obs, torch.randint(A, (9,), generator=g), after


def layer(linear, x):
    """One linear layer, row by row."""
    return [
        sum(w * v for w, v in zip(row, x, strict=True)) + b
        for row, b in zip(linear.weight.tolist(), linear.bias.tolist(), strict=True)
    ]


def elu(x):
    return [v if v > 0 else math.exp(v) - 1 for v in x]


def relu(x):
    return [max(v, 0.0) for v in x]


def enc(module, o):
    return elu(layer(module.encode[2], elu(layer(module.encode[0], o.tolist()))))


def g(module, o, after):
    """The inverse model's log chances, action by action."""
    x = enc(module, o) + enc(module, after)
    scores = layer(module.inverse[2], relu(layer(module.inverse[0], x)))
    total = sum(math.exp(s) for s in scores)
    return [math.log(math.exp(s) / total) for s in scores]


def f(module, o, a):
    """What the forward model expects to be noticed."""
    x = enc(module, o) + [float(k == a) for k in range(A)]
    return layer(module.forward_model[2], relu(layer(module.forward_model[0], x)))


def wrongness(module, o, a, after):
    """|| phi_hat - phi' ||^2."""
    pairs = zip(f(module, o, a), enc(module, after), strict=True)
    return sum((p - q) ** 2 for p, q in pairs)


def test_eq_icm_inverse(module, transitions):
    inverse, _ = module.errors(*transitions)
    for k, (o, a, after) in enumerate(zip(*transitions, strict=True)):
        assert inverse[k].item() == pytest.approx(-g(module, o, after)[a])


def test_eq_icm_forward(module, transitions):
    _, forward = module.errors(*transitions)
    for k, (o, a, after) in enumerate(zip(*transitions, strict=True)):
        assert forward[k].item() == pytest.approx(wrongness(module, o, a.item(), after) / 2)


def test_eq_icm_reward(module, transitions):
    bonus = module.reward(*transitions)
    for k, (o, a, after) in enumerate(zip(*transitions, strict=True)):
        wanted = module.eta / 2 * wrongness(module, o, a.item(), after)
        assert bonus[k].item() == pytest.approx(wanted)


def test_eq_icm_loss(module, transitions):
    inverse, forward = module.errors(*transitions)
    torch.testing.assert_close(module.loss(*transitions), 0.7 * inverse + 0.3 * forward)


def reached(module, loss):
    """The gradient that the encoder gets of a loss."""
    module.zero_grad()
    loss.backward()
    grads = [p.grad for p in module.encode.parameters()]
    return None if grads[0] is None else torch.cat([x.flatten() for x in grads])


def test_where_the_forward_loss_teaches_the_encoder(transitions):
    """nothing: through both ends, as the authors' code does; target: through phi alone."""
    found = {}
    for stop in STOPS:
        torch.manual_seed(0)
        module = IntrinsicCuriosityModule(OBS, A, FEATURES, 7, stop=stop).double()
        found[stop] = reached(module, module.errors(*transitions)[1].mean())
    assert found["features"] is None
    obs, action, after = transitions
    torch.manual_seed(0)
    module = IntrinsicCuriosityModule(OBS, A, FEATURES, 7).double()
    did = F.one_hot(action, A).double()
    guess = module.forward_model(torch.cat([module.encode(obs), did], -1))
    through_phi = reached(
        module, 0.5 * (guess - module.encode(after).detach()).square().sum(-1).mean()
    )
    torch.testing.assert_close(found["target"], through_phi)
    guess = module.forward_model(torch.cat([module.encode(obs).detach(), did], -1))
    through_next = reached(module, 0.5 * (guess - module.encode(after)).square().sum(-1).mean())
    torch.testing.assert_close(found["nothing"], through_phi + through_next)


def test_the_numbers_are_the_same_wherever_the_gradient_stops(transitions):
    found = []
    for stop in STOPS:
        torch.manual_seed(0)
        found.append(IntrinsicCuriosityModule(OBS, A, stop=stop).double().errors(*transitions))
    for other in found[1:]:
        torch.testing.assert_close(found[0], other)


def test_the_inverse_model_teaches_the_encoder_and_the_forward_model_does_not_teach_it(
    module, transitions
):
    inverse, forward = module.errors(*transitions)
    inverse.mean().backward(retain_graph=True)
    assert module.forward_model[0].weight.grad is None and module.encode[0].weight.grad.any()
    module.zero_grad()
    forward.mean().backward()
    assert module.inverse[0].weight.grad is None or not module.inverse[0].weight.grad.any()


def test_left_alone_with_the_forward_model_the_encoder_goes_blind():
    """beta = 1: features that are always the same are the easiest to predict."""
    torch.manual_seed(0)
    obs, after = torch.randn(2, 64, OBS)
    action = torch.randint(A, (64,))
    spread = {}
    for beta in (1.0, 0.2):
        module = IntrinsicCuriosityModule(OBS, A, beta=beta)
        before = module.encode(after).std(0).mean()
        optimizer = torch.optim.Adam(module.parameters(), 1e-2)
        for _ in range(200):
            optimizer.zero_grad()
            module.loss(obs, action, after).mean().backward()
            optimizer.step()
        spread[beta] = (module.encode(after).std(0).mean() / before).item()
    assert spread[1.0] < 0.1 and spread[0.2] > 5 * spread[1.0]


@pytest.mark.parametrize(
    "argument, value", [("beta", 1.2), ("beta", -0.1), ("stop", "phi"), ("stop", None)]
)
def test_bad_settings_are_named(argument, value):
    with unchecked(), pytest.raises(ValueError, match=f"{argument} must .*{value!r}"):
        IntrinsicCuriosityModule(OBS, A, **{argument: value})


def test_the_config_says_what_the_module_is():
    env = KeyDoorMaze("small", num_envs=1)
    module = bonus(Config(feature_dim=3, model_dim=9, beta=0.1, eta=0.7, stop="target"), env)
    assert module.encode[2].out_features == 3 and module.encode[0].out_features == 9
    assert (module.beta, module.eta, module.stop) == (0.1, 0.7, "target")
