"""Rules without learning, one file per family of worlds: what they score gives scores a meaning."""
