"""The recipes of hooks, under dash, against servers of this machine."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import shutil
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.policy import default
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from csinsight.runs.schedule import call_hook

ROOT = Path(__file__).resolve().parents[2]
TELL = f"{sys.executable} {ROOT / 'deploy/hooks/tell.py'}"
FAILED = {
    "shop": "蓓尚 'x'",
    "month": "2026-10",
    "exit_code": "1",
    "message": "orders.csv, row 3: $(touch planted) `id`",
    "notebook": "",
}
GOOD = FAILED | {"exit_code": "0", "headline": "转化率 37.6%", "report": "reports/x/index.html"}


@pytest.fixture(autouse=True)
def dash(monkeypatch: pytest.MonkeyPatch) -> str:
    """A shell without the extras of bash; Debian's own, and what `sh` is there."""
    found = shutil.which("dash")
    if found is None:
        pytest.skip("no dash here")
    real = subprocess.Popen

    def under_dash(*words: Any, shell: bool = False, **told: Any) -> Any:
        return real(*words, shell=shell, executable=found if shell else None, **told)

    monkeypatch.setattr(subprocess, "Popen", under_dash)
    return found


class _Bot(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.seen.append((self.path, body))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(self.server.answer).encode())

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@contextmanager
def _serving(server: socketserver.BaseServer) -> Iterator[socketserver.BaseServer]:
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


@pytest.fixture
def bot(monkeypatch: pytest.MonkeyPatch) -> Iterator[HTTPServer]:
    server = HTTPServer(("127.0.0.1", 0), _Bot)
    server.seen, server.answer = [], {"errcode": 0}
    with _serving(server):
        monkeypatch.setenv("WEBHOOK", f"http://127.0.0.1:{server.server_port}/bot?token=t")
        yield server


def _signed(key: str, message: str) -> str:
    digest = hmac.new(key.encode(), message.encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def test_feishu(bot: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    bot.answer = {"code": 0, "msg": "success"}
    monkeypatch.setenv("SECRET", "s3")
    assert call_hook(f"{TELL} feishu", FAILED) == ""
    path, body = bot.seen[0]
    assert path == "/bot?token=t"
    assert body["msg_type"] == "text"
    assert body["content"]["text"].split("\n") == [
        "蓓尚 'x' 2026-10: exit code 1",
        "orders.csv, row 3: $(touch planted) `id`",
    ]
    assert body["sign"] == _signed(f"{body['timestamp']}\ns3", "")
    assert not Path("planted").exists()


def test_dingtalk(bot: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "s3")
    assert call_hook(f"{TELL} dingtalk", GOOD) == ""
    path, body = bot.seen[0]
    asked = parse_qs(urlsplit(path).query)
    assert asked["sign"] == [_signed("s3", f"{asked['timestamp'][0]}\ns3")]
    assert body == {
        "msgtype": "text",
        "text": {"content": "蓓尚 'x' 2026-10: 转化率 37.6%\nreports/x/index.html"},
    }


def test_wecom_is_told_of_alerts_within_its_limit(bot: HTTPServer) -> None:
    assert call_hook(f"{TELL} wecom", GOOD | {"alerts": "客" * 5000}) == ""
    content = bot.seen[0][1]["text"]["content"]
    assert content.startswith("蓓尚 'x' 2026-10: 客")
    assert len(content.encode("utf-8")) <= 2048


def test_what_is_refused_or_not_reached_is_said(
    bot: HTTPServer, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    bot.answer = {"errcode": 310000, "errmsg": "sign not match"}
    assert "exit code 1" in call_hook(f"{TELL} wecom", GOOD)
    assert "sign not match" in capfd.readouterr().err
    monkeypatch.setenv("WEBHOOK", "http://127.0.0.1:9/")
    assert "exit code 1" in call_hook(f"{TELL} wecom", GOOD)
    assert "was not reached" in capfd.readouterr().err
    monkeypatch.delenv("WEBHOOK")
    assert "exit code 1" in call_hook(f"{TELL} wecom", GOOD)
    assert "lacks WEBHOOK" in capfd.readouterr().err


class _Post(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        while line := self.rfile.readline():
            if line.upper().startswith(b"DATA"):
                self.wfile.write(b"354 go on\r\n")
                lines = iter(self.rfile.readline, b".\r\n")
                self.server.seen.append(b"".join(lines))
            self.wfile.write(b"221 bye\r\n" if line.upper().startswith(b"QUIT") else b"250 ok\r\n")


def test_mail(monkeypatch: pytest.MonkeyPatch) -> None:
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Post)
    server.seen = []
    told = {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(server.server_address[1])}
    told |= {"MAIL_FROM": "a@example.com", "MAIL_TO": "b@example.com, c@example.com"}
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    with _serving(server):
        assert call_hook(f"{TELL} mail", GOOD) == ""
    message = message_from_bytes(server.seen[0], policy=default)
    assert message["subject"] == "蓓尚 'x' 2026-10: 转化率 37.6%"
    assert message["to"] == "b@example.com, c@example.com"
    assert "reports/x/index.html" in message.get_content()


def test_the_recipe_of_the_docs_runs_under_dash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (ROOT / "docs/deployment.md").read_text(encoding="utf-8")
    recipe = next(line for line in page.splitlines() if "| mail -s" in line)
    command = recipe.split("'", 1)[1].rsplit("'", 1)[0]
    mail = tmp_path / "mail"
    mail.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/seen\ncat >> {tmp_path}/seen\n')
    mail.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert call_hook(command, FAILED) == ""
    seen = (tmp_path / "seen").read_text(encoding="utf-8")
    assert seen == f"-s 蓓尚 'x' 2026-10 boss@example.com\n{FAILED['message']}\n"
