"""What the shop does about its orders.

The states of an order: NEW (stored, not yet known to be registered), WAITING (for the payer), HELD (the money is reserved
for a capture), PAID, FAILED, EXPIRED, REFUNDED (all of it is given back), DISPUTED (a human must look).

Whatever is heard of an order, by push-back, by the payer's return or by a timer, is a hint to ask PAYON; only the answer
to the status call changes its state. Money moves by jobs that are stored before the call is made, so that a restart goes
on where the process died.
"""

import re
import secrets
import threading
import time
from collections import defaultdict
from concurrent.futures import Future
from datetime import datetime, timedelta, timezone
from decimal import Decimal

from agenda import growing, real
from books import Job, Order

PAYABLE_S = 15 * 60  # how long PAYON lets a payer pay
GRACE_S = 60  # how much longer the shop asks
FIRST_POLL_S = 10
FIRST_RETRY_S = 2
REGISTER_TRIES = 9
JOB_TRIES = 24
LAG_S = 60  # how long PAYON's books may lag behind its answers
DAY_S = 24 * 3600
CAMBODIA = timezone(timedelta(hours=7))

DECIMALS = {"USD": 2, "KHR": 0}
METHODS = ("PAYON", "CREDIT_DEBIT", "PPCBANK_TRANSFER", "BAKONG_KHQR")

# Result codes of refusals that tell where an order or its money is.
DUPLICATE, BINDING_GONE = "3001", "6001"
REVERSED, REFUNDED, CAPTURED = "3102", "3103", "3104"
NOT_CAPTURED, SETTLED, NOT_SETTLED = "3106", "3107", "3108"

# What txStCd of the list of orders means for an order that is not paid, and with which states of the books it agrees.
LISTED_AS = {"20": "FAILED", "21": "FAILED", "22": "EXPIRED"}
AGREES = {"01": ("NEW", "WAITING"), "05": ("HELD",), "09": ("PAID",), "10": ("PAID",), "11": ("REFUNDED",), "12": ("REFUNDED",)}
UNPAID = ("NEW", "WAITING", "FAILED", "EXPIRED")


class Refusal(Exception):
    """The shop will not do what it is asked for."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


class Shop:
    def __init__(self, books, payon, agenda, url):
        self._books, self._payon, self._agenda, self._url = books, payon, agenda, url
        self._watches, self._watching = {}, threading.Lock()  # the latest appointment to ask about an order
        self._turns = defaultdict(threading.RLock)  # one at a time for each order, so that no answer overtakes another

    def open(self):
        """Goes on where the last process stopped, and compares the books every day."""
        for order in self._books.all():
            if order.state == "NEW":
                self._agenda.after(0, self._register, order.id, Future())
            elif is_open(order):
                self._watch(order.id)
            for at, job in enumerate(order.jobs):
                if job.state == "open":
                    self._agenda.after(0, self._work, order.id, at, Future())
        self._agenda.after(DAY_S, self._daily)

    def _daily(self):
        self._agenda.after(DAY_S, self._daily)
        self.reconcile()

    def get(self, order_id):
        order = self._books.get(order_id)
        if order is None:
            raise Refusal(404, f"there is no order {order_id}")
        return order

    # --- Orders ---

    def order(self, wish):
        """Stores an order. The second result comes when it is registered with PAYON, or given up."""
        currency, method, trt = wish.get("currency", "USD"), wish.get("method", "CREDIT_DEBIT"), wish.get("trt", "10")
        amount = exact(wish.get("amount"), currency)
        if method not in METHODS:
            raise Refusal(422, f"method must be one of {', '.join(METHODS)}")
        if trt not in ("10", "12"):
            raise Refusal(422, "trt must be 10 (purchase) or 12 (pre-authorisation)")
        reference = wish.get("reference", "")
        if not re.fullmatch(r"[\w-]{0,12}", str(reference), re.ASCII):
            raise Refusal(422, "reference may have 12 letters, digits, _ and -")
        order_id = f"p{int(time.time() * 1000):x}{secrets.token_hex(5)}"
        order = Order(
            id=order_id,
            txId=order_id + reference,  # never used before, and nobody can guess it
            trt=trt,
            amount=amount,
            currency=currency,
            method=method,
            clientId=wish.get("clientId"),
            savedCard=bool(wish.get("savedCard")),
        )
        self._books.add(order)
        done = Future()
        self._agenda.after(0, self._register, order_id, done)
        return order_id, done

    def _register(self, order_id, done, tried=0, known=True):
        """Registers a stored order: under its own txId, however often it takes."""
        order = self._books.get(order_id)
        if order.state != "NEW":
            return done.set_result(None)  # it has been paid meanwhile
        binding = self._books.binding(order.clientId) if order.savedCard else None
        answer = self._payon.register(order, self._urls(order), binding)
        known = known and answer.kind != "lost"
        if answer.kind == "yes":
            self._registered(order_id, answer.body.get("resultData") or {})
            return done.set_result(None)
        if answer.code == BINDING_GONE and order.savedCard:
            self._forget_card(order)
        elif answer.code == DUPLICATE:
            if self._is_ours(order):
                self._registered(order_id, {})
                return done.set_result(None)
            if tried > 0:  # another's, then
                self._change(order_id, txId=f"{order_id}-{tried + 1}")
        elif answer.kind == "no":
            self._change(order_id, state="FAILED", note=f"PAYON refused it with {answer.code}")
            return done.set_result(None)
        if tried + 1 < REGISTER_TRIES:
            self._agenda.after(growing(FIRST_RETRY_S, tried), self._register, order_id, done, tried + 1, known)
            return None
        if known:
            self._change(order_id, state="FAILED", note="PAYON could not take it")
        else:
            self._registered(order_id, {})  # perhaps it was: PAYON is asked until it can be paid no more
        return done.set_result(None)

    def _registered(self, order_id, data):
        def book(order):
            if order.state == "NEW":
                order.state = "WAITING"
            order.checkoutUrl, order.day = data.get("checkoutUrl"), data.get("txDt")
            order.until = time.time() + real(PAYABLE_S + GRACE_S)

        self._books.change(order_id, book)
        self._watch(order_id)

    def _urls(self, order):
        back = {f"{result}_url": f"{self._url}/return/{result}/{order.id}" for result in ("success", "fail", "cancel")}
        return {"noti_url": f"{self._url}/noti", **back}

    def _is_ours(self, order):
        """A txId that is taken: is it taken by this order, of which the answer was lost? Our numbers are ours alone."""
        return self._payon.status(order).kind == "told" or self._listed(order) is not None

    # --- News ---

    def find(self, tx_id):
        return self._books.find(tx_id)

    def heard(self, order_id, code):
        """Notes a push-back about an order, and asks what is behind it."""
        self._books.change(order_id, lambda order: order.hear(code != "0000"))
        self._watch(order_id)

    def came_back(self, order_id, result):
        """The payer has come back to one of the shop's addresses, which proves nothing."""
        self._books.change(order_id, lambda order: order.hear(result != "success"))
        self._watch(order_id)

    def _watch(self, order_id):
        """Sees to it that PAYON is asked about an order until it is settled, and at once when there is news."""
        self._ask_later(order_id, 0, 0 if self._books.get(order_id).has_news else FIRST_POLL_S)

    def _ask_later(self, order_id, asked, pause):
        appointment = object()
        with self._watching:
            self._watches[order_id] = appointment
        self._agenda.after(pause, self._ask, order_id, asked, appointment)

    def _ask(self, order_id, asked, appointment):
        if self._watches.get(order_id) is not appointment:
            return  # there is a newer one
        if is_open(self._books.get(order_id)):
            self.check(order_id)
        with self._watching:
            if self._watches.get(order_id) is not appointment:
                return  # there was news meanwhile
            if not is_open(self._books.get(order_id)):
                del self._watches[order_id]
                return
        self._ask_later(order_id, asked + 1, growing(FIRST_POLL_S, asked))

    def check(self, order_id):
        """Asks PAYON about an order and books what it says, which is the result."""
        with self._turns[order_id]:
            order = self.get(order_id)
            news, is_bad = order.news, order.has_news and order.badNews
            status = self._payon.status(order)
            row = None
            if status.kind == "open" and order.pending and (is_bad or is_over(order)):
                # Not paid, not yet or never? The list tells, which is asked where there is reason to believe the worst.
                row = self._listed(order) or {}

            def book(order):
                if status.kind == "open":
                    book_open(order, LISTED_AS.get((row or {}).get("txStCd")))
                elif status.kind == "told":
                    book_told(order, status)
                if status.kind != "unknown":
                    order.asked = news

            self._books.change(order_id, book)
            return status

    # --- Money that moves after the payment ---

    def give_back(self, order_id, kind, amount=None):
        """Gives money back: by `kind` (refund or reversal), or by the other where the day calls for it."""
        with self._turns[order_id]:
            order = self.get(order_id)
            if order.state == "REFUNDED" and amount is None:
                return done()
            if order.state not in ("PAID", "HELD"):
                raise Refusal(409, f"there is nothing to give back: the order is {order.state}")
            asked = order.left if amount is None else exact(amount, order.currency)
            if asked > order.left or asked <= 0:
                raise Refusal(409, f"only {order.left} is left")
            is_all = asked == order.taken
            if order.state == "HELD" and not is_all:
                raise Refusal(409, "a hold can only be let go as a whole")
            if order.state == "HELD":
                kind = "reversal"
            elif not is_all:
                kind = "refund"
            return self._begin(order_id, Job(kind, asked, whole=is_all or amount is None))

    def capture(self, order_id, amount=None):
        """Captures what is held, all of it when no amount is given, and ships."""
        with self._turns[order_id]:
            order = self.get(order_id)
            if any(job.kind == "capture" and job.state != "refused" for job in order.jobs):
                return done()  # once is enough
            if order.state != "HELD":
                raise Refusal(409, f"there is nothing to capture: the order is {order.state}")
            asked = order.amount if amount is None else exact(amount, order.currency)
            if asked > order.amount:
                raise Refusal(409, f"only {order.amount} is held; the rest needs a payment of its own")
            return self._begin(order_id, Job("capture", asked))

    def _begin(self, order_id, job):
        def add(order):
            order.jobs.append(job)
            return len(order.jobs) - 1

        at, future = self._books.change(order_id, add), Future()
        self._agenda.after(0, self._work, order_id, at, future)
        return future

    def _work(self, order_id, at, future, tried=0):
        """Works at a job until it is done or refused."""
        with self._turns[order_id]:
            self._try(order_id, at)
            job = self._books.get(order_id).jobs[at]
        if job.state == "open" and tried + 1 < JOB_TRIES:
            self._agenda.after(growing(FIRST_RETRY_S, tried), self._work, order_id, at, future, tried + 1)
            return
        if job.state == "open":

            def give_up(order):
                order.jobs[at].state = "refused"
                dispute(order, f"nobody knows what became of the {job.kind}")

            self._books.change(order_id, give_up)
        future.set_result(None)

    def _try(self, order_id, at):
        order = self._books.get(order_id)
        job = order.jobs[at]
        if job.sent:
            # The last call may have moved the money: PAYON is asked before it is moved again.
            became = self._became(order, job)
            if became == "done":
                return self._done(order_id, at)
            if became == "gone":
                return self._refused(order_id, at, "the payment is not there any more")
            if became == "unknown":
                return None
        self._change_job(order_id, at, sent=True)
        answer = self._payon.move(order, job)
        if answer.kind == "yes":
            return self._done(order_id, at)
        if answer.kind == "no":
            return self._answered(order_id, at, answer.code)
        return None

    def _answered(self, order_id, at, code):
        """A refusal, which may say that it is done already, or that it is to be done in the other way."""
        job = self._books.get(order_id).jobs[at]
        if job.kind == "capture" and code == CAPTURED:
            return None  # by an earlier try? It is asked before the next.
        if job.kind != "capture" and job.whole:
            if code in (REVERSED, REFUNDED):
                return self._done(order_id, at)
            other = {("reversal", SETTLED): "refund", ("refund", NOT_SETTLED): "reversal", ("refund", NOT_CAPTURED): "reversal"}
            if (job.kind, code) in other:
                self._change_job(order_id, at, kind=other[job.kind, code], sent=False)
                return self._try(order_id, at)
        return self._refused(order_id, at, f"PAYON refused it with {code}")

    def _refused(self, order_id, at, why):
        def book(order):
            order.jobs[at].state = "refused"
            order.note = f"{order.jobs[at].kind}: {why}"
            order.hear(is_bad=True)  # the books were wrong, then

        self._books.change(order_id, book)
        self._watch(order_id)

    def _done(self, order_id, at):
        def book(order):
            job = order.jobs[at]
            job.state = "done"
            if job.kind == "capture":
                order.captured, order.state = job.amount, "PAID"
                ship(order)
                return
            order.refunded += job.amount
            if order.refunded >= order.taken:
                order.state = "REFUNDED"

        self._books.change(order_id, book)

    def _became(self, order, job):
        """What has become of a job whose call may have got through: done, not, gone or unknown."""
        status = self._payon.status(order)
        if status.kind == "open":
            row = self._listed(order) or {}
            if job.kind != "capture" and row.get("txStCd") in ("11", "12"):
                return "done"
            return "gone" if row.get("txStCd") in LISTED_AS else "unknown"
        if job.kind == "capture":
            return {"AUTHORIZED": "not", "COMPLETE": "done"}.get(status.state, "unknown")
        after = order.refunded + job.amount
        if status.state in ("REFUNDED", "REVERSED"):
            return "done" if after == order.taken else "gone"
        if status.state == "PARTIALLY_REFUNDED":
            return "done" if order.refunded == 0 else self._became_refunded(order, after)
        return "not" if status.state in ("AUTHORIZED", "COMPLETE") else "unknown"

    def _became_refunded(self, order, total):
        """Of several refunds in part the status does not tell the sum, but the reconciliation call confirms it or not."""
        codes = self._payon.reconcile([claim(order, total, "REFUND")])
        return {"0000": "done", "3003": "not"}.get(codes[0], "unknown") if codes else "unknown"

    # --- Comparing the books ---

    def reconcile(self):
        """Compares the books with PAYON's, by the list of orders and by the reconciliation call."""
        self.compare_by_list()
        self._compare_by_call()

    def compare_by_list(self):
        orders = self._books.all()
        for row in self._payon.orders(*days(orders)) or [] if orders else []:
            order_id = self.find(row.get("tracNo"))
            if order_id and self._books.get(order_id).state not in AGREES.get(row.get("txStCd"), UNPAID):
                self._look_into(order_id)

    def _compare_by_call(self):
        claimed = [(order, claimed_as(order)) for order in self._books.all()]
        claimed = [(order, kind) for order, kind in claimed if kind]
        codes = self._payon.reconcile([claim(order, order.taken, kind) for order, kind in claimed])
        for (order, _), code in zip(claimed, codes or []):
            if code != "0000":
                self._look_into(order.id)

    def _look_into(self, order_id):
        """Asks about an order that PAYON's books tell otherwise, and does again what was answered but never booked."""
        if not self._undone(order_id)[0]:
            return
        time.sleep(real(LAG_S))  # it may be booked a moment after it was answered
        with self._turns[order_id]:
            undone, state = self._undone(order_id)
            if not undone or any(job.state == "open" for job in self.get(order_id).jobs):
                return

            def reopen(order):
                for at in undone:
                    order.jobs[at].state = "open"
                    if order.jobs[at].kind == "capture":
                        order.captured = None
                    else:
                        order.refunded = Decimal(0)
                order.state = "HELD" if state == "AUTHORIZED" else "PAID"

            self._books.change(order_id, reopen)
        for at in undone:
            self._work(order_id, at, Future())

    def _undone(self, order_id):
        """The jobs of which PAYON knows nothing although it has answered them, and the state that it tells."""
        state = self.check(order_id).state
        missing = {"capture": ("AUTHORIZED",)}

        def is_undone(job):
            return job.state == "done" and state in missing.get(job.kind, ("COMPLETE", "AUTHORIZED"))

        return [at for at, job in enumerate(self.get(order_id).jobs) if is_undone(job)], state

    def _listed(self, order):
        """The row of an order in PAYON's list; None when it is not there, or there is no answer."""
        rows = self._payon.orders(*days([order])) or []
        return next((row for row in rows if row.get("tracNo") == order.txId), None)

    # --- Saved cards ---

    def bind(self, client_id, card):
        """Saves a client's card with PAYON; the shop keeps the id only, never the number."""
        answer = self._payon.bind(client_id, card)
        if answer.kind != "yes" or not answer.body.get("bindingId"):
            raise Refusal(502, "the card could not be saved; please try again")
        self._books.save_binding(client_id, answer.body["bindingId"])

    def _forget_card(self, order):
        """A saved card is gone: the next try goes without it, and the payer is asked for a card."""
        listed = self._payon.bindings(order.clientId)
        if listed is not None and self._books.binding(order.clientId) not in listed:
            self._books.save_binding(order.clientId)
        self._change(order.id, savedCard=False)

    # --- Helpers ---

    def _change(self, order_id, **members):
        self._books.change(order_id, lambda order: vars(order).update(members))

    def _change_job(self, order_id, at, **members):
        self._books.change(order_id, lambda order: vars(order.jobs[at]).update(members))


def is_over(order):
    return order.state != "NEW" and time.time() >= order.until


def is_open(order):
    return order.pending or order.has_news


def book_open(order, listed):
    """PAYON has no success to tell of."""
    if order.pending:
        if listed:
            order.state = listed
        elif is_over(order):
            order.state = "EXPIRED"
    elif order.state == "HELD":
        order.state = "EXPIRED"  # the bank has let the hold go
    elif order.state == "PAID":
        dispute(order, "PAYON knows nothing of the payment any more")


def book_told(order, status):
    """PAYON tells a success."""
    if any(job.state == "open" and job.sent for job in order.jobs):
        return  # what this means is the job's business
    settled = order.state in ("PAID", "HELD", "REFUNDED")
    # Of a capture in part PAYON does not say which of the two sums is told.
    if status.currency != order.currency or status.amount not in (order.amount, order.taken):
        if not settled:
            dispute(order, f"PAYON tells {status.amount} {status.currency}")
    elif status.state == "COMPLETE":
        if order.trt == "10" and not settled:
            order.state, order.note = "PAID", None
            ship(order)
        elif order.trt == "12" and order.captured is None:
            dispute(order, "captured by somebody else")
    elif status.state == "AUTHORIZED":
        if order.trt == "12" and not settled:
            order.state = "HELD"
    elif status.state in ("REFUNDED", "REVERSED"):
        if order.state != "REFUNDED":
            order.state, order.refunded, order.note = "REFUNDED", order.taken, "given back, but not by the shop"
    elif status.state == "PARTIALLY_REFUNDED" and order.refunded == 0:
        dispute(order, "given back in part, but not by the shop")


def text(amount, currency):
    """The text of an amount, with all decimals of its currency."""
    return None if amount is None else f"{amount:.{DECIMALS[currency]}f}"


def ship(order):
    order.shipped = 1  # however often it is called


def dispute(order, why):
    order.state, order.note = "DISPUTED", why


def exact(amount, currency):
    """An amount that is more than zero and has no more decimals than its currency."""
    decimals = DECIMALS.get(currency)
    text = amount if isinstance(amount, str) else str(amount)
    if decimals is None or not re.fullmatch(r"\d{1,12}(\.\d+)?", text, re.ASCII):
        raise Refusal(422, f"{text} is no amount in {currency}")
    exactly = Decimal(text).quantize(Decimal(1).scaleb(-decimals))
    if exactly != Decimal(text) or exactly <= 0:
        raise Refusal(422, f"{text} is no amount in {currency}")
    return exactly


def done():
    future = Future()
    future.set_result(None)
    return future


def days(orders):
    """The first and the last day on which orders may have been registered.

    PAYON's calendar is Cambodia's, and where it has told no day our own may differ by one.
    """
    today = datetime.now(CAMBODIA).date()
    told = [datetime.strptime(order.day, "%Y%m%d").date() for order in orders if order.day]
    return min(told + [today - timedelta(1)]), max(told + [today + timedelta(1)])


def claim(order, total, kind):
    total = int(total) if total == int(total) else float(total)  # a JSON number; of so few digits it is exact
    return {"txId": order.txId, "grandToTAmt": total, "transactionType": kind}


def claimed_as(order):
    """What the books claim of an order's money, in the words of the reconciliation call."""
    is_hold = order.trt == "12"
    if order.state == "HELD":
        return "PRE_AUTH"
    if order.state == "PAID":
        return "PRE_AUTH_COMPLETE" if is_hold else "PURCHASE"
    if order.state != "REFUNDED":
        return None
    if not any(job.kind == "reversal" and job.state == "done" for job in order.jobs):
        return "REFUND"
    if not is_hold:
        return "PURCHASE_REVERSAL"
    return "PRE_AUTH_REVERSAL" if order.captured is None else "PRE_AUTH_COMPLETE_REVERSAL"
