"""What the files that GitHub and its robots read promise: valid, and nothing but what runs here."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

import marl_edu
from tests import ROOT

sys.path.insert(0, str(ROOT / "tools"))
import install
import run
import times

CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
SCHEMAS = {
    "github-workflows": WORKFLOWS,
    "dependabot": [ROOT / ".github" / "dependabot.yml"],
    "citation-file-format": [ROOT / "CITATION.cff"],
}
# The step that prepares or hands over; everything else a job does is a target of the Makefile.
# Pinned by commit, since a tag may be moved; the version beside it is what dependabot raises.
ACTIONS = re.compile(r"actions/(checkout|setup-\w+|(up|down)load-[\w-]+|deploy-pages)@[0-9a-f]{40}")
PUBLISHING = "publish"
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")


def read(path: Path) -> dict:
    return yaml.safe_load(path.read_text("utf-8"))


JOBS = [(path, name) for path in WORKFLOWS for name in read(path)["jobs"]]


def named(param: object) -> str:
    return param.name if isinstance(param, Path) else str(param)


@pytest.mark.long
@pytest.mark.parametrize("schema", SCHEMAS)
def test_files_fit_their_schema(schema: str) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}"]
    checked = subprocess.run([*command, *SCHEMAS[schema]], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("path, job", JOBS, ids=named)
def test_a_job_runs_make_targets_and_nothing_else(path: Path, job: str) -> None:
    for step in read(path)["jobs"][job]["steps"]:
        if "uses" in step:
            assert ACTIONS.fullmatch(step["uses"]), step
        elif step["run"] != "bash .ci/run":
            program, *targets = step["run"].split()
            assert program == "make" and targets and set(targets) <= run.TARGETS, step


@pytest.mark.parametrize("path", WORKFLOWS, ids=named)
def test_an_action_says_of_which_version_its_commit_is(path: Path) -> None:
    used = [line for line in path.read_text("utf-8").splitlines() if "uses:" in line]
    assert used and all(re.search(r"@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line) for line in used)


@pytest.mark.parametrize("path, job", JOBS, ids=named)
def test_the_publishing_job_alone_may_write(path: Path, job: str) -> None:
    workflow = read(path)
    allowed = workflow["jobs"][job].get("permissions", workflow["permissions"])
    writes = {what for what, how in allowed.items() if how != "read"}
    assert workflow["permissions"] == {"contents": "read"}
    assert writes <= ({"pages", "id-token"} if job == PUBLISHING else set())


def test_ci_runs_all_that_is_checked() -> None:
    """What `make test` leaves out, `make deep` runs, and each has a job."""
    assert (ROOT / ".ci" / "run").read_text("utf-8").endswith("\nmake test\n")
    steps = [step.get("run") for path, job in JOBS for step in read(path)["jobs"][job]["steps"]]
    assert {"bash .ci/run", "make deep"} <= set(steps)
    for all_of, parts in (
        ("test", "lint types tests book site"),
        ("deep", "slow lab-test mutants"),
    ):
        assert run.NEEDS[all_of] == tuple(parts.split())
    chosen = {
        command[-1]
        for name in ("tests", "slow", "site", "lab-test")
        for command in run.STEPS[name][1]
    }
    assert {"not site and not slow and not lab", "slow", "site", "lab"} <= chosen


def test_make_knows_the_targets_of_run_and_no_others() -> None:
    listed = re.search(r"^TARGETS := ((?:.*\\\n)*.*)$", MAKEFILE, re.M)[1].replace("\\", "")
    assert set(listed.split()) == run.TARGETS >= set(run.HELP)


def test_contributing_names_the_limits_that_are_measured() -> None:
    table = re.findall(r"^\| `(.*?)` \|.*\| (\d+) \|$", CONTRIBUTING, re.M)
    limits = {" ".join(command).removeprefix("bash "): n for command, n in times.LIMITS.values()}
    assert {command: int(minutes) for command, minutes in table} == limits


def test_the_version_stands_in_one_place() -> None:
    """`marl_edu.__version__`; the others are made from it, or have to agree with it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert project["project"]["dynamic"] == ["version"]
    assert project["tool"]["setuptools"]["dynamic"] == {"version": {"attr": "marl_edu.__version__"}}
    cited = read(ROOT / "CITATION.cff")
    assert cited["version"] == marl_edu.__version__
    changes = (ROOT / "CHANGELOG.md").read_text("utf-8")
    released = re.findall(r"^## (\d\S*) \((\S+)\)$", changes, re.M)
    assert released[0] == (marl_edu.__version__, cited["date-released"])


def test_a_dev_container_installs_as_everybody_does() -> None:
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text("utf-8"))
    program, script = container["postCreateCommand"].split()
    assert program in install.CANDIDATES and (ROOT / script) == Path(install.__file__)
    assert ":1-3.11-" in container["image"]  # the Python of requirements.lock
    settings = container["customizations"]["vscode"]["settings"]
    path = settings["python.defaultInterpreterPath"].removeprefix("${containerWorkspaceFolder}/")
    assert ROOT / path == install.python_of(run.VENV)


def test_the_link_for_a_hub_pulls_this_repository_and_opens_the_tour() -> None:
    landing = (ROOT / "book" / "index.md").read_text("utf-8")
    address = re.search(r"/hub/user-redirect/git-pull\S*(?=`)", landing)[0]
    asked = {key: value[0] for key, value in parse_qs(urlsplit(address).query).items()}
    repository = read(ROOT / "_config.yml")["repository"]
    assert (asked["repo"], asked["branch"]) == (repository["url"], repository["branch"])
    folder = repository["url"].rpartition("/")[2]
    opened = asked["urlpath"].removeprefix(f"lab/tree/{folder}/")
    assert (ROOT / opened).is_file()


def test_every_hook_runs_a_tool_of_the_environment() -> None:
    for repository in read(ROOT / ".pre-commit-config.yaml")["repos"]:
        for hook in repository["hooks"]:
            assert hook["entry"].startswith(".venv/bin/"), hook
