"""Exercises of the chapter about environments: a file each."""
