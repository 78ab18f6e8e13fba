"""Notebook 10: questions that repeat, how they are answered, and which answers to write down."""

from __future__ import annotations

from typing import Final

import pandas as pd

from csinsight.behaviours.lexicon import load_lexicon
from csinsight.coaching.answer_bank import AGAIN, STANDARD, answer_bank
from csinsight.contract.artifacts import AnswerBank
from csinsight.contract.dictionary import artifact
from csinsight.features.conversations import lines_of
from csinsight.features.months import in_months
from csinsight.render.blocks import Block, Columns, Finding, Note, Prose, Stack, Talk
from csinsight.views import labels
from csinsight.views.study import Study
from csinsight.views.workbook import workbook

_B = AnswerBank
WORKBOOK: Final = "answer_bank.xlsx"
#: Rows on the page; the workbook has them all.
_MOST_LISTED: Final = 20
_MOST_READ: Final = 20_000


def read(study: Study, conversations: pd.DataFrame) -> pd.DataFrame:
    """Gather the questions of the last months and their answers, and write ``answer_bank``.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> found = read(sample_study(), sample_study().read("conversations"))
    >>> bool(found["answered"].le(found["conversations"]).all())
    True
    """
    params = study.context.params
    rows = in_months(conversations, study.as_of, params.driver_months)
    opened = rows["opened_by_buyer"].astype("boolean").fillna(value=False).astype(bool)
    rows = rows[opened]
    if rows.empty:
        bank = artifact(_B.NAME)
        nothing = pd.DataFrame(columns=[column.name for column in bank.columns])
        return study.write(_B.NAME, bank.typed(nothing))
    rows = rows.sample(min(len(rows), _MOST_READ), random_state=params.seed).sort_index()
    shop = study.open()
    lines = lines_of(shop, rows, study.as_of)
    # Greetings are known by rules, whatever else is read by a model.
    lexicon = load_lexicon(study.context.own, reader="rules")
    found = answer_bank(shop, rows, lines, study.as_of, lexicon)
    return study.write(_B.NAME, found)


def questions(found: pd.DataFrame) -> pd.DataFrame:
    """Return a row a question: its buyers, its most frequent answer, and whether one is written.

    ``state`` is ``standard`` (one way covers more than half), ``unclear`` (so, but surely more than
    one buyer in ten asks again), ``uneven`` (answers differ) or ``none`` (no answer was given to
    enough buyers).

    Examples
    --------
    >>> rows = pd.DataFrame({"question": [1, 1, 2], "answer": ["a", "b", None]})
    >>> rows["share"], rows["again_low"] = [0.3, 0.2, 0], 0.0
    >>> questions(rows)["state"].tolist()
    ['uneven', 'none']
    """
    rows = found.sort_values([_B.QUESTION_ID, _B.SHARE], ascending=[True, False], kind="stable")
    rows = rows.drop_duplicates(_B.QUESTION_ID).reset_index(drop=True)
    state = pd.Series("uneven", index=rows.index)
    state[rows[_B.SHARE] > STANDARD] = "standard"
    state[(rows[_B.SHARE] > STANDARD) & (rows[_B.AGAIN_LOW] > AGAIN)] = "unclear"
    state[rows[_B.ANSWER].isna()] = "none"
    return rows.assign(state=state)


def named(study: Study, found: pd.DataFrame) -> pd.DataFrame:
    """Return the answers that go with more or fewer sales than others to the same question.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> rows = pd.DataFrame({"q_value": [0.01, 0.02, 0.4], "difference_pp": [-3.0, 2.0, 9.0]})
    >>> named(sample_study(), rows)["difference_pp"].tolist()
    [2.0, -3.0]
    """
    rows = found[found[_B.Q_VALUE] <= study.context.params.q_threshold]
    return rows.sort_values(_B.DIFFERENCE_PP, ascending=False)


def sentence(study: Study, found: pd.DataFrame) -> str:
    """Return the finding: how much of the work repeats, and what is worth writing down.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> sentence(sample_study(), pd.DataFrame()) == sample_study().word("bank.none")
    True
    """
    if found.empty:
        return study.word("bank.none")
    words, rows = study.words, questions(found)
    worth, unclear = rows[rows[_B.SHARE] <= STANDARD], rows[rows["state"] == "unclear"]
    told = study.word(
        "bank.found" if len(worth) else "bank.found_all_standard",
        months=labels.months_told(study),
        n=words.number(len(rows)),
        talks=words.number(int(rows[_B.CONVERSATIONS].sum())),
        worth=words.number(len(worth)),
    )
    good = named(study, found)
    more = (
        study.word("bank.named", n=words.number(len(good)))
        if len(good)
        else study.word(f"bank.{'unnamed' if found[_B.Q_VALUE].notna().any() else 'not_compared'}")
    )
    again = study.word("bank.unclear", n=words.number(len(unclear))) if len(unclear) else ""
    return words.sentences(told, again, study.word("bank.counted"), more)


def finding(study: Study, found: pd.DataFrame) -> Finding:
    """Return the sentence on top of the page, and keep it for the index.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> finding(sample_study(), pd.DataFrame()).text == sentence(sample_study(), pd.DataFrame())
    True
    """
    return study.finding(sentence(study, found))


def headline(found: pd.DataFrame) -> dict[str, int]:
    """Return how many questions repeat and how many are answered in one way, for the record.

    Examples
    --------
    >>> rows = pd.DataFrame({"question": [1, 1, 2], "answer": ["a", "b", "c"]})
    >>> rows["share"], rows["again_low"] = [0.3, 0.2, 0.9], 0.0
    >>> headline(rows)
    {'questions': 2, 'standard': 1}
    """
    rows = questions(found)
    return {"questions": len(rows), "standard": int((rows[_B.SHARE] > STANDARD).sum())}


def repeated(study: Study, found: pd.DataFrame) -> Block:
    """Return the questions asked most, each with its most frequent answer.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> type(repeated(sample_study(), pd.DataFrame())).__name__
    'Prose'
    """
    if found.empty:
        return Prose(study.word("bank.none_long"))
    rows = questions(found).head(_MOST_LISTED)
    talks = [_talk(study, row, _asked(study, row)) for _, row in rows.iterrows()]
    half = -(-len(talks) // 2)
    beside = Columns(Stack(*talks[:half]), Stack(*talks[half:])) if half > 1 else Stack(*talks)
    return Stack(Prose(study.word("bank.repeated_caption", file=WORKBOOK)), beside)


def _asked(study: Study, row: pd.Series) -> str:
    words = study.words
    parts = [study.word("unit.buyers", n=words.number(row[_B.BUYERS]))]
    parts.append(study.word(f"category.{row[_B.CATEGORY]}"))
    if pd.notna(row[_B.ANSWER]):
        parts.append(study.word("bank.answered_so", share=words.percent(row[_B.SHARE], 0)))
        share = words.with_interval(*(words.percent(row[name], 0) for name in _AGAIN))
        parts.append(study.word("bank.again", share=share))
    return " · ".join([*parts, study.word(f"bank.state_{row['state']}")])


def _talk(study: Study, row: pd.Series, title: str) -> Talk:
    """Return a question with an answer, as a conversation: what is quoted keeps its language."""
    lines = [(study.word("block.buyer"), labels.quoted(study, row[_B.QUESTION]))]
    if pd.notna(row[_B.ANSWER]):
        lines.append((study.word("block.agent"), labels.quoted(study, row[_B.ANSWER])))
    return Talk(title, lines)


def effects(study: Study, found: pd.DataFrame) -> Block:
    """Return the answers compared with others to the same question, those named first.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> unknown = pd.DataFrame({"difference_pp": [None]})
    >>> type(effects(sample_study(), unknown)).__name__
    'Prose'
    """
    rows = found[found[_B.DIFFERENCE_PP].notna()].copy()
    if rows.empty:
        return Prose(study.word("bank.no_effects"))
    words, threshold = study.words, study.context.params.q_threshold
    rows = rows.assign(held=rows[_B.Q_VALUE] <= threshold).sort_values(
        ["held", _B.Q_VALUE], ascending=[False, True], kind="stable"
    )
    talks = [_talk(study, row, _apart(study, row)) for _, row in rows.head(_MOST_LISTED).iterrows()]
    return Stack(Prose(study.word("bank.effects_caption", q=words.percent(threshold, 0))), *talks)


def _apart(study: Study, row: pd.Series) -> str:
    words = study.words
    apart = words.with_interval(*(words.points(row[name]) for name in _ENDS))
    return " · ".join(
        [
            study.word("unit.points", n=apart),
            labels.counted(study, "conversations", int(row[_B.ANSWERED])),
            study.word(f"bank.held_{str(bool(row['held'])).lower()}"),
        ]
    )


_AGAIN: Final = (_B.AGAIN, _B.AGAIN_LOW, _B.AGAIN_HIGH)
_ENDS: Final = (_B.DIFFERENCE_PP, _B.LOW_PP, _B.HIGH_PP)


def files(study: Study, found: pd.DataFrame) -> Block:
    """Write the bank as a workbook beside the pages, masked as here, and say so.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> found = read(sample_study(), sample_study().read("conversations"))
    >>> WORKBOOK in files(sample_study(), found).plain()
    True
    """
    rows = questions(found).set_index(_B.QUESTION_ID)["state"]
    names = ("question", "asked", "category", "buyers", "answer", "answered", "share", "state")
    sheet: list[list[str | float | int | None]] = [
        [
            int(row[_B.QUESTION_ID]),
            labels.quoted(study, row[_B.QUESTION]),
            study.word(f"category.{row[_B.CATEGORY]}"),
            int(row[_B.BUYERS]),
            None if pd.isna(row[_B.ANSWER]) else labels.quoted(study, row[_B.ANSWER]),
            int(row[_B.ANSWERED]),
            round(float(row[_B.SHARE]), 4),
            study.word(f"bank.state_{rows[row[_B.QUESTION_ID]]}"),
            *(None if pd.isna(row[n]) else round(float(row[n]), 4) for n in _AGAIN),
            *(None if pd.isna(row[n]) else round(float(row[n]), 2) for n in _ENDS),
            "",
        ]
        for _, row in found.iterrows()
    ]
    heads = [
        study.word(f"bank.column_{name}")
        for name in (*names, *_AGAIN, "apart", "low", "high", "text")
    ]
    notes: list[list[str | float | int | None]] = [
        [study.word("bank.careful")],
        [study.word("bank.masked")],
    ]
    content = workbook(
        [
            (study.word("bank.sheet"), heads, sheet),
            (study.word("bank.sheet_notes"), [study.word("bank.sheet_notes")], notes),
        ]
    )
    study.write_export(WORKBOOK, content)
    return Note([study.word("bank.careful"), study.word("bank.file", file=WORKBOOK)])
