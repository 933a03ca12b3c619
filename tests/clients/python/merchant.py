"""A shop that takes payments through PAYON, with the packages cryptography and requests."""

import base64
import json
import os
import queue
import secrets
import sys
import threading
import time
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_der_public_key

BASE_URL = os.environ["BASE_URL"]
CONTROL_URL = os.environ["CONTROL_URL"]
MERCHANT_ID = os.environ["MERCHANT_ID"]
TERM_ID = os.environ["TERM_ID"]
PRIVATE_KEY = load_der_private_key(base64.b64decode(os.environ["PRIVATE_KEY"]), password=None)
GATEWAY_KEY = load_der_public_key(base64.b64decode(os.environ["GATEWAY_PUBLIC_KEY"]))

CUSTOMER = "02"
CAMBODIA = timezone(timedelta(hours=7))
PATIENCE_S = 10


# --- How requests are made ---


def call(path, body):
    """Posts a request to PAYON. Amounts of the answer are Decimal, so that no cent is lost."""
    response = requests.post(BASE_URL + path, json=body, timeout=PATIENCE_S)
    return response.status_code, response.json(parse_float=Decimal, parse_int=Decimal)


def ours():
    return {"merchantId": MERCHANT_ID, "termId": TERM_ID}


def canonical(body):
    """What is signed: name=value pairs sorted by name, joined by &; sign, None and "" left out, but not 0."""
    names = [name for name in sorted(body) if name != "sign" and body[name] not in (None, "")]
    return "&".join(f"{name}={body[name]}" for name in names)


def signature(text):
    """RSA-SHA256 with PKCS#1 v1.5 padding, in Base64."""
    return base64.b64encode(PRIVATE_KEY.sign(text.encode(), padding.PKCS1v15(), SHA256())).decode()


def sign(body):
    return {**body, "sign": signature(canonical(body))}


def encrypt(text):
    """RSA with PKCS#1 v1.5 padding under PAYON's key, in as many blocks as the text needs."""
    plain = text.encode()
    room = GATEWAY_KEY.key_size // 8 - 11
    blocks = [plain[at : at + room] for at in range(0, len(plain), room)]
    return b"".join(GATEWAY_KEY.encrypt(block, padding.PKCS1v15()) for block in blocks)


def expect(what, got, wanted):
    if got != wanted:
        raise SystemExit(f"{what}: expected {wanted!r}, got {got!r}")


# --- Push-backs ---


class PushBacks:
    """Listens for push-backs: takes each one, answers 200, and hands it to who waits for it."""

    def __init__(self):
        received = self.received = queue.Queue()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                length = int(self.headers.get("Content-Length", 0))
                received.put(json.loads(self.rfile.read(length)))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/payon/push-back"
        self.count = 0
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def wait_for(self, tx_id):
        while True:
            try:
                notice = self.received.get(timeout=PATIENCE_S)
            except queue.Empty:
                raise SystemExit(f"no push-back for {tx_id} within {PATIENCE_S} s") from None
            self.count += 1
            if notice["txId"] == tx_id:
                return notice


# --- The steps ---


def register(push_backs, trt, amount):
    """Announces an order: trt 10 is a purchase, 12 a pre-authorisation."""
    tx_id = f"py-{secrets.token_hex(8)}"
    body = {
        **ours(),
        "txId": tx_id,
        "trt": trt,
        "currency": "USD",
        "amount": amount,
        "paymentMethod": "CREDIT_DEBIT",
        "clientId": CUSTOMER,
        "noti_url": push_backs.url,
    }
    _, answer = call("/pg/order/register", body)
    expect("register", answer["resultCode"], "0000")
    expect("registered amount", answer["resultData"]["amount"], Decimal(amount))
    expect("checkoutUrl", answer["resultData"]["checkoutUrl"][:4], "http")
    return tx_id


def status(tx_id, amount):
    body = {**ours(), "txId": tx_id, "amount": amount, "currency": "USD"}
    return call("/pg/transaction/status", body)


def pay(tx_id):
    """Plays the payer; in real life somebody opens checkoutUrl in a browser."""
    url = f"{CONTROL_URL}/_sim/v1/orders/{MERCHANT_ID}/{tx_id}/pay"
    requests.post(url, json={}, timeout=PATIENCE_S).raise_for_status()


def settle(push_backs, tx_id, amount, state):
    """Waits for the push-back. It carries no signature, so only the status call is believed."""
    expect("status before the payment", status(tx_id, amount)[0], 302)
    pay(tx_id)
    expect("push-back", push_backs.wait_for(tx_id)["resultCode"], "0000")
    http, answer = status(tx_id, amount)
    expect("status", (http, answer["resultCode"]), (200, "0000"))
    order = answer["resultData"]
    expect("paid order", (order["tracNo"], order["txStCd"]), (tx_id, state))
    expect("paid amount", (order["amount"], order["currencyCode"]), (Decimal(amount), "USD"))


def refund(tx_id, amount):
    body = sign({**ours(), "txId": tx_id, "amount": amount})
    _, answer = call("/pg/refund", body)
    expect("refund", (answer["resultCode"], answer["amount"]), ("0000", Decimal(amount)))


def refund_nothing(tx_id):
    """Nothing can be given back, but it must not be taken for everything either: a zero is signed and sent."""
    for amount in (0, "0"):
        _, answer = call("/pg/refund", sign({**ours(), "txId": tx_id, "amount": amount}))
        expect("refund of nothing", answer["resultCode"], "1103")


def reverse(tx_id, amount):
    _, answer = call("/pg/reversal", sign({**ours(), "txId": tx_id}))
    expect("reversal", (answer["resultCode"], answer["amount"]), ("0000", Decimal(amount)))


def complete(tx_id, amount):
    """Captures a part of what was authorised; the rest is released."""
    body = sign({**ours(), "txId": tx_id, "currency": "USD", "amount": amount})
    _, answer = call("/pg/preAuthCompletion", body)
    expect("completion", (answer["resultCode"], answer["amount"]), ("0000", Decimal(amount)))


def explain(tx_id):
    """Signs the members as they stand instead of sorted, is refused, and asks the simulator why."""
    body = {"txId": tx_id, **ours()}
    body["sign"] = signature("&".join(f"{name}={value}" for name, value in body.items()))
    _, answer = call("/pg/refund", body)
    expect("refund with a wrong signature", answer["resultCode"], "2102")
    question = {"merchantId": MERCHANT_ID, "operation": "refund", "body": body}
    url = f"{CONTROL_URL}/_sim/v1/sign/explain"
    explanation = requests.post(url, json=question, timeout=PATIENCE_S).json()
    expect("explanation", explanation["ok"], False)
    print("the signature was refused:", explanation["summary"])
    for cause in explanation["causes"]:
        print("  because:", cause["message"])
    return [cause["code"] for cause in explanation["causes"]]


def bind():
    """Saves a card without a payment."""
    card = {
        "wdlAcNo": "5204730000001003",
        "wdlCvv": "100",
        "wdlExpiry": "202512",
        "wdlNm": "MC",
        "phone": "855964444781",
        "pin": "123456",
    }
    body = {**ours(), "clientId": CUSTOMER, "paymentMethod": "CREDIT_DEBIT", **card}
    _, answer = call("/pg/binding/register", body)
    expect("binding", (answer["resultCode"], answer["wdlAcNo"]), ("0000", "520473**1003"))
    return answer["bindingId"]


def create_pin(pin):
    body = {**ours(), "clientId": CUSTOMER, "pin": base64.b64encode(encrypt(pin)).decode()}
    _, answer = call("/pg/binding/createPIN", body)
    expect("createPIN", answer["resultCode"], "0000")


def checkout_link(push_backs, amount):
    """A link that needs no register call: the order travels in it, encrypted for PAYON. It ends by itself."""
    tx_id = f"py-{secrets.token_hex(8)}"
    order = {
        **ours(),
        "txId": tx_id,
        "trt": "10",
        "currency": "USD",
        "amount": amount,
        "paymentMethod": "CREDIT_DEBIT",
        "clientId": CUSTOMER,
        "noti_url": push_backs.url,
        "success_url": "https://shop.example/done",
        "fail_url": "https://shop.example/failed",
        "cancel_url": "https://shop.example/cart",
        "issuedAt": str(time.time_ns() // 1_000_000),
    }
    data = base64.urlsafe_b64encode(encrypt(json.dumps(order))).decode()
    link = f"{BASE_URL}/pg/checkout"
    page = requests.get(link, {"merchantId": MERCHANT_ID, "data": data}, timeout=PATIENCE_S)
    expect("checkout page", page.status_code, 200)
    return tx_id


def orders():
    """The orders of the last two days, as Cambodia's calendar has them."""
    today = datetime.now(CAMBODIA)
    days = {"fromDate": today - timedelta(days=1), "toDate": today}
    body = {name: day.strftime("%d%m%Y") for name, day in days.items()}
    _, rows = call("/pg/orders", {**body, "index": 1, "limit": 100, **ours()})
    sequence = [row["txSeqNo"] for row in rows]
    expect("ascending orders", sequence, sorted(sequence))
    return {row["tracNo"]: row for row in rows}


def main():
    push_backs = PushBacks()

    purchase = register(push_backs, "10", "12.50")
    settle(push_backs, purchase, "12.50", "COMPLETE")
    causes = explain(purchase)
    refund_nothing(purchase)
    refund(purchase, "2.50")
    refund(purchase, "10.00")

    pre_auth = register(push_backs, "12", "20.00")
    settle(push_backs, pre_auth, "20.00", "AUTHORIZED")
    complete(pre_auth, "15.00")

    reversed_ = register(push_backs, "10", "7.00")
    settle(push_backs, reversed_, "7.00", "COMPLETE")
    reverse(reversed_, "7.00")

    binding = bind()
    create_pin("246810")
    link = checkout_link(push_backs, "3.25")

    listed = orders()
    expect("refunded in the list", listed[purchase]["refundYn"], "Y")
    expect("reversed in the list", listed[reversed_]["cancelYn"], "Y")
    expect("completed in the list", listed[pre_auth]["txStCd"], "09")

    summary = {
        "client": "python",
        "purchase": purchase,
        "preAuth": pre_auth,
        "reversed": reversed_,
        "link": link,
        "binding": binding,
        "causes": causes,
        "pushBacks": push_backs.count,
        "orders": len(listed),
    }
    print(json.dumps(summary))


if __name__ == "__main__":
    sys.exit(main())
