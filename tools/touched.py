"""The test folders of the rooms touched since a commit: ``python tools/touched.py [SINCE]``.

Changed are the files that differ from SINCE (the point where the branch left `main`, or the commit
before the last on `main` itself), with those not committed yet. A change of a room that all stand
on means its own tests here; the others' are for ``make test``.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
#: What a file outside of the rooms is held by.
ELSEWHERE = {"notebooks": "tests/notebooks/test_notebook_form.py", "params": "tests/test_params.py"}


def git(*words: str) -> list[str]:
    """Return the lines that a git command prints; none where it fails."""
    done = subprocess.run(  # noqa: S603 - our own words
        ["git", *words],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.stdout.splitlines() if done.returncode == 0 else []


def tests_of(names: list[str]) -> list[str]:
    """Return the tests to run where the files `names` have changed."""
    found = set()
    for name in names:
        parts = Path(name).parts
        if parts[:2] == ("src", "csinsight"):
            room = Path(parts[2]).stem
            found |= {f"tests/{room}", f"tests/test_{room}.py"}
            found |= {"tests/engines"} if room == "engine" else set()
            found |= {"tests/runs/test_cli.py"} if room == "cli" else set()
        elif parts[0] == "tests":
            found.add(name if parts[-1].startswith("test_") else str(Path(name).parent))
        elif parts[0] in ELSEWHERE:
            found.add(ELSEWHERE[parts[0]])
    there = sorted(path for path in found - {"tests"} if (ROOT / path).exists())
    return [path for path in there if str(Path(path).parent) not in there]


if __name__ == "__main__":
    since = sys.argv[1:] or git("merge-base", "HEAD", "main") or ["HEAD~1"]
    if git("rev-parse", "HEAD") == since:
        since = ["HEAD~1"]
    changed = git("diff", "--name-only", since[0]) + git(
        "ls-files", "--others", "--exclude-standard"
    )
    print("\n".join(tests_of(changed)))
