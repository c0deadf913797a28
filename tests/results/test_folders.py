"""Results go to the book in a checkout, and to the user's folder everywhere else."""

import re

import pytest

from marl_edu import results
from marl_edu.core import storage
from marl_edu.results import folders
from marl_edu.results.folders import find_home
from tests import ROOT


def test_in_a_checkout_it_is_the_book_wherever_one_stands(tmp_path):
    assert find_home(ROOT, tmp_path) == ROOT / "book"
    assert results.RESULTS == ROOT / "book" / "results"
    assert folders.POLICIES == ROOT / "book" / "checkpoints"


def test_installed_it_is_the_users_folder_also_beside_another_package_called_book(tmp_path):
    site = tmp_path / "site-packages"
    (site / "book" / "results").mkdir(parents=True)
    assert find_home(site, tmp_path) == tmp_path / "marl_edu_runs"


def test_what_is_missing_names_the_command_and_the_repository_where_it_must(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match=r"x\.json; make it with\n  python -m some y$"):
        folders.read(tmp_path / "x.json", "some y")
    monkeypatch.setattr(folders, "HOME", tmp_path / "marl_edu_runs")
    with pytest.raises(FileNotFoundError, match=re.escape(f"clone {folders.REPOSITORY}")):
        folders.read(tmp_path / "x.json", "some y")
    storage.write_json(tmp_path / "x.json", {"a": 1})
    assert folders.read(tmp_path / "x.json", "some y") == {"a": 1}


def test_the_repository_is_the_one_of_the_book():
    assert f"url: {folders.REPOSITORY}\n" in (ROOT / "_config.yml").read_text(encoding="utf-8")
