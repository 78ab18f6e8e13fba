"""A buyer who names an earlier purchase while asking for more has an inquiry; a case stays one."""

from __future__ import annotations

import narwhals as nw
import polars as pl
import pytest
from tests.contexts import LEXICON

from csinsight.behaviours.categories import main_categories, of_orders
from csinsight.behaviours.markers import mark

#: Returning buyers, each line a conversation.
MORE = """
上次买的很好用，这次想再买一个大号的
我之前买过你们家的，想再买一件送人
去年在你家买的裤子穿坏了，还有同款吗
上个月买的那款还有货吗，想再来两箱
我买过黑色的，白色尺码一样吗
老顾客了，之前买了三件，这次能优惠点吗
朋友在你们家买的，我也想要同款
这个和我之前买的那个是一样的吗
之前拍的那款蓝色还有吗 想再拍一单
吃完了 再买两罐有优惠吗
我家孩子上次穿110，现在长高了要拍多大
已经加购物车了，能改价吗
我拍了两件能送个小礼物吗还没付款
双十一买的现在怎么便宜了 再买能便宜点吗
上次的用完了，这款跟那款哪个好
I bought one last year and love it, do you have it in blue?
My last order was a medium, should I get the same size in this jacket?
I'm a returning customer, any discount on a second pair?
bought these for my son, want another pair in size 9
收到的那件我很喜欢，再推荐一件搭配的
上回在你家拿的面霜用着不错,现在还有活动没
之前给我妈买过一件,现在想给婆婆也来一件,L码有吗
以前买的是250g的,500g的多少钱
上次下单的那个套餐还能再拍吗
我上个订单买的小号有点紧,想再拍个中号,还有吗
之前订的那种礼盒,现在再订十盒什么价
我家那台是你们店买的,想配个滤芯,买哪个型号
上次买的猫粮猫很爱吃,这款新口味有货吗
朋友收到了说质量很好,我也想买一个,有现货吗
之前在你家买了两箱牛奶,这次买四箱能便宜多少
I ordered this in grey before, is the black one true to size too?
Love the candles from my last order! Do you have any other scents in stock?
I've purchased from you before, is there a loyalty discount?
Bought the kids version previously, looking for an adult size now
My husband has your wallet, I want to get one for my dad, what colors are there?
我妈在你们这儿拿的护膝说好使,给我姑也整一副,咋卖
咱家孩子穿你家鞋两年了,今年出运动款没
我这已经是第三单了老板给个实在价
那款洗面奶我空瓶两支了,大容量装划算吗
我手里这个是去年的款,今年升级了啥
之前下过一单M的,胖了十斤该拿啥码
Had this jacket in small two winters ago, thinking of sizing up, what's the chest on a medium?
I picked up the desk from you in June, which chair goes with it?
second time buyer here, does the set include the brush?
说好的买二送一还有没有
这款会不会收到就只有一个盒子
收到礼盒里有贺卡吗
我们公司去年采购过一批椅子,今年要加订五十把
前阵子在你家做过美甲,想约周末的
付了定金两天内尾款要付吗
the last pair wore out, still making them?
what if I get the wrong size?
下单7天了价格会变吗,我先放购物车
你们说好的买一送一没有了吗
I need to post it back home to Ireland, how heavy is the box?
Does the courier left parcels at the door or do I need to be home?
上次漏发的你们补得很快,服务好,这次再来五箱
上次那瓶打碎了我自己不小心,想重新买一瓶
I returned the small last month because it didn't fit, is the large in stock now?
""".strip().splitlines()

#: What was ordered or came, with the words of those who want more.
CASES = """
上次买的衣服洗一次就掉色,怎么办
收到的颜色和图片不一样,能换个颜色吗
之前买的杯子漏水,你们质量太差了
我拍错尺码了,帮我换成L
买的两件只收到一件
穿了两次就开胶,这质量也太次了
已经下单了,麻烦备注送礼不要放价格
我的订单能加一件一起发吗
你家发错货了,我要的是黑色
My order arrived and the size is wrong, can I exchange for a medium?
Bought this last month and the zipper broke
Where is my order? Is it out of stock?
The second pair in my order is missing
Can I return the jacket I bought last week, it doesn't fit
上周买的裤子裆线开了
狗吃了你家罐头拉肚子
我那单备注要粉色,寄来是白的
口红断了一截,怎么说
专票抬头写错了,能重开吗
你们上次答应送的小样没给我
我买的20份少了两份
去年买的那个灯不亮了,还在保修期吗
The mug arrived chipped, can you send another?
I paid twice for the same sandals
I need to send the jacket back, it's too small
年卡续费扣了两次钱
椅子到了五十把有三把缺螺丝
软件激活码显示已被使用
I was billed for 50 seats, we have 40
the cake arrived flattened
I bought the sofa last week and I need another leg for it, one was bent
My last order came with a scratched lid, do you have another lid?
去年买的热水器不出热水了,还有同款配件吗
之前买的猫砂结不了团,还有别的款可以换给我吗
春节买的年货礼盒里面有一包胀袋了,还有吗给我换一包
我收到的那件袖子一长一短,还有同款吗
""".strip().splitlines()


def read_as_cases(*lines: str) -> bool:
    """Tell whether a conversation that opens with these lines is about what was bought."""
    told = {"conversation_id": "c", "sender": "buyer", "text": list(lines), "turn_no": 1}
    rows = pl.LazyFrame(told).with_columns(before_outcome=True).with_row_index("position", offset=1)
    marked = mark(nw.from_native(rows), LEXICON)
    return "c" in of_orders(marked) or main_categories(marked, LEXICON).get("c") == "after_sales"


@pytest.mark.parametrize("line", MORE)
def test_who_asks_for_more_has_an_inquiry(line: str) -> None:
    assert not read_as_cases("在吗", line)


@pytest.mark.parametrize("line", CASES)
def test_a_case_stays_one(line: str) -> None:
    assert read_as_cases("在吗", line)


def test_the_purchase_and_the_wish_may_stand_in_two_lines() -> None:
    assert not read_as_cases("上次在你家买的面膜很好", "这款还有货吗")
    assert read_as_cases("上次在你家买的面膜过敏了", "这款还有货吗")
    assert read_as_cases("我上次买的面膜")
