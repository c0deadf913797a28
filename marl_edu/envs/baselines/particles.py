"""Rules for the particle worlds: what driving well, sharing out and being told are worth.

"Own view" rules read observations and nothing else; both sides of tag's rules do.
"""

from itertools import permutations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from marl_edu.envs.baselines.task import Always, Policy, Rule, Task, UniformPolicy
from marl_edu.envs.cooperative_navigation import CooperativeNavigation
from marl_edu.envs.particles import DAMPING, DIRECTIONS, DOWN, DT, LEFT, NOTHING, distances
from marl_edu.envs.predator_prey_tag import PREDATOR, PREY, PredatorPreyTag
from marl_edu.envs.speaker_listener import LANDMARKS, LISTENER, SpeakerListener

AHEAD = 3  # steps that a driver looks ahead; a push shows after two


def coming(
    velocity: Float[Tensor, "B M 2"], acceleration: float, ahead: int = AHEAD
) -> Float[Tensor, "B M A 2"]:
    """How far each action takes one in the next `ahead` steps, if one then lets oneself coast."""
    kept = 1 - DAMPING
    coasting = DT * (1 - kept**ahead) / DAMPING * velocity
    directions = torch.tensor(DIRECTIONS, dtype=velocity.dtype, device=velocity.device)
    pushed = DT * (1 - kept ** (ahead - 1)) / DAMPING * DT * acceleration * directions
    return coasting[:, :, None] + pushed


def drive(
    offset: Float[Tensor, "B M 2"], velocity: Float[Tensor, "B M 2"], acceleration: float = 5.0
) -> Int[Tensor, "B M"]:
    """The action that brings one nearest to what is `offset` away, AHEAD steps from now.

    Of the plans that a search finds for a single agent and its goal, the best are better by less
    than 1 % (tests/test_particles.py), counted in squared distances.
    """
    rest = offset[:, :, None] - coming(velocity, acceleration)
    return rest.square().sum(-1).argmin(-1)


# -- cooperative navigation -----------------------------------------------------------------------


def nearest_landmark(world: CooperativeNavigation) -> Int[Tensor, "B N"]:
    """Everybody drives to the landmark that is nearest to itself, whoever else does."""
    N, obs = world.n_agents, world.observe()
    offsets = obs[..., 4 : 4 + 2 * N].unflatten(-1, (N, 2))
    nearest = offsets.square().sum(-1).argmin(-1)[..., None, None].expand(-1, -1, 1, 2)
    return drive(offsets.gather(2, nearest)[:, :, 0], obs[..., :2])


def share_out(world: CooperativeNavigation) -> Int[Tensor, "B N"]:
    """A landmark for everybody such that the sum of squared distances is the smallest.

    Squared: those who set out and arrive together then never meet on the way. All N! ways to
    share are tried.
    """
    agents, landmarks = world.position.chunk(2, dim=1)
    ways = torch.tensor(list(permutations(range(world.n_agents))), device=world.device)
    squares = distances(agents, landmarks).square()
    total = squares[:, torch.arange(world.n_agents, device=world.device), ways].sum(2)
    chosen = ways[total.argmin(1)]  # (B, N)
    goal = landmarks.gather(1, chosen[..., None].expand(-1, -1, 2))
    return drive(goal - agents, world.velocity)


# -- speaker and listener -------------------------------------------------------------------------


def wandering(steps: int = 25) -> float:
    """Expected return of a listener whose actions are all equally likely.

    Start and goal are 4/3 apart, squared, in the mean. A push changes the velocity along x with
    probability 2/5 by ±DT · 5, and by step t has moved the listener by what it coasted until then.
    Pushes are independent, so that the squares of what they moved add up; the same along y.
    """
    kept = 1 - DAMPING
    push = 2 / 5 * (DT * 5) ** 2
    moved = [(DT * (1 - kept**k) / DAMPING) ** 2 * push for k in range(steps)]
    return -sum(4 / 3 + 2 * sum(moved[:t]) for t in range(1, steps + 1))


def _listen(world: SpeakerListener, offset: Float[Tensor, "B 2"], word=0) -> Int[Tensor, "B N"]:
    """The speaker says `word`, the listener drives to what is `offset` away."""
    velocity = world.observe()[:, LISTENER, None, :2]
    action = drive(offset[:, None], velocity)
    return torch.cat([torch.zeros_like(action) + word, action], 1)


def _landmarks(world: SpeakerListener) -> Float[Tensor, "B 3 2"]:
    """As the listener sees them: minus its own position."""
    return world.observe()[:, LISTENER, 2 : 2 + 2 * LANDMARKS].unflatten(-1, (LANDMARKS, 2))


def _choose(landmarks: Float[Tensor, "B 3 2"], k: Int[Tensor, " B"]) -> Float[Tensor, "B 2"]:
    return landmarks.gather(1, k[:, None, None].expand(-1, 1, 2))[:, 0]


def middle(world: SpeakerListener) -> Int[Tensor, "B N"]:
    """To the middle of the landmarks: the best that one can do who ignores the speaker.

    The mean squared distance to three landmarks is smallest in their middle.
    """
    return _listen(world, _landmarks(world).mean(1))


class AnyLandmark:
    """To a landmark drawn by lot."""

    def __init__(self, seed: int = 0):
        self.generator = torch.Generator().manual_seed(seed)

    def __call__(self, world: SpeakerListener) -> Int[Tensor, "B N"]:
        if world.t == 0:
            shape = (world.batch_size,)
            lot = torch.randint(LANDMARKS, shape, generator=self.generator)
            self.lot = lot.to(world.device)
        return _listen(world, _choose(_landmarks(world), self.lot))


def told(world: SpeakerListener) -> Int[Tensor, "B N"]:
    """The speaker says the goal's number, and the listener goes there; before, to the middle."""
    obs, landmarks = world.observe(), _landmarks(world)
    word = obs[:, LISTENER, -LANDMARKS:]
    offset = _choose(landmarks, word.argmax(1))
    offset = torch.where(word.any(1, keepdim=True), offset, landmarks.mean(1))
    return _listen(world, offset, word=obs[:, 0, None, :LANDMARKS].argmax(2))


def know_goal(world: SpeakerListener) -> Int[Tensor, "B N"]:
    """To the goal, from the first step on."""
    return _listen(world, _choose(_landmarks(world), world.goal))


# -- tag ------------------------------------------------------------------------------------------


class Match:
    """One rule for all predators and one for all prey; None: random."""

    def __init__(self, predators: Policy | None, prey: Policy | None, seed: int = 0):
        self.predators, self.prey = predators, prey
        self.random = UniformPolicy(seed)

    def __call__(self, world: PredatorPreyTag) -> Int[Tensor, "B N"]:
        P, random = world.n_predators, self.random(world)
        predators = random[:, :P] if self.predators is None else self.predators(world)
        prey = random[:, P:] if self.prey is None else self.prey(world)
        return torch.cat([predators, prey], 1)


def sweep(world: PredatorPreyTag) -> Int[Tensor, "B P"]:
    """Predators drive to and fro, ten steps each way: across and upright in turns."""
    back = world.t // 10 % 2
    i = torch.arange(world.n_predators, device=world.device) % 2
    ways = torch.where(i == 0, LEFT, DOWN) + back  # each is followed by its opposite
    return ways.expand(world.batch_size, -1)


def chase(world: PredatorPreyTag) -> Int[Tensor, "B P"]:
    """Every predator drives to where the prey that is nearest to it will be if that coasts."""
    P, Q = world.n_predators, world.n_prey
    obs = world.observe()[:, :P]
    offset, velocity = obs[..., -4 * Q :].unflatten(-1, (2, Q, 2)).unbind(2)  # (B, P, Q, 2)
    nearest = offset.square().sum(-1).argmin(-1)[..., None, None].expand(-1, -1, 1, 2)
    its_velocity = velocity.gather(2, nearest)[:, :, 0]
    acceleration = PREDATOR["acceleration"]
    return drive(offset.gather(2, nearest)[:, :, 0], obs[..., :2] - its_velocity, acceleration)


def flee(world: PredatorPreyTag) -> Int[Tensor, "B Q"]:
    """Every prey drives to where the nearest predator will be far away and the edge is not near.

    To be farther beyond 0.9 counts twice as much as to be farther from the predator.
    """
    P, K = world.n_predators, world.n_obstacles
    obs = world.observe()[:, P:]
    first = 4 + 2 * K  # of the predators' numbers
    predators = obs[..., first : first + 2 * P].unflatten(-1, (P, 2))
    moves = coming(obs[..., :2], PREY["acceleration"])  # (B, Q, A, 2)
    gap = (predators[:, :, None] - moves[:, :, :, None]).norm(dim=-1).amin(-1)
    outside = ((obs[:, :, None, 2:4] + moves).abs() - 0.9).clamp_min(0).sum(-1)
    return (gap - 2 * outside).argmax(-1)


def stay(world: PredatorPreyTag) -> Int[Tensor, "B Q"]:
    """Every prey does nothing."""
    return torch.full((world.batch_size, world.n_prey), NOTHING, device=world.device)


TASKS = (
    Task(
        name="Cooperative navigation, 3 agents",
        isolates="talk: sharing out what is to be done",
        make=CooperativeNavigation,
        score="return",
        unit="return per agent",
        rules=(
            Rule("random", "random", UniformPolicy),
            Rule("stand still", "blind", lambda: Always(NOTHING)),
            Rule("nearest landmark", "own view", lambda: nearest_landmark),
            Rule("share out", "best", lambda: share_out),
        ),
        show="share out",
    ),
    Task(
        name="Speaker and listener",
        isolates="talk: finding a language",
        make=SpeakerListener,
        score="return",
        unit="return per agent",
        rules=(
            Rule("random", "random", UniformPolicy, exact=wandering()),
            Rule("stand still", "blind", lambda: Always(NOTHING), exact=-25 * 4 / 3),
            Rule("any landmark", "own view", AnyLandmark),
            Rule("middle of the landmarks", "own view", lambda: middle),
            Rule("told the goal", "shared view", lambda: told),
            Rule("know the goal", "best", lambda: know_goal),
        ),
        show="told the goal",
    ),
    Task(
        name="Tag, 3 predators and 1 prey",
        isolates="opponents: learning among others who learn against one",
        make=PredatorPreyTag,
        score="success",
        unit="share of episodes in which the prey is touched",
        rules=(
            Rule("both random", "random", lambda: Match(None, None)),
            Rule("sweep, prey random", "blind", lambda: Match(sweep, None)),
            Rule("chase, prey flees", "own view", lambda: Match(chase, flee)),
            Rule("chase, prey random", "own view", lambda: Match(chase, None)),
            Rule("chase, prey stays", "best", lambda: Match(chase, stay)),
        ),
        show="chase, prey flees",
    ),
)
