"""Exercises of the chapter about IPPO and MAPPO: a file each."""
