"""The live speaker and listener: JavaScript agrees with Python, and every control does its work."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from playwright.sync_api import Browser, Page

from marl_edu.algos import maddpg
from marl_edu.core.evaluate import play_episodes
from marl_edu.envs import SpeakerListener
from marl_edu.experiments import catalogue
from marl_edu.plots.untrusted import drawn_once
from marl_edu.widgets.shared.bundle import figure_script
from marl_edu.widgets.speaker import SpeakerFigure
from marl_edu.widgets.speaker.episode import (
    CHANNELS,
    STEPS,
    STORED,
    Episode,
    Meaning,
    dictionary,
    export,
    policy_of,
    room,
    start,
    stored_pairs,
)
from marl_edu.widgets.speaker.figure import HIGHEST, caption, meaning
from tests.accessibility import violations
from tests.site.conftest import browser  # noqa: F401  the same browser as the site's tests
from tests.widgets.pages import Pages, functions, stop_clock

SAID = "t" + STEPS * "s"
TRAILS = ("t", "tsss", SAID, "t" + STEPS * "m", "tsssss00000mmmmm22222ss111")


def pair(seed: int = 0, hidden_dim: int = 8) -> dict[str, Any]:
    """A pair with random weights that differ enough for it to act."""
    cfg = maddpg.Config(env=SpeakerListener, hidden_dim=hidden_dim)
    torch.manual_seed(seed)
    net = maddpg.build(cfg, SpeakerListener(num_envs=1))
    with torch.no_grad():
        for weight in net.actor.parameters():
            weight.mul_(3)
    return export(net, f"pair {seed} of the tests", -20.0)


PAIRS = {
    "one": pair(0),
    "two": pair(1),
    "deaf": {"kind": "deaf", "label": "deaf", "score": -15.0},
    "told": {"kind": "told", "label": "told", "score": -7.0},
}


@pytest.fixture(scope="module")
def stored() -> dict[str, dict[str, Any]]:
    return stored_pairs()


# -- Python --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", STORED)
def test_an_episode_is_what_the_trained_pair_does_in_the_environment(stored, name: str) -> None:
    """The network itself, in float32 and in a batch, takes the same way."""
    experiment, seed, _ = STORED[name]
    act = maddpg.TeamPolicy(catalogue.load_policy(experiment, seed))
    env = SpeakerListener(num_envs=12, seed=0)
    env.reset()
    starts = [start(number) for number in range(12)]
    env.position = torch.cat([position for position, _ in starts]).float()
    env.goal = torch.tensor([goal for _, goal in starts])
    env.observe()
    episodes = [Episode(stored[name], number) for number in range(12)]
    total = torch.zeros(12)
    for _ in range(STEPS):
        action = act(env)
        assert action[:, 0].tolist() == [one.said for one in episodes]
        _, reward, *_ = env.step(action)
        total += reward[:, 1]
        for one in episodes:
            one.step("s")
        places = torch.tensor([one.place for one in episodes])
        assert (env.position[:, 1] - places).abs().max() < 1e-5
    assert total.tolist() == pytest.approx([one.returns for one in episodes], abs=1e-4)


@pytest.mark.parametrize("name", STORED)
def test_the_exported_actors_score_what_the_page_says(stored, name: str) -> None:
    act = policy_of(stored[name])
    env = SpeakerListener(num_envs=250, dtype=torch.float64)
    found = play_episodes(env, act, 2000)["return"].mean().item()
    assert found == pytest.approx(stored[name]["score"], abs=0.02)


def test_a_word_is_said_muted_or_another(stored) -> None:
    said = Episode(stored["maddpg"], 27).follow("ts")
    assert said.heard == said.said
    assert Episode(stored["maddpg"], 27).follow("tm").heard is None
    for word in range(3):
        other = Episode(stored["maddpg"], 27).follow(f"ts{word}")
        assert other.heard == word and other.t == 2


def test_the_listener_follows_the_word_to_another_landmark(stored) -> None:
    """What the chapter tells the reader to find, in its episode."""
    meanings = dictionary(stored["maddpg"], 27)
    assert [one.goals for one in meanings] == [[1], [0], [2], []]
    assert all(one.goals == [one.landmark] and one.away < 0.3 for one in meanings[:3])
    assert meanings[3].away > 0.6  # muted, it stays in between
    shared = dictionary(stored["shared"], 27)
    assert sorted(len(one.goals) for one in shared) == [0, 0, 1, 2]
    own = dictionary(stored["ddpg"], 27)
    assert sorted(len(one.goals) for one in own) == [0, 0, 0, 3]
    assert len({one.landmark for one in own}) == 1  # no word moves it to another landmark
    assert all(one.away > 0.5 for one in own)  # ... nor near to one
    deaf, told = (Episode(stored[name], 27).follow(SAID).returns for name in ("deaf", "told"))
    assert deaf < Episode(stored["maddpg"], 27).follow(SAID).returns < told


def test_no_word_leads_the_deaf_anywhere_else() -> None:
    found = dictionary(PAIRS["deaf"], 4)
    assert len({(one.landmark, one.away) for one in found}) == 1
    told = dictionary(PAIRS["told"], 4)
    assert [one.goals for one in told] == [[0], [1], [2], []]
    assert [one.landmark for one in told[:3]] == [0, 1, 2] and told[0].away < 0.1


def test_a_meaning_in_words() -> None:
    assert meaning(Meaning("m", [], 2, 0.654)) == ("mute", "—", "landmark 2, 0.65 away")
    assert meaning(Meaning("1", [0, 2], 0, 0.1))[:2] == ("word 1", "goal 0 and goal 2")


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"team": "x"}, r"team must be one of \['deaf', 'one', 'told', 'two'\], got 'x'"),
        ({"episode": -1}, f"episode must lie in 0..{HIGHEST}, got -1"),
        ({"goal": 3}, r"goal must lie in 0\.\.2, got 3"),
        ({"word": "3"}, "word must be one of .*'mute', 'said'.*, got '3'"),
        ({"trail": "s"}, "trail must be t, then up to 25 letters of sm012, got 's'"),
        ({"trail": "t" + 26 * "s"}, "trail must be t"),
    ],
)
def test_bad_settings_are_named(settings, message: str) -> None:
    with pytest.raises(Exception, match=message):
        SpeakerFigure(PAIRS, **settings)
    fine = SpeakerFigure(PAIRS)
    with pytest.raises(Exception, match=message):
        fine.set_trait(*next(iter(settings.items())))
    fine.close()


def test_bad_pairs_are_named() -> None:
    with pytest.raises(TypeError, match="takes no colour"):
        SpeakerFigure(PAIRS, colour="red")
    with pytest.raises(ValueError, match="pairs must hold deaf and told, got one"):
        SpeakerFigure({"one": PAIRS["one"]})


@pytest.mark.parametrize("trail", TRAILS)
def test_the_still_picture_is_well_formed_and_says_what_it_shows(trail: str) -> None:
    shown = SpeakerFigure(PAIRS, trail=trail)
    still = shown.to_html()
    svg = ET.fromstring(re.search(r"<svg.*</svg>", still, re.S)[0])
    said = words(trail)
    assert said in svg.attrib["aria-label"] and said in still
    for row in map(meaning, dictionary(PAIRS["one"], 0)):
        assert all(text in still for text in row)
    shown.close()


def test_what_is_displayed_serves_lab_and_page() -> None:
    shown = SpeakerFigure(PAIRS)
    data, _ = shown._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    assert drawn_once(data["text/html"]) == shown.to_html()
    assert "http" not in shown.to_html().replace("http://www.w3.org/2000/svg", "")
    assert len(shown.to_html()) + len(figure_script("speaker")) < 60_000
    shown.close()


# -- JavaScript against Python -------------------------------------------------------------------


@pytest.fixture(scope="module")
def js(browser: Browser) -> Iterator[Page]:  # noqa: F811
    """A page with the figure's functions on it, as `J`."""
    names = "Episode, dictionary, load, caption, meaning, readState"
    page = functions(browser, names, "speaker/words.js", "speaker/env.js")
    yield page
    page.close()


GO = """([room, pairs, name, number, goal, trail]) => {
    const follow = (k, way) =>
        new J.Episode(room, J.load(pairs[k]), number, goal).follow(way);
    const now = follow(name, trail);
    const [deaf, told] = ["deaf", "told"].map((k) => follow(k, "t" + "s".repeat(now.t)));
    return {
        path: now.path, distances: now.distances, returns: now.returns, goal: now.goal,
        velocity: now.velocity, caption: J.caption(now, deaf, told),
    };
}"""


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("trail", TRAILS)
def test_an_episode_in_the_page_is_that_of_python(js: Page, name: str, trail: str) -> None:
    for number in range(5):
        theirs = js.evaluate(GO, [room(), PAIRS, name, number, None, trail])
        now = Episode(PAIRS[name], number).follow(trail)
        assert theirs["goal"] == now.goal
        assert theirs["caption"] == words(trail, name, episode=number, goal=now.goal)
        ours = torch.tensor(now.path, dtype=torch.float64)
        assert (torch.tensor(theirs["path"], dtype=torch.float64) - ours).abs().max() < 1e-6
        assert theirs["distances"] == pytest.approx(now.distances, abs=1e-6)
        assert theirs["returns"] == pytest.approx(now.returns, abs=1e-6)


@pytest.mark.parametrize("name", ["maddpg", "shared", "ddpg", "deaf", "told"])
def test_the_stored_pairs_agree_over_a_thousand_steps(js: Page, stored, name: str) -> None:
    """With words that are said, muted and swapped at random."""
    generator = torch.Generator().manual_seed(0)
    for number in range(40):
        drawn = torch.randint(5, (STEPS,), generator=generator).tolist()
        trail = "t" + "".join("sm012"[k] for k in drawn)
        theirs = js.evaluate(GO, [room(), stored, name, number, number % 3, trail])
        now = Episode(stored[name], number, number % 3).follow(trail)
        ours = torch.tensor(now.path, dtype=torch.float64)
        assert (torch.tensor(theirs["path"], dtype=torch.float64) - ours).abs().max() < 1e-6
        assert theirs["velocity"] == pytest.approx(now.env.velocity[0, 1].tolist(), abs=1e-6)
        assert theirs["returns"] == pytest.approx(now.returns, abs=1e-6)


@pytest.mark.parametrize("name", ["maddpg", "shared", "ddpg", "deaf", "told"])
def test_meanings_in_the_page_are_those_of_python(js: Page, stored, name: str) -> None:
    for number in (0, 3, 27):
        theirs = js.evaluate(
            """([room, pair, number]) => {
                const found = J.dictionary(room, J.load(pair), number);
                return [found, found.map(J.meaning)];
            }""",
            [room(), stored[name], number],
        )
        ours = dictionary(stored[name], number)
        for mine, other in zip(ours, theirs[0], strict=True):
            assert other.pop("away") == pytest.approx(mine.away, abs=1e-6)
            assert other == {k: v for k, v in mine._asdict().items() if k != "away"}
        assert [tuple(row) for row in theirs[1]] == [meaning(one) for one in ours]


def test_a_link_may_be_nonsense(js: Page) -> None:
    first = {"team": "one", "episode": 5, "goal": 1, "word": "0", "trail": "t0"}
    read = "([traits, first]) => J.readState(traits, first, ['one', 'deaf', 'told'], 25)"
    assert js.evaluate(read, [first, first]) == first
    odd = {"team": "__proto__", "episode": 1e9, "goal": "x", "word": "constructor", "trail": "txx"}
    assert js.evaluate(read, [odd, first]) == {
        "team": "one", "episode": HIGHEST, "goal": 0, "word": "said", "trail": "t",
    }  # fmt: skip
    long = first | {"trail": "t" + 60 * "s", "word": 2, "team": "told"}
    assert js.evaluate(read, [long, first]) == long | {"trail": SAID, "word": "2"}


# -- the figure on a page ------------------------------------------------------------------------


def words(trail: str = "t", team: str = "one", **settings: Any) -> str:
    """What the figure says of a moment."""
    shown = SpeakerFigure(PAIRS, team=team, trail=trail, **settings)
    shown.close()
    return caption(shown.moment(), shown.moment("deaf"), shown.moment("told"))


class Figure:
    """A figure on an open page, found as its reader finds it."""

    def __init__(self, page: Page, number: int = 0):
        self.page = page
        self.root = page.locator("[data-figure]").nth(number)

    def press(self, name: str) -> None:
        self.button(name).click()

    def button(self, name: str) -> Any:
        return self.root.get_by_role("button", name=name, exact=True)

    def hear(self, word: str) -> None:
        self.root.locator(f"[data-name=word][value='{word}']").check()

    @property
    def words(self) -> str:
        label = self.root.locator(".ms-plane").get_attribute("aria-label")
        return label.removeprefix("Speaker and listener. ")

    @property
    def numbers(self) -> list[list[str]]:
        rows = self.root.locator(".ms-numbers tbody tr").all()
        return [row.locator("td").all_text_contents() for row in rows]


class Opened(Pages):
    """Opens figures as pages."""

    def __call__(self, *figures: SpeakerFigure, **context: Any) -> Figure:
        return Figure(self.page(self.write(*(figures or (SpeakerFigure(PAIRS),))), **context))


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Opened]:  # noqa: F811
    pages = Opened(browser, tmp_path)
    yield pages
    pages.close()


def test_it_goes_step_by_step_and_its_words_are_changed_on_the_way(opened: Opened) -> None:
    shown = opened()
    assert shown.words == words("t")
    shown.press("Step")
    shown.press("Step")
    assert shown.words == words("tss")
    for word in CHANNELS:
        shown.hear(word)
        shown.press("Step")
    assert shown.words == words("tsssm012")
    now = Episode(PAIRS["one"], 0).follow("tsssm012")
    assert shown.numbers[0][0] == f"{now.distances[-1]:.2f}"
    assert shown.numbers[0][2] == "−20.0" and shown.numbers[1][2] == "−15.0"
    shown.press("Reset")
    assert shown.words == words("t")


def test_once_it_is_over_another_word_shows_the_end_that_it_would_have_had(opened: Opened) -> None:
    shown = opened(SpeakerFigure(PAIRS, trail=SAID))
    assert shown.button("Step").is_disabled()
    for word, letter in CHANNELS.items():
        shown.hear(word)
        assert shown.words == words("t" + STEPS * letter)
    rows = shown.root.locator(".ms-meaning .ms-now th").all_text_contents()
    assert rows == ["word 2"]
    shown.press("Play again")
    assert shown.words == words("t")


def test_pairs_goals_and_episodes_change(opened: Opened) -> None:
    shown = opened(SpeakerFigure(PAIRS, trail="tss0"))
    for team in PAIRS:
        shown.root.locator("[data-name=team]").select_option(team)
        assert shown.words == words("tss0", team)
    shown.root.locator("[data-name=goal][value='0']").check()
    assert shown.words == words("tss0", "told", goal=0)
    shown.press("New episode")
    assert shown.words == words("t", "told", episode=1)
    shown.root.get_by_label("Episode", exact=True).fill("12")
    assert shown.words == words("t", "told", episode=12)
    for nonsense in ("", "-1", "1.5", "99999999"):
        shown.root.get_by_label("Episode", exact=True).fill(nonsense)
        assert shown.words == words("t", "told", episode=12)


def test_keys_choose_the_word(opened: Opened) -> None:
    shown = opened()
    shown.root.locator("[data-name=word][value=said]").focus()
    shown.page.keyboard.press("ArrowRight")
    shown.button("Step").focus()
    shown.page.keyboard.press("Enter")
    assert shown.words == words("tm")


def test_it_plays_until_it_is_stopped_or_over(opened: Opened) -> None:
    page = opened.page(opened.write(SpeakerFigure(PAIRS)))
    stop_clock(page)
    shown = Figure(page)
    shown.press("Play")
    page.clock.run_for(950)
    assert shown.words == words("tsss")
    shown.press("Pause")
    page.clock.run_for(2000)
    assert shown.words == words("tsss")
    shown.press("Play")
    page.clock.run_for(10_000)
    assert shown.words == words(SAID) and shown.button("Play again").is_visible()


def test_what_it_shows_is_said_aloud_once_it_stands_still(opened: Opened) -> None:
    shown = opened()
    shown.press("Step")
    shown.page.wait_for_function(
        "words => document.querySelector('[role=status]').textContent === words", arg=words("ts")
    )


def test_a_link_shows_the_moment_it_was_copied_at(opened: Opened) -> None:
    url = opened.write(SpeakerFigure(PAIRS), SpeakerFigure(PAIRS))
    page = opened.page(url)
    assert "#" not in page.url
    shown = Figure(page, 1)
    shown.hear("2")
    shown.press("Step")
    shown.root.locator("[data-name=team]").select_option("two")
    assert page.url == f"{url}#speaker-1?team=two&episode=0&goal={start(0)[1]}&word=2&trail=t2"
    again = Figure(opened.page(page.url), 1)
    assert again.words == shown.words == words("t2", "two")
    assert again.root.locator("[data-name=word][value='2']").is_checked()
    again.press("Reset")
    assert again.words == words("t")
    nonsense = Figure(opened.page(f"{url}#speaker-0?team=x&episode=y&word=4&trail=12"))
    assert nonsense.words == words("t")


def test_without_javascript_picture_and_numbers_are_there(opened: Opened) -> None:
    shown = opened(SpeakerFigure(PAIRS, trail="tsss"), java_script_enabled=False)
    assert shown.root.locator("svg").count() == 1
    assert words("tsss") in shown.root.locator("figcaption").inner_text()
    assert shown.root.locator("tbody tr").count() == 4


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1200])
def test_it_breaks_no_rule_of_accessibility_and_fits_the_screen(
    opened: Opened, theme: str, width: int
) -> None:
    url = opened.write(SpeakerFigure(PAIRS, trail="tssm0"), theme=theme)
    page = opened.page(url, viewport={"width": width, "height": 900})
    page.wait_for_selector("[data-do=reset]")
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("label", ["Step", "Play", "Play again"])
def test_nothing_is_wider_than_its_box_on_a_phone(opened: Opened, label: str) -> None:
    """With the book's pairs, whose names are long; at rest, while it plays, and at the end. Of the
    375 px of a phone the site leaves 343 to a figure, and sets its own type."""
    shown = opened(
        SpeakerFigure(trail=SAID if label == "Play again" else "tsss"),
        viewport={"width": 343 + 16, "height": 740},
    )
    shown.page.add_style_tag(content="html { font-size: 18px }")
    if label == "Play":
        shown.press("Play")
        shown.button("Pause").wait_for()
    wider = shown.page.evaluate(
        """() => {
            const { left, right } = document.querySelector(".ms").getBoundingClientRect();
            return [...document.querySelectorAll(".ms *:not(.ms-hidden, svg *)")].filter((one) => {
                const box = one.getBoundingClientRect();
                return box.width && (box.left < left - 0.5 || box.right > right + 0.5);
            }).map((one) => one.outerHTML.slice(0, 80));
        }"""
    )
    assert wider == []


def test_a_finger_finds_what_is_pressed_on_the_screen_with_the_picture(opened: Opened) -> None:
    shown = opened(viewport={"width": 375, "height": 740}, has_touch=True)
    top = shown.root.locator(".ms-plane").bounding_box()["y"]
    pressed = ".ms-buttons button, .ms-word label, [data-name=team]"
    for one in shown.root.locator(pressed).all():
        box = one.bounding_box()
        assert box["height"] >= 44 and box["width"] >= 44
        assert box["y"] + box["height"] - top <= 684
    shown.button("Step").tap()
    assert shown.words == words("ts")
