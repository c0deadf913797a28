"""The question bank: what is in it, what it points to, and the deck that is made from it."""

import copy
import json
import re
import sqlite3
import sys
import zipfile
from collections import Counter
from pathlib import Path

import pytest
import yaml

from marl_edu.exercises.__main__ import ALL
from tests import ROOT

sys.path.insert(0, str(ROOT / "book" / "_ext"))

import interview_bank as bank
import interview_deck
import interview_plan

FOLDER = ROOT / "book" / "interview"
ENTRIES = bank.read()
GOOD = {
    "id": "tarmac-example",
    "level": "screen",
    "question": "What is $x$?",
    "short": "A letter.",
    "answer": "It is a word, " + "and " * 60 + "it reached {{iqm:tarmac-easy}}.",
    "formula": r"x = \{{iqm:no}\}, \qquad y < z",
    "follow_ups": [{"question": "And $y$?", "answer": "Less than $z$."}],
    "wrong": {"says": "A number.", "because": "It is not."},
    "evidence": [
        {"text": "A test", "link": "test:tests/book/test_interview.py::test_ids_are_unique"}
    ],
    "quiz": {
        "choices": [
            {"text": "One", "right": True, "why": "Yes."},
            {"text": "Two", "why": "No."},
            {"text": "Three", "why": "No."},
        ]
    },
}


def mistakes(*entries: object) -> list[str]:
    """What is wrong with entries of tarmac.yml."""
    return list(bank.mistakes("tarmac", list(entries)))


def test_the_bank_is_what_its_schema_says() -> None:
    files = sorted(bank.QUESTIONS.glob("*.yml"))
    assert len(files) >= 9
    for path in files:
        entries = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert list(bank.mistakes(path.stem, entries)) == []


def test_there_are_enough_questions_on_every_topic_and_level() -> None:
    topics = Counter(entry["topic"] for entry in ENTRIES)
    levels = Counter(entry["level"] for entry in ENTRIES)
    assert len(ENTRIES) >= 120
    assert topics.keys() == bank.TOPICS.keys() and min(topics.values()) >= 8
    # A mock interview draws five of one level.
    assert levels.keys() == bank.LEVELS.keys() and min(levels.values()) >= 5
    assert sum("quiz" in entry for entry in ENTRIES) >= 0.4 * len(ENTRIES)


def test_ids_are_unique() -> None:
    assert len({entry["id"] for entry in ENTRIES}) == len(ENTRIES)


@pytest.mark.long
def test_everything_an_entry_points_to_is_there() -> None:
    assert bank.broken(ENTRIES) == []


def test_every_quiz_has_one_right_answer_and_no_two_alike() -> None:
    for entry in ENTRIES:
        choices = entry.get("quiz", {"choices": [{"text": "", "right": True}]})["choices"]
        assert sum("right" in choice for choice in choices) == 1, entry["id"]
        assert len({choice["text"] for choice in choices}) == len(choices), entry["id"]


def test_the_right_answer_has_no_place_of_its_own() -> None:
    quizzes = [entry["quiz"]["choices"] for entry in ENTRIES if "quiz" in entry]
    places = Counter(
        [choice.get("right", False) for choice in choices].index(True) for choices in quizzes
    )
    assert max(places.values()) < 0.5 * len(quizzes)


def test_schema_and_pages_know_the_same_topics_and_levels() -> None:
    schema = json.loads(bank.SCHEMA.read_text(encoding="utf-8"))["items"]["properties"]
    assert schema["level"]["enum"] == list(bank.LEVELS)
    assert {one.counts_for for one in ALL.values()} <= bank.TOPICS.keys()
    assert bank.TOPICS.keys() == {path.stem for path in bank.QUESTIONS.glob("*.yml")}
    for topic in bank.TOPICS:
        assert "%questions%" in (FOLDER / f"{topic}.md").read_text(encoding="utf-8")
    assert list(bank.TOPICS)[:2] == ["tarmac", "commnet"] and bank.TOPICS["qmix"] == "VDN and QMIX"


def test_the_plan_of_two_weeks_adds_up() -> None:
    plan = interview_plan.days(len(ENTRIES))
    assert len(plan) == 14
    assert sum(new for _, _, new, _, _ in plan) == len(ENTRIES)
    # Whatever is new by day 10 has come back twice, days apart, before the interview.
    assert all(new == 0 for _, _, new, _, _ in plan[10:])
    # By hand: on day 5 fifteen new cards at two minutes, and those of days 4 and 2 at one.
    page, _, new, back, minutes = plan[4]
    assert (new, back) == (15, 30)
    assert minutes == interview_plan.reading(page) + 15 + 15 * 2 + 30


def test_entries_are_in_the_order_of_the_book_and_know_their_topic() -> None:
    assert list(dict.fromkeys(entry["topic"] for entry in ENTRIES)) == list(bank.TOPICS)
    assert all(entry["id"].startswith(f"{entry['topic']}-") for entry in ENTRIES)


def test_a_file_without_a_page_is_told(tmp_path: Path) -> None:
    entry = {**GOOD, "id": "novel-example"}
    (tmp_path / "novel.yml").write_text(yaml.safe_dump([entry]), encoding="utf-8")
    said = r"novel\.yml: _toc\.yml must have a page book/interview"
    with pytest.raises(bank.BankError, match=said):
        bank.read(tmp_path)


def spoil(path: str, value: object) -> dict:
    """The good entry with one field set to something else; `None` takes it away."""
    entry = copy.deepcopy(GOOD)
    *parents, last = (int(key) if key.isdigit() else key for key in path.split("."))
    place = entry
    for key in parents:
        place = place[key]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return entry


def test_the_good_example_is_good() -> None:
    assert mistakes(GOOD) == []
    assert bank.broken([GOOD]) == []


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("level", "easy", "tarmac-example: level: 'easy' is not one of"),
        ("answer", None, "tarmac-example: the whole: 'answer' is a required property"),
        ("answer", "Too short.", "tarmac-example: answer: must have 40 to 150 words, has 2"),
        ("short", None, "tarmac-example: the whole: 'short' is a required property"),
        ("short", "word " * 26, "tarmac-example: short: must have 25 words at most, has 26"),
        (
            "answer",
            "$x + y$ " * 50,
            "tarmac-example: answer: must take 60 seconds at most, takes 65",
        ),
        ("id", "gat-example", "gat-example: id: must start with the topic, tarmac-"),
        ("id", None, "tarmac.yml, entry 0: the whole: 'id' is a required property"),
        ("formula", "$x$", "tarmac-example: formula: "),
        ("paper", "arXiv 1810.11187", "tarmac-example: paper: "),
        ("evidence", [], "tarmac-example: evidence: "),
        ("evidence.0.link", "https://example.org", "tarmac-example: evidence.0.link: "),
        ("follow_ups.0.answer", " ", "tarmac-example: follow_ups.0.answer: "),
        ("quiz.choices.0.right", None, "quiz.choices: exactly one choice must be right"),
        ("quiz.choices.1.right", True, "quiz.choices: exactly one choice must be right"),
        ("quiz.choices.1.right", False, "tarmac-example: quiz.choices.1.right: "),
        ("quiz.choices.2", {"text": "Three"}, "tarmac-example: quiz.choices.2: 'why' is"),
        ("remark", "x", "tarmac-example: the whole: "),
    ],
)
def test_a_mistake_is_told_with_its_entry_and_field(path: str, value: object, said: str) -> None:
    found = mistakes(spoil(path, value))
    assert any(said in line for line in found), found


def test_two_entries_of_one_name_are_told() -> None:
    assert "tarmac-example: id: another entry has it too" in mistakes(GOOD, GOOD)


def test_what_is_no_list_of_entries_is_told(tmp_path: Path) -> None:
    for text in ("", "- 1", "a: b", "- [x]"):
        (tmp_path / "tarmac.yml").write_text(text)
        with pytest.raises(bank.BankError, match=r"tarmac\.yml"):
            bank.read(tmp_path)
        (tmp_path / "tarmac.yml").unlink()


@pytest.mark.parametrize(
    ("link", "said"),
    [
        ("chapter:nowhere#x", "there is no chapter nowhere"),
        ("chapter:tarmac#nowhere", "chapter tarmac has no heading 'nowhere'"),
        ("test:tests/book/test_interview.py::test_nothing", "has no test test_nothing"),
        (
            "test:tests/book/test_nothing.py::test_nothing",
            "there is no file tests/book/test_nothing.py",
        ),
        ("run:nothing", "no finished run of nothing is stored"),
        ("code:marl_edu/nothing.py", "there is no file marl_edu/nothing.py"),
    ],
)
def test_a_link_that_leads_nowhere_is_told(link: str, said: str) -> None:
    (line,) = bank.broken([spoil("evidence.0.link", link)])
    assert line.startswith("tarmac-example: evidence.0.link: ") and said in line


def test_a_number_without_runs_is_told() -> None:
    (line,) = bank.broken([spoil("wrong.because", "It reached {{iqm:nothing}}.")])
    assert line == "tarmac-example: wrong.because: no finished run of nothing is stored"
    (line,) = bank.broken([spoil("question", "{{mean:tarmac-easy}}?")])
    assert "only {{iqm:NAME}} is known" in line


def test_a_measured_number_is_rounded_to_be_said_and_its_interval_stands_below(
    tmp_path: Path,
) -> None:
    (tmp_path / "tarmac.yml").write_text(yaml.safe_dump([GOOD]), encoding="utf-8")
    (entry,) = bank.load(tmp_path)
    assert re.search(r"reached \d+(\.\d)? %\.$", entry["answer"])
    (exactly,) = entry["measured"]
    assert re.fullmatch(r"tarmac-easy \d+\.\d % \[\d+\.\d, \d+\.\d\], 8 seeds", exactly)
    assert exactly.split()[1] == f"{100 * bank.summary('tarmac-easy').value:.1f}"
    assert entry["formula"] == GOOD["formula"]  # braces in LaTeX are braces


def test_html_keeps_maths_for_mathjax_and_nothing_else_as_markup() -> None:
    assert bank.html("$a_i < b$ *x* <b>", inline=True) == (
        '<span class="math inline">\\(a_i &lt; b\\)</span> <em>x</em> &lt;b&gt;'
    )
    assert r"\[\begin{gathered}" in bank.formula_html(r"x = 1, \qquad y < z")


def test_a_formula_is_parted_at_its_gaps_only() -> None:
    assert bank.pieces(r"a_{x}, \qquad b") == ["a_{x}", "b"]
    assert bank.pieces(r"a, \qquad b \quad c") == ["a", r"b \quad c"]
    assert bank.pieces(r"\left( a \qquad b \right)") == [r"\left( a \qquad b \right)"]
    assert bank.displayed(r"a \qquad\Rightarrow\qquad b") == (
        r"\begin{gathered}a \\[4pt] \Rightarrow b\end{gathered}"
    )


@pytest.fixture(scope="module")
def deck(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("deck") / "deck.apkg"
    interview_deck.write(bank.load(), path)
    return path


def rows(deck: Path, folder: Path, query: str) -> list[tuple]:
    """What Anki would read from the deck."""
    with zipfile.ZipFile(deck) as archive:
        assert archive.testzip() is None
        archive.extract("collection.anki2", folder)
    connection = sqlite3.connect(folder / "collection.anki2")
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


@pytest.mark.long
def test_the_deck_has_a_note_and_a_card_per_question(deck: Path, tmp_path: Path) -> None:
    assert rows(deck, tmp_path, "select count(*) from notes") == [(len(ENTRIES),)]
    assert rows(deck, tmp_path, "select count(*) from cards") == [(len(ENTRIES),)]
    fields = [row[0].split("\x1f") for row in rows(deck, tmp_path, "select flds from notes")]
    assert sorted(each[0] for each in fields) == sorted(entry["id"] for entry in ENTRIES)
    assert not any(re.search(r"\{\{\w+:", text) for each in fields for text in each)


@pytest.mark.long
def test_the_deck_has_a_deck_per_topic(deck: Path, tmp_path: Path) -> None:
    ((decks,),) = rows(deck, tmp_path, "select decks from col")
    names = {one["name"] for one in json.loads(decks).values()}
    assert {f"{interview_deck.NAME}::{title}" for title in bank.TOPICS.values()} <= names


def test_a_newer_deck_updates_what_an_older_one_brought(tmp_path: Path) -> None:
    """Anki knows a note by its guid, a deck and a note type by their ids."""
    seen = []
    entry = {**GOOD, "topic": "tarmac", "measured": []}
    for name, question in (("old", "What is $x$?"), ("new", "What is $x$, then?")):
        interview_deck.write([{**entry, "question": question}], tmp_path / f"{name}.apkg")
        folder = tmp_path / name
        folder.mkdir()
        path = tmp_path / f"{name}.apkg"
        seen.append(
            (
                rows(path, folder, "select guid, mid from notes"),
                rows(path, folder, "select did from cards"),
            )
        )
    assert seen[0] == seen[1]
