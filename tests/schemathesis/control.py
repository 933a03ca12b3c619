"""Leads most of the generated calls of the control plane to what is there, and has it there first.

A led call names an order, a snapshot or a space made for it, and takes the values of all members save one from a call
that is good. Every fourth call stays as it was. Which one, and what is put where, follows from the call itself: the same
seed makes the same calls.

Into the file TALLY goes, by call, how often each status was answered.
"""

import atexit
import collections
import itertools
import json
import os
import zlib

import requests
import schemathesis

SIM = os.environ["CONTROL_URL"] + "/_sim/v1/"
# The space that all calls go to; it must stay.
OWN = os.environ["CONTROL_URL"].rpartition("/")[2]
MERCHANT = os.environ["MERCHANT_ID"]
TALLY = collections.defaultdict(collections.Counter)
HTTP = requests.Session()
NUMBERS = itertools.count()


def ask(method, path, body=None):
    answer = HTTP.request(method, SIM + path, json=body)
    answer.raise_for_status()
    return answer.json() if answer.content else None


def another():
    """A merchant to change, of whom nobody wants anything."""
    ids = [merchant["merchantId"] for merchant in ask("GET", "merchants")["merchants"]]
    return {"merchantId": next(name for name in ids if name != MERCHANT)}


def register():
    tx_id = f"T{next(NUMBERS)}"
    order = {"merchantId": MERCHANT, "termId": os.environ["TERM_ID"], "txId": tx_id, "trt": "10", "currency": "USD"}
    order |= {"amount": "1.00", "paymentMethod": "CREDIT_DEBIT", "noti_url": "http://127.0.0.1:9/"}
    answer = HTTP.post(os.environ["BASE_URL"] + "/pg/order/register", json=order)
    assert answer.json()["resultCode"] == "0000", answer.text
    return tx_id, answer.headers["x-payon-trace"]


def order(paid=False):
    tx_id, _ = register()
    if paid:
        ask("POST", f"orders/{MERCHANT}/{tx_id}/pay", {})
    return {"merchantId": MERCHANT, "txId": tx_id}


def unsaved():
    """A name for a snapshot, and room for one."""
    for snapshot in ask("GET", "snapshots")["snapshots"]:
        ask("DELETE", "snapshots/" + snapshot["name"])
    return {"name": f"saved{next(NUMBERS)}"}


def saved():
    name = unsaved()
    ask("POST", "snapshots", name)
    return name


def space():
    name = f"space{next(NUMBERS)}"
    ask("POST", "spaces", {"name": name, "merchants": 0})
    return {"name": name}


def pushback():
    order(paid=True)
    ask("GET", "wait?for=idle&timeoutMs=5000")
    return {"id": "1"}


def rules():
    return [{"id": f"rule{next(NUMBERS)}", "when": {"operation": "status"}, "then": [{"latency": "1s"}]}]


def more_rules():
    ask("DELETE", "rules")
    return rules()


def rule():
    ask("PUT", "rules", armed := rules())
    return {"id": armed[0]["id"]}


REQUEST = {"merchantId": MERCHANT, "txId": "1"}
SIGNED = {"merchantId": MERCHANT, "operation": "refund", "body": {**REQUEST, "sign": "AAAA"}}

# What stands in the path of a led call.
PATHS = {
    "changeMerchant": another,
    "merchantKey": another,
    "order": order,
    "pay": order,
    "trigger": order,
    "explain": lambda: {"trace": register()[1]},
    "resendPushback": pushback,
    **dict.fromkeys(("armScenario", "disarmScenario"), lambda: {"id": "S014"}),
    "removeRule": rule,
    **dict.fromkeys(("space", "deleteSpace"), space),
    **dict.fromkeys(("inbox", "answerInbox", "clearInbox"), lambda: {"box": "shop"}),
    **dict.fromkeys(
        ("exportSnapshot", "importSnapshot", "deleteSnapshot", "restoreSnapshot", "forkSnapshot"), saved
    ),
}

# The members of a good call: its query, or its body.
GOOD = {
    "createSpace": lambda: {"name": f"made{next(NUMBERS)}", "seed": 7, "merchants": 1},
    "saveSnapshot": unsaved,
    "forkSnapshot": lambda: {"space": f"fork{next(NUMBERS)}"},
    "importSnapshot": lambda: ask("GET", "snapshots/" + saved()["name"]),
    "changeMerchant": lambda: {"notiUrl": "http://127.0.0.1:9/", "signMode": "off", "token": None, "pinEnabled": True},
    "pay": lambda: {"outcome": "card.lost"},
    "trigger": lambda: {"event": "expire"},
    "answerInbox": lambda: {"status": 503, "body": "later", "delayMs": 5, "close": False},
    "verify": lambda: {"expect": [{"order": {"state": "captured"}}]},
    "wait": lambda: {"for": "idle"},
    "changeClock": lambda: {"freeze": True, "set": "2026-03-02T10:00:00+07:00", "advance": 1000, "scale": 2},
    "replaceRules": rules,
    "addRules": more_rules,
    "armRules": rules,
    "armFault": lambda: {"fault": "slow", "by": "10ms"},
    "addMerchant": lambda: {"termId": "T9", "notiUrl": "http://127.0.0.1:9/"},
    "recordScenario": order,
    "sign": lambda: {"merchantId": MERCHANT, "operation": "refund", "body": REQUEST},
    "explainSign": lambda: SIGNED,
    "decodeKhqr": lambda: {"qr": "000201"},
}


def name_of(operation):
    return operation.definition.raw["operationId"]


def led(members, good, roll):
    """The good members, with one of those that were generated."""
    if not isinstance(members, dict) or not isinstance(good, dict):
        return good
    names = [*sorted(members), None, None]
    kept = names[roll // 8 % len(names)]
    return {**good, kept: members[kept]} if kept is not None else good


def patient(query):
    """Nobody waits for long, whatever was generated."""
    try:
        long = int(query.get("timeoutMs") or 30_000) <= 300_000
    except (TypeError, ValueError):
        long = False
    return {**query, "timeoutMs": 5} if long else query


@schemathesis.hook
def before_call(context, case, kwargs):
    name = name_of(case.operation)
    said = [str(part) for part in (name, case.path_parameters, case.query, case.body)]
    roll = zlib.crc32("".join(said).encode("utf-8", "surrogatepass"))
    if roll % 4:
        if name in PATHS:
            case.path_parameters = {**(case.path_parameters or {}), **PATHS[name]()}
        if roll % 8 > 2:
            good = GOOD.get(name, dict)()
            if case.operation.body:
                case.body = led(case.body, good, roll)
            else:
                case.query = led(case.query, good, roll)
    if name == "deleteSpace" and case.path_parameters["name"] == OWN:
        case.path_parameters = space()
    if name == "moveSpace" and isinstance(case.body, dict) and str(case.body.get("to")).startswith("http:"):
        # Such a move is refused before anybody is called: that no server answers there is no fault of ours.
        case.body = {**case.body, "to": "https://127.0.0.1:9"}
    if name == "wait":
        case.query = patient(case.query or {})


@schemathesis.hook
def after_call(context, case, response):
    name = name_of(case.operation)
    TALLY[name][response.status_code] += 1
    if name == "createSpace" and response.status_code == 201:
        ask("DELETE", "spaces/" + response.json()["name"])


@atexit.register
def write_tally():
    with open(os.environ["TALLY"], "w", encoding="utf-8") as file:
        json.dump(TALLY, file)
