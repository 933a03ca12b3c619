#!/usr/bin/env python3
"""The walk of five minutes against a running payon-sim: order, payment, push-back, status, signed refund.

    packaging/story.py CONTROL_URL [CONTROL_TOKEN]

Uses Python's standard library and openssl.
"""

import base64
import http.server
import json
import queue
import secrets
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request

PATIENCE_S = 10


def call(url, body, token=None, method="POST"):
    """The JSON that answers a call."""
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as refusal:
        raise SystemExit(f"{url} answered {refusal.code}: {refusal.read().decode(errors='replace')}") from None


def expect(what, got, wanted):
    if got != wanted:
        raise SystemExit(f"{what}: expected {wanted!r}, got {got!r}")


def listen():
    """The address of a listener that takes push-backs, and what it has received."""
    received = queue.Queue()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            received.put(json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0)))))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}/noti", received


def sign(body, key):
    """RSA-SHA256 over the sorted name=value pairs, by openssl."""
    text = "&".join(f"{name}={body[name]}" for name in sorted(body))
    with tempfile.NamedTemporaryFile() as file:
        file.write(base64.b64decode(key))
        file.flush()
        command = ["openssl", "dgst", "-sha256", "-sign", file.name, "-keyform", "DER"]
        signed = subprocess.run(command, input=text.encode(), stdout=subprocess.PIPE, check=True).stdout
    return {**body, "sign": base64.b64encode(signed).decode()}


def tell(control_url, token=None):
    """Goes through all steps; whatever differs ends the program."""
    wish = {"name": f"story-{secrets.token_hex(4)}", "merchants": 1}
    space = call(f"{control_url}/_sim/v1/spaces", wish, token)
    merchant = space["merchants"][0]
    ours = {"merchantId": merchant["merchantId"], "termId": merchant["termId"], "txId": f"s-{secrets.token_hex(6)}"}
    address, received = listen()

    order = {"trt": "10", "currency": "USD", "amount": "10.00", "paymentMethod": "CREDIT_DEBIT", "noti_url": address}
    answer = call(f"{space['baseUrl']}/pg/order/register", {**ours, **order})
    expect("the answer to the order", answer["resultCode"], "0000")

    books = f"{space['controlUrl']}/_sim/v1/orders/{ours['merchantId']}/{ours['txId']}"
    call(f"{books}/pay", {}, token)
    try:
        push_back = received.get(timeout=PATIENCE_S)
    except queue.Empty:
        raise SystemExit(f"no push-back came within {PATIENCE_S} s") from None
    expect("the order of the push-back", push_back["txId"], ours["txId"])

    asked = {**ours, "amount": "10.00", "currency": "USD"}
    answer = call(f"{space['baseUrl']}/pg/transaction/status", asked)
    expect("the status", answer["resultData"]["txStCd"], "COMPLETE")

    answer = call(f"{space['baseUrl']}/pg/refund", sign(ours, merchant["privateKey"]))
    expect("the answer to the refund", answer["resultCode"], "0000")
    expect("the order in the books", call(books, None, token, "GET")["state"], "refunded")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    tell(*sys.argv[1:])
    print("order, payment, push-back, status and signed refund are as they should be")
