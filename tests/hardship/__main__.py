"""What a run has to stand: ``python -m tests.hardship [PART...]``; some minutes on two cores.

Every part ends in an assertion; the last prints what the demo run takes.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import polars as pl
import psutil
from tests.fuzz import KINDS, fuzz

from csinsight.contract.dictionary import artifact
from csinsight.simulate import simulate

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(sys.executable).with_name("csinsight")
MONTH = "2026-10"
KILLS = 30
REWRITES = 8
#: Broken inputs of each kind.
FUZZ = 300
#: Of the moments; printed, so that a failure can be had again.
SEED = int(os.environ.get("SEED", "7"))
Files = dict[str, bytes]


def files(folder: Path) -> Files:
    """Return a folder's files by name."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def start(data: Path, out: Path, *more: str, month: str = MONTH) -> subprocess.Popen[str]:
    """Start a run as a user does."""
    told = ["run", "--data", data, "--month", month, "--shop", "s", "--out", out, "--quiet", *more]
    command = [str(word) for word in (PROGRAM, *told)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def end(process: subprocess.Popen[str], code: int, part: str = "") -> None:
    """Wait for a run's end and hold it against what was expected."""
    _, said = process.communicate(timeout=900)
    assert process.returncode == code, said
    assert part in said, said


def whole(report: Path) -> bool:
    """Tell whether a month's report has every page that it names, from head to foot."""
    told = json.loads((report / "report.json").read_text(encoding="utf-8"))
    pages = [report / name for name in (*told["pages"], "index.html")]
    return all(p.read_text(encoding="utf-8").rstrip().endswith("</html>") for p in pages)


def changed(data: Path, number: int) -> None:
    """Change the shop a little, so that a run has to begin anew."""
    path = data / "orders.parquet"
    orders = pl.read_parquet(path)
    keep = pl.int_range(pl.len()) != number
    orders.filter(keep).write_parquet(path)


def killed(data: Path, out: Path) -> None:
    """Kill a run at thirty random moments; after each, the report is whole and a run completes."""
    pick, report = random.Random(SEED), out / "reports/s" / MONTH  # noqa: S311 - no secret
    began = time.monotonic()
    changed(data, 0)
    end(start(data, out, "--only", "00"), 0)
    full = time.monotonic() - began
    published = 0
    for number in range(1, KILLS + 1):
        before = files(report)
        changed(data, number)
        process = start(data, out, "--only", "00")
        moment = pick.uniform(0, full)
        try:
            process.wait(moment)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
        assert whole(report), f"seed {SEED}: not whole after {moment:.2f} s"
        published += files(report) != before
        end(start(data, out, "--only", "00"), 0)
        assert whole(report)
        drafts = [*out.rglob(".*.draft"), *(out / "reports").rglob(".*.old"), *out.rglob(".*.link")]
        assert drafts == [], drafts
    print(
        f"kill -9 at {KILLS} moments within {full:.1f} s: report whole each time ({published} new)"
    )


def full_disk(data: Path, out: Path, work: Path) -> None:
    """Fill the disk under a run; the last report stays, and with room again the run completes."""
    disk = work / "disk"
    disk.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=400m", "tmpfs", disk], check=False, timeout=60
    )
    if done.returncode:
        print("full disk: NOT TRIED, a tmpfs can't be mounted here")
        return
    try:
        shutil.copytree(out, disk / "out", symlinks=True)
        before, tries = files(disk / "out/reports"), 0
        changed(data, 0)
        for room in (0, 20_000, 200_000, 600_000, 1_500_000, 3_000_000):
            ballast = disk / "ballast"
            free = shutil.disk_usage(disk).free
            with ballast.open("wb") as file:
                for size in (1 << 20, 1 << 12):
                    while free - room > size:
                        file.write(b"\0" * size)
                        free -= size
            process = start(data, disk / "out", "--only", "00")
            _, said = process.communicate(timeout=900)
            ballast.unlink()
            if process.returncode == 0:
                break
            tries += 1
            assert "No space left" in said or "Disk quota" in said, said
            assert files(disk / "out/reports") == before
        assert tries
        end(start(data, disk / "out", "--only", "00"), 0)
        assert whole(disk / "out/reports/s" / MONTH)
        print(f"full disk at {tries} fillings: said so, last report untouched, next run complete")
    finally:
        subprocess.run(["umount", disk], check=True, timeout=60)


def together(data: Path, out: Path) -> None:
    """Start two runs of one month at once: one makes the report, the other says why it can't."""
    changed(data, 0)
    both = [start(data, out, "--only", "00") for _ in range(2)]
    said = [process.communicate(timeout=900)[1] for process in both]
    codes = sorted(process.returncode for process in both)
    assert codes == [0, 1], said
    assert any("another run is at work here" in text for text in said), said
    assert whole(out / "reports/s" / MONTH)
    print("two runs at once: one made the report, the other said why it did not")


def no_chats(data: Path, out: Path) -> None:
    """Make a month without a chat: what needs chats is left out by name, the rest is made."""
    path = data / "messages.parquet"
    messages = pl.read_parquet(path)
    messages.filter(pl.col("sent_at").dt.month() != 10).write_parquet(path)
    end(start(data, out, "--only", "07"), 0, "left out: 03_agent_kpis (needs_month_messages)")
    messages.write_parquet(path)
    print("a month without chats: report made, what needs chats left out by name")


def rewritten(data: Path, out: Path) -> None:
    """Rewrite a table at moments of a run: it ends with the old state or fails, never with both."""
    pick, report = random.Random(SEED), out / "reports/s" / MONTH  # noqa: S311 - no secret
    began = time.monotonic()
    changed(data, 0)
    end(start(data, out, "--only", "00"), 0)
    full, refused = time.monotonic() - began, 0
    for number in range(REWRITES):
        before = files(report)
        changed(data, number + 1)
        process = start(data, out, "--only", "00")
        moment = pick.uniform(0, full)
        try:
            process.wait(moment)
        except subprocess.TimeoutExpired:
            changed(data, number + 2)
        _, said = process.communicate(timeout=900)
        if process.returncode:
            assert "changed while the run was reading it" in said, said
            assert files(report) == before, "half of a run was published"
            refused += 1
        assert whole(report)
    end(start(data, out, "--only", "00"), 0)
    assert refused, f"seed {SEED}: no moment fell into a run"
    print(f"inputs rewritten in {REWRITES} runs: {refused} said so and left the last report")


def truncated(data: Path, out: Path) -> None:
    """Cut every table of a finished run short, one at a time: the next run makes it anew."""
    changed(data, 0)
    end(start(data, out, "--only", "00"), 0)
    # An earlier run of more pages leaves tables that this one neither reads nor makes.
    left = sorted((out / "runs/s" / MONTH / "artifacts").glob("*.parquet"))
    tables = [table for table in left if artifact(table.stem).by == "00_data_check"]
    assert tables
    for table in tables:
        sound = table.read_bytes()
        table.write_bytes(sound[: len(sound) // 2])
        end(start(data, out, "--only", "00"), 0)
        assert table.read_bytes() == sound, f"{table.name} is not as it was"
    assert whole(out / "reports/s" / MONTH)
    print(f"a truncated table: {len(tables)} of {len(tables)} made anew by the next run")


def broken_history(data: Path, out: Path) -> None:
    """Break the history and the run's own files: named, listed as far as they go, made anew."""
    end(start(data, out, "--only", "00"), 0)
    history, state = out / "runs/s/history.jsonl", out / "runs/s" / MONTH / "run.json"
    history.write_bytes(history.read_bytes()[:-20] + b'\n{"event": 7}\n\xff\xfe\n')
    state.write_bytes(state.read_bytes()[:100])
    (out / "reports/s" / MONTH / "report.json").write_bytes(b"{")
    told = subprocess.run(
        [PROGRAM, "history", "--out", out], capture_output=True, text=True, timeout=120, check=False
    )
    assert told.returncode == 0, told.stderr
    assert MONTH in told.stdout
    assert "is skipped" in told.stderr
    process = start(data, out, "--only", "00")
    _, said = process.communicate(timeout=900)
    assert process.returncode == 0, said
    assert "run.json is broken" in said, said
    assert whole(out / "reports/s" / MONTH)
    print("a broken history, run file and report file: named, skipped, made anew")


def read_only(data: Path, out: Path, work: Path) -> None:
    """Let a run write where nothing may be written: a clear line, and nothing is changed."""
    disk = work / "locked"
    disk.mkdir()
    shutil.copytree(out, disk / "out", symlinks=True)
    done = subprocess.run(
        ["mount", "--bind", disk, disk], check=False, capture_output=True, timeout=60
    )
    if done.returncode:
        print("read-only target: NOT TRIED, nothing can be mounted here")
        return
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", disk], check=True, timeout=60)
        before = files(disk / "out")
        changed(data, 0)
        end(start(data, disk / "out", "--only", "00"), 1, "Read-only file system")
        assert files(disk / "out") == before
    finally:
        subprocess.run(["umount", disk], check=True, timeout=60)
    print("a read-only target: said so, nothing changed")


def loaded(data: Path, out: Path) -> None:
    """Run beside four loops that never rest: late is not broken."""
    began, busy = time.monotonic(), [sys.executable, "-c", "while True: pass"]
    loops = [subprocess.Popen(busy) for _ in range(4)]
    try:
        end(start(data, out), 0)
    finally:
        for loop in loops:
            loop.kill()
            loop.wait(60)
    assert whole(out / "reports/s" / MONTH)
    print(f"beside four busy loops: a whole report in {time.monotonic() - began:.0f} s")


def fuzzed() -> None:
    """Try over a thousand broken inputs; see `tests.fuzz`."""
    for kind in KINDS:
        began = time.monotonic()
        told = fuzz(kind, FUZZ, SEED)
        assert sum(told.values()) >= FUZZ
        print(
            f"fuzz of {kind}: {sum(told.values())} inputs, {told['taken']} taken, "
            f"{told['refused']} refused with a reason, {time.monotonic() - began:.0f} s"
        )


def demo(out: Path) -> None:
    """Measure the demo shop's whole report: time, processor time and memory of all processes."""
    load, began = os.getloadavg()[0], time.monotonic()
    process = start(ROOT / "data" / "demo", out, "--params", str(ROOT / "params/demo.yml"))
    tree, peak, used = psutil.Process(process.pid), 0, {}
    while process.poll() is None:
        now = 0
        for one in [tree, *tree.children(recursive=True)]:
            try:
                now += one.memory_full_info().pss  # what processes share counts once
                used[one.pid] = sum(one.cpu_times()[:2])
            except psutil.NoSuchProcess:
                continue
        peak = max(peak, now)
        time.sleep(0.2)
    end(process, 0)
    took = time.monotonic() - began
    print(
        f"demo run: {took:.0f} s ({sum(used.values()):.0f} s of processor time), at most "
        f"{peak / 1e9:.2f} GB in all processes; load before it {load:.1f}"
    )
    assert peak < 1.5e9


def main(parts: list[str]) -> None:
    """Go through the parts named, or all, in a folder of their own."""
    with tempfile.TemporaryDirectory(prefix="hardship-") as name:
        work = Path(name)
        data, out = work / "shop", work / "out"
        simulate(data, buyers=300, agents=3, conversations=200, months=2, seed=7)
        every = {
            "demo": lambda: demo(work / "demo"),
            "killed": lambda: killed(data, out),
            "full_disk": lambda: full_disk(data, out, work),
            "together": lambda: together(data, out),
            "no_chats": lambda: no_chats(data, out),
            "rewritten": lambda: rewritten(data, out),
            "truncated": lambda: truncated(data, out),
            "broken_history": lambda: broken_history(data, out),
            "read_only": lambda: read_only(data, out, work),
            "loaded": lambda: loaded(data, work / "loaded"),
            "fuzzed": fuzzed,
        }
        end(start(data, out, "--only", "00"), 0)
        for part in parts or every:
            every[part]()


if __name__ == "__main__":
    main(sys.argv[1:])
