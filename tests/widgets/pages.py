"""Live figures as pages of their own in a real browser, where nothing may go wrong unnoticed."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

from marl_edu.widgets.shared import bundle

ROOT = Path(__file__).resolve().parents[2]
SITE_CSS = (ROOT / "book" / "_static" / "marl.css").read_text(encoding="utf-8")


def functions(browser: Browser, names: str, *modules: str) -> Page:
    """A page with functions of a figure's modules on it, as `J`."""
    page = browser.new_page()
    paths = [bundle.SHARED.parent / module for module in modules]
    page.add_script_tag(content=bundle.script(*paths, last=f"window.J = {{ {names} }};\n"))
    return page


def stop_clock(page: Page) -> None:
    """From now on time passes on the page only where `page.clock.run_for` says so."""
    start = datetime(2030, 1, 1)  # any time
    page.clock.install(time=start)
    page.clock.pause_at(start + timedelta(seconds=1))  # it went on until now


class Pages:
    """Opens figures as pages, and remembers what went wrong on them: messages, errors, requests."""

    def __init__(self, browser: Browser, folder: Path):
        self.browser, self.folder, self.wrong = browser, folder, list[str]()

    def write(self, *figures: Any, theme: str = "light") -> str:
        """A page with these figures, which are closed, and beside it their scripts; its address."""
        body = "\n".join(shown.to_html() for shown in figures)
        scripts = ""
        for name in sorted({shown.NAME for shown in figures}):
            (self.folder / f"{name}.js").write_text(bundle.figure_script(name), encoding="utf-8")
            scripts += f'<script defer src="{name}.js"></script>'
        for shown in figures:
            shown.close()
        path = self.folder / f"page-{theme}.html"
        path.write_text(
            f'<!doctype html><html lang="en" data-theme="{theme}"><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>Figure</title>{scripts}<style>{SITE_CSS}"
            " body { background: var(--marl-paper); color: var(--marl-ink); margin: 8px }</style>"
            f"<main><h1>Figure</h1>{body}</main></html>",
            encoding="utf-8",
        )
        return path.as_uri()

    def page(self, url: str, unfold: bool = True, **context: Any) -> Page:
        """The page, in a browser of its own with these settings; what is folded, unfolded."""
        page = self.browser.new_context(**context).new_page()
        page.on("console", lambda m: self.wrong.append(m.text) if m.type != "log" else None)
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("request", lambda r: r.url.startswith("http") and self.wrong.append(r.url))
        page.goto(url)
        if unfold:
            page.evaluate(
                "document.querySelectorAll('details').forEach(one => { one.open = true })"
            )
        return page

    def close(self) -> None:
        """Close all pages. Fails if anything went wrong on one."""
        for context in self.browser.contexts:
            if any(page.url.startswith("file:") for page in context.pages):
                context.close()
        assert self.wrong == []
