"""What is the platform's and the brand's own stands in the KPI profile, and is no breach."""

from __future__ import annotations

import polars as pl
import pytest
from pydantic import ValidationError

from csinsight.behaviours.lexicon import load_lexicon
from csinsight.behaviours.official import Official
from csinsight.behaviours.profiles import load_profile
from csinsight.behaviours.table import mark_table


def _accused(official, *texts):
    lexicon = load_lexicon(reader="rules", official=official)
    frame = pl.DataFrame({"sender": ["agent"] * len(texts), "text": texts})
    return mark_table(frame, lexicon)["off_platform"].to_list()


def test_each_platform_may_name_its_own_and_not_anothers():
    own = "可以关注下我们京东的微信公众号"
    page = "点开 https://item.jd.com/1.html 下单"
    assert _accused(load_profile("jd").official, own, page) == [False, False]
    assert _accused(load_profile("taobao").official, own, page) == [True, True]
    assert _accused(None, own, page) == [True, True]


def test_a_page_that_only_looks_official_is_none():
    jd = load_profile("jd").official
    near = ("点开 https://jd.com.pay.cn/1 付款", "点开 https://my-jd.com/1 付款")
    assert _accused(jd, *near) == [True, True]
    assert _accused(jd, "加我微信聊 别在京东客服说") == [True]


def test_a_brand_adds_its_own():
    brand = Official(names=["林间家居"], links=["linjian.cn"], numbers=["13800000000"])
    texts = (
        "关注我们林间家居公众号",
        "打开 https://www.linjian.cn/care 看保养",
        "打我电话 13800000000",
    )
    assert _accused(brand, *texts) == [False, False, False]
    assert _accused(brand, "打我电话 13900000000", "加我微信聊") == [True, True]


@pytest.mark.parametrize("wrong", [{"links": ["https://jd.com"]}, {"numbers": ["400-1"]}])
def test_a_list_that_can_not_be_meant_is_refused(wrong):
    with pytest.raises(ValidationError):
        Official(**wrong)
