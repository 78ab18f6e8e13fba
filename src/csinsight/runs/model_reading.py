"""Asking a model of the shop's own choosing, before a run computes anything (``reader: llm``).

First only the lines that people have labelled are asked, which shows where the model agrees with
them at least as well as what is built in; only for these behaviours are the other lines asked.
Text leaves the machine masked, each distinct text once, and none unless the shop says where to.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import narwhals as nw
import pandas as pd
import polars as pl

from csinsight.behaviours.labelling import MARKER, NO, settled
from csinsight.behaviours.lexicon import Lexicon
from csinsight.behaviours.lexicon_form import Example
from csinsight.behaviours.markers import by_rules
from csinsight.behaviours.model_client import (
    MOST_TOKENS,
    Answer,
    NoAnswerError,
    Server,
    system_prompt,
    tokens_of,
)
from csinsight.behaviours.model_reader import (
    LEAST_LINES,
    LEAST_TRUE,
    LINE,
    LINES_FILE,
    Judged,
    ModelReading,
    hash_of,
    judge,
    line_keys,
)
from csinsight.behaviours.reader import RUN, TEXT
from csinsight.coaching.masking import mask_lines
from csinsight.coaching.rarity import Common, agent_names, what_many_say
from csinsight.context import MonthContext
from csinsight.contract.domain import MARKERS
from csinsight.contract.files import write_atomically, write_text
from csinsight.contract.labels import Labels, load_labels
from csinsight.contract.schema import Messages
from csinsight.engine import Shop, collect
from csinsight.engine.frames import read_rows
from csinsight.features.conversations import messages_of
from csinsight.features.frames import POSITION, SENT_MS
from csinsight.params import RunParams

LOG = logging.getLogger(__name__)
ANSWERS_FILE: Final = Path("llm", "answers.jsonl")
#: Questions under way at a time.
_AT_ONCE: Final = 4
#: So many questions without an answer, one after the other, end the asking.
_IN_A_ROW: Final = 5
#: So many that were not answered as asked, likewise: a model that can't do it is not paid for all.
_REFUSED_IN_A_ROW: Final = 20
#: So large a share of texts may be left to the built-in reader.
_LEFT: Final = 0.02
#: Not a matter of the line itself.
_NOT_ASKED: Final = ("follows_up", "repeats_canned")


class _OverError(NoAnswerError):
    """The budget, or the time, is used up."""

    def __init__(self, why: str) -> None:
        super().__init__(why, fatal=True)


@dataclass
class Budget:
    """What may be spent in one run, and what has been.

    Parameters
    ----------
    calls : int
    money : float
        0: the model costs nothing.
    price_in, price_out : float
        Of a million tokens.
    seconds : float
        For all questions together.
    """

    calls: int
    money: float
    price_in: float
    price_out: float
    seconds: float
    asked: int = 0
    spent: float = 0.0
    _ends: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._ends = time.monotonic() + self.seconds

    def price(self, tokens_in: int, tokens_out: int) -> float:
        """Return what so many tokens cost."""
        return (tokens_in * self.price_in + tokens_out * self.price_out) / 1e6

    def charge(self, tokens_in: int, tokens_out: int) -> None:
        """Book the most that one request may take, before it is sent."""
        cost = self.price(tokens_in, tokens_out)
        with self._lock:
            if self.asked >= self.calls or (self.money and self.spent + cost > self.money):
                raise _OverError("over_budget")
            if time.monotonic() > self._ends:
                raise _OverError("over_time")
            self.asked += 1
            self.spent += cost

    def settle(self, booked: int, answer: Answer) -> None:
        """Put what a request did take in the place of what was booked."""
        less = self.price(answer.tokens_in, answer.tokens_out)
        with self._lock:
            self.spent += less - self.price(booked, MOST_TOKENS)


@dataclass
class Store:
    """Answers by key, in the run's folder, with those of the shop's other months to draw on.

    Parameters
    ----------
    path : Path
    """

    path: Path
    known: dict[str, list[int] | None] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        others = sorted(self.path.parents[2].glob(f"*/{ANSWERS_FILE}"))
        for path in [*(p for p in others if p != self.path), self.path]:
            if path.is_file():
                self.known |= dict(_answers(path.read_bytes()))
        self.path.parent.mkdir(parents=True, exist_ok=True)

    def add(self, key: str, shown: Sequence[int] | None) -> None:
        """Keep an answer at once, so that a run that is killed has lost none."""
        told = None if shown is None else list(shown)
        with self._lock, self.path.open("a", encoding="utf-8") as file:
            # A line that was cut short must not take this one with it.
            file.write("\n" + json.dumps({"key": key, "shown": told}) + "\n")
            self.known[key] = told

    def write(self) -> None:
        """Write the answers that this run has used, in one order whatever came first."""
        rows = ({"key": key, "shown": self.known[key]} for key in sorted(self.used))
        write_text(self.path, "".join(json.dumps(row) + "\n" for row in rows))


def _answers(data: bytes) -> Iterable[tuple[str, list[int] | None]]:
    for line in data.decode("utf-8", "replace").splitlines():
        try:
            row = json.loads(line) if line.strip() else None
        except ValueError:
            continue
        if isinstance(row, dict) and isinstance(row.get("key"), str) and "shown" in row:
            shown = row["shown"]
            if shown is None or (isinstance(shown, list) and all(type(n) is int for n in shown)):
                yield row["key"], shown


def read_by_model(shop: Shop, context: MonthContext, run: Path) -> ModelReading:
    """Ask the model that the parameters name, and keep what is taken of it in the run's folder.

    Nothing is asked where the shop has too few labels, and nothing is taken where the budget does
    not hold all lines: half of them read otherwise than the rest would be no reading.

    Parameters
    ----------
    shop : Shop
    context : MonthContext
    run : Path

    Returns
    -------
    ModelReading

    Raises
    ------
    ConfigError
        Where the address can't be used.

    Examples
    --------
    >>> import tempfile
    >>> from csinsight.sample import sample_context, sample_shop
    >>> context = sample_context(reader="llm", llm_url="http://localhost:9/v1", llm_model="m")
    >>> with tempfile.TemporaryDirectory() as name:
    ...     read_by_model(sample_shop(), context, Path(name)).why_not
    'few_labels'
    """
    params, lexicon = context.params, context.lexicon
    server = Server(params.llm_url, params.llm_model, params.llm_seconds)
    askable = [
        name
        for name in lexicon.ids("agent")
        if name in (*MARKERS, *lexicon.own) and name not in _NOT_ASKED
    ]
    lines = _lines(shop, context, askable)
    rows = _labelled(lines, load_labels(shop.folder), askable)
    counts = rows.groupby(MARKER)["true"].agg(["size", "sum"])
    enough = counts[(counts["size"] >= LEAST_LINES) & (counts["sum"] >= LEAST_TRUE)].index
    if not (names := [name for name in askable if name in set(enough)]):
        return ModelReading(model=params.llm_model, why_not="few_labels")
    texts = lines.drop_duplicates(LINE).sort_values(LINE)
    common = what_many_say(shop, (*texts[TEXT].dropna(), *texts[RUN].dropna()), context.as_of)
    data = dict(zip(texts[LINE], _masked(texts, agent_names(shop), common), strict=True))
    store, prompt = Store(run / ANSWERS_FILE), _prompt(lexicon, names)
    asking = _Asking(server, _budget(params), store, names, prompt)
    wanted = set(rows.loc[rows[MARKER].isin(names), LINE])
    _announce(asking, data)
    why = asking.ask({key: data[key] for key in sorted(wanted)})
    judged = [] if why else asking.judge(rows, lines, data)
    taken = [one.behaviour for one in judged if one.taken]
    if why := why or ("" if taken else "no_better") or asking.ask(data):
        judged = [one.model_copy(update={"taken": False}) for one in judged]
    else:
        with write_atomically(run / LINES_FILE) as draft:
            asking.table(data, taken).write_parquet(draft)
    asking.store.write()
    LOG.info("reader llm: %s", why or f"reads {', '.join(taken)}")
    return ModelReading(
        model=params.llm_model,
        judged=judged,
        why_not=why,
        texts=len(set(data.values())),
        asked=asking.budget.asked,
        refused=asking.refused(data),
        money=round(asking.budget.spent, 4),
    )


def _budget(params: RunParams) -> Budget:
    return Budget(
        params.llm_most_calls,
        params.llm_most_money,
        params.llm_price_in,
        params.llm_price_out,
        60 * params.llm_minutes,
    )


def _lines(shop: Shop, context: MonthContext, names: Sequence[str]) -> pd.DataFrame:
    """Return every agent's line of the run as the built-in reader reads it."""
    lexicon = context.lexicon
    messages = messages_of(shop, context.as_of, context.rules, months=context.conversation_months)
    ruled = by_rules(messages, lexicon)
    if lexicon.reader is not None:
        ruled = read_rows(ruled, lexicon.reader.read, lexicon.reader.labels)
    agent = nw.col(Messages.SENDER) == "agent"
    columns = [Messages.CONVERSATION_ID, POSITION, SENT_MS, TEXT, RUN]
    found = collect(ruled.filter(agent).select(*columns, *names))
    found[LINE] = line_keys(pl.from_pandas(found[[TEXT, RUN]]).cast(pl.String)).to_list()
    sent = found[SENT_MS].astype("Int64").astype("float")
    found[Messages.SENT_AT] = pd.to_datetime(sent, unit="ms")
    for name in names:
        found[name] = found[name].astype("boolean").fillna(value=False).astype(bool)
    return found


def _labelled(lines: pd.DataFrame, labels: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Return labelled lines: a row a line and behaviour, with what people say (``true``)."""
    asked = labels[labels[Labels.BEHAVIOUR].isin(names)]
    near = lines[lines[Messages.CONVERSATION_ID].isin(set(asked[Labels.CONVERSATION_ID]))]
    parts = []
    for name in names:
        part = near.copy()
        part[MARKER], part["built_in"] = name, near[name]
        parts.append(part)
    rows: pd.DataFrame = pd.concat(parts, ignore_index=True)
    rows[NO] = range(len(rows))
    rows["true"] = settled(rows, asked).to_numpy(dtype=float)
    known: pd.DataFrame = rows[rows["true"].notna()]
    return known


def _prompt(lexicon: Lexicon, names: Sequence[str]) -> str:
    told = []
    for name in names:
        marker = lexicon.markers[name]
        meaning = " / ".join(dict.fromkeys(marker.meaning[lang] for lang in ("en", "zh")))
        examples = marker.examples
        told.append((meaning, _some(examples.match), _some(examples.no_match)))
    return system_prompt(told)


def _some(examples: Sequence[str | Example]) -> list[str]:
    return [one if isinstance(one, str) else one.text for one in examples[:3]]


def _masked(texts: pd.DataFrame, names: Sequence[str], common: Common) -> list[str]:
    """Return what is sent of each line: masked, as JSON, so that no line can end its quotation."""
    said, run = (texts[name].fillna("").astype(str).tolist() for name in (TEXT, RUN))
    return [
        json.dumps({"buyer": buyer, "agent": agent}, ensure_ascii=False)
        for agent, buyer in zip(*(_each(t, names, common) for t in (said, run)), strict=True)
    ]


def _each(texts: Sequence[str], names: Sequence[str], common: Common) -> list[str]:
    """Mask texts, each by itself: its own lines alone tell what in it is a name or a number."""
    once = {t: "\n".join(mask_lines(t.split("\n"), names, common)) for t in dict.fromkeys(texts)}
    return [once[text] for text in texts]


def _announce(asking: _Asking, data: Mapping[str, str]) -> None:
    """State what asking everything may take, before anything is asked."""
    left = {asking.key(text): text for text in data.values()}
    new = [text for key, text in left.items() if key not in asking.store.known]
    cost = sum(asking.budget.price(tokens_of(asking.system + t), MOST_TOKENS) for t in new)
    LOG.info(
        "reader llm: %s distinct texts, %s not asked before; %s; the budget is %s calls%s",
        f"{len(left):,}",
        f"{len(new):,}",
        f"at most {cost:,.2f} to ask each of them once"
        if asking.budget.money
        else "llm_price_in and llm_price_out are 0, so it is taken to cost nothing",
        f"{asking.budget.calls:,}",
        f" and {asking.budget.money:,.2f}" if asking.budget.money else "",
    )


@dataclass
class _Asking:
    server: Server
    budget: Budget
    store: Store
    names: Sequence[str]
    system: str
    _failed: int = 0
    _unfit: int = 0
    _stopped: str = ""

    def key(self, text: str) -> str:
        return hash_of(self.server.model, self.system, text)

    def ask(self, data: Mapping[str, str]) -> str:
        """Ask what is not known yet; return why not all could be, or nothing."""
        keys = {self.key(text): text for text in data.values()}
        new = {key: text for key, text in keys.items() if key not in self.store.known}
        left = self.budget.calls - self.budget.asked
        cost = sum(self.budget.price(tokens_of(self.system + t), MOST_TOKENS) for t in new.values())
        if len(new) > left or (self.budget.money and self.budget.spent + cost > self.budget.money):
            return "over_budget"
        self._failed, self._unfit, self._stopped = 0, 0, ""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(self._one, new, new.values()))
        self.store.used |= keys.keys() & self.store.known.keys()
        taken = [key for key in keys if self.store.known.get(key) is not None]
        if not self._stopped and len(keys) - len(taken) > _LEFT * len(keys):
            return "unanswered"
        return self._stopped

    def _one(self, key: str, text: str) -> None:
        """Ask one text, unless something has ended the asking."""
        if self._stopped:
            return
        try:
            answer = self.server.ask(self.system, text, len(self.names), charge=self.budget.charge)
        except NoAnswerError as error:
            self._failed += 1
            if isinstance(error, _OverError):
                self._stopped = str(error)
            elif error.fatal or self._failed >= _IN_A_ROW:
                self._stopped = "unreachable"
            LOG.warning("reader llm: a text without an answer (%s)", error)
            return
        self._failed = 0
        self.budget.settle(tokens_of(self.system + text), answer)
        self.store.add(key, answer.shown)
        self._unfit = 0 if answer.shown is not None else self._unfit + 1
        if self._unfit >= _REFUSED_IN_A_ROW:
            self._stopped = "unanswered"

    def refused(self, data: Mapping[str, str]) -> int:
        """Return how many texts got an answer that was not what was asked for."""
        keys = {self.key(text) for text in data.values()} & self.store.known.keys()
        return sum(self.store.known[key] is None for key in keys)

    def table(self, data: Mapping[str, str], taken: Sequence[str]) -> pl.DataFrame:
        """Return what the model says of each line, null where it said nothing that counts."""
        places = {name: self.names.index(name) + 1 for name in taken}
        columns: dict[str, list[Any]] = {LINE: sorted(data)}
        said = [self.store.known.get(self.key(data[line])) for line in columns[LINE]]
        for name, place in places.items():
            columns[name] = [None if shown is None else place in shown for shown in said]
        kinds = {LINE: pl.String} | dict.fromkeys(taken, pl.Boolean)
        return pl.DataFrame(columns, schema=kinds)

    def judge(
        self, rows: pd.DataFrame, lines: pd.DataFrame, data: Mapping[str, str]
    ) -> list[Judged]:
        """Compare model and built-in reader on labelled lines, weighed to all lines of the run."""
        found = []
        for name in self.names:
            own = rows[rows[MARKER] == name]
            some = {line: data[line] for line in own[LINE]}
            said = self.table(some, [name]).to_pandas().set_index(LINE)[name]
            read = own["built_in"].astype(float)
            model = said.reindex(own[LINE]).astype("Float64").fillna(-1).to_numpy(dtype=float)
            share = lines[name].value_counts() / own["built_in"].value_counts()
            told = own.assign(
                model=[m if m >= 0 else b for m, b in zip(model, read, strict=True)],
                built_in=read,
                weight=own["built_in"].map(share).astype(float),
            )
            if (one := judge(name, told)) is not None:
                found.append(one)
        return found
