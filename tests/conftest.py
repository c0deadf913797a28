"""What all tests share."""

import torch
from hypothesis import settings

# Small networks on few cores: threads cost more than they bring.
torch.set_num_threads(1)

# The same drawn inputs in every run, and no clock: a busy machine is not a failure.
settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile("steady")
