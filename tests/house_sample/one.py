"""Two imports, two private functions, of which one is called once."""

import math
from collections import Counter


def area(radius):
    """Return the area of a circle.

    Examples
    --------
    >>> round(area(1), 2)
    3.14
    """
    return _square(radius) * math.pi


def both(one, other):
    """Return two squares' sum."""
    return _half(_square(one) + _square(other), Counter)


def _square(x):
    return x * x


def _half(x, _):
    return x / 2
