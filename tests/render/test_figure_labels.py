"""Names of a heatmap's columns don't run into each other."""

from __future__ import annotations

from itertools import pairwise

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from csinsight.render import theme
from csinsight.views.plots import heatmap

ENGLISH = ["Simple", "Surfing", "Newcomer", "Bargaining", "Periodic", "Sporty", "Mixed"]
CHINESE = ["简单型", "冲浪型", "接入型", "议价型", "定期型", "运动型", "混合型"]


@pytest.mark.parametrize("on_top", [True, False])
@pytest.mark.parametrize("names", [ENGLISH, CHINESE, [*ENGLISH, "Too little to tell"]])
def test_no_name_of_a_column_touches_the_next(names, on_top):
    theme.use("en")
    table = pd.DataFrame(0.5, index=[*names, "Sports and entertainment"], columns=names)
    figure = heatmap(table.astype(str), table, on_top=on_top)
    figure.canvas.draw()
    boxes = [
        label.get_window_extent()
        for label in figure.axes[0].get_xticklabels()
        if label.get_text().strip()
    ]
    lines = [label.get_text().strip("\n") for label in figure.axes[0].get_xticklabels()]
    assert lines == names
    here = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    for row in (0, 1):  # names of one line, which stand in turn where there is little room
        own = [b for b, text in zip(boxes, here, strict=True) if ("\n" in text) == bool(row)]
        assert all(one.x1 < other.x0 for one, other in pairwise(own))
    plt.close(figure)
