"""Open, run, play, train, stop, save, and open again with another kernel."""

import json
from pathlib import Path

import as_html  # in tools, which conftest.py has put on the path
import pytest
from nbformat.v4 import new_code_cell, new_notebook, writes
from playwright.sync_api import Browser, Locator, Page

from marl_edu.widgets.shared.bundle import FIGURES
from tests.lab.conftest import (
    SECONDS,
    Lab,
    Notebook,
    idle,
    lab,
    menu,
    run_all,
    save,
    unfinished,
    until,
)

pytestmark = pytest.mark.lab

PANELS = {  # each with a short run, of several seconds
    "junction": "panel = TrainingPanel()",
    "graph": "panel = GraphPanel()",
    "corridor": "panel = MemoryPanel()",
    "curiosity": "panel = CuriosityPanel('RND')",
    "payoff": "panel = MixerPanel()",
    "hunt": "panel = HuntPanel()",
    "pair": "panel = PairPanel()",
    "team": "panel = TeamPanel()",
    "own": "panel = TrainingPanel(listen=exercises.targeting.solution)",
}
FIRST = """from marl_edu import envs, exercises
from marl_edu.envs.baselines.task import UniformPolicy
from marl_edu.widgets import *"""
SHOWN = {
    "junction": "JunctionFigure()",
    "graph": "GraphFigure()",
    "corridor": "CorridorFigure()",
    "curiosity": "CuriosityFigure()",
    "learning": "LearningFigure()",
    "payoff": "PayoffFigure()",
    "mixing": "MixingFigure()",
    "speaker": "SpeakerFigure()",
    "exploring": "ExploringFigure()",
    "critic": "CriticFigure()",
    "film": "Film.record(envs.TrafficJunction('easy', num_envs=1), UniformPolicy(), steps=4)",
}
PANEL_CELL = "{made}\npanel.updates.step = panel.updates.min\npanel"
BAR = "from tqdm.auto import tqdm\nfor _ in tqdm(range(3), desc='a bar'):\n    pass"
BIGGEST = 1_000_000  # bytes of a notebook's widgets


@pytest.fixture(scope="module")
def notebook(folder: Path) -> Path:
    """All figures, all panels and a progress bar."""
    cells = [FIRST, *SHOWN.values(), *(PANEL_CELL.format(made=one) for one in PANELS.values()), BAR]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    made = new_notebook(
        cells=[new_code_cell(cell) for cell in cells], metadata={"kernelspec": kernel}
    )
    path = folder / "all.ipynb"
    path.write_text(writes(made), "utf-8")
    return path


# What changes each figure, and by which key.
CHANGED = dict.fromkeys(SHOWN, ("button:visible", "Enter")) | {
    "graph": ("summary", "Enter"),
    "payoff": ("[data-do=raise]:visible", "Enter"),
}


def cell(page: Page, number: int) -> Locator:
    """A code cell, from 0, brought into view."""
    found = page.locator(".jp-CodeCell").nth(number)
    found.scroll_into_view_if_needed()
    return found


FIGURE = {name: 1 + k for k, name in enumerate(SHOWN)}  # where each stands
PANEL = {name: 1 + len(SHOWN) + k for k, name in enumerate(PANELS)}


def test_all_figures_are_tried() -> None:
    assert set(SHOWN) == set(FIGURES)


@pytest.fixture(scope="module")
def saved(browser: Browser, folder: Path, notebook: Path) -> Lab:
    """The notebook, run, played with, trained and saved; and its server has ended."""
    home = folder.parent / f"{folder.name}-home"
    server = Lab(browser, folder, home)
    with server.started(), server.open("all.ipynb") as page:
        run_all(page)
        for name in SHOWN:
            play(page, cell(page, FIGURE[name]), name)
        for name in PANELS:
            train(page, cell(page, PANEL[name]))
        save(page)
    return server


def play(page: Page, place: Locator, name: str) -> None:
    """A figure by keyboard: its keys are its own, and its buttons work."""
    cells = page.locator(".jp-Cell").count()
    button = place.locator("button:visible").first
    button.focus()
    for key in "ddxaby":
        page.keyboard.press(key)
    page.wait_for_timeout(100)
    assert page.locator(".jp-Cell").count() == cells, name
    page.wait_for_timeout(600)  # until it has said what it shows
    before = place.locator(".jp-OutputArea-output").inner_html()
    place.locator(CHANGED[name][0]).first.focus()
    page.keyboard.press(CHANGED[name][1])
    until(page, lambda: place.locator(".jp-OutputArea-output").inner_html() != before)
    if name != "graph":
        page.keyboard.press("Enter")  # where it plays, it stands again


def train(page: Page, place: Locator) -> None:
    """A panel: pressed twice it trains once, it stops, and goes on."""
    button = place.get_by_role("button", name="Train")
    button.dblclick()
    status = place.locator(".marl-panel-status")
    until(page, lambda: "left" in status.inner_text())
    place.get_by_role("button", name="Stop").click()
    until(page, lambda: "Stopped after" in status.inner_text())
    page.wait_for_timeout(300)
    said = status.inner_text()
    page.wait_for_timeout(300)
    assert status.inner_text() == said
    place.get_by_role("button", name="Resume").click()
    until(page, lambda: "left" in status.inner_text())
    place.get_by_role("button", name="Stop").click()
    until(page, lambda: "Stopped after" in status.inner_text())


def test_a_notebook_runs_plays_trains_stops_and_is_saved(saved: Lab, notebook: Path) -> None:
    kept = json.loads(notebook.read_text("utf-8"))
    widgets = json.dumps(kept["metadata"]["widgets"])
    assert len(widgets) < BIGGEST * 2
    assert all(one["execution_count"] for one in kept["cells"])


def reopened(page: Page) -> None:
    idle(page)
    assert "model not found" not in page.locator(".jp-Notebook").inner_text()


def test_another_kernel_finds_every_figure_alive_and_every_panel_idle(saved: Lab) -> None:
    with saved.started(), saved.open("all.ipynb") as page:
        reopened(page)
        for name in SHOWN:
            play(page, cell(page, FIGURE[name]), name)
        for name in PANELS:
            place = cell(page, PANEL[name])
            assert "run this cell again" in place.locator(".marl-panel-again").inner_text()
            assert place.locator("select:visible, input:visible").first.is_enabled()
            assert "left" not in place.locator(".marl-panel").inner_text()  # nothing is under way
            assert not place.get_by_role("button", name="Stop").is_visible()
            assert not place.get_by_role("button", name="Resume").is_visible()
        assert "100%" in cell(page, 1 + len(SHOWN) + len(PANELS)).inner_text()
        cell(page, 0).click()
        page.keyboard.press("Shift+Enter")
        place = cell(page, PANEL["corridor"])
        place.locator(".jp-InputArea-editor").click()
        page.keyboard.press("Shift+Enter")
        until(page, lambda: not place.locator(".marl-panel-again").is_visible())
        train(page, place)


def test_where_it_is_not_trusted_a_reader_sees_what_the_page_shows(
    saved: Lab, folder: Path
) -> None:
    """As Lab shows it: it runs nothing, and takes SVG out of HTML, but leaves images."""
    stranger = Lab(saved.browser, folder, folder.parent / f"{folder.name}-stranger")
    with stranger.started(), stranger.open("all.ipynb") as page:
        reopened(page)
        for name in SHOWN:
            place = cell(page, FIGURE[name])
            assert place.locator("figcaption").inner_text()
            stills(place, name)
        for name in PANELS:
            place = cell(page, PANEL[name])
            said = place.locator(".jp-OutputArea-output").inner_text()
            assert "kernel" in said and "make lab" in said
            if name != "own":  # it has no stored run
                stills(place, name)


def stills(place: Locator, name: str) -> None:
    """Each drawing is an image that is there; of its words nothing is left in the text."""
    images = place.locator("img")
    assert images.count() > 0, name
    for image in images.all():
        until(place.page, lambda image=image: image.evaluate("image => image.naturalWidth") > 0)
        assert image.is_visible() and image.get_attribute("alt"), name
    assert all(not words.is_visible() for words in place.locator(".marl-drawn").all()), name


def test_after_a_restart_of_the_kernel_a_panel_says_how_to_go_on(saved: Lab) -> None:
    with saved.started(), saved.open("all.ipynb") as page:
        reopened(page)
        run_all(page)
        place = cell(page, PANEL["corridor"])
        assert not place.locator(".marl-panel-again").is_visible()
        menu(page, "Kernel", "Restart Kernel…")
        page.locator(".jp-Dialog button.jp-mod-accept").click()
        until(page, lambda: place.locator(".marl-panel-again").is_visible())


def test_every_copy_opens_with_its_directives_and_equations_set(
    browser: Browser, tmp_path: Path
) -> None:
    """One after the other in one Lab: to load it for each takes longer than all the rest."""
    server = Lab(browser, tmp_path / "lab", tmp_path / "home")
    lab.refresh(lab.BOOK, server.folder)
    with server.started(), server.open(lab.FIRST) as page:
        for name in lab.notebooks(lab.BOOK):
            page.evaluate(OPEN, name.as_posix())
            shown = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")
            shown.locator(".jp-MarkdownCell h1").first.wait_for()
            assert raw(shown) == [], name
            page.evaluate(CLOSE)


def raw(notebook: Locator) -> list[str]:
    """The cells of text that are shown as they were typed."""
    notebook.page.wait_for_timeout(500)
    texts = notebook.locator(".jp-MarkdownCell").all_inner_texts()
    assert any(texts)
    return [text for text in texts if ":::" in text or "{cite" in text]


# Each leaves a widget behind, which the browser cannot hand over: hence the braces.
OPEN = """async path => {
    await jupyterapp.commands.execute('docmanager:open', { path, factory: 'Notebook' });
}"""
CLOSE = "async () => { await jupyterapp.commands.execute('application:close'); }"
# Numbers of the tour that somebody makes smaller; `make test` runs it as it is.
SMALLER = {"attention_agents, env, n_episodes=100": "attention_agents, env, n_episodes=12",
           "walks=400": "walks=40"}  # fmt: skip


def test_the_tour_with_smaller_numbers_runs_to_its_end(browser: Browser, tmp_path: Path) -> None:
    server = Lab(browser, tmp_path / "lab", tmp_path / "home")
    lab.refresh(lab.BOOK, server.folder)
    copy = server.folder / lab.FIRST
    text = copy.read_text("utf-8")
    for once, now in SMALLER.items():
        assert text.count(once) == 1
        text = text.replace(once, now)
    copy.write_text(text, "utf-8")
    with server.started(), server.open(lab.FIRST) as page:
        run_all(page, 4 * SECONDS)
        assert unfinished(page) == []
        assert page.locator("[data-mime-type*='stderr'], .jp-RenderedText[data-mime-type*=error]") \
            .count() == 0  # fmt: skip


def test_notebook_7_shows_plays_and_trains_too(
    saved: Lab, folder: Path, notebook: Path, tmp_path: Path
) -> None:
    shown = Notebook(saved.browser, folder, tmp_path / "home")
    copy = folder / "again.ipynb"
    copy.write_text(notebook.read_text("utf-8"), "utf-8")
    with shown.started(), shown.open("again.ipynb") as page:
        run_all(page)
        for name in SHOWN:
            play(page, cell(page, FIGURE[name]), name)
        train(page, cell(page, PANEL["corridor"]))
        save(page)
    lab.refresh(lab.BOOK, folder / "lab")
    with shown.started(), shown.open("lab/chapters/tarmac.ipynb") as page:
        page.locator(".jp-MarkdownCell h1").first.wait_for()
        assert raw(page.locator(".jp-Notebook")) == []


def test_as_one_html_file_it_shows_stills_and_asks_no_other_machine(
    saved: Lab, notebook: Path, folder: Path
) -> None:
    """tools/as_html.py, on the notebook as it was saved."""
    assert as_html.main([str(notebook)]) == 0
    asked: list[str] = []
    page = saved.browser.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: asked.append(str(error)))
    page.goto((folder / "all.html").as_uri())
    page.wait_for_timeout(1000)
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    figures = page.locator("[data-figure]")
    assert figures.count() == len(SHOWN)
    assert all(figure.locator("svg").first.is_visible() for figure in figures.all())
    page.close()
