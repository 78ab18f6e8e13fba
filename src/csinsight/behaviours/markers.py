"""Marking messages: which behaviours a message shows, in one pass over all of them.

Canned replies: the same text as in many other conversations, where it does not answer.
"""

from __future__ import annotations

import functools
import itertools
import operator
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import narwhals as nw
import polars as pl

from csinsight.behaviours.lexicon import Compiled, Lexicon
from csinsight.behaviours.reader import BEFORE, RUN, TEXT
from csinsight.behaviours.word_search import Search, Words
from csinsight.contract.domain import CATEGORIES
from csinsight.contract.schema import Messages
from csinsight.engine import simplified
from csinsight.engine.frames import hold, hold_by_group, joined_lines, read_rows
from csinsight.features.frames import TURN_NO, Frame

#: Line breaks and tabs, so that `.` and `$` mean the same on every engine.
BREAKS: Final = "[\r\n\t\u0085\u2028\u2029]"
#: What a text is read by: its words, and whose they are.
_OWN: Final = [Messages.SENDER, Messages.TEXT]


def mark(messages: Frame, lexicon: Lexicon) -> Frame:
    """Add one nullable boolean column a marker of `lexicon`.

    Parameters
    ----------
    messages : narwhals.LazyFrame
        One row a message in NFKC, with `Messages` columns ``conversation_id``, ``sender``,
        ``text`` and ``turn_no`` (runs of one side; a buyer's run is one before the answer).
    lexicon : Lexicon

    Returns
    -------
    narwhals.LazyFrame
        The same rows, held (`csinsight.engine.frames.hold`). Agent-side columns are null on lines
        not by an agent, buyer-side columns null on lines not by a buyer. A message is judged by
        itself and the buyer's lines just before it (a buyer's by their own run), whatever else is
        in the table; where the lexicon has a reader that learns, what it decides is read by it (a
        buyer's line with the agent's turn and the buyer's before it), and the rest by the rules.

    Examples
    --------
    >>> import polars as pl
    >>> from csinsight.behaviours.lexicon import load_lexicon
    >>> lines = {"conversation_id": ["c1"] * 2, "sender": ["buyer", "agent"], "turn_no": [1, 2]}
    >>> table = nw.from_native(pl.LazyFrame(lines | {"text": ["在吗", "亲，您好"]}))
    >>> mark(table, load_lexicon(reader="rules")).sort("turn_no").collect()["greets"].to_list()
    [None, True]
    """
    # Held: a plan that needs the rows twice would have a reader read them twice.
    return hold_by_group(
        messages,
        Messages.CONVERSATION_ID,
        functools.partial(_mark_some, lexicon=lexicon),
        functools.partial(_texts_read, lexicon=lexicon),
    )


def _mark_some(messages: Frame, texts: Frame, lexicon: Lexicon) -> Frame:
    ruled = _by_rules(messages, texts, lexicon)
    if lexicon.reader is not None:
        ruled = read_rows(ruled, lexicon.reader.read, lexicon.reader.labels)
    if lexicon.model is not None:
        ruled = read_rows(ruled, lexicon.model.read, lexicon.model.labels)
    read_from = (TEXT, RUN, BEFORE, *map(asked, lexicon.ids("buyer")))
    return ruled.drop(*read_from, strict=False)


def by_rules(messages: Frame, lexicon: Lexicon) -> Frame:
    """Add one nullable boolean column a marker, by the rules alone, and what they were read from.

    Parameters
    ----------
    messages : narwhals.LazyFrame
        As for `mark`.
    lexicon : Lexicon

    Returns
    -------
    narwhals.LazyFrame
        As of `mark`, with `csinsight.behaviours.reader.TEXT` and, where the lexicon has a reader,
        ``RUN``, ``BEFORE`` and a column `asked` for each buyer-side marker.

    Examples
    --------
    >>> import polars as pl
    >>> from csinsight.behaviours.lexicon import load_lexicon
    >>> lines = {"conversation_id": ["c1"] * 2, "sender": ["buyer", "agent"], "turn_no": [1, 2]}
    >>> table = nw.from_native(pl.LazyFrame(lines | {"text": ["可以便宜点吗", "OK 亲"]}))
    >>> found = by_rules(table, load_lexicon(reader="rules")).collect()
    >>> sorted(found["_plain_text"].to_list())
    ['ok 亲', '可以便宜点吗']
    """
    return _by_rules(messages, _texts_read(messages, lexicon), lexicon)


def _texts_read(messages: Frame, lexicon: Lexicon) -> Frame:
    """Return each side's texts once, with what their words alone show: chats repeat themselves."""
    asked_of = [_Asked(name, "buyer", name, lexicon.rules[name]) for name in lexicon.ids("buyer")]
    asked_of += [
        _Asked(_held(name, part), "agent", name, rules)
        for name in lexicon.ids("agent")
        for part, rules in _parts(lexicon, name).items()
    ]
    read = functools.partial(_read_texts, lexicon=lexicon, asked_of=asked_of)
    return hold_by_group(messages.select(_OWN).unique(), Messages.TEXT, read)


def _read_texts(texts: Frame, lexicon: Lexicon, asked_of: Sequence[_Asked]) -> Frame:
    plain = simplified(texts.with_columns(lowered().alias(TEXT)), TEXT)
    return _with_words(plain, lexicon, asked_of)


def _by_rules(messages: Frame, texts: Frame, lexicon: Lexicon) -> Frame:
    """Mark some messages by what their texts' words show."""
    agents = lexicon.ids("agent")
    if lexicon.reader is None:
        rules = [rule for name in agents for rule in lexicon.rules[name]]
        names = {n for rule in rules for n in (*rule.after_buyer, *rule.not_after_buyer)}
        heard = with_asked(messages.join(texts, on=_OWN, how="left"), sorted(names))
    else:
        plain = hold(messages.join(texts.select(*_OWN, TEXT), on=_OWN, how="left"))
        read = plain.join(texts.drop(TEXT), on=_OWN, how="left")
        heard = _with_runs(read, plain, lexicon.ids("buyer"))
    ruled = heard.with_columns(_in_context(lexicon, name).alias(name) for name in agents)
    return ruled.drop(_held(n, r) for n in agents for r in _parts(lexicon, n))


def _with_runs(read: Frame, plain: Frame, names: Sequence[str]) -> Frame:
    """Add the buyer's run before each agent's line and around each buyer's, and what it showed.

    The run's lines stand in `RUN`, what it showed in the columns `asked`, never null; in `BEFORE`,
    on a buyer's line, the agent's turn and the buyer's before the run. Texts come from `plain`,
    the lines before their words were read: Spark would read them again for each turn.
    """
    buyer = nw.col(Messages.SENDER) == "buyer"
    talk, run_no = Messages.CONVERSATION_ID, "_run_no"
    read = read.with_columns(
        nw.when(buyer).then(nw.col(TURN_NO)).otherwise(nw.col(TURN_NO) - 1).alias(run_no)
    )
    lines = read.filter(buyer)
    texts = _with_before(
        joined_lines(plain.filter(buyer), (talk, TURN_NO), TEXT, RUN),
        joined_lines(plain.filter(nw.col(Messages.SENDER) == "agent"), (talk, TURN_NO), TEXT, RUN),
    ).rename({TURN_NO: run_no})
    marks = lines.group_by(talk, run_no).agg(
        nw.col(name).cast(nw.Int8).max().alias(asked(name)) for name in names
    )
    runs = texts.join(marks, on=[talk, run_no], how="left")
    joined = read.join(runs, on=[talk, run_no], how="left").drop(run_no)
    return joined.with_columns(
        nw.when(buyer).then(nw.col(BEFORE)).alias(BEFORE),
        *((nw.col(asked(name)).fill_null(0) == 1).alias(asked(name)) for name in names),
    )


def _with_before(runs: Frame, answers: Frame) -> Frame:
    """Add `BEFORE` to each run of a buyer's: the agent's turn before it and the buyer's run before.

    The lines of a turn stand in `RUN`, in either table.
    """
    keys, no = [Messages.CONVERSATION_ID, TURN_NO], nw.col(TURN_NO)
    for turns, back, name in ((answers, 1, "_answer_before"), (runs, 2, "_run_before")):
        earlier = turns.select(
            Messages.CONVERSATION_ID, (no + back).alias(TURN_NO), nw.col(RUN).alias(name)
        )
        runs = runs.join(earlier, on=keys, how="left")
    both = nw.concat_str(
        [nw.col("_run_before"), nw.col("_answer_before")], separator="\n", ignore_nulls=True
    )
    return runs.with_columns(both.alias(BEFORE)).drop("_run_before", "_answer_before")


@dataclass(frozen=True)
class _Asked:
    """A column that tells of one side's texts whether they hold the words of a marker's rules."""

    column: str
    side: str
    marker: str
    rules: tuple[Compiled, ...]


def _with_words(texts: Frame, lexicon: Lexicon, asked_of: Sequence[_Asked]) -> Frame:
    """Add to texts of either side what is asked of their words."""
    # What goes to Spark's workers is no more than they need.
    words = Words(lexicon.cuts, lexicon.rules)
    read = functools.partial(_what_words_show, words=words, asked_of=asked_of)
    return hold(read_rows(texts, read, [one.column for one in asked_of]))


def _what_words_show(
    rows: pl.DataFrame, *, words: Words, asked_of: Sequence[_Asked]
) -> pl.DataFrame:
    """Return the columns asked for, each null on the other side's texts."""
    found = []
    for side in ("buyer", "agent"):
        columns = [one for one in asked_of if one.side == side]
        own = (rows[Messages.SENDER] == side).arg_true()
        search = Search.of(rows[TEXT].gather(own), words, {one.marker for one in columns})
        place = pl.Series([None] * len(rows), dtype=pl.UInt32).scatter(own, range(len(own)))
        for marker, parts in itertools.groupby(columns, operator.attrgetter("marker")):
            texts = search.cut(words.cuts[marker])
            found += [
                pl.Series(one.column, search.shown(one.rules, texts)).gather(place) for one in parts
            ]
    return pl.DataFrame(found)


def _parts(lexicon: Lexicon, name: str) -> dict[int, tuple[Compiled, ...]]:
    """Group a marker's rules by what they ask of the buyer's lines before; by the first's place."""
    parts: dict[tuple[tuple[str, ...], tuple[str, ...]], list[int]] = {}
    rules = lexicon.rules[name]
    for place, rule in enumerate(rules):
        parts.setdefault((rule.after_buyer, rule.not_after_buyer), []).append(place)
    return {places[0]: tuple(rules[i] for i in places) for places in parts.values()}


def _held(name: str, part: int) -> str:
    return f"_held_{name}_{part}"


def _in_context(lexicon: Lexicon, name: str) -> nw.Expr:
    """Return whether an agent's marker shows, its rules' words known; null off the agent."""
    parts = _parts(lexicon, name)
    after = [nw.col(_held(name, part)) & _asked_as(rules[0]) for part, rules in parts.items()]
    return nw.when(nw.col(Messages.SENDER) == "agent").then(_any(after))


def _asked_as(rule: Compiled) -> nw.Expr:
    holds = [nw.lit(value=True)]
    if rule.after_buyer:
        holds.append(_any(nw.col(asked(name)) for name in rule.after_buyer))
    if rule.not_after_buyer:
        holds.append(~_any(nw.col(asked(name)) for name in rule.not_after_buyer))
    return functools.reduce(operator.and_, holds)


def lowered() -> nw.Expr:
    r"""Return a message's text as patterns read it: lower case, on one line.

    Examples
    --------
    >>> import polars as pl
    >>> lines = nw.from_native(pl.DataFrame({"text": ["OK\n好"]}))
    >>> lines.select(lowered())["text"].to_list()
    ['ok 好']
    """
    return nw.col(Messages.TEXT).str.to_lowercase().str.replace_all(BREAKS, " ")


def asked(name: str) -> str:
    """Return the column that tells whether the buyer's last run showed a buyer-side marker.

    Examples
    --------
    >>> asked("worried")
    '_asked_worried'
    """
    return f"_asked_{name}"


def with_asked(messages: Frame, names: Sequence[str]) -> Frame:
    """Carry what the buyer's last run showed to the agent's turn that follows it.

    Parameters
    ----------
    messages : narwhals.LazyFrame
        With ``turn_no`` and the buyer-side markers `names`.
    names : sequence of str

    Returns
    -------
    narwhals.LazyFrame
        The same rows with a column `asked` for each name, never null.

    Examples
    --------
    >>> import polars as pl
    >>> lines = {"conversation_id": ["c1"] * 3, "sender": ["buyer", "agent", "agent"]}
    >>> lines |= {"turn_no": [1, 2, 4], "complains": [True, None, None]}
    >>> told = with_asked(nw.from_native(pl.LazyFrame(lines)), ["complains"]).collect()
    >>> told.sort("turn_no")[asked("complains")].to_list()
    [False, True, False]
    """
    keys = [Messages.CONVERSATION_ID, TURN_NO]
    runs = (
        messages.filter(nw.col(Messages.SENDER) == "buyer")
        .with_columns(nw.col(TURN_NO) + 1)
        .group_by(keys)
        .agg(nw.col(name).cast(nw.Int8).max().alias(asked(name)) for name in names)
    )
    return messages.join(runs, on=keys, how="left").with_columns(
        (nw.col(asked(name)).fill_null(0) == 1).alias(asked(name)) for name in names
    )


def _any(expressions: Iterable[Any]) -> Any:
    return functools.reduce(operator.or_, expressions)


TEMPLATE_REPLY: Final = "repeats_canned"
#: In how many other conversations the same text has to stand, and how long it has to be. Ours:
#: shorter texts are alike by chance, and a set phrase of courtesy is no fault.
MIN_OTHERS: Final = 5
MIN_LENGTH: Final = 20
#: Whatever it speaks of, such a text leads on.
LEADS_ON: Final = (
    "asks_needs",
    "recommends",
    "explains_value",
    "offers_alternative",
    "empathizes",
    "follows_up",
    "greets",
    "apologizes",
)
TOPICS: Final = tuple(f"about_{name}" for name in CATEGORIES if name != "other")


def with_template_replies(marked: Frame, lexicon: Lexicon) -> Frame:
    """Add ``repeats_canned`` to marked messages.

    Parameters
    ----------
    marked : narwhals.LazyFrame
        Of `csinsight.behaviours.markers.mark`.
    lexicon : Lexicon

    Returns
    -------
    narwhals.LazyFrame
        The same rows; true where an agent's reply stands word for word in at least `MIN_OTHERS`
        other conversations, follows a question, and speaks of none of the problem categories
        that the question names; null on lines not by an agent. The only behaviour that depends
        on other conversations.

    Examples
    --------
    Of a buyer's line nothing is said:

    >>> from csinsight.sample import sample_messages
    >>> marked = sample_messages()
    >>> lines = marked.lines.drop(TEMPLATE_REPLY, strict=False)
    >>> told = with_template_replies(lines, marked.lexicon).filter(nw.col("sender") == "buyer")
    >>> told.select(TEMPLATE_REPLY).collect().to_native()[TEMPLATE_REPLY].unique().to_list()
    [None]
    """
    agent = nw.col(Messages.SENDER) == "agent"
    asked_of = _any([nw.col(asked(topic)) for topic in TOPICS])
    met = _any([nw.col(asked(topic)) & nw.col(_told(topic)) for topic in TOPICS])
    leads_on = _any([nw.col(name) for name in LEADS_ON])
    canned = ~nw.col("_talks").is_null() & asked_of & ~met & ~leads_on
    return (
        with_asked(marked, TOPICS)
        .join(_repeated(marked, lexicon), on=Messages.TEXT, how="left")
        .with_columns(nw.when(agent).then(canned.fill_null(value=False)).alias(TEMPLATE_REPLY))
        .drop("_talks", *map(asked, TOPICS), *map(_told, TOPICS))
    )


def _repeated(marked: Frame, lexicon: Lexicon) -> Frame:
    """Return each long text of many conversations with the categories that it speaks of."""
    agent = nw.col(Messages.SENDER) == "agent"
    long = nw.col(Messages.TEXT).str.len_chars() >= MIN_LENGTH
    texts = (
        marked.filter(agent & long)
        .select(Messages.TEXT, Messages.CONVERSATION_ID)
        .group_by(Messages.TEXT)
        .agg(nw.col(Messages.CONVERSATION_ID).n_unique().cast(nw.Int64).alias("_talks"))
        .filter(nw.col("_talks") > MIN_OTHERS)
        .with_columns(lowered().alias(TEXT), nw.lit("agent").alias(Messages.SENDER))
    )
    asked_of = [_Asked(_told(name), "agent", name, lexicon.rules[name]) for name in TOPICS]
    return _with_words(simplified(texts, TEXT), lexicon, asked_of).drop(TEXT, Messages.SENDER)


def _told(topic: str) -> str:
    return f"_told_{topic}"
