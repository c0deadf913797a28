"""Exercises of the chapter about TarMAC: a file each."""
