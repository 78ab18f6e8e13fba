"""Known weaknesses of locked versions: ``python tools/advisories.py LOCK...``.

Asks the public list of the Python Packaging Authority (``/pypi/NAME/VERSION/json`` of the index)
about every version in a lock. Ends with 1 where one is known, with 3 where the list could not be
asked about all of them: silence is not safety.
"""

from __future__ import annotations

import json
import os
import re
import sys
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

SOURCE = os.environ.get("ADVISORIES", "https://pypi.org/pypi")
SECONDS = 20


def locked(path: Path) -> list[tuple[str, str]]:
    """Return names and versions of a lock file."""
    return re.findall(r"^([A-Za-z0-9._-]+)==([^ \\;]+)", path.read_text("utf-8"), flags=re.M)


def ask(package: tuple[str, str]) -> list[str] | None:
    """Return what is known of a version, a line each; None where it could not be asked."""
    name, version = package
    address = f"{SOURCE}/{name}/{version}/json"
    try:
        with urllib.request.urlopen(address, timeout=SECONDS) as reply:  # noqa: S310
            told = json.load(reply)["vulnerabilities"]
    except (OSError, ValueError, KeyError, urllib.error.URLError):
        return None
    return [
        f"{name} {version}: {one['id']} {one.get('summary') or ''} "
        f"(mended in {', '.join(one.get('fixed_in', ())) or 'no version yet'})"
        for one in told
        if not one.get("withdrawn")
    ]


def main(paths: list[str]) -> int:
    """Print what is known of every locked version, and how many could not be asked about."""
    packages = sorted({package for path in paths for package in locked(Path(path))})
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(ask, packages))
    lines = [line for told in found if told for line in told]
    missing = [
        f"{name} {version}"
        for (name, version), told in zip(packages, found, strict=True)
        if told is None
    ]
    print("\n".join(lines) or f"nothing known of {len(packages) - len(missing)} locked versions")
    if missing:
        print(f"NOT ASKED, {SOURCE} did not answer: {len(missing)} of {len(packages)} versions")
    return 1 if lines else 3 if missing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
