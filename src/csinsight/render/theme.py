"""One look for every figure: restrained colours, the bundled font, the same bytes each time.

Blue marks what a figure is about, green and orange what goes with more and with less, grey what
is not sure. In a page each of these colours follows the reader's light or dark scheme.
"""

from __future__ import annotations

from typing import Final

from csinsight.contract.domain import MIXED, OWN_INTENT, TIERS, UNCLASSIFIED
from csinsight.params import Lang
from csinsight.render.fonts import install_font
from csinsight.render.words import Words

PAPER: Final = "#ffffff"
INK: Final = "#1f2933"
MUTED: Final = "#5c6875"
LINE: Final = "#d5dbe1"
SOFT: Final = "#f4f6f9"
ACCENT: Final = "#2b6cb0"
BAND: Final = "#bcccdc"
HELPS: Final = "#2c7a51"
HURTS: Final = "#b7511d"
UNSURE: Final = "#7b8794"

TIER_COLOURS: Final = dict(zip(TIERS, ("#dae3ed", "#a0b4ca", "#5f7b98", "#243b53"), strict=True))
#: Text that can be read on each tier's colour.
TIER_TEXT: Final = dict(zip(TIERS, (INK, INK, PAPER, PAPER), strict=True))
VERDICT_COLOURS: Final = {
    "helps": HELPS,
    "hurts": HURTS,
    "could be the buyer's own intent": UNSURE,
    OWN_INTENT: UNSURE,
    "no evidence": UNSURE,
    "not enough data": LINE,
    "control": UNSURE,
}

#: Each colour's name in the pages' style sheet and what it is in the dark.
COLOURS: Final[dict[str, tuple[str, str]]] = {
    PAPER: ("paper", "#14191f"),
    INK: ("ink", "#e4e9ee"),
    MUTED: ("muted", "#a3afbc"),
    LINE: ("line", "#3a4550"),
    SOFT: ("soft", "#1d242c"),
    ACCENT: ("accent", "#6cb2f0"),
    BAND: ("band", "#4a6178"),
    HELPS: ("helps", "#6dcf9b"),
    HURTS: ("hurts", "#f0a36b"),
    UNSURE: ("unsure", "#93a0ad"),
    TIER_COLOURS["ordinary"]: ("tier-ordinary", "#2a3745"),
    TIER_COLOURS["potential"]: ("tier-potential", "#41586f"),
    TIER_COLOURS["core"]: ("tier-core", "#8aa5bf"),
    TIER_COLOURS["vip"]: ("tier-vip", "#d3e0ec"),
}
#: Width and height in inches of a figure on its own, and of one beside another. The first just
#: fits a phone of 390 pixels at the smallest size at which its text can be read.
WIDE: Final = (5.2, 3.2)
HALF: Final = (4.6, 3.0)

#: Points of the smallest text: nine pixels and more on that phone.
SMALL: Final = 9.5

_RC: Final[dict[str, object]] = {
    "axes.axisbelow": True,
    "axes.edgecolor": LINE,
    "axes.labelcolor": MUTED,
    "axes.labelsize": SMALL,
    "axes.prop_cycle": f"cycler(color={[ACCENT, UNSURE, HELPS, HURTS, BAND, INK]!r})",
    "axes.spines.left": False,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "figure.constrained_layout.use": True,
    "figure.dpi": 96,
    "figure.facecolor": PAPER,
    "figure.figsize": WIDE,
    "font.size": SMALL,
    "grid.color": LINE,
    "grid.linewidth": 0.7,
    "legend.fontsize": SMALL,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "lines.solid_capstyle": "round",
    "patch.edgecolor": PAPER,
    "svg.fonttype": "none",
    "svg.hashsalt": "csinsight",
    "text.color": INK,
    "xtick.bottom": False,
    "xtick.color": MUTED,
    "xtick.labelsize": SMALL,
    "ytick.color": INK,
    "ytick.labelsize": SMALL,
    "ytick.left": False,
}

_current: Words = Words("zh")


def use(lang: Lang = "zh", currency: str = "CNY") -> None:
    """Set the look of all figures that follow, and the language of blocks and tables.

    Examples
    --------
    >>> use("en", currency="EUR")
    >>> words().lang
    'en'
    >>> use()
    """
    import matplotlib.pyplot as plt
    import seaborn as sns

    global _current  # noqa: PLW0603 - the look of a notebook is one setting, as matplotlib's is
    _current = Words(lang, currency)
    plt.close("all")
    sns.set_theme(style="whitegrid", rc=_RC)
    install_font()


def words() -> Words:
    """Return the language that `use` set.

    Examples
    --------
    >>> words().lang
    'zh'
    """
    return _current


def type_colour(label: str) -> str:
    """Return the colour of a buyer type: grey for those that are not known for sure.

    Examples
    --------
    >>> type_colour("mixed") == LINE, type_colour("bargain") == ACCENT
    (True, True)
    """
    return LINE if label in {MIXED, UNCLASSIFIED} else ACCENT


def style_variables(scheme: int) -> str:
    """Return the colours as CSS custom properties: 0 for the light scheme, 1 for the dark.

    Examples
    --------
    >>> style_variables(0).startswith("--"), style_variables(0) != style_variables(1)
    (True, True)
    """
    pairs = ((name, (light, dark)[scheme]) for light, (name, dark) in COLOURS.items())
    return "".join(f"--{name}:{colour};" for name, colour in pairs)
