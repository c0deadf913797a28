"""Where runs and networks are stored: in a checkout the book's folder, installed the user's."""

from pathlib import Path
from typing import Any

from marl_edu.core import storage

REPOSITORY = "https://github.com/marl-edu/marl-edu"


def find_home(above: Path, here: Path) -> Path:
    """The folder that holds `results` and `checkpoints`.

    Args:
        above: the folder that the package lies in. here: where the user is.
    Returns:
        the book, if the package lies in its repository. An installed package never writes beside
        itself: then `marl_edu_runs`, in the user's folder.
    """
    in_repository = (above / "_toc.yml").is_file() and (above / "book").is_dir()
    return above / "book" if in_repository else here / "marl_edu_runs"


HOME = find_home(Path(__file__).resolve().parents[2], Path.cwd())
RESULTS = HOME / "results"
POLICIES = HOME / "checkpoints"  # networks of finished seeds


def how_to_make(command: str) -> str:
    """The end of a sentence about what is not stored: the command (`python -m` before it), and
    for an installed package, where the book's own runs are."""
    text = f"make it with\n  python -m {command}"
    if HOME.name != "book":
        text += (
            f"\nin this folder. What the book itself ran is in its repository, not in the "
            f"installed package: clone {REPOSITORY}, and run there after pip install -e ."
        )
    return text


def read(path: Path, command: str) -> dict[str, Any]:
    """A stored record, of one file.

    Raises:
        FileNotFoundError: it was not measured; the message names the command.
    """
    if not path.exists():
        raise FileNotFoundError(f"no {path}; {how_to_make(command)}")
    return storage.read_json(path)
