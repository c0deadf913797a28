"""Exercise: what cars that share a cell are paid. Sizes: B environments, N slots, C cells."""

from collections.abc import Iterator

import torch

from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.kinds import Flags, Whole
from marl_edu.exercises.engine.trying import Case


def _roads(rng: torch.Generator) -> Iterator[Case]:
    T, F = True, False
    for what, cell, alive in (
        ("one car, alone on the road", [[3]], [[T]]),
        ("two cars in one cell", [[2, 2]], [[T, T]]),
        ("two cars in different cells", [[2, 1]], [[T, T]]),
        ("three cars in one cell, and one beside them", [[4, 4, 1, 4]], [[T, T, T, T]]),
        ("a car in the cell where an empty slot is kept", [[0, 0]], [[T, F]]),
        ("two empty slots", [[0, 0]], [[F, F]]),
        (
            "two environments with a car each, in cells of one number",
            [[2, 0], [2, 0]],
            [[T, F]] * 2,
        ),
        ("two pairs", [[1, 3, 1, 3]], [[T, T, T, T]]),
    ):
        there = torch.tensor(alive)
        steps = torch.randint(1, 20, there.shape, generator=rng)
        yield Case(what, (torch.tensor(cell), there, steps))


exercise = Exercise(
    place=20,
    title="Two cars in one cell",
    difficulty=2,
    importance=4,
    minutes="10–15",
    topic="ground",
    statement="""\
The reward of Traffic Junction. A car on the road (`alive`) is paid −0.01 for each of the `steps`
since it entered. If it shares its cell with another car on the road, it is also paid −10, once,
however many there are. Empty slots get 0 and hit nobody, whatever their `cell` says. What you
write: about four lines, without a loop.""",
    hint="""\
Compare every slot with every slot: `cell[:, :, None] == cell[:, None, :]` is (B, N, N). Which pairs
count? And with whom does every car share its cell in any case?""",
    domain=Domain(
        sizes={"B": (1, 4), "N": (1, 6), "C": (1, 9)},
        given={
            "cell": Whole("B N", "C"),
            "alive": Flags("B N"),
            "steps": Whole("B N", "39+1"),
        },
    ),
    inputs=_roads,
    gradient=False,
)


@exercise.solved_by
def pay_cars(cell, alive, steps):
    """What each car is paid: (B, N).

    cell: (B, N), the number of its cell, from 0 to C − 1. alive: (B, N) bool.
    steps: (B, N), whole numbers.
    """
    pairs = alive[:, :, None] & alive[:, None, :]
    shared = (cell[:, :, None] == cell[:, None, :]) & pairs
    crashed = shared.sum(2) > 1  # with itself it always does
    return torch.where(alive, -0.01 * steps - 10.0 * crashed, 0.0)


def _sharing(cell, alive):
    """How many cars on the road stand in the cell of each, itself included."""
    pairs = alive[:, :, None] & alive[:, None, :]
    return ((cell[:, :, None] == cell[:, None, :]) & pairs).sum(2)


def _paid(alive, steps, crashes):
    return torch.where(alive, -0.01 * steps - 10.0 * crashes, 0.0)


@exercise.mistake
def hits_itself(cell, alive, steps):
    """Every car crashes: each shares its cell with itself."""
    return _paid(alive, steps, alive)


@exercise.mistake
def hits_empty_slots(cell, alive, steps):
    """Cars crash into empty slots: what stands in a slot without a car is no place on the road."""
    return _paid(alive, steps, (cell[:, :, None] == cell[:, None, :]).sum(2) > 1)


@exercise.mistake
def once_for_each(cell, alive, steps):
    """−10 is paid for every other car in the cell; asked for is once."""
    return _paid(alive, steps, _sharing(cell, alive) - 1)


@exercise.mistake
def only_the_later_slot(cell, alive, steps):
    """Only the car in the later slot pays: a pair was looked at once, so the first car of each cell
    gets away."""
    pairs = alive[:, :, None] & alive[:, None, :] & (cell[:, :, None] == cell[:, None, :])
    return _paid(alive, steps, pairs.tril(-1).any(2))


@exercise.mistake
def everybody_pays(cell, alive, steps):
    """As soon as two cars crash, all cars of that environment pay."""
    return _paid(alive, steps, (_sharing(cell, alive) > 1).any(1, keepdim=True))


@exercise.mistake
def across_environments(cell, alive, steps):
    """A car crashes into cars of other environments as well: the comparison runs over the whole
    batch."""
    flat, here = cell.reshape(1, -1), alive.reshape(1, -1)
    return _paid(alive, steps, _sharing(flat, here).view(cell.shape) > 1)


@exercise.mistake
def crash_instead_of_time(cell, alive, steps):
    """Whoever crashes pays −10 and no longer for its time: the two are added up."""
    crashed = _sharing(cell, alive) > 1
    return torch.where(crashed, -10.0, _paid(alive, steps, crashed))


@exercise.mistake
def empty_slots_pay(cell, alive, steps):
    """Empty slots pay for time as well: who is not on the road gets 0."""
    return -0.01 * steps - 10.0 * (_sharing(cell, alive) > 1)


@exercise.mistake
def time_is_free(cell, alive, steps):
    """The −0.01 for each step is missing: a team that never drives never crashes, and pays
    nothing."""
    return _paid(alive, 0 * steps, _sharing(cell, alive) > 1)


exercise.slips = {
    "hits_itself": ("shared.sum(2) > 1", "shared.sum(2) > 0"),
    "hits_empty_slots": ("[:, None, :]) & pairs", "[:, None, :])"),
    "once_for_each": ("shared.sum(2) > 1", "shared.sum(2) - 1"),
    "everybody_pays": ("shared.sum(2) > 1", "(shared.sum(2) > 1).any(1, keepdim=True)"),
    "empty_slots_pay": (
        "torch.where(alive, -0.01 * steps - 10.0 * crashed, 0.0)",
        "-0.01 * steps - 10.0 * crashed",
    ),
    "time_is_free": ("-0.01 * steps - 10.0 * crashed", "-10.0 * crashed"),
    "crash_instead_of_time": (
        "-0.01 * steps - 10.0 * crashed",
        "torch.where(crashed, -10.0, -0.01 * steps)",
    ),
}
