"""An SMTP server, aiosmtpd, that takes mail or misbehaves as the receiver's name says.

Arguments: PEM files of the certificate and of its key. Says its port, then each mail
that it took, as a JSON object in a line.
"""

import asyncio
import email
import email.policy
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult


def say(value):
    print(json.dumps(value), flush=True)


class Behaviour:
    async def handle_RCPT(self, server, session, envelope, address, options):
        name = address.split("@")[0]
        if name == "later":
            return "451 4.3.0 try again later"
        if name == "never":
            return "550 5.1.1 no such user"
        envelope.rcpt_tos.append(address)
        return "250 fine"

    async def handle_DATA(self, server, session, envelope):
        if envelope.rcpt_tos[0].startswith("cut@"):
            server.transport.abort()
            return "421 gone"
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        part = lambda kind: mail.get_body((kind,)).get_content()
        say({
            "to": envelope.rcpt_tos,
            "tls": session.ssl is not None,
            "user": session.auth_data,
            "from": mail["from"],
            "subject": mail["subject"],
            "id": mail["message-id"],
            "automatic": mail["auto-submitted"],
            "text": part("plain"),
            "html": part("html"),
        })
        return "250 taken"


def authenticate(server, session, envelope, mechanism, data):
    if data.login == b"mayday" and data.password == b"right":
        return AuthResult(success=True, auth_data="mayday")
    return AuthResult(success=False, handled=False)


async def main():
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(sys.argv[1], sys.argv[2])
    make = lambda: SMTP(
        Behaviour(),
        hostname="localhost",
        tls_context=tls,
        require_starttls=True,
        auth_required=True,
        authenticator=authenticate,
    )
    server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0)
    say({"port": server.sockets[0].getsockname()[1]})
    await server.serve_forever()


asyncio.run(main())
