"""What a page breaks of the rules of accessibility."""

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

# Elements that keep the rules are named by one example: all of them take most of the time.
BRIEF = {"resultTypes": ["violations"]}


def violations(page: Page, without: str = "") -> list[str]:
    """What axe objects to, one line per element; `without` is a part that it leaves out."""
    context: Any = {"exclude": [[without]]} if without else None
    found = Axe().run(page, context, BRIEF).response["violations"]
    return [
        f"{rule['id']}: {node['target']}: {node['html'][:200]}"
        for rule in found
        for node in rule["nodes"]
    ]
