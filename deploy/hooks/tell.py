"""Say how a run ended: ``python3 tell.py mail|feishu|dingtalk|wecom``; needs nothing but Python.

For `--on-success`, `--on-failure` and `--on-alert`, which hand the run over as ``CSINSIGHT_...``:

    export WEBHOOK=https://...           # of the group's bot; SECRET too, where it is to be signed
    csinsight run ... --on-failure 'python3 deploy/hooks/tell.py feishu'

    export SMTP_HOST=smtp.example.com SMTP_PORT=587 SMTP_USER=me SMTP_PASSWORD=...
    export MAIL_FROM=me@example.com MAIL_TO=boss@example.com,me@example.com
    csinsight run ... --on-success 'python3 deploy/hooks/tell.py mail'

Ends with 1, and says why, where the message was not taken; csinsight then says so in its log.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import smtplib
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from email.message import EmailMessage

SECONDS = 30
#: The shortest limit of the three services, in bytes of UTF-8, less what stands around the text.
MOST = 1900


def text() -> str:
    """Return what happened, from the variables of the hook."""
    told = {name[10:].lower(): v for name, v in os.environ.items() if name.startswith("CSINSIGHT_")}
    head = f"{told.get('shop', '?')} {told.get('month', '?')}"
    if told.get("alerts"):
        lines = [f"{head}: {told['alerts']}", told.get("report", "")]
    elif told.get("exit_code", "0") == "0":
        lines = [f"{head}: {told.get('headline', '')}", told.get("report", "")]
    else:
        lines = [f"{head}: exit code {told['exit_code']}", told.get("message", "")]
    whole = "\n".join(filter(None, lines)).encode("utf-8")
    short = whole[:MOST].decode("utf-8", errors="ignore")
    return short if len(whole) <= MOST else f"{short}…"


def signature(key: str, message: str) -> str:
    """Return the signature that the bots of Feishu and DingTalk ask for."""
    return base64.b64encode(hmac.digest(key.encode(), message.encode(), hashlib.sha256)).decode()


def feishu(url: str, secret: str) -> tuple[str, dict[str, object]]:
    """Return address and body of a message to a Feishu (Lark) group's bot."""
    body: dict[str, object] = {"msg_type": "text", "content": {"text": text()}}
    if secret:
        now = str(int(time.time()))
        body |= {"timestamp": now, "sign": signature(f"{now}\n{secret}", "")}
    return url, body


def dingtalk(url: str, secret: str) -> tuple[str, dict[str, object]]:
    """Return address and body of a message to a DingTalk group's bot."""
    if secret:
        now = str(round(time.time() * 1000))
        signed = {"timestamp": now, "sign": signature(secret, f"{now}\n{secret}")}
        url = f"{url}{'&' if '?' in url else '?'}{urllib.parse.urlencode(signed)}"
    return url, {"msgtype": "text", "text": {"content": text()}}


def wecom(url: str, _: str) -> tuple[str, dict[str, object]]:
    """Return address and body of a message to a WeCom (Enterprise WeChat) group's bot."""
    return url, {"msgtype": "text", "text": {"content": text()}}


def post(url: str, body: dict[str, object]) -> str:
    """Send a body as JSON; return what went wrong, empty where it was taken."""
    if not url.startswith(("https://", "http://127.0.0.1:")):
        return "WEBHOOK has to be an address that begins with https://"
    data = json.dumps(body, ensure_ascii=False).encode("utf-8")
    asked = urllib.request.Request(url, data, {"Content-Type": "application/json"})  # noqa: S310
    try:
        with urllib.request.urlopen(asked, timeout=SECONDS) as reply:  # noqa: S310 - checked above
            told = json.load(reply)
    except (OSError, ValueError, urllib.error.URLError) as error:
        return f"the bot was not reached: {error}"
    code = told.get("errcode", told.get("code", told.get("StatusCode")))
    return "" if code == 0 else f"the bot refused the message: {told}"


def mail() -> str:
    """Send an e-mail; return what went wrong, empty where it was taken."""
    told = os.environ
    lines = text().split("\n")
    message = EmailMessage()
    message["Subject"] = lines[0][:150].replace("\r", " ")
    message["From"], message["To"] = told["MAIL_FROM"], told["MAIL_TO"]
    message.set_content("\n".join(lines))
    port = int(told.get("SMTP_PORT", "587"))
    kind = smtplib.SMTP_SSL if port == 465 else smtplib.SMTP
    try:
        with kind(told["SMTP_HOST"], port, timeout=SECONDS) as server:
            if port == 587:
                server.starttls()
            if told.get("SMTP_USER"):
                server.login(told["SMTP_USER"], told["SMTP_PASSWORD"])
            server.send_message(message)
    except (OSError, smtplib.SMTPException) as error:
        return f"the e-mail was not taken: {error}"
    return ""


def main(way: str) -> str:
    """Tell it by one of the ways; return what went wrong."""
    ways = {"feishu": feishu, "dingtalk": dingtalk, "wecom": wecom}
    if way == "mail":
        return mail()
    if way not in ways:
        return f"say one of mail, {', '.join(ways)}"
    return post(*ways[way](os.environ["WEBHOOK"], os.environ.get("SECRET", "")))


if __name__ == "__main__":
    try:
        wrong = main(*sys.argv[1:2] or [""])
    except KeyError as error:
        wrong = f"the environment lacks {error.args[0]}"
    sys.exit(f"tell.py: {wrong}" if wrong else 0)
