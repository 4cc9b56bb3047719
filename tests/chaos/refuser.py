"""An HTTPS server that answers each request with one status: `python3 refuser.py PORT STATUS FOLDER`.

It takes the place of a server (`stand_in.py`), whose certificate is in the folder: tls.crt and tls.key. Its text is
given to a pod's Python, so it imports nothing but the standard library.
"""

import http.server
import ssl
import sys


class Refuser(http.server.BaseHTTPRequestHandler):
    """Answers with the server's status, without a body, as a load balancer may."""

    protocol_version = "HTTP/1.1"
    timeout = 10

    def refuse(self) -> None:
        """Read the whole request, so that the client reads the answer and not a closed connection."""
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(STATUS)
        self.send_header("Content-Length", "0")
        self.send_header("Connection", "close")
        self.end_headers()

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = refuse  # noqa: N815 - the names of the base class


if __name__ == "__main__":
    PORT, STATUS, FOLDER = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{FOLDER}/tls.crt", f"{FOLDER}/tls.key")
    server = http.server.ThreadingHTTPServer(("", PORT), Refuser)
    # The handshake is made by the connection's own thread: a silent client holds up no other.
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.serve_forever()
