"""The interview part of the site: every page of it is made from the question bank.

A page under `book/interview` holds lines such as `%questions%`, which this puts text in place of.
Quizzes are native forms rather than jupyterquiz's: that one shows nothing without JavaScript, has
no labelled groups, and tells nobody but the eye whether a choice was right.
"""

import itertools
import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Any

import interview_bank as bank
import interview_deck
import interview_plan
from docutils import nodes
from marl_site import MODULE_PAGES
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util import logging
from sphinx_design.shared import create_component

from marl_edu import exercises
from marl_edu.exercises.engine import ordering, reading
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.widgets.shared import bundle

FOLDER = bank.FOLDER
ASSETS = "interview"  # in the site's _static
DECK = "agents-interview.apkg"
SOURCES = Path(__file__).parents[1] / "_static" / ASSETS  # modules: pages get them joined
# The scripts of each page. What is wide is looked after on all; these two have it among their own.
SCRIPTS: dict[str, tuple[str, ...]] = {
    name: ("bank.js", f"{name}.js") for name in ("cards", "mock")
}
SCRIPTS["readiness"] = ("bank.js", "readiness.js", "wide.js")
SCRIPTS |= dict.fromkeys(bank.TOPICS, ("quiz.js", "wide.js"))
# What a side of a sheet holds in letters of one point; by trial.
PER_SIDE = 372_000
SMALLEST, LARGEST = 7.9, 10.5
# Where a topic is told, if not in a chapter of its name.
CHAPTERS = {"commnet": "tarmac"}

READING = """## Read code

Choose a line of code or a shape, or put lines in order, without typing. Each wrong line is a
mistake that readers make in the exercise."""

logger = logging.getLogger(__name__)


def questions() -> list[bank.Entry]:
    """The bank; empty if something is wrong in it, which `check` has told."""
    try:
        return bank.load()
    except bank.BankError:
        return []


def check(app: Sphinx) -> None:
    """Warn of all that is wrong in the bank; a strict build fails by it."""
    try:
        wrong = bank.broken(bank.read())
    except bank.BankError as error:
        wrong = str(error).splitlines()
    for line in wrong:
        logger.warning("question bank: %s", line)


def of_topic(topic: str) -> list[bank.Entry]:
    """The questions of a topic, easiest level first."""
    levels = list(bank.LEVELS)
    found = [entry for entry in questions() if entry["topic"] == topic]
    return sorted(found, key=lambda entry: levels.index(entry["level"]))


def to_learn() -> list[bank.Entry]:
    """The questions in the order in which they are new: by level, of each topic one in turn."""
    order = []
    for level in bank.LEVELS:
        # What all the others stand on comes first.
        rows = [
            [entry for entry in questions() if (entry["topic"], entry["level"]) == (topic, level)]
            for topic in ["ground", *(topic for topic in bank.TOPICS if topic != "ground")]
        ]
        order += [
            entry for turn in itertools.zip_longest(*rows) for entry in turn if entry is not None
        ]
    return order


def all_exercises() -> list[dict[str, str | bool]]:
    """Name, title and topic of every exercise, and whether it is a bug hunt."""
    return [
        {
            "name": one.name,
            "title": one.title,
            "topic": one.counts_for,
            "hunt": one.suspect is not None,
        }
        for one in itertools.chain(*exercises.pages().values())
    ]


def reading_tasks() -> list[dict[str, str]]:
    """Id and topic of every task without a keyboard."""
    return [
        {"id": task.id, "topic": one.counts_for}
        for one in itertools.chain(*exercises.pages().values())
        for task in (*reading.tasks(one), ordering.puzzle(one))
        if task is not None
    ]


class Pages:
    """The texts of the pages, one method per line that stands for something."""

    def __init__(self, app: Sphinx, docname: str) -> None:
        self.app = app
        self.docname = docname
        self.topic = docname.rpartition("/")[2]

    def _address(self, link: str) -> str | None:
        """The address of a piece of evidence; None if it is not there."""
        try:
            found = bank.follow(link)
        except ValueError:
            return None
        anchor = f"#{found.anchor}" if found.anchor else ""
        page = found.path.rpartition(".")[0]
        if found.kind == "chapter":
            return self.app.builder.get_relative_uri(self.docname, page) + anchor
        page = page.removesuffix("/__init__")
        if found.kind == "code" and page.replace("/", ".") in MODULE_PAGES:
            return self.app.builder.get_relative_uri(self.docname, f"_modules/{page}")
        theme = self.app.config.html_theme_options
        kind = "blob" if Path(found.path).suffix else "tree"
        return "/".join(
            (theme["repository_url"], kind, theme.get("repository_branch", "main"), found.path)
        ) + (anchor)

    def _evidence(self, entry: bank.Entry) -> str:
        """A list of links."""
        lines = []
        for each in entry["evidence"]:
            kind = each["link"].partition(":")[0]
            name = {"run": f"runs of {each['link'][4:]}"}.get(kind, kind)
            address = self._address(each["link"])
            text = f'<a href="{escape(address)}">{each["text"]}</a>' if address else each["text"]
            lines.append(f"- {text} ({name})")
        return "\n".join(lines)

    def _question(self, entry: bank.Entry) -> str:
        """A question under a heading, its answer folded."""
        follow_ups = "\n".join(
            f"<details><summary>{each['question']}</summary>{each['answer']}</details>"
            for each in follow_ups_html(entry)
        )
        letters = f"\n{entry['letters']}\n" if "letters" in entry else ""
        paper = f"\nThe published numbers are from {entry['paper']}.\n" if "paper" in entry else ""
        exactly = "; ".join(entry["measured"])
        measured = f"\n<small>Measured here: {exactly}.</small>\n" if exactly else ""
        return f"""
({label(entry)})=
### {entry["question"]}

:::{{dropdown}} Answer

**{entry["short"]}**

{entry["answer"]}

$$
{bank.displayed(entry["formula"])}
$$
{letters}{measured}{paper}
**Often said, and wrong:** “{entry["wrong"]["says"]}” {entry["wrong"]["because"]}

*They may go on asking*

{raw(follow_ups)}

*Evidence*

{self._evidence(entry)}
:::
"""

    def questions(self) -> str:
        """All questions of the page's topic, by level."""
        parts = []
        entries = of_topic(self.topic)
        for level, title in bank.LEVELS.items():
            some = [self._question(entry) for entry in entries if entry["level"] == level]
            if some:
                parts += [f"\n## {title}\n", *some]
        return "\n".join(parts)

    def chapter(self) -> str:
        """Where the topic is told, if it is."""
        chapter = CHAPTERS.get(self.topic, self.topic)
        if f"book/chapters/{chapter}" in self.app.env.found_docs:
            return f"The chapter: [](../chapters/{chapter}.ipynb)."
        return ""

    def quiz(self) -> str:
        """The quizzes of the page's topic, as forms that can be read without JavaScript."""
        return scored(
            quiz_form(number, entry)
            for number, entry in enumerate((e for e in of_topic(self.topic) if "quiz" in e), 1)
        )

    def code(self) -> str:
        """The tasks without a keyboard of the topic's exercises, folded exercise by exercise."""
        mine = [pair for pair in self._exercises() if pair[0].counts_for == self.topic]
        if not mine:
            return ""
        return f"{READING}\n\n{scored(reading_forms(*pair) for pair in mine)}"

    def _exercises(self) -> Iterator[tuple[Exercise, str]]:
        """Every exercise, with the address of where it is asked."""
        for page, posed in exercises.pages().items():
            address = self.app.builder.get_relative_uri(self.docname, f"book/{page}")
            yield from ((one, f"{address}#{one.label}") for one in posed)

    def sheet(self) -> str:
        """The formulas of a topic, to print on a sheet of paper."""
        lines = []
        for entry in of_topic(self.topic):
            parts = bank.pieces(entry["formula"], r"\\q?quad")
            formula = "&emsp; ".join(rf"$\displaystyle {part}$" for part in parts)
            letters = f"\n\n  *{entry['letters']}*" if "letters" in entry else ""
            lines.append(
                f"{entry['question']}\n: **Say:** {entry['short']}\n\n"
                f"  {formula}{letters}\n\n  **Not:** {entry['wrong']['says']}\n"
            )
        text = "\n".join(lines)
        start = f'<div class="mi-sheet" style="--mi-size: {size_of(text):.1f}pt">'
        return f"{start}\n\n{text}\n</div>"

    def plan(self) -> str:
        """The plan of two weeks, a day a row."""
        rows = [
            f"| {day} | [](../{page}.{'ipynb' if page[0] in 'ct' else 'md'}) | {minutes} | "
            f"{new or '–'} | {back or '–'} | {what or '–'} |"
            for day, (page, what, new, back, minutes) in enumerate(
                interview_plan.days(len(questions())), 1
            )
        ]
        head = "| Day | Read | Minutes | New cards | Cards back | Practise |"
        return "\n".join([head, "|--:|---|--:|--:|--:|---|", *rows])

    def counts(self) -> str:
        """How many questions there are, by topic and level."""
        count = Counter((entry["topic"], entry["level"]) for entry in questions())
        rows = [
            f"| [{title}]({topic}.md) | "
            + " | ".join(str(count[topic, level]) for level in bank.LEVELS)
            + f" | {sum('quiz' in entry for entry in of_topic(topic))} |"
            for topic, title in bank.TOPICS.items()
        ]
        totals = [sum(count[topic, level] for topic in bank.TOPICS) for level in bank.LEVELS]
        quizzes = sum("quiz" in entry for entry in questions())
        all_ = f"| all {sum(totals)} | {' | '.join(map(str, totals))} | {quizzes} |"
        head = f"| Topic | {' | '.join(bank.LEVELS.values())} | With a quiz |"
        return "\n".join([head, "|---" + "|--:" * 4 + "|", *rows, all_])

    def deck(self) -> str:
        """The name of the deck's file."""
        return DECK

    def topic_choice(self) -> str:
        """The options of a list of topics."""
        return "".join(
            f'<option value="{topic}">{title}</option>' for topic, title in bank.TOPICS.items()
        )

    def level_choice(self) -> str:
        """The options of a list of levels."""
        return "".join(
            f'<option value="{level}">{title}</option>' for level, title in bank.LEVELS.items()
        )

    def readiness(self) -> str:
        """The table of topics; the numbers are filled in by a script."""
        known = Counter(entry["topic"] for entry in questions())
        quizzes = Counter(entry["topic"] for entry in questions() if "quiz" in entry)
        read = Counter(task["topic"] for task in reading_tasks())
        tasks = all_exercises()
        rows = []
        for topic, title in bank.TOPICS.items():
            mine = [task for task in tasks if task["topic"] == topic]
            hunts = sum(bool(task["hunt"]) for task in mine)
            cells = "".join(
                f'<td data-topic="{topic}" data-what="{what}">{of or "–"}</td>'
                for what, of in (
                    ("questions", known[topic]),
                    ("quizzes", quizzes[topic]),
                    ("code", read[topic]),
                    ("exercises", len(mine) - hunts),
                    ("bugs", hunts),
                )
            )
            rows.append(f'<tr><th scope="row"><a href="{topic}.html">{title}</a></th>{cells}</tr>')
        names = ("Topic", "Questions", "Quizzes right", "Code read", "Exercises", "Bugs")
        head = "".join(f'<th scope="col">{name}</th>' for name in names)
        return raw(
            '<div class="mi-scroll"><table class="table mi-readiness">'
            f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
        )

    def ticks(self) -> str:
        """The exercises to tick, topic by topic, each with a link to where it is asked."""
        links = {one.name: address for one, address in self._exercises()}
        lists = []
        for topic, title in bank.TOPICS.items():
            mine = [task for task in all_exercises() if task["topic"] == topic]
            if mine:
                lists.append(tick_list(title, mine, links))
        return raw(f"<form id='mi-exercises'>{''.join(lists)}</form>")


def raw(text: str) -> str:
    """HTML in a page of Markdown."""
    return f"````{{raw}} html\n{text}\n````"


def label(entry: bank.Entry) -> str:
    """The name of a question for links, and its anchor on its topic's page."""
    return f"q-{entry['id']}"


def scored(forms: Iterable[str]) -> str:
    """Forms that are counted together; nothing if there are none."""
    text = "\n".join(forms)
    start = (
        '<p class="mi-score" role="status" hidden></p>'
        '<p><button class="mi-button mi-restart" hidden>Start again</button></p>'
    )
    return raw(f'<div class="mi-set">{start}\n{text}</div>') if text else ""


def quiz_form(number: int, entry: bank.Entry) -> str:
    """One quiz question."""
    choices = [
        (bank.html(choice["text"], inline=True), choice["why"], choice.get("right", False))
        for choice in entry["quiz"]["choices"]
    ]
    stem = bank.html(entry["quiz"].get("stem", entry["question"]), inline=True)
    return choice_form(entry["id"], f"{number}. {stem}", "", choices)


def reading_forms(exercise: Exercise, address: str) -> str:
    """The tasks without a keyboard of an exercise, folded below its title."""
    tasks = reading.tasks(exercise)
    forms = []
    for number, task in enumerate(tasks, 1):
        shapes = task.id.startswith("shape-")
        choices = [
            (
                bank.html(choice.text, inline=True)
                if shapes
                else f'<code class="mi-line">{escape(choice.text)}</code>',
                choice.why,
                choice.right,
            )
            for choice in task.choices
        ]
        code = f'<pre class="mi-code" tabindex="0">{escape(task.code)}</pre>'
        question = f"{number}. {bank.html(task.question, inline=True)}"
        forms.append(choice_form(task.id, question, code, choices))
    puzzle = ordering.puzzle(exercise)
    if puzzle is not None:
        forms.append(order_form(puzzle, len(forms) + 1))
    return (
        f'<details class="mi-tasks" id="code-{exercise.name}"><summary>{escape(exercise.title)} '
        f"({len(forms)})</summary>"
        f'<p><a href="{address}">The exercise</a></p>{"".join(forms)}</details>'
    )


def choice_form(
    name: str, question: str, code: str, choices: Sequence[tuple[str, str, bool]]
) -> str:
    """A question with choices to check: each its HTML, why (Markdown), and whether it is right."""
    inputs = "".join(
        f'<div class="mi-choice"><input type="radio" name="quiz-{name}" id="quiz-{name}-{n}" '
        f'value="{n}"><label for="quiz-{name}-{n}">{text}</label></div>'
        for n, (text, _, _) in enumerate(choices)
    )
    whys = "".join(
        f"<li{' data-right' if right else ''}><strong>{'Right' if right else 'Wrong'}.</strong> "
        f"{bank.html(why, inline=True)}</li>"
        for _, why, right in choices
    )
    return (
        f'<form class="mi-quiz" data-question="{name}">'
        f"<fieldset><legend>{question}</legend>{code}{inputs}</fieldset>"
        '<button type="submit" class="mi-button mi-main" hidden>Check</button>'
        '<div class="mi-verdict" role="status"></div>'
        f"<details><summary>Every choice explained</summary><ol>{whys}</ol></details></form>"
    )


def order_form(puzzle: ordering.Puzzle, number: int) -> str:
    """Lines to put in order. Without JavaScript they can be read, and so can the order."""
    stray = "".join(
        f'<li data-piece="{piece}"><code class="mi-line">{escape(puzzle.pieces[piece])}</code> '
        f"does not belong. {bank.html(why, inline=True)}</li>"
        for piece, why in puzzle.stray.items()
    )
    lines = "".join(
        f'<li><code class="mi-line">{escape(piece)}</code></li>' for piece in puzzle.pieces
    )
    much = f"{len(puzzle.own)} of these {len(puzzle.pieces)} lines"
    facts = escape(json.dumps({"own": puzzle.own, "before": puzzle.before}))
    return (
        f'<form class="mi-quiz" data-question="{puzzle.id}" data-puzzle="{facts}">'
        f"<fieldset><legend>{number}. Put {much} in order.</legend>"
        f'<pre class="mi-code" tabindex="0">{escape(puzzle.head)}</pre>'
        '<ol class="mi-chosen" aria-label="Your function" hidden></ol>'
        f'<ul class="mi-pool" aria-label="Lines to choose from">{lines}</ul></fieldset>'
        '<p class="mi-moved" role="status" hidden></p>'
        '<button type="submit" class="mi-button mi-main" hidden>Check</button>'
        '<div class="mi-verdict" role="status"></div>'
        "<details><summary>The function, and what does not belong</summary>"
        f'<pre class="mi-code" tabindex="0">{escape(puzzle.source(puzzle.own))}</pre>'
        f"<ul>{stray}</ul></details></form>"
    )


def size_of(text: str) -> float:
    """How large a sheet is printed, in points: it fills one side, or two where one is too small."""
    one = math.sqrt(PER_SIDE / len(re.sub(r"\\[a-z]+|[{}$]", "", text)))
    return min(one if one >= SMALLEST else one * 2**0.5, LARGEST)


def tick_list(title: str, tasks: list[dict[str, Any]], links: dict[str, str]) -> str:
    """The exercises of a topic, to tick; `links` says where they are asked."""
    boxes = []
    for task in tasks:
        name = f'<a href="{links[task["name"]]}"><code>{task["name"]}</code></a>'
        boxes.append(
            f'<div class="mi-choice"><input type="checkbox" id="done-{task["name"]}" '
            f'data-exercise="{task["name"]}" disabled><div>'
            f'<label for="done-{task["name"]}">{escape(str(task["title"]))}</label> {name}'
            "</div></div>"
        )
    return f"<fieldset><legend>{title}</legend>{''.join(boxes)}</fieldset>"


def follow_ups_html(entry: bank.Entry) -> list[dict[str, str]]:
    """What they may go on asking, and what one says then, as HTML."""
    return [
        {"question": bank.html(each["question"], True), "answer": bank.html(each["answer"])}
        for each in entry["follow_ups"]
    ]


def write_page(app: Sphinx, docname: str, source: list[str]) -> None:
    """Put text in place of the lines of an interview page that stand for something."""
    if not docname.startswith(f"{FOLDER}/"):
        return
    pages = Pages(app, docname)
    names = "|".join(name for name in vars(Pages) if not name.startswith("_"))

    def text(found: re.Match[str]) -> str:
        for path in bank.QUESTIONS.glob("*.yml"):
            app.env.note_dependency(str(path))
        return str(getattr(pages, found[1])())

    source[0] = re.sub(rf"%({names})%", text, source[0])


def give_maths(app: Sphinx, doctree: nodes.document) -> None:
    """Load MathJax on the pages whose formulas come by script."""
    if app.env.docname in {f"{FOLDER}/{name}" for name in SCRIPTS}:
        app.env.get_domain("math").data["has_equations"][app.env.docname] = True


def name_tasks(app: Sphinx, doctree: nodes.document) -> None:
    """Let exercises link to their tasks on a topic's page, which are raw HTML."""
    for one in itertools.chain(*exercises.pages().values()):
        if app.env.docname == f"{FOLDER}/{one.counts_for}":
            slugs = app.env.metadata[app.env.docname].setdefault("myst_slugs", {})
            slugs[f"code-{one.name}"] = (0, f"code-{one.name}", one.title)


def fold_designs(app: Sphinx, doctree: nodes.document) -> None:
    """Fold what follows a problem, a section's first paragraph all in italics: one answers first.

    Not in the source: its code cells may not stand inside of a directive.
    """
    if app.env.docname != f"{FOLDER}/design":
        return
    for section in doctree.findall(nodes.section):
        problem = section[1] if len(section) > 2 else None
        if not isinstance(problem, nodes.paragraph) or len(problem) != 1:
            continue
        if isinstance(problem[0], nodes.emphasis):
            looks: dict[str, Any] = dict.fromkeys(("icon", "chevron"))
            looks |= {"title_classes": [], "body_classes": [], "container_classes": ["sd-mb-3"]}
            looks |= {"opened": False, "type": "dropdown", "has_title": True}
            fold = create_component("dropdown", **looks)
            fold += [nodes.rubric("", "One answer"), *section[2:]]
            section[2:] = [fold]


def give_scripts(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.Node
) -> None:
    """Scripts and styles of the interview part, on its pages alone; what is wide, on all."""
    scripts: tuple[str, ...] = ("wide.js",)
    if page.startswith(f"{FOLDER}/"):
        app.add_css_file(f"{ASSETS}/interview.css")
        scripts = SCRIPTS.get(page.removeprefix(f"{FOLDER}/"), scripts)
    for script in scripts:
        app.add_js_file(f"{ASSETS}/{script}", loading_method="defer")


def write_scripts(app: Sphinx) -> None:
    """The scripts of the pages, each joined with what it imports, in place of their sources."""
    if app.builder.format != "html":
        return
    folder = Path(app.outdir, "_static", ASSETS)
    folder.mkdir(parents=True, exist_ok=True)
    for script in {"wide.js", *itertools.chain(*SCRIPTS.values())} - {"bank.js"}:
        (folder / script).write_text(bundle.script(SOURCES / script), encoding="utf-8")


def keep_sources(app: Sphinx, config: Config) -> None:
    """Do not copy the modules that the scripts are joined from."""
    config.exclude_patterns.append(f"{ASSETS}/*.js")


def cards() -> dict[str, Any]:
    """What the scripts know: topics, levels, questions as HTML, and the exercises' names."""
    return {
        "topics": bank.TOPICS,
        "levels": bank.LEVELS,
        "questions": [
            {
                "id": entry["id"],
                "topic": entry["topic"],
                "level": entry["level"],
                "question": bank.html(entry["question"], inline=True),
                "answer": bank.answer_html(entry),
                "followUps": follow_ups_html(entry),
                "quiz": "quiz" in entry,
                "page": f"{entry['topic']}.html#{label(entry)}",
            }
            for entry in to_learn()
        ],
        "exercises": all_exercises(),
        "tasks": reading_tasks(),
    }


def write_bank_and_deck(app: Sphinx, exception: Exception | None) -> None:
    """The bank for the scripts, as a script since a page from disk may fetch nothing; the deck."""
    if exception is not None or app.builder.format != "html":
        return
    folder = Path(app.outdir, "_static", ASSETS)
    folder.mkdir(parents=True, exist_ok=True)
    # No line of a script may hold "</script", nor the two line ends that are none in JSON.
    data = json.dumps(cards(), separators=(",", ":")).replace("</", "<\\/")
    (folder / "bank.js").write_text(f"window.marlBank = {data};\n", encoding="utf-8")
    interview_deck.write(to_learn(), folder / DECK)


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the above."""
    app.connect("config-inited", keep_sources)
    app.connect("builder-inited", check)
    app.connect("builder-inited", write_scripts)
    app.connect("source-read", write_page)
    app.connect("doctree-read", give_maths)
    app.connect("doctree-read", name_tasks)
    app.connect("doctree-read", fold_designs)
    app.connect("html-page-context", give_scripts)
    app.connect("build-finished", write_bank_and_deck)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
