"""Calls the control plane through a client that a generator made of its OpenAPI document.

The generated package `made` is found through PYTHONPATH; the environment says where the space is.
"""

import importlib
import inspect
import json
import os
import pkgutil
import urllib.request

import made
from made import Client
from made.api.faults import arm_scenario, clear_rules, list_rules
from made.api.shop import list_orders, order, pay
from made.api.spaces import change_clock, create_space, delete_space
from made.api.story import list_journal, summary, wait
from made.models import Awaited, ClockWish, NewSpace, PayRequest

names = [module.name for module in pkgutil.walk_packages(made.__path__, "made.")]
for name in names:
    importlib.import_module(name)
functions = [
    importlib.import_module(name).sync_detailed
    for name in names
    if name.startswith("made.api.") and name.count(".") == 3
]


def required(function):
    """The names of the arguments that a call must have."""
    found = inspect.signature(function).parameters.values()
    return {it.name for it in found if it.default is inspect.Parameter.empty} - {"client"}


assert required(wait.sync) == {"for_"}, required(wait.sync)
assert required(list_journal.sync) == set(), required(list_journal.sync)

merchant = os.environ["MERCHANT_ID"]
client = Client(base_url=os.environ["CONTROL_URL"], raise_on_unexpected_status=True)
body = {
    "merchantId": merchant, "termId": os.environ["TERM_ID"], "txId": "generated-1", "trt": "10",
    "currency": "USD", "amount": "2.00", "paymentMethod": "CREDIT_DEBIT",
}
request = urllib.request.Request(
    os.environ["BASE_URL"] + "/pg/order/register", json.dumps(body).encode(), method="POST"
)
with urllib.request.urlopen(request) as answer:
    assert json.load(answer)["resultCode"] == "0000"

happened = wait.sync(client=client, for_=Awaited.REQUEST, timeout_ms=5000)
assert happened.request.tx_id == "generated-1", happened
page = list_journal.sync(client=client, limit=5)
assert [entry.operation for entry in page.entries] == ["register"], page
pay.sync(merchant, "generated-1", client=client, body=PayRequest())
assert order.sync(merchant, "generated-1", client=client).state == "captured"
assert len(list_orders.sync(client=client).orders) == 1
assert summary.sync(client=client) is not None

space = create_space.sync(client=client, body=NewSpace(name="generated"))
assert space.name == "generated" and len(space.merchants) == 1, space
assert change_clock.sync(client=client, body=ClockWish(freeze=True)).frozen
assert delete_space.sync_detailed("generated", client=client).status_code == 204

arm_scenario.sync("S014", client=client)
assert len(list_rules.sync(client=client).rules) > 0
assert clear_rules.sync_detailed(client=client).status_code == 204
assert list_rules.sync(client=client).rules == []

print(json.dumps({"functions": len(functions)}))
