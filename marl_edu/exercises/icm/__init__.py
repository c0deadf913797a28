"""Exercises of the chapter about ICM: a file each."""
