"""The question bank of the interview part: read, checked, and resolved to what a page shows.

Everything there is made from `book/interview/questions`, a file per topic, which is called as the
topic's page; `schema.json` beside them says what an entry may hold. What is wrong is told with the
entry and the field it is in.
"""

import ast
import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from docutils.nodes import make_id
from jsonschema import Draft202012Validator
from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from mdit_py_plugins.dollarmath import dollarmath_plugin

from marl_edu.core.records import by_seed
from marl_edu.results import RESULTS, Estimate, summary

ROOT = Path(__file__).resolve().parents[2]
FOLDER = "book/interview"
QUESTIONS = ROOT / FOLDER / "questions"
SCHEMA = QUESTIONS / "schema.json"


def _topics() -> dict[str, str]:
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    pages = [page for part in contents["parts"] for page in part["chapters"] if "title" in page]
    titles = {page["file"].removeprefix(f"{FOLDER}/"): page["title"] for page in pages}
    return {
        topic: title for topic, title in titles.items() if (QUESTIONS / f"{topic}.yml").is_file()
    }


# The topics that have questions, and the titles of their pages, in the order of the book.
TOPICS = _topics()
LEVELS = {"screen": "Phone screen", "onsite": "On site", "research": "Research"}
MEASURED = re.compile(r"\{\{iqm:([\w-]+)\}\}")
WORDS = (40, 150)  # of an answer
SHORT = 25  # words of the one sentence before it, at most
SECONDS = 60  # that both take on a phone screen, at most
PACE = 140  # words a minute, each symbol of a formula being one

Entry = dict[str, Any]


class BankError(ValueError):
    """What is wrong in the bank, one line per mistake: entry, field, reason."""


class Evidence(NamedTuple):
    """Where a link of the bank leads: a page of the book, or a file of the repository."""

    kind: str  # chapter, code, run or test
    path: str  # from the root of the repository
    anchor: str = ""  # of a chapter: the id of its heading; of a test: its line, as "L12"


def load(folder: Path = QUESTIONS) -> list[Entry]:
    """The entries, topic by topic in the order of their files, with the stored numbers filled in.

    Raises:
        BankError: naming every entry and field that is wrong. What an entry points to is another
            matter: see `broken`.
    """
    return _load(_files(folder))


def read(folder: Path = QUESTIONS) -> list[Entry]:
    """The entries as they are written, and with each its topic, the name of its file."""
    return _read(_files(folder))


def _files(folder: Path) -> tuple[tuple[Path, int], ...]:
    """The files of a bank, and when each was changed."""
    return tuple((path, path.stat().st_mtime_ns) for path in sorted(folder.glob("*.yml")))


@cache
def _load(files: tuple[tuple[Path, int], ...]) -> list[Entry]:
    return [_filled(entry) for entry in _read(files)]


@cache
def _read(files: tuple[tuple[Path, int], ...]) -> list[Entry]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast, where it is there
    written = {}
    for path, _ in files:
        with path.open(encoding="utf-8") as file:  # whose name YAML's own errors tell
            written[path.stem] = yaml.load(file, loader)
    if wrong := [line for topic, entries in written.items() for line in mistakes(topic, entries)]:
        raise BankError("\n".join(wrong))
    return [{**entry, "topic": topic} for topic in TOPICS for entry in written.get(topic, [])]


def mistakes(topic: str, entries: Any) -> Iterator[str]:
    """What is wrong with the entries of a topic as they were read, one line each."""
    if topic not in TOPICS:
        yield f"{topic}.yml: _toc.yml must have a page {FOLDER}/{topic}, and a title for it"
    validator = Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
    for error in validator.iter_errors(entries):
        number, *fields = error.absolute_path or [None]
        entry = entries[number] if isinstance(number, int) else {}
        name = f"{topic}.yml" if number is None else f"{topic}.yml, entry {number}"
        name = entry.get("id", name) if isinstance(entry, dict) else name
        yield f"{name}: {_field(fields)}: {_reason(error)}"
    seen: set[str] = set()
    for entry in entries if isinstance(entries, list) else []:
        if not isinstance(entry, dict):
            continue
        name = str(entry.get("id"))
        if name in seen:
            yield f"{name}: id: another entry has it too"
        seen.add(name)
        if not name.startswith(f"{topic}-"):
            yield f"{name}: id: must start with the topic, {topic}-"
        yield from (f"{name}: {line}" for line in _too_long(entry))


def _too_long(entry: dict[str, Any]) -> Iterator[str]:
    """What nobody has the time to say."""
    words = len(str(entry.get("answer", "")).split())
    if not WORDS[0] <= words <= WORDS[1]:
        yield f"answer: must have {WORDS[0]} to {WORDS[1]} words, has {words}"
    words = len(str(entry.get("short", "")).split())
    if words > SHORT:
        yield f"short: must have {SHORT} words at most, has {words}"
    if entry.get("level") == "screen" and seconds(entry) > SECONDS:
        yield f"answer: must take {SECONDS} seconds at most, takes {seconds(entry):.0f}"


def seconds(entry: dict[str, Any]) -> float:
    """How long it takes to say an answer, and the sentence before it."""
    text = MEASURED.sub("99 percent", f"{entry.get('short', '')} {entry.get('answer', '')}")
    symbols = re.findall(r"\\?[A-Za-z]+|\d+|[=+<>/]", " ".join(re.findall(r"\$([^$]*)\$", text)))
    words = [one for one in re.sub(r"\$[^$]*\$", "", text).split() if re.search(r"\w", one)]
    return 60 * (len(words) + len(symbols)) / PACE


def _field(path: list[Any]) -> str:
    return ".".join(str(part) for part in path) or "the whole"


def _reason(error: Any) -> str:
    if error.validator in ("contains", "minContains", "maxContains"):
        return "exactly one choice must be right"
    if len(error.message) > 200:  # it begins with all of what was looked at
        return f"must fit {error.validator}: {json.dumps(error.validator_value)}"
    return error.message


def _texts(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], str]]:
    """Every text of an entry that may name a run, and the field it is in."""
    if isinstance(value, str) and path != ("formula",):
        yield path, value
    elif isinstance(value, dict | list):
        for key, below in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _texts(below, (*path, key))


def _filled(entry: Entry) -> Entry:
    """`entry` with the stored number, as people say it, in place of every {{iqm:NAME}}.

    What was measured exactly is in its new field `measured`, a text for each name.
    """
    names = list(
        dict.fromkeys(name for _, text in _texts(entry) for name in MEASURED.findall(text))
    )
    exactly = [f"{name} {_or_not(measured, name)}" for name in names]
    return {**_spoken(entry), "formula": entry["formula"], "measured": exactly}


def _spoken(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _spoken(below) for key, below in value.items()}
    if isinstance(value, list):
        return [_spoken(below) for below in value]
    if not isinstance(value, str):
        return value
    return MEASURED.sub(lambda found: _or_not(rounded, found[1]), value)


def _or_not(written: Callable[[str], str], name: str) -> str:
    try:
        return written(name)
    except (FileNotFoundError, ValueError):
        return "(not measured yet)"


@cache
def rounded(experiment: str) -> str:
    """The stored result of an experiment as people say it: `86 %`, and `99.8 %` rather than 100."""
    percent = 100 * _stored_summary(experiment).value
    exactly = f"{percent:.1f}"  # what ends on .0 is said without
    near = percent < 0.5 or percent >= 99.5
    return f"{exactly.removesuffix('.0') if near else f'{percent:.0f}'} %"


def _stored_summary(experiment: str) -> Estimate:
    if not stored(experiment):
        raise FileNotFoundError(f"no finished run of {experiment} is stored")
    return summary(experiment)


@cache
def measured(experiment: str) -> str:
    """The stored result of an experiment in words: `99.8 % [99.6, 99.9], 8 seeds`."""
    found = _stored_summary(experiment)
    seeds = f"{found.n} seed" + "s" * (found.n > 1)
    if found.n == 1:
        return f"{100 * found.value:.1f} %, {seeds}"
    return f"{100 * found.value:.1f} % [{100 * found.low:.1f}, {100 * found.high:.1f}], {seeds}"


def stored(experiment: str) -> bool:
    """Whether a finished run of this name is among the results."""
    return bool(by_seed(RESULTS / experiment, "seed-"))


def follow(link: str) -> Evidence:
    """Where the link of a piece of evidence leads.

    Raises:
        ValueError: nowhere; says what is missing.
    """
    kind, _, target = link.partition(":")
    if kind == "chapter":
        name, _, slug = target.partition("#")
        return Evidence(kind, f"book/chapters/{name}.ipynb", _heading(name, slug))
    if kind == "test":
        path, _, name = target.partition("::")
        return Evidence(kind, path, f"L{_line_of_test(path, name)}")
    path = f"book/results/{target}" if kind == "run" else target
    if kind == "run" and not stored(target):
        raise ValueError(f"no finished run of {target} is stored")
    if not (ROOT / path).exists():
        raise ValueError(f"there is no file {path}")
    return Evidence(kind, path)


def _heading(chapter: str, slug: str) -> str:
    headings = _headings(chapter)
    if slug and slug not in headings:
        known = ", ".join(sorted(headings))
        raise ValueError(f"chapter {chapter} has no heading {slug!r}; it has {known}")
    return headings[slug] if slug else ""


@cache
def _headings(chapter: str) -> dict[str, str]:
    """The headings of a chapter: as MyST abbreviates them, and the id on the page."""
    path = ROOT / "book" / "chapters" / f"{chapter}.ipynb"
    if not path.is_file():
        raise ValueError(f"there is no chapter {chapter}")
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    text = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    found = {}
    for heading in re.findall(r"^#+ +(.+?) *$", text, re.MULTILINE):
        plain = re.sub(r"[*`$]", "", heading)
        found[re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", plain.lower()))] = make_id(plain)
    return found


@cache
def _tests(path: str) -> dict[str, int]:
    if not (ROOT / path).is_file():
        raise ValueError(f"there is no file {path}")
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {node.name: node.lineno for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def _line_of_test(path: str, name: str) -> int:
    if name not in _tests(path):
        raise ValueError(f"{path} has no test {name}")
    return _tests(path)[name]


def broken(entries: list[Entry]) -> list[str]:
    """What entries, as they are written, point to and is not there: one line each."""
    found = []
    for entry in entries:
        for number, evidence in enumerate(entry["evidence"]):
            try:
                follow(evidence["link"])
            except ValueError as error:
                found.append(f"{entry['id']}: evidence.{number}.link: {error}")
        for path, text in _texts(entry):
            for name in MEASURED.findall(text):
                try:
                    measured(name)
                except (FileNotFoundError, ValueError) as error:
                    found.append(f"{entry['id']}: {_field(list(path))}: {error}")
            rest = MEASURED.sub("", text)
            if re.search(r"\{\{[a-z]+:", rest):
                found.append(f"{entry['id']}: {_field(list(path))}: only {{{{iqm:NAME}}}} is known")
    return found


@cache
def _markdown() -> MarkdownIt:
    def maths(code: str, options: dict[str, Any]) -> str:
        first, last = (r"\[", r"\]") if options["display_mode"] else (r"\(", r"\)")
        return first + escapeHtml(code) + last

    rules = MarkdownIt("commonmark", {"html": False, "typographer": True}).enable("smartquotes")
    return rules.use(dollarmath_plugin, allow_labels=False, renderer=maths)


def html(text: str, inline: bool = False) -> str:
    """Markdown as HTML, with maths between the marks that MathJax looks for."""
    return _markdown().renderInline(text) if inline else _markdown().render(text)


def pieces(formula: str, gap: str = r"\\qquad") -> list[str]:
    """The parts of a formula between its gaps, which may stand on a line each."""
    parts = [part.strip() for part in re.split(rf",?\s*{gap}(?![a-z])", formula.strip())]
    for pair in ((r"\{", r"\}"), (r"\\begin\b", r"\\end\b"), (r"\\left\b", r"\\right\b")):
        if any(len({len(re.findall(one, part)) for one in pair}) > 1 for part in parts):
            return [formula.strip()]  # a gap inside of something
    return [part for part in parts if part]


def displayed(formula: str) -> str:
    """LaTeX for a formula that stands alone: below each other what may be, for narrow screens."""
    parts = pieces(formula)
    for i in reversed(range(1, len(parts))):
        if re.fullmatch(r"\\[A-Za-z]+", parts[i - 1]):  # an arrow between two gaps
            parts[i - 1 : i + 1] = [f"{parts[i - 1]} {parts[i]}"]
    if len(parts) == 1:
        return parts[0]
    return r"\begin{gathered}" + r" \\[4pt] ".join(parts) + r"\end{gathered}"


def formula_html(formula: str) -> str:
    """A formula that stands alone."""
    return f'<div class="math block">\\[{escapeHtml(displayed(formula))}\\]</div>'


def answer_html(entry: Entry) -> str:
    """The answer as a card shows it: text, formula, letters, and the common wrong answer."""
    parts = [f"<p><strong>{html(entry['short'], inline=True)}</strong></p>", html(entry["answer"])]
    parts.append(formula_html(entry["formula"]))
    if "letters" in entry:
        parts.append(f"<p><small>{html(entry['letters'], inline=True)}</small></p>")
    if entry["measured"]:
        parts.append(f"<p><small>Measured here: {'; '.join(entry['measured'])}</small></p>")
    if "paper" in entry:
        parts.append(f"<p><small>Published numbers: {html(entry['paper'], True)}</small></p>")
    wrong = {key: html(text, inline=True) for key, text in entry["wrong"].items()}
    parts.append(f"<p><strong>Not:</strong> <q>{wrong['says']}</q> {wrong['because']}</p>")
    return "\n".join(parts)
