"""Answers to the exercises as readers write them: right ones in several styles, and wrong ones.

A wrong one is written from what the mistake is, not taken from the package, and comes with the
name that the verdict must give it. The answers to the exercises of a page are in its folder.
"""

from importlib import import_module

from marl_edu.exercises import NOTEBOOKS

PAGES = [import_module(f"tests.exercises.{page}.answers") for page in NOTEBOOKS]
RIGHT = {name: answers for page in PAGES for name, answers in page.RIGHT.items()}
WRONG = {name: answers for page in PAGES for name, answers in page.WRONG.items()}
