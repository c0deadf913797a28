"""Exercise: one value for a team, as a sum (VDN). Sizes: B environments, N agents, A actions."""

from collections.abc import Iterator

import torch
from torch import Tensor

from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.kinds import Flags, Number, Reals, Whole
from marl_edu.exercises.engine.trying import Case


def _teams(rng: torch.Generator) -> Iterator[Case]:
    T, N = True, False
    f32, f64 = torch.float32, torch.float64
    for what, agents, A, terminated, share, dtype in (
        ("one agent in one environment", 1, 2, [N], 1.0, f32),
        ("two agents in the middle of an episode", 2, 3, [N], 1.0, f32),
        ("two agents at the end", 2, 3, [T], 1.0, f32),
        ("actions that are not available", 3, 4, [N, N], 0.4, f32),
        ("numbers in float64", 2, 3, [N, T, N], 0.7, f64),
        ("values far below 0", 3, 4, [N, N, T], 0.5, f32),
        ("six environments", 4, 5, [N, T, N, N, N, T], 0.6, f32),
    ):
        shape = len(terminated), agents, A
        q, q_next = (torch.randn(shape, generator=rng, dtype=dtype) for _ in range(2))
        if "below" in what:
            q, q_next = q - 50, q_next - 50
        action = torch.randint(A, shape[:2], generator=rng)
        available = torch.rand(shape, generator=rng) < share
        available.scatter_(-1, torch.randint(A, (*shape[:2], 1), generator=rng), True)
        reward = 3 * torch.randn(shape[:1], generator=rng, dtype=dtype)
        yield Case(what, (q, action, reward, q_next, available, torch.tensor(terminated), 0.9))


exercise = Exercise(
    place=50,
    title="VDN: one error for the team",
    difficulty=2,
    importance=5,
    minutes="10–15",
    topic="qmix",
    statement="""\
VDN says that the team's value is the *sum* of its agents' values, and trains the sum. The target is
the team's one reward plus, if the episode did not end, $\\gamma$ times another sum. For each agent
it adds what the agent's best *available* next action is worth to the target network, `q_next`. Give
the mean squared error over environments, a scalar. No gradient may go into the target. What you
write: four lines.""",
    hint="""\
First add up over agents, then take the difference, then square: there is one error per environment.
Why may each agent take its own maximum, before the sum?""",
    domain=Domain(
        sizes={"B": (1, 6), "N": (1, 4), "A": (1, 5)},
        given={
            "q": Reals("B N A", centres=(-50, 50)),
            "action": Whole("B N", "A"),
            "reward": Reals("B", spreads=(1, 60)),
            "q_next": Reals("B N A", centres=(-50, 50)),
            "available": Flags("B N A", row=True),
            "terminated": Flags("B"),
            "gamma": Number(0.0, 1.0),
        },
    ),
    inputs=_teams,
    data=("reward",),
)


@exercise.solved_by
def vdn_loss(q, action, reward, q_next, available, terminated, gamma):
    """The mean squared error of the team's value: a scalar tensor.

    q, q_next: (B, N, A). action: (B, N). reward: (B,).
    available: (B, N, A) bool, of the next step. terminated: (B,) bool.
    gamma: a number.
    """
    taken = q.gather(-1, action[..., None])[..., 0].sum(1)
    best = q_next.masked_fill(~available, -torch.inf).amax(-1).sum(1)
    target = (reward + gamma * ~terminated * best).detach()
    return ((taken - target) ** 2).mean()


def _taken(q: Tensor, action: Tensor) -> Tensor:
    return q.gather(-1, action[..., None])[..., 0]


def _best(q_next: Tensor, available: Tensor) -> Tensor:
    return q_next.masked_fill(~available, -torch.inf).amax(-1)


@exercise.mistake
def each_for_itself(q, action, reward, q_next, available, terminated, gamma):
    """Each agent has an error of its own towards the team's reward: those are independent
    Q-learners, and nobody's value explains what the others brought."""
    target = reward[:, None] + gamma * ~terminated[:, None] * _best(q_next, available)
    return ((_taken(q, action) - target.detach()) ** 2).mean()


@exercise.mistake
def mean_of_agents(q, action, reward, q_next, available, terminated, gamma):
    """The agents' values are averaged, not added: the team's value is their sum."""
    target = reward + gamma * ~terminated * _best(q_next, available).mean(1)
    return ((_taken(q, action).mean(1) - target.detach()) ** 2).mean()


@exercise.mistake
def reward_for_each(q, action, reward, q_next, available, terminated, gamma):
    """The team's reward is counted once per agent: it is one reward, and the sum has it once."""
    best = _best(q_next, available).sum(1)
    target = q.shape[1] * reward + gamma * ~terminated * best
    return ((_taken(q, action).sum(1) - target.detach()) ** 2).mean()


@exercise.mistake
def target_learns(q, action, reward, q_next, available, terminated, gamma):
    """The value is right, but a gradient goes into the target: the aim moves towards the arrow."""
    target = reward + gamma * ~terminated * _best(q_next, available).sum(1)
    return ((_taken(q, action).sum(1) - target) ** 2).mean()


@exercise.mistake
def anything_goes(q, action, reward, q_next, available, terminated, gamma):
    """`available` is not asked: the target counts on actions that nobody can take."""
    target = reward + gamma * ~terminated * q_next.amax(-1).sum(1)
    return ((_taken(q, action).sum(1) - target.detach()) ** 2).mean()


@exercise.mistake
def masked_with_zero(q, action, reward, q_next, available, terminated, gamma):
    """Actions that are not available are given the value 0, which is the best of all where the
    others are negative: use -inf."""
    best = (q_next * available).amax(-1).sum(1)
    target = reward + gamma * ~terminated * best
    return ((_taken(q, action).sum(1) - target.detach()) ** 2).mean()


@exercise.mistake
def end_ignored(q, action, reward, q_next, available, terminated, gamma):
    """Where the episode ended, the value of what comes next still counts."""
    target = reward + gamma * _best(q_next, available).sum(1)
    return ((_taken(q, action).sum(1) - target.detach()) ** 2).mean()


@exercise.mistake
def largest_agent_only(q, action, reward, q_next, available, terminated, gamma):
    """The maximum in the target runs over agents, too: only one agent's next value counts. Each
    agent takes its own maximum, then they are added up."""
    best = _best(q_next, available).amax(1)
    target = reward + gamma * ~terminated * best
    return ((_taken(q, action).sum(1) - target.detach()) ** 2).mean()


@exercise.mistake
def same_action_next(q, action, reward, q_next, available, terminated, gamma):
    """The next value is that of the action just taken, not of the best one next: the action
    belongs to this step."""
    target = reward + gamma * ~terminated * _taken(q_next, action).sum(1)
    return ((_taken(q, action).sum(1) - target.detach()) ** 2).mean()


@exercise.mistake
def summed_over_environments(q, action, reward, q_next, available, terminated, gamma):
    """The errors of the environments are added up, not averaged: more environments, larger
    steps."""
    target = reward + gamma * ~terminated * _best(q_next, available).sum(1)
    return ((_taken(q, action).sum(1) - target.detach()) ** 2).sum()


exercise.slips = {
    "anything_goes": ("q_next.masked_fill(~available, -torch.inf)", "q_next"),
    "masked_with_zero": ("q_next.masked_fill(~available, -torch.inf)", "(q_next * available)"),
    "end_ignored": ("gamma * ~terminated * best", "gamma * best"),
    "largest_agent_only": (".amax(-1).sum(1)", ".amax(-1).amax(1)"),
    "target_learns": (
        "(reward + gamma * ~terminated * best).detach()",
        "reward + gamma * ~terminated * best",
    ),
    "summed_over_environments": (".mean()", ".sum()"),
    "reward_for_each": ("(reward + gamma", "(q.shape[1] * reward + gamma"),
}
