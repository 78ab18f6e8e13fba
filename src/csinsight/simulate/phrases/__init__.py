"""Banks of Chinese phrases that chats are made of, one YAML file per side."""

from __future__ import annotations

from csinsight.simulate.phrases.banks import Phrases, load_phrases

__all__ = ["Phrases", "load_phrases"]
