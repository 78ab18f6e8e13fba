"""Controls around `csinsight.views.labelling`, for Jupyter: by mouse, or by keyboard alone."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Any

from csinsight.errors import CsinsightError
from csinsight.views.labelling import Session

_STYLE = "padding:.2em .6em;margin:.1em 0;border-left:3px solid"


def labeller(session: Session) -> Any:
    """Return controls that show one line after the other and write what is ticked.

    In the field below the ticks a reader may type instead: the numbers of what the line shows (or
    nothing), then Enter. ``b`` goes back, ``?`` leaves the line for another time.

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
        self.keys = w.Text(placeholder=word("label.keys"), layout=w.Layout(width="24rem"))
        self.keys.on_msg(self._typed)
        self.said = w.HTML()
        buttons = [
            self._button(word("label.next"), self._save, "primary"),
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
            self._try(self._enter)

    def _enter(self) -> None:
        typed = self.keys.value.strip().lower()
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
