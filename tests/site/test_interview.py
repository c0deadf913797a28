"""The interview part of the built site: what a reader does there, by keyboard, narrow and wide."""

import json
import re
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urldefrag, urlsplit

import pytest
import yaml
from playwright.sync_api import Locator, Page

from marl_edu import exercises
from marl_edu.exercises.engine import ordering, reading
from tests import ROOT

from .conftest import Watched
from .test_pages import overflow, violations

pytestmark = pytest.mark.site

FOLDER = "book/interview"
QUESTIONS = [
    {**entry, "topic": path.stem}
    for path in sorted((ROOT / FOLDER / "questions").glob("*.yml"))
    for entry in yaml.safe_load(path.read_text(encoding="utf-8"))
]
TOPICS = sorted({entry["topic"] for entry in QUESTIONS})
WIDTHS = [375, 1280]


@pytest.fixture(params=WIDTHS)
def sized(watched: Watched, request: pytest.FixtureRequest) -> Watched:
    """A page of one of the widths; when the test is done, nothing has gone wrong on it."""
    watched.page.set_viewport_size({"width": request.param, "height": 800})
    yield watched
    assert watched.wrong == []


def press(place: Locator, key: str = "Enter") -> None:
    """Use a control as one does without a mouse."""
    place.focus()
    place.page.keyboard.press(key)


def focused(page: Page) -> str:
    """The id of what has the focus."""
    return page.evaluate("document.activeElement.id")


def tab_to(page: Page, place: Locator, most: int = 12) -> None:
    """Press Tab until a control is reached."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if place.evaluate("e => e === document.activeElement"):
            return
    raise AssertionError("Tab does not lead there")


def stored(page: Page) -> dict[str, Any]:
    """What the browser keeps, by part and name: "exercises/targeting"."""
    text = page.evaluate("JSON.stringify({...localStorage})")
    begin = "marl-edu/2/"
    return {
        key.removeprefix(begin): json.loads(value)
        for key, value in json.loads(text).items()
        if key.startswith(begin)
    }


def check(watched: Watched) -> None:
    """Open to everyone and inside the window, in light and in dark."""
    assert overflow(watched) == []
    for theme in ("light", "dark"):
        watched.set_theme(theme)
        assert violations(watched) == []


def test_a_newcomer_gets_from_the_landing_page_to_a_quiz(watched: Watched, html: Path) -> None:
    if not (html / "book/index.html").is_file():
        pytest.skip("a part of the book only")
    watched.open("book/index.html")
    page = watched.page
    page.locator(".sd-card", has_text="In an interview").locator("a").press("Enter")
    page.wait_for_url("**/interview/index.html")
    page.locator("article").get_by_role("link", name="TarMAC", exact=True).first.press("Enter")
    page.wait_for_url("**/interview/tarmac.html*")
    assert page.locator(".mi-quiz").first.locator("legend").is_visible()


def test_an_answer_is_folded_and_opens(sized: Watched) -> None:
    sized.open(f"{FOLDER}/tarmac.html")
    first = sized.page.locator("details.sd-dropdown").first
    formula = first.locator("mjx-container[display='true']").first
    assert not formula.is_visible()
    press(first.locator("summary").first)
    assert formula.is_visible()
    follow_up = first.locator("details").first
    assert not follow_up.locator("p").first.is_visible()
    press(follow_up.locator("summary"))
    assert follow_up.locator("p").first.is_visible()
    check(sized)


def test_letters_are_no_tab_stops_and_what_is_wide_is_one(sized: Watched) -> None:
    sized.open(f"{FOLDER}/qmix.html")
    page = sized.page
    first = page.locator("details.sd-dropdown", has=page.locator("div.math")).first
    press(first.locator("summary").first)
    assert page.locator("mjx-container[tabindex='0']").count() == 0
    formula = first.locator("div.math")
    if page.viewport_size["width"] > 1000:
        assert formula.get_attribute("tabindex") is None
        return
    page.locator("div.math[data-more='right']").first.wait_for()
    tab_to(page, formula)
    page.keyboard.press("End")
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    page.locator("div.math[data-more='left']").first.wait_for()
    check(sized)


def test_a_design_is_folded_and_its_tables_scroll(sized: Watched) -> None:
    sized.open(f"{FOLDER}/design.html")
    page = sized.page
    folds = page.locator("details.sd-dropdown")
    assert folds.count() == 4
    table = folds.first.locator(".marl-table")
    assert not table.is_visible()
    assert page.get_by_text("About a hundred robots carry").is_visible()
    press(folds.first.locator("summary").first)
    assert table.is_visible()
    heights = table.locator("td").evaluate_all("cells => cells.map(c => c.clientHeight)")
    assert max(heights) < 80  # an interval is on one line
    if page.viewport_size["width"] < 1000:
        page.locator(".marl-table[data-more='right']").first.wait_for()
        table.evaluate("t => { t.scrollLeft = t.scrollWidth; }")
        page.locator(".marl-table[data-more='left']").first.wait_for()
    check(sized)


def test_a_quiz_explains_every_choice(sized: Watched) -> None:
    sized.open(f"{FOLDER}/tarmac.html")
    page, quiz = sized.page, sized.page.locator(".mi-quiz").first
    whys = quiz.locator("details li").all_text_contents()
    check_button = quiz.get_by_role("button", name="Check")
    press(check_button)
    assert quiz.locator(".mi-verdict").inner_text() == "Choose one first."
    inputs = quiz.locator("input")
    inputs.first.focus()
    page.keyboard.press("Space")
    for n, why in enumerate(whys):
        if n:
            page.keyboard.press("ArrowDown")
            assert quiz.locator(".mi-verdict").inner_text() == ""  # it was about the other one
        assert inputs.nth(n).is_checked()
        page.keyboard.press("Enter")
        assert quiz.locator(".mi-verdict").text_content() == why
        assert inputs.nth(n).evaluate("e => e === document.activeElement")
    assert sum(why.startswith("Right.") for why in whys) == 1
    tab_to(page, quiz.locator("summary"))
    page.keyboard.press("Enter")
    assert quiz.locator("details li").last.is_visible()
    check(sized)


def answer_right(form: Locator) -> None:
    """Choose the right answer of a quiz, and check it."""
    right = form.evaluate("q => [...q.querySelectorAll('li')].findIndex(l => 'right' in l.dataset)")
    form.locator("input").nth(int(right)).check()
    press(form.get_by_role("button"))


def test_the_score_of_the_quizzes_is_kept(watched: Watched) -> None:
    page = watched.page
    watched.open(f"{FOLDER}/tarmac.html")
    quizzes, tasks = page.locator(".mi-set").all()
    answer_right(quizzes.locator(".mi-quiz").first)
    numbers = [one.locator(".mi-quiz").count() for one in (quizzes, tasks)]
    page.reload()
    scores = page.locator(".mi-score")
    said = [f"1 of {numbers[0]} right so far.", f"0 of {numbers[1]} right so far."]
    assert scores.all_inner_texts() == said
    press(page.locator(".mi-restart").first)
    said[0] = f"0 of {numbers[0]} right so far."
    assert scores.all_inner_texts() == said
    assert watched.wrong == []


def put_in_order(form: Locator, puzzle: ordering.Puzzle | None) -> None:
    """By touch, with every mistake on the way."""
    assert puzzle is not None
    pool, chosen = form.locator(".mi-pool"), form.locator(".mi-chosen")
    said = form.locator(".mi-verdict")

    def touch(*numbers: int) -> None:
        for number in numbers:
            texts = form.locator(".mi-piece").all_text_contents()
            press(form.locator(".mi-piece").nth(texts.index(puzzle.pieces[number])))

    press(form.get_by_role("button", name="Check"))
    assert said.inner_text().startswith("Touch the lines")
    for number, why in puzzle.stray.items():
        touch(number)
        press(form.get_by_role("button", name="Check"))
        assert "does not belong" in said.inner_text()
        assert why.split("`")[0].split("*")[0].strip() in said.inner_text()
        touch(number)  # out again, to where it stood
        assert said.inner_text() == "" and chosen.locator("li").count() == 0
    assert pool.locator("code").all_text_contents() == list(puzzle.pieces)
    touch(*puzzle.own[:-1])
    press(form.get_by_role("button", name="Check"))
    assert said.inner_text() == "Wrong. A line is missing."
    touch(*puzzle.own[:-1])
    touch(*reversed(puzzle.own))
    press(form.get_by_role("button", name="Check"))
    assert " comes before " in said.inner_text()
    touch(*reversed(puzzle.own))
    for number in puzzle.own:  # by keyboard
        form.locator(".mi-pool .mi-piece").nth(
            pool.locator("code").all_text_contents().index(puzzle.pieces[number])
        ).focus()
        form.page.keyboard.press("Enter")
    press(form.get_by_role("button", name="Check"))
    assert said.inner_text().startswith("Right.")


def test_an_exercise_leads_to_its_tasks_without_typing(sized: Watched) -> None:
    page = sized.page
    sized.open("book/chapters/tarmac.html")
    page.locator("#ex-targeting a", has_text="without typing").click()
    tasks = page.locator("#code-targeting")
    assert page.url.endswith("interview/tarmac.html#code-targeting")
    forms = tasks.locator(".mi-quiz")
    forms.first.wait_for()
    number = len(reading.tasks(exercises.targeting)) + 1
    assert forms.count() == number
    for form, task in zip(forms.all()[:-1], reading.tasks(exercises.targeting), strict=True):
        wrong = next(n for n, choice in enumerate(task.choices) if not choice.right)
        form.locator("input").nth(wrong).check()
        press(form.get_by_role("button"))
        assert form.locator(".mi-verdict").inner_text().startswith("Wrong.")
        answer_right(form)
        assert form.locator(".mi-verdict").inner_text().startswith("Right.")
    put_in_order(forms.last, ordering.puzzle(exercises.targeting))
    check(sized)
    sized.open(f"{FOLDER}/readiness.html")
    cell = page.locator("td[data-topic='tarmac'][data-what='code']")
    assert cell.inner_text().startswith(f"{number} of ")


def test_cards_come_back_when_they_should(sized: Watched) -> None:
    """Learn two cards, know one; a day later the known one is due, and then counts as known."""
    page = sized.page
    page.clock.set_fixed_time(datetime(2026, 3, 1, 12))
    sized.open(f"{FOLDER}/cards.html")
    left, question = page.locator("#mi-left"), page.locator("#mi-question")
    page.get_by_label("Topic").select_option("gat")
    fresh = page.get_by_label("New cards a day")
    fresh.focus()
    page.keyboard.press("Control+a")
    page.keyboard.type("2")
    page.keyboard.press("Enter")
    first = question.inner_text()
    assert left.inner_text() == "0 due, 2 new today." and focused(page) == "mi-question"
    assert not page.locator("#mi-answer").is_visible()
    tab_to(page, page.locator("#mi-show"))
    page.keyboard.press("Enter")
    assert focused(page) == "mi-answer" and page.locator("#mi-answer mjx-container").first.wait_for
    page.locator("#mi-answer mjx-container").first.wait_for()
    check(sized)
    assert page.locator("#mi-more").get_attribute("href").startswith("gat.html#q-gat-")
    page.locator("#mi-answer").press("2")  # knew it
    second = question.inner_text()
    assert second != first and left.inner_text() == "0 due, 1 new today."
    for _ in range(2):  # not known: it is asked again, today
        press(page.locator("#mi-show"))
        press(page.get_by_role("button", name="Not yet"))
        assert question.inner_text() == second and left.inner_text() == "1 due, 0 new today."
    press(page.locator("#mi-show"))
    press(page.get_by_role("button", name="Knew it"))
    assert "The next card is due on 2026-03-02" in left.inner_text()
    assert not page.locator("#mi-card").is_visible()

    page.clock.set_fixed_time(datetime(2026, 3, 2, 8))
    sized.open(f"{FOLDER}/cards.html")
    page.get_by_label("Topic").select_option("gat")
    assert page.get_by_label("New cards a day").input_value() == "2"  # as it was left
    page.get_by_label("New cards a day").fill("0")
    press(page.get_by_role("button", name="Start"))
    assert left.inner_text() == "2 due, 0 new today."
    press(page.locator("#mi-show"))
    page.locator("#mi-answer").press("2")
    sized.open(f"{FOLDER}/readiness.html")
    known = page.locator("td[data-topic='gat'][data-what='questions']").inner_text()
    number = sum(entry["topic"] == "gat" for entry in QUESTIONS)
    assert known == f"1 known, 2 seen of {number}"


def test_new_cards_come_from_all_topics_in_turn(watched: Watched) -> None:
    page = watched.page
    watched.open(f"{FOLDER}/cards.html")
    press(page.get_by_role("button", name="Start"))
    seen = []
    for _ in TOPICS:
        seen.append(page.locator("#mi-place").inner_text())
        press(page.locator("#mi-show"))
        page.locator("#mi-answer").press("2")
    assert seen[0] == "Common ground · Phone screen" and len(set(seen)) == len(TOPICS)
    assert all(place.endswith("Phone screen") for place in seen)
    assert watched.wrong == []


def test_a_mock_interview(sized: Watched) -> None:
    page = sized.page
    page.clock.install()
    sized.open(f"{FOLDER}/mock.html")
    page.get_by_label("Minutes a question").select_option("1")
    press(page.get_by_role("button", name="Start"))
    clock, said = page.locator("#mi-clock"), page.locator("#mi-said")
    assert focused(page) == "mi-question"
    assert not page.get_by_role("button", name="Start").is_visible()
    assert page.locator("#mi-place").inner_text().startswith("Question 1 of 5 · ")
    assert not page.locator("#mi-few").is_visible()
    page.clock.fast_forward(20_000)
    assert re.match(r"0:(3|4)\d left", clock.inner_text())
    press(page.get_by_role("button", name="Pause"))
    page.clock.run_for(1000)
    stopped = clock.inner_text()
    page.clock.fast_forward(30_000)
    assert clock.inner_text() == stopped
    check(sized)
    press(page.get_by_role("button", name="Go on"))
    page.clock.fast_forward(50_000)
    assert "over" in clock.inner_text() and said.inner_text().startswith("Time is up")
    levels = []
    for rating in ("Missed it", "Partly", "Had it", "Had it", "Had it"):
        levels.append(page.locator("#mi-place").inner_text().rsplit(" · ", 1)[1])
        assert not page.locator("#mi-answer").is_visible()
        press(page.get_by_role("button", name="Reveal the answer"))
        assert focused(page) == "mi-answer"
        follow_ups = page.locator("#mi-on details")
        assert follow_ups.count() == 1 and not follow_ups.locator("p").first.is_visible()
        press(follow_ups.locator("summary"))
        assert follow_ups.locator("p").first.is_visible()
        follow_ups.nth(1).wait_for()  # every question of the bank has two at least
        press(page.get_by_role("button", name=rating))
    assert page.get_by_role("button", name="Start").is_visible()
    assert levels == ["Phone screen"] * 2 + ["On site"] * 2 + ["Research"]
    assert page.locator("#mi-total").inner_text() == "You had 3 of 5."
    rows = page.locator("#mi-end tbody tr")
    assert rows.count() == 5 and "Missed it" in rows.first.inner_text()
    check(sized)
    boxes = [entry["box"] for key, entry in stored(page).items() if key.startswith("cards/")]
    assert sorted(boxes) == [0, 1, 1, 1]
    rows.first.get_by_role("link").press("Enter")
    page.wait_for_url("**/interview/*.html#q-*")
    assert page.evaluate("document.getElementById(location.hash.slice(1)) !== null")
    sized.open(f"{FOLDER}/cards.html")  # all of today's new cards are still to come
    assert page.locator("#mi-left").inner_text() == "1 due, 15 new today."


def test_a_mock_interview_fits_a_phone_and_can_be_ended(watched: Watched) -> None:
    page = watched.page
    page.set_viewport_size({"width": 375, "height": 667})
    watched.open(f"{FOLDER}/mock.html")
    page.get_by_label("Topic").select_option("commnet")
    page.get_by_label("Level").select_option("research")
    press(page.get_by_role("button", name="Start"))
    assert page.locator("#mi-place").inner_text().startswith("Question 1 of 2")
    assert page.get_by_text("the bank has no more for this choice").is_visible()
    for name in ("mi-question", "mi-clock", "mi-show"):
        box = page.locator(f"#{name}").bounding_box()
        assert box["y"] > 50 and box["y"] + box["height"] < 667  # below the bar, on the screen
    press(page.get_by_role("button", name="End the interview"))
    assert page.locator("#mi-total").inner_text() == "No question was answered."
    assert page.locator("#mi-end table").is_hidden()
    press(page.get_by_role("button", name="Start"))
    assert page.locator("#mi-question").is_visible()
    assert not page.locator("#mi-end").is_visible()
    assert watched.wrong == []


@pytest.mark.parametrize("level", ["screen", "onsite", "research"])
def test_a_mock_interview_of_one_level(watched: Watched, level: str) -> None:
    page = watched.page
    watched.open(f"{FOLDER}/mock.html")
    title = page.get_by_label("Level").locator(f"[value='{level}']").inner_text()
    page.get_by_label("Level").select_option(level)
    seen = set()
    press(page.get_by_role("button", name="Start"))
    for _ in range(5):
        assert page.locator("#mi-place").inner_text().endswith(title)
        seen.add(page.locator("#mi-question").text_content())
        press(page.get_by_role("button", name="Reveal the answer"))
        press(page.get_by_role("button", name="Partly"))
    assert len(seen) == 5
    assert watched.wrong == []


def test_readiness_is_ticked_imported_exported_and_forgotten(
    sized: Watched, tmp_path: Path
) -> None:
    page = sized.page
    sized.open(f"{FOLDER}/readiness.html")
    cell = page.locator("td[data-topic='tarmac'][data-what='exercises']")
    bugs = page.locator("td[data-topic='tarmac'][data-what='bugs']")
    assert cell.inner_text().startswith("0 of ") and bugs.inner_text().startswith("0 of ")
    press(page.locator("#done-masked_attention"), "Space")
    assert cell.inner_text().startswith("1 of ")

    def give(text: str) -> str:
        (tmp_path / "mine.json").write_text(text, encoding="utf-8")
        page.locator("#mi-said").evaluate("e => { e.textContent = ''; }")
        page.get_by_label("Import").set_input_files(tmp_path / "mine.json")
        page.wait_for_function("() => document.getElementById('mi-said').textContent")
        return page.locator("#mi-said").inner_text()

    said = give(
        '{"exercises": {"silent_team": "done", "targeting": "open", "unheard_of": "done"},'
        '"cards": {"silent": {"box": 1, "due": "2026-11-24"}}}'
    )
    assert "1 exercises" in said
    assert said.endswith("not in this book or not done: silent, targeting, unheard_of.")
    assert bugs.inner_text().startswith("1 of ") and cell.inner_text().startswith("1 of ")
    assert page.locator("#done-silent_team").is_checked()
    for bad in ("no JSON", "[]", "3", "null", '{"a": 1}', "{}", '{"quizzes": 7}'):
        assert "is not a file of progress" in give(bad)
    one = QUESTIONS[0]["id"]
    said = give(f'{{"cards": {{"{one}": {{"box": 99}}}}, "quizzes": {{"{one}": true}}}}')
    assert "0 cards, 1 quizzes" in said and said.endswith(f"{one}.")
    quizzes = page.locator("td[data-topic='tarmac'][data-what='quizzes']")
    assert quizzes.inner_text().startswith("0 of ")  # that question has no quiz
    check(sized)

    with page.expect_download() as download:
        press(page.get_by_role("button", name="Export"))
    kept = json.loads(Path(download.value.path()).read_text(encoding="utf-8"))
    assert kept["version"] == 2
    assert kept["exercises"].keys() == {"masked_attention", "silent_team"}
    page.once("dialog", lambda dialog: dialog.accept())
    press(page.get_by_role("button", name="Forget everything"))
    assert cell.inner_text().startswith("0 of ")
    page.reload()
    assert bugs.inner_text().startswith("0 of ")
    give(json.dumps(kept))
    assert bugs.inner_text().startswith("1 of ")


def test_what_is_kept_survives_broken_entries(watched: Watched) -> None:
    watched.open(f"{FOLDER}/readiness.html")
    watched.page.wait_for_load_state("networkidle")
    for key in (
        "marl-edu-progress",
        "marl-edu/2/exercises/masked_attention",
        "marl-edu/2/__proto__/a",
        "marl-edu/2/exercises/__proto__",
        "marl-edu/2/version/a",
    ):
        watched.page.evaluate("key => localStorage.setItem(key, '{broken')", key)
    watched.page.reload()
    watched.page.wait_for_load_state("networkidle")
    watched.page.locator("#done-masked_attention").check()
    watched.page.reload()
    assert watched.page.locator("#done-masked_attention").is_checked()
    assert watched.wrong == []


DONE = '{"version": 2, "exercises": {"targeting": {"done": %s, "at": "%s"}}}'


def test_an_import_takes_what_is_newer_and_can_be_undone(watched: Watched, tmp_path: Path) -> None:
    page = watched.page
    page.clock.set_fixed_time(datetime(2026, 3, 1, 12))
    watched.open(f"{FOLDER}/readiness.html")
    box, said = page.locator("#done-targeting"), page.locator("#mi-said")
    undo = page.get_by_role("button", name="Undo")

    def give(text: str) -> str:
        (tmp_path / "mine.json").write_text(text, encoding="utf-8")
        said.evaluate("e => { e.textContent = ''; }")
        page.get_by_label("Import").set_input_files(tmp_path / "mine.json")
        page.wait_for_function("() => document.getElementById('mi-said').textContent")
        return said.inner_text()

    box.check()
    assert not undo.is_visible()
    assert "newer: targeting." in give(DONE % ("false", "2026-02-27T12:00:00.000Z"))
    assert box.is_checked()
    assert "1 exercises." in give(DONE % ("false", "2026-03-02T08:00:00.000Z"))
    assert not box.is_checked()
    press(undo)
    assert box.is_checked() and not undo.is_visible() and "1 entries" in said.inner_text()
    assert "newer edition" in give('{"version": 3, "exercises": {"targeting": "open"}}')
    assert "not a file of progress" in give('{"exercises": 3}')
    page.once("dialog", lambda dialog: dialog.accept())
    press(page.get_by_role("button", name="Forget everything"))
    assert stored(page) == {} and not box.is_checked()
    press(undo)
    assert box.is_checked() and stored(page)["exercises/targeting"]["done"]
    assert watched.wrong == []


def test_what_an_older_edition_kept_is_read_and_left(watched: Watched) -> None:
    page = watched.page
    watched.open(f"{FOLDER}/readiness.html")
    old = '{"version": 1, "exercises": {"targeting": "done"}, "asked": {"x": ["2026-01-01"]}}'
    page.evaluate("old => localStorage.setItem('marl-edu-progress', old)", old)
    page.reload()
    box = page.locator("#done-targeting")
    assert box.is_checked()
    box.uncheck()
    page.reload()
    assert not box.is_checked()
    assert page.evaluate("localStorage.getItem('marl-edu-progress')") == old


def test_two_tabs_keep_what_both_note(watched: Watched) -> None:
    one, other = watched.page, watched.page.context.new_page()
    for page in (one, other):
        page.goto(f"{watched.origin}/{FOLDER}/readiness.html")
    one.locator("#done-targeting").check()
    other.locator("#done-silent_team").check()
    one.wait_for_function("() => document.getElementById('done-silent_team').checked")
    other.wait_for_function("() => document.getElementById('done-targeting').checked")
    assert stored(one).keys() == {"exercises/targeting", "exercises/silent_team"}


# A browser that was told to keep nothing, and one whose storage is full.
FORBIDDEN = """for (const name of ["localStorage", "sessionStorage"])
    Object.defineProperty(window, name, { configurable: true,
        get() { throw new DOMException("The operation is insecure.", "SecurityError"); } });"""
FULL = """Storage.prototype.setItem = () => {
    throw new DOMException("The quota has been exceeded.", "QuotaExceededError"); };"""


@pytest.mark.parametrize("store", [FORBIDDEN, FULL], ids=["forbidden", "full"])
def test_where_nothing_can_be_kept_a_sentence_says_so(watched: Watched, store: str) -> None:
    page = watched.page
    page.add_init_script(store)
    watched.open(f"{FOLDER}/readiness.html")
    cell = page.locator("td[data-topic='tarmac'][data-what='exercises']")
    told = page.locator(".mi-unkept")
    assert told.count() == 0
    for name in ("targeting", "masked_attention"):
        page.locator(f"#done-{name}").check()
    assert cell.inner_text().startswith("2 of ")
    assert told.count() == 1 and "cannot keep that" in told.inner_text()
    with page.expect_download() as download:
        press(told.get_by_role("button", name="Export"))
    saved = json.loads(Path(download.value.path()).read_text(encoding="utf-8"))
    assert saved["exercises"].keys() == {"targeting", "masked_attention"}
    assert violations(watched) == []


def test_quizzes_answered_right_count_for_readiness(watched: Watched) -> None:
    page = watched.page
    watched.open(f"{FOLDER}/gat.html")
    answer_right(page.locator(".mi-quiz").first)
    watched.open(f"{FOLDER}/readiness.html")
    cell = page.locator("td[data-topic='gat'][data-what='quizzes']")
    number = sum(entry["topic"] == "gat" and "quiz" in entry for entry in QUESTIONS)
    assert cell.inner_text() == f"1 of {number}"


def test_every_exercise_to_tick_has_a_link_to_where_it_is_asked(html: Path) -> None:
    page = html / FOLDER / "readiness.html"
    text = page.read_text(encoding="utf-8")
    names = re.findall(r'data-exercise="(\w+)"', text)
    links = dict(re.findall(r'href="([^"]+#ex-[^"]+)"><code>(\w+)</code>', text))
    assert sorted(links.values()) == sorted(names) and len(names) > 50
    for link in links:
        path, anchor = urldefrag(link)
        assert f'id="{anchor}"' in (page.parent / path).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["tarmac", "cards", "mock", "readiness"])
def test_it_works_from_disk(browser, html: Path, name: str) -> None:
    page = browser.new_page()
    watched = Watched(page, html.as_uri())
    watched.open(f"{FOLDER}/{name}.html")
    if name == "tarmac":
        page.locator(".mi-quiz input").first.check()
        page.locator(".mi-quiz button").first.click()
        assert page.locator(".mi-verdict").first.inner_text()
    elif name == "readiness":
        assert page.locator("td[data-what='questions']").first.inner_text().startswith("0 known, ")
    else:
        page.locator("#mi-choice button").click()
        page.locator("#mi-show").click()
        page.locator("#mi-answer mjx-container").first.wait_for()
    assert watched.wrong == []
    page.close()


def test_without_javascript_the_questions_remain(browser, html: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((html / FOLDER / "tarmac.html").as_uri())
    mine = [entry for entry in QUESTIONS if entry["topic"] == "tarmac"]
    assert page.locator("details.sd-dropdown").count() == len(mine)
    page.locator("details.sd-dropdown summary").first.click()
    assert page.get_by_text("Often said, and wrong").first.is_visible()
    follow_up = page.locator("details.sd-dropdown details").first
    follow_up.locator("summary").click()
    assert follow_up.locator("p").first.is_visible()
    quiz = page.locator(".mi-quiz").first
    assert not quiz.get_by_role("button").is_visible()
    quiz.locator("summary").click()
    assert quiz.locator("li").first.is_visible()
    for name in ("cards", "mock"):
        page.goto((html / FOLDER / f"{name}.html").as_uri())
        assert page.get_by_text("need JavaScript").is_visible()
        assert not page.locator("#mi-app").is_visible()
    page.goto((html / FOLDER / "design.html").as_uri())
    page.locator("details.sd-dropdown summary").first.click()
    assert page.locator(".marl-table").first.is_visible()
    context.close()


@pytest.mark.parametrize("topic", TOPICS)
def test_a_printed_topic_is_one_sheet_of_a4(watched: Watched, topic: str) -> None:
    watched.open(f"{FOLDER}/{topic}.html")
    page = watched.page
    printed = page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) <= 2  # its two sides
    page.emulate_media(media="print")
    size = page.locator(".mi-sheet").evaluate("s => parseFloat(getComputedStyle(s).fontSize)")
    assert 7.9 <= size * 72 / 96 <= 10.5
    width, height = map(
        float, re.search(rb"/MediaBox\s*\[0 0 ([\d.]+) ([\d.]+)\]", printed).groups()
    )
    assert (round(width), round(height)) == (595, 842)
    # As wide as the paper between its margins: no formula is wider than its column.
    page.set_viewport_size({"width": 726, "height": 1054})
    page.emulate_media(media="print")
    wide = page.evaluate(
        """() => [...document.querySelectorAll(".mi-sheet mjx-container")]
            .filter(e => e.getBoundingClientRect().right
                > e.closest("dd").getBoundingClientRect().right + 4)
            .map(e => e.closest("dd").previousElementSibling.textContent)"""
    )
    assert wide == []
    assert page.locator("h1:visible").count() == 1
    assert page.locator(".mi-sheet dt").first.is_visible()
    assert page.locator(".mi-sheet dd").first.inner_text().startswith("Say: ")


def test_the_deck_can_be_downloaded(watched: Watched) -> None:
    watched.open(f"{FOLDER}/deck.html")
    with watched.page.expect_download() as download:
        watched.page.get_by_role("link", name="Download the deck").press("Enter")
    assert download.value.suggested_filename.endswith(".apkg")
    assert zipfile.is_zipfile(download.value.path())


@pytest.mark.parametrize("topic", TOPICS)
def test_every_piece_of_evidence_is_where_its_link_leads(html: Path, topic: str) -> None:
    page = html / FOLDER / f"{topic}.html"
    article = page.read_text(encoding="utf-8").split("<article", 1)[1].split("</article>")[0]
    links = [link for link in re.findall(r'href="([^"]+)"', article) if not urlsplit(link).scheme]
    assert any(link.startswith("../") for link in links)
    lost = []
    for link in links:
        path, anchor = urldefrag(link)
        target = (page.parent / path).resolve() if path else page
        there = target.exists() and (
            not anchor or f'id="{anchor}"' in target.read_text(encoding="utf-8")
        )
        if not there:
            lost.append(link)
    assert lost == []
