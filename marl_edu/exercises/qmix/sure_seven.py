"""Exercise: find the bug that makes a team take the sure 7.

Sizes: E episodes of L steps, N agents, A actions, S numbers of the state.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from marl_edu.envs.games import TWO_STEP_PAYOFFS
from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.kinds import Flags, Number, Reals, Values, Whole
from marl_edu.exercises.engine.training import Rows, Trial, means
from marl_edu.exercises.engine.trying import Case
from marl_edu.exercises.qmix._mixers import a_mixer, mixed

UPDATES, SEEDS, HIDDEN, EVERY, BATCH = 600, 8, 8, 20, 16  # of training
ENOUGH = 7.5  # the mean return that shows that most teams go for the 8
PAYOFF = torch.tensor(TWO_STEP_PAYOFFS, dtype=torch.float32)  # of the games 2A and 2B


def two_step_curve(loss: Callable[..., Any]) -> Rows:
    """Train teams of two on the two-step game, with actions drawn at random.

    Returns:
        rows with `update`, the `loss`, the `return` of a team whose agents take their own best
        actions, and the value it `believed` 2B to have; means over seeds. Takes a few seconds.
    """
    return means([_train(loss, seed) for seed in range(SEEDS)])


def _train(loss: Callable[..., Any], seed: int) -> Rows:
    rng = torch.Generator().manual_seed(seed)
    shapes = (3, 2, 2), (3, 2 * HIDDEN), (3, HIDDEN), (3, HIDDEN), (3,)
    learned = [(0.5 * torch.randn(s, generator=rng)).requires_grad_() for s in shapes]
    optimiser, rows = torch.optim.Adam(learned, lr=0.03), []
    over = torch.tensor([[False, True]]).expand(BATCH, -1)
    for update in range(UPDATES):
        if update % EVERY == 0:
            old = [weights.detach().clone() for weights in learned]
        action = torch.randint(2, (BATCH, 2, 2), generator=rng)
        start = torch.zeros(BATCH, dtype=torch.int64)
        place = torch.stack([start, 1 + action[:, 0, 0], start], 1)  # the first agent decides
        paid = PAYOFF[action[:, 0, 0], action[:, 1, 0], action[:, 1, 1]]
        reward = torch.stack([torch.zeros(BATCH), paid], 1)
        (table, *weights), (old_table, *old_weights) = learned, old  # table: (place, agent, action)
        mixer, old_mixer = partial(mixed, *weights), partial(mixed, *old_weights)
        total = loss(
            table[place], old_table[place], action, torch.eye(3)[place], reward, over,
            torch.ones(BATCH, 2, dtype=torch.bool), mixer, old_mixer, 0.99,
        )  # fmt: skip
        optimiser.zero_grad()
        total.backward()
        optimiser.step()
        if update % EVERY == EVERY - 1:
            rows.append({"update": update + 1, "loss": total.item(), **_played(table, mixer)})
    return rows


@torch.no_grad()
def _played(table: Tensor, mixer: Callable[..., Tensor]) -> dict[str, float]:
    """What a team gets whose agents take their best actions, and its value of going to 2B."""
    (game, _), *best = table.argmax(-1).tolist()
    risky = torch.stack([table[0, 0, 1], table[0, 1].max()])
    believed = mixer(risky, torch.eye(3)[0])
    return {"return": PAYOFF[game, *best[game]].item(), "believed": believed.item()}


def _episodes(rng: torch.Generator) -> Iterator[Case]:
    f32, f64 = torch.float32, torch.float64
    for what, lengths, L, (N, A, S), ends, dtype in (
        ("one step of one agent", [1], 1, (1, 2, 1), 0.0, f32),
        ("two steps of two agents", [2], 2, (2, 2, 3), 1.0, f32),
        ("two agents and a time limit", [3], 3, (2, 3, 2), 0.0, f32),
        ("episodes of different lengths", [4, 2, 1], 4, (2, 3, 3), 0.5, f32),
        ("numbers in float64", [3, 5], 5, (3, 3, 2), 0.5, f64),
        ("four agents", [5, 6, 2], 6, (4, 3, 2), 0.7, f32),
    ):
        E, length = len(lengths), torch.tensor(lengths)[:, None]
        shapes = (E, L + 1, N, A), (E, L + 1, N, A), (E, L + 1, S), (E, L)
        q, q_target, state, reward = (torch.randn(s, generator=rng, dtype=dtype) for s in shapes)
        t = torch.arange(L)
        over = (t == length - 1) & (torch.rand(E, 1, generator=rng) < ends)
        action = torch.randint(A, (E, L, N), generator=rng)
        mixers = [a_mixer(rng, N, S, dtype) for _ in range(2)]
        yield Case(what, (q, q_target, action, state, reward, over, t < length, *mixers, 0.9))


def _with_mixers(given: Values, _: Mapping[str, int]) -> Values:
    one, other = (
        partial(mixed, *(given[f"_{name}{end}"] for name in ("W1", "B1", "W2", "v")))
        for end in ("", "_target")
    )
    return given | {"mixer": one, "target_mixer": other}


_WEIGHTS = {
    "W1": Reals("S N*3"),
    "B1": Reals("S 3", spreads=(1, 10)),
    "W2": Reals("S 3", spreads=(1, 3)),
    "v": Reals("S", spreads=(1, 60)),
}

exercise = Exercise(
    place=80,
    title="Bug hunt: the team that takes the sure 7",
    difficulty=4,
    importance=4,
    minutes="15–25",
    statement="""\
`sure_seven_suspect` is the loss of a QMIX with double Q-learning. The network selects the next
actions, the target network and the target mixer evaluate them. Episodes are padded to L steps,
of which `mask` counts; `over` marks the step after which the team is gone. All shapes are right and
the loss falls as it should. Yet in the two-step game nearly every team that trains with it takes
the sure 7, and believes that game 2B is worth 0 or 1. Find the reason and write the loss without
it. The grader trains teams with yours. A widely used library had this bug in its QMIX.""",
    hint="""\
To which step does each part of the target belong: the reward, `over`, the state, the values that
are evaluated, and those by which actions are *selected*? Then think of a team that prefers game 2A
at first: which actions of 2B does its target look at?""",
    domain=Domain(
        sizes={"E": (1, 4), "L": (1, 5), "N": (1, 3), "A": (1, 4), "S": (1, 3)},
        given={
            "q": Reals("E L+1 N A", spreads=(1, 10), centres=(-20, 20)),
            "q_target": Reals("E L+1 N A", spreads=(1, 10), centres=(-20, 20)),
            "action": Whole("E L N", "A"),
            "state": Reals("E L+1 S", spreads=(1, 3)),
            "reward": Reals("E L", spreads=(1, 60)),
            "over": Flags("E L"),
            "mask": Flags("E L", any=True),
            **{f"_{name}": kind for name, kind in _WEIGHTS.items()},
            **{f"_{name}_target": kind for name, kind in _WEIGHTS.items()},
            "gamma": Number(0.0, 1.0),
        },
        finish=_with_mixers,
        notes=dict.fromkeys(("mixer", "target_mixer"), "small mixers with random weights"),
    ),
    inputs=_episodes,
    data=("state", "reward"),
    trial=Trial(
        curve=two_step_curve,
        learned=lambda rows: rows[-1]["return"] > ENOUGH,
        says=lambda rows: f"Teams get {rows[-1]['return']:.1f} of 8.",
    ),
)


@exercise.suspected
def sure_seven_suspect(
    q, q_target, action, state, reward, over, mask, mixer, target_mixer, gamma
):  # fmt: skip
    """The mean squared error of the team's value over the steps that count: a scalar tensor.

    q, q_target: (E, L + 1, N, A). action: (E, L, N).
    state: (E, L + 1, S). reward: (E, L). over, mask: (E, L) bool.

    mixer, target_mixer: functions (E, L, N), (E, L, S) -> (E, L).
    gamma: a number.
    """
    taken = q[:, :-1].gather(-1, action[..., None])[..., 0]
    best = q.argmax(-1, keepdim=True)[:, :-1]
    then = q_target[:, 1:].gather(-1, best)[..., 0]
    y = reward + gamma * ~over * target_mixer(then, state[:, 1:])
    error = mixer(taken, state[:, :-1]) - y.detach()
    return (error**2 * mask).sum() / mask.sum()


@exercise.solved_by
def team_loss(q, q_target, action, state, reward, over, mask, mixer, target_mixer, gamma):
    """The mean squared error of the team's value over the steps that count: a scalar tensor.

    q, q_target: (E, L + 1, N, A). action: (E, L, N).
    state: (E, L + 1, S). reward: (E, L). over, mask: (E, L) bool.

    mixer, target_mixer: functions (E, L, N), (E, L, S) -> (E, L).
    gamma: a number.
    """
    taken = q[:, :-1].gather(-1, action[..., None])[..., 0]
    best = q[:, 1:].argmax(-1, keepdim=True)  # selected where it will be taken
    then = q_target[:, 1:].gather(-1, best)[..., 0]
    y = reward + gamma * ~over * target_mixer(then, state[:, 1:])
    error = mixer(taken, state[:, :-1]) - y.detach()
    return (error**2 * mask).sum() / mask.sum()


def _loss(
    q, q_target, action, state, reward, over, mask, mixer, target_mixer, gamma,
    *, selects=None, rates=None, picked=1, seen=1, learns=False,
):  # fmt: skip
    """`picked`, `seen`: at which step after its own an action is selected, the state is taken."""
    L = action.shape[1]
    selects, rates = q if selects is None else selects, q_target if rates is None else rates
    taken = q[:, :-1].gather(-1, action[..., None])[..., 0]
    best = selects[:, picked : picked + L].argmax(-1, keepdim=True)
    then = rates[:, 1:].gather(-1, best)[..., 0]
    y = reward + gamma * ~over * target_mixer(then, state[:, seen : seen + L])
    error = mixer(taken, state[:, :-1]) - (y if learns else y.detach())
    return (error**2 * mask).sum() / mask.sum()


@exercise.mistake
def selected_one_step_early(q, *rest):
    """The next action is selected by the values of the step itself, one step early. In the two-step
    game a team that prefers 2A looks at the worst pairs of 2B, and so learns to avoid it."""
    return _loss(q, *rest, picked=0)


@exercise.mistake
def state_one_step_early(q, *rest):
    """The target mixer is given the state of the step itself: it weighs the agents' next values as
    in another place. Values, actions and state of the target all belong to the next step."""
    return _loss(q, *rest, seen=0)


@exercise.mistake
def target_selects(q, q_target, *rest):
    """The target network selects as well as evaluates. That is QMIX as its paper has it, without
    double Q-learning, and it overestimates."""
    return _loss(q, q_target, *rest, selects=q_target)


@exercise.mistake
def network_evaluates(q, q_target, *rest):
    """The network evaluates its own choice; the target network has no part in it."""
    return _loss(q, q_target, *rest, rates=q)


@exercise.mistake
def roles_swapped(q, q_target, *rest):
    """The roles are swapped: the target network selects and the network evaluates."""
    return _loss(q, q_target, *rest, selects=q_target, rates=q)


@exercise.mistake
def network_mixes(q, q_target, action, state, reward, over, mask, mixer, target_mixer, gamma):
    """The target is mixed by the mixer that learns, not by the target's: the aim moves with every
    update."""
    return _loss(q, q_target, action, state, reward, over, mask, mixer, mixer, gamma)


@exercise.mistake
def nothing_is_mixed_in_the_target(
    q, q_target, action, state, reward, over, mask, mixer, target_mixer, gamma
):
    """The target adds the agents' values up, as VDN does, and the value that learns is mixed: two
    different scales."""

    def add(q, state):
        return q.sum(-1)

    return _loss(q, q_target, action, state, reward, over, mask, mixer, add, gamma)


@exercise.mistake
def ends_ignored(q, q_target, action, state, reward, over, *rest):
    """`over` is not asked: the value leaks back from beyond the end."""
    return _loss(q, q_target, action, state, reward, torch.zeros_like(over), *rest)


@exercise.mistake
def padding_counted(q, q_target, action, state, reward, over, mask, *rest):
    """The errors of the padding count, too: `mask` is not asked."""
    return _loss(q, q_target, action, state, reward, over, torch.ones_like(mask), *rest)


@exercise.mistake
def divided_by_all(q, q_target, action, state, reward, over, mask, *rest):
    """The sum is right, but it is divided by the number of *all* steps: the more padding, the
    smaller the update."""
    counted = _loss(q, q_target, action, state, reward, over, mask, *rest)
    return counted * mask.sum() / mask.numel()


@exercise.mistake
def target_learns(q, *rest):
    """The value is right, but a gradient goes into the target: the aim moves towards the arrow."""
    return _loss(q, *rest, learns=True)


exercise.slips = {
    "selected_one_step_early": ("q[:, 1:].argmax", "q[:, :-1].argmax"),
    "target_selects": ("best = q[", "best = q_target["),
    "network_evaluates": ("then = q_target[", "then = q["),
    "state_one_step_early": ("then, state[:, 1:]", "then, state[:, :-1]"),
    "network_mixes": ("target_mixer(then", "mixer(then"),
    "ends_ignored": ("gamma * ~over", "gamma"),
    "nothing_is_mixed_in_the_target": ("target_mixer(then, state[:, 1:])", "then.sum(-1)"),
    "target_learns": ("y.detach()", "y"),
    "padding_counted": ("(error**2 * mask).sum() / mask.sum()", "(error**2).mean()"),
    "divided_by_all": ("(error**2 * mask).sum() / mask.sum()", "(error**2 * mask).mean()"),
}
