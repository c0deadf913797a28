"""Exercises of the interview part, for a whiteboard: a file each."""
