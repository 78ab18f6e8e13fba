"""What buyers write in shops whose tables name no goods, and whose worries no marker reads."""

from __future__ import annotations

import numpy as np

#: Six kinds of goods, as buyers call them.
GOODS = (
    ("羽绒服", "大鹅", "长款棉服", "冬天那件外套", "面包服", "派克服"),
    ("跑鞋", "运动鞋", "那双白鞋", "气垫鞋", "老爹鞋", "球鞋"),
    ("电饭煲", "煮饭锅", "那个锅", "小饭煲", "压力锅", "电锅"),
    ("面霜", "保湿乳", "那瓶霜", "补水面膜", "精华液", "护肤套装"),
    ("手机壳", "保护套", "钢化膜", "那个透明壳", "磁吸壳", "支架"),
    ("书桌", "电脑桌", "转椅", "那张桌子", "置物架", "升降桌"),
)
_OPENS = (
    "你好，{}还有吗",
    "在吗 想问下{}",
    "{}怎么选啊",
    "请问这款{}适合送人吗",
    "看中了{}，什么时候发货",
    "{}有几个颜色",
    "亲，{}和图片一样吗",
    "老板 {}有没有活动",
    "我朋友推荐的{}，现在买合适不",
    "{}的尺寸帮我看看",
)
_MORE = (
    "哦哦", "好的 那颜色呢", "几天能到", "可以开票吗", "身高168能穿吗", "有实物图吗",
    "能送到楼上吗", "用着吵不吵", "包装怎么样", "还有别的款吗", "嗯嗯我看看", "这个是最新款？",
    "材质是什么", "发什么快递", "大概多重", "家里老人用方便吗", "那就是说两个都行？",
    "等我问下", "多少钱来着", "有说明书吗",
)  # fmt: skip
#: Doubts that are no complaint, no question of price and no worry that markers know.
_OBJECTS = (
    "我再去别处比比吧", "隔壁家好像更合适", "我对象说没必要买", "感觉跟我想的不太一样",
    "评论里有人说一般般", "家里其实还有一个", "先不急 过阵子再说", "我妈不太同意",
    "听说另一个牌子口碑好", "好像也不是非要不可", "我再考虑考虑", "直播间那家看着顺眼点",
    "怕买回来闲置", "朋友劝我别冲动",
)  # fmt: skip


def said(rng, goods: np.ndarray, objects: np.ndarray) -> np.ndarray:
    """Return the buyer's lines before each turn of each conversation.

    Parameters
    ----------
    goods : array (conversations,)
        What each is about, of `GOODS`.
    objects : array (conversations, turns) of bool
        Whether the buyer has just objected.
    """
    n, turns = objects.shape
    texts = np.array(_MORE, dtype=object)[rng.integers(0, len(_MORE), (n, turns))]
    called = np.array(GOODS, dtype=object)[goods, rng.integers(0, len(GOODS[0]), n)]
    opens = rng.integers(0, len(_OPENS), n)
    texts[:, 0] = [_OPENS[o].format(name) for o, name in zip(opens, called, strict=True)]
    doubts = np.array(_OBJECTS, dtype=object)[rng.integers(0, len(_OBJECTS), (n, turns))]
    return np.where(objects, texts + "\n" + doubts, texts)
