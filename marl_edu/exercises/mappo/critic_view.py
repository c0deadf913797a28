"""Exercise: what a central critic is shown. Sizes: B environments, N agents, O numbers."""

from collections.abc import Iterator

import torch

from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.kinds import Flags, Reals
from marl_edu.exercises.engine.trying import Case


def _teams(rng: torch.Generator) -> Iterator[Case]:
    f32, f64 = torch.float32, torch.float64
    for what, B, N, O, share, dtype in (  # noqa: E741
        ("one agent", 1, 1, 2, 1.0, f32),
        ("two agents that see one number each", 1, 2, 1, 1.0, f32),
        ("two environments", 2, 2, 3, 1.0, f32),
        ("numbers in float64", 2, 3, 2, 0.6, f64),
        ("agents that are gone", 3, 3, 2, 0.5, f32),
        ("five agents", 2, 5, 4, 0.7, f32),
    ):
        obs = torch.randn(B, N, O, generator=rng, dtype=dtype)
        yield Case(what, (obs, torch.rand(B, N, generator=rng) < share))


exercise = Exercise(
    place=10,
    topic="ground",
    title="What the critic sees",
    difficulty=2,
    importance=5,
    minutes="10–15",
    statement="""\
The input of a central critic, for every agent. First comes what it sees itself, as it is; then what
all N agents of its environment see, agent 0 first, itself included. In that second part, the
observations of agents that are not `alive` are replaced by zeros: who is gone must not be mistaken
for who is there. What you write: two or three lines.""",
    hint="""\
The second part is the same for all agents of an environment. Make it once, `(B, N O)`, and
`expand` it.""",
    domain=Domain(
        sizes={"B": (1, 4), "N": (1, 5), "O": (1, 4)},
        given={"obs": Reals("B N O", ties=True), "alive": Flags("B N")},
    ),
    inputs=_teams,
    data=("obs",),
)


@exercise.solved_by
def critic_view(obs, alive):
    """What the critic sees of each agent: (B, N, O + N O).

    obs: (B, N, O). alive: (B, N) bool.
    """
    team = (obs * alive[..., None]).flatten(1)
    return torch.cat([obs, team[:, None].expand(-1, obs.shape[1], -1)], -1)


def _view(obs, team):
    return torch.cat([obs, team[:, None].expand(-1, obs.shape[1], -1)], -1)


@exercise.mistake
def gone_agents_shown(obs, alive):
    """What stands in the slots of agents that are gone is shown, too: the critic values a team that
    is not there."""
    return _view(obs, obs.flatten(1))


@exercise.mistake
def mask_inverted(obs, alive):
    """The mask is upside down: the critic is shown only who is *not* there."""
    return _view(obs, (obs * ~alive[..., None]).flatten(1))


@exercise.mistake
def own_masked(obs, alive):
    """An agent's own observation is masked as well. The first part is as it is: what an absent
    agent is worth, no loss will ask."""
    seen = obs * alive[..., None]
    return _view(seen, seen.flatten(1))


@exercise.mistake
def team_first(obs, alive):
    """The two parts are in the other order: an agent's own observation comes first."""
    team = (obs * alive[..., None]).flatten(1)
    return torch.cat([team[:, None].expand(-1, obs.shape[1], -1), obs], -1)


@exercise.mistake
def numbers_before_agents(obs, alive):
    """The team's observations are sorted by number, not by agent: first the first number of
    everybody. The critic could learn from that, but it is not what was asked."""
    return _view(obs, (obs * alive[..., None]).transpose(1, 2).flatten(1))


@exercise.mistake
def itself_left_out(obs, alive):
    """In the second part the agent's own place holds zeros, but it belongs to the team."""
    B, N, O = obs.shape  # noqa: E741
    others = ~torch.eye(N, dtype=torch.bool)
    seen = (obs * alive[..., None])[:, None] * others[..., None]
    return torch.cat([obs, seen.reshape(B, N, N * O)], -1)


@exercise.mistake
def dead_see_nothing(obs, alive):
    """The whole row of an absent agent is zero. Only what the *others* see of it had to be."""
    team = (obs * alive[..., None]).flatten(1)
    return _view(obs, team) * alive[..., None]


@exercise.mistake
def average_of_the_team(obs, alive):
    """It repeats the mean of the living N times: the critic no longer knows who saw what."""
    weight = alive[..., None].to(obs.dtype)
    mean = (obs * weight).sum(1) / weight.sum(1).clamp_min(1)
    return _view(obs, mean.repeat(1, obs.shape[1]))


exercise.slips = {
    "gone_agents_shown": ("(obs * alive[..., None])", "obs"),
    "mask_inverted": ("obs * alive", "obs * ~alive"),
    "numbers_before_agents": (".flatten(1)", ".transpose(1, 2).flatten(1)"),
    "own_masked": ("[obs, team", "[obs * alive[..., None], team"),
    "team_first": (
        "[obs, team[:, None].expand(-1, obs.shape[1], -1)]",
        "[team[:, None].expand(-1, obs.shape[1], -1), obs]",
    ),
    "dead_see_nothing": ("-1)], -1)", "-1)], -1) * alive[..., None]"),
}
