"""What a page says of a run that a reader may change.

Where the book is tested or built (MARL_EDU_STRICT=1), a claim that does not hold ends the notebook.
In a lab it is a sentence, and the notebook goes on: other settings, other numbers.
"""

import math
import os

STRICT = "MARL_EDU_STRICT"


def claim(share: float, above: float) -> None:
    """Check that a share is larger than the page says it is.

    Args:
        share: measured, in 0..1. above: what the page says.
    Raises:
        AssertionError: it is not, and the book is tested or built.
    """
    found = "no number" if math.isnan(share) else f"{share:.1%}"
    claim_that(share > above, f"more than {above:.0%}", found)


def claim_that(holds: bool, says: str, found: str) -> None:
    """Check that what the page says holds.

    Args:
        says: what the page says. found: what it is.
    Raises:
        AssertionError: it does not hold, and the book is tested or built.
    """
    if holds:
        return
    text = f"This page says {says}; with your settings it is {found}."
    if os.environ.get(STRICT) == "1":
        raise AssertionError(text)
    print(text)
