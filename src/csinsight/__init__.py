"""A study of an online shop's buyers and of its customer-service agents."""

from __future__ import annotations

__version__ = "0.1.0"
