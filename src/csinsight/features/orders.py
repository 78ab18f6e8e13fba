"""Orders as they stood at a moment: what both conversations and buyers are judged by."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import narwhals as nw

from csinsight.contract.tables import Orders
from csinsight.engine import Shop, ms
from csinsight.features.frames import Frame, pick
from csinsight.features.rules import moment_ms

PLACED_MS: Final = ms(Orders.PLACED_AT)
PAID_MS: Final = ms(Orders.PAID_AT)
#: Paid amount less refund; null while unpaid and where the shop has no amounts.
NET_AMOUNT: Final = "net_amount"


def known_orders(shop: Shop, as_of: datetime) -> Frame:
    """Return the orders of known buyers as they stood at `as_of`.

    Orders placed at `as_of` or later are left out; a payment at `as_of` or later is not known
    yet, so its time is null. Refunds carry no time in the contract: they are as exported.

    Parameters
    ----------
    shop : Shop
        With ``orders``.
    as_of : datetime

    Returns
    -------
    narwhals.LazyFrame
        The columns of ``orders`` and ``net_amount``.
    """
    end = moment_ms(as_of)
    refund = nw.col(Orders.REFUND_AMOUNT).fill_null(0.0)
    paid = ~nw.col(PAID_MS).is_null()
    return (
        shop["orders"]
        .filter(~nw.col(Orders.BUYER_ID).is_null(), nw.col(PLACED_MS) < end)
        .with_columns(pick(nw.col(PAID_MS) < end, nw.col(PAID_MS)).alias(PAID_MS))
        .with_columns(pick(paid, nw.col(Orders.PAID_AMOUNT) - refund).alias(NET_AMOUNT))
    )
