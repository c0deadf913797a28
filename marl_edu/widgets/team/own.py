"""A team as one learner, whose joint values a reader's function gives."""

from typing import Any

from jaxtyping import Float
from torch import Tensor

from marl_edu.algos import combined, drqn
from marl_edu.widgets.shared.own import Own


class TeamQ(combined.TeamQ):
    """`combined.TeamQ` with `own(q)` of q `(E, N, A)` for its eq. (1); E holds all steps."""

    own: Own

    def unroll(
        self, obs: Float[Tensor, "E L NO"], hidden: Float[Tensor, "E NU"]
    ) -> tuple[Float[Tensor, "E L AN"], Float[Tensor, "E NU"]]:
        """Q of all actions of the team."""
        N = self.n_agents
        each = obs.unflatten(-1, (N, -1)).transpose(1, 2).flatten(0, 1)
        memory = hidden.unflatten(-1, (N, -1)).flatten(0, 1)
        q, after = drqn.RecurrentQ.unroll(self, each, memory)  # (E N, L, A)
        of_steps = q.unflatten(0, (-1, N)).transpose(1, 2).flatten(0, 1)  # (E L, N, A)
        n_joint = q.shape[-1] ** N
        joint = self.own(of_steps, shape=(len(of_steps), n_joint), learned=q.requires_grad)
        return joint.unflatten(0, obs.shape[:2]), after.view(hidden.shape)


def build(own: Own, cfg: combined.TeamConfig, env: combined.AsOne) -> Any:
    """The book's network, with the same weights, that asks the reader's function."""
    net = combined.build_team(cfg, env)
    net.__class__ = TeamQ
    net.own = own  # type: ignore[assignment]  # it is a TeamQ by now
    return net
