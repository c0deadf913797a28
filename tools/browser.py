"""Find a Chromium-family browser, or get one, and run Python with its path in BROWSER_PATH.

usage: python tools/browser.py ARGUMENT ...        of Python: -m pytest tests/site

Without a browser the command does not run: the last line printed says so and how to get one, and
that is a failure only where CI=true.
"""

import os
import shutil
import subprocess
import sys
from typing import Any

NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "microsoft-edge",
    "brave-browser",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)


def starts(path: str | None) -> bool:
    """Whether this is a browser that runs here (a stub that only says "install me" is not)."""
    if not path:
        return False
    try:
        asked = subprocess.run([path, "--version"], capture_output=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return asked.returncode == 0


def on_this_machine() -> str | None:
    """The first browser that starts: BROWSER_PATH, then PATH, then Playwright's own."""
    for name in (os.environ.get("BROWSER_PATH"), *NAMES):
        path = shutil.which(name) if name else None
        if starts(path):
            return path
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if starts(path) else None


def launch(playwright: Any, path: str | None, *flags: str) -> Any:
    """Playwright's browser from the one at `path`. Chromium's sandbox refuses root."""
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    arguments = [*flags, *["--no-sandbox"] * root]
    return playwright.chromium.launch(executable_path=path, args=arguments)


def install() -> None:
    """Try Debian's package as root, else Playwright's download."""
    if os.name == "posix" and os.geteuid() == 0 and shutil.which("apt-get"):
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "-qq"], env=quiet)
        packages = ["chromium", "fonts-dejavu-core"]
        subprocess.run(["apt-get", "install", "-qq", "-y", *packages], env=quiet)
    else:
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"])


def main() -> int:
    """Run Python in an environment with a browser; its exit code is ours."""
    browser = on_this_machine()
    if browser is None:
        print("No Chromium, Chrome or Edge found; trying to install one.", flush=True)
        install()
        browser = on_this_machine()
    if browser is None:
        print(
            "BROWSER TESTS DID NOT RUN: no Chromium, Chrome or Edge on this machine. "
            "Install one (Debian, Ubuntu: sudo apt-get install chromium), or name one: "
            "make test BROWSER_PATH=...",
            flush=True,
        )
        return 1 if os.environ.get("CI") == "true" else 0
    print(f"Browser: {browser}", flush=True)
    command = [sys.executable, *sys.argv[1:]]
    return subprocess.run(command, env={**os.environ, "BROWSER_PATH": browser}).returncode


if __name__ == "__main__":
    sys.exit(main())
