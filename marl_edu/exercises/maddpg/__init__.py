"""Exercises of the chapter about MADDPG: a file each."""
