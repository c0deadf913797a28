"""Exercises of the chapter about graph attention: a file each."""
