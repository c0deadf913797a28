"""One file per paper. Read the file beside its chapter."""
