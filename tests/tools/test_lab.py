"""The copies that readers write in: nothing of theirs is lost, and nothing of theirs is built."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_notebook, writes

from tests import ROOT

sys.path.insert(0, str(ROOT / "tools"))
import book
import lab


def write(path: Path, source: str, output: bool = False) -> None:
    cell = new_code_cell(source, execution_count=1 if output else None)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(writes(new_notebook(cells=[cell])), "utf-8")


def source(path: Path) -> str:
    return "".join(json.loads(path.read_text("utf-8"))["cells"][0]["source"])


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    for name in ("tour", "chapters/gat", "chapters/.ipynb_checkpoints/gat", "_build/gat"):
        write(tmp_path / "book" / f"{name}.ipynb", "1")
    return tmp_path / "book", tmp_path / "lab"


def test_chapters_are_copied_and_nothing_else(folders: tuple[Path, Path]) -> None:
    assert lab.refresh(*folders) == []
    found = {path.relative_to(folders[1]).as_posix() for path in folders[1].rglob("*.ipynb")}
    assert found == {"tour.ipynb", "chapters/gat.ipynb"}


TEXT = """# A chapter

TarMAC {cite}`das2019tarmac`, by {cite:t}`singh2019ic3net`; see [](../notation.md#letters), the
[glossary](../glossary.md), [](drqn.ipynb), the {term}`interquartile mean` and `[i](x[:, i])`.
"""
LINKED = """# A chapter

TarMAC ([Das et al., 2019](BASEbook/bibliography.html)), by \
[Singh et al. (2019)](BASEbook/bibliography.html); see \
[Notation](BASEbook/notation.html#letters), the
[glossary](BASEbook/glossary.html), [DRQN](drqn.ipynb), the \
[interquartile mean](BASEbook/glossary.html#term-interquartile-mean) and `[i](x[:, i])`.
"""


def test_what_lab_cannot_know_is_a_link_to_the_site() -> None:
    made = lab.readable(TEXT, lab.BOOK / "chapters" / "tarmac.ipynb", lab.BOOK)
    drqn, notation = (lab.title(lab.BOOK / name) for name in ("chapters/drqn.ipynb", "notation.md"))
    wanted = LINKED.replace("BASE", lab.BASE).replace("[DRQN]", f"[{drqn}]")
    assert made == wanted.replace("[Notation]", f"[{notation}]")


def test_an_equation_of_another_page_is_a_link_to_it() -> None:
    tour = lab.BOOK / "tour.ipynb"
    linked = lab.readable("$d$ in {eq}`eq-dqn-target`", tour, lab.BOOK)
    where = f"{lab.BASE}book/chapters/drqn.html#equation-eq-dqn-target"
    assert linked == f"$d$ in [an equation of another page]({where})"
    own = lab.readable("{eq}`eq-dqn-target`", lab.BOOK / "chapters" / "drqn.ipynb", lab.BOOK)
    assert own == "{eq}`eq-dqn-target`"


def test_no_copy_holds_what_lab_cannot_know() -> None:
    for name in lab.notebooks(lab.BOOK):
        copy = lab.for_lab(lab.BOOK / name, lab.BOOK)
        assert not re.search(r"\{(?!eq\})[a-z:]+\}`|\]\([\w./-]+\.md\b", copy), name
        there = re.findall(r"\]\(([\w./-]+\.ipynb)", copy)
        assert all((lab.BOOK / name.parent / path).exists() for path in there)


def test_a_copy_that_only_ran_is_replaced_when_its_chapter_changes(
    folders: tuple[Path, Path],
) -> None:
    lab.refresh(*folders)
    write(folders[1] / "tour.ipynb", "1", output=True)
    write(folders[0] / "tour.ipynb", "2")
    assert lab.refresh(*folders) == []
    assert source(folders[1] / "tour.ipynb") == "2"


def test_what_a_reader_wrote_stays_and_the_new_chapter_lies_beside_it(
    folders: tuple[Path, Path],
) -> None:
    lab.refresh(*folders)
    write(folders[1] / "chapters" / "gat.ipynb", "my answer")
    assert lab.refresh(*folders) == []  # nothing has changed in the book
    write(folders[0] / "chapters" / "gat.ipynb", "2")
    (line,) = lab.refresh(*folders)
    assert "chapters/gat.ipynb has changed" in line and "gat.new.ipynb" in line
    assert source(folders[1] / "chapters" / "gat.ipynb") == "my answer"
    assert source(folders[1] / "chapters" / "gat.new.ipynb") == "2"
    assert lab.refresh(*folders) == []  # it is said once


def test_a_copy_that_was_deleted_comes_back(folders: tuple[Path, Path]) -> None:
    lab.refresh(*folders)
    (folders[1] / "tour.ipynb").unlink()
    lab.refresh(*folders)
    assert (folders[1] / "tour.ipynb").exists()


def test_a_copy_from_before_the_record_was_kept_is_not_overwritten(
    folders: tuple[Path, Path],
) -> None:
    write(folders[1] / "tour.ipynb", "mine")
    assert len(lab.refresh(*folders)) == 1
    assert source(folders[1] / "tour.ipynb") == "mine"


def test_git_and_the_book_do_not_see_the_copies() -> None:
    place = lab.LAB / "tour.ipynb"
    ignored = subprocess.run(["git", "check-ignore", "-q", place], cwd=ROOT)
    assert ignored.returncode == 0
    assert all(lab.LAB not in path.parents for path in (*book.notebooks(), place.parent))
    assert "lab/**" in (ROOT / "_config.yml").read_text("utf-8")


def test_all_notebooks_of_the_book_are_copied() -> None:
    assert {lab.BOOK / name for name in lab.notebooks(lab.BOOK)} == set(book.notebooks())


def test_as_root_one_option_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(lab, "LAB", tmp_path / "lab")
    monkeypatch.setattr(lab.os, "geteuid", lambda: 0, raising=False)
    assert lab.main([]) == 1
    assert "--allow-root" in capsys.readouterr().err
    ran: list[list[str]] = []
    monkeypatch.setattr(
        lab.subprocess,
        "run",
        lambda command, **_: ran.append(command) or subprocess.CompletedProcess(command, 0),
    )
    assert lab.main(["--allow-root"]) == 0
    assert ran[0][-2:] == ["--allow-root", "tour.ipynb"]
