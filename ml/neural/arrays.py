"""From torch to numpy."""

import numpy as np
from numpy.typing import NDArray
from torch import Tensor


def array(tensor: Tensor) -> NDArray[np.float32]:
    """A copy as a float32 array in C order."""
    return np.array(tensor.detach().numpy(), np.float32, order="C")
