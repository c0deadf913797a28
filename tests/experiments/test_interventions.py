"""What happens to messages on their way, checked with numbers one can follow."""

import pytest
import torch

from marl_edu.algos.commnet import MeanOfOthers
from marl_edu.algos.tarmac import TargetedAttention
from marl_edu.core import storage
from marl_edu.core.evaluate import evaluate
from marl_edu.envs import TrafficJunction
from marl_edu.experiments import interventions
from marl_edu.experiments.interventions import (
    Delay,
    Mute,
    Noise,
    Quantise,
    Shuffle,
    Through,
    bits_sent,
    compare_channels,
    through,
)
from marl_edu.training.a2c import ActorCritic, NoCommunication, TeamPolicy
from tests.unchecked import unchecked

D = 6


def everybody(B: int = 1, N: int = 3) -> torch.Tensor:
    return torch.ones(B, N, N, dtype=torch.bool)


def net_with(communicate, obs_dim: int = 4) -> ActorCritic:
    torch.manual_seed(0)
    return ActorCritic(obs_dim, 2, D, communicate)


MODULES = [MeanOfOthers(D), TargetedAttention(D, 2, 3, 4), TargetedAttention(D, hear_self=False)]


# -- muting --------------------------------------------------------------------------------------


@pytest.mark.parametrize("module", MODULES)
def test_a_muted_sender_is_not_heard_rather_than_heard_as_zeros(module):
    z = torch.randn(2, 4, D, generator=torch.Generator().manual_seed(0))
    full, quiet = everybody(2, 4), everybody(2, 4)
    quiet[:, :, 1] = False
    expected = module(z, quiet)
    heard, attention = Through(module, Mute(slots=[1]))(z, full)
    torch.testing.assert_close(heard, expected[0])
    assert (attention[..., 1] == 0).all()
    torch.testing.assert_close(attention.sum(-1), torch.ones_like(attention[..., 0]))
    assert not torch.allclose(heard, module(z, full)[0])


def test_mute_takes_a_senders_column_and_loses_a_share_of_the_messages():
    message = torch.zeros(1, 3, 2)
    same, mask = Mute(slots=[0, 2])(message, everybody())
    assert torch.equal(same, message)
    assert mask[0].tolist() == [[False, True, False]] * 3
    lossy = Mute(probability=0.3, seed=1)
    kept = torch.stack([lossy(message, everybody())[1] for _ in range(2000)])
    assert (kept.all(2) == kept.any(2)).all()  # lost for all receivers or for none
    assert kept.float().mean().item() == pytest.approx(0.7, abs=3.5 * (0.21 / 6000) ** 0.5)
    assert Mute()(message, everybody())[1].all()
    assert not Mute(probability=1.0)(message, everybody())[1].any()


# -- shuffling -----------------------------------------------------------------------------------


def test_shuffle_deals_the_messages_of_the_living_among_the_living():
    message = torch.arange(5.0).view(1, 5, 1)
    alive = torch.tensor([[True, False, True, True, False]])
    mask = alive[:, :, None] & alive[:, None, :]
    shuffle, seen = Shuffle(seed=0), set()
    for _ in range(200):
        dealt, same = shuffle(message, mask)
        assert torch.equal(same, mask)
        seen.add(tuple(dealt[0, alive[0], 0].tolist()))
    assert seen == {(0, 2, 3), (0, 3, 2), (2, 0, 3), (2, 3, 0), (3, 0, 2), (3, 2, 0)}


def test_shuffle_within_an_environment_changes_nothing_for_who_hears_everybody():
    """Attention is over a set: it does not matter who holds a message, if all are heard."""
    z = torch.randn(2, 4, D, generator=torch.Generator().manual_seed(0))
    results = {}
    for among in (None, "agents", "envs"):
        module = MODULES[1]
        talk = Through(module, Shuffle(among)) if among else module
        results[among] = talk(z, everybody(2, 4))[0]
    torch.testing.assert_close(results["agents"], results[None])
    assert not torch.allclose(results["envs"], results[None])


def test_shuffle_among_environments_deals_over_the_whole_batch():
    message = torch.arange(6.0).view(2, 3, 1)
    mask = everybody(2, 3)
    mask[1, :, 2] = False  # agent 2 of environment 1 is not there
    shuffle, moved = Shuffle("envs", seed=0), 0
    for _ in range(50):
        dealt, _ = shuffle(message, mask)
        flat = dealt.flatten()
        assert sorted(flat.tolist()) == list(range(6)) and flat[5] == 5
        moved += int((flat[:3] > 2).sum())
    assert moved > 0


# -- delay ---------------------------------------------------------------------------------------


class Road:
    """Just what a delay looks at: who is there, and for how long."""

    def __init__(self, wait: list[int]):
        self.wait = torch.tensor([wait])
        self.alive = torch.tensor([[w >= 0 for w in wait]])

    @property
    def mask(self) -> torch.Tensor:
        return self.alive[:, :, None] & self.alive[:, None, :]

    def step(self, *newcomers: int) -> None:
        self.wait = self.wait + self.alive
        self.wait[0, list(newcomers)] = 0


def test_delay_delivers_late_and_only_what_the_same_agent_said():
    road = Road([0, 0, -1])
    late = Delay(2, road)
    said = lambda t: torch.tensor([[[10.0 * t], [10.0 * t + 1], [10.0 * t + 2]]])  # noqa: E731
    heard = []
    for t in range(6):
        message, mask = late(said(t), road.mask)
        assert torch.equal(mask, mask & road.mask)
        heard.append({j: message[0, j, 0].item() for j in range(3) if mask[0, 0, j]})
        road.step(*([1] if t == 2 else []))  # agent 1 leaves; a newcomer takes its slot
    assert heard == [{}, {}, {0: 0, 1: 1}, {0: 10}, {0: 20}, {0: 30, 1: 31}]


def test_delay_keeps_rounds_apart():
    road = Road([5, 5])
    late = Delay(1, road, rounds=2)
    got = [late(torch.full((1, 2, 1), float(k)), road.mask) for k in range(6)]
    assert [bool(mask.any()) for _, mask in got] == [False, False, True, True, True, True]
    assert [message[0, 0, 0].item() for message, _ in got[2:]] == [0, 1, 2, 3]


def test_delay_starts_afresh_in_every_episode_of_the_junction():
    env = TrafficJunction("easy", 0.5, num_envs=8, seed=0)
    module = TargetedAttention(D)
    net = net_with(module, env.obs_dim)
    inner, seen = Delay(2, env), []

    def listen(message, mask):
        result = inner(message, mask)
        seen.append((env.t, env.wait, result[1].any(1)))
        return result

    with through(net, listen):
        once = evaluate(env, TeamPolicy(net), 24, seed=3)
        assert evaluate(env, TeamPolicy(net), 24, seed=3) == once  # nothing is left over
    for t, wait, heard in seen:
        assert not heard[wait < 2].any()
        if t < 2:
            assert not heard.any()
    assert any(bool(heard.any()) for *_, heard in seen)
    small = TrafficJunction("easy", 0.5, num_envs=2, seed=0)
    inner.env = small
    with through(net, inner):  # another batch is no error
        evaluate(small, TeamPolicy(net), 2)


# -- rounding and noise --------------------------------------------------------------------------


def test_quantise_by_hand():
    message = torch.tensor([[[-2.0, -0.9, -0.2], [0.2, 0.6, 5.0]]])
    mask = everybody(1, 2)
    one = Quantise(1, limit=1.0)(message, mask)[0]
    assert one.tolist() == [[[-1, -1, -1], [1, 1, 1]]]
    two = Quantise(2, limit=1.5)(message, mask)[0]  # levels -1.5, -0.5, 0.5, 1.5
    assert two.tolist() == [[[-1.5, -0.5, -0.5], [0.5, 0.5, 1.5]]]
    measured = Quantise(1)(message, mask)[0]
    assert measured.tolist() == [[[-5, -5, -5], [5, 5, 5]]]
    mask[:, :, 1] = False  # who does not speak has no say in the range
    assert Quantise(1)(message, mask)[0][0, 0].tolist() == [-2, -2, -2]
    fine = Quantise(16)(message, everybody(1, 2))[0]
    torch.testing.assert_close(fine, message, atol=5 / 2**15, rtol=0)
    assert (Quantise(8)(torch.zeros(1, 2, 3), mask)[0].abs() < 1e-6).all()


def test_quantise_lets_gradients_through():
    message = torch.tensor([[[0.3, -0.7]]], requires_grad=True)
    Quantise(2)(message, everybody(1, 1))[0].sum().backward()
    assert message.grad.tolist() == [[[1.0, 1.0]]]


def test_noise_is_measured_in_what_is_said():
    said = torch.tensor([-3.0, 3.0]).repeat(500).view(1, 500, 2)  # standard deviation 3
    message = torch.cat([said, torch.full((1, 500, 2), 99.0)], 1)  # the others do not speak
    mask = everybody(1, 1000)
    mask[:, :, 500:] = False
    noisy, same = Noise(0.5, seed=0)(message, mask)
    assert torch.equal(same, mask)
    added = (noisy - message)[:, :500]
    assert added.std().item() == pytest.approx(1.5, rel=0.1)
    assert abs(added.mean().item()) < 3.5 * 1.5 / 1000**0.5
    assert torch.equal(Noise(0.0)(message, mask)[0], message)
    assert torch.equal(Noise(1.0)(message, mask & False)[0], message)  # nobody speaks


@pytest.mark.parametrize("kind", [lambda s: Mute(probability=0.5, seed=s), lambda s: Noise(1.0, s),
                                  lambda s: Shuffle("agents", s)])  # fmt: skip
def test_equal_seeds_give_equal_disturbances(kind):
    message, mask = torch.randn(4, 5, 3), everybody(4, 5)
    one, two, other = kind(1), kind(1), kind(2)
    for _ in range(2):
        a, b, c = one(message, mask), two(message, mask), other(message, mask)
        assert torch.equal(a[0], b[0]) and torch.equal(a[1], b[1])
        assert not (torch.equal(a[0], c[0]) and torch.equal(a[1], c[1]))


# -- counting and comparing ----------------------------------------------------------------------


def test_bits_sent_counts_the_numbers_of_all_rounds():
    assert bits_sent(net_with(TargetedAttention(D, 1, 16, 32))) == (16 + 32) * 32
    assert bits_sent(net_with(TargetedAttention(D, 3, 2, 4, rounds=2)), 8) == 2 * 3 * 6 * 8
    assert bits_sent(net_with(MeanOfOthers(D, rounds=2)), 1) == 2 * D
    assert bits_sent(net_with(NoCommunication())) == 0


def test_through_puts_back_what_was_there():
    talk = TargetedAttention(D)
    net = net_with(talk)
    mute = Mute(slots=[0])
    with through(net, mute):
        muted = net.communicate
        assert muted.channel is mute and muted.inner is talk
        with pytest.raises(TypeError), through(net, None):
            pass  # one channel at a time
        assert net.communicate is muted
    assert net.communicate is talk
    with pytest.raises(RuntimeError), through(net, mute):
        raise RuntimeError
    assert net.communicate is talk
    said = "net must communicate, got one with NoCommunication"
    with pytest.raises(TypeError, match=said), through(net_with(NoCommunication()), mute):
        pass


def test_comparing_plays_the_same_episodes_through_every_channel():
    env = TrafficJunction("easy", 0.3, num_envs=20, seed=0)
    net = net_with(TargetedAttention(D, 1, 2, 2), env.obs_dim)
    rows = compare_channels(
        net, env, {"clear": None, "4 bits": Quantise(4), "deaf": Mute(probability=1.0)}, 30
    )
    assert [row["channel"] for row in rows] == ["clear", "4 bits", "deaf"]
    assert [row["bits"] for row in rows] == [4 * 32, 4 * 4, 4 * 32]
    clear = evaluate(env, TeamPolicy(net), 30)
    assert all(rows[0][k] == clear[k] for k in ("success", "return", "episodes"))
    assert rows[0]["episodes"] == 40


@pytest.mark.parametrize(
    "make, message",
    [(lambda: Mute(probability=1.5), r"probability must be a number in \[0, 1\], got 1.5"),
     (lambda: Mute(slots=[3])(torch.zeros(1, 3, 1), everybody()), r"slots must lie in 0\.\.2"),
     (lambda: Shuffle("cars"), "among must be one of .*got 'cars'"),
     (lambda: Delay(0, None), "steps must be a whole number of at least 1, got 0"),
     (lambda: Delay(1, None, rounds=0), "rounds must be a whole number of at least 1, got 0"),
     (lambda: Quantise(0), "bits must be a whole number of at least 1, got 0"),
     (lambda: Quantise(2, limit=-1.0), "limit must be positive, got -1.0"),
     (lambda: Noise(-0.1), "std must be at least 0, got -0.1"),
     (lambda: Noise(float("nan")), "std must be at least 0, got nan"),
     (lambda: bits_sent(net_with(NoCommunication()), 0), "bits_per_number must be a whole number")],
)  # fmt: skip
def test_bad_input_is_named(make, message):
    with unchecked(), pytest.raises(ValueError, match=message):
        make()


def test_speakers_are_those_whom_somebody_may_hear():
    alive = torch.tensor([[True, False, True]])
    assert torch.equal(interventions.speakers(alive[:, :, None] & alive[:, None, :]), alive)


def test_a_copy_of_a_stored_team_is_no_further_team(tmp_path):
    for file, success in [("a-seed0", 0.2), ("a-seed1", 0.6), ("a-seed1 (1)", 0.6)]:
        rows = [{"channel": "all muted", "bits": 32, "success": success, "episodes": 100}]
        storage.write_json(tmp_path / f"{file}.json", {"rows": rows})
    with pytest.warns(UserWarning, match="not counted"):
        found = interventions.stored("a", tmp_path)
    assert found.n == 2 and found.estimates["a-all muted"].value == pytest.approx(0.4)
