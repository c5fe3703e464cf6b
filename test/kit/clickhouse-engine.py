"""ClickHouse's engine, embedded (chdb), behind the part of its HTTP interface that the sink uses.

usage: clickhouse-engine.py PORT FOLDER USER PASSWORD
"""

import gzip
import http.server
import re
import sys
import threading
import urllib.parse
from unittest.mock import MagicMock

# chdb imports them for its results as tables, which are not used here.
for name in ("pyarrow", "pandas", "numpy"):
    sys.modules[name] = MagicMock()
from chdb import session

port, folder, user, password = sys.argv[1:]
engine = session.Session(folder)
one_at_a_time = threading.Lock()


class Interface(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.reply(200, b"Ok.\n")

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        if (self.headers.get("X-ClickHouse-User"), self.headers.get("X-ClickHouse-Key")) != (user, password):
            return self.exception(516, "Code: 516. DB::Exception: Authentication failed. (AUTHENTICATION_FAILED)")
        settings = dict(urllib.parse.parse_qsl(urllib.parse.urlparse(self.path).query))
        statement = settings.pop("query", None)
        clause = ", ".join(f"{name} = '{value}'" for name, value in settings.items())
        query, data = body.decode(), ""
        if statement is not None:
            query, data = statement, " " + query
        if clause and re.search(r" FORMAT \w+$", query):
            query = re.sub(r" FORMAT (\w+)$", rf" SETTINGS {clause} FORMAT \1", query)
        try:
            with one_at_a_time:
                result = engine.query(query + data)
            self.reply(200, b"" if result is None else bytes(result.bytes() or b""))
        except Exception as error:
            text = str(error)
            found = re.search(r"Code: (\d+)", text)
            self.exception(int(found.group(1)) if found else 1002, text)

    def exception(self, code, text):
        self.reply(500, text.encode(), {"X-ClickHouse-Exception-Code": str(code)})

    def reply(self, status, body, headers={}):
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True


Server(("127.0.0.1", int(port)), Interface).serve_forever()
