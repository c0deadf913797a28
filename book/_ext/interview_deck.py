"""The question bank as a deck for Anki: one note per question, a deck of its own per topic.

A note is known by the id of its question, a deck by its topic: who imports a newer deck keeps what
they have learned.
"""

import zlib
from pathlib import Path

import genanki
import interview_bank as bank

NAME = "Agents that talk, look, remember and explore"
# Drawn once; Anki tells note types apart by this number.
MODEL = 1_846_203_957

FRONT = '<p class="place">{{Topic}} · {{Level}}</p><div class="question">{{Question}}</div>'
BACK = """{{FrontSide}}<hr id="answer">
{{Answer}}
<details><summary>Follow-ups</summary>{{Follow-ups}}</details>
<details><summary>Evidence</summary>{{Evidence}}</details>"""
CSS = """
.card { font-family: sans-serif; font-size: 18px; line-height: 1.5; max-width: 40em; margin: auto; }
.place, small { font-size: .8em; opacity: .8; }
.question { font-weight: bold; }
"""


def model() -> genanki.Model:
    """The note type: its fields and its one card."""
    fields = ("Id", "Topic", "Level", "Question", "Answer", "Follow-ups", "Evidence")
    return genanki.Model(
        MODEL,
        "marl_edu question",
        fields=[{"name": name} for name in fields],
        templates=[{"name": "Card", "qfmt": FRONT, "afmt": BACK}],
        css=CSS,
    )


def note(entry: bank.Entry, kind: genanki.Model) -> genanki.Note:
    """One question."""
    follow_ups = "\n".join(
        f"<p><strong>{bank.html(each['question'], True)}</strong></p>\n{bank.html(each['answer'])}"
        for each in entry["follow_ups"]
    )
    evidence = "\n".join(
        f"<li>{bank.html(each['text'], True)} <small>({each['link']})</small></li>"
        for each in entry["evidence"]
    )
    return genanki.Note(
        model=kind,
        fields=[
            entry["id"],
            bank.TOPICS[entry["topic"]],
            bank.LEVELS[entry["level"]],
            bank.html(entry["question"], inline=True),
            bank.answer_html(entry),
            follow_ups,
            f"<ul>{evidence}</ul>",
        ],
        tags=[entry["topic"], entry["level"]],
        guid=genanki.guid_for("marl_edu", entry["id"]),
    )


def write(entries: list[bank.Entry], path: Path) -> None:
    """Write the deck, an .apkg file."""
    kind = model()
    decks = {
        # Any number will do that is the same next time.
        topic: genanki.Deck(zlib.crc32(f"marl_edu {topic}".encode()), f"{NAME}::{title}")
        for topic, title in bank.TOPICS.items()
    }
    for entry in entries:
        decks[entry["topic"]].add_note(note(entry, kind))
    path.parent.mkdir(parents=True, exist_ok=True)
    genanki.Package([deck for deck in decks.values() if deck.notes]).write_to_file(path)
