"""Controls around `csinsight.views.explore`, for Jupyter: everything works without a network."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pandas as pd

from csinsight.contract.artifacts import BuyerTypes, Conversations, own_in
from csinsight.contract.domain import BEHAVIOURS, BUYER_TYPES, CATEGORIES, TIMINGS
from csinsight.features.months import month_of
from csinsight.views import explore
from csinsight.views.study import Study

_C = Conversations
#: Columns of the list of talks.
LISTED = (_C.CONVERSATION_ID, _C.STARTED_AT, _C.AGENT_ID, _C.CATEGORY, "type", "tier", _C.PAID)


def work_offline() -> None:
    """Put the script of `interactive` tables into the notebook: no server is asked for it."""
    from itables import init_notebook_mode

    init_notebook_mode(all_interactive=False, connected=False)


def interactive(frame: pd.DataFrame) -> Any:
    """Return a table to sort, search and page in, whose script lies in the notebook itself."""
    from IPython.display import HTML
    from itables import to_html_datatable

    return HTML(to_html_datatable(frame, connected=False))  # type: ignore[no-untyped-call]


def browser(study: Study, *, most: int = 500) -> Any:
    """Return controls that pick talks and show one of them, masked.

    Parameters
    ----------
    study : Study
    most : int
        At most so many talks are listed.
    """
    import ipywidgets as w

    found = explore.talks(study)
    known = (*BEHAVIOURS, *own_in(found))
    shown = (name for name in known if name in found and name not in TIMINGS)
    chosen = {
        "behaviour": _choice("Behaviour", shown),
        "shown": w.ToggleButtons(options={"shown": True, "missed": False}, description="It was"),
        "category": _choice("Category", CATEGORIES),
        "type": _choice("Type", BUYER_TYPES),
        "outcome": _choice("Outcome", explore.OUTCOMES),
        "agent_id": _choice("Agent", sorted(found[_C.AGENT_ID].dropna().unique())),
    }
    talk = w.Dropdown(description="Read", layout=w.Layout(width="32rem"))

    def listed(**told: Any) -> None:
        rows = explore.pick(found, **told)
        some = rows.head(most)
        talk.options = [("", None), *zip(_named(some), some[_C.CONVERSATION_ID], strict=True)]
        _show(w.Label(f"{len(rows)} of {len(found)} talks"))
        _show(some[[column for column in LISTED if column in some]])

    def read(talk: str | None) -> None:
        if talk is not None:
            _show(explore.read(study, talk))

    table = w.interactive_output(listed, chosen)
    return w.VBox([_rows(chosen.values()), table, talk, w.interactive_output(read, {"talk": talk})])


def comparison(study: Study) -> Any:
    """Return controls that set two agents, or two months, side by side."""
    import ipywidgets as w

    found = explore.talks(study)
    agents = sorted(found[_C.AGENT_ID].dropna().unique())
    months = sorted(month_of(found).dropna().dt.strftime("%Y-%m").unique())
    tabs = [
        _pair(lambda a, b: explore.compare(found, _C.AGENT_ID, [a, b]), agents),
        _pair(lambda a, b: explore.compare(found, "month", [a, b]), months),
    ]
    return w.Tab(children=tabs, titles=("Two agents", "Two months"))


def thresholds(study: Study) -> Any:
    """Return sliders that try other thresholds and show how types and tiers would move."""
    import ipywidgets as w

    def slider(name: str, value: float) -> Any:
        told = {"min": 0.0, "max": 0.95, "step": 0.01, "continuous_update": False}
        return w.FloatSlider(value=value, description=name, **told)

    made, params = [], study.context.params
    if (buyers := study.read_or_none(BuyerTypes.NAME)) is not None:
        asked = {"confidence": slider("confidence", params.type_confidence)}
        made.append(_panel(lambda **told: explore.types_at(buyers, **told), asked))
    if study.has("value_tiers"):
        shares = ("vip_share", "core_share", "potential_share")
        asked = {name: slider(name, getattr(params, name)) for name in shares}
        made.append(_panel(lambda **told: explore.tiers_at(study, **told), asked))
    return w.VBox(made)


def _pair(made: Callable[[str, str], pd.DataFrame], values: list[str]) -> Any:
    import ipywidgets as w

    first = w.Dropdown(options=values, index=0 if values else None)
    second = w.Dropdown(options=values, index=len(values) - 1 if values else None)
    return _panel(lambda a, b: made(a, b) if a and b else pd.DataFrame(), {"a": first, "b": second})


def _panel(made: Callable[..., pd.DataFrame], asked: dict[str, Any]) -> Any:
    import ipywidgets as w

    output = w.interactive_output(lambda **told: _show(made(**told)), asked)
    return w.VBox([_rows(asked.values()), output])


def _choice(label: str, values: Iterable[str]) -> Any:
    import ipywidgets as w

    return w.Dropdown(options=[("any", None), *((v, v) for v in values)], description=label)


def _named(rows: pd.DataFrame) -> list[str]:
    days = rows[_C.STARTED_AT].dt.strftime("%Y-%m-%d").fillna("")
    named = zip(days, rows[_C.AGENT_ID].fillna(""), rows[_C.CONVERSATION_ID], strict=True)
    return [" ".join(map(str, parts)) for parts in named]


def _rows(controls: Iterable[Any]) -> Any:
    import ipywidgets as w

    return w.HBox(list(controls), layout=w.Layout(flex_flow="row wrap"))


def _show(thing: Any) -> None:
    from IPython.display import display

    display(interactive(thing) if isinstance(thing, pd.DataFrame) else thing)  # type: ignore[no-untyped-call]
