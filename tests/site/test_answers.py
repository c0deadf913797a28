"""Exercises in the page: written, run and graded there, with what goes wrong said in a sentence."""

import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, Route

from marl_edu import exercises
from marl_edu.exercises.engine.grading import Exercise
from tests import ROOT

from .conftest import Watched, headers
from .test_hosting import LISTEN, policy
from .test_interview import FORBIDDEN, FULL, check, press, stored
from .test_offline import Host, until
from .test_offline import stored as copies_of
from .test_pages import overflow

pytestmark = pytest.mark.site

TARMAC, GAT = "book/chapters/tarmac.html", "book/chapters/gat.html"
WEIGHTS = """import numpy as np

def attention_weights(scores, mask):
    scores = np.where(mask, scores, np.finfo(scores.dtype).min)
    weights = np.exp(scores - scores.max(AXIS, keepdims=True))
    return weights / weights.sum(AXIS, keepdims=True)LAST
"""
RIGHT = WEIGHTS.replace("AXIS", "-1").replace("LAST", " * mask")
FIELD = """def field_after(adjacency, layers):
    field = np.eye(len(adjacency), dtype=bool)
    hears = adjacency | field
    for _ in range(layers):
        field = hears @ field
    return field
"""
MISTAKES = {
    "softmax_over_receivers": WEIGHTS.replace("AXIS", "-2").replace("LAST", " * mask"),
    "uniform_leak": WEIGHTS.replace("AXIS", "-1").replace("LAST", ""),
    "mask_inverted": RIGHT.replace("where(mask", "where(~mask").replace(" * mask", " * ~mask"),
}
NUMPY = (ROOT / "tests/exercises").glob("*/in_numpy.py")
# How long the page has been unable to do anything, at most: in milliseconds.
WATCH_FRAMES = """() => { let last = performance.now(); window.longest = 0;
    const see = now => { window.longest = Math.max(window.longest, now - last); last = now;
        requestAnimationFrame(see); };
    requestAnimationFrame(see); }"""


@pytest.fixture(autouse=True)
def has_python(html: Path) -> None:
    if not (html / "_static/python/pyodide").is_dir():
        pytest.skip("Python for the page was not brought: tools/page_python.py")


def answer(page: Page, name: str) -> Locator:
    return page.locator(f".answer[data-exercise='{name}']")


def area(place: Locator) -> Locator:
    return place.get_by_role("textbox", name="Your answer")


def opened(place: Locator) -> Locator:
    """The editor, in place of the text area."""
    area(place).focus()
    place.locator(".cm-content").wait_for()
    return area(place)


def write(place: Locator, text: str) -> None:
    """Replace what is written."""
    opened(place).focus()
    place.page.keyboard.press("ControlOrMeta+a")
    place.page.keyboard.press("Delete")
    place.page.keyboard.insert_text(text)


def text(place: Locator) -> str:
    """What is written, line by line."""
    lines = place.locator(".cm-line").evaluate_all("all => all.map(one => one.textContent)")
    return "\n".join(lines)


def verdict(place: Locator) -> str:
    """What the page says, when it has come to an end."""
    said = place.locator(".marl-verdict strong")
    said.wait_for()
    return place.locator(".marl-verdict").inner_text()


def ask(place: Locator, button: str = "Grade") -> str:
    press(place.get_by_role("button", name=button))
    return verdict(place)


def graded(place: Locator, source: str) -> str:
    write(place, source)
    return ask(place)


def plain(sentence: str) -> str:
    """Without its marks for code and emphasis."""
    return re.sub(r"[`*]", "", sentence)


def says(exercise: Exercise, mistake: str) -> str:
    return plain(" ".join(str(exercise.mistakes[mistake].__doc__).split()))


def test_an_exercise_is_solved_and_counts_in_full(watched: Watched) -> None:
    page = watched.page
    page.add_init_script(LISTEN)
    watched.open(GAT)
    place = answer(page, "receptive_field")
    said = graded(place, FIELD)
    assert said.startswith("Passed. Right on all ")
    assert stored(page)["exercises/receptive_field"]["done"] is True
    assert page.evaluate("broken") == [] and watched.wrong == []
    watched.open("book/interview/readiness.html")
    assert page.locator("#done-receptive_field").is_checked()


@pytest.mark.parametrize("folder", sorted(path.parent.name for path in NUMPY))
def test_an_exercise_of_each_chapter_is_solved(watched: Watched, folder: str) -> None:
    source = (ROOT / f"tests/exercises/{folder}/in_numpy.py").read_text("utf-8")
    page = f"book/{Path(exercises.NOTEBOOKS[folder]).with_suffix('.html')}"
    watched.open(page)
    for place in watched.page.locator(".answer").all()[:2]:
        assert f"def {place.get_attribute('data-function')}(" in source
        said = graded(place, source)
        assert re.match(r"(Passed|Values right)\. Right on all \d+ inputs\.", said)
    assert watched.wrong == []


def test_what_the_page_cannot_run_leads_to_the_lab(watched: Watched) -> None:
    for page, count in (("maddpg", 2), ("qmix", 2)):
        watched.open(f"book/chapters/{page}.html")
        lines = watched.page.locator(".in-the-lab")
        assert lines.count() >= count
        assert watched.page.get_by_text("Not attempted yet").count() == 0
    lines.first.get_by_role("link", name="in the lab").click()
    watched.page.wait_for_url("**/book/index.html#how-to-read")
    assert watched.page.locator("#how-to-read").is_visible()
    assert watched.wrong == []


def test_values_alone_count_half_and_mistakes_are_named(watched: Watched) -> None:
    page = watched.page
    watched.open(TARMAC)
    place = answer(page, "masked_attention")
    assert ask(place).startswith("Not attempted yet.")
    for mistake, source in MISTAKES.items():
        said = graded(place, source)
        assert said.startswith("Not right yet.")
        assert says(exercises.masked_attention, mistake) in said
    assert "exercises/masked_attention" not in stored(page)
    said = graded(place, RIGHT)
    assert said.startswith("Values right.") and "gradients are checked in the lab" in said
    entry = stored(page)["exercises/masked_attention"]
    assert (entry["done"], entry["values"]) == (False, True)
    assert watched.wrong == []

    watched.open("book/interview/readiness.html")
    cell = page.locator("td[data-topic='tarmac'][data-what='exercises']")
    assert cell.inner_text().startswith("½ of ")
    box = page.locator("#done-masked_attention")
    assert box.evaluate("one => one.indeterminate") and not box.is_checked()
    half = box.locator("..").locator(".mi-half")
    assert "gradients are checked in the lab" in half.inner_text()
    check(watched)
    box.check()
    assert cell.inner_text().startswith("1 of ") and half.count() == 0
    watched.open(TARMAC)
    place = answer(page, "masked_attention")
    assert graded(place, RIGHT).startswith("Values right.")  # and takes nothing back
    assert stored(page)["exercises/masked_attention"]["done"] is True


def test_what_goes_wrong_is_said_with_its_line(watched: Watched) -> None:
    page = watched.page
    watched.open(TARMAC)
    place = answer(page, "masked_attention")
    head = "def attention_weights(scores, mask):\n"
    wrong = place.locator(".marl-wrong-line")
    for source, said, line in (
        (head + "    return scores +\n", "This is not Python", 2),
        ("def weights(scores, mask):\n    return scores\n", "no attention_weights", None),
        (head + "    import torch\n    return 1\n", "torch does not run in the page", 2),
        ("import pandas\n" + head + "    return 1\n", "The page has no pandas", 1),
        (head + "    wide = scores.sum()\n    return 1 / 0\n", "ZeroDivisionError", 3),
        (head + "    return scores[0]\n", "shape", None),
        (head + "    return scores.astype(np.int64)\n", "int64", None),
    ):
        found = graded(place, source)
        assert found.startswith("Not right yet.") and said in found
        assert wrong.all_inner_texts() == ([source.splitlines()[line - 1]] if line else [])
        assert line is None or re.search(rf"\bline {line}\b", found, re.IGNORECASE)
    place.locator(".cm-content").press("End")
    page.keyboard.type(" ")
    assert wrong.count() == 0
    assert watched.wrong == []


def test_running_shows_what_is_printed_and_stays_short(watched: Watched) -> None:
    page = watched.page
    watched.open(TARMAC)
    place = answer(page, "masked_attention")
    write(place, "print(np.arange(3) @ np.ones(3))\n1 + 1\n")
    said = ask(place, "Run it here")
    assert said.startswith("It ran.") and place.locator("pre").inner_text() == "3.0\n2"
    page.evaluate(WATCH_FRAMES)
    write(place, "for k in range(1_000_000):\n    print(k, 'a line of what nobody reads')\n")
    said = ask(place, "Run it here")
    assert said.startswith("It ran.")
    assert 100 < len(place.locator("pre").inner_text()) < 10_000
    assert page.evaluate("longest") < 1000
    write(place, "1 / 0")
    assert "ZeroDivisionError in line 1" in ask(place, "Run it here")
    assert watched.wrong == []


def test_a_loop_without_end_is_ended_and_python_starts_again(watched: Watched) -> None:
    page = watched.page
    watched.open(TARMAC)
    place = answer(page, "masked_attention")
    assert ask(place).startswith("Not attempted")  # Python is there
    write(place, "def attention_weights(scores, mask):\n    while True:\n        pass\n")
    page.evaluate(WATCH_FRAMES)
    begun = time.monotonic()
    said = ask(place)
    assert 19 < time.monotonic() - begun < 40
    assert "is there a loop that never ends?" in said and "Python starts again" in said
    assert page.evaluate("longest") < 1000
    assert graded(place, RIGHT).startswith("Values right.")
    assert watched.wrong == []


def test_what_is_typed_stays_and_the_starter_comes_back(watched: Watched) -> None:
    page = watched.page
    watched.open(TARMAC)
    place = answer(page, "masked_attention")
    starter = area(place).input_value()
    assert starter.startswith("def attention_weights(scores, mask):")
    write(place, "# mine, é ∞\n")
    page.reload()
    assert area(place).input_value() == "# mine, é ∞\n"
    assert area(answer(page, "targeting")).input_value().startswith("def hear(")
    press(place.get_by_role("button", name="Reset"))
    assert area(place).input_value() == starter
    assert "Undo brings your answer back" in place.locator(".marl-verdict").inner_text()
    press(place.get_by_role("button", name="Undo"))
    assert area(place).input_value() == "# mine, é ∞\n"
    press(place.get_by_role("button", name="Reset"))
    page.reload()
    assert area(place).input_value() == starter
    assert not page.evaluate("Object.keys(localStorage).some(key => key.includes('answers'))")
    assert watched.wrong == []


def test_a_damaged_answer_is_handed_back(watched: Watched) -> None:
    page = watched.page
    watched.open(TARMAC)
    key = "marl-edu-answers/1/masked_attention"
    page.evaluate('key => localStorage.setItem(key, \'{"text": "half of it\')', key)
    page.reload()
    place = answer(page, "masked_attention")
    assert area(place).input_value().startswith("def attention_weights")
    said = place.locator(".marl-verdict").inner_text()
    assert "damaged" in said and "half of it" in said
    write(place, "# new\n")
    kept = page.evaluate("key => localStorage.getItem(key + '/damaged')", key)
    assert kept == '{"text": "half of it'
    page.reload()
    assert area(place).input_value() == "# new\n"
    assert watched.wrong == []


@pytest.mark.parametrize("store", [FORBIDDEN, FULL], ids=["forbidden", "full"])
def test_where_nothing_can_be_kept_it_works_and_says_so(watched: Watched, store: str) -> None:
    page = watched.page
    page.add_init_script(store)
    watched.open(GAT)
    place = answer(page, "receptive_field")
    write(place, FIELD)
    assert "copy your answer before you leave" in place.locator(".marl-verdict").inner_text()
    assert ask(place).startswith("Passed.")
    assert page.locator(".mi-unkept").count() == 1


def test_the_editor_helps_and_lets_the_keyboard_out(watched: Watched) -> None:
    page = watched.page
    watched.open(TARMAC)
    place = answer(page, "masked_attention")
    write(place, "")
    page.keyboard.type("if (x[0:\n")
    assert text(place).startswith("if (x[0:") and text(place).count(")") == 1
    page.keyboard.press("ControlOrMeta+z")
    write(place, "a = 1\nb = 2")
    assert place.locator(".cm-lineNumbers .cm-gutterElement").last.inner_text() == "2"
    page.keyboard.press("Tab")
    assert text(place) == "a = 1\n    b = 2"
    page.keyboard.press("Shift+Tab")
    assert text(place) == "a = 1\nb = 2"
    page.keyboard.press("ControlOrMeta+z")  # what was done at once is undone at once
    page.keyboard.press("ControlOrMeta+y")
    assert text(place) == "a = 1\nb = 2"
    page.keyboard.press("Backspace")
    assert text(place) == "a = 1\nb = "
    page.keyboard.press("ControlOrMeta+z")
    assert text(place) == "a = 1\nb = 2"
    described = area(place).get_attribute("aria-describedby")
    assert "Escape, then Tab" in page.locator(f"#{described}").inner_text()
    page.keyboard.press("Escape")
    page.wait_for_timeout(3000)  # whoever reads the sentence takes longer than two seconds
    page.keyboard.press("Tab")
    button = place.get_by_role("button", name="Run it here")
    assert button.evaluate("one => one === document.activeElement")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")  # and indents again
    assert area(place).evaluate("one => one === document.activeElement")
    assert watched.wrong == []


def test_a_phone_has_a_row_of_keys(browser: Browser, server: str) -> None:
    context = browser.new_context(
        viewport={"width": 375, "height": 740}, has_touch=True, is_mobile=True
    )
    watched = Watched(context.new_page(), server)
    watched.open(TARMAC)
    place = answer(watched.page, "masked_attention")
    keys = place.get_by_role("group", name="Keys").get_by_role("button")
    names = ["(", ")", "[", "]", ":", "=", "@", "Indent"]
    assert [key.get_attribute("aria-label") or key.inner_text() for key in keys.all()] == names
    for key in keys.all():
        box = key.bounding_box()
        assert box is not None and box["width"] >= 24 and box["height"] >= 40
    write(place, "x")
    for name in ("Indent", "@", "(", ":"):
        place.get_by_role("button", name=name, exact=True).tap()
    assert text(place) == "    x@(:"
    assert area(place).evaluate("one => one === document.activeElement")
    assert overflow(watched) == [] and watched.wrong == []
    context.close()


@pytest.mark.parametrize("width", [375, 1280])
def test_it_is_open_to_everyone(watched: Watched, width: int) -> None:
    page = watched.page
    page.set_viewport_size({"width": width, "height": 800})
    watched.open(GAT)
    place = answer(page, "receptive_field")
    write(place, "print('a long line ' * 30)\nreturn 3")
    assert "outside function" in ask(place)
    check(watched)
    write(place, "print('a long line ' * 30)")
    assert ask(place, "Run it here").startswith("It ran.")
    check(watched)
    assert watched.wrong == []


def test_nothing_is_loaded_before_a_reader_asks(watched: Watched) -> None:
    page = watched.page
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    watched.open(TARMAC)
    page.wait_for_load_state("networkidle")
    ours = {url.partition("_static/python/")[2].partition("?")[0] for url in asked} - {""}
    assert ours == {"answers.js", "answers.css"}
    opened(answer(page, "masked_attention"))
    assert any("editor/codemirror-view.js" in url for url in asked)
    assert not any("pyodide" in url for url in asked)


def test_python_may_compile_in_its_worker_and_nowhere_else(watched: Watched, html: Path) -> None:
    page = watched.page
    found = {path: value for path, name, value in headers(html) if name.endswith("Policy")}
    allowed = [path for path, value in found.items() if "wasm-unsafe-eval" in value]
    assert allowed == [re.escape("/_static/python/worker.js")]
    assert "'unsafe-eval'" not in " ".join(found.values())
    response = page.request.get(f"{watched.origin}/_static/python/worker.js")
    sent = [one["value"] for one in response.headers_array if one["name"].endswith("Policy")]
    assert len(sent) == 1 and "wasm-unsafe-eval" in sent[0]
    for path in (TARMAC, "index.html", "_static/python/editor.js", "sw.js", "_static/site.js"):
        response = page.request.get(f"{watched.origin}/{path}")
        assert response.headers["content-security-policy"] == policy(html)
    watched.open(TARMAC)
    refused = page.evaluate(
        "() => WebAssembly.compile(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]))"
        ".then(() => '', error => `${error}`)"
    )
    assert "Content Security Policy" in refused or "unsafe-eval" in refused


def test_where_python_does_not_come_a_sentence_says_so_and_a_press_tries_again(
    watched: Watched,
) -> None:
    page = watched.page
    watched.open(TARMAC)
    place = answer(page, "masked_attention")
    wheel = "**/pyodide/numpy*.whl"
    page.context.route(wheel, lambda route: route.abort())
    said = ask(place)
    assert "Python could not be loaded" in said and "Press again" in said
    assert place.locator(".marl-verdict").get_by_role("link").count() == 1
    page.context.unroute(wheel)
    assert ask(place).startswith("Not attempted")


def test_a_copy_without_python_leads_to_the_lab(watched: Watched) -> None:
    page = watched.page

    def without(route: Route) -> None:
        body = route.fetch().text().replace('"python": true', '"python": false')
        route.fulfill(body=body, content_type="text/javascript")

    page.route("**/answers.js*", without)
    watched.open(TARMAC)
    place = answer(page, "masked_attention")
    press(place.get_by_role("button", name="Grade"))
    said = place.locator(".marl-verdict")
    assert "was built without Python" in said.inner_text()
    said.get_by_role("link", name="lab").press("Enter")
    page.wait_for_url("**/book/index.html#how-to-read")
    assert page.locator("#how-to-read").is_visible()


def test_from_disk_it_says_why_and_from_no_script_the_starter_is_read(
    browser: Browser, html: Path
) -> None:
    page = browser.new_page()
    watched = Watched(page, html.as_uri())
    watched.open(TARMAC)
    place = answer(page, "masked_attention")
    area(place).fill("# typed\n")
    press(place.get_by_role("button", name="Run it here"))
    assert "opened from disk" in place.locator(".marl-verdict").inner_text()
    assert watched.wrong == []
    page.close()
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto((html / TARMAC).as_uri())
        starter = answer(page, "masked_attention").locator("pre.starter")
        assert starter.inner_text().startswith("def attention_weights(scores, mask):")


def test_a_second_visit_needs_no_network(browser: Browser, html: Path) -> None:
    host = Host(html)
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{host.address}/{TARMAC}")
    place = answer(page, "masked_attention")
    page.locator(".marl-offline", has_text="Available offline").wait_for(timeout=120_000)
    assert not any("pyodide" in file for files in copies_of(page).values() for file in files)
    assert ask(place).startswith("Not attempted")
    mine = [f"/_static/python/{name}" for name in ("judge.json", "editor.js", "worker.js")]
    names = re.findall(r'data-exercise="(\w+)"', (html / TARMAC).read_text("utf-8"))
    mine += [f"/_static/python/exercises/{name}.json" for name in names]
    until(page, lambda copies: any(set(mine) <= set(files) for files in copies.values()))
    kept = {file for files in copies_of(page).values() for file in files}
    assert any(file.endswith("pyodide.asm.wasm") for file in kept)
    data = {file for file in kept if "/exercises/" in file}
    assert len(data) == len(names)  # of this page, and of no other
    host.cut()
    page.goto(f"{host.address}/{TARMAC}")
    assert graded(place, RIGHT).startswith("Values right.")
    context.close()
