"""Controls around `csinsight.views.explore`, for Jupyter: everything works without a network.

Everything is labelled in the report's language, and agents by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import pandas as pd

from csinsight.contract.artifacts import BuyerTypes, Conversations, ValueTiers, own_in
from csinsight.contract.domain import BEHAVIOURS, BUYER_TYPES, CATEGORIES, TIMINGS
from csinsight.features.months import month_of
from csinsight.render import theme
from csinsight.views import explore
from csinsight.views.labels import sorted_names
from csinsight.views.study import Study

_C = Conversations
#: Texts of DataTables itself, by its names for them.
_TABLE_TEXTS: Final = (
    "search",
    "lengthMenu",
    "info",
    "infoEmpty",
    "infoFiltered",
    "zeroRecords",
    "emptyTable",
)
#: Columns of `explore.compare` for one value, and the word of each.
_COMPARED: Final = {"": "share", " low": "low", " high": "high", " n": "n"}


def work_offline() -> None:
    """Put the script of `interactive` tables into the notebook: no server is asked for it.

    Examples
    --------
    >>> work_offline()  # in Jupyter the scripts themselves, which show nothing
    <IPython.core.display.HTML object>
    <IPython.core.display.HTML object>
    """
    from itables import init_notebook_mode

    init_notebook_mode(all_interactive=False, connected=False)


def interactive(frame: pd.DataFrame) -> Any:
    """Return a table to sort, search and page in, whose script lies in the notebook itself.

    Examples
    --------
    >>> "<table" in interactive(pd.DataFrame({"n": [1]})).data
    True
    """
    from IPython.display import HTML
    from itables import to_html_datatable

    texts = {name: theme.words().word(f"explore.table.{name}") for name in _TABLE_TEXTS}
    made = to_html_datatable(frame, connected=False, showIndex=False, language=texts)
    return HTML(made)  # type: ignore[no-untyped-call]


def browser(study: Study, *, most: int = 500) -> Any:
    """Return controls that pick conversations and show one of them, masked.

    Parameters
    ----------
    study : Study
    most : int
        At most so many conversations are listed.

    Examples
    --------
    >>> from contextlib import redirect_stdout
    >>> from io import StringIO
    >>> from csinsight.views.sample import sample_study
    >>> with redirect_stdout(StringIO()):  # outside of Jupyter what it lists is printed
    ...     controls = browser(sample_study())
    >>> [option for option, _ in controls.children[0].children[-1].options][:2]
    ['any', '阿宁']
    """
    import ipywidgets as w

    found, word = explore.conversations(study), study.word
    known = (*BEHAVIOURS, *own_in(found))
    shown = [name for name in known if name in found and name not in TIMINGS]
    agents = _agents(study, found)
    chosen = {
        "behaviour": _choice(study, "behaviour", study.words.names("behaviour", shown)),
        "shown": w.ToggleButtons(
            options={word("explore.shown"): True, word("explore.missed"): False},
            description=word("explore.it_was"),
        ),
        "category": _choice(study, "category", study.words.names("category", CATEGORIES)),
        "type": _choice(study, "type", study.words.names("type", BUYER_TYPES)),
        "outcome": _choice(study, "outcome", study.words.names("explore.ended", explore.OUTCOMES)),
        "agent_id": _choice(study, "agent", agents),
    }
    one = w.Dropdown(description=word("explore.read"), layout=w.Layout(width="36rem"))

    def listed(**told: Any) -> None:
        rows = explore.pick(found, **told)
        some = rows.head(most)
        one.options = [("", None), *zip(_named(study, some), some[_C.CONVERSATION_ID], strict=True)]
        _show(w.Label(word("explore.listed", n=len(rows), of=len(found))))
        _show(explore.named(study, some))

    def read(one: str | None) -> None:
        if one is not None:
            _show(explore.read(study, one))

    table = w.interactive_output(listed, chosen)
    return w.VBox([_rows(chosen.values()), table, one, w.interactive_output(read, {"one": one})])


def comparison(study: Study) -> Any:
    """Return controls that set two agents, or two months, side by side.

    Examples
    --------
    >>> from contextlib import redirect_stdout
    >>> from io import StringIO
    >>> from csinsight.views.sample import sample_study
    >>> with redirect_stdout(StringIO()):  # outside of Jupyter the comparison is printed
    ...     controls = comparison(sample_study())
    >>> controls.titles
    ('Two agents', 'Two months')
    """
    import ipywidgets as w

    found = explore.conversations(study)
    agents = _agents(study, found)
    months = sorted(month_of(found).dropna().dt.strftime("%Y-%m").unique())
    tabs = [
        _pair(study, found, _C.AGENT_ID, agents),
        _pair(study, found, "month", {month: study.words.month(month) for month in months}),
    ]
    titles = tuple(study.word(f"explore.{name}") for name in ("two_agents", "two_months"))
    return w.Tab(children=tabs, titles=titles)


def thresholds(study: Study) -> Any:
    """Return sliders that try other thresholds and show how types and tiers would move.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> thresholds(sample_study()).children  # without types and tiers there is nothing to move
    ()
    """
    import ipywidgets as w

    def slider(name: str) -> Any:
        return w.FloatSlider(
            value=getattr(study.context.params, name),
            description=study.word(f"explore.{name}"),
            min=0.0,
            max=0.95,
            step=0.01,
            continuous_update=False,
            style={"description_width": "initial"},
        )

    def moved(frame: pd.DataFrame, group: str) -> pd.DataFrame:
        frame[group] = frame[group].map(lambda name: study.word(f"{group}.{name}"))
        return _headed(study, frame)

    made = []
    if (buyers := study.read_or_none(BuyerTypes.NAME)) is not None:
        asked = {"confidence": slider("type_confidence")}
        made.append(_panel(lambda **told: moved(explore.types_at(buyers, **told), "type"), asked))
    if study.has(ValueTiers.NAME):
        asked = {name: slider(name) for name in ("vip_share", "core_share", "potential_share")}
        made.append(_panel(lambda **told: moved(explore.tiers_at(study, **told), "tier"), asked))
    return w.VBox(made)


def _pair(study: Study, found: pd.DataFrame, column: str, values: Mapping[str, str]) -> Any:
    """Return two lists of the `values`, by id their names, and the comparison of those chosen."""
    import ipywidgets as w

    def compared(a: str | None, b: str | None) -> pd.DataFrame:
        if a is None or b is None or a == b:
            return pd.DataFrame({study.word("explore.column_what"): []})
        table = explore.compare(found, column, [a, b])
        table["what"] = [_figure(study, str(name)) for name in table["what"]]
        names = {
            f"{value}{end}": f"{values[value]} {study.word(f'explore.compared_{word}')}"
            for value in (a, b)
            for end, word in _COMPARED.items()
        }
        return _headed(study, table.rename(columns=names))

    options = [(name, value) for value, name in values.items()]
    first = w.Dropdown(options=options, index=0 if options else None)
    second = w.Dropdown(options=options, index=len(options) - 1 if options else None)
    return _panel(compared, {"a": first, "b": second})


def _figure(study: Study, name: str) -> str:
    # Plain shares of every inquiry, which are no conversion of page 03, have names of their own.
    return study.word(
        f"explore.plain_{name}" if name in (_C.PAID, _C.ORDERED) else f"behaviour.{name}"
    )


def _headed(study: Study, frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table of `explore` with its own columns' names in the report's language."""
    own = ("what", "type", "tier", "run", "now", "change")
    return frame.rename(columns={name: study.word(f"explore.column_{name}") for name in own})


def _panel(made: Callable[..., pd.DataFrame], asked: dict[str, Any]) -> Any:
    import ipywidgets as w

    output = w.interactive_output(lambda **told: _show(made(**told)), asked)
    return w.VBox([_rows(asked.values()), output])


def _agents(study: Study, found: pd.DataFrame) -> dict[str, str]:
    ids = sorted_names(study, found[_C.AGENT_ID].dropna().unique())
    names = [study.agent_name(agent) for agent in ids]
    # Two of one name are told apart by their ids.
    return {
        agent: name if names.count(name) == 1 else f"{name} ({agent})"
        for agent, name in zip(ids, names, strict=True)
    }


def _choice(study: Study, label: str, values: Mapping[str, str]) -> Any:
    import ipywidgets as w

    options = [
        (study.word("explore.any"), None),
        *((name, value) for value, name in values.items()),
    ]
    return w.Dropdown(options=options, description=study.word(f"explore.{label}"))


def _named(study: Study, rows: pd.DataFrame) -> list[str]:
    days = rows[_C.STARTED_AT].dt.strftime("%Y-%m-%d").fillna("")
    agents = rows[_C.AGENT_ID].map(study.agent_name)
    return [" ".join(parts) for parts in zip(days, agents, rows[_C.CONVERSATION_ID], strict=True)]


def _rows(controls: Iterable[Any]) -> Any:
    import ipywidgets as w

    return w.HBox(list(controls), layout=w.Layout(flex_flow="row wrap"))


def _show(thing: Any) -> None:
    from IPython.display import display

    display(interactive(thing) if isinstance(thing, pd.DataFrame) else thing)  # type: ignore[no-untyped-call]
