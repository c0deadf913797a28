"""tools/run.py and tools/install.py: without make and bash, anywhere, and again after Ctrl-C."""

import hashlib
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from tests import ROOT

sys.path.insert(0, str(ROOT / "tools"))
import install
import run

pytestmark = pytest.mark.skipif(os.name != "posix", reason="scripts that stand in for Python")
# An interpreter that makes an environment of itself, notes what it is asked to run, and says yes.
STUB = """#!{python}
import json, os, pathlib, shutil, sys
words, here = sys.argv[1:], pathlib.Path(sys.argv[0])
if words[:2] == ["-m", "venv"]:
    made = pathlib.Path(words[2], "bin")
    made.mkdir(parents=True)
    (made.parent / "pyvenv.cfg").touch()
    pathlib.Path(words[2] + ".begun").touch()
    {then}
    shutil.copy(here, made / "python")
elif words[:1] == ["-c"]:
    exec(words[1] if "platform" in words[1] else "")
    if "prefix" in words[1] and (here.parent / "no-pip").exists():
        sys.exit(1)
else:
    if words[:2] == ["-m", "pip"] and "--report" in words:
        pathlib.Path(words[words.index("--report") + 1]).write_text('{{"install": []}}')
    with open(os.environ["SAID"], "a") as said:
        said.write(json.dumps(words) + "\\n")
    sys.exit(os.environ.get("FAILS", "?") in words)
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose name has a space and a letter that is none of ASCII's."""
    folder = tmp_path / "mein Büro"
    folder.mkdir()
    monkeypatch.setenv("SAID", str(tmp_path / "said"))
    monkeypatch.delenv("PYTHON", raising=False)
    return folder


def stub(folder: Path, then: str = "") -> Path:
    """The interpreter; `then` is what it does after beginning an environment."""
    path = folder / "python3"
    path.write_text(STUB.format(python=sys.executable, then=then), "utf-8")
    path.chmod(0o755)
    return path


def said(folder: Path) -> str:
    path = folder.parent / "said"
    return path.read_text("utf-8") if path.exists() else ""


def call(folder: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """tools/run.py with nothing on PATH: no bash, no make."""
    env = {**os.environ, "PATH": "", "VENV": str(folder / "env"), "PYTHON": str(stub(folder))}
    command = [sys.executable, str(ROOT / "tools" / "run.py"), *words]
    env |= variables
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=60)


def test_it_needs_neither_make_nor_bash_nor_a_plain_path(place: Path) -> None:
    done = call(place, "types", "slow")
    assert done.returncode == 0, done.stderr
    lines = said(place)
    assert '"--require-hashes"' in lines or "without hashes" in done.stdout
    assert lines.index('"--editable"') < lines.index('["-m", "mypy"]') < lines.index('"slow"]')
    assert call(place, "types").returncode == 0
    assert said(place).count('"--editable"') == 1, "what is installed is not installed again"
    assert call(place, "types", FAILS="mypy").returncode == 1
    assert call(place, "typos").returncode == 2
    assert "make book" in call(place).stdout


def test_make_does_the_same(place: Path) -> None:
    if not shutil.which("make"):
        pytest.skip("no make")
    words = [f"VENV={place / 'env'}", f"PYTHON={stub(place)}", "types"]
    # Its interpreter runs tools/run.py itself, so here it only notes that.
    done = subprocess.run(["make", "-C", str(ROOT), *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert said(place) == '["tools/run.py", "types"]\n'


def no_pip(venv: Path) -> None:
    (venv / "bin" / "no-pip").touch()


def no_python(venv: Path) -> None:
    (venv / "bin" / "python").unlink()


def no_stamp(venv: Path) -> None:
    (venv / ".installed").unlink()


def old_stamp(venv: Path) -> None:
    (venv / ".installed").write_text("")


@pytest.mark.parametrize(
    "damage, anew", [(no_pip, 1), (no_python, 1), (no_stamp, 0), (old_stamp, 0)]
)
def test_what_is_half_there_is_mended(
    place: Path, damage: Callable[[Path], None], anew: bool, capsys: pytest.CaptureFixture
) -> None:
    venv = place / "env"
    install.install(venv, str(stub(place)))
    damage(venv)
    capsys.readouterr()
    install.install(venv, str(stub(place)))
    assert ("Making" in capsys.readouterr().out) == bool(anew)
    assert said(place).count('"--editable"') == 2
    assert (venv / ".installed").read_text() == install.wanted()


def test_what_failed_is_tried_again(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAILS", "--editable")
    for _ in range(2):
        with pytest.raises(install.Failed, match="pip could not"):
            install.install(place / "env", str(stub(place)))
    monkeypatch.delenv("FAILS")
    install.install(place / "env", str(stub(place)))
    assert said(place).count('"--editable"') == 3


def test_nothing_but_an_environment_is_ever_removed(place: Path) -> None:
    (place / "env").mkdir()
    (place / "env" / "thesis.tex").write_text("x")
    with pytest.raises(install.Failed, match="something else"):
        install.install(place / "env", str(stub(place)))
    assert (place / "env" / "thesis.tex").exists()


def test_an_old_python_is_refused(place: Path) -> None:
    with pytest.raises(install.Failed, match=r"3\.11 or newer is needed; /no/python found is"):
        install.interpreter("/no/python")


@pytest.mark.parametrize(
    "then, interrupted", [("import time; time.sleep(60)", True), ("sys.exit(1)", False)]
)
def test_half_an_environment_is_not_left_behind(place: Path, then: str, interrupted: bool) -> None:
    """Neither by Ctrl-C nor by an interpreter that cannot make one."""
    venv, started = place / "env", place / "started"
    then = f"open({str(started)!r}, 'w'); {then}"
    command = [sys.executable, "tools/install.py", str(venv), str(stub(place, then))]
    heed = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # a shell's "&" has it ignored
    with subprocess.Popen(
        command,
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=heed,
    ) as process:
        for _ in range(600):
            if started.exists():  # a signal on its way there might not reach it
                break
            time.sleep(0.05)
        if interrupted:
            os.killpg(process.pid, signal.SIGINT)
        _, told = process.communicate(timeout=30)
    assert process.returncode != 0 and not venv.exists()
    assert "the next call goes on" in told if interrupted else "cannot make a virtual" in told


def test_a_home_that_cannot_be_written_is_replaced(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "BUILD", place)
    monkeypatch.setenv("HOME", str(place))
    run.give_home()
    assert os.environ["HOME"] == str(place)
    monkeypatch.setenv("HOME", "/nonexistent")
    monkeypatch.setenv("XDG_CACHE_HOME", "/nonexistent/cache")
    run.give_home()
    assert os.environ["HOME"] == str(place / ".home") and (place / ".home").is_dir()
    assert "XDG_CACHE_HOME" not in os.environ


def test_the_site_is_put_in_place_whole(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    html, built = place / "html", place / "built"
    for folder, text in ((html, "old"), (built, "new")):
        folder.mkdir()
        (folder / f"{text}.html").write_text(text)

    # The book's folder has the same name.
    spec = importlib.util.spec_from_file_location("tools_book", ROOT / "tools" / "book.py")
    assert spec is not None and spec.loader is not None
    book = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(book)

    def full(*_: object) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copytree", full)
        with pytest.raises(OSError, match="no space"):
            book.put_in_place(built, html)
    assert [path.name for path in html.iterdir()] == ["old.html"]
    (place / ".html-new").mkdir()  # as an interrupted call leaves it
    (place / ".html-old").mkdir()
    book.put_in_place(built, html)
    assert [path.name for path in html.iterdir()] == ["new.html"]
    assert {path.name for path in place.iterdir()} == {"html", "built"}


def test_an_archive_has_its_checksum(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "BUILD", place)
    monkeypatch.setattr(run, "HTML", place / "html")
    (place / "html").mkdir()
    run.archive()
    digest = hashlib.sha256((place / "site.tar.gz").read_bytes()).hexdigest()
    assert (place / "site.tar.gz.sha256").read_text() == f"{digest}  site.tar.gz\n"
    with tarfile.open(place / "site.tar.gz") as packed:
        assert packed.getnames() == ["html"]


def test_the_lock_holds_what_is_pinned() -> None:
    """Every pin but torch, with one hash, and the same versions."""
    lines = install.LOCK.read_text("utf-8").splitlines()
    locked = dict(line.split(" --hash=sha256:") for line in lines if not line.startswith("#"))
    assert all(len(digest) == 64 for digest in locked.values())
    assert any(line.startswith("# torch: ") for line in lines)
    pins = install.REQUIREMENTS.read_text("utf-8").splitlines()
    for pin in pins:
        if pin and not pin.startswith(("#", "torch==")):
            name, version = pin.partition(";")[0].strip().split("==")
            assert f"{canonicalize_name(name)}=={version}" in locked, pin
    assert not any(name.startswith("torch==") for name in locked)
