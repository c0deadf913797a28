"""Exercises of the chapter about RND: a file each."""
