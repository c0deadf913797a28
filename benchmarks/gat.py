"""How fast graph attention is, beside PyTorch Geometric's GATConv, in one run on this machine.

    python benchmarks/gat.py                 prints; half a minute
    python benchmarks/gat.py --save          ... to book/results/benchmark-gat.json
    python benchmarks/gat.py --threads 1 2   also with two threads: only on a machine that is idle,
                                             for threads that wait for a core wait for each other

One layer of 8 heads of 8 features on 64 features, forward and backward, the same weights and the
same graph for all; 8 neighbours a node. Turns are taken, so that what else the machine does hits
all alike, and the median counts. GATConv is given edges, the form it is made for; ours is timed in
each form. A ratio above 1 says that ours takes longer.
"""

import argparse
import os
import statistics
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch_geometric

from marl_edu import results
from marl_edu.algos.gat import GraphAttention
from marl_edu.core import graphs, storage
from marl_edu.core.provenance import cpu_model, git_commit, now

with warnings.catch_warnings():  # it still uses torch.jit.script, which torch advises against
    warnings.simplefilter("ignore", DeprecationWarning)
    from torch_geometric.nn import GATConv

FEATURES, HEADS, HEAD, K = 64, 8, 8, 8
SIZES = ((100, 1), (1000, 1), (10_000, 1), (100, 64))  # nodes of a graph, graphs
DENSE = 150_000_000  # entries of attention beyond which an adjacency is left out


def draw(n: int, many: int) -> graphs.Neighbours:
    """K random neighbours of every node of so many graphs, (many, n, K)."""
    generator = torch.Generator().manual_seed(0)
    others = torch.rand(many, n, n - 1, generator=generator).topk(K).indices if n <= 1000 else None
    if others is None:  # as many numbers as pairs would be too many; a neighbour may come twice
        others = torch.randint(n - 1, (many, n, K), generator=generator)
    nodes = others + (others >= torch.arange(n)[:, None])  # not itself
    return graphs.Neighbours(nodes, torch.ones_like(nodes, dtype=torch.bool))


def layers() -> tuple[GraphAttention, Any]:
    """Ours and theirs, with the same weights."""
    ours, theirs = GraphAttention(FEATURES, HEAD, HEADS), GATConv(FEATURES, HEAD, HEADS)
    with torch.no_grad():
        theirs.lin.weight.copy_(ours.W.weight)
        theirs.att_dst.copy_(ours.a_receiver[None])
        theirs.att_src.copy_(ours.a_sender[None])
    return ours, theirs


def compare(n: int, many: int, options: argparse.Namespace) -> dict[str, Any]:
    """Milliseconds of each, forward and backward, on `many` graphs of n nodes."""
    torch.manual_seed(0)
    ours, theirs = layers()
    near = draw(n, many)
    first = n * torch.arange(many)[:, None, None]
    receiver = (torch.arange(n)[:, None] + first).expand(-1, -1, K)
    edges = torch.stack([(near.nodes + first).flatten(), receiver.flatten()])
    h = torch.randn(many, n, FEATURES, requires_grad=True)
    flat = (many * n, HEADS * HEAD)
    forms: dict[str, Callable[[], torch.Tensor]] = {
        "GATConv": lambda: theirs(h.flatten(0, 1), edges),
        "edges": lambda: ours(h.flatten(0, 1), edges)[0],
        "neighbours": lambda: ours(h, near)[0].view(flat),
    }
    if many * n * n * HEADS <= options.dense:
        adjacency = torch.zeros(many, n, n, dtype=torch.bool).scatter_(2, near.nodes, True)
        forms["adjacency"] = lambda: ours(h, adjacency)[0].reshape(flat)
    expected = forms["GATConv"]()
    for name, form in forms.items():
        torch.testing.assert_close(form(), expected, atol=1e-5, rtol=1e-5, msg=f"{name} differs")
    times: dict[str, list[float]] = {name: [] for name in forms}
    until = time.perf_counter() + options.seconds * len(forms)
    while time.perf_counter() < until or len(times["edges"]) < 5:
        for name, form in forms.items():
            start = time.perf_counter()
            form().sum().backward()
            times[name].append(time.perf_counter() - start)
    milli = {name: 1e3 * statistics.median(t) for name, t in times.items()}
    ratio = {name: ms / milli["GATConv"] for name, ms in milli.items() if name != "GATConv"}
    turns = len(times["edges"])
    return {"nodes": n, "graphs": many, "turns": turns, "milliseconds": milli, "ratio": ratio}


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """All sizes and numbers of threads, printed as they come."""
    rows = []
    names = ("GATConv", "edges", "neighbours", "adjacency")
    print(f"{'':20}" + "".join(f"{name:>22}" for name in names))
    for threads in options.threads:
        torch.set_num_threads(threads)
        for n, many in SIZES:
            row = compare(n, many, options) | {"threads": threads}
            rows.append(row)
            cells = [
                f"{row['milliseconds'][name]:8.2f} ms"
                + (f"  x {row['ratio'][name]:5.2f}" if name in row["ratio"] else 9 * " ")
                if name in row["milliseconds"]
                else "-"
                for name in names
            ]
            title = f"{many} x {n:,}, {threads} thread{'s' * (threads > 1)}"
            print(f"{title:20}" + "".join(f"{cell:>22}" for cell in cells), flush=True)
    return {
        "rows": rows,
        "provenance": {
            "command": "python benchmarks/gat.py --save",
            "seconds_per_measurement": options.seconds,
            "cpu_model": cpu_model(),
            "cores": os.cpu_count(),
            "load_before": options.load,
            "versions": {
                "torch": torch.__version__,
                "torch_geometric": torch_geometric.__version__,
            },
            **git_commit(),
            "finished": now(),
        },
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and save if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--threads", nargs="+", type=int, default=[1])
    parser.add_argument("--seconds", type=float, default=2.0, help="per measurement (2)")
    parser.add_argument("--dense", type=int, default=DENSE, help="most entries of an adjacency")
    parser.add_argument("--save", action="store_true", help="write benchmark-gat.json")
    options = parser.parse_args(arguments)
    options.load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    if options.load is not None and options.load > 0.5:
        print(f"The machine is busy (load {options.load:.1f}): ratios are better than times.\n")
    measured = measure(options)
    if options.save:
        path = results.RESULTS / "benchmark-gat.json"
        storage.write_json(path, measured)
        print(f"\nwritten: {path}")


if __name__ == "__main__":
    main()
