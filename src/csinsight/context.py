"""The month's context: everything that its figures depend on besides the shop's tables.

A run makes it once from its parameters and writes it into its folder; whoever opens the run later,
a notebook or an analyst, reads it there. So no page fills in a default of its own, and a report
made a year ago still knows the KPI profile and the lexicon that it was made with.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, PrivateAttr, ValidationError

from csinsight.behaviours.alerts import Alert, alerts_of
from csinsight.behaviours.conversations import ChatSource
from csinsight.behaviours.lexicon import Lexicon, load_lexicon
from csinsight.behaviours.lexicon_form import Own
from csinsight.behaviours.model_reader import ModelReading, load_model_reader
from csinsight.behaviours.own import own_of
from csinsight.behaviours.profiles import KpiProfile, imported_from, profile_of
from csinsight.coaching.plan import Limits
from csinsight.contract.files import write_text
from csinsight.engine import Shop, open_shop
from csinsight.errors import ConfigError
from csinsight.features.frames import ConversationRules
from csinsight.params import AUTO_PROFILE, RunParams, load_params, month_end, month_start
from csinsight.segments.options import TierOptions, TypeOptions
from csinsight.segments.signatures import Signatures, signatures_of

CONTEXT_FILE: Final = "context.json"
Options = TypeVar("Options", TypeOptions, TierOptions, Limits)


class MonthContext(BaseModel):
    """Parameters of a run and what they name, as they were when the run was made.

    Parameters
    ----------
    params : RunParams
    profile : KpiProfile
        The one that ``kpi_profile`` names.
    imported : str or None
        The profile of what the shop's chats, or else its orders, were imported from.
    own : Own
        The shop's own behaviours, and what it adds to the lexicons.
    alerts : tuple of Alert
        Thresholds of the shop that the brief raises an alarm at.
    model : ModelReading or None
        What a model of the shop's own choosing reads in this run.
    signatures : Signatures
        Those that fit the shop's tables.

    Examples
    --------
    >>> from csinsight.segments.signatures import load_signatures
    >>> context = MonthContext.of(RunParams(month="2026-10"), load_signatures())
    >>> context.as_of
    datetime.datetime(2026, 11, 1, 0, 0)
    >>> context.changed(conversation_gap_hours=6.0).rules.gap_hours
    6.0
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    params: RunParams
    profile: KpiProfile
    imported: str | None = None
    own: Own = Own()
    alerts: tuple[Alert, ...] = ()
    model: ModelReading | None = None
    _run: Path | None = PrivateAttr(None)
    signatures: Signatures

    @classmethod
    def of(
        cls, params: RunParams, signatures: Signatures, folder: Path | None = None
    ) -> MonthContext:
        """Return the context of `params`, and of what the shop in `folder` has of its own."""
        imported = imported_from(folder) if folder else None
        return cls(
            params=params,
            profile=profile_of(
                params.kpi_profile, folder, imported=imported, currency=params.currency
            ),
            imported=imported,
            own=own_of(folder) if folder else Own(),
            alerts=tuple(alerts_of(folder)),
            signatures=signatures,
        )

    def changed(self, **given: Any) -> MonthContext:
        """Return the context with some parameters as `given`, checked as those of a run.

        Raises
        ------
        ConfigError
            Where a value is not one that a run could have.
        """
        params = load_params(None, **(self.params.model_dump() | given))
        profile, by = self.profile, {"kpi_profile"}
        if params.kpi_profile == AUTO_PROFILE:
            by.add("currency")
        if any(getattr(params, name) != getattr(self.params, name) for name in by):
            profile = profile_of(
                params.kpi_profile, imported=self.imported, currency=params.currency
            )
        return self.model_copy(update={"params": params, "profile": profile})

    def only(self, names: Iterable[str]) -> MonthContext:
        """Return the context as a notebook sees it that takes just the parameters `names`.

        To ask it for another parameter is an error: a figure could change with it while the
        notebook's step, which does not know it, counts as done.
        """
        told = {name: getattr(self.params, name) for name in names}
        return self.model_copy(update={"params": _OnlyThese.of(told)})

    @cached_property
    def as_of(self) -> datetime:
        """The first moment after the month; nothing at or after it is used."""
        return month_end(self.params.month)

    @cached_property
    def start(self) -> datetime:
        """The first moment of the month."""
        return month_start(self.params.month)

    @cached_property
    def rules(self) -> ConversationRules:
        """How messages become conversations with an outcome and with timings."""
        return self.profile.rules(
            gap_hours=self.params.conversation_gap_hours,
            conversion_window_hours=self.params.conversion_window_hours,
            payment_window_hours=self.params.payment_window_hours,
            pre_chat_hours=self.params.pre_chat_hours,
            look_back_days=self.params.page_view_days,
        )

    @cached_property
    def lexicon(self) -> Lexicon:
        """The lexicons with what is the shop's own laid over them, and the reader told for."""
        params, official = self.params, self.profile.official
        lexicon = load_lexicon(self.own, reader=params.reader, official=official)
        taken = self.model.taken if self.model and params.reader == "llm" else ()
        if self._run is None or not taken:
            return lexicon
        return replace(lexicon, model=load_model_reader(self._run, taken))

    @property
    def conversation_months(self) -> int:
        """How many months of conversations the run reads: for trends and for drivers."""
        params = self.params
        return max(params.trend_months, params.driver_months, params.evidence_months)

    def chats(self, shop: Shop, months: int | None = None) -> ChatSource:
        """Return the chats of a shop's last `months`, all that the run reads unless told."""
        months = months or self.conversation_months
        return ChatSource(shop, self.as_of, months, self.rules, self.lexicon)

    @cached_property
    def types(self) -> TypeOptions:
        """How buyer types are read."""
        params = self.params
        return self._options(
            TypeOptions,
            signatures=self.signatures,
            gap_hours=params.conversation_gap_hours,
            min_pages=params.type_min_pages,
            confidence=params.type_confidence,
        )

    @cached_property
    def tiers(self) -> TierOptions:
        """How value tiers are cut."""
        return self._options(TierOptions)

    @cached_property
    def limits(self) -> Limits:
        """What has to be there before anybody is told anything."""
        return self._options(Limits, months=self.params.driver_months)

    def _options(self, options: type[Options], **given: Any) -> Options:
        """Return `options` with what is `given`; the rest are the parameters of the same names."""
        rest = [field.name for field in fields(options) if field.name not in given]
        return options(**given, **{name: getattr(self.params, name) for name in rest})

    def write(self, run: Path) -> None:
        """Write the context into the folder of its run."""
        write_text(run / CONTEXT_FILE, self.model_dump_json(indent=1) + "\n")


def context_of(run: Path, data: Path, params: RunParams | None = None) -> MonthContext:
    """Return the context that a run has written, or, where none has, that of `params`.

    Parameters
    ----------
    run : Path
        ``runs/SHOP/MONTH``.
    data : Path
        Folder of the contract tables; opened only where no context was written, to say which
        signatures fit.
    params : RunParams, optional
        The defaults unless told.

    Raises
    ------
    ConfigError
        Where the file is not one that this version has written.

    Examples
    --------
    >>> import tempfile
    >>> from csinsight.sample import sample_context, sample_shop
    >>> with tempfile.TemporaryDirectory() as name:
    ...     sample_context(conversation_gap_hours=6.0).write(Path(name))
    ...     context_of(Path(name), sample_shop()).rules.gap_hours
    6.0
    """
    file = run / CONTEXT_FILE
    if not file.is_file():
        return MonthContext.of(params or RunParams(), signatures_of(open_shop(data)), data)
    try:
        context = MonthContext.model_validate_json(file.read_text(encoding="utf-8"))
    except ValidationError as error:
        what = error.errors()[0]
        place = ".".join(map(str, what["loc"]))
        raise ConfigError(f"{file}: {place}: {what['msg']}; make the run again") from error
    context._run = run
    return context


class _OnlyThese(RunParams):
    """Some parameters of a run; the others are not there."""

    @classmethod
    def of(cls, given: dict[str, Any]) -> _OnlyThese:
        params = cls.model_construct(**given)
        for name in set(RunParams.model_fields) - set(given):
            del params.__dict__[name]
        return params

    def __getattr__(self, name: str) -> Any:
        if name in RunParams.model_fields:
            raise ConfigError(
                f"this notebook does not take `{name}`: name it in `NOTEBOOKS` of "
                "csinsight/params.py and in the notebook's cell of parameters"
            )
        raise AttributeError(name)
