"""Pictures as pixels: the colours and the size of the SVG, the same on every machine."""

import sys

import numpy as np
import pytest

from marl_edu import envs
from marl_edu.envs.adapters import to_gymnasium, to_pettingzoo, to_vector
from marl_edu.envs.drawing.pixels import pixels
from marl_edu.envs.drawing.shapes import canvas, cells


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    adapted = to_gymnasium(envs.TMaze(num_envs=1), render_mode="rgb_array")
    adapted.reset(seed=0)
    with pytest.raises(ImportError, match=r"pip install 'marl-edu\[film\]'"):
        adapted.render()


def test_an_unknown_way_to_draw_is_named():
    for make in (to_gymnasium, to_pettingzoo, to_vector):
        with pytest.raises(ValueError, match=r"one of \['svg', 'rgb_array'\] or None, got 'human'"):
            make(envs.TMaze(num_envs=1), render_mode="human")


def test_a_cell_is_a_cell_of_pixels_in_its_colour():
    pytest.importorskip("resvg_py")
    found = pixels(canvas(121, 80, [cells([(0, 1)], "var(--a0)")], "one wall"))
    assert found.shape == (80, 120, 3) and found.dtype == np.uint8  # even, as films want it
    assert (found[1:39, 41:79] == (0x00, 0x72, 0xB2)).all()  # Okabe and Ito's blue
    assert (found[41:, 41:79] == (0xF3, 0xF4, 0xF6)).all()  # the ground


@pytest.mark.parametrize("name", [n for n in envs.__all__ if n not in ("AgentId", "Flicker")])
def test_every_environment_can_be_filmed(name):
    pytest.importorskip("resvg_py")
    env = getattr(envs, name)(num_envs=1)
    alone = to_pettingzoo(env, render_mode="rgb_array")
    alone.reset(seed=0)
    first = alone.render()
    alone.step({agent: space.n - 1 for agent, space in alone.action_spaces.items()})
    second = alone.render()
    assert first.shape == second.shape and first.shape[2] == 3
    assert not first.shape[0] % 2 and not first.shape[1] % 2
    assert len(np.unique(first.reshape(-1, 3), axis=0)) > 2  # there is something on it


def test_numbers_are_written_on_the_agents():
    """The disc of agent 0 is not of one colour: the letters are there, without system fonts."""
    pytest.importorskip("resvg_py")
    env = envs.TMaze(num_envs=1)
    env.reset(0)
    found = pixels(env.render(0)).reshape(-1, 3)
    assert (found == (255, 255, 255)).all(1).sum() > 10
