"""Domains: what they state is what the page says, and every argument takes several values."""

import re
from itertools import islice

import pytest
import torch

from marl_edu.exercises.__main__ import ALL
from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.kinds import Flags, Number, Reals, Truth, Whole
from tests.exercises import independent

NAMED = {"2*H": "E", "W*L": "T"}  # products that a page gives a letter

by_exercise = pytest.mark.parametrize("exercise", ALL.values(), ids=ALL)


def told_shapes(doc: str) -> dict[str, str]:
    """Argument -> its shape as the docstring on the page has it: "B T+1 2*N"."""
    shapes = {}
    for names, shape in re.findall(r"((?:\w+, )*\w+): \(([^()]*)\)", " ".join(doc.split())):
        parts = [part.strip() for part in shape.split(",") if part.strip()]
        parts = [re.sub(r"(?<=\w) (?=\w)", "*", part).replace(" ", "") for part in parts]
        shapes |= dict.fromkeys(names.split(", "), " ".join(parts))
    return shapes


def readable(value) -> str:
    if isinstance(value, torch.Tensor):
        return f"{value.dtype}{value.tolist()}"
    return str(getattr(value, "args", value))  # a partial is known by what it holds


@by_exercise
def test_shapes_of_the_domain_are_those_on_the_page(exercise):
    told = told_shapes(exercise.solution.__doc__)
    for name, kind in exercise.domain.given.items():
        if name[0] != "_" and kind.shape:
            shape = " ".join(NAMED.get(part, part) for part in kind.shape.split())
            assert told[name] == shape, name


@pytest.mark.long
@by_exercise
def test_every_argument_takes_several_values(exercise):
    columns = zip(*(case.args for case in exercise.cases()), strict=True)
    for name, column in zip(exercise.arguments, columns, strict=True):
        least = 2 if isinstance(exercise.domain.given.get(name), Truth) else 4
        assert len(set(map(readable, column))) >= least, f"{name} is all but constant"


@pytest.mark.long
@by_exercise
def test_odd_inputs_are_within_the_domain(exercise):
    odd = exercise.inputs(torch.Generator().manual_seed(0))
    for case in odd:
        for name, value in zip(exercise.arguments, case.args, strict=True):
            match exercise.domain.given.get(name):
                case Reals() as kind:
                    assert value.is_floating_point() and value.dim() == len(kind.shape.split())
                    finite = value.nan_to_num(0).abs().max() if value.numel() else 0
                    assert kind.between or finite <= 5 * max(kind.spreads) + max(kind.centres) + 1
                    assert kind.unused or not value.isnan().any()
                case Flags() as kind:
                    assert value.dtype == torch.bool and value.dim() == len(kind.shape.split())
                    assert value.any(-1).all() or not kind.row
                    assert value.any() or not kind.any
                case Whole() as kind:
                    assert value.dtype == torch.int64 and value.min() >= 0
                case Number(low, high):
                    assert low <= value <= high


def test_the_sentence_on_the_page_says_what_is_drawn():
    domain = Domain(
        {"B": (1, 4), "X": (2, 3)},
        {
            "z": Reals("B X", spreads=(1, 200), unused=lambda given: given["m"]),
            "w": Reals("B", spreads=(1,)),
            "m": Flags("B X", row=True),
            "gamma": Number(0.0, 1.0),
            "a": Whole("B", "X+1"),
            "_hidden": Reals("B"),
        },
    )
    assert domain.sentence("(B,)") == (
        "The grader tries: B 1–4; `z` normal, s.d. up to 200, with NaN where nothing "
        "counts; `w` normal; `m` with one True in each row at least; `gamma` from 0 to 1; `a` "
        "whole, from 0 to X."
    )


def test_extremes_are_tried_and_keep_to_the_domain():
    masked = ALL["masked_attention"]
    scores, masks = zip(*(case.args for case in masked.cases()), strict=True)
    assert max(score.abs().max() for score in scores) > 1e4
    assert any((score == 0).all() for score in scores)
    assert any(mask.all() for mask in masks) and any(not mask.any() for mask in masks)
    assert any((mask.sum(-1) == 1).all() and mask.shape[-1] > 2 for mask in masks)
    sizes = {score.shape for score in scores}
    assert (1, 1, 1) in sizes and (4, 6, 6) in sizes
    assert all(score.dtype == torch.float64 for score in scores if score.abs().max() > 2e3)


@by_exercise
def test_the_other_generator_draws_within_the_domain_too(exercise):
    drawn = list(islice(independent.inputs(exercise.domain, exercise.arguments, 1), 5))
    for args in drawn:
        result = exercise.solution(*args)
        assert isinstance(result, torch.Tensor) and not result.isnan().any()
