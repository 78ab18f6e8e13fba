"""The sample shop's run as a notebook sees it, to try a view on."""

from __future__ import annotations

from functools import cache

from csinsight.sample import sample_run
from csinsight.views.study import Study, open_study


@cache
def sample_study() -> Study:
    """Return the sample run in English; it holds conversations and no other table.

    Examples
    --------
    >>> sample_study().agent_name("a001")
    '小满'
    """
    return open_study(*sample_run(), lang="en")
