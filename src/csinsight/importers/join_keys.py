"""Which buyer of the chats placed an order, where the order's own row does not tell.

Keys in order of trust: the buyer's id on both sides; an order's number written in a chat; a list of
the platform that names the buyer of an order; an e-mail or phone number written in a chat. What is
found becomes the table ``order_buyers``, made anew after each import from all that is there. An
order that several keys give to different buyers has the one of the most trusted key; one that a
key gives to two buyers is nobody's by that key.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import polars as pl

from csinsight.contract.cells import conformed, dtypes
from csinsight.contract.files import table_path
from csinsight.contract.schema import (
    MESSAGES,
    ORDER_BUYERS,
    ORDERS,
    TABLES,
    Messages,
    OrderBuyers,
    Orders,
)
from csinsight.engine.polars_tables import open_table
from csinsight.errors import ImporterError

#: A long number or code stands for itself; a short one only where it is called an order's.
_LONG: Final = r"[0-9A-Za-z][0-9A-Za-z_-]{7,}"
_CALLED: Final = (
    r"(?i)(?:#|№|\border\s*(?:number|no\.?|id|nr\.?)\s*[:#]?\s*|订单(?:编号|号码|号)\s*(?:是|为)?"
    r"\s*[:#]?\s*)#?([0-9A-Za-z][0-9A-Za-z_-]{2,})",
    r"(?i)(?:\border|订单)\s*:?\s*([0-9]{4,})",
)
_MAIL: Final = r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+"
_PHONE: Final = r"\+[0-9][0-9 -]{6,16}[0-9]|\b1[3-9][0-9]{9}\b"
#: An id that is somebody's e-mail or phone number.
CONTACT: Final = rf"^(?:{_MAIL}|\+[0-9][0-9 -]{{6,16}}[0-9]|(?:\+?86[ -]?)?1[3-9][0-9]{{9}})$"
SALT: Final = "contacts.salt"
#: By what an order's buyer was found, in words.
KEYS: Final[dict[str, str]] = {
    "number": "their numbers in chats",
    "list": "a list of the platform",
    "contact": "an e-mail or phone number in chats",
}
#: So many digits make a number that nobody writes by chance.
_ENOUGH_DIGITS: Final = 5
_LINK: Final = {
    OrderBuyers.ORDER_ID: pl.String(),
    OrderBuyers.BUYER_ID: pl.String(),
    OrderBuyers.KEY: pl.String(),
}


def with_order_buyers(
    folder: Path, tables: Mapping[str, pl.DataFrame]
) -> tuple[dict[str, pl.DataFrame], list[str]]:
    """Return the tables of an import with ``order_buyers`` made anew, and what to say of it.

    Parameters
    ----------
    folder : Path
        Of the shop, as it is before the import is written.
    tables : mapping of str to polars.DataFrame
        The tables that the import writes, with what was there before.

    Examples
    --------
    >>> orders = pl.DataFrame({"order_id": ["6900000000000000001"], "buyer_id": [None]})
    >>> chat = pl.DataFrame({"buyer_id": ["b1"], "text": ["订单6900000000000000001到哪了"]})
    >>> with_order_buyers(Path("new"), {"orders": orders, "messages": chat})[1]
    ['1 orders are joined to chats by their numbers in chats']
    """
    made = dict(tables)
    needed = (ORDERS.name, MESSAGES.name)
    changed = {*needed, ORDER_BUYERS.name} & tables.keys()
    if not changed or (folder / f"{ORDER_BUYERS.name}.csv").is_file():
        return made, []
    there = {name: _table(folder, name, tables) for name in (*needed, ORDER_BUYERS.name)}
    orders, messages = (there[name] for name in needed)
    if orders is None or messages is None:
        return made, []
    links = find_order_buyers(orders, messages, there[ORDER_BUYERS.name], read_salt(folder))
    made[ORDER_BUYERS.name] = links
    found = links.drop_nulls(OrderBuyers.ORDER_ID).group_by(OrderBuyers.KEY).len()
    counts = dict(found.iter_rows())
    told = [
        f"{counts[key]} orders are joined to chats by {KEYS[key]}" for key in KEYS if key in counts
    ]
    early = written_early(orders, messages, links)
    if early > 0.05 * sum(counts.values()):
        told.append(
            f"{early} orders were written of in a chat before they were placed: chats and orders "
            "stand on two clocks; say which is the shop's (`--timezone`)"
        )
    return made, told


def _table(folder: Path, name: str, tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame | None:
    if name in tables:
        return tables[name]
    path = table_path(folder, name)
    return None if path is None else open_table(path, TABLES[name])[0].collect()


def find_order_buyers(
    orders: pl.DataFrame,
    messages: pl.DataFrame,
    told: pl.DataFrame | None = None,
    salt: bytes | None = None,
) -> pl.DataFrame:
    """Return ``order_buyers``: the orders whose buyer is found by another key than their own row.

    Parameters
    ----------
    orders, messages : polars.DataFrame
        Contract tables.
    told : polars.DataFrame or None
        ``order_buyers`` as it stands; rows of a platform's list are kept.
    salt : bytes or None
        Where the ids of buyers are hashed contacts.

    Examples
    --------
    >>> orders = pl.DataFrame({"order_id": ["6900000000000000001"], "buyer_id": [None]})
    >>> chat = pl.DataFrame({"buyer_id": ["b1"], "text": ["订单6900000000000000001到哪了"]})
    >>> find_order_buyers(orders, chat).select("order_id", "buyer_id", "key").rows()
    [('6900000000000000001', 'b1', 'number')]
    """
    listed = _listed(orders, told)
    chat_buyers = messages[Messages.BUYER_ID].unique()
    own = pl.col(Orders.BUYER_ID).cast(pl.String)
    known = own.is_in(chat_buyers.implode()).fill_null(value=False)
    rest = orders.select(Orders.ORDER_ID, own).filter(~known)
    # Add the other orders of a buyer of whom one order's number was written.
    links = _by_number(rest, messages)
    alias = (
        links.join(rest.rename({Orders.BUYER_ID: "own"}), on=Orders.ORDER_ID)
        .drop_nulls("own")
        .filter(pl.col(Messages.BUYER_ID).n_unique().over("own") == 1)
        .select("own", Messages.BUYER_ID)
        .unique()
    )
    more = rest.rename({Orders.BUYER_ID: "own"}).join(alias, on="own")
    every = pl.concat([links, more.select(*list(_LINK)[:2], pl.lit("number").alias("key"))])
    by_number = every.unique(Orders.ORDER_ID, keep="first", maintain_order=True)
    by_contact = _by_contact(rest, messages, salt)
    placed = listed.filter(pl.col(OrderBuyers.ORDER_ID).is_not_null()).join(
        rest, on=OrderBuyers.ORDER_ID, how="semi"
    )
    found = pl.concat([by_number, placed.select(*_LINK), by_contact])
    found = found.unique(OrderBuyers.ORDER_ID, keep="first", maintain_order=True)
    kept = pl.concat([found.join(listed, on=list(_LINK), how="left"), listed], how="diagonal")
    return conformed(kept.unique(maintain_order=True), ORDER_BUYERS)


def written_early(orders: pl.DataFrame, messages: pl.DataFrame, links: pl.DataFrame) -> int:
    """Count the orders whose number stands in a chat before they were placed, which can't be.

    Examples
    --------
    >>> from datetime import datetime
    >>> links = pl.DataFrame({"order_id": ["1"], "buyer_id": ["b1"], "key": ["number"]})
    >>> orders = pl.DataFrame({"order_id": ["1"], "placed_at": [datetime(2026, 10, 5, 18)]})
    >>> chat = pl.DataFrame({"buyer_id": ["b1"], "sent_at": [datetime(2026, 10, 5, 10)]})
    >>> written_early(orders, chat, links.with_columns(placed_at=None))
    1
    """
    by_number = links.filter(pl.col(OrderBuyers.KEY) == "number")
    if by_number.is_empty() or Messages.SENT_AT not in messages.columns:
        return 0
    last = messages.group_by(Messages.BUYER_ID).agg(pl.col(Messages.SENT_AT).max())
    both = by_number.join(orders.select(Orders.ORDER_ID, Orders.PLACED_AT), on=Orders.ORDER_ID)
    return (
        both.join(last, on=Messages.BUYER_ID)
        .filter(pl.col(Messages.SENT_AT) < pl.col(f"{Orders.PLACED_AT}_right"))
        .height
    )


def _key_of(number: pl.Expr) -> pl.Expr:
    return number.str.strip_chars("# ").str.to_uppercase()


def _by_number(rest: pl.DataFrame, messages: pl.DataFrame) -> pl.DataFrame:
    """Return the orders of `rest` whose number the chats of exactly one buyer hold."""
    numbers = rest.select(Orders.ORDER_ID, _key_of(pl.col(Orders.ORDER_ID)).alias("number"))
    numbers = numbers.filter(pl.col("number").is_unique())
    said = messages.select(
        Messages.BUYER_ID, pl.col(Messages.TEXT).str.normalize("NFKC").alias("text")
    ).filter(pl.col("text").str.contains("[0-9]{3}"))
    long = said.select(Messages.BUYER_ID, pl.col("text").str.extract_all(_LONG).alias("number"))
    digits = pl.col("number").str.count_matches("[0-9]")
    called = [
        said.select(Messages.BUYER_ID, pl.col("text").str.extract_all(form).alias("number"))
        .explode("number")
        .with_columns(pl.col("number").str.extract(form, 1))
        for form in _CALLED
    ]
    tokens = pl.concat([long.explode("number").filter(digits >= _ENOUGH_DIGITS), *called])
    pairs = tokens.select(Messages.BUYER_ID, _key_of(pl.col("number")).alias("number")).unique()
    return _of_one_buyer(pairs.join(numbers, on="number"), "number")


def _of_one_buyer(pairs: pl.DataFrame, key: str) -> pl.DataFrame:
    """Return the links that name one buyer an order."""
    one = pl.col(Messages.BUYER_ID).n_unique().over(Orders.ORDER_ID) == 1
    return (
        pairs.drop_nulls([Orders.ORDER_ID, Messages.BUYER_ID])
        .filter(one)
        .select(Orders.ORDER_ID, Messages.BUYER_ID, pl.lit(key).alias(OrderBuyers.KEY))
        .unique(maintain_order=True)
        .sort(Orders.ORDER_ID)
    )


def _by_contact(rest: pl.DataFrame, messages: pl.DataFrame, salt: bytes | None) -> pl.DataFrame:
    """Return the orders of buyers whose e-mail or phone exactly one chat buyer wrote."""
    ours = rest.drop_nulls(Orders.BUYER_ID)
    hashed = salt is not None
    if ours.is_empty() or (not hashed and not ours[Orders.BUYER_ID].str.contains(CONTACT).any()):
        return pl.DataFrame(schema=_LINK)
    said = messages.filter(pl.col(Messages.SENDER) == "buyer").select(
        Messages.BUYER_ID,
        pl.col(Messages.TEXT)
        .str.normalize("NFKC")
        .str.extract_all(f"{_MAIL}|{_PHONE}")
        .alias("contact"),
    )
    said = said.explode("contact").drop_nulls("contact").unique()
    own = pl.Series("own", [_same_contact(t, salt) for t in said["contact"]], dtype=pl.String)
    known = ours.with_columns(
        pl.Series("own", [_same_contact(t, salt) for t in ours[Orders.BUYER_ID]], dtype=pl.String)
    ).drop(Orders.BUYER_ID)
    return _of_one_buyer(said.with_columns(own).join(known, on="own"), "contact")


def _same_contact(text: str, salt: bytes | None) -> str:
    if not re.match(CONTACT, text):
        return text
    return plain_contact(text) if salt is None else hash_of(text, salt)


def _listed(orders: pl.DataFrame, told: pl.DataFrame | None) -> pl.DataFrame:
    """Return the rows of a platform's list, those without a number joined by time and amount."""
    columns = dtypes(ORDER_BUYERS)
    if told is None or told.is_empty():
        return pl.DataFrame(schema=columns)
    rows = (
        conformed(told, ORDER_BUYERS)
        .filter(pl.col(OrderBuyers.KEY) == "list")
        .unique(maintain_order=True)
    )
    if Orders.PLACED_AT not in orders.columns or Orders.PAID_AMOUNT not in orders.columns:
        return rows
    when, worth = [OrderBuyers.PLACED_AT, OrderBuyers.AMOUNT], [Orders.PLACED_AT, "cents"]
    cents = (pl.col(OrderBuyers.AMOUNT) * 100).round().cast(pl.Int64).alias("cents")
    found = orders.select(
        pl.col(Orders.ORDER_ID).alias("found"),
        pl.col(Orders.PLACED_AT).dt.truncate("1s"),
        (pl.col(Orders.PAID_AMOUNT) * 100).round().cast(pl.Int64).alias("cents"),
    ).filter(pl.struct(*worth).is_unique())
    several = pl.struct(*when).is_unique() | pl.col(OrderBuyers.ORDER_ID).is_not_null()
    joined = rows.with_columns(cents, several.alias("one")).join(
        found, on=worth, how="left", maintain_order="left"
    )
    number = pl.coalesce(OrderBuyers.ORDER_ID, pl.when("one").then("found"))
    return joined.with_columns(number.alias(OrderBuyers.ORDER_ID)).select(*columns)


def plain_contact(text: str) -> str:
    """Return an e-mail in lower case, or a phone number in digits without China's own prefix.

    Examples
    --------
    >>> plain_contact(" Ann@Shop.Example"), plain_contact("+86 138-0013-8000")
    ('ann@shop.example', '13800138000')
    """
    text = text.strip().lower()
    if "@" in text:
        return text
    digits = re.sub(r"[^0-9]", "", text)
    return re.sub(r"^(?:00)?86(?=1[3-9][0-9]{9}$)", "", digits)


def hash_of(contact: str, salt: bytes) -> str:
    """Return what stands for an e-mail or phone number: only who has the salt can make it.

    Examples
    --------
    >>> len(hash_of("a@example.com", b"salt")) == len(hash_of("b@example.com", b"salt"))
    True
    """
    return hmac.new(salt, plain_contact(contact).encode(), hashlib.sha256).hexdigest()


def read_salt(folder: Path, *, make: bool = False) -> bytes | None:
    """Return the salt that a shop keeps in `folder`; None where it has none.

    Parameters
    ----------
    folder : Path
    make : bool
        Whether to make one where there is none; only its owner may read the file.

    Raises
    ------
    ImporterError
        Where the file is there but no salt.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "none.txt"
    ...     _ = file.write_text("", encoding="utf-8")
    ...     salt = read_salt(Path(folder))
    >>> salt is None
    True
    """
    path = folder / SALT
    if path.is_file():
        try:
            return bytes.fromhex(path.read_text(encoding="ascii").strip())
        except ValueError as error:
            raise ImporterError(
                f"{path}: is no salt; put back the one that the tables were made with"
            ) from error
    if not make:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    salt = secrets.token_bytes(32)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(salt.hex() + "\n")
    return salt


def hash_contacts(tables: Mapping[str, pl.DataFrame], salt: bytes) -> dict[str, pl.DataFrame]:
    """Return tables with every ``buyer_id`` that is an e-mail or a phone number hashed.

    Examples
    --------
    >>> orders = pl.DataFrame({"buyer_id": ["a@example.com", "u17"]})
    >>> hashed = hash_contacts({"orders": orders}, b"salt")["orders"]
    >>> hashed["buyer_id"][0] != "a@example.com", hashed["buyer_id"][1]
    (True, 'u17')
    """
    return {
        name: frame.with_columns(_hashed(frame[Messages.BUYER_ID], salt))
        if Messages.BUYER_ID in frame.columns
        else frame
        for name, frame in tables.items()
    }


def _hashed(ids: pl.Series, salt: bytes) -> pl.Series:
    contacts = ids.drop_nulls().unique().to_frame().filter(pl.col(ids.name).str.contains(CONTACT))
    named = {text: hash_of(text, salt) for text in contacts.to_series()}
    return ids.replace(named) if named else ids
