"""A shop's own file, ``behaviours.yml``: behaviours without code, and words for built-in markers.

A behaviour of the shop's own is read by its words, as the rules of the lexicons are, and then
stands wherever a built-in one does. The file is held to its own examples: it is not read by a run
that would not read them as they say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl
from pydantic import BaseModel

from csinsight.behaviours.advice_form import breaks_rules, texts_of
from csinsight.behaviours.lexicon import (
    Compiler,
    Lexicon,
    built_in_fragments,
    check_names,
    load_lexicon,
)
from csinsight.behaviours.lexicon_form import BEFORE, EVERY, Example, Own, Words
from csinsight.behaviours.opportunities import MADE_BY, NO, WAITED
from csinsight.behaviours.table import mark_table
from csinsight.config import Yaml, did_you_mean, load, read_yaml
from csinsight.contract.artifacts import AgentSessions, Conversations
from csinsight.contract.domain import BEHAVIOURS, NOTED, TURN_MARKERS, own_path
from csinsight.contract.schema import Messages
from csinsight.errors import ConfigError

_ID: Final = re.compile(r"[a-z][a-z0-9_]{2,39}")
#: Lists that hold names of markers, and not patterns.
_NAMES: Final = ("voided_by", "opportunity", "after_buyer", "not_after_buyer")
#: Ends that tables of csinsight give their columns.
_ENDINGS: Final = ("_turn", "_low", "_high", "_at", "_id", "_numerator", "_denominator")


def read_own(path: Path) -> Own:
    """Return what a ``behaviours.yml`` holds, checked against the lexicons and its own examples.

    Parameters
    ----------
    path : Path

    Raises
    ------
    ConfigError
        A line for each fault: file, line, what is wrong, and the mend.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "behaviours.yml"
    ...     _ = path.write_text("additions: {greets: {patterns: [哈喽亲]}}", encoding="utf-8")
    ...     list(read_own(path).additions)
    ['greets']
    """
    own = load(path, Own)
    faults = list(_Check(read_yaml(path), own).faults())
    if faults:
        raise ConfigError("\n".join(faults))
    return own


def own_of(folder: Path) -> Own:
    """Return what the shop whose tables lie in `folder` has of its own; see `read_own`.

    Examples
    --------
    >>> own_of(Path("a folder without a behaviours.yml")) == Own()
    True
    """
    path = own_path(folder)
    return read_own(path) if path else Own()


@dataclass(frozen=True)
class _Check:
    file: Yaml
    own: Own

    def faults(self) -> Iterator[str]:
        built_in = load_lexicon(reader="rules")
        found = [*self._ids(built_in), *self._additions(built_in)]
        found += [*self._words(built_in), *self._opportunities(built_in), *self._advice()]
        # What the words say is told once they can be read.
        yield from found or self._examples(load_lexicon(self.own, reader="rules"))

    def _at(self, *place: str | int) -> str:
        line = self.file.line(place)
        return f"{self.file.path}{f', line {line}' if line else ''}"

    def _sections(self) -> Iterator[tuple[str, str, Words]]:
        for section, entries in (
            ("opportunities", self.own.opportunities),
            ("behaviours", self.own.behaviours),
        ):
            for name, words in entries.items():
                yield section, name, words

    def _ids(self, built_in: Lexicon) -> Iterator[str]:
        taken = {*BEHAVIOURS, *NOTED, *built_in.markers}
        columns = {*_columns(Conversations), *_columns(AgentSessions), *_columns(Messages)}
        columns |= {"type", "tier", "outcome", "behaviour", "turn_no", "position", "label", "agent"}
        columns |= {"before_outcome", "fell_silent", "waited_long", "stayed_unpaid", "month"}
        for section, name, _ in self._sections():
            at = self._at(section, name)
            if not _ID.fullmatch(name) or name.endswith(_ENDINGS):
                yield (
                    f"{at}: `{name}` can't be an id; write small letters, digits and _, 3 to 40 "
                    f"signs, a letter first, and end it otherwise than in {', '.join(_ENDINGS)}"
                )
            elif name in taken:
                yield f"{at}: `{name}` is built in; take another id, or put words in `additions`"
            elif name in columns or (name in self.own.opportunities and section == "behaviours"):
                yield f"{at}: `{name}` names something else already; take another id"

    def _additions(self, built_in: Lexicon) -> Iterator[str]:
        for name, words in self.own.additions.items():
            place = ("additions", name)
            if name not in built_in.markers:
                near = did_you_mean(name, built_in.markers, otherwise="see docs/own-behaviours.md")
                yield f"{self._at(*place)}: there is no built-in marker `{name}`; {near}"
            yield from self._patterns(place, words)

    def _words(self, built_in: Lexicon) -> Iterator[str]:
        # What is built in keeps its name: of who takes it nothing else is told.
        every = self.own.markers | dict(built_in.markers)
        for section, name, words in self._sections():
            if name in built_in.markers:
                continue
            at, marker = self._at(section, name), self.own.markers[name]
            if faults := list(self._patterns((section, name), words)):
                yield from faults
                continue
            before = any(rule.after_buyer or rule.not_after_buyer for rule in words.rules)
            if before and section == "opportunities":
                yield f"{at}: `after_buyer` is for `behaviours`; leave it out of `opportunities`"
            try:
                check_names({**every, name: marker}, dict.fromkeys(every, at))
                Compiler(at, name, built_in_fragments()).rules(marker)
            except ConfigError as error:
                yield str(error)

    def _patterns(self, place: tuple[str | int, ...], words: BaseModel) -> Iterator[str]:
        """Yield a fault for each pattern that can't be read, at its own line."""
        for key, value in words:
            if isinstance(value, BaseModel) or not isinstance(value, list):
                continue
            for number, one in enumerate(value):
                here = (*place, key, number)
                if isinstance(one, BaseModel):
                    yield from self._patterns(here, one)
                elif key not in _NAMES:
                    inner = [one] if isinstance(one, str) else one
                    try:
                        compiler = Compiler(self._at(*here), str(place[1]), built_in_fragments())
                        compiler.join(inner, key)
                    except ConfigError as error:
                        yield str(error)

    def _opportunities(self, built_in: Lexicon) -> Iterator[str]:
        buyer = [*built_in.ids("buyer"), *self.own.opportunities, WAITED, NO]
        known = [EVERY, BEFORE, *TURN_MARKERS, *buyer]
        for name, own in self.own.behaviours.items():
            told = [own.opportunity] if isinstance(own.opportunity, str) else own.opportunity
            at = self._at("behaviours", name, "opportunity")
            if not told:
                yield f"{at}: `{name}` needs an opportunity; write {EVERY} or name one"
            for one in told:
                if one not in known:
                    yield f"{at}: there is no opportunity `{one}`; {did_you_mean(one, known)}"
            alone = [EVERY, BEFORE, *(n for n in TURN_MARKERS if n not in MADE_BY)]
            if len(told) > 1 and (wide := [one for one in told if one in alone]):
                yield f"{at}: `{wide[0]}` holds the others; write it alone"

    def _advice(self) -> Iterator[str]:
        for name, own in self.own.behaviours.items():
            for lang in ("zh", "en"):
                for text in texts_of(getattr(own.coaching, lang)):
                    if breaks_rules(text):
                        at = self._at("behaviours", name, "coaching", lang)
                        yield f"{at}: this breaks platform rules: {text!r}; say it otherwise"

    def _examples(self, lexicon: Lexicon) -> Iterator[str]:
        rows: list[tuple[str, str, str]] = []
        cases: list[tuple[tuple[str | int, ...], str, bool]] = []
        for section, name, words in self._sections():
            for key, wanted in (("match", True), ("no_match", False)):
                for number, example in enumerate(getattr(words.examples, key)):
                    one = Example(text=example) if isinstance(example, str) else example
                    side = self.own.markers[name].side
                    talk = str(len(cases))
                    if one.buyer and side == "agent":
                        rows.append((talk, "buyer", one.buyer))
                    rows.append((talk, side, one.text))
                    cases.append(((section, name, "examples", key, number), one.text, wanted))
        if not rows:
            return
        names = list(self.own.markers)
        frame = pl.DataFrame(rows, ["conversation_id", "sender", "text"], orient="row")
        marked = mark_table(frame, lexicon, names)
        last = marked.group_by("conversation_id", maintain_order=True).last()
        for row, (place, text, wanted) in zip(last.iter_rows(named=True), cases, strict=True):
            if row[str(place[1])] is not wanted:
                does = "does not show" if wanted else "shows"
                yield (
                    f"{self._at(*place)}: by its words the example {text!r} {does} "
                    f"`{place[1]}`; change the words, or move the example"
                )


def _columns(table: type) -> set[str]:
    return {value for value in vars(table).values() if isinstance(value, str)}
