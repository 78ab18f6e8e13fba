"""The coaching plan to take along: a workbook for the team lead, and JSON for other programs.

Both hold the same: what the cards say, masked as there, without any talk's or buyer's id. The
same plan gives the same bytes.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

import pandas as pd

from csinsight.contract.artifacts import CoachingPlan, Conversations, FollowUp
from csinsight.contract.disputes import reference
from csinsight.contract.files import guarded
from csinsight.views import labels
from csinsight.views.study import Study

_P = CoachingPlan
_F = FollowUp
WORKBOOK: Final = "coaching_plan.xlsx"
JSON: Final = "coaching_plan.json"
_FIGURES: Final = (
    _P.RATE,
    _P.PEER_RATE,
    _P.TARGET_RATE,
    _P.OPPORTUNITIES,
    _P.EFFECT_PP,
    _P.EFFECT_LOW_PP,
    _P.EFFECT_HIGH_PP,
    _P.EXPECTED_GAIN,
    _P.LOW,
    _P.HIGH,
)
#: The date that a workbook says it was made on: the moment of making would change its bytes.
_MADE: Final = datetime(2000, 1, 1)
_WIDEST: Final = 60

Cell = str | float | int | None
Sheet = tuple[str, Sequence[str], list[list[Cell]]]


def write_exports(
    study: Study,
    plan: pd.DataFrame,
    status: pd.DataFrame,
    talks: pd.DataFrame,
    followed: pd.DataFrame,
    unsure: tuple[pd.DataFrame, pd.DataFrame] | None = None,
) -> None:
    """Write the plan as a workbook and as JSON beside the run; both are published with it.

    Parameters
    ----------
    study : Study
    plan, status, talks, followed : DataFrame
        The artifacts ``coaching_plan``, ``agent_status``, ``coaching_excerpts`` (masked) and
        ``coaching_followup``.
    unsure : tuple of (DataFrame, DataFrame) or None
        What is too uncertain to name anybody, of `csinsight.coaching.plan.to_check`, and its
        lines, masked.

    Examples
    --------
    >>> import tempfile
    >>> from csinsight.views.sample import sample_plan, sample_status, sample_study
    >>> from csinsight.views.study import open_study
    >>> none = pd.DataFrame()
    >>> with tempfile.TemporaryDirectory() as name:
    ...     study = open_study(sample_study().data, name, lang="en")
    ...     write_exports(study, sample_plan(), sample_status(), none, none)
    ...     sorted(path.name for path in study.run.rglob("*.*"))
    ['coaching_plan.json', 'coaching_plan.xlsx']
    """
    notes = ("caution", "estimate", "masked", "unsure", "dispute")
    rows: list[list[Cell]] = [[study.word(f"export.{name}")] for name in notes]
    sheets = [
        _plan_sheet(study, plan),
        _status_sheet(study, status),
        _talks_sheet(study, talks),
        *([_unsure_sheet(study, *unsure)] if unsure else []),
        _followed_sheet(study, followed),
        _sheet(study, "notes", ("note",), rows),
    ]
    study.write_export(WORKBOOK, workbook(sheets))
    text = json.dumps(
        as_json(study, plan, status, talks, followed),
        ensure_ascii=False,
        indent=1,
        sort_keys=True,
        allow_nan=False,
    )
    study.write_export(JSON, f"{text}\n".encode())


def workbook(sheets: Iterable[Sheet]) -> bytes:
    """Return a workbook: texts as texts, numbers as numbers, no formula, the first row fixed.

    Parameters
    ----------
    sheets : iterable of (title, headings, rows)

    Examples
    --------
    >>> workbook([("Plan", ["what"], [["greets"], ["=1+1"]])])[:2]
    b'PK'
    """
    import xlsxwriter

    buffer = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(buffer, options) as book:
        book.set_properties({"created": _MADE})
        bold = book.add_format({"bold": True, "bottom": 1})
        wrapped = book.add_format({"text_wrap": True, "valign": "top"})
        for title, headings, rows in sheets:
            sheet = book.add_worksheet(title)
            sheet.freeze_panes(1, 0)
            for column, heading in enumerate(headings):
                sheet.write_string(0, column, guarded(heading), bold)
                lengths = [len(str(row[column] or "")) for row in rows]
                width = min(max([2 * len(heading), *lengths, 8]), _WIDEST)
                sheet.set_column(column, column, width)
            for number, row in enumerate(rows, start=1):
                for column, value in enumerate(row):
                    _write(sheet, number, column, value, wrapped)
    return buffer.getvalue()


def as_json(
    study: Study,
    plan: pd.DataFrame,
    status: pd.DataFrame,
    talks: pd.DataFrame,
    followed: pd.DataFrame,
) -> dict[str, Any]:
    """Return the plan as plain lists and maps; what is not known is null.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> nobody = pd.DataFrame()
    >>> told = as_json(sample_study(), nobody, nobody, nobody, nobody)
    >>> told["month"], told["agents"]
    ('2026-10', [])
    """
    agents = [
        {
            "agent_id": row["agent_id"],
            "name": study.agent_name(row["agent_id"]),
            "status": row["status"],
            "inquiries": int(row["inquiries"]),
            "findings": [
                _finding(study, finding, talks)
                for _, finding in plan[plan[_P.AGENT_ID] == row["agent_id"]].iterrows()
            ],
        }
        for _, row in status.iterrows()
    ]
    return {
        "shop": study.shop,
        "month": study.month,
        "lang": study.lang,
        "caution": study.word("export.caution"),
        "agents": agents,
        "followed_up": [
            {str(name): _json_cell(value) for name, value in row.items()}
            for _, row in followed.iterrows()
        ],
    }


def _finding(study: Study, row: pd.Series, talks: pd.DataFrame) -> dict[str, Any]:
    advice = study.library[row[_P.BEHAVIOUR]]
    own = talks[
        (talks[_P.AGENT_ID] == row[_P.AGENT_ID]) & (talks[_P.BEHAVIOUR] == row[_P.BEHAVIOUR])
    ]
    return {
        "kind": row[_P.KIND],
        "behaviour": row[_P.BEHAVIOUR],
        "title": advice.title,
        "say": advice.phrases,
        "drill": advice.drill,
        "watch": advice.watch,
        "rests_on": advice.rests_on,
        "figures": {name: _json_cell(row[name]) for name in _FIGURES},
        "talks": [
            {
                "talk": reference(str(talk)),
                "side": lines["side"].iloc[0],
                "lines": [f"{s}: {t}" for s, t in zip(lines["sender"], lines["text"], strict=True)],
            }
            for talk, lines in own.groupby("conversation_id", sort=False)
        ],
    }


def _plan_sheet(study: Study, plan: pd.DataFrame) -> Sheet:
    library = study.library
    fixed = ("agent", "kind", "what")
    texts = ("say", "drill", "watch", "rests_on")
    rows = []
    for _, row in plan.iterrows():
        advice = library[row[_P.BEHAVIOUR]]
        rows.append(
            [
                study.agent_name(row[_P.AGENT_ID]),
                study.word(f"plan_kind.{row[_P.KIND]}"),
                advice.title,
                *(_json_cell(row[name]) for name in _FIGURES),
                "\n".join(advice.phrases),
                *(str(getattr(advice, name)) for name in texts[1:]),
            ]
        )
    return _sheet(study, "plan", (*fixed, *_FIGURES, *texts), rows)


def _status_sheet(study: Study, status: pd.DataFrame) -> Sheet:
    rows: list[list[Cell]] = [
        [
            study.agent_name(row["agent_id"]),
            int(row["inquiries"]),
            study.word(f"export.status_{str(row['status']).replace(' ', '_')}"),
        ]
        for _, row in status.iterrows()
    ]
    return _sheet(study, "agents", ("agent", "inquiries", "status"), rows)


def _talks_sheet(study: Study, talks: pd.DataFrame) -> Sheet:
    sides = {"misses": "card.miss", "hits": "card.hit", "peer_hits": "card.peer_hit"}
    rows: list[list[Cell]] = [
        [
            study.agent_name(row[_P.AGENT_ID]),
            study.word(f"behaviour.{row[_P.BEHAVIOUR]}"),
            study.word(sides[row["side"]]),
            reference(str(row["conversation_id"])),
            study.word("block.buyer" if row["sender"] == "buyer" else "export.agent_says"),
            labels.quoted(study, row["text"]),
        ]
        for _, row in talks.iterrows()
    ]
    return _sheet(study, "talks", ("agent", "what", "side", "talk", "who", "text"), rows)


def _unsure_sheet(study: Study, unsure: pd.DataFrame, talks: pd.DataFrame) -> Sheet:
    """Return every hit that is for quality control to read, a conversation a row, naming nobody.

    By rule and by time: rows of the same agent side by side would tell which belong together.
    """
    found: list[tuple[int, str, list[Cell]]] = []
    places = {rule: place for place, rule in enumerate(dict.fromkeys(unsure[_P.BEHAVIOUR]))}
    began = _began(study)
    for _, row in unsure.iterrows():
        rule = str(row[_P.BEHAVIOUR])
        own = talks[(talks[_P.AGENT_ID] == row[_P.AGENT_ID]) & (talks[_P.BEHAVIOUR] == rule)]
        for one in row[_P.MISSES]:
            said = own[own["conversation_id"] == one]
            when, said = _moment(said, began.get(str(one))), said[said["text"].notna()]
            who = ["block.buyer" if s == "buyer" else "export.agent_says" for s in said["sender"]]
            lines = [
                study.word("text.colon", label=study.word(name), text=labels.quoted(study, text))
                for name, text in zip(who, said["text"], strict=True)
            ]
            cells: list[Cell] = [
                study.word(f"behaviour.{rule}"),
                when or None,
                reference(str(one)),
                "\n".join(lines) or study.word("export.not_shown"),
                _json_cell(row[_P.READ]),
                _json_cell(row[_P.RIGHT]),
            ]
            found.append((places[rule], f"{when} {cells[2]}", cells))
    rows = [cells for *_, cells in sorted(found, key=lambda one: one[:2])]
    return _sheet(study, "unsure", ("rule", "sent", "talk", "text", "read", "right"), rows)


def _began(study: Study) -> dict[str, pd.Timestamp]:
    """Return when each conversation began, where that is known."""
    talks = study.read_or_none(Conversations.NAME)
    if talks is None:
        return {}
    known = talks.set_index(Conversations.CONVERSATION_ID)[Conversations.STARTED_AT].dropna()
    return {str(name): pd.Timestamp(moment) for name, moment in known.items()}


def _moment(said: pd.DataFrame, began: pd.Timestamp | None) -> str:
    """Write when the line was sent, to find it in the chats by; else when its talk began."""
    sent = said.loc[said["marked"].astype(bool), "sent_at"].dropna()
    moment = began if sent.empty else pd.Timestamp(sent.iloc[0])
    return "" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S}"


def _followed_sheet(study: Study, followed: pd.DataFrame) -> Sheet:
    names = (_F.BEFORE, _F.AFTER, _F.OTHERS, _F.CHANGE, _F.LOW, _F.HIGH)
    rows: list[list[Cell]] = []
    for _, row in followed.iterrows():
        everyone = pd.isna(row[_F.AGENT_ID])
        rows.append(
            [
                str(row[_F.ADVISED_IN]),
                str(row[_F.MONTH]),
                labels.rate_name(study, str(row[_F.BEHAVIOUR])),
                study.word("export.all") if everyone else study.agent_name(row[_F.AGENT_ID]),
                *(_json_cell(row[name]) for name in names),
                study.word(f"export.verdict_{str(row[_F.VERDICT]).replace(' ', '_')}"),
            ]
        )
    heads = ("advised_in", "month", "what", "agent", *names, "verdict")
    return _sheet(study, "followed", heads, rows)


def _sheet(study: Study, name: str, columns: Sequence[str], rows: list[list[Cell]]) -> Sheet:
    headings = [study.word(f"export.column_{column}") for column in columns]
    return study.word(f"export.sheet_{name}"), headings, rows


def _write(sheet: Any, row: int, column: int, value: Cell, style: Any) -> None:
    if value is None:
        sheet.write_blank(row, column, None, style)
    elif isinstance(value, str):
        sheet.write_string(row, column, guarded(value), style)
    else:
        sheet.write_number(row, column, value, style)


def _json_cell(value: Any) -> Any:
    """Return a cell of a table as JSON knows it, figures with four decimals at most."""
    if value is None or pd.isna(value):
        return None
    if isinstance(value, str):
        return value
    number = round(float(value), 4)
    return int(number) if number.is_integer() else number
