"""ICM for your own loop: called with a transition, it gives the bonus and the losses."""

from jaxtyping import Float, Int
from torch import Tensor

from marl_edu.algos import icm


class IntrinsicCuriosityModule(icm.IntrinsicCuriosityModule):
    """The module of algos/icm.py, which is also a function `(obs, next_obs, action)`."""

    def forward(
        self,
        obs: Float[Tensor, "*B O"],
        next_obs: Float[Tensor, "*B O"],
        action: Int[Tensor, "*B"],
    ) -> tuple[Float[Tensor, "*B"], dict[str, Tensor]]:
        """The bonus `(*B)`, without a gradient, and the mean losses, with one.

        Returns:
            the bonus, and `{"inverse": L_I, "forward": L_F, "total": L}`, scalars.
        """
        inverse, forward = self.errors(obs, action, next_obs)
        total = (1 - self.beta) * inverse + self.beta * forward
        losses = {"inverse": inverse.mean(), "forward": forward.mean(), "total": total.mean()}
        return self.eta * forward.detach(), losses
