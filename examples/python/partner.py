"""A partner server for mayday: log-in, token info, signing, webhook. See ../README.md."""

import base64
import hashlib
import hmac
import json
import os
import re
import secrets
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from signing import expiring_user_hash, user_hash

APP_ID = os.environ.get("APP_ID", "shop")
APP_SECRET = os.environ.get("APP_SECRET")
AUDIENCE = os.environ.get("AUDIENCE", "safety-app")
API_KEY = os.environ.get("API_KEY")
WEBHOOK_SECRETS = os.environ.get("WEBHOOK_SECRET", "").split()
TOKEN_LIFE = 600  # seconds; mayday takes an hour at most
TOLERANCE = 300  # seconds that a notification's time may be off
MAX_BODY = 64 * 1024

tokens = {}  # token -> (user, iat, exp); in your database
heard = set()  # webhook-id; in your database, with a unique index


def live(token):
    """The log-in that a token stands for, while it lives."""
    known = tokens.get(token)
    return known if known and known[2] > time.time() else None


def login(body, headers, query):
    """Your own log-in. Each gets a token of its own; `user` is the same for a person for ever."""
    user = json.loads(body)["user"]
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,64}", user):
        return 400, {"error": "user"}
    now = int(time.time())
    for token in [token for token, known in list(tokens.items()) if known[2] <= now]:
        tokens.pop(token, None)
    token = secrets.token_urlsafe(32)
    tokens[token] = (user, now, now + TOKEN_LIFE)
    return 200, {"user": user, "token": token}


def token_info(body, headers, query):
    """mayday asks what a token is. 200 means valid: whatever else is no 200."""
    if API_KEY and not hmac.compare_digest(headers.get("x-api-key", "").encode(), API_KEY.encode()):
        return 401, {"error": "invalid_client"}
    token = parse_qs(body.decode()).get("token", [""])[0]
    if not token:
        return 400, {"error": "invalid_request"}
    known = live(token)
    if not known:
        return 401, {"error": "invalid_token"}
    user, iat, exp = known
    return 200, {"sub": user, "iat": iat, "exp": exp, "email": f"{user}@example.org", "name": user, "aud": AUDIENCE}


def sign(body, headers, query):
    """A user hash, for nobody but the user who is logged in."""
    known = live(headers.get("authorization", "").removeprefix("Bearer "))
    if not known:
        return 401, {"error": "log in first"}
    if not APP_SECRET:
        return 404, {"error": "no APP_SECRET"}
    if query.get("kind") == ["static"]:
        made = user_hash(APP_SECRET, known[0])
    else:
        made = expiring_user_hash(APP_SECRET, APP_ID, known[0], int(time.time()) + 86400)
    return 200, {"appId": APP_ID, "externalUserId": known[0], "userHash": made}


def webhook(body, headers, query):
    """Notifications: the signature over the raw body first, then the body, each id once."""
    id, at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not id or not at.isdecimal() or abs(time.time() - int(at)) > TOLERANCE:
        return 400, {"error": "stale"}
    shown = headers.get("webhook-signature", "").split()
    if not any(hmac.compare_digest(one, _signature(ours, id, at, body)) for one in shown for ours in WEBHOOK_SECRETS):
        return 401, {"error": "signature"}
    told = json.loads(body)
    user, kind = told["user"], told["data"]["type"]
    if id in heard:
        print(f"webhook: again {kind} {user}", flush=True)
        return 204, None
    heard.add(id)
    # A type that is not known is acknowledged too: there will be more.
    if kind == "signature.reset_failed":
        for token in [token for token, known in list(tokens.items()) if known[0] == user]:
            tokens.pop(token, None)
    print(f"webhook: heard {kind} {user}: {told['title']}", flush=True)
    return 204, None


def _signature(secret, id, at, body):
    key = base64.b64decode(secret.removeprefix("whsec_"))
    mac = hmac.new(key, f"{id}.{at}.".encode() + body, hashlib.sha256)
    return "v1," + base64.b64encode(mac.digest()).decode()


ROUTES = {"/login": login, "/tokeninfo": token_info, "/sign": sign, "/webhook": webhook}


class Partner(BaseHTTPRequestHandler):
    timeout = 15

    def do_POST(self):
        url = urlsplit(self.path)
        status, answer = 404, {"error": "not found"}
        try:
            length = int(self.headers.get("content-length", 0))
            if not 0 <= length <= MAX_BODY:
                raise ValueError
            body = self.rfile.read(length)
            if url.path in ROUTES:
                status, answer = ROUTES[url.path](body, self.headers, parse_qs(url.query))
        except (ValueError, KeyError, TypeError):
            status, answer = 400, {"error": "malformed"}
        text = b"" if answer is None else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("cache-control", "no-store")
        if status != 204:
            self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", 8090))), Partner)
    print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
