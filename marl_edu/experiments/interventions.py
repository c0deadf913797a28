"""What can happen to messages on their way from the sender to the receivers.

A channel is a callable `(message (B, N, M), mask (B, N, N)) -> (message, mask)`: what was sent
and who may hear whom, to what arrives and who hears whom. Every round passes through it.

    with through(net, Mute(slots=[0])):
        a2c.evaluate(net, world)

A message that does not arrive is taken out of the mask: its sender is *not heard* (attention 0,
the others share its weight), which is not the same as being heard saying zeros. All that a
sender says goes through the channel, also what it says to itself.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from marl_edu.envs.base import checks
from marl_edu.training import a2c

Channel = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


def speakers(mask: Bool[Tensor, "B N N"]) -> Bool[Tensor, "B N"]:
    """The agents that somebody may hear (a living agent may always hear itself)."""
    return mask.any(1)


class Mute:
    """Messages are lost: those of certain slots, or each one with some probability.

    Args:
        slots: senders that are never heard. probability: of each message, in each round.
        seed: of the losses.
    """

    def __init__(self, slots: Sequence[int] = (), probability: float = 0.0, seed: int = 0):
        self.slots, self.probability = list(slots), checks.probability("probability", probability)
        self.generator = torch.Generator().manual_seed(seed)

    def __call__(self, message: Float[Tensor, "B N M"], mask: Bool[Tensor, "B N N"]):
        N = message.shape[1]
        if any(not 0 <= slot < N for slot in self.slots):
            raise ValueError(f"slots must lie in 0..{N - 1}, got {self.slots}")
        lost = torch.rand(message.shape[:2], generator=self.generator) < self.probability
        lost[:, self.slots] = True
        return message, mask & ~lost.to(mask.device)[:, None, :]


class Shuffle:
    """Messages change hands: those who speak are dealt each other's messages at random.

    Args:
        among: "agents", of the same world. Who hears everybody, itself included, hears the same
            *set* of messages as before, so that attention alone cannot tell: what breaks is who
            hears its own. "worlds": of all worlds of the batch, so that a message is of the
            usual kind, but says nothing about this world.
        seed: of the dealing.
    """

    def __init__(self, among: str = "agents", seed: int = 0):
        self.among = checks.one_of("among", among, ("agents", "worlds"))
        self.generator = torch.Generator().manual_seed(seed)

    def __call__(self, message: Float[Tensor, "B N M"], mask: Bool[Tensor, "B N N"]):
        B, N, M = message.shape
        shape = (B, N) if self.among == "agents" else (1, B * N)
        silent = (~speakers(mask)).reshape(shape)
        chance = torch.rand(shape, generator=self.generator).to(message.device)
        giver = (chance + silent).argsort(1)  # speakers first, in random order
        taker = silent.long().argsort(dim=1, stable=True)  # speakers first, in order
        source = torch.empty_like(giver).scatter_(1, taker, giver)
        flat = message.reshape(*shape, M)
        return flat.gather(1, source[..., None].expand_as(flat)).reshape(B, N, M), mask


class Delay:
    """Messages arrive some steps late, and only if their sender is still there.

    No reset is needed between episodes or for newcomers: who has been in the world for less than
    `steps` has said nothing yet that could arrive by now, so it is not heard.

    Args:
        steps: how late. world: the junction that is played in, for its `alive` and `wait`.
        rounds: R, as the network's; the messages of round r arrive in round r.
    """

    def __init__(self, steps: int, world: Any, rounds: int = 1):
        self.steps, self.world = checks.positive_int("steps", steps), world
        self.length = 1 + steps * checks.positive_int("rounds", rounds)
        self.line: deque[tuple[Tensor, Tensor]] = deque(maxlen=self.length)

    def __call__(self, message: Float[Tensor, "B N M"], mask: Bool[Tensor, "B N N"]):
        if self.line and self.line[0][0].shape != message.shape:
            self.line.clear()  # messages of another batch
        self.line.append((message, speakers(mask)))
        late, spoke = self.line[0]
        arrives = spoke & (self.world.wait >= self.steps)
        if len(self.line) < self.length:  # began to listen in the middle of an episode
            arrives = torch.zeros_like(arrives)
        return late, self.world.alive[:, :, None] & arrives[:, None, :]


class Quantise:
    """Each number of a message is rounded to one of `2 ** bits` levels, evenly spaced.

    Gradients pass straight through, so that a team can also be trained this way.

    Args:
        bits: per number. limit: the levels span [-limit, limit], and what lies outside is
            clipped; None takes the largest number being said at the moment.
    """

    def __init__(self, bits: int, limit: float | None = None):
        self.bits = checks.positive_int("bits", bits)
        if limit is not None and not limit > 0:
            raise ValueError(f"limit must be positive, got {limit!r}")
        self.limit = limit

    def __call__(self, message: Float[Tensor, "B N M"], mask: Bool[Tensor, "B N N"]):
        if self.limit is None:
            said = message.detach() * speakers(mask)[..., None]
            limit = said.abs().amax().clamp_min(torch.finfo(said.dtype).tiny)
        else:
            limit = message.new_tensor(self.limit)
        width = 2 * limit / (2**self.bits - 1)
        level = ((message.clamp(-limit, limit) + limit) / width).round()
        return message + (level * width - limit - message).detach(), mask


class Noise:
    """Gaussian noise on every number.

    Args:
        std: in units of the standard deviation of all numbers being said at the moment.
        seed: of the noise.
    """

    def __init__(self, std: float, seed: int = 0):
        if not std >= 0:
            raise ValueError(f"std must be at least 0, got {std!r}")
        self.std = std
        self.generator = torch.Generator().manual_seed(seed)

    def __call__(self, message: Float[Tensor, "B N M"], mask: Bool[Tensor, "B N N"]):
        said = message.detach()[speakers(mask)]
        unit = said.std(correction=0) if said.numel() else 0.0
        noise = torch.randn(message.shape, generator=self.generator).to(message.device)
        return message + self.std * unit * noise, mask


@contextmanager
def through(net: a2c.ActorCritic, channel: Channel | None) -> Iterator[None]:
    """Send the messages of `net` through `channel` inside a `with` block."""
    module: Any = net.communicate
    if not hasattr(module, "channel"):
        raise TypeError(f"net must communicate, got one with {type(module).__name__}")
    before, module.channel = module.channel, channel
    try:
        yield
    finally:
        module.channel = before


def bits_sent(net: a2c.ActorCritic, bits_per_number: int = 32) -> int:
    """Bits that one agent sends in one step, over all rounds; 0 for a net without messages."""
    numbers = 0

    def count(message: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        nonlocal numbers
        numbers += message.shape[-1]
        return message, mask

    if hasattr(net.communicate, "channel"):
        z = net.start(1, 1)
        with through(net, count), torch.no_grad():
            net.communicate(z, torch.ones(1, 1, 1, dtype=torch.bool, device=z.device))
    return numbers * checks.positive_int("bits_per_number", bits_per_number)


def bench(
    net: a2c.ActorCritic, world, channels: Mapping[str, Channel | None], episodes: int = 1000
) -> list[dict[str, Any]]:
    """Play the same episodes through one channel after the other.

    Returns:
        a row per channel: `channel` (its name), `bits` (per agent and step) and what
        `a2c.evaluate` measures, `success`, `return` and `episodes`.
    """
    rows = []
    for name, channel in channels.items():
        bits = bits_sent(net, channel.bits if isinstance(channel, Quantise) else 32)
        with through(net, channel):
            rows.append({"channel": name, "bits": bits, **a2c.evaluate(net, world, episodes)})
    return rows
