"""Judge what an answer did on every input of an exercise, and name the classic mistake.

It needs numpy alone. The notebook's grader judges with this file what came out of the answer's
process, and the page what came out of its worker.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from marl_edu.exercises.engine.comparing import Outcome, difference, same
from marl_edu.exercises.engine.verdict import Verdict


class Seen(NamedTuple):
    """What an answer did on one input: an outcome, or why there is none."""

    outcome: Outcome | None
    mistake: str = ""
    said: str = ""


class Done(NamedTuple):
    """What a classic mistake does: on each input, and the numbers of those it is wrong on."""

    outcomes: Sequence[Outcome]
    errs: list[int]


class Judge:
    """The right outcome of each input, and what the classic mistakes do."""

    def __init__(
        self,
        whats: Sequence[str],  # what is special about each input
        rights: Sequence[Outcome],
        mistakes: Mapping[str, str],  # and what who made it is told
        done_by: Callable[[str, bool], Done],  # given a mistake, and whether with gradients
    ) -> None:
        self.whats, self.rights, self.mistakes, self.done_by = whats, rights, mistakes, done_by

    def verdict(self, seen: Sequence[Seen]) -> Verdict:
        """What is said of an answer that did this."""
        wrong = [
            number
            for number, (one, right) in enumerate(zip(seen, self.rights, strict=True))
            if one.outcome is None or not same(one.outcome, right)
        ]
        if not wrong:
            return Verdict(True, "", f"Right on all {len(self.rights)} inputs.")
        number = wrong[0]
        first = seen[number]
        if first.outcome is None:
            return Verdict(False, first.mistake, first.said, case=number)
        mistake, said = difference(first.outcome, self.rights[number])
        message = f"With {self.whats[number]}, {said}"
        return self._named(Verdict(False, mistake, message, case=number), seen, wrong)

    def _named(self, first: Verdict, seen: Sequence[Seen], wrong: Sequence[int]) -> Verdict:
        """`first`, with the classic mistake that is wrong on the same inputs, in the same way."""
        # Where the results are right, a mistake is known by its gradients.
        by_gradient = first.mistake in ("gradient", "nan_gradient")
        wrong = [
            number
            for number in wrong
            if by_gradient or not _right_value(seen[number], self.rights[number])
        ]
        best, agreed = "", 0
        for name in self.mistakes:
            does, errs = self.done_by(name, by_gradient)
            alike = sum(_alike(seen[number].outcome, does[number]) for number in wrong)
            if errs == wrong and _alike(seen[wrong[0]].outcome, does[wrong[0]]) and alike > agreed:
                best, agreed = name, alike
        if 3 * agreed <= len(wrong):  # a coincidence on a few inputs
            return first
        rest = "" if agreed == len(wrong) else " On some inputs there is more to it."
        return replace(first, mistake=best, message=f"{self.mistakes[best]} {first.message}{rest}")


def _right_value(seen: Seen, right: Outcome) -> bool:
    return _alike(seen.outcome and {"the result": seen.outcome["the result"]}, right)


def _alike(one: Outcome | None, other: Outcome) -> bool:
    return one is not None and same(one, other)
