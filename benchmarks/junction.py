"""How fast the junction is played and learned on this machine.

    python benchmarks/junction.py                 all, in a few minutes
    python benchmarks/junction.py --save          ... to book/results/benchmark.json
    python benchmarks/junction.py --reference PATH [--save]
                                                  beside IC3Net's own code, a checkout at PATH;
                                                  to book/results/benchmark-reference.json
    python benchmarks/junction.py --difficulties easy --batches 1 64 --threads 1 --seconds 0.1

Three questions: how many environment steps a second the environment makes alone (random actions,
resets included) and in training (play, loss, backward, step); which share of a training step its
matrix products alone would take, which no way of writing the rest can beat; and which way of
writing attention is the fastest at N agents.
"""

import argparse
import os
import statistics
import time
from collections import Counter
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import beside
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from marl_edu import results
from marl_edu.algos import tarmac
from marl_edu.core import storage
from marl_edu.core.ops import masked_softmax
from marl_edu.core.provenance import cpu_model, git_commit, now
from marl_edu.envs import TrafficJunction
from marl_edu.training import a2c

DIFFICULTIES = ("easy", "medium", "hard")

Row = dict[str, Any]


def seconds_per_call(call: Callable[[], Any], seconds: float) -> float:
    """Median time of a call, over as many calls as fit in `seconds` (at least three)."""
    call()
    times: list[float] = []
    while len(times) < 3 or sum(times) < seconds:
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
        if sum(times) > 10 * seconds and sum(times) > 5.0:
            break
    return statistics.median(times)


def play_randomly(difficulty: str, batch: int) -> Callable[[], Any]:
    """One episode of the environment alone."""
    env = TrafficJunction(difficulty, num_envs=batch, seed=0)
    shape = (env.max_steps, batch, env.n_agents)
    actions = torch.randint(2, shape, generator=torch.Generator().manual_seed(0))

    def call() -> None:
        env.reset()
        for action in actions:
            env.step(action)

    return call


def train_once(
    difficulty: str, batch: int, method: ModuleType = tarmac, hidden_dim: int = 64
) -> Callable[[], Any]:
    """One update, of TarMAC with the book's sizes, as in the loop of `a2c.train`."""
    cfg = method.Config(num_envs=batch, hidden_dim=hidden_dim)
    env = TrafficJunction(difficulty, num_envs=batch, seed=0)
    torch.manual_seed(0)
    net = method.build(cfg, env)
    optimizer = torch.optim.Adam(net.parameters(), lr=cfg.lr, fused=True)
    generator = torch.Generator().manual_seed(0)

    def call() -> None:
        episode = a2c.rollout(net, env, generator, cfg.detach_every)
        total, _ = a2c.loss(episode, cfg, cfg.ent_coef)
        optimizer.zero_grad()
        total.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), cfg.max_grad_norm)
        optimizer.step()

    return call


def sweep(
    make: Callable[[str, int], Callable[[], Any]],
    difficulty: str,
    threads: int,
    options: argparse.Namespace,
) -> list[Row]:
    """One kind of work over the batch sizes, from small to large, while a call stays short."""
    rows: list[Row] = []
    for batch in sorted(options.batches):
        if rows:  # a small batch is nearly all overhead, a larger one hardly more than half
            last = rows[-1]
            growth = batch / last["batch"] / (2 if last["batch"] >= 64 else 20)
            if last["seconds"] * growth > options.limit:
                break
        torch.set_num_threads(threads)
        call = make(difficulty, batch)
        seconds = seconds_per_call(call, options.seconds)
        steps = batch * TrafficJunction(difficulty, num_envs=1).max_steps
        row = {"difficulty": difficulty, "batch": batch, "threads": threads, "seconds": seconds}
        rows.append(row | {"steps_per_second": steps / seconds})
    return rows


# -- how much of it is matrix products? ----------------------------------------------------------


class Products(TorchDispatchMode):
    """Counts the matrix products that are made, forward and backward, by shape and layout."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.found: Counter[tuple[Any, Any]] = Counter()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if func.overloadpacket.__name__ in ("mm", "addmm", "bmm", "baddbmm"):
            layout = tuple((tuple(x.shape), x.stride()) for x in args)
            self.found[func, layout] += 1
        return func(*args, **(kwargs or {}))


def products_of(call: Callable[[], Any]) -> Callable[[], Any]:
    """The same matrix products as `call` makes, of random numbers and in another order."""
    with Products() as products:
        call()
    todo = []
    for (func, layout), times in products.found.items():
        tensors = [torch.empty_strided(shape, stride).normal_() for shape, stride in layout]
        todo.append((func, tensors, times))

    def replay() -> None:
        for func, tensors, times in todo:
            for _ in range(times):
                func(*tensors)

    return replay


def share_of_products(
    difficulty: str, batch: int, threads: int, options: argparse.Namespace
) -> Row:
    """Which share of a training step its matrix products alone would take, taken in turns."""
    torch.set_num_threads(threads)
    call = train_once(difficulty, batch)
    replay = products_of(call)
    replay(), call()
    times: list[tuple[float, float]] = []
    until = time.perf_counter() + 2 * options.seconds
    while time.perf_counter() < until or len(times) < 5:  # in turns, so that both are equal
        start = time.perf_counter()
        replay()
        middle = time.perf_counter()
        call()
        times.append((middle - start, time.perf_counter() - middle))
    products, whole = (statistics.median(t) for t in zip(*times, strict=True))
    row = {"difficulty": difficulty, "batch": batch, "threads": threads, "seconds": whole}
    return row | {"products_seconds": products, "share": products / whole}


# -- ways of writing attention -------------------------------------------------------------------


def by_matmul(q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
    """As `algos/tarmac.py` writes it: products, and a masked softmax between them."""
    return masked_softmax(q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5, mask) @ v


def by_baddbmm(q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
    """The mask as a bias, added in the product of queries and keys."""
    lowest = torch.finfo(q.dtype).min
    bias = torch.zeros_like(mask, dtype=q.dtype).masked_fill_(~mask, lowest)
    score = torch.baddbmm(bias, q, k.transpose(-1, -2), alpha=q.shape[-1] ** -0.5)
    return (score.softmax(-1) * mask) @ v


def by_broadcasting(q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
    """No products of matrices: multiply, then sum."""
    score = (q[:, :, None] * k[:, None]).sum(-1) / q.shape[-1] ** 0.5
    return (masked_softmax(score, mask)[..., None] * v[:, None]).sum(-2)


def by_torch(q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
    """Torch's own, which does not return the weights."""
    return F.scaled_dot_product_attention(q[:, None], k[:, None], v[:, None], mask[:, None])[:, 0]


FORMS = {
    "matmul and masked softmax": by_matmul,  # algos/tarmac.py
    "baddbmm": by_baddbmm,
    "broadcasting": by_broadcasting,
    "scaled_dot_product_attention": by_torch,  # does not return the weights
}


def attention(
    n_agents: int, options: argparse.Namespace, batch: int = 64, d_k: int = 16, d_v: int = 32
) -> Row:
    """Microseconds of each form, forward and backward, taken in turns so that all are equal."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    q, k = (torch.randn(batch, n_agents, d_k, requires_grad=True) for _ in range(2))
    v = torch.randn(batch, n_agents, d_v, requires_grad=True)
    alive = torch.rand(batch, n_agents) < 0.7
    alive[:, 0] = True
    mask = alive[:, None, :].expand(batch, n_agents, n_agents)
    expected = by_matmul(q, k, v, mask)
    times: dict[str, list[float]] = {name: [] for name in FORMS}
    for name, form in FORMS.items():
        torch.testing.assert_close(form(q, k, v, mask), expected, msg=f"{name} differs")
    until = time.perf_counter() + options.seconds * len(FORMS)
    while time.perf_counter() < until or len(times[name]) < 20:
        for name, form in FORMS.items():
            start = time.perf_counter()
            form(q, k, v, mask).sum().backward()
            times[name].append(time.perf_counter() - start)
    micro = {name: 1e6 * statistics.median(t) for name, t in times.items()}
    return {"n_agents": n_agents, "batch": batch, "microseconds": micro}


# -- the report ----------------------------------------------------------------------------------


def measure(options: argparse.Namespace) -> Row:
    """Everything, printed as it comes."""
    stepping: list[Row] = []
    training: list[Row] = []
    products: list[Row] = []
    print(f"{'':11}{'env':>6} {'B':>6} {'threads':>7} {'steps/s':>12}")
    for name, make, rows in (
        ("environment", play_randomly, stepping),
        ("training", train_once, training),
    ):
        for difficulty in options.difficulties:
            for threads in options.threads:
                for row in sweep(make, difficulty, threads, options):
                    rows.append(row)
                    print(
                        f"{name:12}{difficulty:6} {row['batch']:5} {threads:7} "
                        f"{row['steps_per_second']:12,.0f}",
                        flush=True,
                    )
    print("\nShare of a training step that its matrix products alone would take")
    for difficulty in options.difficulties:
        batch = min(options.batches, key=lambda b: abs(b - 64))
        row = share_of_products(difficulty, batch, 1, options)
        products.append(row)
        print(
            f"{difficulty:7} B = {batch}: {row['share']:.0%} of {row['seconds']:.3f} s", flush=True
        )
    print("\nAttention, forward and backward, microseconds")
    forms = [attention(n, options) for n in (5, 10, 20)]
    for name in FORMS:
        print(f"{name:30}" + "".join(f"{row['microseconds'][name]:9.0f}" for row in forms))
    return {
        "environment": stepping,
        "training": training,
        "products": products,
        "attention": forms,
    }


def provenance(options: argparse.Namespace) -> Row:
    """How it was measured."""
    return {
        "command": "python benchmarks/junction.py" + " --reference PATH" * bool(options.reference),
        "seconds_per_measurement": options.seconds,
        "cpu_model": cpu_model(),
        "cores": os.cpu_count(),
        "load_before": options.load,
        "versions": {"torch": torch.__version__},
        **git_commit(),
        "finished": now(),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and save if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--difficulties", nargs="+", choices=DIFFICULTIES, default=DIFFICULTIES)
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 64, 1024, 8192])
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--seconds", type=float, default=0.5, help="per measurement (0.5)")
    parser.add_argument("--limit", type=float, default=5.0, help="longest single call (5)")
    parser.add_argument("--reference", metavar="PATH", help="a checkout of IC3Net/IC3Net")
    parser.add_argument("--save", action="store_true", help="write it below book/results")
    options = parser.parse_args(arguments)
    options.load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    if options.load is not None and options.load > 0.5:
        print(f"The machine is busy (load {options.load:.1f}): these numbers will be too low.\n")
    name = "benchmark-reference.json" if options.reference else "benchmark.json"
    if options.reference:
        measured = beside.measure(options, play_randomly, train_once)
    else:
        measured = measure(options)
    if options.save:
        path = results.RESULTS / name
        storage.write_json(path, measured | {"provenance": provenance(options)})
        print(f"\nwritten: {path}")


if __name__ == "__main__":
    main()
