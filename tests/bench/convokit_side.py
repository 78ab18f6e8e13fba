"""The other side of ``bench_markers``: run by ConvoKit's own environment, not by csinsight's."""

from __future__ import annotations

import json
import sys
import time
import warnings
from pathlib import Path

import spacy
from convokit import Corpus, Speaker, Utterance
from convokit.politenessStrategies import PolitenessStrategies
from convokit.text_processing import TextParser
from tests.bench.peak import peak_gb


def main(path: str) -> None:
    """Find the Chinese politeness strategies of every message of the file, with their positions."""
    began = time.process_time()
    texts = json.loads(Path(path).read_text(encoding="utf-8"))["text"]
    speaker = Speaker(id="s")
    utterances = [
        Utterance(
            id=str(n), speaker=speaker, text=text, conversation_id="0", reply_to=None, timestamp=n
        )
        for n, text in enumerate(texts)
    ]
    corpus = Corpus(utterances=utterances)
    segmenter = {"nlp": {"tokenizer": {"segmenter": "jieba"}}}
    tokens = TextParser(mode="tokenize", spacy_nlp=spacy.blank("zh", config=segmenter))
    corpus = tokens.transform(corpus)
    strategies = PolitenessStrategies(strategy_collection="politeness_cscw_zh")
    corpus = strategies.transform(corpus, markers=True)
    marks = (u.meta["politeness_markers"] for u in corpus.iter_utterances())
    hits = sum(len(found) for mark in marks for found in mark.values())
    peak = peak_gb() * 1024
    whole = time.process_time()
    figures = {"processor": whole, "work": whole - began, "peak": peak, "hits": hits}
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(sys.argv[1])
