"""The coaching library: for every behaviour and rule, what to say, how to practise.

The text is a shop's to edit (``params/coaching.yml``); this file reads it and holds it to its
promises: nothing missing in either language, and nothing in it that a platform forbids.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from csinsight.behaviours.advice_form import Advice, Line, breaks_rules, texts_of
from csinsight.config import load
from csinsight.contract.domain import BEHAVIOURS
from csinsight.errors import ConfigError
from csinsight.params import LANGS, Lang, shipped


class Playbook(BaseModel):
    """How to serve one buyer type or tier, in one language."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    know_by: Line
    do: Annotated[list[Line], Field(min_length=2, max_length=4)]
    avoid: Annotated[list[Line], Field(min_length=1, max_length=3)]
    phrases: Annotated[list[Line], Field(min_length=2, max_length=3)]


class Phrase(BaseModel):
    """What slips out in everyday words, and what a professional says."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    say_not: Line
    say: Line


class Rung(BaseModel):
    """A step of the training of newcomers: when, what to learn and practise, when to go on."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    when: Annotated[str, Field(min_length=2)]
    learn: Line
    practise: Line
    ready: Line


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    behaviours: dict[str, dict[Lang, Advice]]
    buyers: dict[str, dict[Lang, Playbook]]
    tempers: dict[str, dict[Lang, Playbook]]
    everyday: list[dict[Lang, Phrase]]
    ladder: list[dict[Lang, Rung]]


@dataclass(frozen=True)
class Library:
    """The library in one language.

    Parameters
    ----------
    lang : {"zh", "en"}
    behaviours : dict of str to Advice
        By id of a behaviour or rule.
    buyers : dict of str to Playbook
        By id of a buyer type or value tier.
    tempers : dict of str to Playbook
        By a temper's name, such as ``hesitant``.
    everyday : list of Phrase
    ladder : list of Rung
        From a newcomer's first day on.
    """

    lang: Lang
    behaviours: dict[str, Advice]
    buyers: dict[str, Playbook]
    tempers: dict[str, Playbook]
    everyday: list[Phrase]
    ladder: list[Rung]

    def phrases(self) -> list[str]:
        """Return every line that an agent might say as it stands."""
        guides = [*self.buyers.values(), *self.tempers.values()]
        said = [line for advice in self.behaviours.values() for line in advice.phrases]
        said += [line for guide in guides for line in guide.phrases]
        return [*said, *(phrase.say for phrase in self.everyday)]


def load_library(lang: Lang, file: Path | None = None) -> Library:
    """Read the coaching library in one language.

    Parameters
    ----------
    lang : {"zh", "en"}
    file : Path or None
        None for the one that ships with the package.

    Raises
    ------
    ConfigError
        Where the file can't be read, an entry is missing or wrong, or a line breaks a platform's
        rules.

    Examples
    --------
    >>> load_library("en") != load_library("zh")
    True
    """
    path = file or shipped("params", "coaching.yml")
    content = load(path, _File)
    _check(content, path)
    return Library(
        lang,
        {name: entry[lang] for name, entry in content.behaviours.items()},
        {name: entry[lang] for name, entry in content.buyers.items()},
        {name: entry[lang] for name, entry in content.tempers.items()},
        [entry[lang] for entry in content.everyday],
        [entry[lang] for entry in content.ladder],
    )


def _check(content: _File, path: Path) -> None:
    faults = [f"no entry for {b}: add one" for b in BEHAVIOURS if b not in content.behaviours]
    faults += [
        f"{b} is no behaviour: take it out" for b in content.behaviours if b not in BEHAVIOURS
    ]
    numbered = {
        f"{section} {number}": entry
        for section in ("everyday", "ladder")
        for number, entry in enumerate(getattr(content, section), start=1)
    }
    for section in (content.behaviours, content.buyers, content.tempers, numbered):
        for name, entry in section.items():
            faults += [f"{name}: {lang} is missing" for lang in LANGS if lang not in entry]
            faults += [
                f"{name}: this breaks platform rules: {text!r}"
                for advice in entry.values()
                for text in texts_of(advice)
                if breaks_rules(text)
            ]
    if faults:
        raise ConfigError(f"{path}: " + "; ".join(faults))
