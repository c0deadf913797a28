"""Say where the book's text is hard to read.

    python tools/prose.py                    check all files but the unfinished ones
    python tools/prose.py book/glossary.md   check these files, unfinished or not

It reports sentences of more than 30 words, "one" where it stands for people, and the words of
`tools/words.txt`. It prints what proselint finds too, which fails nothing. It reads the pages, the
text of the notebooks, the questions, the docstrings of public names, captions and exercises.
`[tool.prose]` in pyproject.toml lists the files that nobody has edited yet.
"""

import argparse
import ast
import inspect
import json
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.colon_fence import colon_fence_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.front_matter import front_matter_plugin
from mdit_py_plugins.myst_blocks import myst_block_plugin
from mdit_py_plugins.myst_role import myst_role_plugin

ROOT = Path(__file__).resolve().parent.parent
WORDS = ROOT / "tools" / "words.txt"
LONGEST = 30  # words of a sentence
SOURCES = (
    "README.md", "CONTRIBUTING.md", "book/*.md", "book/*.ipynb", "book/chapters/*.ipynb",
    "book/interview/*.md", "book/interview/*.ipynb", "book/interview/questions/*.yml",
    "marl_edu/**/*.py",
)  # fmt: skip
SPOKEN = {"caption", "alt", "title", "statement", "hint"}  # arguments whose texts readers see
UNREAD = {"formula", "id", "level", "link"}  # fields of a question that are no English
NOT_TEXT = {"code-cell", "raw", "math", "toctree", "nb-exec-table", "bibliography", "image"}
SOMETHING = "Xx"  # what stands for a formula, code or a number that is filled in

# Before it, "one" is a pronoun; after it, only if a verb follows.
CAN = r"can|cannot|could|may|might|must|should|would|will|has|does|needs|wants|sees|knows|says"
VERB = r"is|was|\w+(?<!s)s"
PRONOUN = re.compile(
    r"\bone['’]s\b|\boneself\b"
    rf"|(?<!this )(?<!that )(?<!each )(?<!every )(?<!which )(?<!no )(?<!any )(?<!only )(?<!the )"
    rf"(?<!another )(?<!best )(?<!: )(?<!last )(?<!first )(?<!second )(?<!new )(?<!old )"
    rf"(?<!right )\bone (?:{CAN})\b"
    rf"|\b(?:when|if|what|how|where|whatever|because|before|after|while|until|unless|whether|than)"
    rf" one (?:{VERB})\b",
    re.IGNORECASE,
)
END = re.compile(r"""(?<=[.?!])["”’')]*\s+(?=["“‘'(]?[A-Z0-9])""")
ABBREVIATED = re.compile(r"(?:\b(?:e\.g|i\.e|vs|cf|al|[Ff]igs?|[Ee]qs?|[Nn]o|pp?|resp)|\b[A-Z])\.$")


class Passage(NamedTuple):
    """A text without markup that no sentence leaves: a paragraph, an item, a cell of a table."""

    line: int
    text: str


@cache
def _parser() -> MarkdownIt:
    rules = MarkdownIt("commonmark").enable("table").use(front_matter_plugin).use(myst_role_plugin)
    return rules.use(colon_fence_plugin).use(dollarmath_plugin).use(myst_block_plugin)


def _said(tokens: Sequence[Token]) -> str:
    """The words of a paragraph: formulas and code are something, citations nothing."""
    parts = []
    for token in tokens:
        if token.type == "myst_role":
            name, inside = token.meta["name"], token.content
            shown = "" if name.startswith("cite") else re.sub(r"\s*<[^>]*>$", "", inside)
            parts.append(shown if name in ("term", "doc") else SOMETHING if shown else "")
        elif token.type in ("code_inline", "math_inline"):
            parts.append(SOMETHING)
        elif token.type in ("softbreak", "hardbreak"):
            parts.append(" ")
        elif token.type in ("text", "image"):
            parts.append(token.content)
    return re.sub(r"\{\{[^}]*\}\}", SOMETHING, "".join(parts))


def of_markdown(text: str, first: int = 1) -> Iterator[Passage]:
    """The passages of a page or a cell, directives included; `first` is its line in the file."""
    for token in _parser().parse(text):
        line = first + (token.map[0] if token.map else 0)
        if token.type == "inline":
            yield Passage(line, _said(token.children or []))
        elif token.type in ("fence", "colon_fence"):
            found = re.match(r"\{([\w:-]+)\}\s*(.*)", token.info.strip())
            if found is None or found[1].lstrip("{") in NOT_TEXT:
                continue
            if found[2] and found[1] not in ("figure", "include", "grid"):
                yield from of_markdown(found[2], line)
            body = re.sub(
                r"\A---\n.*?\n---\n", lambda m: "\n" * m[0].count("\n"), token.content, flags=re.S
            )
            body = re.sub(r"^:[\w-]+:.*$", "", body, flags=re.MULTILINE)
            if found[1] == "glossary":  # a term and its meaning are no paragraph
                body = re.sub(r"^(?! ).+$", "", body, flags=re.MULTILINE)
            yield from of_markdown(body, line + 1)


def of_docstring(text: str, first: int = 1) -> Iterator[Passage]:
    """The passages of a docstring: paragraphs, items, arguments; what is indented is code."""
    block: list[str] = []
    start, section, inside = first, False, 0  # `inside`: the depth of an item's text, 0 for none

    def flushed() -> Iterator[Passage]:
        plain = re.sub(r"``.*?``|`[^`]*`|\$[^$]*\$", SOMETHING, " ".join(block))
        for piece in re.sub(rf":\w+:{SOMETHING}", SOMETHING, plain).split(" · "):  # of a list
            if piece.strip():
                yield Passage(start, piece)
        block.clear()

    for number, line in enumerate([*inspect.cleandoc(text).splitlines(), ""], first):
        depth = len(line) - len(line.lstrip())
        head = re.fullmatch(r"(Args|Returns|Raises|Yields|Attributes|Notes?|Examples?):", line)
        item = re.match(r"\s*(?:[-*]|\d+\.) +", line)
        entry = re.match(r"    [\w, *]+(\([^)]*\))?: ", line) if section and depth == 4 else None
        if not line.strip() or head or item or entry or depth < inside:
            yield from flushed()
            section = bool(head) or (section and (depth >= 4 or not line.strip()))
            inside = 0
        if not line.strip() or head:
            continue
        if item or entry:
            inside = item.end() if item else 5
            line = line[item.end() if item else entry.end() if entry else 0 :]
        elif depth >= 4 and not inside and not section:  # an equation, or code
            yield from flushed()
            continue
        start = start if block else number
        block.append(line.strip())
        if line.endswith(":"):
            yield from flushed()


def of_python(source: str, first: int = 1, docstrings: bool = True) -> Iterator[Passage]:
    """What a module says to readers: docstrings of public names, captions, texts of exercises."""
    for node in ast.walk(ast.parse(source)):
        if docstrings and isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            text = ast.get_docstring(node)
            if text and not getattr(node, "name", "").startswith("_"):
                yield from of_docstring(text, first - 1 + node.body[0].lineno)
        if isinstance(node, ast.keyword) and node.arg in SPOKEN:
            pieces = node.value.values if isinstance(node.value, ast.JoinedStr) else [node.value]
            told = [
                str(one.value) if isinstance(one, ast.Constant) else SOMETHING for one in pieces
            ]
            if any(isinstance(one, ast.Constant) for one in pieces):
                yield from of_markdown("".join(told), first - 1 + node.value.lineno)


def of_notebook(text: str) -> Iterator[Passage]:
    """The passages of a notebook. Exercises are read where they are written."""
    for number, cell in enumerate(json.loads(text)["cells"]):
        if "exercise" in cell["metadata"]:
            continue
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            found = of_markdown(source)
        else:
            found = of_python(re.sub(r"^[%!].*$", "pass", source, flags=re.M), docstrings=False)
        for passage in found:
            yield Passage(number, passage.text)


def of_questions(text: str) -> Iterator[Passage]:
    """The passages of a topic's questions."""

    def below(node: yaml.Node, key: str = "") -> Iterator[Passage]:
        if isinstance(node, yaml.MappingNode):
            for name, value in node.value:
                yield from below(value, name.value)
        elif isinstance(node, yaml.SequenceNode):
            for value in node.value:
                yield from below(value, key)
        elif isinstance(node, yaml.ScalarNode) and key not in UNREAD:
            yield from (
                Passage(node.start_mark.line + 1, one.text) for one in of_markdown(node.value)
            )

    root = yaml.compose(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    yield from below(root) if root is not None else ()


def passages(path: Path) -> list[Passage]:
    """What a file says, in its order; in a notebook the line is the number of the cell."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        return list(of_notebook(text))
    if path.suffix == ".yml":
        return list(of_questions(text))
    return list(of_python(text) if path.suffix == ".py" else of_markdown(text))


def sentences(text: str) -> Iterator[str]:
    """The sentences of a passage."""
    start = ""
    for part in END.split(" ".join(text.split())):
        start = f"{start} {part}".strip()
        if not ABBREVIATED.search(start):
            yield start
            start = ""
    if start:
        yield start


@cache
def _words() -> list[tuple[re.Pattern[str], re.Pattern[str] | None, str, str]]:
    """The list of words: where each is found, where it is right, itself, what to say instead."""

    def any_of(phrases: Sequence[str]) -> re.Pattern[str]:
        return re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, phrases))})(?![\w-])", re.I)

    found = []
    for line in WORDS.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            word, _, rest = (part.strip() for part in line.partition("="))
            better, _, right = (part.strip() for part in rest.partition("|"))
            allowed = any_of([one.strip() for one in right.split(",")]) if right else None
            found.append((any_of([word]), allowed, word, better))
    return found


def complaints(sentence: str) -> Iterator[str]:
    """What is wrong with a sentence, one text each."""
    count = sum(any(letter.isalnum() for letter in word) for word in sentence.split())
    if count > LONGEST:
        yield f"{count} words: {sentence}"
    for found in PRONOUN.finditer(sentence):
        yield f'"{found[0]}": say you, we, or who: {sentence}'
    for pattern, allowed, word, better in _words():
        if pattern.search(allowed.sub("", sentence) if allowed else sentence):
            yield f'"{word}": say {better}: {sentence}'


def offenders(path: Path) -> list[str]:
    """What is wrong with a file, one line each."""
    return [
        f"{line}: {complaint}"
        for line, text in passages(path)
        for sentence in sentences(text)
        for complaint in complaints(sentence)
    ]


def unfinished() -> list[str]:
    """Files not edited yet, as patterns."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    found: list[str] = settings["tool"]["prose"]["unfinished"]
    return found


def files() -> list[Path]:
    """All files that are read, without the unfinished ones."""
    left_out = {path for pattern in unfinished() for path in ROOT.glob(pattern)}
    return sorted({path for pattern in SOURCES for path in ROOT.glob(pattern)} - left_out)


def proselint(paths: Sequence[Path]) -> Iterator[str]:
    """What proselint says of the same text, one line each."""
    with tempfile.TemporaryDirectory() as folder:
        names = {}
        for number, path in enumerate(paths):
            copy = Path(folder, f"{number}.txt")
            copy.write_text("\n\n•\n\n".join(one.text for one in passages(path)), encoding="utf-8")
            names[copy.name] = str(path.relative_to(ROOT))
        files = [str(Path(folder, name)) for name in names]
        command = [sys.executable, "-m", "proselint", "-o", "compact", "check", *files]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    for line in (done.stdout + done.stderr).splitlines():
        if "typography." in line or SOMETHING in line:  # the site sets the quotes and dashes
            continue
        place, _, rest = line.partition(".txt:")
        name = names.get(f"{Path(place).name}.txt")
        yield f"{name}: {rest.split(': ', 1)[-1]}" if name else line


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line. Returns the exit code: 1 if a sentence has to change."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("paths", nargs="*", type=Path, help="files to check, default: all finished")
    paths = [path.resolve() for path in parser.parse_args(arguments).paths] or files()
    found = [f"{path.relative_to(ROOT)}:{line}" for path in paths for line in offenders(path)]
    print("\n".join(found) or f"{len(paths)} files: no sentence to change")
    for line in proselint(paths):
        print("proselint:", line)
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
