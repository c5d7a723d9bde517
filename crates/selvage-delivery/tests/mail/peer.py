"""A mail server of others (aiosmtpd) that prints its port, and each mail that it was given as a line of JSON.

It is told how to be by JSON in its first argument: `port`; `tls` (starttls, implicit, none) with `certificate` and `key`; `login`
(user:password), which it demands then; `replies`, what it says to a recipient or, under `data`, to a mail; `drops`, after how many mails it goes
away without a reply.
"""

import asyncio
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

how = json.loads(sys.argv[1])
replies = how.get("replies", {})


class Peer:
    def __init__(self):
        self.drops = how.get("drops", 0)

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address in replies:
            return replies[address]
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 known"

    async def handle_DATA(self, server, session, envelope):
        if "data" in replies:
            return replies["data"]
        secure = server.transport.get_extra_info("ssl_object") is not None
        mail = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "hello": session.host_name,
            "secure": secure,
            "login": session.authenticated,
            "content": envelope.content.decode("latin-1"),
        }
        print(json.dumps(mail), flush=True)
        if self.drops > 0:
            self.drops -= 1
            server.transport.abort()
        return "250 2.0.0 taken"


def authenticate(server, session, envelope, mechanism, given):
    return AuthResult(handled=False, success=f"{given.login.decode()}:{given.password.decode()}" == how["login"])


async def serve():
    tls, context = how.get("tls", "none"), None
    if tls != "none":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(how["certificate"], how["key"])
    login = "login" in how
    peer = Peer()

    def session():
        return SMTP(
            peer,
            tls_context=context if tls == "starttls" else None,
            require_starttls=tls == "starttls",
            auth_required=login,
            auth_require_tls=tls == "starttls",
            authenticator=authenticate if login else None,
        )

    loop = asyncio.get_running_loop()
    outer = context if tls == "implicit" else None
    server = await loop.create_server(session, "127.0.0.1", how.get("port", 0), ssl=outer)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(serve())
