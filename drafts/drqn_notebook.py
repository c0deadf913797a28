import json, sys
sys.path.insert(0, ".")
from marl_edu import exercises
from marl_edu.exercises.grading import source_of
cells = []
def md(text): cells.append(("markdown", text.strip("\n"), []))
def code(text, *tags): cells.append(("code", text.strip("\n"), list(tags)))
def lines(thing, *texts):
    code(f"lines({thing}, {', '.join(json.dumps(t, ensure_ascii=False) for t in texts)})", "remove-input")

md('''
# DRQN: acting on what one no longer sees

*How does one turn the right way at a junction, when the sign stood at the other end of the corridor?* By remembering it. And a memory has to be *learned*: nobody tells the network what will matter later.

:::{admonition} Before you start
:class: note
**You will be able to** write DQN with a double, lagging target; give it a memory, and train that from stored episodes, masks, starts and time limits included; say with an interval what the memory is worth; read a memory with a probe, and tell *being in there* from *being used*; and recognise the usual bugs from their symptoms.

**Know first** what a value $Q(s, a)$ is and what a recurrent network carries along. Words are in the [glossary](../glossary.md), letters in [](../notation.md).

**Time**: 25 minutes to read; about two minutes to run on a laptop; two hours with the exercises.
:::
''')
code('''
import numpy as np
import torch
from IPython.display import HTML
from tqdm.auto import tqdm

from marl_edu import catalogue, charts, memory, plots, qlearning, results, storage, tables
from marl_edu.algos import dqn, drqn
from marl_edu.envs import TMaze
from marl_edu.envs.rules.memory import RememberSign, random_success
from marl_edu.envs.rules.task import scores
from marl_edu.listing import lines
from marl_edu.widgets import CorridorFigure, MemoryPanel
from marl_edu.widgets.corridor import chosen_trail, stored_walkers

torch.set_num_threads(1)
''', "hide-input")
md('''
## Play first

This walker was trained with this book's code; its network runs in this page. The sign in the first cell says where to turn, ten cells later. Beneath the maze you see what it remembers: each row is one unit of its memory, each column one step. Press **Undo** a few times, **Exchange memory** with that of a twin who read the other sign, then **Let it walk** on.
''')
code('''
walkers = stored_walkers()
CorridorFigure(walkers, trail=chosen_trail(walkers["lstm"], "up")[:9])
''', "hide-input")
md('''
> To remember: at the junction all walkers see the same. Which way they turn is what they remember.

## The problem

In the **T-maze** {cite}`bakker2001tmaze` a corridor of ten cells leads to a junction. In the first cell a sign says *up* or *down*; at the junction the walker turns. It is paid 1 for the right turn and nothing for anything else.

- It observes one of four things: the sign saying up, the sign saying down, a cell of the corridor, the junction. Not where in the corridor it is, and not what it saw before.
- It goes FORWARD, or turns UP or DOWN, which does nothing before the junction. There is no way back to look at the sign again.
- After 33 steps time is up (*truncated*); after the turn the maze is over (*terminated*).
''')
code('''
world = TMaze(10, batch_size=1, seed=3)
world.reset()
for _ in range(4):
    world.step(torch.zeros(1, 1, dtype=torch.int64))
HTML(
    f'<figure style="margin:0;max-width:28rem">{world.render()}<figcaption>A walker on its way. The '
    "arrow is the sign, the ring where it says to turn.</figcaption></figure>"
)
''', "hide-input")
md('''
How well can one do without a memory, and how well with one? Three policies that nobody trained:
''')
code('''
remember = scores(TMaze(10, batch_size=1000), RememberSign(), 4000)["success"].mean().item()
TRIVIAL, BEST = ("walk and guess", 50.0), ("remember the sign", 100.0 * remember)
print(f"random actions: {100 * random_success(10, 33):.1f} % (exact)", end="   ")
print(f"{TRIVIAL[0]}: {TRIVIAL[1]:.0f} % (exact)   {BEST[0]}: {BEST[1]:.0f} %")
assert remember == 1.0
''', "hide-input")
md('''
**Walk and guess** goes to the junction and turns, always the same way: right half of the time. No policy without memory can do better, however it is trained: at the junction it sees the same thing whatever the sign said, so it turns with the same probabilities, and the sign is a fair coin.

> To remember: the gap between 50 and 100 % is what a memory is worth. This chapter is about that gap.

## The idea on paper

**DQN** {cite}`mnih2015dqn` learns a value for every action in every situation, and takes the best. If a situation is what one sees *now*, then the two junctions, after *up* and after *down*, are one situation, and there is nothing to learn. **DRQN** {cite}`hausknecht2015drqn` puts a recurrent layer between the eye and the values: what one sees is mixed with what one remembers, and the values are computed from that.

Here is the smallest memory with all numbers shown: an LSTM with two cells, one per sign, weights set by hand. Let $z$ = (*I see "up"*, *I see "down"*). Four sums decide what happens to a cell:

| | sum | seen the sign: $z_k = 1$ | else: $z_k = 0$ |
|---|---|---|---|
| *take* $i = \\sigma(20 z_k - 10)$ | how much of the new goes in | 1.000 | 0.000 |
| *keep* $f = \\sigma(10)$ | how much of the old stays | 1.000 | 1.000 |
| *new* $g = \\tanh(10 z_k)$ | what would go in | 1.000 | 0 |
| *show* $o = \\sigma(10)$ | how much of the cell is shown | 1.000 | 1.000 |

The cell becomes $f \\cdot$ cell $+\\ i \\cdot g$. The walker reads "up": its first cell goes from 0 to $0 + 1 \\cdot 1 = 1$. In the corridor nothing is taken and everything is kept, and ten steps later it is still 1, less what leaks through gates that are never quite shut. What is shown is $h = o \\cdot \\tanh(1) \\approx$ **0.76**; the other cell shows **0**.

The same by the package:
''')
code('''
toy = drqn.RecurrentQ(obs_dim=4, n_actions=3, hidden=2)
with torch.no_grad():
    toy.encode.weight.copy_(torch.eye(2, 4))  # z: the two signs
    toy.encode.bias.zero_()
    take, keep, new, show = torch.eye(2) * 20, torch.zeros(2, 2), torch.eye(2) * 10, torch.zeros(2, 2)
    toy.memory.weight_ih_l0.copy_(torch.cat([take, keep, new, show]))
    toy.memory.weight_hh_l0.zero_()
    toy.memory.bias_ih_l0.copy_(torch.tensor([-10.0, -10, 10, 10, 0, 0, 10, 10]))
    toy.memory.bias_hh_l0.zero_()

up, corridor = torch.tensor([1.0, 0, 0, 0]), torch.tensor([0.0, 0, 1, 0])
with torch.no_grad():
    seen = torch.stack([up] + 10 * [corridor])[None]
    h, _ = toy.memory(torch.relu(toy.encode(seen)))
print("h after the sign:", h[0, 0].numpy().round(3), "  ten cells later:", h[0, -1].numpy().round(3))
assert torch.allclose(h[0, 0], torch.tensor([0.7615, 0.0]), atol=1e-3)
assert torch.allclose(h[0, -1], torch.tensor([0.7615, 0.0]), atol=1e-3)
''')
md('''
> To remember: a gate that keeps, and one that takes only when it matters. Training has to find both.

## The equations, and the lines that are them

First DQN, which remembers nothing. Two hidden layers turn what is seen into the worth of every action:

```{math}
:label: eq-dqn-q
Q(o, \\cdot) = W_3\\, \\mathrm{relu}\\left(W_2\\, \\mathrm{relu}\\left(W_1 o\\right)\\right)
```
''')
lines("dqn.QNet.forward", "# eq. (1)")
md('''
`obs`: (…, O); the result: (…, A). To act is to take the best action; with probability ε any that is available, so that all are tried:

```{math}
:label: eq-dqn-explore
a = \\begin{cases} \\arg\\max_{a'} Q(o, a') & \\text{with probability } 1 - \\varepsilon \\\\ \\text{any available action} & \\text{with probability } \\varepsilon \\end{cases}
```
''')
lines("qlearning.act", "chance =", "# eq. (1)")
md('''
What did the action turn out to be worth? Its reward, and γ times what comes next. The network picks the next action, a lagging copy of it, the **target network** $Q^-$, says what that one is worth: *double* Q-learning {cite}`hasselt2016double`. Whoever picks the maximum of noisy values picks the luckiest error with it, so the one who picks should not be the one who rates:

```{math}
:label: eq-dqn-target
y = r + \\gamma\\, c\\; Q^-\\!\\left(o', \\arg\\max_{a'} Q(o', a')\\right)
```

$c$ is 0 where a life ended and 1 elsewhere. A time limit is *not* the end of a life: the walker would have walked on, and the next value counts.
''')
lines("qlearning.double_q", "best = highest", "# eq. (2)")
md('''
Steps are stored in a **replay**, drawn from it at random, and the network is moved towards $y$. Huber's loss is the square for small errors and the absolute value for large ones:

```{math}
:label: eq-dqn-loss
L = \\mathrm{huber}\\left(y - Q(o, a)\\right)
```
''')
lines("dqn.loss", "q, _ = net", "# eq. (3)")
md('''
Now the memory. What is seen is encoded, mixed with what is remembered, and the values come from that; $h_t$ is carried to the next step. (For a GRU {cite}`cho2014gru` in the place of the LSTM, read GRU.)

```{math}
:label: eq-drqn-see
z_t = \\mathrm{relu}\\left(W_e o_t\\right)
```

```{math}
:label: eq-drqn-memory
h_t = \\mathrm{LSTM}\\left(z_t,\\, h_{t-1}\\right)
```

```{math}
:label: eq-drqn-q
Q_t = W_q h_t
```
''')
lines("drqn.RecurrentQ.unroll", "z = F.relu", "# eq. (3)")
md('''
`obs`: (E, L, O); `h`: (E, L, D); the result: (E, L, A). The gate that keeps starts out open: 1 is added to its bias, a known help {cite}`jozefowicz2015rnn`.

A single step teaches a memory nothing: what it should have kept was seen long before. So the replay stores whole **lives**, from an agent's first step to its last, and draws *windows* of them. Network and target are both unrolled over the L + 1 observations of a window, each with a memory of its own, from the same start:

```{math}
:label: eq-drqn-target
y_t = r_t + \\gamma\\, c_t\\; Q^-_{t+1}\\!\\left(\\arg\\max_{a} Q_{t+1}(a)\\right)
```

```{math}
:label: eq-drqn-loss
L = \\text{mean over the steps that count of } \\mathrm{huber}\\left(y_t - Q_t(a_t)\\right)
```
''')
lines("drqn.loss", "q, _ = net.unroll", "# eq. (5)")
md('''
`learn`: (E, L), False where a life is over and the window was filled up, and in the burn-in. What is remembered at the *start* of a window that begins in the middle of a life? Three answers:

- **zero**: nothing, as at the start of a life. Simple, and wrong for the first steps (the paper).
- **burn-in**: run over some steps before the window first, without learning from them, to warm the memory up.
- **stored**: what the agent remembered at the time, with the weights of the time; stale, but complete. R2D2 {cite}`kapturowski2019r2d2` uses both.

With windows as long as lives, the three are the same; that is what we do in the maze. Each of the equations above has a test that bears its name (`pytest -k eq_drqn_target`), which computes it a second way, by loops.

> To remember: draw windows, not steps; unroll the target on its own, from the same start, one step further; mask; and stop at the end of a life, not at the end of time.

## Train it

One cell, less than half a minute on one core. The walkers still explore while they are counted.
''')
code('''
cfg = drqn.Config(TMaze, {"length": 10}, hidden=32, lr=3e-3, steps_per_update=16, updates=2500)
with tqdm(total=cfg.updates, desc="training", unit="update") as bar:

    def on_log(row):
        bar.update(row["update"] - bar.n)
        bar.set_postfix_str(f"right turns {row['success']:.0%}")

    run = drqn.train(cfg, on_log)

fresh = qlearning.evaluate(run.net, TMaze(10, batch_size=500), episodes=2000)
print(
    f"{fresh['success']:.1%} of {fresh['episodes']} fresh walkers turned right, "
    f"after {run.rows[-1]['env_steps']:,} steps"
)
assert fresh["success"] > 0.95
''')
code('''
x = np.array([row["env_steps"] for row in run.rows])
y = np.array([row["success"] for row in run.rows])
nan = np.full(len(x), np.nan)
plots.show(
    plots.learning_curves({"drqn": results.Curve(x, y, nan, nan, 1)}, TRIVIAL, BEST),
    alt=f"Share of right turns of one training run, from about 30 to {100 * y[-1]:.0f} percent.",
    caption="First the walker learns to walk, which is worth 50 %; then, rather suddenly, what to remember. The run of the cell above, one seed.",
)
''', "hide-input")
md('''
One run proves little, so here are the stored ones: 8 seeds each, 2,000 fresh mazes per seed, greedy. `python -m marl_edu.experiments run drqn-tmaze` makes them anew.
''')
code('''
minutes = np.median([r["cpu_seconds"] for r in results.load("drqn-tmaze")]) / 60
maze = {m: results.summary(f"{m}-tmaze") for m in ("dqn", "drqn")}
plots.show(
    plots.learning_curves(
        {m: results.learning_curve(f"{m}-tmaze") for m in ("dqn", "drqn")},
        TRIVIAL,
        BEST,
        core_minutes=minutes,
    ),
    alt=f"In the T-maze DRQN rises to {100 * maze['drqn'].value:.0f} percent of right turns; DQN stays at {100 * maze['dqn'].value:.0f}.",
    caption=f"With a memory the maze is solved; without, nothing is learned but walking. T-maze, 10 cells; interquartile mean of {maze['drqn'].n} seeds with 95 % interval, with the exploration of training.",
)
''', "hide-input")
code('''
gru = results.summary("drqn-tmaze-gru")
for name, found in (("DRQN, LSTM", maze["drqn"]), ("DRQN, GRU", gru), ("DQN", maze["dqn"])):
    print(
        f"{name:11} {found.value:7.1%}   95 % interval {found.low:.1%} to {found.high:.1%}, "
        f"{found.n} seeds"
    )
assert results.scores("drqn-tmaze").min() >= 0.99 and gru.value >= 0.99
assert maze["drqn"].low > maze["dqn"].high
assert abs(results.scores("dqn-tmaze") - 0.5).max() < 0.03
''', "hide-input")
md('''
The longer the corridor, the longer the news has to last, and the longer the way back for the gradient. Same settings, same number of updates:
''')
code('''
length = {
    m: {
        n: results.summary(f"{m}-tmaze" + (f"{n}" if n != 10 else ""))
        for n in catalogue.LENGTHS
    }
    for m in ("dqn", "drqn")
}
plots.show(
    charts.against(length, "cells of the corridor", TRIVIAL, BEST, ylabel="right turns (%)"),
    alt="Right turns against the length of the corridor: "
    + ", ".join(f"{n} cells {100 * length['drqn'][n].value:.0f} percent" for n in catalogue.LENGTHS)
    + " with DRQN; about 50 without memory.",
    caption=f"Right turns against the length of the corridor. Interquartile mean with 95 % interval of {length['drqn'][20].n} seeds ({length['drqn'][10].n} at 10), 4,000 updates each, whatever the length.",
)
''', "hide-input")
md('LENGTH_TEXT')
md('''
### Missing observations

In the paper's **flickering** games the screen is blank half of the time. Here is the same in the maze: each observation is missing with probability *p*, in the first cell too. A walker that has not seen the sign can wait for it, and one that does not see the junction must try. What remembering can reach is what the rule *wait for the sign* does: wait up to 23 steps, else guess.
''')
code('''
seen = [100 - p for p in catalogue.FLICKER]
flicker = {
    m: {100 - p: results.summary(f"{m}-flicker{p}") for p in catalogue.FLICKER}
    for m in ("dqn", "drqn")
}
waits = {100 - p: 1 - (p / 100) ** 23 / 2 for p in catalogue.FLICKER}
plots.show(
    charts.against(flicker, "observations that arrive (%)", TRIVIAL, ylabel="right turns (%)"),
    alt="Right turns against the share of observations that arrive: with DRQN "
    + ", ".join(f"{100 * flicker['drqn'][s].value:.0f} percent at {s}" for s in seen)
    + "; without memory at most about 50.",
    caption=f"A memory bridges what is missing. Flickering T-maze, interquartile mean with 95 % interval of {flicker['drqn'][100].n} seeds, 6,000 updates each.",
)
''', "hide-input")
code('''
print("observations that arrive   DRQN    DQN   wait for the sign (exact)")
for s in seen:
    print(
        f"{s:22} % {flicker['drqn'][s].value:8.1%} {flicker['dqn'][s].value:6.1%} {waits[s]:10.1%}"
    )
FLICKER_ASSERT
''', "hide-input")
md('FLICKER_TEXT')
md('''
### A world written by others

The same two algorithms on Gymnasium's CartPole, through `marl_edu.envs.from_gymnasium`: a pole is balanced, 500 steps at most. We hide its two velocities. How fast it falls can be told from two looks, but not from one.
''')
code('''
poles = {
    "dqn": results.learning_curve("dqn-cartpole", "return"),
    "drqn": results.learning_curve("drqn-cartpole", "return"),
}
pole = {
    name: results.interval(results.scores(name, "return"))
    for name in ("dqn-cartpole", "drqn-cartpole", "dqn-cartpole-seen")
}
minutes = np.median([r["cpu_seconds"] for r in results.load("drqn-cartpole")]) / 60
plots.show(
    plots.learning_curves(
        poles,
        trivial=("random actions", 22.2),
        best=("longest possible", 500.0),
        ylabel="steps until it falls",
        ylim=(0, 500),
        scale=1.0,
        core_minutes=minutes,
    ),
    alt=f"Without velocities DRQN balances for {pole['drqn-cartpole'].value:.0f} steps, DQN for {pole['dqn-cartpole'].value:.0f}.",
    caption=f"Who remembers the last look knows how fast the pole falls. CartPole without its velocities; interquartile mean of {pole['drqn-cartpole'].n} seeds with 95 % interval, with the exploration of training.",
)
''', "hide-input")
code('''
for name, found in pole.items():
    print(f"{name:18} {found.value:6.1f} steps (95 % interval {found.low:.1f} to {found.high:.1f})")
assert pole["drqn-cartpole"].low > pole["dqn-cartpole"].high
''', "hide-input")
md('CARTPOLE_TEXT')
md('''
> To remember: where what is seen does not tell all, a memory is not a refinement but the difference between guessing and knowing.

### Two agents: a memory is not enough

Now the sign is shown to a **witness**, once, and then it waits outside; the walker never sees it. Both share one network and know which one they are. What can independent DRQN do?
''')
code('''
witness = {m: results.summary(f"{m}-witness") for m in ("dqn", "drqn", "tarmac")}
plots.show(
    plots.intervals(witness, trivial=("walk and guess", 50.0), best=("told and remembered", 100.0)),
    alt=f"With a witness DQN and DRQN turn right in {100 * witness['dqn'].value:.0f} and {100 * witness['drqn'].value:.0f} percent; TarMAC, which talks and remembers, in {100 * witness['tarmac'].value:.0f}.",
    caption=f"The witness remembers and cannot tell; the walker could listen and is not told. T-maze with a witness, 10 cells, {witness['drqn'].n} seeds each, 95 % interval.",
)
''', "hide-input")
code('''
for m in ("dqn", "drqn"):
    assert witness[m].low < 0.52 and witness[m].high > 0.48
assert witness["tarmac"].low > 0.95 > witness["drqn"].high
''', "hide-input")
md('''
Nothing, and no training will change that: nothing the walker ever sees depends on the sign, and nothing the witness does reaches it. 50 % is a bound. Talk without memory fails as well: the witness can speak of the sign in the first step only, and the walker turns ten steps later. A team that does both, [TarMAC](tarmac.ipynb), whose agents are recurrent, solves it.

> To remember: memory carries news through time, messages carry it from agent to agent. Where the news has to travel both ways, one of them alone is worth nothing.

## Look inside

The picture at the top tells a story: some units switch when the sign is read, and stay. A **probe** checks it. It is a linear classifier, trained on some walkers, to tell the sign from the memory; tried on others, step by step along the corridor:
''')
code('''
right, cells, record = memory.stored()
plots.show(
    plots.intervals(
        {f"drqn-cell {k}": cells[k] for k in (0, 2, 4, 6, 8, 10)},
        trivial=("guessing", 50.0),
        best=("always right", 100.0),
        xlabel="sign read right from the memory (%)",
    ),
    alt=f"The probe reads the sign right in {100 * min(c.value for c in cells):.0f} percent or more of the cases in every cell.",
    caption=f"What was read in cell 0 is in the memory all the way. One linear probe per walker, {len(record['seeds'])} trained walkers with LSTM, 400 fresh mazes each; interquartile mean with 95 % interval.",
)
''', "hide-input")
code('''
state = memory.record(catalogue.load_policy("drqn-tmaze"), TMaze(10, batch_size=200), 0.0)
up, h = state.says_up, state.state[..., :32]
differs = (h[up].mean(0) - h[~up].mean(0)).abs()  # (T, D): how far apart the two signs are
units = [int((row > 0.5).sum()) for row in differs]
plots.show(
    charts.over_time(
        {"apart by 0.5": units, "by 1": [int((row > 1).sum()) for row in differs]},
        xlabel="step of the episode",
        ylabel="units",
        ylim=(0, 32),
    ),
    alt=f"Number of units, of 32, whose mean differs between the signs by more than 0.5: {units[0]} after the sign, {units[-1]} at the junction.",
    caption="The news is spread over several units, and which ones changes on the way. Seed 0, 200 greedy walkers.",
)
''', "hide-input")
code('''
assert min(cell.low for cell in cells) > 0.9
''', "hide-input")
md('''
That a probe reads the sign shows that it is *in there*. That it is *used* it does not show: a probe with enough freedom reads things that the network never looks at.

> To remember: a probe says what a memory holds, an intervention what it is for.

## Take it away: is the memory used?

So: train, then tamper. Before the sixth step, five cells from the junction, every walker's memory is **exchanged** for that of one who read the *other* sign, **erased**, **shuffled** among all, given **noise** in units of its own spread, or **rounded** to a few bits per number. What you read are all trained walkers, 2,000 mazes each (`python -m marl_edu.memory`).
''')
code('''
plots.show(
    plots.intervals(
        {f"drqn-{name}": estimate for name, estimate in right.items()},
        trivial=TRIVIAL,
        best=BEST,
        xlabel="right turns (%)",
    ),
    alt="Right turns of trained walkers whose memory was tampered with midway: "
    + ", ".join(f"{name} {100 * estimate.value:.0f} percent" for name, estimate in right.items()),
    caption=f"Give a walker the memory of its opposite and it turns the wrong way. T-maze, 10 cells, greedy, {len(record['seeds'])} trained walkers, interquartile mean with 95 % interval.",
)
''', "hide-input")
code('''
wrong = {name: results.interval(values) for name, values in record["wrong"].items()}
lost = {name: 1 - right[name].value - wrong[name].value for name in ("erased", "noise 2")}
print(
    f"exchanged: {wrong['exchanged'].value:.1%} turn the wrong way;   erased: "
    f"{right['erased'].value:.1%} right, {wrong['erased'].value:.1%} wrong"
)
BENCH_ASSERT
''', "hide-input")
md('BENCH_TEXT')
md('''
> To remember: exchange, do not only erase. A walker without memory may do anything; one with the *wrong* memory tells you what the memory says.

### The start of a window

Lives in the maze are short, so we learn from whole ones. What if windows had to be shorter than the corridor: 6 steps of 11?
''')
code('''
starts = {
    "drqn-whole lives": maze["drqn"],
    "drqn-6 steps, zero": results.summary("drqn-window-zero"),
    "drqn-6 steps, burn-in 6": results.summary("drqn-window-burnin"),
    "drqn-6 steps, stored": results.summary("drqn-window-stored"),
}
plots.show(
    plots.intervals(starts, trivial=TRIVIAL, best=BEST, xlabel="right turns (%)"),
    alt="Right turns by the start of the window: "
    + ", ".join(f"{name[5:]} {100 * e.value:.0f} percent" for name, e in starts.items()),
    caption=f"Learning from windows that are shorter than the corridor. T-maze, 10 cells, same settings; {starts['drqn-6 steps, zero'].n} seeds each, interquartile mean with 95 % interval.",
)
''', "hide-input")
md('STARTS_TEXT')
md('''
## What the papers did, what we did
''')
code('''
def ours(found):
    return f"{100 * found.value:.1f}", f"{100 * found.low:.1f} to {100 * found.high:.1f}", f"{found.n}"


tables.Table(
    ["", "paper", "ours (%)", "95 %", "n", "best possible", "trivial", "verdict"],
    [
        ["T-maze 10, DRQN", "—", *ours(maze["drqn"]), "100", "50", "no number to compare"],
        ["T-maze 10, DQN", "—", *ours(maze["dqn"]), "50", "50", "no number to compare"],
        ["flicker 60 %, DRQN", "Pong, 50 %: 12.1 ± 2.2", *ours(flicker["drqn"][40]), f"{100 * waits[40]:.1f}", "50", "other setting"],
        ["flicker 60 %, DQN", "Pong, 50 %: −9.9 ± 3.3", *ours(flicker["dqn"][40]), "50", "50", "other setting"],
    ],
    "Ours: share of right turns, greedy, interquartile mean over n seeds. The paper's: game score in flickering Pong, where DQN sees ten frames at once.",
)
''', "hide-input")
md('''
The paper's figures are quoted second-hand; look them up before you cite them. On the other flickering games it found no systematic gain, and on Atari with a clear screen neither: a few frames side by side hold what the memory would. Our worlds are made so that they do not.

**How the settings were chosen.** On the T-maze in about ten trials of one or two seeds, all with DRQN, judged by the score reported here; DQN was not tuned for and needs no tuning to reach its bound. The bias of the keeping gate was found there: without it, DRQN learned nothing on the flickering maze in 4,000 updates. CartPole took about 25 trials with DQN for the benchmark and four with DRQN; DQN without velocities has DRQN's settings. None of these trials was stored.

**Differences from the papers**, and why:

- *Double Q*: the 2015 paper lets the target network pick and rate.
- *Whole lives* in the maze, since they are short; the paper draws windows of 10 from zero, which the figure above shows to be another matter when the window is shorter than the delay.
- *Rounds*: all worlds play whole episodes, then the gradient steps that are due are made. Nothing is interrupted in the middle of an episode, so no memory is ever carried over an update.
- *Adam* instead of Adadelta; one linear layer instead of convolutions; memories of 32 and 64 numbers instead of 512.
- *One network for all agents*, each with a memory of its own, each learning as if it were alone: what others do is part of the world, and changes as they learn.

**How fast?** The time DQN needs to balance CartPole (all four numbers seen) for 475 steps in the mean of 100 fresh poles, beside Stable-Baselines3's {cite}`raffin2021sb3` DQN with the settings that its zoo has tuned for this, on one core (`python benchmarks/dqn.py`):
''')
code('''
bench = storage.read_json(results.RESULTS / "benchmark-dqn.json")
for name in ("ours", "Stable-Baselines3"):
    found, runs = bench[name], bench["runs"][name]
    print(
        f"{name:18} {found['mean']:6.1f} core seconds in the mean of {len(runs)} seeds "
        f"(95 % interval {found['low']:.1f} to {found['high']:.1f}), "
        f"{np.mean([r['env_steps'] for r in runs]):,.0f} steps, solved by {sum(r['solved'] for r in runs)}"
    )
print(f"{bench['ratio']:.1f} times as fast. Aimed at: {bench['goal']:g}.")
''', "hide-input")
md('BENCHMARK_TEXT')
md('''
## What goes wrong

Seen in published code and in issue trackers, with the symptom to expect. The first two we met ourselves, the third is the bug hunt below; the others are reasoned, not measured:

| bug | symptom |
|---|---|
| Huber's loss with returns in the hundreds, unscaled | values run away to tens of thousands: far from its minimum Huber's loss is a *median*, and the few steps that end an episode are outvoted |
| the keeping gate starts half shut | long delays are never bridged; short ones are |
| the memory detached in every step | all numbers right, 50 % for ever: no error ever reaches the step in which the sign was seen |
| the memory not passed on in training (only in acting) | as good as no memory |
| the memory kept across the end of a life | walkers turn by the sign of the maze before |
| a time limit treated as an end | what lies late in an episode seems worth nothing; worse the shorter the limit |
| the target unrolled from its *own* last state, or over L observations | off by one; learns slowly or not at all |
| filled-up steps in the mean | the loss looks small, and short lives teach less |
| zero start without burn-in, windows shorter than the delay | exactly the score without memory, as above |
| stored states kept too long | they are in the language of old weights; learning stalls late |
| ε so large that lives never reach the point | nothing to remember, no reward to learn from |
''')
md('''
## Exercises

Each exercise asks for one function. The cell beneath it runs as it is and says that nothing was
attempted; write your function there and run it again. The verdict comes from what the function
*does* on inputs small and odd, and if it behaves just like a classic mistake it says which.
`verdict.inputs` is the input on which it went wrong. Hint and solution are folded.
''')
code('''
import torch
from torch.nn import functional as F

from marl_edu import exercises
''')
def exercise(name, label, before=()):
    e = getattr(exercises, name)
    md(f":::{{exercise}} {e.title}\n:label: {label}\n\n{e.header}\n\n{e.statement}\n:::")
    for c in before: code(*c)
    fn = e.solution.__name__
    code(f"{e.starter}\n\n\nverdict = exercises.{name}.grade({fn})\nverdict")
    md(f":::{{dropdown}} Hint\n{e.hint}\n:::")
    src = source_of(e.solution).replace(f"def {fn}(", f"def solved_{fn}(")
    cells.append(("solution", f"{src}\n\n\nverdict = exercises.{name}.grade(solved_{fn})\nassert verdict.passed, verdict\nverdict", ["hide-cell"]))
exercise("time_limit", "ex-time-limit")
exercise("two_networks", "ex-two-networks")
exercise("lstm_step", "ex-lstm-step")
exercise("shifted_targets", "ex-shifted-targets")
exercise("only_what_counts", "ex-only-what-counts")
exercise("lives", "ex-lives")
from marl_edu.exercises import _memory_hunt
hunt = source_of(_memory_hunt.forgetful)
curve = '''
import matplotlib.style
from matplotlib.figure import Figure

runs = {
    "with forgetful": exercises.maze_curve(forgetful),
    "as it should be": exercises.maze_curve(exercises.forgetful_walker.solution),
}
ends = {name: max(row["success"] for row in rows[-3:]) for name, rows in runs.items()}
assert ends["with forgetful"] < 0.75 and ends["as it should be"] > 0.9

with matplotlib.style.context(plots.STYLE):
    figure = Figure(layout="constrained")
    axes = figure.add_subplot()
    for name, rows in runs.items():
        steps = [row["env_steps"] for row in rows]
        colour = plots.colour("drqn" if name == "as it should be" else "commnet")
        axes.plot(steps, [100 * row["success"] for row in rows], color=colour)
        axes.text(1.02 * steps[-1], 100 * ends[name], name, color=colour, va="center")
    axes.axhline(50, color=plots.GREY, dashes=(5, 3))
    axes.set(xlabel="environment steps", ylabel="right turns (%)", ylim=(0, 104), xlim=(0, None))
plots.show(
    figure,
    f"With forgetful the walker ends at {ends['with forgetful']:.0%} right turns, no better than "
    f"guessing; as it should be, at {ends['as it should be']:.0%}.",
    "A walker trained with forgetful guesses. One run each in a corridor of four cells, seed 0.",
)
'''
exercise("forgetful_walker", "ex-forgetful-walker", before=[(hunt,), (curve, "hide-input")])
md('''
## In an interview

:::{dropdown} "What is DRQN, and when does one need it?"
DQN with a recurrent layer between the encoder and the Q-values, trained on sequences from an episode replay instead of single transitions. One needs it when the present observation does not determine the state: then two situations that ask for different actions look the same, and no feed-forward policy can do better than one compromise for both. A stack of frames does if the missing part lies a fixed, small number of steps back, velocities for instance; a learned memory does if it lies any number of steps back. Evidence: the T-maze, where the bound without memory is exactly 50 % and DRQN reaches it all; masked CartPole.
:::

:::{dropdown} "How do you train a recurrent Q-network from replay, and what is easy to get wrong?"
Store episodes; draw windows of L steps and unroll network and target over L + 1 observations from the same start, the target with its own memory; take the double-Q target one step later; average over unmasked steps. Reset the memory at the end of an episode; stop the bootstrap at a termination, not at a time limit. The start of a window is the delicate part: zero is biased, burn-in repairs what lies within its reach, a stored state reaches further back but was made by old weights; R2D2 uses both. Evidence: {eq}`eq-drqn-target` and its test; the figure of the three starts.
:::

:::{dropdown} "How do you know that the agent uses its memory?"
I separate two questions. Is the information in there? A linear probe on held-out episodes. Is it used? An intervention: exchange the state with that of an episode in which the fact was the other way round, and see whether behaviour flips. Erasing alone proves less, since an erased state is one that the network has never seen at that place. Evidence: the probe and the bench above.
:::

## Lab

With a kernel (`make lab`) the panel trains a walker with the memory and in the corridor of your choice. On the static page it shows what one run gave.
''')
code('''
MemoryPanel()
''', "hide-input")
md('''
## References

DRQN and flickering games: {cite:t}`hausknecht2015drqn`. DQN: {cite:t}`mnih2015dqn`; double Q: {cite:t}`hasselt2016double`. Burn-in and stored states: {cite:t}`kapturowski2019r2d2`. The T-maze: {cite:t}`bakker2001tmaze`. The GRU: {cite:t}`cho2014gru`; the keeping gate's bias: {cite:t}`jozefowicz2015rnn`. The implementation beside ours: {cite:t}`raffin2021sb3`. How the intervals are made: {cite:t}`agarwal2021rliable`. All of them in full: [](../bibliography.md).
''')

# what depends on the results
try:
    from nbtexts import TEXTS
except ImportError:
    TEXTS = {}
out = []
for k, (kind, text, tags) in enumerate(cells):
    for key, value in TEXTS.items():
        text = text.replace(key, value)
    if not text.strip():
        continue
    meta = {"tags": tags} if tags else {}
    if kind == "solution":
        meta = {"jupyter": {"source_hidden": True}, "mystnb": {"code_prompt_hide": "Solution", "code_prompt_show": "Solution"}, "tags": ["hide-cell"]}
    cell = {"cell_type": "markdown" if kind == "markdown" else "code", "id": f"c{k:03}", "metadata": meta, "source": text.splitlines(keepends=True)}
    if cell["cell_type"] == "code":
        cell |= {"execution_count": None, "outputs": []}
    out.append(cell)
nb = {"cells": out, "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}, "language_info": {"name": "python"}}, "nbformat": 4, "nbformat_minor": 5}
json.dump(nb, open(sys.argv[1], "w"), indent=1, ensure_ascii=False)
