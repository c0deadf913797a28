"""JupyterLab as `make lab` starts it, and Notebook 7, on a folder of its own, in a browser."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser, Page

from tests import ROOT
from tests.site.conftest import launched

sys.path.insert(0, str(ROOT / "tools"))
import lab

SECONDS = 90_000  # milliseconds that a busy machine may take for a step


class Lab:
    """A server on a folder; each `open` is a page with a list of what went wrong on it."""

    APP, TRAITS, TREE = "lab", "LabApp", "lab/tree"
    THEIRS = ""  # what goes wrong on every page, whatever is on it

    def __init__(self, browser: Browser, folder: Path, home: Path):
        self.browser, self.folder, self.home = browser, folder, home
        self.wrong: list[str] = []

    @contextmanager
    def started(self) -> Iterator[None]:
        """While it lasts, the server runs; its kernels end with it."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.origin = f"http://127.0.0.1:{port}"
        command = [
            sys.executable, "-m", "jupyter", self.APP, "--allow-root", "--no-browser",
            f"--{self.TRAITS}.app_settings_dir={self._settings()}",
            f"--{self.TRAITS}.expose_app_in_browser=True",
            "--ip=127.0.0.1", f"--port={port}", "--ServerApp.port_retries=0",
            "--IdentityProvider.token=", f"--ServerApp.root_dir={self.folder}",
        ]  # fmt: skip
        known = {"JUPYTER_DATA_DIR": str(self.home / "data"), "HOME": str(self.home)}
        known |= {"JUPYTER_CONFIG_DIR": str(self.home / "config"), "OMP_NUM_THREADS": "1"}
        env = {**os.environ, **known, "PYTHONPATH": str(ROOT)}
        with (self.home / "server.log").open("w") as log:
            server = subprocess.Popen(command, cwd=self.folder, env=env, stdout=log, stderr=log)
            try:
                self._wait(server)
                yield
            finally:
                server.kill()  # its kernels notice, and end
                server.wait()

    def _settings(self) -> Path:
        """Those of `make lab`; and all cells are on the page, also those that nobody sees."""
        path = self.home / "settings" / "overrides.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        ours = json.loads((lab.SETTINGS / "overrides.json").read_text("utf-8"))
        ours["@jupyterlab/notebook-extension:tracker"] = {"windowingMode": "none"}
        path.write_text(json.dumps(ours), "utf-8")
        return path.parent

    def _wait(self, server: subprocess.Popen[bytes]) -> None:
        end = time.monotonic() + SECONDS / 1000
        while time.monotonic() < end and server.poll() is None:
            try:
                urlopen(f"{self.origin}/api", timeout=5).close()
                return
            except (URLError, OSError):
                time.sleep(0.2)
        raise AssertionError((self.home / "server.log").read_text())

    @contextmanager
    def open(self, notebook: str) -> Iterator[Page]:
        """A notebook in a browser. Fails if anything went wrong on the page."""
        context = self.browser.new_context(viewport={"width": 1300, "height": 1500})
        page = context.new_page()
        page.set_default_timeout(SECONDS)
        page.on("console", self._console)
        page.on("pageerror", self._uncaught)
        page.on("request", self._request)
        page.goto(f"{self.origin}/{self.TREE}/{notebook}?reset")
        page.locator(".jp-Notebook").wait_for()
        page.locator(".jp-Notebook .jp-CodeCell").first.wait_for()
        try:
            yield page
        finally:
            context.close()
        assert self.wrong == []

    def _uncaught(self, error: Any) -> None:
        if error.message != self.THEIRS:
            self.wrong.append(f"uncaught: {error}")

    def _console(self, message: Any) -> None:
        if message.type == "error":
            self.wrong.append(f"{message.text} {message.location.get('url', '')}")

    def _request(self, request: Any) -> None:
        ours = (self.origin, self.origin.replace("http", "ws", 1), "data:", "blob:", "about:")
        if not request.url.startswith(ours):
            self.wrong.append(f"asked another machine: {request.url}")


class Notebook(Lab):
    """The same in Notebook 7, which asks for its shortcuts before they are loaded."""

    APP, TRAITS, TREE = "notebook", "JupyterNotebookApp", "notebooks"
    THEIRS = "Cannot read properties of undefined (reading 'schema')"


def menu(page: Page, name: str, entry: str) -> None:
    """Choose from Lab's menu."""
    page.locator("#jp-MainMenu .lm-MenuBar-item", has_text=re.compile(f"^{name}$")).click()
    page.locator(".lm-Menu-itemLabel", has_text=re.compile(f"^{entry}$")).click()


def run_all(page: Page, milliseconds: int = SECONDS) -> None:
    """Run all cells, and wait until the kernel has nothing left to do."""
    idle(page)
    menu(page, "Run", "Run All Cells")
    until(page, lambda: not unfinished(page), milliseconds)


def idle(page: Page) -> None:
    """Wait until there is a kernel with nothing to do; Lab asks for one if it is asked too soon."""
    if "/lab/" in page.url:
        page.locator("#jp-main-statusbar", has_text="| Idle").wait_for()
    else:  # Notebook 7 has no such bar
        page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").first.wait_for()
    page.wait_for_timeout(500)


def unfinished(page: Page) -> list[str]:
    """The cells that have not run, or run still: by what Lab writes at their left."""
    texts = page.locator(".jp-CodeCell .jp-InputArea-prompt").all_text_contents()
    return [text for text in texts if not re.fullmatch(r"\[\d+\]:", text.strip())]


def until(page: Page, true: Callable[[], Any], milliseconds: int = SECONDS) -> None:
    """Wait until something is true."""
    end = time.monotonic() + milliseconds / 1000
    while not true():
        assert time.monotonic() < end
        page.wait_for_timeout(100)


def save(page: Page) -> None:
    """Save the notebook, and wait until it is on the disk."""
    menu(page, "File", "Save Notebook")
    page.locator(".jp-mod-current.jp-mod-dirty").wait_for(state="detached")
    page.wait_for_timeout(1000)


@pytest.fixture(scope="session")
def browser() -> Browser:
    """The browser of all tests."""
    return launched()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the server shows."""
    return tmp_path_factory.mktemp("lab")
