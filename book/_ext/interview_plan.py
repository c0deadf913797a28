"""The plan of two weeks on the interview page: what to read and to practise, day by day."""

import re

from interview_bank import ROOT

# The plan of two weeks, a day a line: what to read, and what to practise for how many minutes.
CARDS_A_DAY, NEW_CARD, OLD_CARD = 15, 2, 1  # minutes a card
TOPIC_PAGE, PRACTICE, MOCK, DESIGN = 10, 15, 20, 15  # minutes
BACK_AFTER = (1, 3, 7)  # days after a card was new: after 1, then 2, then 4
PLAN: tuple[tuple[str, str, int], ...] = (
    ("tour", "", 0),
    ("chapters/tarmac", "an exercise", PRACTICE),
    ("interview/commnet", "an exercise", PRACTICE),
    ("chapters/gat", "an exercise", PRACTICE),
    ("chapters/drqn", "an exercise", PRACTICE),
    ("chapters/icm", "an exercise", PRACTICE),
    ("chapters/rnd", "a bug hunt", PRACTICE),
    ("interview/qmix", "a mock interview", MOCK),
    ("chapters/maddpg", "an exercise", PRACTICE),
    ("chapters/comparison", "a mock interview", MOCK),
    ("interview/design", "two of its problems", 2 * DESIGN),
    ("interview/ground", "a mock interview", MOCK),
    ("interview/design", "the other two problems", 2 * DESIGN),
    ("interview/deck", "two mock interviews", 2 * MOCK),
)


def reading(page: str) -> int:
    """Minutes to read a page: what its header says, or those of a page of questions."""
    path = ROOT / "book" / f"{page}.ipynb"
    if not path.is_file():
        return TOPIC_PAGE
    said = re.search(r"(\d+) minutes to read", path.read_text(encoding="utf-8"))
    if said is None:
        raise ValueError(f"{path}: its header must say how many minutes it takes to read")
    return int(said[1])


def days(cards: int) -> list[tuple[str, str, int, int, int]]:
    """The plan for so many cards: page, practice, new cards, cards that come back, minutes."""
    new = [min(CARDS_A_DAY, max(0, cards - CARDS_A_DAY * day)) for day in range(len(PLAN))]
    back = [
        sum(new[day - after] for after in BACK_AFTER if after <= day) for day in range(len(PLAN))
    ]
    return [
        (page, what, n, m, reading(page) + minutes + n * NEW_CARD + m * OLD_CARD)
        for (page, what, minutes), n, m in zip(PLAN, new, back, strict=True)
    ]
