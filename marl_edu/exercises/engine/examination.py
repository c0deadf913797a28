"""Try an answer on every input of an exercise, in torch.

Trying and judging are separate. The first runs in the process of the answer. The second runs in the
caller's, which knows the right outcomes and compares them with what was sent.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from marl_edu.exercises.engine.comparing import same
from marl_edu.exercises.engine.judging import Done, Judge, Seen
from marl_edu.exercises.engine.refusing import Wrong
from marl_edu.exercises.engine.trying import Asked, Case, attempt, outcome
from marl_edu.exercises.engine.verdict import Verdict

Function = Callable[..., Any]


class Examination:
    """The inputs of an exercise with the right outcome of each."""

    def __init__(
        self,
        solution: Function,
        mistakes: Mapping[str, Function],
        cases: Sequence[Case],
        names: Sequence[str],
        learned: Sequence[str],
    ) -> None:
        self.mistakes, self.cases = mistakes, cases
        self.rights = [outcome(solution, case.args, names, learned) for case in cases]
        carries = any(
            bool(value.values.any())
            for right in self.rights
            for name, value in right.items()
            if name != "the result"
        )
        self.asked = Asked(names, learned, carries, dtype_is_free=not learned)
        self._done: dict[tuple[str, bool], Done] = {}

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
        whats = [case.what for case in self.cases]
        explained = {name: explanation(does) for name, does in self.mistakes.items()}
        return Judge(whats, self.rights, explained, self.done_by).verdict(seen)

    def done_by(self, mistake: str, gradients: bool) -> Done:
        """What a classic mistake does on each input, and on which it is wrong: computed once."""
        key = mistake, gradients
        if key not in self._done:
            function, to = self.mistakes[mistake], self.asked.learned if gradients else ()
            does = [outcome(function, case.args, self.asked.names, to) for case in self.cases]
            pairs = enumerate(zip(does, self.rights, strict=True))
            self._done[key] = Done(does, [n for n, (one, right) in pairs if not same(one, right)])
        return self._done[key]


def explanation(mistake: Function) -> str:
    """What who made a classic mistake is told: its docstring, in one line."""
    return " ".join((mistake.__doc__ or "").split())
