"""The command line: `python -m marl_edu.experiments`."""

import sys

from marl_edu.experiments.command import main

sys.exit(main())
