"""User hashes for signed sessions (docs/signing.md). The secret never leaves your server."""

import hashlib
import hmac


def user_hash(secret: str, external_user_id: str) -> str:
    """The static user hash."""
    return _mac(secret, external_user_id)


def expiring_user_hash(secret: str, app_id: str, external_user_id: str, expiry: int) -> str:
    """The expiring user hash; `expiry` is in unix seconds."""
    message = "\0".join(["", "x1", str(expiry), app_id, external_user_id])
    return f"x1.{expiry}.{_mac(secret, message)}"


def _mac(secret: str, message: str) -> str:
    return hmac.new(secret.encode(), message.encode(), hashlib.sha256).hexdigest()
