"""The shop's books: every order and saved card, in a file that outlives the process.

Each change is one line of JSON, written before anything is done about it. The last line of an order counts. (A process
that is killed loses nothing; against a power cut a shop uses a database.)
"""

import json
import os
import threading
from dataclasses import asdict, dataclass, field
from decimal import Decimal


@dataclass
class Job:
    """Money to be moved: kind is refund, reversal or capture."""

    kind: str
    amount: Decimal
    whole: bool = False  # all that is left
    state: str = "open"  # then done or refused
    sent: bool = False  # a call was made, whatever became of it


@dataclass
class Order:
    id: str
    txId: str
    trt: str
    amount: Decimal
    currency: str
    method: str
    clientId: str | None = None
    savedCard: bool = False
    state: str = "NEW"
    checkoutUrl: str | None = None
    day: str | None = None  # of its registration, by PAYON's calendar
    until: float = 0.0  # when it can be paid no more, by our own clock
    shipped: int = 0
    captured: Decimal | None = None  # the sum, once a hold is captured
    refunded: Decimal = Decimal(0)
    news: int = 0  # what was heard of it
    asked: int = 0  # as much of the news as PAYON has been asked about
    badNews: bool = False
    note: str | None = None
    jobs: list[Job] = field(default_factory=list)

    @property
    def taken(self):
        """The sum that was taken from the payer: captured, or else ordered."""
        return self.amount if self.captured is None else self.captured

    @property
    def left(self):
        """The sum that can still be given back."""
        under_way = (job.amount for job in self.jobs if job.state == "open" and job.kind != "capture")
        return self.taken - self.refunded - sum(under_way)

    @property
    def pending(self):
        return self.state in ("NEW", "WAITING")

    @property
    def has_news(self):
        return self.news > self.asked

    def hear(self, is_bad):
        """Notes that there is news, of which PAYON is to be asked."""
        # Good news does not hide bad news that nobody has followed up yet.
        self.badNews = is_bad or (self.has_news and self.badNews)
        self.news += 1

    @classmethod
    def read(cls, members):
        for name in ("amount", "captured", "refunded"):
            if members[name] is not None:
                members[name] = Decimal(members[name])
        jobs = members.pop("jobs")
        return cls(**members, jobs=[Job(**{**job, "amount": Decimal(job["amount"])}) for job in jobs])


class Books:
    def __init__(self, path):
        self._lock = threading.RLock()
        self._orders, self._by_tx_id, self._bindings = {}, {}, {}
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                for line in file:
                    if line.endswith("\n"):  # else it was never finished
                        self._take(json.loads(line))
        # Written anew, so that the file does not grow for ever and ends with a whole line.
        with open(f"{path}.new", "w", encoding="utf-8") as file:
            for order in self._orders.values():
                file.write(_line({"order": asdict(order)}))
            for client_id, binding_id in self._bindings.items():
                file.write(_line({"clientId": client_id, "bindingId": binding_id}))
        os.replace(f"{path}.new", path)
        self._file = open(path, "a", encoding="utf-8")

    def _take(self, line):
        if "order" in line:
            self._put(Order.read(line["order"]))
        elif line["bindingId"] is None:
            self._bindings.pop(line["clientId"], None)
        else:
            self._bindings[line["clientId"]] = line["bindingId"]

    def _put(self, order):
        self._orders[order.id] = order
        self._by_tx_id[order.txId] = order.id

    def _write(self, line):
        self._file.write(_line(line))
        self._file.flush()

    def add(self, order):
        with self._lock:
            self._write({"order": asdict(order)})
            self._put(order)

    def get(self, order_id):
        """The order of that number, or None. Only `change` may change it."""
        return self._orders.get(order_id)

    def find(self, tx_id):
        """The number of the order that has, or had, this txId."""
        return self._by_tx_id.get(tx_id)

    def all(self):
        with self._lock:
            return list(self._orders.values())

    def change(self, order_id, change):
        """Changes an order and stores it; what `change` returns is handed on."""
        with self._lock:
            order = self._orders[order_id]
            result = change(order)
            self._write({"order": asdict(order)})
            self._by_tx_id[order.txId] = order.id
            return result

    def binding(self, client_id):
        return self._bindings.get(client_id)

    def save_binding(self, client_id, binding_id=None):
        """Remembers a client's saved card by its id, or forgets it."""
        with self._lock:
            line = {"clientId": client_id, "bindingId": binding_id}
            self._write(line)
            self._take(line)


def _line(members):
    return json.dumps(members, default=str) + "\n"
