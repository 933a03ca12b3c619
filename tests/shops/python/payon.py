"""Calls to PAYON: signed where needed, limited in time, never redirected, and read for what they really say."""

import base64
import http.client
import json
import socket
import threading
import time
from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_private_key

from agenda import real

CALL_LIMIT_S = 30
ANSWER_BYTES_MAX = 4 << 20
PAGE_ROWS = 100
SIGNED = ("/pg/refund", "/pg/reversal", "/pg/preAuthCompletion")
STATUS = "/pg/transaction/status"
TEMPORARY = ("9001", "9002")  # "not now; nothing was done"
SYSTEM_ERROR = "9999"


@dataclass(frozen=True)
class Answer:
    """What a call has come to.

    yes    done, with the body
    no     refused, with the code
    later  refused for now, nothing was done
    lost   no answer, or none that can be read: nothing is known
    """

    kind: str
    body: object = None
    code: str | None = None


LOST = Answer("lost")
LATER = Answer("later")


@dataclass(frozen=True)
class Status:
    """What PAYON says of an order.

    told     a success: its state, amount and currency
    open     no success to tell of: unknown, not paid yet, or not any more; these three look the same
    unknown  no answer
    """

    kind: str
    state: str | None = None
    amount: Decimal | None = None
    currency: str | None = None


class Payon:
    def __init__(self, url, merchant_id, term_id, private_key, token=None):
        self._url = urlsplit(url)
        self._ours = {"merchantId": merchant_id, "termId": term_id}
        self._key = load_der_private_key(base64.b64decode(private_key), password=None)
        self._headers = {"Content-Type": "application/json"}
        if token:
            self._headers["Authentication"] = token
        self._not_before = 0.0  # PAYON has asked to be left alone until then

    def _signature(self, body):
        """RSA-SHA256 over the sorted name=value pairs, empty ones left out, in Base64."""
        pairs = "&".join(f"{name}={body[name]}" for name in sorted(body) if body[name] not in (None, ""))
        return base64.b64encode(self._key.sign(pairs.encode(), padding.PKCS1v15(), SHA256())).decode()

    def call(self, path, members):
        if isinstance(members, list):
            body = [{**self._ours, **row} for row in members]
        else:
            body = {**self._ours, **{name: value for name, value in members.items() if value is not None}}
            if path in SIGNED:
                body["sign"] = self._signature(body)
        time.sleep(max(0.0, self._not_before - time.monotonic()))
        try:
            retry_after, text = self._post(path, json.dumps(body).encode())
        except (OSError, http.client.HTTPException, ValueError):
            return LOST
        return self._understand(path, retry_after, text)

    def _post(self, path, body):
        kind = http.client.HTTPSConnection if self._url.scheme == "https" else http.client.HTTPConnection
        connection = kind(self._url.netloc, timeout=real(CALL_LIMIT_S))

        def hang_up():
            if connection.sock is not None:
                connection.sock.shutdown(socket.SHUT_RDWR)

        # A socket's own timeout begins anew with each byte; this one is for the call as a whole.
        limit = threading.Timer(real(CALL_LIMIT_S), hang_up)
        try:
            connection.connect()
            limit.start()
            connection.request("POST", self._url.path + path, body, self._headers)
            response = connection.getresponse()  # a redirect is an answer like any other
            text = response.read(ANSWER_BYTES_MAX + 1)
            if len(text) > ANSWER_BYTES_MAX:
                raise ValueError("the answer is too large")
            return response.getheader("Retry-After"), text
        finally:
            limit.cancel()
            connection.close()

    def _understand(self, path, retry_after, text):
        if retry_after and retry_after.isdigit():
            self._not_before = max(self._not_before, time.monotonic() + real(int(retry_after)))
            return LATER
        body = parse(text)  # whatever the Content-Type and the status say
        if isinstance(body, list):
            return Answer("yes", body)
        code = body.get("resultCode") if isinstance(body, dict) else None
        if code == "0000":
            return Answer("yes", body)
        if code in TEMPORARY:
            return LATER
        # "System error" says nothing about money. Only of a status call it is documented: no success to tell of.
        if not isinstance(code, str) or (code == SYSTEM_ERROR and path != STATUS):
            return LOST
        return Answer("no", code=code)

    def register(self, order, urls, binding_id):
        members = {
            "txId": order.txId,
            "trt": order.trt,
            "currency": order.currency,
            "amount": str(order.amount),
            "paymentMethod": order.method,
            "clientId": order.clientId,
            "bindingId": binding_id,
        }
        return self.call("/pg/order/register", {**members, **urls})

    def move(self, order, job):
        """Makes the call of a job; a refund of all that is left names no amount."""
        if job.kind == "capture":
            more = {"currency": order.currency, "amount": str(job.amount)}
            return self.call("/pg/preAuthCompletion", {"txId": order.txId, **more})
        if job.kind == "reversal":
            return self.call("/pg/reversal", {"txId": order.txId})
        return self.call("/pg/refund", {"txId": order.txId, "amount": None if job.whole else str(job.amount)})

    def status(self, order):
        members = {"txId": order.txId, "amount": str(order.amount), "currency": order.currency}
        answer = self.call(STATUS, members)
        if answer.kind == "no":
            return Status("open")
        data = answer.body.get("resultData") if isinstance(answer.body, dict) else None
        if not isinstance(data, dict) or data.get("tracNo", order.txId) != order.txId:
            return Status("unknown")
        return Status("told", data.get("txStCd"), decimal(data.get("amount")), data.get("currencyCode"))

    def orders(self, first, last):
        """The rows of all orders of these days; None when there is no answer."""
        rows = []
        for index in range(1, 10_000):
            page = {"fromDate": first.strftime("%d%m%Y"), "toDate": last.strftime("%d%m%Y"), "index": index, "limit": PAGE_ROWS}
            listed = self._ask("/pg/orders", page)
            if listed is None:
                return None
            rows += [row for row in listed if isinstance(row, dict)]
            if len(listed) < PAGE_ROWS:
                break
        return rows

    def reconcile(self, claims):
        """PAYON's verdict on each row, in order: its code; None when there is no answer."""
        codes = []
        for at in range(0, len(claims), PAGE_ROWS):
            verdicts = self._ask("/pg/merchant/reconcilation", claims[at : at + PAGE_ROWS])
            if verdicts is None:
                return None
            codes += [row.get("resultCode") if isinstance(row, dict) else None for row in verdicts]
        return codes

    def _ask(self, path, members):
        """The list that a call answers, which only asks and may be made a few times."""
        for tried in range(4):
            if tried:
                time.sleep(real(5 * 4**tried))
            answer = self.call(path, members)
            if isinstance(answer.body, list):
                return answer.body
            if answer.kind == "no":
                break
        return None

    def bind(self, client_id, card):
        card = {"wdlAcNo": card.get("number"), "wdlCvv": card.get("cvv"), "wdlExpiry": card.get("expiry")}
        return self.call("/pg/binding/register", {"clientId": client_id, "paymentMethod": "CREDIT_DEBIT", **card})

    def bindings(self, client_id):
        """The ids of a client's saved cards; None when there is no answer."""
        answer = self.call("/pg/bindingList", {"clientId": client_id})
        rows = answer.body.get("resultData") if isinstance(answer.body, dict) else None
        return {row.get("bindingId") for row in rows if isinstance(row, dict)} if isinstance(rows, list) else None


def parse(text):
    """JSON with exact numbers; None for anything else, however deep it nests."""
    try:
        return json.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError):
        return None


def decimal(value):
    """An amount that came as text or as a number; None when it is neither."""
    try:
        amount = Decimal(str(value))
    except ArithmeticError:
        return None
    return amount if amount.is_finite() else None
