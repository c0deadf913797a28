"""Exercises of the chapter about VDN and QMIX: a file each."""
