"""Exercise: what may be drawn from a ring. Sizes: C rows, E windows of L steps."""

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.kinds import Reals, Truth, Values
from marl_edu.exercises.engine.trying import Case


def _rings(rng: torch.Generator) -> Iterator[Case]:
    for what, size, next_row, capacity, length, E in (
        ("a ring that is not full yet", 5, 5, 8, 2, 4),
        ("a full ring whose oldest row is row 0", 6, 0, 6, 3, 4),
        ("a full ring", 6, 2, 6, 3, 5),
        ("windows of one step", 5, 3, 5, 1, 6),
        ("one window as long as what is there", 4, 3, 4, 4, 1),
        ("a ring that has just begun", 2, 2, 7, 2, 2),
        ("a large ring", 15, 11, 15, 5, 30),
    ):
        places = size - length + 1
        place = torch.randint(places, (E,), generator=rng)
        place[0] = places - 1  # the last possible
        chance = (place + 0.2 + 0.6 * torch.rand(E, generator=rng)) / places
        chance[1:2] = 0
        yield Case(what, (size, next_row, capacity, length, chance))
    ends = torch.tensor([0, 0.25, 0.5, 0.75])
    yield Case("numbers at which one part ends and the next begins", (6, 2, 6, 3, ends))


def _ring_of(given: Values, sizes: Mapping[str, int]) -> Values:
    # A ring that is not full is written from row 0 on, and no window is longer than what is there.
    capacity = sizes["C"]
    size = capacity if given["_full"] else _whole(given["_size"], 1, capacity)
    next_row = _whole(given["_next"], 0, capacity - 1) if size == capacity else size
    length = _whole(given["_length"], 1, size)
    places = size - length + 1
    chance = ((given["_place"] * places).floor().clamp_max(places - 1) + given["_inside"]) / places
    return {
        "size": size,
        "next_row": next_row,
        "capacity": capacity,
        "length": length,
        "chance": chance,
    }


def _whole(x: Tensor, low: int, high: int) -> int:
    return min(high, low + int(x * (high - low + 1)))


exercise = Exercise(
    place=40,
    title="What may be drawn from a ring",
    difficulty=3,
    importance=4,
    minutes="10–20",
    topic="ground",
    statement="""\
A replay memory is a ring of `capacity` rows, written one step after another. `size` of them are in
use; `next_row` is where the next step will be written, which is the oldest row if the ring is full.
A window is `length` steps that followed each other, in this order. Turn each number of `chance`, at
least 0 and less than 1, into the rows of a window. To do so, cut the numbers from 0 to 1 into as
many equal parts as there are places for a window, the oldest place first. `size >= length`. Return
integers. numpy is welcome. What you write: four lines.""",
    hint="""\
Think in ages first: age 0 is the oldest step. A window may begin at ages 0 to size - length: how
many are those? Only then turn ages into rows, with one `%`.""",
    domain=Domain(
        sizes={"C": (1, 200), "E": (1, 12)},
        given={
            "_size": Reals("", between=(0, 1)),
            "_next": Reals("", between=(0, 1)),
            "_length": Reals("", between=(0, 1)),
            "_full": Truth(),
            "_place": Reals("E", between=(0, 1)),
            "_inside": Reals("E", between=(0.05, 0.95)),
        },
        finish=_ring_of,
        notes={"size, next_row, capacity, length": "as they fit together", "chance": "from 0 to 1"},
    ),
    inputs=_rings,
    gradient=False,
)


@exercise.solved_by
def window_rows(size, next_row, capacity, length, chance):
    """The rows of each window, oldest step first: (E, length), int64.

    size, next_row, capacity, length: whole numbers. chance: (E,).
    """
    begin = (chance * (size - length + 1)).long()  # counted from the oldest step
    age = begin[:, None] + torch.arange(length)
    return (next_row - size + age) % capacity


def _ring(begin, next_row, size, capacity, length):
    return (next_row - size + begin[:, None] + torch.arange(length)) % capacity


@exercise.mistake
def across_the_head(size, next_row, capacity, length, chance):
    """A window may begin anywhere: some then run past the newest step into the oldest (or into rows
    never written), and what lies there did not follow."""
    return _ring((chance * size).long(), next_row, size, capacity, length)


@exercise.mistake
def oldest_is_row_zero(size, next_row, capacity, length, chance):
    """Row 0 is taken for the oldest. Once the ring is full, that is `next_row`, and windows over it
    mix the newest steps with the oldest."""
    return _ring((chance * (size - length + 1)).long(), 0, 0, capacity, length)


@exercise.mistake
def never_wraps(size, next_row, capacity, length, chance):
    """At the end of the memory the rows do not go on at row 0: the last row is repeated instead. A
    ring has no end there, a window may lie across."""
    begin = (next_row - size + (chance * (size - length + 1)).long()) % capacity
    return (begin[:, None] + torch.arange(length)).clamp_max(capacity - 1)


@exercise.mistake
def last_place_missing(size, next_row, capacity, length, chance):
    """One place too few: there are size - length + 1, and without the 1 the newest step is never
    learned from."""
    return _ring((chance * (size - length)).long(), next_row, size, capacity, length)


@exercise.mistake
def rounded(size, next_row, capacity, length, chance):
    """The place is rounded to the nearest: the first place is then drawn half as often as the
    others, and one that is none is drawn as well. Round down."""
    begin = (chance * (size - length + 1)).round().long()
    return _ring(begin, next_row, size, capacity, length)


@exercise.mistake
def begins_at_the_head(size, next_row, capacity, length, chance):
    """Ages are counted from `next_row`, full or not: in a ring that is not full nothing has been
    written there yet."""
    return _ring((chance * (size - length + 1)).long(), next_row, 0, capacity, length)


@exercise.mistake
def newest_first(size, next_row, capacity, length, chance):
    """The steps of a window are in the wrong order: time runs backwards."""
    begin = (chance * (size - length + 1)).long()
    return _ring(begin, next_row, size, capacity, length).flip(1)


@exercise.mistake
def counted_from_the_newest(size, next_row, capacity, length, chance):
    """The places are counted from the newest window: the oldest place comes first."""
    begin = size - length - (chance * (size - length + 1)).long()
    return _ring(begin, next_row, size, capacity, length)


@exercise.mistake
def single_steps(size, next_row, capacity, length, chance):
    """Only the first step of each window is given, (E,), not its rows, (E, length)."""
    return (next_row - size + (chance * (size - length + 1)).long()) % capacity


exercise.slips = {
    "oldest_is_row_zero": ("next_row - size + age", "age"),
    "begins_at_the_head": ("next_row - size + age", "next_row + age"),
    "last_place_missing": ("size - length + 1", "size - length"),
    "across_the_head": ("(chance * (size - length + 1)).long()", "(chance * size).long()"),
}
