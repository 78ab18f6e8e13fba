"""Labelling messages by hand in the lab: what ``labelling.ipynb`` works with, without a browser.

A reader is shown one agent's line within its conversation, masked, and not what the lexicon says
of it. What is ticked goes line by line into ``labels.csv`` beside the shop's tables; whoever comes
back goes on where they stopped.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import pandas as pd

from csinsight.behaviours import labelling
from csinsight.behaviours.lexicon import Lexicon
from csinsight.coaching.excerpts import excerpts
from csinsight.coaching.masking import mask_lines
from csinsight.coaching.rarity import agent_names, what_many_say
from csinsight.config import did_you_mean
from csinsight.contract.artifacts import Drivers
from csinsight.contract.files import write_atomically
from csinsight.contract.labels import Labels, add_labels, load_labels
from csinsight.contract.schema import Messages
from csinsight.errors import ConfigError, CsinsightError
from csinsight.features.frames import POSITION
from csinsight.views.study import Study

_KEY: Final = "key.parquet"
#: What is asked where nothing is named: what is read least well, then what this shop named.
HARD: Final = (
    "empathizes",
    "gives_specifics",
    "offers_alternative",
    "promises_time",
    "recommends",
    "refuses_flatly",
)
#: Lines shown before the one to be read, and after it.
BEFORE, AFTER = 8, 2

Item = tuple[str, int]
_STYLE = "padding:.2em .6em;margin:.1em 0;border-left:3px solid"


@dataclass(frozen=True)
class Line:
    """One line as the reader sees it: who wrote it, masked text, whether it is the one to read."""

    sender: str
    text: str
    asked: bool


@dataclass
class Session:
    """One reader's way through a sample of messages.

    Parameters
    ----------
    study : Study
    who : str
        The reader, as ``labels.csv`` names them.
    behaviours : tuple of str
        What is asked of every line.
    sample : DataFrame
        Of `csinsight.behaviours.labelling.draw_sample`.
    at : int
        Place in `items` of the line being read; ``len(items)`` when all are done.
    """

    study: Study
    who: str
    behaviours: tuple[str, ...]
    sample: pd.DataFrame
    at: int = 0
    _done: dict[Item, frozenset[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        labels = self.labels
        own = labels[(labels[Labels.READER] == self.who) & labels[Labels.POSITION].notna()]
        asked = set(self.behaviours)
        for (talk, position), rows in own.groupby([Labels.CONVERSATION_ID, Labels.POSITION]):
            if asked <= set(rows[Labels.BEHAVIOUR]):
                shown = rows.loc[rows[Labels.SHOWN].astype(bool), Labels.BEHAVIOUR]
                self._done[str(talk), int(float(str(position)))] = frozenset(shown) & asked
        self.at = next((i for i, item in enumerate(self.items) if item not in self._done), self._n)

    @property
    def labels(self) -> pd.DataFrame:
        """All labels of the shop, by whomever."""
        return load_labels(self.study.data)

    @cached_property
    def items(self) -> list[Item]:
        """The lines to read, each once, in the sample's order."""
        pairs = zip(self.sample[Messages.CONVERSATION_ID], self.sample[POSITION], strict=True)
        return list(dict.fromkeys((str(talk), int(position)) for talk, position in pairs))

    @property
    def _n(self) -> int:
        return len(self.items)

    @property
    def done(self) -> int:
        """How many of `items` this reader has read."""
        return sum(item in self._done for item in self.items)

    @property
    def shown(self) -> frozenset[str]:
        """What this reader has ticked of the present line before, if it was read before."""
        return (
            self._done.get(self.items[self.at], frozenset()) if self.at < self._n else frozenset()
        )

    @property
    def questions(self) -> dict[str, str]:
        """What is asked, in the language of the study, by behaviour."""
        study = self.study
        meaning = {n: m.meaning for n, m in study.context.lexicon.markers.items()}
        return {
            name: f"{study.word(f'behaviour.{name}')}: {meaning[name][study.lang]}"
            for name in self.behaviours
        }

    def lines(self) -> list[Line]:
        """Return the line to be read within its conversation, masked; empty when all are read."""
        if self.at >= self._n:
            return []
        talk, position = self.items[self.at]
        rows = self._talks[talk]
        place = int((rows[POSITION] == position).to_numpy().argmax())
        near = rows.iloc[max(place - BEFORE, 0) : place + AFTER + 1]
        asked = near[POSITION] == position
        return [
            Line(*row) for row in zip(near[Messages.SENDER], near["masked"], asked, strict=True)
        ]

    def save(self, shown: Collection[str]) -> None:
        """Write what the present line shows, and go on to the next one.

        Raises
        ------
        ConfigError
            Where a behaviour is not among those that are asked.
        DataError
            Where ``labels.csv`` has been broken meanwhile: it is left alone, and nothing is lost
            but this answer.
        """
        if unknown := [name for name in shown if name not in self.behaviours]:
            raise ConfigError(
                f"{unknown[0]!r} is not asked; {did_you_mean(unknown[0], self.behaviours)}"
            )
        item = self.items[self.at]
        rows = self._talks[item[0]]
        sent = rows.loc[rows[POSITION] == item[1], Messages.SENT_AT].iloc[0]
        told = {
            Labels.CONVERSATION_ID: item[0],
            Labels.SENT_AT: sent,
            Labels.BEHAVIOUR: list(self.behaviours),
            Labels.SHOWN: [name in shown for name in self.behaviours],
            Labels.READER: self.who,
            Labels.POSITION: item[1],
        }
        add_labels(self.study.data, pd.DataFrame(told))
        self._done[item] = frozenset(shown)
        self.skip()

    def skip(self) -> None:
        """Go on without an answer; the line comes again when the reader comes back."""
        self.at = min(self.at + 1, self._n)

    def back(self) -> None:
        """Go back to the line before."""
        self.at = max(self.at - 1, 0)

    @cached_property
    def _talks(self) -> dict[str, pd.DataFrame]:
        """By conversation its lines in order, those of either side masked."""
        context, shop = self.study.context, self.study.open()
        said = excerpts(context.chats(shop, months=1), self.sample[Messages.CONVERSATION_ID])
        named = (said[name].dropna() for name in (Messages.BUYER_ID, Messages.AGENT_ID))
        names = {*agent_names(shop), *(str(one) for ids in named for one in ids)}
        common = what_many_say(shop, said[Messages.TEXT].dropna(), context.as_of)
        talks = {}
        for talk, rows in said.groupby(Messages.CONVERSATION_ID):
            texts = [str(text) for text in rows[Messages.TEXT].fillna("")]
            ordered = rows.assign(masked=mask_lines(texts, names, common))
            talks[str(talk)] = ordered.sort_values(POSITION).reset_index(drop=True)
        return talks


def open_session(study: Study, *, who: str, behaviours: str, each: int, seed: int) -> Session:
    """Return a reader's session on this run's sample, which is drawn unless it was before.

    Parameters
    ----------
    study : Study
        Whose rules and lexicon the sample is drawn by.
    who : str
        The reader's name.
    behaviours : str
        What is asked, with commas between; empty: `HARD`, the shop's own behaviours, and those
        that this run has named.
    each : int
        Messages a behaviour, half of them such as the lexicon finds it in.
    seed : int

    Raises
    ------
    ConfigError
        Where a behaviour can't be asked of a single line, or the reader has no name.
    DataError
        Where the shop's ``labels.csv`` breaks its contract.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> open_session(sample_study(), who=" ", behaviours="greets", each=2, seed=1)
    Traceback (most recent call last):
        ...
    csinsight.errors.ConfigError: who reads? write your name into `who`
    """
    if not who.strip():
        raise ConfigError("who reads? write your name into `who`")
    lexicon = study.context.lexicon
    known = lexicon.ids("agent")
    asked = tuple(n.strip() for n in behaviours.split(",") if n.strip()) or _wanted(study, known)
    for name in asked:
        if name not in known:
            raise ConfigError(f"{name!r} can't be asked of a line; {did_you_mean(name, known)}")
    key = study.run / "labels" / _KEY
    if key.is_file() and set(labelling.COLUMNS) <= set(drawn := pd.read_parquet(key)):
        asked_before = tuple(dict.fromkeys(drawn.sort_values("no")[labelling.MARKER]))
        if set(asked) == set(asked_before):
            return Session(study, who.strip(), asked, drawn)
    chats = study.context.chats(study.open(), months=1)
    sample = labelling.draw_sample(chats, markers=asked, each=each, seed=seed)
    key.parent.mkdir(parents=True, exist_ok=True)
    with write_atomically(key) as path:
        sample.to_parquet(path, index=False)
    return Session(study, who.strip(), asked, sample)


def _wanted(study: Study, known: Collection[str]) -> tuple[str, ...]:
    named: list[str] = []
    if (drivers := study.read_or_none(Drivers.NAME)) is not None:
        spoken = drivers[Drivers.VERDICT].isin(["helps", "hurts"])
        named = list(drivers.loc[spoken, Drivers.BEHAVIOUR])
    every = dict.fromkeys([*HARD, *study.context.own.behaviours, *named])
    return tuple(name for name in every if name in known)


def readings(session: Session, lexicon: Lexicon | None = None) -> pd.DataFrame:
    """Return precision, recall, F1 and kappa of each marker against its readers, rounded.

    Parameters
    ----------
    session : Session
    lexicon : Lexicon or None
        A retuned one; None for the one that the sample was drawn by.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> line = {"conversation_id": ["c1", "c2"], "position": 1, "sent_at": pd.NaT}
    >>> sample = pd.DataFrame(line | {"marker": "greets", "shown": [True, False], "weight": 1.0})
    >>> said = pd.DataFrame(line | {"behaviour": "greets", "shown": [True, True]})
    >>> session = SimpleNamespace(sample=sample.assign(no=[1, 2]), labels=said)
    >>> readings(session)[["marker", "precision", "recall"]].to_numpy().tolist()
    [['greets', 1.0, 0.5]]
    """
    sample = session.sample
    shown = None if lexicon is None else labelling.shown_by(sample, lexicon)
    labels = labelling.settled(sample, session.labels)
    return labelling.agreement(sample, labels, shown=shown).round(3)


def readers(session: Session) -> pd.DataFrame:
    """Return how far readers agree with each other, rounded; no marker can do better.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> told = {"conversation_id": ["c1", "c2"] * 2, "position": 1, "sent_at": pd.NaT}
    >>> labels = pd.DataFrame(told).assign(behaviour="greets", shown=[True, False] * 2)
    >>> labels["reader"] = ["anna", "anna", "bo", "bo"]
    >>> readers(SimpleNamespace(labels=labels))["kappa"].tolist()
    [1.0]
    """
    return labelling.kappas(session.labels).round(3)


def disputed(session: Session, lexicon: Lexicon | None = None) -> pd.DataFrame:
    """Return the masked messages on which marker and readers differ, for retuning.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from csinsight.views.sample import sample_study
    >>> line = {"conversation_id": ["c1", "c2"], "position": 1, "sent_at": pd.NaT}
    >>> sample = pd.DataFrame(line | {"marker": "greets", "shown": [True, False], "no": [1, 2]})
    >>> sample = sample.assign(buyer="在吗", text=["亲，您好", "您好，13800138000 是您的吗"])
    >>> said = pd.DataFrame(line | {"behaviour": "greets", "shown": [True, True]})
    >>> session = SimpleNamespace(sample=sample, labels=said, study=sample_study())
    >>> disputed(session)[["no", "text"]].to_numpy().tolist()
    [[2, '您好，[电话] 是您的吗']]
    """
    sample = session.sample
    fires = sample[labelling.SHOWN] if lexicon is None else labelling.shown_by(sample, lexicon)
    said = labelling.settled(sample, session.labels).to_numpy(dtype=float)
    rows = sample[(said == said) & (said != fires.to_numpy(dtype=float))]
    label = pd.Series(said, index=sample.index)[rows.index]
    shown = rows[[labelling.NO, labelling.MARKER]].assign(
        label=label, marker_says=fires[rows.index]
    )
    texts = rows[[labelling.BUYER, labelling.TEXT]]
    shop = session.study.open()
    whole = [text for column in texts for text in texts[column]]
    common = what_many_say(shop, whole, session.study.as_of)
    for column in texts:
        shown[column] = mask_lines(texts[column].tolist(), agent_names(shop), common)
    ordered: pd.DataFrame = shown.sort_values([labelling.MARKER, labelling.NO], ignore_index=True)
    return ordered


def labeller(session: Session) -> Any:
    """Return controls that show one line after the other and write what is ticked.

    In the field below the ticks a reader may type instead: the numbers of what the line shows, or
    ``0`` for none of it, then Enter. ``b`` goes back, ``?`` leaves the line for another time.

    Parameters
    ----------
    session : Session

    Examples
    --------
    >>> import pandas as pd
    >>> from csinsight.views.labelling import Session
    >>> from csinsight.views.sample import sample_study
    >>> nothing = pd.DataFrame(columns=["conversation_id", "position", "buyer", "text"])
    >>> box = labeller(Session(sample_study(), "anna", ("greets", "recommends"), nothing))
    >>> [tick.description[0] for tick in box.children[1:3]]
    ['1', '2']
    """
    return Controls(session).box


class Controls:
    """The controls of one session; `box` is what Jupyter shows.

    Parameters
    ----------
    session : Session
    """

    def __init__(self, session: Session) -> None:
        import ipywidgets as w

        self.session, word = session, session.study.word
        self.text = w.HTML()
        self.ticks = [
            w.Checkbox(description=f"{n}  {told}", indent=False, layout=w.Layout(width="auto"))
            for n, told in enumerate(session.questions.values(), start=1)
        ]
        # Sent whole: key by key, a quick hand's last one came after its Enter.
        self.keys = w.Text(
            placeholder=word("label.keys"),
            continuous_update=False,
            layout=w.Layout(width="24rem"),
        )
        self._entered = False
        self.keys.on_msg(self._typed)
        self.keys.observe(self._written, "value")
        self.said = w.HTML()
        buttons = [
            self._button(word("label.next"), self._enter, "primary"),
            self._button(word("label.skip"), self._skip),
            self._button(word("label.back"), self._back),
        ]
        self.box = w.VBox([self.text, *self.ticks, w.HBox([self.keys, *buttons]), self.said])
        self._show()

    def _button(self, label: str, act: Callable[[], None], style: str = "") -> Any:
        import ipywidgets as w

        button = w.Button(description=label, button_style=style)
        button.on_click(lambda _: self._try(act))
        return button

    def _typed(self, _: object, content: dict[str, Any], __: object) -> None:
        if content.get("event") == "submit":
            self._entered = True
            self._written()

    def _written(self, _: object = None) -> None:
        """Take what is written once Enter was pressed: either may be told first."""
        if self._entered and self.keys.value.strip():
            self._try(self._enter)

    def _enter(self) -> None:
        typed, self._entered = self.keys.value.strip().lower(), False
        if typed in ("?", "？"):
            self._skip()
        elif typed == "b":
            self._back()
        else:
            self._tick(typed)
            self._save()

    def _tick(self, typed: str) -> None:
        numbers = typed.replace(",", " ").replace("，", " ").split()
        if typed.isdecimal() and len(self.ticks) < 10:
            numbers = list(typed)
        if numbers == ["0"]:
            for tick in self.ticks:
                tick.value = False
            return
        wrong = [n for n in numbers if not (n.isdecimal() and 1 <= int(n) <= len(self.ticks))]
        if wrong:
            raise CsinsightError(self.session.study.word("label.wrong", typed=wrong[0]))
        if numbers:
            for place, tick in enumerate(self.ticks, start=1):
                tick.value = str(place) in numbers

    def _try(self, act: Callable[[], None]) -> None:
        """Do what was asked; what went wrong is said below, and the line stays."""
        try:
            act()
        except CsinsightError as error:
            self.said.value = f"<b>{html.escape(str(error))}</b>"
            return
        self._show()

    def _save(self) -> None:
        names = [
            name
            for name, tick in zip(self.session.behaviours, self.ticks, strict=True)
            if tick.value
        ]
        if self.session.lines():
            self.session.save(names)

    def _skip(self) -> None:
        self.session.skip()

    def _back(self) -> None:
        self.session.back()

    def _show(self) -> None:
        session, word = self.session, self.session.study.word
        lines = session.lines()
        self.keys.value = ""
        shown = session.shown
        for name, tick in zip(session.behaviours, self.ticks, strict=True):
            tick.value, tick.disabled = name in shown, not lines
        self.text.value = "".join(self._line(*told) for told in map(_parts, lines))
        told = {"done": session.done, "all": len(session.items)}
        self.said.value = html.escape(word("label.progress" if lines else "label.finished", **told))

    def _line(self, sender: str, text: str, asked: bool) -> str:
        group = "block" if sender in ("buyer", "agent") else "label"
        who = html.escape(self.session.study.word(f"{group}.{sender}"))
        colour = "#2a6f97;background:#2a6f9718;font-weight:600" if asked else "transparent"
        return f'<div style="{_STYLE} {colour}">{who}: {html.escape(text)}</div>'


def _parts(line: Any) -> tuple[str, str, bool]:
    sender = line.sender if line.sender in ("buyer", "agent") else "other"
    return sender, line.text, bool(line.asked)
