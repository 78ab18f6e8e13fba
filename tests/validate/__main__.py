"""The long studies against known truth: ``python -m tests.validate [NAME…]``.

Each ``tests/validate/study_NAME.py`` has a ``run() -> str``, its part of ``docs/validation.md`` in
Markdown. A part that is not run anew stays as it is.
"""

from __future__ import annotations

import importlib
import os
import re
import sys
from pathlib import Path

# Studies run in processes beside each other; threads of their own only get into each other's way.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "validation.md"
NAMES = sorted(path.stem.removeprefix("study_") for path in HERE.glob("study_*.py"))
HEAD = """# Validation

How far the results can be trusted, measured where the truth is known or came later. Made by
`make validate`; each part says its seeds, so that the same figures come again.
"""


def main(names: list[str]) -> int:
    if unknown := set(names) - set(NAMES):
        sys.stderr.write(f"no study is called {sorted(unknown)}; there are {', '.join(NAMES)}\n")
        return 2
    for name in names or NAMES:
        part = importlib.import_module(f"tests.validate.study_{name}").run()
        _write(name, part.strip())
        sys.stdout.write(part.strip() + "\n")
    return 0


def _write(name: str, part: str) -> None:
    text = PAGE.read_text(encoding="utf-8") if PAGE.exists() else HEAD
    block = f"<!-- {name} -->\n{part}\n<!-- end of {name} -->"
    pattern = re.compile(f"<!-- {name} -->.*?<!-- end of {name} -->", re.DOTALL)
    if pattern.search(text):
        text = pattern.sub(lambda _: block, text)
    else:
        text = f"{text.rstrip()}\n\n{block}\n"
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
