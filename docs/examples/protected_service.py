#!/usr/bin/env python3
"""A service that protects its endpoint with wazo-auth.

protected_service.py PORT URL [CERTIFICATE]: where it listens (0: any free port), where wazo-auth
answers, and the certificate to trust if that is not signed by a known authority.
"""
import ssl
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.error import HTTPError
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen

ACCESS = "calld.calls.read"  # what a token must grant


class Service(BaseHTTPRequestHandler):
    def do_GET(self):
        status = self.check()
        if status == 200:
            self.answer(200, b'{"calls": []}\n')
        else:
            self.answer(status, b"")

    def check(self):
        """200, or why the caller may not: 401, 403, or 503 when nobody can tell."""
        token = self.headers.get("X-Auth-Token", "")
        question = {"scope": ACCESS}
        if tenant := self.headers.get("Wazo-Tenant"):
            question["tenant"] = tenant
        # The token is the caller's word: quoted, it cannot become another path.
        url = f"{AUTH}/0.1/token/{quote(token, safe='')}?{urlencode(question)}"
        try:
            with urlopen(Request(url, method="HEAD"), timeout=10, context=TRUST) as answer:
                return 200 if answer.status == 204 else 503
        except HTTPError as error:
            return {404: 401, 403: 403}.get(error.code, 503)
        except OSError:
            return 503

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    AUTH = sys.argv[2]
    TRUST = ssl.create_default_context(cafile=sys.argv[3]) if len(sys.argv) > 3 else None
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Service)
    print(f"Listening on http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
