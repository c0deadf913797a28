"""TarMAC whose eqs. (1)-(4) are a reader's function, and what the live junction makes of it."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from marl_edu.algos import tarmac
from marl_edu.core.protocols import Env
from marl_edu.training import a2c
from marl_edu.widgets.shared.own import Own


class OwnListening(tarmac.TargetedAttention):
    """One head and one round, without biases; `own(z, W_k, W_v, W_q, alive)` says what all hear."""

    def __init__(self, own: Own, hidden_dim: int, signature_dim: int, value_dim: int):
        super().__init__(hidden_dim, 1, signature_dim, value_dim)
        for layer in (self.W_k, self.W_v, self.W_q):  # the exercise has none
            torch.nn.init.zeros_(layer.bias).requires_grad_(False)
        self.own = own

    def forward(
        self, z: Float[Tensor, "B N D"], mask: Bool[Tensor, "B N N"]
    ) -> tuple[Float[Tensor, "B N D"], Float[Tensor, "B R H N N"]]:
        """Let everyone speak and listen. Nobody knows the attention of a function: it is 0."""
        weights = (layer.weight.T for layer in (self.W_k, self.W_v, self.W_q))
        alive = mask.diagonal(dim1=1, dim2=2)
        heard = self.own(z, *weights, alive, shape=(*z.shape[:2], self.d_v))
        attention = torch.zeros_like(mask[:, None, None], dtype=z.dtype)
        return torch.tanh(self.W_c(heard) + self.W_z(z)), attention  # eq. (5)


def build(own: Own, cfg: tarmac.Config, env: Env) -> a2c.ActorCritic:
    """The baseline's network with a reader's function in it."""
    talk = OwnListening(own, cfg.hidden_dim, cfg.signature_dim, cfg.value_dim)
    return a2c.ActorCritic(env.obs_dim, env.n_actions, cfg.hidden_dim, talk)


def as_tarmac(net: a2c.ActorCritic) -> a2c.ActorCritic | None:
    """The same team with the book's equations, which the live figure knows; None where the
    reader's function does something else."""
    own = net.communicate
    assert isinstance(own, OwnListening)
    talk = tarmac.TargetedAttention(own.W_z.in_features, 1, own.d_k, own.d_v)
    talk.load_state_dict(own.state_dict())
    generator = torch.Generator().manual_seed(0)
    z = torch.rand(4, 5, own.W_z.in_features, generator=generator)
    alive = torch.arange(5) < torch.arange(2, 6)[:, None]
    mask = alive[:, :, None] & alive[:, None, :]
    with torch.no_grad():
        if not torch.allclose(own(z, mask)[0], talk(z, mask)[0], rtol=1e-3, atol=1e-4):
            return None
    same = a2c.ActorCritic(
        net.encode.in_features, net.policy.out_features, net.memory.hidden_size, talk
    )
    same.load_state_dict(net.state_dict())
    return same
