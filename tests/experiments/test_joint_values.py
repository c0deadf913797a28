"""The tables of trained teams, on a team whose table is known."""

import torch

from marl_edu.algos import vdn
from marl_edu.envs.games import MatrixGame
from marl_edu.experiments import joint_values


class Known(torch.nn.Module):
    """Values its actions by what it sees and how often it has looked, agent 1 ten times as much."""

    def __init__(self, n_actions: int):
        super().__init__()
        self.n_actions = n_actions

    def forward(self, obs, hidden):
        place = (obs * torch.arange(1, obs.shape[-1] + 1)).sum(-1, keepdim=True)  # 1, 2, 3
        agent = torch.tensor([1.0, 10.0])[None, :, None]
        action = torch.arange(float(self.n_actions))
        return agent * (action + 100 * place) + 1000 * hidden, hidden + 1


class Team(torch.nn.Module):
    def __init__(self, n_actions: int):
        super().__init__()
        self.agent, self.mixer = Known(n_actions), vdn.Sum()

    def start(self, B, N):
        return torch.zeros(B, N, 1)


def test_the_first_agent_has_the_rows_and_the_second_the_columns():
    table = joint_values.matrix_game(Team(3), MatrixGame(num_envs=2))
    assert table.tolist() == [[1100.0 + a + 10 * b for b in range(3)] for a in range(3)]


def test_the_second_step_is_valued_with_the_memory_of_the_first():
    tables = joint_values.two_step_game(Team(2))
    assert list(tables) == ["first step", "2A", "2B"]
    for place, (name, remembered) in enumerate(zip(tables, (0, 2000, 2000), strict=True), 1):
        expected = [[1100.0 * place + a + 10 * b + remembered for b in range(2)] for a in range(2)]
        assert tables[name].tolist() == expected
