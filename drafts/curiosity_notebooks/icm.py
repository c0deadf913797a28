import sys; sys.path.insert(0,'/tmp/nb')
from common import *
b=Book()
b.md(r'''
# Curiosity: paying oneself for what is new

*How does one find a reward that no accident will ever find?* By being paid for something else on the way: for what one did not expect.

:::{admonition} Before you start
:class: note
**You will be able to** say why a random explorer fails, and put a number on it; write the two models of ICM from their equations, with every gradient where it belongs; train an agent that finds one reward forty steps away in under a minute; say where curiosity gets stuck, and why; and recognise the usual bugs from their symptoms.

**Know first** what a policy gradient and an advantage are (the [TarMAC chapter](tarmac.ipynb) has both). Words are in the [glossary](../glossary.md), letters in [](../notation.md). The [next chapter](rnd.ipynb) is about the other kind of curiosity, RND, in the same maze.

**Time**: 25 minutes to read; about two minutes to run on a laptop; two hours with the exercises.
:::
''')
b.code(r'''
import numpy as np
import torch
from IPython.display import HTML
from scipy import stats
from tqdm.auto import tqdm

from marl_edu import catalogue, discovery, explore, plots, results
from marl_edu.algos import icm
from marl_edu.envs.key_door_maze import KeyDoorMaze
from marl_edu.envs.rules import maze as rules
from marl_edu.listing import lines
from marl_edu.widgets import CuriosityFigure, Film
from marl_edu.widgets.curiosity import draw

torch.set_num_threads(1)
''','hide-input')
b.md(r'''
## Play first

A maze, an agent, and a small network that learns in this page from every step. Dark is new, light is old. Walk with the buttons or the arrow keys and watch the rooms fade behind you. Then **switch the television on**, stand before it and press the **remote control** a few times. Which of the three curiosities still finds it exciting after ten presses?
''')
b.code(r'''
CuriosityFigure(
    method="rnd",
    trail="w333",
    hint="walk to the key; then switch the television on, go back and press the remote control.",
)
''','hide-input')
b.md(r'''
> To remember: curiosity is not a property of a place. It is what one's own model does not know about it *yet*.

## The problem

The **key-door maze**: three rooms above, three below. The key lies at the far end of the upper rooms; the door, at their near end, opens to whoever has it; the goal is at the far end of the lower rooms.

- An agent sees its own cell, whether it has the key, whether the door is open, and the television's picture if it stands before it.
- Four moves, and the remote control, which does nothing unless the television is on (it is off until we say so).
- **+1 for reaching the goal. Nothing else**, ever. An episode ends there, or after 150 steps.
''')
b.code(r'''
world = KeyDoorMaze(batch_size=1, seed=0)
Film.record(world, rules.ShortestPath(), caption="The shortest way, 40 steps, by a policy that knows the map. Drag the slider.")
''','hide-input')
b.md(r'''
Why not wait for luck? Because luck can be calculated. The maze has few cells, so the chance that random actions reach the goal is exact arithmetic:
''')
b.code(r'''
BUDGET = catalogue.EXPERIMENTS["none-maze"].cfg
episodes = BUDGET.updates * BUDGET.batch_size
steps = episodes * world.max_steps
luck = rules.goal_chances(world)[-1]
finds = rules.expected_finds(world, steps)
print(f"one episode of random play reaches the goal with probability {luck:.1e}")
print(f"in the budget of this chapter, {steps / 1e6:.2f} million steps, that makes {finds:.5f} finds")
assert finds < 0.05
assert len(rules.plan(world)) == 40
''','hide-input')
b.md(r'''
And without a single find there is nothing to learn from: every return is 0, every advantage is noise. A policy that knows the map succeeds in all episodes. (So does one that follows the wall with its left hand: the maze is not hard to *solve*, it is hard to *find* for somebody who does not know what to look for.)

> To remember: the gap here is not between a bad and a good policy. It is between never and once.

## The idea on paper

The oldest idea is to **count**: pay $1/\sqrt{n+1}$ for entering a state that has been entered $n$ times {cite}`strehl2008mbie`. It works wherever states can be counted. With pictures as observations nothing is ever seen twice.

ICM {cite}`pathak2017icm` asks instead: *did I see that coming?* A **forward model** predicts what the agent will notice after its action; the bonus is how wrong it was. But predict *what*? Pixels would pay for every leaf that moves in the wind. So an **encoder** decides what is noticed, and it is trained by an **inverse model** that must guess, from what was noticed before and after, *which action* was taken. Leaves do not help with that.

The smallest example with all numbers. Two cells; the agent notices which one it is in, φ = (1, 0) or (0, 1). Actions: *stay*, *go*. Its forward model believes that nothing ever changes, φ̂ = φ; its inverse model has no idea and gives both actions ½.

| from cell 1 | φ̂ | φ' | $\lVert\hat\phi-\phi'\rVert^2$ | bonus, η = ½ | $L_F$ | $L_I$ |
|---|---|---|---|---|---|---|
| stay | (1, 0) | (1, 0) | 0 | **0** | 0 | ln 2 |
| go | (1, 0) | (0, 1) | 1 + 1 = 2 | ¼ · 2 = **½** | 1 | ln 2 |

With β = 0.2 the loss of *go* is 0.8 · ln 2 + 0.2 · 1 ≈ 0.755. The same by the package, with these weights set by hand:
''')
b.code(r'''
toy = icm.IntrinsicCuriosityModule(obs_dim=2, action_dim=2, feature_dim=2, hidden_dim=4)
with torch.no_grad():
    for p in toy.parameters():
        p.zero_()
    toy.encode[0].weight[:2] = torch.eye(2)  # phi = o, ...
    toy.encode[2].weight[:, :2] = torch.eye(2)  # ... since ELU leaves what is positive
    toy.forward_model[0].weight.copy_(torch.eye(4))
    toy.forward_model[2].weight[:, :2] = torch.eye(2)  # phi_hat = phi, whatever was done

cell_1, cell_2 = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
obs, next_obs = torch.stack([cell_1, cell_1]), torch.stack([cell_1, cell_2])
action = torch.tensor([0, 1])  # stay, go
bonus, _ = toy(obs, next_obs, action)
assert torch.allclose(bonus, torch.tensor([0.0, 0.5]))
loss = toy.loss(obs, action, next_obs)
assert torch.allclose(loss[1], torch.tensor(0.8 * np.log(2) + 0.2 * 1.0).float())

optimizer = torch.optim.SGD(toy.parameters(), lr=0.1)
for _ in range(50):  # it goes, and goes, and goes
    optimizer.zero_grad()
    toy.loss(obs[1:], action[1:], next_obs[1:]).mean().backward()
    optimizer.step()
faded = toy(obs, next_obs, action)[0]
print(f"bonus of going: {bonus[1]:.3f} the first time, {faded[1]:.4f} after 50 times")
assert faded[1] < 0.1 * bonus[1]
''')
b.md(r'''
> To remember: the inverse model decides what is worth noticing, the forward model is paid attention to by being wrong, and what it has learned is no longer news.

## The equations, and the lines that are them

The encoder turns what is seen into what is noticed. From the two moments the inverse model $g$ guesses the action, and is trained by cross-entropy:

```{math}
:label: eq-icm-inverse
\phi = \mathrm{enc}(o), \qquad \phi' = \mathrm{enc}(o'), \qquad L_I = -\log g(a \mid \phi, \phi')
```
''')
b.code('lines(icm.IntrinsicCuriosityModule.errors, "# eq. (1)", "# eq. (2)")','remove-input')
b.md(r'''
`feature`, `after`: (…, F); `inverse`: one number per transition. The forward model $f$ is told what was noticed and what was done, and says what will be noticed next:

```{math}
:label: eq-icm-forward
\hat\phi = f(\phi, a), \qquad L_F = \tfrac12 \left\lVert \hat\phi - \phi' \right\rVert^2
```
''')
b.code('lines(icm.IntrinsicCuriosityModule.errors, "did =", "# eq. (4)")','remove-input')
b.md(r'''
The norm is a *sum* over features. The bonus is the same error in another unit, and no gradient may pass through it: a policy that could teach the forward model to be wrong would be paid without leaving its chair.

```{math}
:label: eq-icm-reward
r^I = \tfrac{\eta}{2} \left\lVert \hat\phi - \phi' \right\rVert^2
```
''')
b.code('lines(icm.IntrinsicCuriosityModule.reward, "@torch.no_grad", "# eq. (5)")','remove-input')
b.md(r'''
All three networks learn together:

```{math}
:label: eq-icm-loss
L = (1 - \beta)\, L_I + \beta\, L_F
```
''')
b.code('lines(icm.IntrinsicCuriosityModule.loss, "inverse, forward", "# eq. (6)")','remove-input')
b.md(r'''
**Where does the gradient of $L_F$ go?** The paper trains "the forward model" with it. The authors' code has no stop-gradient anywhere: $L_F$ also teaches the *encoder*, through φ and through φ'. So the encoder is pulled two ways: notice what tells the actions apart, and notice nothing that cannot be predicted. Many re-implementations stop the gradient at φ', as if it were a fixed target. `stop="nothing"` is the authors' way and our default, `"target"` stops it at φ', `"features"` at both. What this changes we measure below; it is more than one might think.
''')
b.code('lines(icm.IntrinsicCuriosityModule.errors, "if self.stop", "after = after.detach()")','remove-input')
b.md(r'''
### The loop around it

All kinds of curiosity in this book are trained by one loop, `marl_edu/explore.py`. It has two critics, one for the world's reward and one for the bonus, because the two live in different times: the reward belongs to an episode, the bonus does not (the [RND chapter](rnd.ipynb) says why). Their advantages are added:

```{math}
:label: eq-explore-advantage
A = c_E A^E + c_I A^I
```

and the policy learns by the clipped loss of PPO {cite}`schulman2017ppo`, with $\rho = \pi(a\mid o) / \pi_{\mathrm{old}}(a \mid o)$:

```{math}
:label: eq-explore-loss
L = -\min\bigl(\rho A,\ \mathrm{clip}(\rho, 1-\epsilon, 1+\epsilon)\, A\bigr) + c_V \left[(R^E - V^E)^2 + (R^I - V^I)^2\right] - c_H\, \mathcal{H}(\pi)
```
''')
b.code('lines(explore.loss, "ratio =", "# eq. (4)")','remove-input')
b.md(r'''
One round: play an episode in every world, ask the module for the bonus, *then* let it learn, so that what is new in this round is still new when it is paid for.
''')
b.code('lines(explore.train, "batch = play", "parts = learn")','remove-input')
b.md(r'''
The baseline that counts is in the same file, with the same three methods as ICM:

```{math}
:label: eq-explore-counts
r^I = \frac{1}{\sqrt{n(o') + 1}}
```
''')
b.code('lines(explore.Counts.reward, "return")','remove-input')
b.md(r'''
The numbers behind `# eq.` count the equations of each file's docstring. Each equation above has a test that bears its name (`pytest -k eq_icm_forward`), which computes it a second way, by loops over transitions, features and layers.

> To remember: bonus = forward error, no gradient through it; the encoder learns from the inverse model, and, in the authors' code, from the forward model too.

## Train it

One cell, under a minute on one core. Watch *cells seen*: for a while nothing is found, and yet the agent is learning.
''')
b.code(r'''
cfg = icm.Config(seed=3, updates=80)
module = []


def curious(cfg, world):
    module.append(icm.bonus(cfg, world))
    return module[0]


with tqdm(total=cfg.updates, desc="training", unit="round") as bar:

    def on_log(row):
        bar.update(row["update"] - bar.n)
        bar.set_postfix_str(f"cells seen {row['coverage']:.0%}, success {row['success']:.0%}")

    run = explore.train(cfg, on_log, bonus=curious)

fresh = explore.evaluate(run.net, KeyDoorMaze(batch_size=250), episodes=500, greedy=False)
print(
    f"{fresh['success']:.1%} of {fresh['episodes']} fresh episodes reach the goal, "
    f"in {fresh['steps']:.0f} steps on average (40 is best)"
)
assert fresh["success"] > 0.9
''')
b.code(r'''
x = np.array([row["env_steps"] for row in run.rows])
nan = np.full(len(x), np.nan)
seen = np.array([row["coverage"] for row in run.rows])
plots.show(
    plots.learning_curves(
        {"icm": results.Curve(x, seen, nan, nan, 1)},
        trivial=("upper rooms", 100 * (rules_upper := 34 / world.n_cells)),
        best=("all cells", 100.0),
        ylabel="cells ever seen (%)",
    ),
    alt=f"Coverage of one training run: the upper rooms first, in the end {100 * seen[-1]:.0f} percent of the cells.",
    caption="First the upper rooms, then, once the key has been carried to the door, what lies behind. The run of the cell above, one seed.",
)
''','hide-input')
b.md(r'''
One run proves little. Here are the stored ones, 10 seeds each, `python -m marl_edu.experiments run icm-maze`. A seed counts as a **finder** from the moment it was first paid, and as having **solved** the maze if its final policy, actions sampled, reaches the goal in at least 90 % of 500 fresh episodes.
''')
b.code(r'''
METHODS = ("none", "counts", "icm", "rnd")
KEY = {"none": "none: no bonus"} | {m: m for m in METHODS[1:]}
minutes = np.median([r["cpu_seconds"] for r in results.load("icm-maze")]) / 60
solved = {m: discovery.solved(f"{m}-maze") for m in METHODS}
waits = {m: discovery.waits(f"{m}-maze") for m in METHODS}
plots.show(
    plots.learning_curves(
        {KEY[m]: discovery.found_curve(f"{m}-maze") for m in METHODS},
        best=("all seeds", 100.0),
        ylabel="seeds that found the goal (%)",
        core_minutes=minutes,
    ),
    alt="Share of seeds that have ever reached the goal, against environment steps: none without a bonus; with counts, ICM and RND the share rises to its final value.",
    caption=f"Without a bonus nobody finds the goal. Share of {solved['icm'].n} seeds that had been paid at least once, with Wilson's 95 % interval; the random policy's chance to appear here is {finds:.4f}.",
)
''','hide-input')
b.code(r'''
def said(steps):
    return "never" if np.isinf(steps) else f"{steps / 1e3:.0f} k"


print(f"{'':10} {'solved':>12}   {'95 %':>13}   {'first reward: median (range)':>30}")
for m in METHODS:
    s, w = solved[m], waits[m]
    print(
        f"{plots._label(KEY[m]):10} {round(s.value * s.n):>6} of {s.n:2}   {100 * s.low:4.0f} to {100 * s.high:3.0f} %"
        f"   {said(w.median):>12} ({said(w.first)} to {said(w.last)})"
    )
''','hide-input')
b.code(r'''
plots.show(
    plots.learning_curves(
        {KEY[m]: results.learning_curve(f"{m}-maze", "coverage") for m in METHODS},
        trivial=("upper rooms", 100 * rules_upper),
        best=("all cells", 100.0),
        ylabel="cells ever seen (%)",
    ),
    alt="Coverage over training: all methods see the upper rooms soon; only those with a bonus come through the door.",
    caption=f"Random play sees the upper rooms, too, and stays there. Cells that a seed has ever entered, interquartile mean of {solved['icm'].n} seeds with 95 % interval.",
)
''','hide-input')
b.code(r'''
plots.show(
    plots.learning_curves(
        {KEY[m]: results.learning_curve(f"{m}-maze") for m in METHODS},
        trivial=("random", 0.0),
        best=("shortest path", 100.0),
        core_minutes=minutes,
    ),
    alt="Success of the sampled policy over training for no bonus, counts, ICM and RND.",
    caption=f"Once found, the goal is learned within a few rounds. Success of the episodes played in training, interquartile mean of {solved['icm'].n} seeds with 95 % interval.",
)
''','hide-input')
b.code(r'''
@@ASSERT_MAZE@@
''','hide-input')
b.md(r'''
@@TEXT_MAZE@@

> To remember: the bonus does not say where the goal is. It makes the agent go where it has not been, and that is where the goal was.

## Look inside

What has the module learned to expect? For every cell, here is what the five actions there would pay now, after the training run above: without the key, and with it.
''')
b.code(r'''
@torch.no_grad()
def novelty(curiosity, world, key):
    """What a step from each cell would pay: the mean over the five actions, (cells,)."""
    at, C = world.place.shape[1], world.n_cells
    seen = torch.zeros(C, world.obs_dim)
    seen[:, :at], seen[:, at] = world.place, float(key)
    action = torch.arange(5)[:, None].expand(5, C)
    after = seen[world.leads[int(key), action, torch.arange(C)]]
    return curiosity.reward(seen.expand(5, C, -1), action, after).mean(0)


pictures = []
for key in (False, True):
    now = novelty(module[0], world, key)
    words = f"{'with' if key else 'without'} the key: {now.min():.3f} to {now.max():.3f}"
    svg = draw(now.tolist(), f"Map of curiosity {words}", key=int(key))
    pictures.append(f'<figure style="margin:0;flex:1 1 15rem">{svg}<figcaption>{words}</figcaption></figure>')
HTML(f'<div style="display:flex;flex-wrap:wrap;gap:1rem;max-width:44rem">{"".join(pictures)}</div>')
''','hide-input')
b.md(r'''
The obvious story: dark where the agent has rarely been. A map tells a story; a **probe** checks it. We let a fresh agent explore for ten rounds, count its visits to every cell as it goes, and correlate them with the bonus: if ICM measured novelty, rarely seen cells would pay more, and the rank correlation would be close to −1.
''')
b.code(r'''
class Watched(icm.IntrinsicCuriosityModule):
    """ICM, and a count of the visits to each cell beside it."""

    def update(self, obs, action, next_obs, alive):
        place = world.place.shape[1]
        at = (next_obs[..., :place] @ world.place.T).argmax(-1)  # the cell
        key = next_obs[..., place].long()
        if not hasattr(self, "visits"):
            self.visits = torch.zeros(2, world.n_cells)
        self.visits.index_put_((key[alive], at[alive]), torch.ones(()), accumulate=True)


correlations = []
for seed in range(5):
    made = []
    explore.train(
        icm.Config(seed=seed, updates=10),
        bonus=lambda cfg, w: made.append(Watched(w.obs_dim, w.n_actions, 32, 128)) or made[0],
    )
    known = made[0].visits[0] > 0
    rho = stats.spearmanr(made[0].visits[0][known], novelty(made[0], world, False)[known]).statistic
    correlations.append(rho)
found = results.interval(correlations)
print(
    f"rank correlation of visits and bonus, upper rooms, after 10 rounds: "
    f"{found.value:.2f} ({found.low:.2f} to {found.high:.2f}), {found.n} seeds"
)
''','hide-input')
b.md(r'''
@@TEXT_PROBE@@

> To remember: ICM measures what its model cannot foresee. That is related to novelty, and not the same.

## Take it away: is it the curiosity?

**The television.** It stands beside the start. Each press of the remote control draws a new random picture: unpredictable, brought about by the agent, and worth nothing. It is the classic trap for every curiosity that is paid for surprise {cite}`burda2019largescale`. Nothing else changes.
''')
b.code(r'''
TV = {
    "counts": "counts-tv",
    "rnd": "rnd-tv",
    "icm": "icm-tv",
    "icm-encoder by inverse alone": "icm-tv-features",
}
OFF = {
    "counts": "counts-maze",
    "rnd": "rnd-maze",
    "icm": "icm-maze",
    "icm-encoder by inverse alone": "icm-maze-features",
}
tv = {m: discovery.solved(name) for m, name in TV.items()}
off = {m: discovery.solved(name) for m, name in OFF.items()}
both = {}
for m in TV:
    both |= {f"{m}, TV off": off[m], f"{m}, TV on": tv[m]}
plots.show(
    plots.intervals(both, trivial=("random", 0.0), best=("all seeds", 100.0), xlabel="seeds that solve the maze (%)"),
    alt="Share of seeds that solve the maze, television off and on, for counts, RND, ICM, and ICM whose encoder learns from the inverse model alone.",
    caption=f"The television stops counting and RND, and ICM only if its encoder must not learn to look away. {tv['icm'].n} seeds each, Wilson's 95 % interval.",
)
''','hide-input')
b.code(r'''
def share_of_remote(experiment):
    """How often the remote control is pressed, mean over training, seed by seed."""
    runs = results.load(experiment)
    return [np.mean([row["action_4"] for row in run["rows"]]) for run in runs]


watching = {f"{m}, TV on": results.interval(share_of_remote(name)) for m, name in TV.items()}
plots.show(
    plots.intervals(watching, trivial=("random", 20.0), xlabel="actions that are the remote control (%)"),
    alt="Share of all actions in training that are presses of the remote control, television on.",
    caption="Who is glued to the screen. Share of all actions during training, interquartile mean of 10 seeds with 95 % interval; a random policy presses it in a fifth of its steps.",
)
''','hide-input')
b.code(r'''
@@ASSERT_TV@@
''','hide-input')
b.md(r'''
@@TEXT_TV@@

**The gradient through φ.** The lowest two rows are the same ICM but for one `detach`. With the authors' gradient $L_F$ tells the encoder to notice nothing that cannot be foreseen, so it learns to look away from the screen, although the remote control makes the picture an effect of the agent's own action. Take that gradient away, and the encoder keeps whatever helps to guess the action, a changing picture included.

**Two agents.** With two agents the key is the team's: one can fetch it while the other waits at the door. Should they share one curiosity, so that what the one has seen is old to the other, or should each have its own? (RND, `rnd-maze-team` and `rnd-maze-own`; each agent is told its number, the bonus module is not.)
''')
b.code(r'''
@@TEAM@@
''','hide-input')
b.md(r'''
@@TEXT_TEAM@@

> To remember: test a curiosity beside something that is new for ever. What it does there shows what it really measures.

## What the paper did, what we did

| | paper (arXiv 1705.05363) | here |
|---|---|---|
| world | VizDoom, 42 × 42 pixels, rooms and corridors; Super Mario | key-door maze, 42 numbers, 71 cells |
| result, sparse reward | ICM + A3C 100 %, A3C 0 % | see above |
| result, very sparse | ICM ≈ 66 % (2 of 3 runs), A3C 0 % | – |
| encoder | four convolutions, ELU, 288 features | two layers, ELU, 32 features |
| learner | A3C, one critic for the sum of rewards | PPO, two critics |
| size of the bonus | η fixed by hand (0.01 in the code) | divided by the running spread of its returns: η cancels |
| $L_F$ teaches the encoder | yes, in the code | yes; and the two variants, measured |
| data | 20-step rollouts, every transition once | whole episodes, a random quarter for the module |

The published figures are quoted second-hand; look them up in the paper before you cite them. Ours are shares of 10 seeds and cannot be compared with them: another world, another size.

**How the settings were chosen.** About fifteen single-seed trials, most of them of RND on an earlier draft of the maze; what decided were advantages in units of their spread (with plain ones the bonus fades and the entropy term takes over), wide networks (128 units tell places apart that 32 mix up) and a module that learns at 10⁻³ from a quarter of the data. ICM took over RND's settings, after four trials of its own with seed 0, in which learning from all of the data had not found the goal in 100 rounds (`"nothing"`, 10⁻³) or had found it later. Seeds 0 and 101 to 102 were looked at before the stored runs were made. Counting was not tuned at all.

**Where we are weaker.** The maze is small and its observation nearly tells the state: counting, which needs just that, is the best method here, and it would be useless with pixels. Ten seeds tell 0 from 100 % and little in between.

## What goes wrong

Seen in published code, or met while writing this chapter (the first three):

| bug | symptom |
|---|---|
| bonus much smaller than the entropy term, or fading below it | entropy returns to its maximum after a promising start; nothing is found |
| networks too narrow | the bonus of places never seen fades together with that of places seen |
| predictor learns much faster than the policy | all is old before the policy has turned towards it |
| mean over features where the paper sums, or 288 hard-coded | bonus off by a factor of F |
| gradient through the bonus | the bonus grows although nothing new is seen |
| bonus computed *after* the module has learned from the step | first visits pay little; exploration is slow |
| o' of the last step taken from the next episode | a large bonus at every end: the agent learns to end episodes |
| time limit treated as an end for the world's critic | values too low near the limit |
| β near 1, or no inverse model | features collapse to a constant, bonus 0 everywhere (a test shows it) |
| agent's number in the observation of a shared module | every place is new once per agent |

## Exercises

Each exercise asks for one function. The cell beneath it runs as it is and says that nothing was attempted; write your function there and run it again. The verdict comes from what the function *does* on inputs small and odd, gradients included, and if it behaves just like a classic mistake it says which. `verdict.inputs` is the input on which it went wrong. Hint and solution are folded.
''')
b.code('''
import torch
from torch.nn import functional as F

from marl_edu import exercises
''')
for n in ("count_bonus","inverse_model","surprise","stopped_target","across_the_reset"): b.exercise(n)
def hunt():
    b.code(source_of(exercises.bored_suspect))
    b.code(r'''
maze = KeyDoorMaze(batch_size=1)
cells, right = torch.eye(maze.n_cells), 3
first = torch.tensor([k for k, (row, column) in enumerate(maze.free) if row < 4 and column < 4])
others = torch.tensor([k for k in range(maze.n_cells) if k not in first.tolist()])


def payment(error, rounds=500):
    """What a step to the right pays in the first room, and elsewhere, once the first is learned."""
    W = torch.zeros(maze.n_cells + 5, maze.n_cells, requires_grad=True)
    steps = [
        (cells[here], torch.full_like(here, right), cells[maze.leads[0, right, here]])
        for here in (first, others)
    ]
    for _ in range(rounds):
        (gradient,) = torch.autograd.grad(error(*steps[0], W).mean(), W)
        W.data -= gradient
    with torch.no_grad():
        return [error(*step, W).mean().item() for step in steps]


paid = {
    "bored_suspect": payment(exercises.bored_suspect),
    "as it should be": payment(exercises.bored_explorer.solution),
}
for name, (old, new) in paid.items():
    print(f"{name:16} the first room pays {old:.3f}, the others {new:.3f}")
assert paid["bored_suspect"][0] > 0.5 * paid["bored_suspect"][1]
assert paid["as it should be"][0] < 0.05 * paid["as it should be"][1]
''','hide-input')
b.exercise("bored_explorer",hunt)
b.md(r'''
## In an interview

:::{dropdown} "Explain ICM in a minute."
An intrinsic reward for sparse worlds: the error of a forward model that predicts the next observation's features from the present features and the action. The features come from an encoder that is trained by an inverse model, which guesses the action from two successive features; so they hold what the agent's actions change, and need not hold what they do not. Loss (1 − β) inverse + β forward, reward η/2 times the squared error, no gradient through the reward, and the bonus is computed before the module has learned from the step. It fades by itself as the model learns. Evidence: {eq}`eq-icm-forward`, {eq}`eq-icm-loss` and their tests.
:::

:::{dropdown} "What is the noisy-TV problem, and does ICM solve it?"
Something unpredictable that never becomes old, such as noise, holds a curious agent for ever. ICM ignores noise that the agent cannot influence. If the agent's own action brings the noise about, as with a remote control, the inverse model has a reason to look at it. Whether it does depends on a detail: where the forward loss also trains the encoder, as in the authors' code, there is a force to look away. Here that decides between solving the maze and not. Evidence: the figure with the television on.
:::

:::{dropdown} "How would you show that the bonus is what helps?"
Compare with no bonus at the same budget, and say what chance would give: here an exact number, {math}`10^{-8}` per episode. Compare with counting, the simplest bonus. Deal the same bonuses out at random among the steps (the RND chapter does): same amount, no information. Count seeds, with an interval, and say when they first found the reward, not only whether. Evidence: the table and the figures above.
:::

## Lab

With a kernel (`make lab`), change the settings and run: the small map has a goal that luck finds, too, so that a run takes seconds. Does curiosity still help where it is not needed? On the static page this is the last result.
''')
b.code(r'''
lab = {}
for name, make, train in (("none: no bonus", explore.Config, explore.train), ("icm", icm.Config, icm.train)):
    rows = train(make(world_args={"layout": "small", "tv": False}, updates=20, seed=0)).rows
    x = np.array([row["env_steps"] for row in rows])
    y = np.array([row["success"] for row in rows])
    lab[name] = results.Curve(x, y, np.full(len(x), np.nan), np.full(len(x), np.nan), 1)
plots.show(
    plots.learning_curves(lab, best=("shortest path", 100.0)),
    alt="Success on the small map over twenty rounds, with ICM and without a bonus, one seed each.",
    caption="On the small map the goal is found without curiosity as well. One seed each, trained in the cell above.",
)
''','hide-input')
b.md(r'''
## References

ICM: {cite:t}`pathak2017icm`. The television with a remote control: {cite:t}`burda2019largescale`. RND, and the loop with two critics: {cite:t}`burda2019rnd`. Counting: {cite:t}`strehl2008mbie`. Training: {cite:t}`schulman2017ppo` and {cite:t}`schulman2016gae`. All of them in full: [](../bibliography.md).
''')
