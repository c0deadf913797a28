TEAM = r'''
TEAMS = {
    "no bonus": "none-maze-team",
    "RND, one for both": "rnd-maze-team",
    "RND, each its own": "rnd-maze-own",
}
two = {name: discovery.solved(e) for name, e in TEAMS.items()}
for name, e in TEAMS.items():
    w, s = discovery.waits(e), two[name]
    print(
        f"{name:18} solved by {round(s.value * s.n):2} of {s.n} seeds; first reward, median (range): "
        f"{said(w.median)} ({said(w.first)} to {said(w.last)}) steps"
    )
earlier = results.probability_of_improvement(
    *(-np.array(discovery.first_rewards(e)) for e in ("rnd-maze-team", "rnd-maze-own"))
)
print(
    f"a team that shares its curiosity is paid first with probability {earlier.value:.2f} "
    f"(95 % interval {earlier.low:.2f} to {earlier.high:.2f})"
)
pair = KeyDoorMaze(n_agents=2, max_steps=50, batch_size=1, seed=0)
Film.record(
    pair,
    explore.as_policy(catalogue.load_policy("rnd-maze-team")),
    caption="What a trained pair does (seed 0, likeliest actions). Drag the slider.",
)
'''
