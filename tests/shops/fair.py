"""A correct shop in another language, for `payon-sim run`: it refuses at its own counter and reconciles by the list."""

import json
import os
import sys
import urllib.error
import urllib.request

URL = os.environ["PAYON_SIM_URL"]
CONTROL_URL = os.environ["PAYON_SIM_CONTROL_URL"]
MERCHANT_ID = os.environ["PAYON_SIM_MERCHANT_ID"]
TERM_ID = os.environ["PAYON_SIM_TERM_ID"]


def post(url, **members):
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(members).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as refused:
        return json.load(refused)


def call(path, **members):
    return post(URL + path, merchantId=MERCHANT_ID, termId=TERM_ID, **members)


def bench(verb, **members):
    """The payer and the issuer, played by the control plane."""
    post(f"{CONTROL_URL}/_sim/v1/orders/{MERCHANT_ID}/P1/{verb}", **members)


def sell(trt):
    order = {"txId": "P1", "amount": "10.00", "currency": "USD"}
    call("/pg/order/register", trt=trt, paymentMethod="CREDIT_DEBIT", **order)
    bench("pay")
    assert call("/pg/transaction/status", **order)["resultCode"] == "0000"


def capture_above_the_hold():
    """12.00 is asked for on a hold of 10.00: the shop refuses, captures nothing and ships nothing."""
    sell("12")


def chargeback():
    """Found in the list of orders, without a reconciliation call."""
    sell("10")
    bench("trigger", event="chargeback")
    rows = call("/pg/orders", fromDate="01012020", toDate="31122099", index=1, limit=100)
    assert [row["refundYn"] for row in rows if row["tracNo"] == "P1"] == ["Y"], rows


def put_off():
    """Does nothing at all: a shop that fails both scenarios."""


SCENARIOS = {"S035": capture_above_the_hold, "S076": chargeback}
put_off() if "idle" in sys.argv else SCENARIOS[os.environ["PAYON_SIM_RUN_SCENARIO"]]()
