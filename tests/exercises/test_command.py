"""`python -m marl_edu.exercises`: what it lists, what it says of a file, and what it notes."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from marl_edu.exercises import __main__ as command
from marl_edu.exercises.__main__ import ALL, main
from marl_edu.exercises.engine import answer_file, progress
from marl_edu.exercises.engine.grading import source_of
from marl_edu.exercises.engine.progress import FILE

ROOT = Path(__file__).resolve().parents[2]
NOTED = Path(FILE)
RIGHT = "import torch\nfrom torch import Tensor\n\n" + source_of(ALL["slow_target"].solution)
WRONG = RIGHT.replace("(1 - tau) * target + tau * learned", "tau * target + (1 - tau) * learned")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """An empty folder to work in."""
    monkeypatch.setattr(progress, "CHECKOUT", None)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    return tmp_path


def graded(source: str, *more: str, name: str = "my_answer.py") -> int:
    Path(name).write_text(source, encoding="utf-8")
    return main(["grade", name, *more])


def test_no_two_exercises_ask_for_the_same_name():
    names = [exercise.solution.__name__ for exercise in ALL.values()]
    assert len(set(names)) == len(names)
    hunts = [one for one in ALL.values() if one.suspect is not None]
    assert len(ALL) - len(hunts) >= 24


def test_the_list_says_what_is_done(capsys):
    assert main([]) == 0
    text = capsys.readouterr().out
    assert all(exercise.title in text for exercise in ALL.values())
    assert "\ndone" not in text and f"0 of {len(ALL)} done" in text
    assert graded(RIGHT) == 0
    capsys.readouterr()
    assert main([]) == 0
    text = capsys.readouterr().out
    assert "\ndone  slow_target " in text and f"1 of {len(ALL)} done" in text


def test_what_passed_is_noted_for_the_readiness_page(capsys):
    assert graded(WRONG) == 1 and not NOTED.exists()
    said = capsys.readouterr().out
    assert said.startswith("slow_target: ✗ Not right yet. The two shares have changed places")
    assert graded(RIGHT) == 0
    assert capsys.readouterr().out.startswith("slow_target: ✓ Passed.")
    assert progress.done() == {"slow_target"}
    assert graded(WRONG) == 1  # done is done
    assert progress.done() == {"slow_target"}
    game = ALL["two_step_game"]
    assert graded(RIGHT + "\n\n" + source_of(game.solution)) == 0
    assert json.loads(NOTED.read_text("utf-8"))["exercises"].keys() == {"slow_target", game.name}


def test_a_starter_is_not_attempted_and_one_exercise_can_be_asked_for(capsys):
    assert main(["show", "two_step_game"]) == 0
    starter = capsys.readouterr().out
    assert "# First agent 1 chooses" in starter and "(G,)" in starter
    assert graded(starter) == 1
    assert "two_step_game: ○ Not attempted yet." in capsys.readouterr().out
    assert graded(RIGHT + "\n\n" + starter) == 1
    assert graded(RIGHT + "\n\n" + starter, "slow_target") == 0
    assert "two_step_game" not in capsys.readouterr().out.splitlines()[-1]


@pytest.mark.parametrize("name", ALL)
def test_every_page_is_python_with_the_function_asked_for(name):
    text = command.page(name)
    compile(text, name, "exec")
    assert f"def {ALL[name].solution.__name__}(" in text and max(map(len, text.split("\n"))) < 110


@pytest.mark.parametrize(
    "source, said",
    [
        ("def follow(:\n", "is not Python, line 1"),
        ("x = 1\ny = nothing_like_it\n", "raised NameError in line 2, `y = nothing_like_it`,"),
        ("import no_such_package_at_all\n", "ModuleNotFoundError in line 1"),
        ("import sys\nsys.exit(0)\n", "raised SystemExit in line 2"),
        ("def mine(x):\n    return x\n", "answers no exercise: it defines mine"),
        (
            "from marl_edu.exercises.whiteboard.slow_target import follow\n",
            "it defines no function",
        ),
        ("", "it defines no function"),
    ],
)
def test_a_file_that_cannot_be_graded_is_told_why(source, said, capsys):
    assert graded(source) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: my_answer.py") and said in error and "Traceback" not in error


def test_a_file_that_never_ends_is_stopped(capsys, monkeypatch):
    assert answer_file.LOAD_SECONDS <= 30
    monkeypatch.setattr(answer_file, "LOAD_SECONDS", 1)
    assert graded("while True:\n    pass\n") == 2
    assert "loop that never ends" in capsys.readouterr().err


def test_what_is_asked_for_must_be_there(capsys):
    for arguments, said in (
        (["grade", "missing.py"], "missing.py cannot be read: No such file"),
        (["grade", "."], "must end in .py"),
        (["grade", "notes.ipynb"], "must end in .py"),
        (["show", "two_stp_game"], "Did you mean two_step_game?"),
        (["grade", "missing.py", "believed_value"], "two_step_game asks for a function of it"),
        (["show", "zzz"], "lists them"),
        (["grade", "missing.py", "zzz"], "no exercise is called 'zzz'"),
    ):
        assert main(arguments) == 2
        assert said in capsys.readouterr().err
    assert graded(RIGHT, "two_step_game") == 2
    error = capsys.readouterr().err
    assert "has no `believed_value`, which two_step_game asks for: it defines follow" in error
    for arguments in (["grad"], ["grade", "my_answer.py", "--seed", str(2**63)]):
        with pytest.raises(SystemExit) as stop:
            main(arguments)
        assert stop.value.code == 2
    assert "must be a whole number from 0 to 2**63 - 1, got 9223" in capsys.readouterr().err


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_a_pipe_is_no_file_with_answers(capsys):
    os.mkfifo("pipe.py")
    assert main(["grade", "pipe.py"]) == 2
    assert "pipe.py is no file" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["{", "[]", '{"exercises": 3}', "{}"])
def test_a_broken_note_is_not_overwritten(text, capsys):
    NOTED.write_text(text, encoding="utf-8")
    assert main([]) == 2 and graded(RIGHT) == 2
    assert "move it away" in capsys.readouterr().err
    assert NOTED.read_text("utf-8") == text


def test_a_folder_that_cannot_be_written_does_not_hide_the_verdict(capsys, monkeypatch):
    def full(*args):
        raise OSError("no space left")

    monkeypatch.setattr(progress.storage, "write_atomic", full)
    assert graded(RIGHT) == 0
    assert re.search("Passed.*could not be noted: no space left", capsys.readouterr().out)


def test_notebooks_note_in_the_book_s_folder_what_their_reader_passed(here, monkeypatch):
    (here / "_toc.yml").touch()
    folder = here / "book" / "chapters"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    one, cell = ALL["slow_target"], {"__name__": "__main__"}
    solved = RIGHT.replace("def follow", "def solved_follow")
    exec(solved, cell)  # a page that runs its solution
    assert one.grade(cell["solved_follow"]).passed and not (here / FILE).exists()
    assert one.grade(one.solution).passed and not (here / FILE).exists()
    exec(WRONG, cell)
    assert not one.grade(cell["follow"]).passed and not (here / FILE).exists()
    exec(RIGHT, cell)
    assert f"Noted in {Path('..', '..', FILE)}" in one.grade(cell["follow"]).message
    assert progress.done() == {"slow_target"}


def test_an_answer_that_prints_loops_or_exits_gets_its_verdict(capsys, monkeypatch):
    assert graded(RIGHT + "\n\nprint('loaded')\nif __name__ == '__main__':\n    1 / 0\n") == 0
    assert capsys.readouterr().out.startswith("slow_target: ✓")
    assert graded("import sys\n\ndef follow(target, online, tau):\n    sys.exit(3)\n") == 1
    assert "SystemExit: 3" in capsys.readouterr().out


@pytest.mark.parametrize(
    "before, instead, said",
    [
        ("import os\nos.chdir('/')\n", "", "slow_target: ✓"),
        ("import torch\ntorch.allclose = torch.isclose = None\n", "", "slow_target: ✓"),
        ("", "\ndef follow(target, online, tau):\n    while True: pass\n", "loop that never ends"),
        (
            "",
            "\nclass Odd:\n    __call__ = print\nfollow = Odd()",
            "returns None",
        ),
    ],
)
def test_a_file_never_runs_in_the_process_that_judges_it(before, instead, said, here, capsys):
    same, path = sys.modules["torch"].allclose, sys.path.copy()
    graded(before + RIGHT + instead)
    assert said in capsys.readouterr().out
    assert Path.cwd() == here and sys.modules["torch"].allclose is same and sys.path == path
    assert "answer_file" not in sys.modules
    assert NOTED.exists() == (not instead)


def test_another_seed_draws_other_inputs():
    one = ALL["slow_target"]
    knows = f"{[case.args[1].tolist() for case in one.cases()]!r}"
    cheat = f"""
_right, _table = follow, {knows}
def follow(target, online, tau):
    return _right(target, online, tau) * float(online.tolist() in _table)
"""
    assert graded(RIGHT + cheat) == 0 and graded(RIGHT + cheat, "--seed", "5") == 1
    assert graded(RIGHT, "--seed", "5") == 0


def test_the_file_beside_it_can_be_imported(capsys):
    Path("shares_of_mine.py").write_text("def rest(tau):\n    return 1 - tau\n", encoding="utf-8")
    source = RIGHT.replace("(1 - tau)", "rest(tau)")
    assert graded("from shares_of_mine import rest\n" + source) == 0, capsys.readouterr()


@pytest.mark.long
def test_the_command_is_there(here):
    run = subprocess.run(
        [sys.executable, "-m", "marl_edu.exercises"],
        cwd=here,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        timeout=120,
    )
    assert run.returncode == 0 and b"slow_target" in run.stdout, run.stderr


@pytest.mark.parametrize("name", [name for name, one in ALL.items() if one.suspect is not None])
def test_a_hunt_shows_the_suspect_as_a_file_that_runs(name, capsys):
    assert main(["show", name]) == 0
    page = capsys.readouterr().out
    hunt = ALL[name]
    assert page.index(source_of(hunt.suspect)) < page.index(hunt.starter)
    cell = {}
    exec(page, cell)
    assert hunt.judge(cell[hunt.suspect.__name__]).mistake in hunt.mistakes
    assert graded(page, name) == 1
    assert f"{name}: ○ Not attempted yet" in capsys.readouterr().out


def test_hint_and_solution_are_shown_when_asked_for(capsys):
    assert main(["show", "slow_target", "--hint"]) == 0
    assert capsys.readouterr().out.strip() == ALL["slow_target"].hint.strip()
    assert main(["show", "slow_target", "--solution"]) == 0
    assert capsys.readouterr().out.strip() == source_of(ALL["slow_target"].solution)
    with pytest.raises(SystemExit):
        main(["show", "slow_target", "--hint", "--solution"])
