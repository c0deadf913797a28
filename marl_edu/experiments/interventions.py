"""Does the message matter? What can happen to messages on their way from sender to receivers.

A channel is a callable `(message (B, N, M), mask (B, N, N)) -> (message, mask)`: what was sent
and who may hear whom, to what arrives and who hears whom. Every round passes through it.

    with through(net, Mute(slots=[0])):
        evaluate(env, a2c.TeamPolicy(net))

A message that does not arrive is taken out of the mask: its sender is *not heard* (attention 0, the
others share its weight). This is not the same as being heard saying zeros. All that a sender says
goes through the channel, including what it says to itself.

    python -m marl_edu.experiments interventions     every kept policy of `tarmac-easy` (3 minutes)

Each seed's team plays the same 2,000 fresh episodes through each channel; its numbers go to
`book/results/channels/<experiment>-seed<k>.json`, which is never overwritten.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from tqdm import tqdm

from marl_edu import results
from marl_edu.core import checks, storage
from marl_edu.core.evaluate import evaluate
from marl_edu.core.protocols import Env
from marl_edu.core.records import read_by_seed
from marl_edu.experiments import catalogue
from marl_edu.results import Estimate
from marl_edu.results.folders import how_to_make
from marl_edu.training import a2c

Said = Float[Tensor, "B N M"]  # what everybody sends
Heard = Bool[Tensor, "B N N"]  # and whom everybody hears
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

    def __call__(self, message: Said, mask: Heard) -> tuple[Said, Heard]:
        """What arrives, and who hears whom."""
        N = message.shape[1]
        if any(not 0 <= slot < N for slot in self.slots):
            raise ValueError(f"slots must lie in 0..{N - 1}, got {self.slots}")
        lost = torch.rand(message.shape[:2], generator=self.generator) < self.probability
        lost[:, self.slots] = True
        return message, mask & ~lost.to(mask.device)[:, None, :]


class Shuffle:
    """Messages change hands: those who speak are dealt each other's messages at random.

    Args:
        among: "agents", of the same environment. A receiver that hears everybody, itself included,
            hears the same *set* of messages as before, so that attention alone cannot tell. What
            breaks is who hears its own message. "envs": of all environments of the batch.
            Then a message is of the usual kind, but says nothing about this environment.
        seed: of the dealing.
    """

    def __init__(self, among: str = "agents", seed: int = 0):
        self.among = checks.one_of("among", among, ("agents", "envs"))
        self.generator = torch.Generator().manual_seed(seed)

    def __call__(self, message: Said, mask: Heard) -> tuple[Said, Heard]:
        """What arrives, and who hears whom."""
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

    No reset is needed between episodes or for newcomers. An agent that has been in the environment
    for less than `steps` has said nothing yet that could arrive by now, so it is not heard.

    Args:
        steps: how late. env: the junction that is played in, for its `alive` and `wait`.
        rounds: R, as the network's; the messages of round r arrive in round r.
    """

    def __init__(self, steps: int, env: Any, rounds: int = 1):
        self.steps, self.env = checks.positive_int("steps", steps), env
        self.length = 1 + steps * checks.positive_int("rounds", rounds)
        self.line: deque[tuple[Tensor, Tensor]] = deque(maxlen=self.length)

    def __call__(self, message: Said, mask: Heard) -> tuple[Said, Heard]:
        """What arrives, and who hears whom."""
        if self.line and self.line[0][0].shape != message.shape:
            self.line.clear()  # messages of another batch
        self.line.append((message, speakers(mask)))
        late, spoke = self.line[0]
        arrives = spoke & (self.env.wait >= self.steps)
        if len(self.line) < self.length:  # began to listen in the middle of an episode
            arrives = torch.zeros_like(arrives)
        return late, self.env.alive[:, :, None] & arrives[:, None, :]


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

    def __call__(self, message: Said, mask: Heard) -> tuple[Said, Heard]:
        """What arrives, and who hears whom."""
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

    def __call__(self, message: Said, mask: Heard) -> tuple[Said, Heard]:
        """What arrives, and who hears whom."""
        said = message.detach()[speakers(mask)]
        unit = said.std(correction=0) if said.numel() else 0.0
        noise = torch.randn(message.shape, generator=self.generator).to(message.device)
        return message + self.std * unit * noise, mask


class Through(nn.Module):
    """A communication module whose messages pass through a channel in every round.

    Args:
        inner: the module, with `rounds`, `messages` and `listen`.
    """

    def __init__(self, inner: Any, channel: Channel):
        super().__init__()
        self.inner, self.channel = inner, channel

    def forward(
        self, z: Float[Tensor, "B N D"], mask: Heard
    ) -> tuple[Float[Tensor, "B N D"], Float[Tensor, "B R H N K"]]:
        """As the inner module's: z' and the attention of every round."""
        rounds = []
        for _ in range(self.inner.rounds):
            message, arrives = self.channel(self.inner.messages(z), mask)
            z, attention = self.inner.listen(z, message, arrives)
            rounds.append(attention)
        return z, torch.stack(rounds, 1)


@contextmanager
def through(net: a2c.ActorCritic, channel: Channel | None) -> Iterator[None]:
    """Send the messages of `net` through `channel` inside a `with` block; None: as they are."""
    module: Any = net.communicate
    if not hasattr(module, "messages"):
        raise TypeError(f"net must communicate, got one with {type(module).__name__}")
    if channel is not None:
        net.communicate = Through(module, channel)
    try:
        yield
    finally:
        net.communicate = module


def bits_sent(net: a2c.ActorCritic, bits_per_number: int = 32) -> int:
    """Bits that one agent sends in one step, over all rounds; 0 for a net without messages."""
    module: Any = net.communicate
    bits = checks.positive_int("bits_per_number", bits_per_number)
    if not hasattr(module, "messages"):
        return 0
    return bits * module.rounds * module.messages(net.start(1, 1)).shape[-1]


def compare_channels(
    net: a2c.ActorCritic, env: Env, channels: Mapping[str, Channel | None], episodes: int = 1000
) -> list[dict[str, Any]]:
    """Play the same episodes through one channel after the other.

    Returns:
        a row per channel: `channel` (its name), `bits` (per agent and step) and what
        `evaluate` measures, `success`, `return` and `episodes`.
    """
    rows = []
    for name, channel in channels.items():
        bits = bits_sent(net, channel.bits if isinstance(channel, Quantise) else 32)
        with through(net, channel):
            found = evaluate(env, a2c.TeamPolicy(net), episodes)
        kept = {key: found[key] for key in ("success", "return", "episodes")}
        rows.append({"channel": name, "bits": bits, **kept})
    return rows


# -- all kept teams through all channels, stored and shown ----------------------------------------

FOLDER = results.RESULTS / "channels"
BITS = (1, 2, 3, 4, 6, 8)


class Interventions(NamedTuple):
    """Success of n trained teams, under each channel and against the bits they send."""

    estimates: dict[str, Estimate]  # `tarmac-<channel>` -> interquartile mean and interval
    bits: dict[float, Estimate]  # bits per agent and step -> the same
    n: int


def all_channels(env: Env) -> dict[str, Channel | None]:
    """The interventions, by name; `env` is the one that will be played in."""
    return {
        "as trained": None,
        "all muted": Mute(probability=1.0),
        "half lost": Mute(probability=0.5),
        "shuffled": Shuffle(),
        "of another road": Shuffle(among="envs"),
        "1 step late": Delay(1, env),
        "2 steps late": Delay(2, env),
        "noise 0.5 s.d.": Noise(0.5),
        "noise 1 s.d.": Noise(1.0),
        **{f"{bits} bits": Quantise(bits) for bits in BITS},
    }


def play(name: str, seed: int, episodes: int = 2000) -> list[dict[str, Any]]:
    """One trained team through every channel: the rows of `compare_channels`."""
    net = catalogue.load_policy(name, seed)
    env = catalogue.make_env(name, num_envs=500, seed=seed)
    return compare_channels(net, env, all_channels(env), episodes)


def stored(name: str = "tarmac-easy", folder: Path = FOLDER) -> Interventions:
    """What `python -m marl_edu.experiments interventions` found.

    Raises:
        FileNotFoundError: it has not been run; the message names the command.
    """
    runs = [record["rows"] for _, record in read_by_seed(folder, f"{name}-seed")]
    if not runs:
        raise FileNotFoundError(
            f"nothing in {folder}; {how_to_make('marl_edu.experiments interventions')}"
        )
    method = name.partition("-")[0]
    estimates, bits = {}, {}
    for rows in zip(*runs, strict=True):
        found = results.score_interval([row["success"] for row in rows], rows[0]["episodes"])
        if rows[0]["channel"].endswith(" bits"):
            bits[float(rows[0]["bits"])] = found
        else:
            estimates[f"{method}-{rows[0]['channel']}"] = found
    return Interventions(estimates, bits, len(runs))


def main(name: str = "tarmac-easy") -> None:
    """Play every kept policy of an experiment that has not been played yet."""
    seeds = [record["seed"] for record in results.load(name)]
    for seed in tqdm(seeds, desc=name, unit="team"):
        path = FOLDER / f"{name}-seed{seed}.json"
        if not path.exists():
            rows = play(name, seed)
            storage.write_json(path, {"experiment": name, "seed": seed, "rows": rows}, False)
    print(f"written: {FOLDER}")
