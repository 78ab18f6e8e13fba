"""What a talk is called where people see it: its own id may hold a buyer's name."""

from __future__ import annotations

import hashlib


def reference(conversation_id: str) -> str:
    """Return a short name of a talk for cards and disputes, such as ``t3f9ac1d2``."""
    return "t" + hashlib.sha256(conversation_id.encode()).hexdigest()[:8]
