"""Opens one workbook for `csinsight.importers.workbook`, in a process that may be ended.

Called with the workbook, a folder for what is found, the memory in bytes that may be taken, and
the one sheet that is wanted or none. It imports nothing of csinsight, so that it starts at once.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import fastexcel
import polars as pl


def limit_memory(more: int) -> None:
    """Let this process take so many bytes more than it has; where the system can't, no limit."""
    try:
        import resource

        pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[0])
        whole = pages * resource.getpagesize() + more
        resource.setrlimit(resource.RLIMIT_AS, (whole, whole))
    except (ImportError, OSError, ValueError):
        return


def main(book: str, folder: str, memory: str, *wanted: str) -> dict[str, object]:
    """Write each sheet as text into `folder` by its number; say which, or what is wrong.

    It limits the process that it runs in, so no example of it runs beside others.
    """
    limit_memory(int(memory))
    try:
        opened = fastexcel.read_excel(book)
    except Exception:  # fastexcel raises its own kinds
        return {"fault": "book"}
    names = [name for name in opened.sheet_names if not wanted or name in wanted]
    if wanted and not names:
        return {"fault": "name", "count": len(opened.sheet_names)}
    for number, name in enumerate(names):
        try:
            sheet = opened.load_sheet(name, header_row=None, dtypes="string")
            frame = pl.DataFrame(sheet.to_polars())
        except Exception:  # as above
            return {"fault": "sheet", "sheet": name}
        frame.write_ipc(Path(folder) / f"{number}.arrow")
    return {"fault": "", "sheets": names}


if __name__ == "__main__":
    found = main(*sys.argv[1:])
    (Path(sys.argv[2]) / "answer.json").write_text(json.dumps(found), encoding="utf-8")
