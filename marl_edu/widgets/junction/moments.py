"""A figure's episodes in Python: the same draws, the same policy, the same moments as on the page.

Used for what is there before, or without, JavaScript: the still picture, and the choice of the
moment that a figure opens with.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from marl_edu.core.ops import act
from marl_edu.envs import TrafficJunction
from marl_edu.envs.traffic_junction import BRAKE, GAS
from marl_edu.envs.traffic_junction_roads import ROAD_MAPS
from marl_edu.training.a2c import ActorCritic
from marl_edu.widgets.shared.draws import uniforms


class Moment(NamedTuple):
    """Where the cars are, whom they heard there, and what they decided."""

    step: int
    routes: list[int]  # number of each slot's route; the number of routes where it is empty
    places: list[int]  # cells driven on it
    actions: Int[Tensor, " N"]  # what each car is about to do
    attention: Float[Tensor, "H N N"]  # of the last round
    crashed: Bool[Tensor, " N"]  # shares its cell with another car
    success: bool  # nobody has crashed so far


class Muted(nn.Module):
    """A communication module, except that nobody hears the `muted` but they themselves."""

    def __init__(self, communicate: nn.Module, muted: Iterable[int]):
        super().__init__()
        self.communicate, self.muted = communicate, list(muted)

    def forward(
        self, z: Float[Tensor, "B N D"], mask: Bool[Tensor, "B N N"]
    ) -> tuple[Tensor, Tensor]:
        """As `communicate`, with less to hear."""
        heard = torch.ones(mask.shape[-1], dtype=torch.bool)
        heard[self.muted] = False
        return self.communicate(z, mask & (heard | torch.eye(len(heard), dtype=torch.bool)))


def watch(
    net: ActorCritic,
    difficulty: str,
    seed: int = 0,
    episode: int = 0,
    arrival: float | None = None,
    changes: Mapping[int, Iterable[int]] | None = None,
) -> Iterator[Moment]:
    """Play an episode of a figure, greedily, moment by moment, the end included.

    Args:
        changes: step -> cars muted from then on.
    """
    net.eval()
    env = TrafficJunction(difficulty, arrival, num_envs=1, route=_route_code(net, difficulty))
    obs, alive, loud = env.reset(), env.alive, net.communicate
    env.draws = uniforms(seed, episode, env.draws.numel()).view_as(env.draws)
    h, crashed, success = net.start(1, env.n_agents), torch.zeros_like(alive), True
    try:
        for t in range(env.max_steps + 1):
            if changes and t in changes:
                net.communicate = Muted(loud, changes[t])
            with torch.no_grad():
                step = net(obs, h, alive)
            actions = act(step.logits, None)
            routes, places = env.route[0].tolist(), env.place[0].tolist()
            yield Moment(t, routes, places, actions[0], step.attention[0, -1], crashed[0], success)
            if t < env.max_steps:
                obs, _, _, _, info = env.step(actions)
                h, alive = step.h * ~info["completed"][..., None], info["alive"]
                crashed, success = info["collided"], bool(info["success"])
    finally:
        net.communicate = loud


def _route_code(net: ActorCritic, difficulty: str) -> str:
    return "number" if net.encode.in_features == ROAD_MAPS[difficulty].base + 5 else "one-hot"


def telling_moment(
    net: ActorCritic, difficulty: str = "easy", seed: int = 0, episodes: int = 20
) -> dict[str, Any]:
    """A moment worth opening a figure with: muting the car from the left here makes a crash.

    A car waits because it heard another, coming from the left, that crosses before it; were that
    one mute from here on, the two would crash in the next step. Sought in the first halves of
    the first `episodes` of `seed`; strong attention between the two counts for the moment, other
    cars against it.

    Returns:
        arguments of `JunctionFigure`: seed, episode, step, `selected`, the car that waits, and a
        `hint` that names the car to mute.
    Raises:
        ValueError: there is no such moment.
    """
    routes = [route for entry in ROAD_MAPS[difficulty].routes for route in entry]
    best, found = 0.0, {}
    for episode in range(episodes):
        for now in watch(net, difficulty, seed, episode):
            if not now.success or now.step > ROAD_MAPS[difficulty].max_steps / 2:
                break
            for waiting, other in _conflicts(now, routes):
                living = sum(route < len(routes) for route in now.routes)
                score = now.attention[:, waiting, other].mean().item() - 0.05 * living
                where = {"seed": seed, "episode": episode, "step": now.step}
                if living > 2 and score > best and _crashes_without(net, difficulty, where, other):
                    hint = f"mute car {other}, then press Play."
                    best, found = score, where | {"selected": waiting, "hint": hint}
    if not found:
        raise ValueError(f"no telling moment in the first episodes={episodes} of seed={seed}")
    return found


def _conflicts(now: Moment, routes: list[Any]) -> Iterator[tuple[int, int]]:
    """Pairs (waiting car, other car that drives into the cell the first would have entered)."""
    ahead = {}
    for i, (route, place) in enumerate(zip(now.routes, now.places, strict=True)):
        if route < len(routes) and place + 1 < len(routes[route]):
            ahead[i] = routes[route][place + 1]
    for i, cell in ahead.items():
        for j, other in ahead.items():
            from_left = routes[now.routes[j]][0][1] == 0
            meets = cell == other and now.actions[i] == BRAKE and now.actions[j] == GAS
            if i != j and meets and from_left:
                yield i, j


def _crashes_without(net: ActorCritic, difficulty: str, where: dict[str, int], car: int) -> bool:
    step = where["step"]
    then = watch(net, difficulty, where["seed"], where["episode"], changes={step: [car]})
    return any(moment.step == step + 1 and not moment.success for moment in then)
