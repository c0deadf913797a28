SETUP = (
    "updates", "num_envs", "hidden_dim", "lr_end", "ent_coef", "ent_coef_end", "anneal", "vf_coef",
    "max_grad_norm", "log_every",
)  # fmt: skip
