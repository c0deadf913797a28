"""The loops that algorithms share, and what they keep: replay and checkpoints."""
