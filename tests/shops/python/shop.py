"""A shop that takes payments through PAYON, with the standard library and the package cryptography.

    shop.py     this file: settings, and the shop's HTTP calls
    orders.py   what the shop does about its orders
    payon.py    calls to PAYON
    books.py    the orders, in a file
    agenda.py   what is to be done later
"""

import json
import logging
import os
import re
import signal
import time
from concurrent.futures import Future
from concurrent.futures import TimeoutError as StillBusy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from agenda import Agenda, real
from books import Books
from orders import Refusal, Shop, done, text
from payon import Payon, parse

PATIENCE_S = 45  # how long a caller is kept waiting for PAYON; what takes longer goes on by itself
BODY_BYTES_MAX = 64 << 10
READ_LIMIT_S = 60  # real seconds for a request that drips


def setting(name, default=None):
    value = os.environ.get(name, default)
    if value is None:
        raise SystemExit(f"the environment must set {name}")
    return value


def view(order):
    """An order as it is shown."""
    return {
        "id": order.id,
        "txId": order.txId,
        "state": order.state,
        "amount": text(order.amount, order.currency),
        "currency": order.currency,
        "checkoutUrl": order.checkoutUrl,
        "shippedCount": order.shipped,
        "captured": text(order.captured, order.currency),
        "refunded": text(order.refunded, order.currency),
        "note": order.note,
    }


class Calls:
    """The shop's calls: a method and a path lead to a function of this class."""

    def __init__(self, shop):
        self._shop = shop

    def health(self, _):
        return 200, {"ok": True}

    def order(self, body):
        order_id, work = self._shop.order(body)
        return self._after(order_id, work, 201)

    def orders(self, _):
        return 200, [view(order) for order in self._shop.all()]

    def show(self, _, order_id):
        return 200, view(self._shop.get(order_id))

    def refund(self, body, order_id):
        return self._after(order_id, self._shop.give_back(order_id, "refund", body.get("amount")))

    def cancel(self, _, order_id):
        return self._after(order_id, self._shop.give_back(order_id, "reversal"))

    def capture(self, body, order_id):
        return self._after(order_id, self._shop.capture(order_id, body.get("amount")))

    def check(self, _, order_id):
        self._shop.check(order_id)
        return self._after(order_id, done())

    def list(self, _):
        self._shop.compare_by_list()
        return 200, {"ok": True}

    def reconcile(self, _):
        self._shop.reconcile()
        return 200, {"ok": True}

    def bind(self, body):
        self._shop.bind(body.get("clientId"), body)
        return 201, {"clientId": body.get("clientId"), "saved": True}

    def push_back(self, body):
        """A push-back: stored, then acknowledged with the code that some senders want. What it says is not believed."""
        if not isinstance(body.get("txId"), str):
            raise Refusal(400, "a push-back names a txId")
        order_id = self._shop.find(body["txId"])
        if order_id is None:
            raise Refusal(404, "no such order")
        self._shop.heard(order_id, body.get("resultCode"))
        return 200, {"resultCode": "0000", "resultMsg": "Success"}

    def come_back(self, _, result, order_id):
        """The payer's page: it says that the shop is looking into it, and decides nothing."""
        self._shop.get(order_id)
        self._shop.came_back(order_id, result)
        return 200, "Thank you. We are checking your payment."

    def _after(self, order_id, work: Future, status=200):
        """Answers about an order when the work is done or the caller has waited long enough."""
        try:
            work.result(real(PATIENCE_S))
        except StillBusy:
            status = 202
        return status, view(self._shop.get(order_id))


ROUTES = [
    (method, re.compile(path), call)
    for method, path, call in (
        ("GET", "/healthz", Calls.health),
        ("POST", "/orders", Calls.order),
        ("GET", "/orders", Calls.orders),
        ("GET", "/orders/([^/]+)", Calls.show),
        ("POST", "/orders/([^/]+)/refund", Calls.refund),
        ("POST", "/orders/([^/]+)/cancel", Calls.cancel),
        ("POST", "/orders/([^/]+)/capture", Calls.capture),
        ("POST", "/orders/([^/]+)/check", Calls.check),
        ("POST", "/list", Calls.list),
        ("POST", "/reconcile", Calls.reconcile),
        ("POST", "/cards", Calls.bind),
        ("POST", "/noti", Calls.push_back),
        ("GET", "/return/(success|fail|cancel)/([^/]+)", Calls.come_back),
        ("POST", "/return/(success|fail|cancel)/([^/]+)", Calls.come_back),
    )
]


class Handler(BaseHTTPRequestHandler):
    calls: Calls
    protocol_version = "HTTP/1.1"
    timeout = READ_LIMIT_S

    def answer(self):
        try:
            status, said = self._call()
        except Refusal as refusal:
            status, said = refusal.status, {"error": str(refusal)}
        except OSError:
            raise  # the sender has gone
        except Exception:
            logging.exception("%s %s", self.command, self.path)
            status, said = 500, {"error": "something went wrong"}
        is_page = isinstance(said, str)
        body = (said if is_page else json.dumps(said)).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8" if is_page else "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = answer

    def _call(self):
        path = self.path.split("?")[0]
        body = self._read()
        methods = {method: (call, match) for method, route, call in ROUTES if (match := route.fullmatch(path))}
        if not methods:
            raise Refusal(404, f"there is no {path}")
        if self.command not in methods:
            raise Refusal(405, f"{path} takes {' and '.join(methods)}")
        call, match = methods[self.command]
        members = {}
        if self.command == "POST" and call is not Calls.come_back:
            members = parse(body or b"{}")
        if not isinstance(members, dict):
            raise Refusal(400, "the body must be a JSON object")
        return call(self.calls, members, *match.groups())

    def _read(self):
        """Reads a body to its end, so that its sender hears the answer, but keeps no more than is sensible."""
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or "Transfer-Encoding" in self.headers:
            self.close_connection = True
            raise Refusal(411, "the length of the body must be told")
        left, kept, until = int(length), b"", time.monotonic() + READ_LIMIT_S
        while left > 0:
            chunk = self.rfile.read1(min(left, 1 << 16))
            if not chunk or time.monotonic() > until:
                self.close_connection = True
                raise Refusal(408, "the body ended early, or took too long")
            left -= len(chunk)
            if len(kept) <= BODY_BYTES_MAX:
                kept += chunk
        if len(kept) > BODY_BYTES_MAX:
            raise Refusal(413, f"a body may have {BODY_BYTES_MAX} bytes")
        return kept

    def log_message(self, *_):
        pass  # addresses of requests may name payers


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request, client_address):
        logging.debug("a connection broke", exc_info=True)


def main():
    port = setting("PORT", "3000")
    url = setting("SHOP_URL", f"http://127.0.0.1:{port}")
    payon = Payon(
        setting("PAYON_URL"), setting("MERCHANT_ID"), setting("TERM_ID"), setting("PRIVATE_KEY"), os.environ.get("TOKEN")
    )
    shop = Shop(Books(setting("BOOKS", "books.jsonl")), payon, Agenda(), url)
    Handler.calls = Calls(shop)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    server = Server(("127.0.0.1", int(port)), Handler)
    shop.open()
    print(f"the shop is open at {url}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
