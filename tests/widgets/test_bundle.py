"""Joining modules: what comes out runs as it did, and what is not accepted is named."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from marl_edu.widgets.shared import bundle
from marl_edu.widgets.shared.bundle import BundleError, join, script
from tests.site.conftest import browser  # noqa: F401  the same browser as the site's tests
from tests.widgets import test_state

INTERVIEW = Path(__file__).resolve().parents[2] / "book" / "_static" / "interview"


def write(folder: Path, **texts: str) -> Path:
    """Modules by name; the path of the first."""
    for name, text in texts.items():
        (folder / f"{name}.js").write_text(text, encoding="utf-8")
    return folder / f"{next(iter(texts))}.js"


@pytest.fixture
def page(browser: Browser) -> Any:  # noqa: F811
    page = browser.new_page()
    yield page
    page.close()


def test_every_module_stands_once_behind_what_it_imports(tmp_path: Path) -> None:
    entry = write(
        tmp_path,
        a='import { b } from "./b.js";\nimport {\n  c,\n  d,\n} from "./c.js";\n'
        "export const a = b + c + d;\n",
        b='import { c } from "./c.js";\nexport const b = c;\n',
        c="export const c = 1;\nexport function d() {}\n",
    )
    assert join(entry) == "const c = 1;\nfunction d() {}\n\nconst b = c;\n\nconst a = b + c + d;\n"
    assert join(tmp_path / "c.js", entry) == join(entry)


def test_a_script_runs_as_its_modules_do_and_has_a_scope_of_its_own(
    page: Page, tmp_path: Path
) -> None:
    entry = write(
        tmp_path,
        main='import { Twice, half } from "./maths.js";\nconst name = new Twice(21).value;\n'
        "document.title = `${name} ${half(name)} ${this === undefined}`;\n",
        maths="/** Halves. */\nexport const half = (x) => x / 2;\n// Twice.\nconst TWO = 2;\n"
        "export class Twice {\n  constructor(x) {\n    this.value = TWO * x; // doubled\n  }\n}\n",
    )
    text = script(entry, last="window.seen = TWO;\n")
    assert "doubled" in text and "Halves" not in text and "// Twice" not in text
    page.add_script_tag(content=text)
    assert page.title() == "42 21 true"
    assert page.evaluate("[window.seen, typeof TWO, typeof half]") == [2, "undefined", "undefined"]


@pytest.mark.parametrize(
    "text, message",
    [
        ('const a = 1;\n\nimport * as b from "./b.js";', r"a\.js:3: 'import \* as b"),
        ('import b from "./b.js";', r"a\.js:1: 'import b from"),
        ('import { b as c } from "./b.js";', "'import { b as c }"),
        ('import "./b.js";', "'import \"./b.js\";'"),
        ('import { b } from "b";', "accepted are import { a, b }"),
        ("import { b } from './b.js';", "accepted are"),
        ('  import { b } from "./b.js";', "accepted are"),
        ('const b = await import("./b.js");', r"a\.js:1: 'const b = await import"),
        ("const b = import.meta.url;", "'const b = import.meta.url;'"),
        ("export default 1;", "'export default 1;'"),
        ("const b = 1;\nexport { b };", r"a\.js:2: 'export { b };'"),
        ('export * from "./b.js";', "'export "),
        ("export let b = 1;", "'export let b = 1;'"),
        ("export const [b] = [1];", "'export const "),
        ("export function* b() {}", "'export function"),
    ],
)
def test_what_is_not_accepted_is_named_with_its_line(
    tmp_path: Path, text: str, message: str
) -> None:
    entry = write(tmp_path, a=text + "\n", b="export const b = 1;\n")
    with pytest.raises(BundleError, match=message):
        join(entry)


def test_a_circle_is_named(tmp_path: Path) -> None:
    entry = write(
        tmp_path,
        a='import { b } from "./b.js";\nexport const a = 1;\n',
        b='import { c } from "./c.js";\nexport const b = 1;\n',
        c='import { b } from "./b.js";\nexport const c = 1;\n',
    )
    with pytest.raises(BundleError, match=r"in a circle: b\.js -> c\.js -> b\.js"):
        join(entry)


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    entry = write(tmp_path, a='\nimport { b, c } from "./b.js";\n', b="export const b = 1;\n")
    with pytest.raises(BundleError, match=r"a\.js:2: b\.js exports no 'c'"):
        join(entry)
    with pytest.raises(BundleError, match=r"x\.js:1: there is no file .*y\.js"):
        join(write(tmp_path, x='import { y } from "./y.js";\n'))
    hidden_dim = write(tmp_path, d='import { b } from "./e.js";\n', e="const b = 1;\n")
    with pytest.raises(BundleError, match=r"e\.js exports no 'b'"):
        join(hidden_dim)


@pytest.mark.parametrize(
    "declared",
    ["const b = 1;", "let a, b;", "var b;", "function b() {}", "async function b() {}",
     "class b {}", "const [a, b] = [1, 2];", "const { a, b } = {};", "export function b() {}"],
)  # fmt: skip
def test_a_name_for_two_things_is_named_with_both_places(tmp_path: Path, declared: str) -> None:
    entry = write(
        tmp_path,
        a=f'import {{ c }} from "./b.js";\n{declared}\n',
        b="export const c = 1;\nconst b = 2;\n",
    )
    message = r"a\.js:2: 'b' stands for something else in .*/b\.js:2"
    with pytest.raises(BundleError, match=message):
        join(entry)


def test_an_inner_name_is_no_collision(tmp_path: Path) -> None:
    entry = write(
        tmp_path,
        a='import { c } from "./b.js";\nexport function f(b) {\n  const c = b;\n  return c;\n}\n',
        b="export const c = 1;\nconst b = 2;\n",
    )
    assert "const b = 2;" in join(entry)


@pytest.mark.parametrize("name", bundle.FIGURES)
def test_a_figure_is_one_module_and_one_script(page: Page, name: str) -> None:
    """The module as anywidget loads it; the script where there is no such figure."""
    module = bundle.figure_module(name)
    assert not re.search(r"^\s*import\b", module, re.MULTILINE)
    default = page.evaluate(
        """async (text) => {
            const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
            const { default: widget, ...others } = await import(url);
            return [widget.name, typeof widget.render, Object.keys(others)];
        }""",
        module,
    )
    assert default == [name, "function", []]
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.add_script_tag(content=bundle.figure_script(name))
    assert wrong == []


def test_a_figure_that_is_none_is_named() -> None:
    with pytest.raises(ValueError, match=r"name must be one of corridor, .* got 'maze'"):
        bundle.figure_script("maze")


@pytest.mark.parametrize("name", ["wide", "quiz", "cards", "mock", "readiness"])
def test_a_script_of_the_interview_pages_is_one_script(page: Page, name: str) -> None:
    text = script(INTERVIEW / f"{name}.js")
    assert page.evaluate("text => { new Function(text); }", text) is None


def test_no_script_is_longer_than_a_reader_stays_with() -> None:
    folders = (bundle.SHARED.parent, INTERVIEW)
    long = {
        path.name: lines
        for folder in folders
        for path in folder.rglob("*")
        if path.suffix in (".js", ".py")
        and (lines := len(path.read_text(encoding="utf-8").splitlines())) > 350
    }
    assert long == {}


# What VS Code and Colab do not give a widget, and what a figure must not ask of anybody.
FOREIGN = re.compile(
    r"\brequire\s*\(|\bdefine\s*\(\s*\[|window\.parent|window\.top\b|\bparent\.postMessage"
    r"|\bfetch\s*\(|XMLHttpRequest|WebSocket|importScripts|https?://(?!www\.w3\.org/)"
)
MOST = 1_000_000  # bytes of a figure's state


@pytest.mark.parametrize("name", bundle.FIGURES)
def test_a_figure_asks_nothing_that_vs_code_or_colab_does_not_give(name: str) -> None:
    assert FOREIGN.findall(bundle.figure_module(name)) == []


def test_panels_ask_nothing_either() -> None:
    assert FOREIGN.findall(join(bundle.SHARED / "panel.js")) == []


@pytest.mark.parametrize(
    "text", ["require(['x'])", "window.parent.x", "fetch(url)", '"https://cdn.example/x.js"']
)
def test_what_would_break_there_is_found(text: str) -> None:
    assert FOREIGN.search(text) and not FOREIGN.search('"http://www.w3.org/2000/svg"')


@pytest.mark.parametrize("name", test_state.FIGURES)
def test_the_state_of_a_figure_is_small(name: str) -> None:
    figure = test_state.FIGURES[name]()
    state = {key: x for key, x in figure.get_state().items() if key not in ("_esm", "_css")}
    assert len(json.dumps(state, default=str)) < MOST
    figure.close()
