"""Try an answer on every input of an exercise, and judge what it did.

Trying and judging are separate. The first runs in the process of the answer. The second runs in the
caller's, which knows the right outcomes and compares them with what was sent.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from marl_edu.exercises.engine.trying import (
    Asked,
    Case,
    Outcome,
    Wrong,
    attempt,
    difference,
    outcome,
    same,
)
from marl_edu.exercises.engine.verdict import Verdict
from marl_edu.exercises.engine.wire import Seen

Function = Callable[..., Any]


class Examination:
    """The inputs of an exercise with the right outcome of each."""

    def __init__(
        self,
        solution: Function,
        mistakes: dict[str, Function],
        cases: Sequence[Case],
        names: Sequence[str],
        learned: Sequence[str],
    ) -> None:
        self.mistakes, self.cases = mistakes, cases
        self.rights = [outcome(solution, case.args, names, learned) for case in cases]
        carries = any(
            bool(value.any())
            for right in self.rights
            for name, value in right.items()
            if name != "the result"
        )
        self.asked = Asked(names, learned, carries, dtype_is_free=not learned)
        self._done: dict[tuple[str, bool], tuple[list[Outcome], list[int]]] = {}

    def seen(self, answer: Function) -> list[Seen]:
        """What `answer` does on each input."""
        seen = []
        for case, right in zip(self.cases, self.rights, strict=True):
            try:
                seen.append(Seen(attempt(answer, case, self.asked, right)))
            except Wrong as error:
                seen.append(Seen(None, *error.args))
        return seen

    def verdict(self, seen: Sequence[Seen]) -> Verdict:
        """What the grader says of an answer that did this."""
        wrong = [
            number
            for number, (one, right) in enumerate(zip(seen, self.rights, strict=True))
            if one.outcome is None or not same(one.outcome, right)
        ]
        if not wrong:
            return Verdict(True, "", f"Right on all {len(self.cases)} inputs.")
        number = wrong[0]
        first = seen[number]
        if first.outcome is None:
            return Verdict(False, first.mistake, first.said, case=number)
        mistake, said = difference(first.outcome, self.rights[number])
        message = f"With {self.cases[number].what}, {said}"
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
            does, errs = self._done_by(name, by_gradient)
            alike = sum(_alike(seen[number].outcome, does[number]) for number in wrong)
            if errs == wrong and _alike(seen[wrong[0]].outcome, does[wrong[0]]) and alike > agreed:
                best, agreed = name, alike
        if 3 * agreed <= len(wrong):  # a coincidence on a few inputs
            return first
        explanation = " ".join((self.mistakes[best].__doc__ or "").split())
        rest = "" if agreed == len(wrong) else " On some inputs there is more to it."
        return replace(first, mistake=best, message=f"{explanation} {first.message}{rest}")

    def _done_by(self, mistake: str, gradients: bool) -> tuple[list[Outcome], list[int]]:
        """What a classic mistake does on each input, and on which it is wrong: computed once."""
        key = mistake, gradients
        if key not in self._done:
            function, to = self.mistakes[mistake], self.asked.learned if gradients else ()
            does = [outcome(function, case.args, self.asked.names, to) for case in self.cases]
            pairs = enumerate(zip(does, self.rights, strict=True))
            self._done[key] = does, [n for n, (one, right) in pairs if not same(one, right)]
        return self._done[key]


def _right_value(seen: Seen, right: Outcome) -> bool:
    return _alike(seen.outcome and {"the result": seen.outcome["the result"]}, right)


def _alike(one: Outcome | None, other: Outcome) -> bool:
    return one is not None and same(one, other)
