"""Statistics that more than one room needs, and the arrays they are written in."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
#: Half the memory, where seven digits are enough.
Singles = npt.NDArray[np.float32]
