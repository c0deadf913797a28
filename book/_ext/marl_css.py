"""Style sheets without the rules that no page uses."""

import re
from collections.abc import Iterator

_WORD = re.compile(r"[A-Za-z_][\w-]*")
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_CLASS = re.compile(r"\.(-?[A-Za-z_][\w-]*)(\\)?")
_INSIDE = re.compile(r":(?:not|is|where|has)\([^()]*(?:\([^()]*\)[^()]*)*\)")
# The icons of the theme come from a library; the site draws its own few (icons.css).
_ICON = re.compile(r"\.fa[bsrl]?(?![\w])|\.fa-")


def words(text: str) -> set[str]:
    """Every word of a page or script: whatever class it may name is among them."""
    return set(_WORD.findall(text))


def prune(css: str, used: set[str]) -> str:
    """The sheet without selectors that name a class which is not among the `used` words."""
    return "".join(_rules(_COMMENT.sub("", css), used))


def _rules(css: str, used: set[str]) -> Iterator[str]:
    for head, block in _parts(css):
        name = head.strip()
        if block is None:
            yield head + ";"
        elif name.startswith(("@media", "@supports", "@layer", "@container")):
            if inside := "".join(_rules(block, used)):
                yield f"{name}{{{inside}}}"
        elif name.startswith("@"):
            if not re.search(r"Font ?Awesome|^@keyframes fa-", block if "face" in name else name):
                yield f"{name}{{{block}}}"
        elif not block.lstrip().startswith("--fa-"):
            kept = [one for one in _selectors(name) if _applies(one, used)]
            if kept:
                yield f"{','.join(kept)}{{{block}}}"


def _parts(css: str) -> Iterator[tuple[str, str | None]]:
    """Rules one after the other: what stands before the braces, and in them or None."""
    start = at = depth = 0
    quote, opened = "", 0
    while at < len(css):
        c = css[at]
        if quote:
            at += c == "\\"
            quote = "" if c == quote else quote
        elif c in "\"'":
            quote = c
        elif c == "{":
            opened = opened if depth else at
            depth += 1
        elif c == "}":
            depth -= 1
            if depth == 0:
                yield css[start:opened], css[opened + 1 : at]
                start = at + 1
        elif c == ";" and depth == 0:
            yield css[start:at], None
            start = at + 1
        at += 1


def _selectors(head: str) -> Iterator[str]:
    """The selectors of a rule: what is between commas outside of brackets."""
    start = depth = 0
    for at, c in enumerate(head):
        depth += (c in "([") - (c in ")]")
        if c == "," and depth == 0:
            yield head[start:at]
            start = at + 1
    yield head[start:]


def _applies(selector: str, used: set[str]) -> bool:
    if _ICON.search(selector):
        return False
    plain = _INSIDE.sub("", selector)
    return all(escaped or name in used for name, escaped in _CLASS.findall(plain))
