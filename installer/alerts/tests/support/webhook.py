"""An HTTPS receiver of webhooks: webhook.py CHAIN KEY FILE PORT [STATUS…] prints its port, writes each request to FILE as a
line of JSON, and answers with the statuses in turn, then with 204."""
import http.server
import json
import ssl
import sys

chain, key, file, port, *statuses = sys.argv[1:]


class Receiver(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        seen = {"path": self.path, "headers": {name.lower(): value for name, value in self.headers.items()},
                "body": body.decode()}
        with open(file, "a") as out:
            out.write(json.dumps(seen) + "\n")
        self.send_response(int(statuses.pop(0)) if statuses else 204)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), Receiver)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.minimum_version = ssl.TLSVersion.TLSv1_3
context.load_cert_chain(chain, key)
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
server.serve_forever()
