//! A space in numbers.

use payon_sim::base::Operation;
use payon_sim::space::{Budgets, JournalBudget};
use serde_json::json;

use crate::support::{Setup, Sim};

#[tokio::test]
async fn orders_money_requests_and_push_backs_are_summed_up() {
    let sim = Sim::start().await;
    let space = sim.space("numbers").await;
    let refused = json!({ "noti_url": "http://127.0.0.1:9/", "amount": "10.00" });
    space.register("paid", refused).await;
    space.pay("paid", json!({})).await.expect(200);
    space.call_signed(Operation::Refund, &json!({ "txId": "paid", "amount": "4" })).await;
    space.register("declined", json!({})).await;
    space.pay("declined", json!({ "outcome": "card.lost" })).await.expect(200);
    let riel = json!({ "paymentMethod": "BAKONG_KHQR", "currency": "KHR", "amount": "4000" });
    space.register("open", riel).await;
    for tx_id in ["held", "let-go", "taken-back"] {
        space.register(tx_id, json!({ "trt": "12" })).await;
        space.pay(tx_id, json!({})).await.expect(200);
    }
    space.call_signed(Operation::Reversal, &json!({ "txId": "let-go" })).await;
    let part = json!({ "txId": "taken-back", "currency": "USD", "amount": "0.60" });
    space.call_signed(Operation::PreAuthCompletion, &part).await.expect(200);
    space.call_signed(Operation::Reversal, &json!({ "txId": "taken-back" })).await;
    space.call(Operation::Status, &json!({ "txId": "nobody's" })).await;
    space.client.post(&format!("{}/pg/no/such", space.base_url), &json!({})).await;
    space.control_post("clock", &json!({ "runUntilIdle": true })).await.expect(200);

    let summary = space.control_get("summary").await.expect(200);
    let money = |currency,
                 orders,
                 [authorised, captured, refunded, returned, released]: [&str; 5],
                 open,
                 held| {
        json!({
            "currency": currency, "orders": orders, "authorised": authorised, "captured": captured,
            "refunded": refunded, "returned": returned, "released": released, "holds": { "open": open, "amount": held },
        })
    };
    let usd = money("USD", 5, ["13.00", "10.60", "4.00", "4.60", "1.40"], 1, "1.00");
    let khr = money("KHR", 1, ["0"; 5], 0, "0");
    assert_eq!(summary["money"], json!([usd, khr]));
    let states = json!({
        "registered": 0, "authorised": 1, "captured": 0, "partlyRefunded": 1, "refunded": 0,
        "reversed": 2, "failed": 1, "cancelled": 0, "expired": 1,
    });
    let methods = json!({ "CREDIT_DEBIT": 5, "BAKONG_KHQR": 1, "PAYON": 0, "PPCBANK_TRANSFER": 0 });
    let orders = json!({ "kept": 6, "dropped": 0, "byState": states, "byMethod": methods });
    assert_eq!(summary["orders"], orders);
    let decided = [
        ("register", "success", 6),
        ("reversal", "success", 2),
        ("refund", "success", 1),
        ("preAuthCompletion", "success", 1),
        ("status", "order.not-found", 1),
        ("none", "request.unknown-path", 1),
    ];
    let row = |(operation, reason, count)| json!({ "operation": operation, "reason": reason, "count": count });
    assert_eq!(summary["requests"], json!({ "answered": 12, "decided": decided.map(row) }));
    let states = json!({ "waiting": 0, "inFlight": 0, "acknowledged": 0, "exhausted": 1 });
    let pushbacks = json!({ "kept": 1, "dropped": 0, "byState": states, "attempts": 8 });
    assert_eq!(summary["pushbacks"], pushbacks);

    space.control_post("reset", &json!({})).await;
    let summary = space.control_get("summary").await.expect(200);
    assert_eq!(summary["requests"], json!({ "answered": 0, "decided": [] }));
    assert_eq!((&summary["money"], &summary["orders"]["kept"]), (&json!([]), &json!(0)));
}

#[tokio::test]
async fn requests_that_the_journal_dropped_are_counted_and_dropped_orders_are_not() {
    let journal = JournalBudget { entries: 0, bytes: 0 };
    let budgets = Budgets { orders: 2, journal, ..Budgets::default() };
    let sim = Sim::with(Setup { budgets, ..Setup::default() }).await;
    let space = sim.space("few").await;
    for tx_id in ["1", "2", "3"] {
        space.register(tx_id, json!({})).await;
        space.pay(tx_id, json!({})).await.expect(200);
    }
    let summary = space.control_get("summary").await.expect(200);
    assert_eq!(summary["requests"]["answered"], 3);
    let orders = &summary["orders"];
    assert_eq!((&orders["kept"], &orders["dropped"]), (&json!(2), &json!(1)));
    assert_eq!(orders["byState"]["captured"], 2);
    assert_eq!(summary["money"][0]["captured"], "2.00");
}
