"""Playbooks, guides and manners of page 05: what goes with a sale, and how it is said."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import pandas as pd

from csinsight.coaching.advice import Playbook, load_library
from csinsight.render.blocks import (
    Block,
    Box,
    Columns,
    Items,
    Prose,
    Stack,
    Table,
)
from csinsight.views import labels
from csinsight.views.kpi_figures import with_interval
from csinsight.views.study import Study


def playbook_table(study: Study, books: pd.DataFrame) -> Block:
    """Return each type and tier: how many, what they ask, what they pay, what goes with a sale.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> nobody = pd.DataFrame(columns=["cut", "segment"])
    >>> print(playbook_table(sample_study(), nobody).plain())
    Without buyer types and tiers there is nothing to lay out by buyer.
    """
    if books.empty:
        return Prose(study.word("coaching.no_playbooks"))
    percent = partial(study.words.percent, digits=0)
    shown = pd.DataFrame(
        {
            "segment": [study.word(f"{b.cut}.{b.segment}") for b in books.itertuples()],
            "inquiries": books["inquiries"].to_numpy(),
            "paid": [
                with_interval(study, row, "paid", percent, labels.cell)
                for _, row in books.rename(columns={"paid_rate": "paid"}).iterrows()
            ],
            "money": books["money_share"].map(labels.or_dash(study, percent)).to_numpy(),
            "questions": [
                study.word("text.list_join").join(study.word(f"category.{name}") for name in names)
                for names in books["questions"]
            ],
            "found": [_goes_with(study, book) for _, book in books.iterrows()],
        }
    )
    headings = labels.headings(study, "coaching", shown.columns)
    return Table(
        shown,
        study.word("coaching.playbooks"),
        caption=study.word("coaching.playbooks_caption", months=labels.months_told(study)),
        labels=headings,
        name="playbooks",
    )


def guides(study: Study, books: pd.DataFrame) -> Block:
    """Return for each type and tier how to know them early, what to do and not, and what to say.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> one = pd.DataFrame({"cut": ["type"], "segment": ["bargain"]})
    >>> guides(sample_study(), one).plain()[:40]
    'What follows is the textbook’s way with '
    """
    library = load_library(study.lang).buyers
    boxes = [
        guide_box(study, study.word(f"{cut}.{segment}"), library[segment])
        for cut, segment in books[["cut", "segment"]].astype(str).to_numpy()
        if segment in library
    ]
    return Stack(Prose(study.word("coaching.guides")), in_pairs(boxes)) if boxes else Stack()


def in_pairs(boxes: Sequence[Block]) -> Stack:
    """Return boxes two by two, side by side.

    Examples
    --------
    >>> len(in_pairs([Prose("a"), Prose("b"), Prose("c")]).blocks)
    2
    """
    return Stack(*(Columns(*boxes[place : place + 2]) for place in range(0, len(boxes), 2)))


def guide_box(study: Study, title: str, guide: Playbook) -> Box:
    """Return how to know a kind of buyer, what to do and what not, and what to say.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> guide = load_library("en").buyers["bargain"]
    >>> guide_box(sample_study(), "Bargaining", guide).plain()[:22]
    'BargainingHow to tell '
    """
    join = study.word("text.clause_join").join
    quoted = [study.word("text.quoted", text=phrase) for phrase in guide.phrases]
    return Box(
        title,
        Items(
            [
                study.word("coaching.guide_know_by", text=guide.know_by),
                study.word("coaching.guide_do", text=join(guide.do)),
                study.word("coaching.guide_avoid", text=join(guide.avoid)),
                study.word(
                    "coaching.guide_say", text=study.word("text.sentence_join").join(quoted)
                ),
            ]
        ),
    )


def _goes_with(study: Study, book: pd.Series) -> str:
    """Write which behaviours go with more, and with fewer, sales among these buyers alone."""
    join = study.word("text.list_join").join
    parts = [
        study.word(
            f"coaching.found_{side}",
            behaviours=join(study.word(f"behaviour.{name}") for name in book[side]),
        )
        for side in labels.NAMED
        if len(book[side])
    ]
    return study.word("text.clause_join").join(parts) or study.word("text.not_given")


def manners(study: Study) -> Block:
    """Return what the library says beside figures: tempers, phrases, and how newcomers learn.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> len(manners(sample_study()).blocks)
    3
    """
    library = load_library(study.lang)
    tempers = [
        guide_box(study, study.word(f"temper.{name}"), guide)
        for name, guide in library.tempers.items()
    ]
    phrases = pd.DataFrame([phrase.model_dump() for phrase in library.everyday])
    ladder = pd.DataFrame([rung.model_dump() for rung in library.ladder])
    return Stack(
        in_pairs(tempers),
        _library_table(study, phrases, "everyday"),
        _library_table(study, ladder, "ladder"),
    )


def _library_table(study: Study, frame: pd.DataFrame, name: str) -> Table:
    headings = labels.headings(study, "manners", frame.columns)
    return Table(frame, study.word(f"manners.{name}"), labels=headings, name=name)
