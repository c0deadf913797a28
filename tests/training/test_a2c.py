"""The actor-critic: its equations, whose memory is whose, and resumed runs."""

import math
from dataclasses import replace

import pytest
import torch
from scipy.stats import chisquare

from marl_edu.algos import commnet, tarmac
from marl_edu.algos.tarmac import TargetedAttention
from marl_edu.core.evaluate import evaluate
from marl_edu.core.ops import act
from marl_edu.envs import SpeakerProbe, TrafficJunction
from marl_edu.training import a2c
from marl_edu.training.a2c import (
    ActorCritic,
    Config,
    Episode,
    NoCommunication,
    TeamPolicy,
    loss,
    rollout,
)

O, A, D = 7, 3, 5  # noqa: E741  the sizes' names in the signatures


def make(communicate=None, seed: int = 0) -> ActorCritic:
    torch.manual_seed(seed)
    return ActorCritic(O, A, D, communicate or TargetedAttention(D, 1, 3, 4)).double()


def scene(seed: int = 0, B: int = 3, N: int = 4):
    """Observations, memories and who is alive; in environment 0 nobody is."""
    generator = torch.Generator().manual_seed(seed)
    alive = torch.rand(B, N, generator=generator) < 0.7
    alive[0] = False
    h = torch.randn(B, N, D, generator=generator, dtype=torch.float64) * alive[..., None]
    obs = torch.randn(B, N, O, generator=generator, dtype=torch.float64) * alive[..., None]
    return obs, h, alive


def sigmoid(x):
    return 1 / (1 + torch.exp(-x))


# -- the network's equations ---------------------------------------------------------------------


def test_eq_a2c_know():
    net = make()
    seen = []
    net.communicate.register_forward_pre_hook(lambda _, inputs: seen.append(inputs))
    obs, h, alive = scene()
    net(obs, h, alive)
    z, mask = seen[0]
    for b in range(3):
        for i in range(4):
            x = net.encode.weight @ obs[b, i] + net.encode.bias + net.recall.weight @ h[b, i]
            torch.testing.assert_close(z[b, i], x.clamp_min(0))
            for j in range(4):
                assert mask[b, i, j] == (alive[b, i] and alive[b, j])


@pytest.mark.parametrize("communicate", [NoCommunication, lambda: TargetedAttention(D, 1, 3, 4)])
def test_eq_a2c_memory(communicate):
    """What was heard goes through a gated recurrent unit, written out here."""
    net = make(communicate=communicate())
    heard = []
    net.communicate.register_forward_hook(lambda *given: heard.append(given[-1][0]))
    obs, h, alive = scene()
    new = net(obs, h, alive).h
    m = net.memory
    for b in range(3):
        for i in range(4):
            x, old = heard[0][b, i], h[b, i]
            from_x = (m.weight_ih @ x + m.bias_ih).split(D)
            from_h = (m.weight_hh @ old + m.bias_hh).split(D)
            reset = sigmoid(from_x[0] + from_h[0])
            keep = sigmoid(from_x[1] + from_h[1])
            fresh = torch.tanh(from_x[2] + reset * from_h[2])
            expected = (1 - keep) * fresh + keep * old
            torch.testing.assert_close(new[b, i], expected * alive[b, i])


def test_eq_a2c_policy():
    net = make()
    step = net(*scene())
    for b in range(3):
        for i in range(4):
            expected = net.policy.weight @ step.h[b, i] + net.policy.bias
            torch.testing.assert_close(step.logits[b, i], expected)
    # Actions are drawn with the probabilities that the softmax of the logits gives them.
    logits = torch.tensor([1.0, -0.5, 0.3])
    n = 30_000
    drawn = act(logits.expand(n, 3), torch.Generator().manual_seed(0))
    odds = [math.exp(x) for x in logits.tolist()]
    expected = [n * x / sum(odds) for x in odds]
    assert chisquare(torch.bincount(drawn, minlength=3).tolist(), expected).pvalue > 1e-3
    assert (act(logits.expand(10, 3), None) == 0).all()  # without a generator, the likeliest
    assert act(logits, None).shape == ()


def test_drawing_is_repeatable_and_independent_between_agents():
    logits = torch.zeros(2000, 2, 2)
    one, two = (act(logits, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(one, two)
    pairs = torch.bincount(2 * one[:, 0] + one[:, 1], minlength=4).tolist()
    assert chisquare(pairs).pvalue > 1e-3


def test_eq_a2c_value():
    net = make()
    _, h, alive = scene()
    value = net.centralised_value(h, alive)
    for b in range(3):
        living = [h[b, i] for i in range(4) if alive[b, i]]
        team = sum(living) / len(living) if living else torch.zeros(D, dtype=torch.float64)
        for i in range(4):
            expected = net.value.weight[0] @ torch.cat([h[b, i], team]) + net.value.bias[0]
            torch.testing.assert_close(value[b, i], expected)


# -- the loss ------------------------------------------------------------------------------------


def tiny_episode() -> Episode:
    """One environment, two steps, two agents; agent 1 is there in the second step only."""
    junk = 1e3  # what stands in an empty slot must not matter
    numbers = {
        "log_prob": [[-1.0, junk], [-2.0, -3.0]],
        "entropy": [[0.1, junk], [0.2, 0.3]],
        "value": [[0.0, junk], [0.0, 0.0], [0.0, 0.0]],
        "reward": [[10.0, junk], [0.0, 20.0]],
    }
    tensors = {k: torch.tensor([v]).requires_grad_(k != "reward") for k, v in numbers.items()}
    alive = torch.tensor([[[True, False], [True, True]]])
    ends = {"alive": alive, "terminated": ~alive, "observed": alive, "running": alive.any(-1)}
    return Episode(**tensors, **ends, paid=tensors["reward"], success=torch.ones(1))


HAND = Config(TrafficJunction, gamma=0.5, gae_lambda=1.0, reward_scale=0.1, vf_coef=0.5)


def test_eq_a2c_loss():
    # Rewards times 0.1, values 0: the advantages of the three living entries are 1, 0 and 2,
    # which are the critic's targets too. Normalised: 0, -1 and 1 over sqrt(2/3).
    total, parts = loss(tiny_episode(), HAND, ent_coef=0.3)
    unit = 1 / math.sqrt(2 / 3)
    policy_loss = -(0 * -1.0 - unit * -2.0 + unit * -3.0) / 3
    value_loss = (1 + 0 + 4) / 3
    bonus = (0.1 + 0.2 + 0.3) / 3
    assert parts["value_loss"] == pytest.approx(value_loss)
    assert parts["entropy"] == pytest.approx(bonus)
    assert total.item() == pytest.approx(policy_loss + 0.5 * value_loss - 0.3 * bonus, rel=1e-5)


def test_eq_a2c_loss_gradients():
    """d L / d log pi = -A / n, and so on; empty slots get none."""
    batch = tiny_episode()
    loss(batch, HAND, ent_coef=0.3)[0].backward()
    unit = 1 / math.sqrt(2 / 3)
    n = 3
    expected = {
        "log_prob": [[0, 0], [unit / n, -unit / n]],
        "entropy": [[-0.3 / n, 0], [-0.3 / n, -0.3 / n]],
        "value": [[-0.5 * 2 * 1 / n, 0], [0, -0.5 * 2 * 2 / n], [0, 0]],  # 2 c_V (V - R) / n
    }
    for name, numbers in expected.items():
        found = getattr(batch, name).grad[0]
        torch.testing.assert_close(
            found, torch.tensor(numbers, dtype=torch.float32), atol=1e-5, rtol=0
        )


def test_the_loss_of_an_empty_batch_is_zero_and_not_nan():
    batch = tiny_episode()._replace(alive=torch.zeros(1, 2, 2, dtype=torch.bool))
    total, _ = loss(batch, HAND, ent_coef=0.3)
    total.backward()
    assert total.item() == 0 and batch.log_prob.grad.isfinite().all()


def test_a_time_limit_is_bootstrapped_and_an_end_is_not():
    torch.manual_seed(0)
    for env, lasts in ((TrafficJunction("easy", 0.5, num_envs=8, seed=0), True),
                         (SpeakerProbe(2, 3, num_envs=8, seed=0), False)):  # fmt: skip
        net = ActorCritic(env.obs_dim, env.n_actions, D, NoCommunication())
        batch = rollout(net, env, torch.Generator().manual_seed(0))
        assert (~batch.terminated[:, -1]).any() == lasts

        def bonus(last: float, batch=batch):
            value = batch.value.detach().clone()
            value[:, -1] = last
            return loss(batch._replace(value=value), HAND, 0.0)[1]["value_loss"]

        assert (bonus(0.0) != bonus(5.0)) == lasts


# -- who is there, and whose memory it is --------------------------------------------------------


def test_empty_slots_are_neither_heard_nor_seen_nor_trained():
    net = make()
    obs, h, alive = scene()
    obs.requires_grad_(), h.requires_grad_()
    step = net(obs, h, alive)
    assert (step.h[~alive] == 0).all()
    assert (step.attention * ~alive[:, None, None, None, :] == 0).all()
    value = net.centralised_value(step.h, alive)
    parts = (step.logits[alive].sum(), value[alive].sum())
    sum(parts).backward()
    assert (obs.grad[~alive] == 0).all() and (h.grad[~alive] == 0).all()
    junk = torch.where(alive[..., None], obs, 99.0).detach()
    again = net(junk, h, alive)
    torch.testing.assert_close(again.logits, step.logits)


class Spy:
    """Notes what a network is given in every step."""

    def __init__(self, net: ActorCritic):
        self.calls: list[tuple] = []
        net.register_forward_pre_hook(lambda _, inputs: self.calls.append(inputs))


@pytest.mark.parametrize("how", ["rollout", "evaluate"])
def test_a_newcomer_does_not_inherit_the_memory_of_its_slot(how):
    torch.manual_seed(0)
    env = TrafficJunction("easy", 1.0, num_envs=16, seed=0)
    net = ActorCritic(env.obs_dim, 2, D, TargetedAttention(D))
    spy, infos = Spy(net), []
    step = env.step
    env.step = lambda actions: infos.append(step(actions)) or infos[-1]
    if how == "rollout":
        rollout(net, env, torch.Generator().manual_seed(0))
    else:
        with torch.no_grad():
            net.policy.bias[0] = 9.0  # greedy and always GAS, so that cars do leave
        evaluate(env, TeamPolicy(net), episodes=16)
    reused = 0
    for t, (_, h, alive, _) in enumerate(spy.calls[: env.max_steps]):
        if t == 0:
            assert not h.any()
            continue
        info = infos[t - 1][-1]
        here_before = spy.calls[t - 1][2] & ~info["completed"]
        assert torch.equal(alive, info["alive"])
        assert (h[~here_before] == 0).all()
        assert (h[here_before] != 0).any(-1).all()
        reused += int((info["completed"] & info["alive"]).sum())
    assert reused > 0  # slots that were left and taken in the same step


def test_a_newcomers_reward_is_not_its_predecessors_and_a_trajectory_ends_where_it_ends():
    torch.manual_seed(0)
    env = TrafficJunction("easy", 1.0, num_envs=32, seed=0)
    net = ActorCritic(env.obs_dim, 2, D, NoCommunication())
    infos = []
    step = env.step
    env.step = lambda actions: infos.append(step(actions)) or infos[-1]
    batch = rollout(net, env, torch.Generator().manual_seed(0))
    completed = torch.stack([info["completed"] for *_, info in infos], 1)
    alive = torch.stack([info["alive"] for *_, info in infos], 1)
    reward = torch.stack([reward for _, reward, *_ in infos], 1)
    crashed = torch.stack([info["collided"] for *_, info in infos], 1)
    assert (completed & crashed).any()  # newcomers that crash where somebody has just left
    assert torch.equal(batch.reward, torch.where(batch.alive & ~completed, reward, 0.0))
    assert torch.equal(batch.paid, reward)  # which are somebody's, and part of a return
    assert torch.equal(batch.alive[:, 1:], alive[:, :-1]) and not batch.alive[:, 0].any()
    assert torch.equal(~batch.terminated, batch.alive & ~completed)
    assert batch.value.shape == (32, 21, 5) and batch.log_prob.shape == (32, 20, 5)


def test_gradient_is_cut_every_so_many_steps():
    """Steps in one piece: the memory of the first reaches the last; in pieces of 1: not."""
    env = TrafficJunction("easy", 1.0, num_envs=4, seed=0)
    torch.manual_seed(0)
    net = ActorCritic(env.obs_dim, 2, D, NoCommunication())
    for detach_every, reaches in ((20, True), (1, False)):
        memories = []
        handle = net.register_forward_hook(lambda *given, m=memories: m.append(given[-1].h))
        batch = rollout(net, env, torch.Generator().manual_seed(0), detach_every)
        handle.remove()
        (gradient,) = torch.autograd.grad(
            batch.log_prob[:, 4].sum(), memories[3], allow_unused=True
        )
        assert (gradient is not None and bool(gradient.any())) == reaches


# -- training ------------------------------------------------------------------------------------

SHORT = {"hidden_dim": 8, "num_envs": 4, "updates": 9, "log_every": 2, "checkpoint_every": 3}
PROBE = {"env": SpeakerProbe, "env_args": {"distractors": 1, "symbols": 2}}
RUNS = {
    "none": (a2c.train, Config(TrafficJunction, {"difficulty": "easy"}, **SHORT)),
    "tarmac": (tarmac.train, tarmac.Config(detach_every=7, **SHORT)),
    "commnet, probe": (commnet.train, commnet.Config(rounds=2, **PROBE, **SHORT)),
}


def numbers(result):
    """All that must be the same: weights and rows, but not the time it took."""
    rows = [{k: v for k, v in row.items() if k != "cpu_seconds"} for row in result.rows]
    return rows, {k: v.tolist() for k, v in result.net.state_dict().items()}


@pytest.mark.long
@pytest.mark.parametrize("name", RUNS)
def test_an_interrupted_run_ends_with_the_same_numbers(name, tmp_path):
    train, cfg = RUNS[name]
    whole = train(cfg)
    assert [row["update"] for row in whole.rows] == [2, 4, 6, 8, 9]
    path = tmp_path / "run.safetensors"
    for stop in (2, 4, 6, 9):  # before the first checkpoint, between two, right at one, at the end

        def interrupt(row, stop=stop):
            if row["update"] == stop:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            train(cfg, on_log=interrupt, checkpoint=path)
    seen = []
    resumed = train(cfg, on_log=seen.append, checkpoint=path)
    assert numbers(resumed) == numbers(whole)
    assert [row["update"] for row in seen] == [8, 9]  # the rows of this run; all are in `rows`
    times = [row["cpu_seconds"] for row in resumed.rows]
    assert times == sorted(times) and resumed.cpu_seconds >= times[-1]


@pytest.mark.long
@pytest.mark.parametrize("name", RUNS)
def test_equal_seeds_give_equal_numbers_and_others_do_not(name):
    train, cfg = RUNS[name]
    torch.rand(3)  # what happened before a run does not matter
    assert numbers(train(cfg)) == numbers(train(cfg))
    assert numbers(train(cfg)) != numbers(train(replace(cfg, seed=1)))


def test_a_checkpoint_of_another_config_is_refused(tmp_path):
    cfg = RUNS["none"][1]
    path = tmp_path / "run.safetensors"
    a2c.train(cfg, checkpoint=path)
    for other, what in ((replace(cfg, seed=1), "seed"), (replace(cfg, lr=1e-3), "lr")):
        with pytest.raises(ValueError, match=rf"other settings: config\.{what} is"):
            a2c.train(other, checkpoint=path)
    same = {key: getattr(cfg, key) for key in Config.__dataclass_fields__}
    with pytest.raises(ValueError, match="other settings"):  # another algorithm's
        commnet.train(commnet.Config(**same), checkpoint=path)


def test_rows_hold_what_the_log_promises():
    rows = a2c.train(RUNS["none"][1]).rows
    assert rows[0]["env_steps"] == 2 * 4 * 20
    for row in rows:
        assert {"update", "env_steps", "success", "return", "entropy", "value_loss",
                "cpu_seconds"} <= set(row)  # fmt: skip
        assert all(math.isfinite(value) for value in row.values())
        assert 0 <= row["success"] <= 1 and 0 <= row["entropy"] <= math.log(2) + 1e-6


def test_evaluate_is_repeatable_and_leaves_no_graph():
    env = TrafficJunction("easy", 0.3, num_envs=8, seed=0)
    torch.manual_seed(0)
    net = ActorCritic(env.obs_dim, 2, D, TargetedAttention(D))
    for greedy in (True, False):
        one, two = (evaluate(env, TeamPolicy(net, greedy, seed=5), 20, seed=5) for _ in range(2))
        assert one == two
        assert one["episodes"] == 24 and 0 <= one["success"] <= 1 and one["return"] <= 0
    with torch.no_grad():
        net.policy.weight.zero_()
        net.policy.bias.copy_(torch.tensor([1.0, 0.0]))
    gas = evaluate(TrafficJunction("easy", 0.1, num_envs=500), TeamPolicy(net), 2000)
    assert gas["success"] == pytest.approx(0.845, abs=0.055)  # always GAS, published on 600
    assert gas["return"] == pytest.approx(-0.80, abs=0.25)  # likewise
