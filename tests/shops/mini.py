"""The smallest shop that can be tested: it sells by card, asks for the status when it hears of a payment, and forgets
nothing. MISTAKE=ships-twice, trusts-push-back, trusts-return, never-asks, forgets and dies-late are bugs for tests. NOTI_URL and
PAGES_URL are addresses in place of the right ones, PAGE is the answer of the return page, SAYS=yes tells of goods by a boolean,
SAYS=sold says of every order that it is sold."""

import json
import os
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

GATEWAY = os.environ["GATEWAY"]
PORT = int(os.environ["PORT"])
MISTAKE = os.environ.get("MISTAKE", "")
BOOKS = os.environ.get("BOOKS")
SAYS = os.environ.get("SAYS")
LOCK = threading.Lock()
ORDERS = {}


def save():
    if BOOKS:
        with open(BOOKS + ".new", "w") as books:
            json.dump(ORDERS, books)
        os.replace(BOOKS + ".new", BOOKS)


def pay(path, **members):
    identity = {"merchantId": os.environ["MERCHANT"], "termId": os.environ["TERMINAL"]}
    request = urllib.request.Request(GATEWAY + path, json.dumps({**identity, **members}).encode())
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as refused:
        try:
            return json.load(refused)
        except ValueError:
            return {}
    except (OSError, ValueError):
        return {}


def register(wish):
    with LOCK:
        name = str(len(ORDERS) + 1)
        ORDERS[name] = order = {"id": name, "state": "NEW", "shipped": 0, "refunded": None, **wish}
        save()
    address = f"http://127.0.0.1:{PORT}"
    noti = os.environ.get("NOTI_URL", f"{address}/noti")
    pages = os.environ.get("PAGES_URL", f"{address}/thanks")
    said = {}
    for _ in range(3):
        said = pay("/pg/order/register", txId=f"mini-{name}", trt="10", currency=order["currency"], amount=order["amount"],
                   paymentMethod="CREDIT_DEBIT", noti_url=noti or None, success_url=pages and f"{pages}/{name}")
        if said.get("resultCode") == "0000":
            return 201, {"id": name}
        time.sleep(float(os.environ.get("PAUSE", "0.05")))
    return 502, said


def check(name):
    order = ORDERS[name]
    said = pay("/pg/transaction/status", txId=f"mini-{name}", amount=order["amount"], currency=order["currency"])
    if said.get("resultCode") == "0000":
        ship(order)
    return 200, order


def ship(order):
    with LOCK:
        order["state"] = "PAID"
        if MISTAKE == "ships-twice" or order["shipped"] == 0:
            order["shipped"] += 1
        save()


def told(order):
    if SAYS == "sold":
        return {"state": "PAID", "shipped": 1, "refunded": None}
    return {**order, "shipped": order["shipped"] > 0} if SAYS == "yes" else order


def push_back(body):
    name = body["txId"].removeprefix("mini-")
    if name not in ORDERS:
        return 404, {}
    if MISTAKE == "trusts-push-back":
        ship(ORDERS[name])
    elif MISTAKE != "never-asks":
        check(name)
    return 200, {}


class Shop(BaseHTTPRequestHandler):
    def answer(self):
        length = int(self.headers.get("content-length") or 0)
        text = self.rfile.read(length) or b"{}"
        path = self.path.split("?")[0].strip("/").split("/")
        try:
            status, said = self.act(path, json.loads(text))
        except (KeyError, ValueError) as error:
            status, said = 400, {"error": str(error)}
        body = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        if status == 302:
            self.send_header("location", said["location"])
        self.end_headers()
        self.wfile.write(body)

    def act(self, path, body):
        match path:
            case ["healthz"]:
                return 200, {}
            case ["orders"]:
                return register(body)
            case ["orders", name]:
                if MISTAKE == "dies-late" and ORDERS[name]["state"] == "PAID":
                    print("the last words", flush=True)
                    os._exit(3)
                if name not in ORDERS:
                    return 404, {"error": "no such order"}
                return 200, told(ORDERS[name])
            case ["orders", name, "check"]:
                return check(name)
            case ["noti"]:
                return push_back(body)
            case ["thanks", name]:
                if MISTAKE == "trusts-return" and name in ORDERS:
                    ship(ORDERS[name])
                page = os.environ.get("PAGE", "200")
                return (int(page), {}) if page.isdigit() else (302, {"location": page})
            case ["crash"]:
                print("the shop falls over", flush=True)
                os._exit(3)
        return 404, {"error": "no such page"}

    do_GET = do_POST = answer

    def log_message(self, *_):
        pass


if BOOKS and os.path.exists(BOOKS) and MISTAKE != "forgets":
    with open(BOOKS) as books:
        ORDERS.update(json.load(books))
ThreadingHTTPServer(("127.0.0.1", PORT), Shop).serve_forever()
