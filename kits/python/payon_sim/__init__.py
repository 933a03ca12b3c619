"""Tests against payon-sim, the PAYON payment gateway on your own machine.

A `Server` is a running simulator. A `Space` of it is a world of its own for one test: one merchant, its orders, its
clock. With pytest the fixtures `payon_server` and `payon` of `payon_sim.plugin` give both.
"""

import json
import os
import shutil
import subprocess
import sysconfig
import uuid
from pathlib import Path
from typing import Any, Dict, List, Optional, Union
from urllib.error import HTTPError
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen

__all__ = ["ControlError", "Server", "Space"]

Json = Dict[str, Any]
#: An order as `Space.register` returns it, or its txId.
Order = Union[str, Json]


class ControlError(AssertionError):
    """A call of the simulator's control plane was refused; the message says why."""


def find_binary() -> str:
    """PAYON_SIM_BIN, else the program beside this Python's scripts, else the one on PATH."""
    beside = shutil.which("payon-sim", path=sysconfig.get_path("scripts"))
    found = os.environ.get("PAYON_SIM_BIN") or beside or shutil.which("payon-sim")
    if not found:
        raise RuntimeError("payon-sim is not found: install the package payon-sim, or set PAYON_SIM_BIN to the program")
    return found


def _send(method: str, url: str, body: Any = None, token: Optional[str] = None) -> "tuple[int, str]":
    request = Request(url, method=method, headers={"Content-Type": "application/json"})
    request.data = None if body is None else json.dumps(body).encode()
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urlopen(request, timeout=310) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as refused:
        with refused:
            return refused.code, refused.read().decode()


class Server:
    """A simulator: the one at PAYON_SIM_URL, else one that is started on a free port and ends with this process."""

    def __init__(self, *flags: str, binary: Optional[str] = None) -> None:
        """Starts or joins it. `flags` are those of `payon-sim serve`; with any, it is started in any case."""
        self.process: Optional["subprocess.Popen[bytes]"] = None
        url = os.environ.get("PAYON_SIM_CONTROL_URL") or os.environ.get("PAYON_SIM_URL")
        self.token = os.environ.get("PAYON_SIM_CONTROL_TOKEN")
        if url and not flags:
            self.control_url = url.rstrip("/")
            return
        line = [binary or find_binary(), "serve", "--port", "0", "--quiet", "--ready-file", "-", "--exit-with-parent"]
        self.process = subprocess.Popen([*line, *flags], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        ready = self.process.stdout.readline()  # type: ignore[union-attr]
        if not ready:
            raise RuntimeError(f"payon-sim ended with {self.process.wait()} before it was ready; it says why above")
        told = json.loads(ready)
        self.control_url, self.token = told["controlUrl"], told.get("controlToken")

    def space(self, **wishes: Any) -> "Space":
        """Makes a space; `wishes` such as name and seed are those of POST /_sim/v1/spaces."""
        status, text = _send("POST", f"{self.control_url}/_sim/v1/spaces", wishes, self.token)
        if status != 201:
            raise ControlError(text)
        return Space(self, json.loads(text))

    def close(self) -> None:
        """Ends a simulator that was started here."""
        if self.process:
            self.process.terminate()
            self.process.communicate()

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Space:
    """An isolated world with one merchant. Give `base_url`, the ids and the keys to the code under test."""

    def __init__(self, server: Server, made: Json) -> None:
        merchant = made["merchants"][0]
        self.server, self.name = server, made["name"]
        self.base_url, self.control_url = made["baseUrl"], made["controlUrl"]
        self.merchant_id, self.term_id = merchant["merchantId"], merchant["termId"]
        self.private_key, self.gateway_public_key = merchant["privateKey"], made["gatewayPublicKey"]

    def inbox_url(self, box: str = "shop") -> str:
        """A noti_url that needs no listener: what is sent there, `pushback` reads."""
        return f"{self.base_url}/_sim/inbox/{box}"

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Calls the control plane below /_sim/v1/; raises ControlError where that is refused."""
        status, text = _send(method, f"{self.control_url}/_sim/v1/{path}", body, self.server.token)
        if status >= 400:
            raise ControlError(json.loads(text).get("detail", text))
        return json.loads(text) if text[:1] in ("{", "[") else text

    def call(self, path: str, body: Json, sign: bool = False) -> Json:
        """Calls PAYON as the merchant, such as `/pg/refund`; merchantId and termId are added."""
        body = {"merchantId": self.merchant_id, "termId": self.term_id, **body}
        if sign:
            body = self.control("POST", "sign", {"merchantId": self.merchant_id, "body": body})["body"]
        return json.loads(_send("POST", self.base_url + path, body)[1])

    def register(self, amount: str = "1.00", **members: Any) -> Json:
        """Registers an order by card in US dollars; `members` of the request go before these."""
        usual = {"txId": uuid.uuid4().hex, "trt": "10", "currency": "USD", "amount": amount}
        usual.update(paymentMethod="CREDIT_DEBIT", noti_url=self.inbox_url())
        answer = self.call("/pg/order/register", {**usual, **members})
        if answer["resultCode"] != "0000":
            raise ControlError(f"the order is refused: {answer}")
        return {**usual, **members, **answer["resultData"]}

    def pay(self, order: Order, **payer: Any) -> Json:
        """Plays the payer: nothing said, the first card that is approved; `outcome="insufficient-funds"` and so on."""
        return self.control("POST", self._path(order, "/pay"), payer)

    def trigger(self, order: Order, event: str) -> Json:
        """Makes an event happen: expire, cancel, settle, late-decline, late-approval or chargeback."""
        return self.control("POST", self._path(order, "/trigger"), {"event": event})

    def order(self, order: Order) -> Json:
        """The order as the gateway's books have it."""
        return self.control("GET", self._path(order))

    def status(self, order: Json) -> Json:
        """Asks PAYON for the status of an order, as a merchant must after a push-back."""
        members = {name: order[name] for name in ("txId", "amount", "currency")}
        return self.call("/pg/transaction/status", members)

    def refund(self, order: Order, amount: str) -> Json:
        """Asks PAYON for a refund, signed."""
        return self.call("/pg/refund", {"txId": _tx_id(order), "amount": amount}, sign=True)

    def pushback(self, order: Optional[Order] = None, box: str = "shop", **query: Any) -> Json:
        """Waits for a push-back that came to `inbox_url(box)`, and returns its body."""
        if order is not None:
            query["txId"] = _tx_id(order)
        return self.wait("inbox", box=box, **query)["message"]["json"]

    def wait(self, what: str, **query: Any) -> Json:
        """Waits for order-final, pushback-acknowledged, pushback-exhausted, request, inbox or idle."""
        return self.control("GET", "wait?" + urlencode({"for": what, **query}))

    def clock(self, **wish: Any) -> Json:
        """Changes the clock of the space: `advance="10m"`, `freeze=True`, `runUntilIdle=True`."""
        return self.control("POST", "clock", wish)

    def rules(self, *rules: Json) -> Json:
        """Arms rules as in a scenario file in place of those before."""
        return self.control("PUT", "rules", list(rules))

    def scenario(self, name: str) -> Json:
        """Arms the rules of a scenario of the catalogue, such as S014."""
        return self.control("POST", f"scenarios/{quote(name)}/arm", {})

    def verify(self, *expect: Json) -> List[Json]:
        """Judges expectations as under `expect` of a scenario file; raises with the evidence where one is not met."""
        judged = self.control("POST", "verify", {"expect": expect})
        failed = [f"{it['expectation']}: {it['detail']}" for it in judged["results"] if not it["ok"]]
        if failed:
            raise AssertionError("not as expected:\n" + "\n".join(failed))
        return judged["results"]

    def report(self) -> str:
        """Requests, findings and push-backs of the space in words, for the message of a failed test."""
        return self.control("GET", "report")["text"]

    def close(self) -> None:
        """Removes the space."""
        _send("DELETE", f"{self.server.control_url}/_sim/v1/spaces/{self.name}", None, self.server.token)

    def _path(self, order: Order, verb: str = "") -> str:
        return f"orders/{quote(self.merchant_id)}/{quote(_tx_id(order), safe='')}{verb}"


def _tx_id(order: Order) -> str:
    return order if isinstance(order, str) else order["txId"]
