import sys; sys.path.insert(0,'/tmp/nb')
from common import *
b=Book()
b.md(r'''
# RND: new is what one cannot imitate yet

*Can one measure novelty without predicting the future?* Yes: draw a network at random, never touch it again, and try to imitate it. Where the imitation fails one has not been.

:::{admonition} Before you start
:class: note
**You will be able to** write random network distillation with all that makes it work: the view in units of its spread, the bonus in units of its returns' spread, two critics, and a bonus that no episode's end cuts; and say from experiments which of these matters here and which does not.

**Know first** the [curiosity chapter](icm.ipynb): this one shares its maze, its loop and its live figure.

**Time**: 15 minutes to read; about a minute to run on a laptop; an hour with the exercises.
:::
''')
b.code(r'''
import numpy as np
import torch
from IPython.display import HTML
from scipy import stats
from tqdm.auto import tqdm

from marl_edu import discovery, explore, plots, results
from marl_edu.algos import rnd
from marl_edu.envs.key_door_maze import KeyDoorMaze
from marl_edu.listing import lines
from marl_edu.widgets import CuriosityFigure
from marl_edu.widgets.curiosity import draw

torch.set_num_threads(1)
''','hide-input')
b.md(r'''
## Play first

Press **Go where it is newest** a dozen times: an agent that only follows the map. Then press **Reset**, and paint a whole room by clicking on its cells: will the agent still go there?
''')
b.code(r'''
CuriosityFigure(
    method="rnd",
    hint="press “Go where it is newest” a dozen times; then paint the middle room and try again.",
)
''','hide-input')
b.md(r'''
> To remember: RND has no idea of what happens next. It only knows where it has learned.

## The problem

The same as before: one reward, forty steps away, that random play reaches once in 10⁸ episodes ([the maze, and what luck is worth](icm.ipynb)). ICM pays for what its forward model did not foresee. That needs an action, a model of the world, and an encoder that might look at the wrong things. RND {cite}`burda2019rnd` needs none of them: it asks of every observation, *have I learned this one?*

## The idea on paper

The **target** $f$ is drawn at random and stays. The **predictor** $\hat f$ learns to give the same numbers, from the observations that are met. Its error is the bonus. The answer is always *knowable*, $f$ is no more than a function, so nothing is surprising for ever in principle; and what the predictor has never seen it can only guess.

The smallest example with all numbers. One number is seen, $x$; the target is $f(x) = 2x$; the predictor $\hat f(x) = wx + c$ begins with 0. The agent meets $x = 1$ and takes one gradient step of size 0.1: the error is $(0 - 2)^2 = 4$, its gradient $2(\hat f - f) = -4$ for $w$ and for $c$, so both become 0.4.

| | error before | after one step at $x = 1$ |
|---|---|---|
| $x = 1$, visited | $(0 - 2)^2 = 4$ | $(0.8 - 2)^2 = 1.44$ |
| $x = 3$, not visited | $(0 - 6)^2 = 36$ | $(1.6 - 6)^2 = 19.36$ |

The visited place has lost 64 % of its bonus; the other one 46 %, though nobody was there. That is **generalisation**, and it cuts both ways: without it nothing would ever be old in a world of pictures, with too much of it the unknown looks known. The same by the package:
''')
b.code(r'''
toy = rnd.RandomNetworkDistillation(obs_dim=1, feature_dim=1, hidden_dim=1)
with torch.no_grad():
    for p in toy.parameters():
        p.fill_(0.0 if p.dim() == 1 else 1.0)
    toy.target[4].weight.fill_(2.0)  # f(x) = 2 x
    toy.predictor[6].weight.fill_(0.0)  # f_hat(x) = 0 x + 0

x, nothing = torch.tensor([[1.0], [3.0]]), torch.zeros(2, dtype=torch.long)
before = toy.reward(x, nothing, x)
toy.loss(x[:1], nothing[:1], x[:1]).mean().backward()
with torch.no_grad():
    for p in toy.predictor.parameters():
        p -= 0.1 * p.grad
after = toy.reward(x, nothing, x)
print("error before", before.tolist(), "after", [round(e, 2) for e in after.tolist()])
assert torch.allclose(before, torch.tensor([4.0, 36.0]))
assert torch.allclose(after, torch.tensor([1.44, 19.36]))
''')
b.md(r'''
> To remember: the bonus is a *learning* error, not a prediction of what comes next. It fades by learning, and it leaks by generalisation.

## The equations, and the lines that are them

A target that was drawn once cannot adapt to what it is shown, so observations are brought to the same size, entry by entry, with a running mean and standard deviation, and cut:

```{math}
:label: eq-rnd-look
x = \mathrm{clip}\left(\frac{o' - \mu}{\sigma_o},\ -5,\ 5\right)
```
''')
b.code('lines(rnd.RandomNetworkDistillation.look, "m =", "# eq. (1)")','remove-input')
b.md(r'''
`next_obs`: (…, O), the observation the step *led to*. An entry that has never changed has $\sigma_o = 0$: its first change is cut to 5, so the first time with the key is glaring. (The statistics are warmed up by an episode of random play.) The bonus is the mean over the F features of the squared error, and it is also the predictor's loss:

```{math}
:label: eq-rnd-reward
r^I = \frac{1}{F} \left\lVert \hat f(x) - f(x) \right\rVert^2
```
''')
b.code('lines(rnd.RandomNetworkDistillation.loss, "x = self.look", "# eqs. (2), (3)")','remove-input')
b.md(r'''
Errors have no unit, and they shrink by orders of magnitude in a run. So the bonus is divided by the standard deviation of the discounted bonuses, gathered *forward* in time, each world for itself and through the ends of its episodes:

```{math}
:label: eq-rnd-scale
R_t = \gamma_I R_{t-1} + r^I_t, \qquad \text{bonus} = r^I_t \,/\, \mathrm{std}(R)
```
''')
b.code('lines(explore.ReturnScale.update, "seen = []", "self.moments.update")','remove-input')
b.md(r'''
No mean is subtracted: that would punish whatever is less new than the average.

**Two critics.** The world's reward ends with the episode: behind the goal there is nothing. The bonus does not. An agent that dies and starts anew keeps what it knows, and its next novelty may lie in the next episode; were the bonus cut, every risky step would cost all novelty to come. So $A^E$ stops where the world ended, and $A^I$ goes on with the value of the next start, $V^I(o_0)$:

```{math}
:label: eq-rnd-returns
\delta^I_t = r^I_t + \gamma_I V^I(o_{t+1}) - V^I(o_t), \qquad V^I(o_{t+1}) := V^I(o_0) \ \text{at an end}
```
''')
b.code('lines(explore.advantages, "ext = gae", "return ext")','remove-input')
b.md(r'''
The rest, the sum of the two advantages and PPO's loss, is in the [ICM chapter](icm.ipynb). Each equation has a test that bears its name (`pytest -k eq_rnd_scale`).

> To remember: look in units of spread; pay in units of the returns' spread; two critics, because the bonus outlives the episode.

## Train it

One cell, ten to twenty seconds on one core.
''')
b.code(r'''
cfg = rnd.Config(seed=3, updates=90)
module, maps = [], {}


def curious(cfg, world):
    module.append(rnd.bonus(cfg, world))
    return module[0]


@torch.no_grad()
def novelty(curiosity, world, key):
    """What arriving in each cell would pay, (cells,)."""
    at = world.place.shape[1]
    seen = torch.zeros(world.n_cells, world.obs_dim)
    seen[:, :at], seen[:, at] = world.place, float(key)
    return curiosity.reward(seen, torch.zeros(world.n_cells, dtype=torch.long), seen)


world = KeyDoorMaze(batch_size=1)
with tqdm(total=cfg.updates, desc="training", unit="round") as bar:

    def on_log(row):
        bar.update(row["update"] - bar.n)
        bar.set_postfix_str(f"cells seen {row['coverage']:.0%}, success {row['success']:.0%}")
        if row["update"] in (2, 10, 90):
            maps[row["update"]] = novelty(module[0], world, key=True)

    run = explore.train(cfg, on_log, bonus=curious)

fresh = explore.evaluate(run.net, KeyDoorMaze(batch_size=250), episodes=500, greedy=False)
print(
    f"{fresh['success']:.1%} of {fresh['episodes']} fresh episodes reach the goal, "
    f"in {fresh['steps']:.0f} steps on average (40 is best)"
)
assert fresh["success"] > 0.9
''')
b.code(r'''
pictures = []
for update, values in maps.items():
    words = f"After {update} rounds: {values.min():.4f} to {values.max():.4f}"
    svg = draw(values.tolist(), f"Map of RND's bonus with the key. {words}", key=1)
    pictures.append(f'<figure style="margin:0;flex:1 1 13rem">{svg}<figcaption>{words}</figcaption></figure>')
HTML(
    '<p>The world with the key in hand, as RND pays for it; each map has its own scale, dark is what is newest there.</p>'
    f'<div style="display:flex;flex-wrap:wrap;gap:1rem;max-width:44rem">{"".join(pictures)}</div>'
)
''','hide-input')
b.md(r'''
The stored runs, 10 seeds each (`python -m marl_edu.experiments run rnd-maze`), beside the other methods of the [ICM chapter](icm.ipynb):
''')
b.code(r'''
METHODS = ("none", "counts", "icm", "rnd")
KEY = {"none": "none: no bonus"} | {m: m for m in METHODS[1:]}
minutes = np.median([r["cpu_seconds"] for r in results.load("rnd-maze")]) / 60
solved = {m: discovery.solved(f"{m}-maze") for m in METHODS}
plots.show(
    plots.learning_curves(
        {KEY[m]: results.learning_curve(f"{m}-maze") for m in METHODS},
        trivial=("random", 0.0),
        best=("shortest path", 100.0),
        core_minutes=minutes,
    ),
    alt="Success in training for no bonus, counts, ICM and RND.",
    caption=f"RND finds the goal and learns the way. Success of the episodes played in training, interquartile mean of {solved['rnd'].n} seeds with 95 % interval.",
)
''','hide-input')
b.code(r'''
plots.show(
    plots.intervals(
        {KEY[m]: solved[m] for m in METHODS},
        trivial=("random", 0.0),
        best=("all seeds", 100.0),
        xlabel="seeds that solve the maze (%)",
    ),
    alt="Share of seeds that solve the maze: no bonus none; counts, ICM and RND as printed.",
    caption=f"Share of {solved['rnd'].n} seeds whose final policy reaches the goal in at least 90 % of 500 fresh episodes, Wilson's 95 % interval.",
)
''','hide-input')
b.code(r'''
@@ASSERT_MAZE@@
''','hide-input')
b.md(r'''
@@TEXT_MAZE@@

> To remember: two small networks and one subtraction find what random play would not find in a human life.

## Look inside

Does RND's error measure how often one has been somewhere? A probe: ten rounds of exploring, with a count of the visits beside it, over all cells that were seen without the key; five seeds.
''')
b.code(r'''
class Watched(rnd.RandomNetworkDistillation):
    """RND, and a count of the visits to each cell without the key beside it."""

    def update(self, obs, action, next_obs, alive):
        super().update(obs, action, next_obs, alive)
        place = world.place.shape[1]
        at = (next_obs[..., :place] @ world.place.T).argmax(-1)
        free = alive & (next_obs[..., place] == 0)
        self.visits = getattr(self, "visits", 0) + torch.bincount(at[free], minlength=world.n_cells)


def watched(cfg, w):
    made.append(Watched(w.obs_dim, cfg.feature_dim, cfg.hidden_dim))
    made[-1].warm_up(w)
    return made[-1]


correlations = []
for seed in range(5):
    made = []
    explore.train(rnd.Config(seed=seed, updates=10), bonus=watched)
    known = made[0].visits > 0
    rho = stats.spearmanr(made[0].visits[known], novelty(made[0], world, False)[known]).statistic
    correlations.append(rho)
found = results.interval(correlations)
print(
    f"rank correlation of visits and bonus, cells seen without the key, after 10 rounds: "
    f"{found.value:.2f} ({found.low:.2f} to {found.high:.2f}), {found.n} seeds"
)
''','hide-input')
b.md(r'''
@@TEXT_PROBE@@

> To remember: the bonus is an error of learning; visits are one reason among others why an error is small.

## Take it away

**The same bonuses, elsewhere.** Perhaps any bonus would do, as noise that keeps the policy moving? We deal out the bonuses of each round at random among its steps: the same amounts, no information. And we **cut** the bonus's return at the end of an episode.
''')
b.code(r'''
BENCH = {
    "rnd": "rnd-maze",
    "rnd-shuffled": "rnd-maze-shuffled",
    "rnd-cut at the end": "rnd-maze-episodic",
}
bench = {m: discovery.solved(name) for m, name in BENCH.items()}
plots.show(
    plots.intervals(bench, trivial=("random", 0.0), best=("all seeds", 100.0), xlabel="seeds that solve the maze (%)"),
    alt="Share of seeds that solve the maze with RND, with its bonuses shuffled among steps, and with the bonus's return cut at an episode's end.",
    caption=f"It matters where the bonus is, not that there is one. {bench['rnd'].n} seeds each, Wilson's 95 % interval.",
)
''','hide-input')
b.code(r'''
wait = {m: discovery.waits(name) for m, name in BENCH.items()}
for m, w in wait.items():
    print(f"{plots._label(m):18} first reward after {w.median / 1e3:.0f} k steps (median; {w.first / 1e3:.0f} k to {w.last / 1e3:.0f} k)")
@@ASSERT_BENCH@@
''','hide-input')
b.md(r'''
@@TEXT_BENCH@@

**The television.** The figures are in the [ICM chapter](icm.ipynb); in short:
''')
b.code(r'''
tv = discovery.solved("rnd-tv")
print(f"television on: {round(tv.value * tv.n)} of {tv.n} seeds of RND solve the maze")
@@ASSERT_TV@@
''','hide-input')
b.md(r'''
@@TEXT_TV@@

> To remember: RND is not fooled by what cannot be predicted. It is fooled by what is always different.

## What the paper did, what we did

| | paper (arXiv 1810.12894) | here |
|---|---|---|
| world | Atari; Montezuma's Revenge | key-door maze |
| result | 8,152 points, PPO without a bonus 2,497; 24 rooms in some runs | see above |
| steps | 2 · 10⁹ frames, 128 worlds or more | 1.44 · 10⁶ steps, 64 worlds |
| networks | convolutions, 512 features | 3 layers of 128, predictor 4; 64 features |
| c_E, c_I, γ_E, γ_I | 2, 1, 0.999, 0.99 | 2, 1, 0.99, 0.99 |
| clip ε, entropy, step size | 0.1, 0.001, 10⁻⁴ | 0.2, 0.01, 10⁻³ |
| advantages | as they are | less their mean, in units of their spread |
| share of data for the predictor | 32 / number of worlds | ¼ |

The published figures are quoted second-hand; look them up before you cite them.

**How the settings were chosen.** Together with ICM's, see there: about fifteen single-seed trials. Three things decided, each of them tried with one seed: wide networks (with 32 or 64 units the predictor took the rooms beyond the door for known), a fast predictor, and advantages in units of their spread. Without the last, the scaled bonus soon lies below the entropy term, because the running spread never forgets the large errors of the beginning.

**Where we are weaker.** No pictures, no recurrent policy, one maze. Whether the bonus should outlive the episode can hardly show in a world where only success ends it.

## What goes wrong

Seen in published code and issue trackers (the last two we met ourselves):

| bug | symptom |
|---|---|
| forward filter runs over worlds instead of time (cleanrl #360) | bonus of a wrong, drifting size; depends on the number of worlds |
| filter reset at the end of episodes, or returns used instead | scale too small; bonus explodes early |
| mean of the bonus subtracted | the agent avoids what it knows, and then everything |
| observations not normalised for the two networks | target nearly constant or saturated: no contrast |
| bonus on o instead of o' | the step that leads somewhere new is not the one that is paid |
| target trainable, or the predictor smaller than the target | bonus 0 soon; or never 0 anywhere |
| `done` cuts the bonus's return | the agent fears the end of episodes |
| running mean of observations updated before the bonus is taken | the first sight of something is already a little old |
| clipping after which the gradients are thrown away (the authors' own code) | none: the clipping is a no-op |
| networks too narrow | places never seen are paid as little as old ones |
| all-time running spread and plain advantages | exploration stops although there is much left to see |

## Exercises
''')
b.code('''
import torch

from marl_edu import exercises
from marl_edu.ops import gae
''')
b.exercise("clear_view"); b.exercise("bonus_scale")
from marl_edu.exercises import _curiosity_rnd
def adv(): b.code(source_of(_curiosity_rnd.advantages))
b.exercise("two_lives",adv)
b.md(r'''
## In an interview

:::{dropdown} "Explain RND in a minute."
A fixed random network maps observations to features; a second one is trained to give the same features on what the agent sees. Its error is the intrinsic reward: large where it has not been trained. There is no dynamics model, and the target is a deterministic function of the observation, so noise in the *transition* does not pay. What makes it work: observations normalised and clipped for these two networks, the bonus divided by the running standard deviation of its discounted sum, two value heads, and an intrinsic return that is not cut at the end of an episode. Evidence: {eq}`eq-rnd-reward`, {eq}`eq-rnd-scale`, {eq}`eq-rnd-returns`.
:::

:::{dropdown} "Why two value heads?"
The two rewards have different discounts and different ends. The extrinsic return is episodic; the intrinsic one should go on, or dying would cost the future novelty and the agent would become timid. One head cannot cut and not cut. In our maze it makes no difference that we could measure, since only reaching the goal ends an episode. Evidence: the bench.
:::

:::{dropdown} "Is RND safe from the noisy TV?"
It is safe from unpredictable *transitions* among observations it knows. It is not safe from observations that never repeat: every new picture is one the predictor has not been trained on. How soon that fades depends on how well it generalises over pictures. Evidence: the television in the maze.
:::

## Lab

With a kernel (`make lab`), change a setting and run: how narrow may the networks be? On the static page this is the last result.
''')
b.code(r'''
lab = rnd.train(rnd.Config(hidden_dim=16, updates=40, seed=0))
last = lab.rows[-1]
print(f"16 units, 40 rounds: cells seen {last['coverage']:.0%}, success {last['success']:.0%}")
''')
b.md(r'''
## References

RND: {cite:t}`burda2019rnd`. ICM: {cite:t}`pathak2017icm`. The television: {cite:t}`burda2019largescale`. Training: {cite:t}`schulman2017ppo` and {cite:t}`schulman2016gae`. All of them in full: [](../bibliography.md).
''')
