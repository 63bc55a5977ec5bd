"""A mail server for tests: prints its port, then each mail that it accepts, as lines of JSON.

To each line of its standard input it says "so far", and it ends with that input. One argument, of JSON: certificate and key (files), tls (starttls or
implicit), username and password, refuse (what it says to each recipient), utf8 (whether it takes
addresses that are not ASCII), delay (seconds before it accepts a mail), host and port (where it
listens).
"""

import asyncio
import base64
import json
import logging
import os
import ssl
import sys
import warnings

from aiosmtpd.smtp import SMTP, AuthResult

OPTIONS = json.loads(sys.argv[1])
SMTP.line_length_limit = 100_000
# What a careful server would not do is what is tried here.
logging.disable()
warnings.simplefilter("ignore")


def tell(line):
    print(json.dumps(line), flush=True)


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if OPTIONS.get("refuse"):
            return OPTIONS["refuse"]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        await asyncio.sleep(OPTIONS.get("delay", 0))
        tell({
            "hello": session.host_name,
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "options": envelope.mail_options,
            "encrypted": session.ssl is not None or OPTIONS.get("tls") == "implicit",
            "login": session.auth_data,
            "data": base64.b64encode(envelope.original_content).decode(),
        })
        return "250 OK"


def authenticate(server, session, envelope, mechanism, data):
    given = (data.login.decode(), data.password.decode())
    known = given == (OPTIONS["username"], OPTIONS["password"])
    return AuthResult(success=known, handled=False, auth_data=given[0])


def server():
    more = {}
    if OPTIONS.get("username"):
        implicit = OPTIONS.get("tls") == "implicit"
        more = {"authenticator": authenticate, "auth_required": True,
                "auth_require_tls": not implicit}
    if OPTIONS.get("tls") == "starttls":
        more |= {"tls_context": context(), "require_starttls": True}
    return SMTP(Handler(), enable_SMTPUTF8=OPTIONS.get("utf8", True), hostname="test", **more)


def context():
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(OPTIONS["certificate"], OPTIONS["key"])
    return made


async def main():
    loop = asyncio.get_running_loop()
    implicit = context() if OPTIONS.get("tls") == "implicit" else None
    listening = await loop.create_server(server, OPTIONS.get("host", "127.0.0.1"),
                                         OPTIONS.get("port", 0), ssl=implicit)
    tell(listening.sockets[0].getsockname()[1])
    while await loop.run_in_executor(None, sys.stdin.readline):
        tell("so far")
    os._exit(0)


asyncio.run(main())
