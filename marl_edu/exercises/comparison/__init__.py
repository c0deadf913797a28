"""Exercises of the chapter that compares methods: a file each."""
