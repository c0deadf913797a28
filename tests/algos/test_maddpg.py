"""MADDPG: its equations against loops, whom a gradient reaches, the switches, and bad input."""

import math

import pytest
import torch

from marl_edu.algos import dqn, icm, maddpg, qmix, tarmac
from marl_edu.algos.maddpg import Config, Team
from marl_edu.core.evaluate import evaluate
from marl_edu.core.separate import Separate
from marl_edu.envs import CooperativeNavigation, SpeakerListener, TrafficJunction
from marl_edu.envs.baselines.speaker_listener import middle
from marl_edu.experiments.catalogue.maddpg import NUMBERS
from marl_edu.training.team_replay import TeamTransitions, TransitionReplay
from tests.unchecked import unchecked

N, O, A, D, E = 3, 4, 5, 8, 6  # noqa: E741  agents, numbers seen, actions, width, batch
KINDS = pytest.mark.parametrize("continuous", [False, True], ids=["discrete", "continuous"])
CRITICS = pytest.mark.parametrize("critic", ["central", "own"])
TINY = {"num_envs": 4, "hidden_dim": 8, "batch_size": 16, "capacity": 500, "learning_starts": 50,
        "train_freq": 50.0, "updates": 12, "log_every": 3, "checkpoint_every": 4}  # fmt: skip


@pytest.fixture(autouse=True)
def _double():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def config(**settings) -> Config:
    return Config(CooperativeNavigation, hidden_dim=D, gamma=0.9, **settings)


def team(seed: int = 0, continuous: bool = False, **settings) -> Team:
    torch.manual_seed(seed)
    return Team(config(**settings), N, O, A, continuous)


def a_batch(continuous: bool = False, seed: int = 0) -> TeamTransitions:
    """Agents that are absent, ends, and actions that some do not have."""
    g = torch.Generator().manual_seed(seed)

    def flags(*shape: int, p: float = 0.7) -> torch.Tensor:
        return torch.rand(*shape, generator=g) < p

    alive, terminated = flags(E, N, p=0.8), flags(E, N, p=0.3)
    available = torch.arange(A) < torch.tensor([[3], [A], [A]])  # the first has three actions
    if continuous:
        action = torch.rand(E, N, A, generator=g) * available
    else:
        action = torch.eye(A)[(torch.rand(E, N, generator=g) * available.sum(-1)).long()]
    return TeamTransitions(
        torch.randn(E, N, O, generator=g), action * alive[..., None],
        torch.randn(E, N, generator=g), terminated | ~alive, alive,
        torch.randn(E, N, O, generator=g), alive & ~terminated,
        available.expand(E, -1, -1), available.expand(E, -1, -1),
    )  # fmt: skip


def through(nets: Separate, k: int, x: torch.Tensor) -> torch.Tensor:
    """Network k, layer by layer."""
    for layer, (weight, bias) in enumerate(zip(nets.weights, nets.biases, strict=True)):
        x = (x.clamp_min(0) if layer else x) @ weight[k] + bias[k, 0]
    return x


def q_by_hand(net: Team, i: int, obs: torch.Tensor, action: torch.Tensor, twin: int = 0) -> float:
    """Q_i of one step: `obs` (N, O), `action` (N, A)."""
    parts = [torch.cat([obs[j], action[j]]) for j in range(N)]
    x = torch.cat(parts) if net.central else parts[i]
    return through(net.critic, twin * N + i, x).item()


def gumbels(generator: torch.Generator, *shape: int) -> torch.Tensor:
    return -torch.empty(*shape).exponential_(generator=generator).log()


def softened(logits: list[float], noise: list[float], temperature: float) -> list[float]:
    powers = [math.exp((x + g) / temperature) for x, g in zip(logits, noise, strict=True)]
    return [x / sum(powers) for x in powers] + [0.0] * (A - len(logits))


# -- equations ------------------------------------------------------------------------------------


def test_eq_maddpg_actor():
    net, obs = team(), a_batch().obs
    logits = net.logits(obs)
    for e in range(E):
        for i in range(N):
            torch.testing.assert_close(logits[e, i], through(net.actor, i, obs[e, i]))
    q, hidden = net(obs, net.start(E, N))
    assert torch.equal(q, logits) and hidden.shape == (E, N, 0)


def test_eq_maddpg_gumbel():
    """By hand, with the same noise; what is not available is 0; the temperature divides."""
    batch = a_batch()
    logits = torch.randn(E, N, A, generator=torch.Generator().manual_seed(1))
    for temperature in (0.5, 1.0, 3.0):
        found = maddpg.relaxed(
            logits, batch.available, temperature, torch.Generator().manual_seed(2)
        )
        noise = gumbels(torch.Generator().manual_seed(2), E, N, A)
        for e in range(E):
            for i, has in enumerate((3, A, A)):
                x, g = logits[e, i, :has].tolist(), noise[e, i, :has].tolist()
                expected = softened(x, g, temperature)
                assert found[e, i].tolist() == pytest.approx(expected, abs=1e-12)


def test_a_relaxed_action_is_largest_where_a_sample_of_the_policy_falls():
    g = torch.Generator().manual_seed(0)
    logits = torch.tensor([0.0, math.log(2), math.log(5), 9.0])
    has = torch.tensor([True, True, True, False])
    chosen = maddpg.relaxed(logits.expand(40_000, -1), has, 1.0, g).argmax(-1)
    share = torch.bincount(chosen, minlength=4) / 40_000
    torch.testing.assert_close(share, torch.tensor([1, 2, 5, 0]) / 8, atol=0.01, rtol=0)


def test_straight_through_is_one_hot_with_the_relaxed_gradient():
    logits = torch.randn(E, N, A, generator=torch.Generator().manual_seed(3))
    value, gradients, actions = torch.arange(A) / A, [], []
    for straight in (False, True):
        x = logits.clone().requires_grad_()
        g = torch.Generator().manual_seed(4)
        a = maddpg.relaxed(x, torch.ones(A, dtype=torch.bool), 1.0, g, straight)
        (a * value).sum().backward()
        actions.append(a.detach())
        gradients.append(x.grad)
    assert torch.equal(gradients[0], gradients[1]) and gradients[0].abs().min() > 0
    one_hot = torch.eye(A)[actions[0].argmax(-1)]
    torch.testing.assert_close(actions[1], one_hot)
    assert not torch.isclose(actions[0], one_hot).all()


def test_eq_maddpg_sigmoid():
    """Actions that are numbers: without a generator, and with one the noise of exploration."""
    net, batch = team(continuous=True), a_batch(True)
    logits = net.logits(batch.obs)
    done, numbers = maddpg.act(net, batch.obs, batch.available)
    expected = batch.available / (1 + (-logits).exp())
    torch.testing.assert_close(done, expected)
    assert torch.equal(done, numbers)
    noisy, _ = maddpg.act(net, batch.obs, batch.available, 0.5, torch.Generator().manual_seed(0))
    noise = torch.empty(E, N, A).normal_(generator=torch.Generator().manual_seed(0))
    expected = (1 / (1 + (-logits).exp()) + 0.5 * noise).clamp(0, 1) * batch.available
    torch.testing.assert_close(noisy, expected)
    assert (noisy == 1).any() and ((noisy == 0) & batch.available).any()


@CRITICS
@pytest.mark.parametrize("twin", [False, True])
def test_eq_maddpg_target_and_eq_maddpg_critic(critic, twin):
    """Eqs. (4)-(6) by a loop: every target actor acts at o', the end cuts, the smaller twin counts;
    agents that are not there do nothing, and nothing is learned about them."""
    settings = {"critic": critic, "twin": twin, "reward_scale": 0.5}
    net, target, batch = team(**settings), team(1, **settings), a_batch()
    cfg = config(**settings)
    loss, parts = maddpg.critic_loss(net, target, batch, cfg, torch.Generator().manual_seed(5))
    noise = gumbels(torch.Generator().manual_seed(5), E, N, A)
    errors: list[list[float]] = []
    for e in range(E):
        after = torch.zeros(N, A)
        for j, has in enumerate((3, A, A)):
            if batch.next_alive[e, j]:
                x = through(target.actor, j, batch.next_obs[e, j])[:has].tolist()
                after[j] = torch.tensor(softened(x, noise[e, j, :has].tolist(), 1.0))  # eq. (4)
        for i in range(N):
            if not batch.alive[e, i]:
                continue
            q = [q_by_hand(target, i, batch.next_obs[e], after, k) for k in range(1 + twin)]
            future = 0.0 if batch.terminated[e, i] else 0.9 * min(q)
            y = 0.5 * batch.reward[e, i].item() + future  # eq. (5)
            now = [q_by_hand(net, i, batch.obs[e], batch.action[e], k) for k in range(1 + twin)]
            errors.append([(y - one) ** 2 for one in now])  # eq. (6)
    expected = N * sum(sum(both) for both in errors) / len(errors)
    assert len(errors) < E * N
    assert loss.item() == pytest.approx(expected)
    assert parts["loss"] == pytest.approx(expected / N / (1 + twin))


@CRITICS
@KINDS
def test_eq_maddpg_policy(critic, continuous):
    """Eq. (7) by a loop: only the own action is new, those of the others are from the replay."""
    settings = {"critic": critic, "logit_cost": 0.01, "straight_through": False}
    net, batch = team(continuous=continuous, **settings), a_batch(continuous)
    cfg = config(**settings)
    loss = maddpg.actor_loss(net, batch, cfg, torch.Generator().manual_seed(6))
    noise = gumbels(torch.Generator().manual_seed(6), E, N, A)
    terms = []
    for e in range(E):
        for i, has in enumerate((3, A, A)):
            if not batch.alive[e, i]:
                continue
            x = through(net.actor, i, batch.obs[e, i])[:has].tolist()
            if continuous:
                own = [1 / (1 + math.exp(-one)) for one in x] + [0.0] * (A - has)
            else:
                own = softened(x, noise[e, i, :has].tolist(), 1.0)
            asked = batch.action[e].clone()
            asked[i] = torch.tensor(own)
            square = sum(one * one for one in x) / has
            terms.append(-q_by_hand(net, i, batch.obs[e], asked) + 0.01 * square)
    assert loss.item() == pytest.approx(N * sum(terms) / len(terms))


def test_eq_maddpg_soft_update():
    net, target = team(), team(1)
    before = [p.clone() for p in target.parameters()]
    maddpg.follow(target, net, 0.25)
    for old, new, goal in zip(before, target.parameters(), net.parameters(), strict=True):
        torch.testing.assert_close(new, 0.75 * old + 0.25 * goal)


# -- whom a gradient reaches ----------------------------------------------------------------------


@CRITICS
@KINDS
def test_an_actor_learns_from_its_own_critic_alone(critic, continuous):
    """Change critic k: the gradient of actor k changes, and no other."""
    batch, cfg = a_batch(continuous), config(critic=critic)

    def gradients(net: Team) -> list[torch.Tensor]:
        loss = maddpg.actor_loss(net, batch, cfg, torch.Generator().manual_seed(0))
        return list(torch.autograd.grad(loss, list(net.actor.parameters())))

    net = team(continuous=continuous, critic=critic)
    before = gradients(net)
    with torch.no_grad():
        net.critic.weights[2][1] += 1.0  # of agent 1
    after = gradients(net)
    for i in range(N):
        same = all(torch.equal(a[i], b[i]) for a, b in zip(before, after, strict=True))
        assert same == (i != 1)
        assert any(g[i].abs().max() > 0 for g in after)


def test_no_gradient_reaches_the_target():
    net, target, batch = team(), team(1), a_batch()
    maddpg.critic_loss(net, target, batch, config(), None)[0].backward()
    assert all(p.grad is None for p in target.parameters())
    assert all(p.grad is None for p in net.actor.parameters())
    assert all(p.grad is not None for p in net.critic.parameters())


def test_only_a_central_critic_sees_what_the_others_do():
    """And no actor sees what another one sees."""
    batch = a_batch()
    for critic in ("central", "own"):
        net = team(critic=critic)
        for change in ("obs", "action"):
            other = getattr(batch, change).clone()
            other[:, 2] += 1
            now = net.values(batch.obs, batch.action)[0]
            then = net.values(**{"obs": batch.obs, "action": batch.action, change: other})[0]
            assert not torch.isclose(now[2], then[2]).any()
            assert torch.equal(now[:2], then[:2]) == (critic == "own")
            assert torch.isclose(now[:2], then[:2]).any() == (critic == "own")
        assert torch.equal(net.logits(batch.obs)[:, :2], net.logits(other_view(batch))[:, :2])


def other_view(batch: TeamTransitions) -> torch.Tensor:
    obs = batch.obs.clone()
    obs[:, 2] += 1
    return obs


# -- TD3's switches -------------------------------------------------------------------------------


def trained(env=CooperativeNavigation, loss=maddpg.actor_loss, **settings):
    """The weights after training; `loss` is eq. (7)."""
    with unchecked():
        cfg = Config(env, **{**TINY, **settings})
        return maddpg.train(cfg, actor_loss=loss).net.state_dict()


def test_delayed_actors_move_every_second_update(monkeypatch):
    calls = {"actor": 0, "follow": 0}
    real_loss, real_follow = maddpg.actor_loss, maddpg.follow

    def actor_loss(*given):
        calls["actor"] += 1
        return real_loss(*given)

    def follow(*given):
        calls["follow"] += 1
        real_follow(*given)

    monkeypatch.setattr(maddpg, "follow", follow)
    trained(loss=actor_loss, actor_delay=4)
    assert calls == {"actor": 3, "follow": 3}
    trained(loss=actor_loss)
    assert calls == {"actor": 9, "follow": 9}
    trained(loss=actor_loss, actor_delay=1)
    assert calls == {"actor": 21, "follow": 21}


def test_smoothing_moves_the_target_action_and_is_cut():
    target, batch = team(continuous=True), a_batch(True)
    plain = maddpg.target_action(target, batch, config(), None)
    g = torch.Generator().manual_seed(0)
    moved = maddpg.target_action(target, batch, config(smoothing=0.1), g)
    noise = 0.1 * torch.empty(E, N, A).normal_(generator=torch.Generator().manual_seed(0))
    there = batch.available & batch.next_alive[..., None]
    expected = (target.logits(batch.next_obs).sigmoid() + noise.clamp(-0.25, 0.25)).clamp(0, 1)
    torch.testing.assert_close(moved, expected * there)
    assert noise.abs().max() > 0.25 and (moved - plain).abs().max() <= 0.25 + 1e-9
    assert not torch.isclose(moved, plain)[there].any()


def test_twins_differ_and_the_actor_asks_the_first():
    net, batch, cfg = team(twin=True), a_batch(), config(twin=True)
    q = net.values(batch.obs, batch.action)
    assert q.shape == (2, N, E) and not torch.isclose(q[0], q[1]).any()
    before = maddpg.actor_loss(net, batch, cfg, torch.Generator().manual_seed(0)).item()
    with torch.no_grad():
        net.critic.weights[0][N:] += 1  # the second ones
    after = maddpg.actor_loss(net, batch, cfg, torch.Generator().manual_seed(0)).item()
    assert before == after


@pytest.mark.parametrize(
    "switch",
    [{"twin": True}, {"actor_delay": 1}, {"smoothing": 0.1}, {"critic": "own"}, {"noise": 0.3},
     {"logit_cost": 0.1}, {"tau": 0.5}],
    ids=str,
)  # fmt: skip
def test_every_setting_changes_what_is_learned(switch):
    args = {"env_args": {"continuous": True}}
    plain, other = trained(**args), trained(**args, **switch)
    name = "actor.weights.0"
    assert not torch.equal(plain[name], other[name])
    assert torch.equal(plain[name], trained(**args)[name])


@pytest.mark.parametrize("switch", [{"straight_through": True}, {"temperature": 0.5}], ids=str)
def test_settings_of_whole_actions_change_what_is_learned(switch):
    name = "actor.weights.0"
    assert not torch.equal(trained()[name], trained(**switch)[name])


# -- the replay, time and ends --------------------------------------------------------------------


def test_what_is_kept_is_what_happened():
    """Steps of a team, one row each: in navigation what is seen next is the next row's view."""
    cfg = Config(SpeakerListener, **TINY)
    env = SpeakerListener(num_envs=3, seed=0)
    net = maddpg.build(cfg, env)
    replay = TransitionReplay(500, env.obs_dim, env.available[0])
    played = maddpg.rollout(net, env, replay, cfg, torch.Generator().manual_seed(0))
    assert played["env_steps"] == 75 and played["taken"] == 150 == replay.steps
    f = {name: x[:75].unflatten(0, (3, 25)) for name, x in replay.fields.items()}
    assert torch.equal(f["obs"][:, 1:], f["next_obs"][:, :-1])
    assert torch.equal(f["action"].sum(-1), torch.ones(3, 25, 2))
    heard = f["next_obs"][:, :, 1, -3:]  # the listener hears what the speaker did
    assert torch.equal(heard, f["action"][:, :, 0, :3])
    assert not f["action"][:, :, 0, 3:].any()
    squares = f["next_obs"][:, :, 1, 2:8].unflatten(-1, (3, 2)).square().sum(-1)
    goal = f["obs"][:, :, 0, :3].argmax(-1, keepdim=True)
    torch.testing.assert_close(
        f["reward"][..., 1], -squares.gather(-1, goal)[..., 0], atol=1e-5, rtol=1e-5
    )
    assert played["return"] == pytest.approx(f["reward"].sum(1).mean().item())
    assert f["alive"].all() and f["next_alive"].all()


def test_a_time_limit_is_no_end_and_an_end_is_one():
    cfg = Config(SpeakerListener, **TINY)
    env = SpeakerListener(num_envs=3, seed=0)
    replay = TransitionReplay(500, env.obs_dim, env.available[0])
    g = torch.Generator().manual_seed(0)
    maddpg.rollout(maddpg.build(cfg, env), env, replay, cfg, g)
    assert not replay.fields["terminated"][:75].any()
    with unchecked():
        env = TrafficJunction("easy", 0.9, num_envs=20, seed=0)
    replay = TransitionReplay(1000, env.obs_dim, env.available[0])
    played = maddpg.rollout(maddpg.build(cfg, env), env, replay, cfg, g)
    f = {name: x[: replay.size] for name, x in replay.fields.items()}
    ended = f["terminated"] & f["alive"]
    assert ended.any() and played["taken"] == f["alive"].sum()
    assert torch.equal(f["terminated"] | f["next_alive"], torch.ones_like(ended))
    assert not f["action"][~f["alive"]].any() and not f["reward"][~f["alive"]].any()


@pytest.mark.parametrize("over, expected", [(False, 10.0), (True, 1.0)])
def test_the_value_goes_on_where_nothing_terminates(over, expected):
    """Reward 1 a step for ever, gamma 0.9: Q = 1 / (1 - gamma); where every step is the last: 1."""
    cfg, batch, net, target = config(), a_batch(), team(), team()
    there = torch.ones_like(batch.alive)
    batch = batch._replace(
        obs=batch.next_obs, reward=torch.ones(E, N), alive=there, next_alive=there,
        terminated=there & over,
    )  # fmt: skip
    after = maddpg.target_action(target, batch, cfg, torch.Generator().manual_seed(0))
    after = after.detach()
    batch = batch._replace(action=after)
    optimizer = torch.optim.Adam(net.critic.parameters(), lr=1e-2)
    for _ in range(600):
        target.critic.load_state_dict(net.critic.state_dict())
        optimizer.zero_grad()
        maddpg.critic_loss(net, target, batch, cfg, torch.Generator().manual_seed(0))[0].backward()
        optimizer.step()
    assert net.values(batch.obs, after)[0].detach().numpy() == pytest.approx(expected, abs=0.2)


def test_the_ring_keeps_the_newest_and_goes_on_from_a_checkpoint():
    cfg = Config(SpeakerListener, **TINY)
    env = SpeakerListener(num_envs=3, seed=0)
    net, g = maddpg.build(cfg, env), torch.Generator().manual_seed(0)
    replay = TransitionReplay(100, env.obs_dim, env.available[0])
    for _ in range(2):
        maddpg.rollout(net, env, replay, cfg, g)
    assert replay.size == 100 and replay.steps == 200
    other = TransitionReplay(100, env.obs_dim, env.available[0])
    other.load_state_dict(replay.state_dict())
    one, two = (r.sample(50, torch.Generator().manual_seed(1)) for r in (replay, other))
    for mine, yours in zip(one, two, strict=True):
        assert torch.equal(mine, yours)


@pytest.mark.parametrize("args", [{}, {"continuous": True}], ids=["discrete", "continuous"])
def test_a_run_that_was_stopped_ends_the_same_to_the_last_digit(args, tmp_path):
    cfg = Config(SpeakerListener, args, twin=True, **TINY)
    whole = maddpg.train(cfg)

    class Stopped(Exception):
        pass

    def stop(row):
        if row["update"] >= 6:
            raise Stopped

    path = tmp_path / "run.safetensors"
    with pytest.raises(Stopped):
        maddpg.train(cfg, on_log=stop, checkpoint=path)
    assert path.exists()
    resumed = maddpg.train(cfg, checkpoint=path)
    for a, b in zip(whole.net.parameters(), resumed.net.parameters(), strict=True):
        assert torch.equal(a, b)
    drop = {"cpu_seconds"}
    assert [{k: v for k, v in row.items() if k not in drop} for row in whole.rows] == [
        {k: v for k, v in row.items() if k not in drop} for row in resumed.rows
    ]


# -- acting ---------------------------------------------------------------------------------------


def test_a_policy_takes_the_most_likely_action_or_samples():
    env = SpeakerListener(num_envs=400, seed=0)
    net = maddpg.build(Config(SpeakerListener, hidden_dim=8), env)
    obs = env.reset(0)
    logits = net.logits(obs).masked_fill(~env.available, -math.inf)
    assert torch.equal(maddpg.TeamPolicy(net)(env), logits.argmax(-1))
    sampled = torch.stack([maddpg.TeamPolicy(net, greedy=False, seed=k)(env) for k in range(50)])
    share = torch.nn.functional.one_hot(sampled, 5).double().mean((0, 1))
    torch.testing.assert_close(share, logits.softmax(-1).mean(0), atol=0.02, rtol=0)


# -- bad input ------------------------------------------------------------------------------------


def test_bad_settings_are_named():
    with pytest.raises(ValueError, match=r"critic must be one of \['central', 'own'\], got 'mine'"):
        maddpg.train(Config(SpeakerListener, critic="mine"))
    with pytest.raises(ValueError, match=r"smoothing must be 0 where agents choose .*, got 0\.1"):
        maddpg.train(Config(SpeakerListener, smoothing=0.1))
    for name, value in (("tau", 0.0), ("tau", 1.5), ("temperature", 0.0), ("noise", -1.0)):
        with pytest.raises(ValueError, match=f"{name} must be a number .*got {value}"):
            Config(SpeakerListener, **{name: value})
    with pytest.raises(ValueError, match="actor_delay must be a whole number of at least 1, got 0"):
        Config(SpeakerListener, actor_delay=0)
    with unchecked(), pytest.raises(TypeError, match="twin must be True or False, got 1"):
        Config(SpeakerListener, twin=1)


@pytest.mark.parametrize("method", [dqn, qmix, tarmac, icm])
def test_continuous_actions_are_refused_by_those_who_choose_among_a_few(method):
    cfg = method.Config(env=SpeakerListener, env_args={"continuous": True})
    said = f"env must have a few actions to choose from for {method.__name__}, .*algos.maddpg"
    with pytest.raises(ValueError, match=said):
        method.train(cfg)


# -- learning -------------------------------------------------------------------------------------


@pytest.mark.learning
@pytest.mark.parametrize("seed", range(3))
def test_speaker_and_listener_find_a_language(seed):
    """Clearly better than the best listener that ignores the speaker."""
    torch.set_default_dtype(torch.float32)
    with unchecked():
        net = maddpg.train(Config(**NUMBERS, seed=seed)).net
        env = SpeakerListener(num_envs=500, continuous=True)
        found = evaluate(env, maddpg.TeamPolicy(net), 1000)
        deaf = evaluate(SpeakerListener(num_envs=500), middle, 1000)
    assert found["return"] > deaf["return"] + 3
