"""A folder for a new shop: what may be told, commented, and recipes for a schedule."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from csinsight.contract.files import write_text
from csinsight.errors import ConfigError
from csinsight.params import shipped

#: Files of the folder, and what ships that each begins as.
_COPIED: Final[dict[str, tuple[str, ...]]] = {
    "params.yml": ("params", "monthly.yml"),
    "data/behaviours.yml": ("params", "behaviours.yml"),
    "data/kpi_profile.yml": ("params", "kpi_profiles", "taobao.yml"),
    "data/alerts.yml": ("params", "alerts.yml"),
    "mappings/every_key.yml": ("params", "mappings", "every_key.yml"),
    "mappings/chats.yml": ("params", "mappings", "chats.yml"),
    "mappings/tmall_orders.yml": ("params", "mappings", "tmall_orders.yml"),
    "mappings/taobao_refunds.yml": ("params", "mappings", "taobao_refunds.yml"),
    "mappings/sycm_order_list.yml": ("params", "mappings", "sycm_order_list.yml"),
    "mappings/uneed.yml": ("params", "mappings", "uneed.yml"),
    "mappings/whatsapp.yml": ("params", "mappings", "whatsapp.yml"),
    "schedule/crontab": ("deploy", "crontab"),
    "schedule/csinsight.service": ("deploy", "systemd", "csinsight.service"),
    "schedule/csinsight.timer": ("deploy", "systemd", "csinsight.timer"),
}
_README: Final = """# {name}

| here | what it is |
|---|---|
| `data/` | the shop's tables; importers write them, months add to what is there |
| `data/behaviours.yml` | behaviours and words of the shop's own (all commented out) |
| `data/kpi_profile.yml` | service hours, targets, whose an order is; for `kpi_profile: own` |
| `data/alerts.yml` | thresholds that wake somebody: the brief shows what passes them |
| `params.yml` | every parameter with its default; change what differs |
| `mappings/` | which column of a file is which of ours; `every_key.yml` shows every key |
| `shops.yml` | what a schedule runs; `schedule/` has recipes for cron and systemd |

Each month, from this folder:

    csinsight import taobao_orders ExportOrderList*.csv --out data
    csinsight import qianniu_chat chats/*.txt --out data
    csinsight check data
    csinsight run --data data --month last --shop {name} --params params.yml

Platforms let one look back for one to three months only: export monthly, so that the trend goes on.
"""
_SHOPS: Final = """# csinsight run-shops shops.yml
out: .                       # runs/ and reports/ are made here
month: last                  # the last complete month
catch_up: true               # and earlier ones that have data and no good report
shops:
  - shop: {name}
    data: data
    params: params.yml
"""


def make_folder(folder: Path) -> list[Path]:
    """Make a shop's folder with commented files; what is there already is left alone.

    Parameters
    ----------
    folder : Path
        Made where it is missing; its name becomes the shop's.

    Returns
    -------
    list of Path
        The files made.

    Raises
    ------
    ConfigError
        Where `folder` is a file, or can't be written.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     _ = make_folder(Path(folder) / "myshop")
    ...     (Path(folder) / "myshop").is_dir()
    True
    """
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder}: is a file; name the folder to be made")
    name = folder.resolve().name
    texts = {
        "README.md": _README.format(name=name),
        "shops.yml": _SHOPS.format(name=name),
    }
    for file, parts in _COPIED.items():
        text = shipped(*parts).read_text(encoding="utf-8")
        texts[file] = text.replace("deploy/shops.yml", "shops.yml").replace("deploy/", "schedule/")
    made = []
    for file, text in texts.items():
        path = folder / file
        if path.exists():
            continue
        try:
            write_text(path, text)
        except OSError as error:
            raise ConfigError(f"{path}: can't be written ({error.strerror})") from error
        made.append(path)
    return made
