//! The header `Authentication`: asked for by no merchant, until one has a token.

use payon_sim::base::{Operation, Reason};

use crate::direct::{Direct, MERCHANT};
use crate::golden;

/// A request of each operation whose merchant and terminal are known.
fn body(gateway: &Direct, operation: Operation) -> String {
    let described = gateway.spaces.profile().operations.get(operation);
    let members = described.request.iter().filter_map(|member| {
        let value = match member.plain_name() {
            "merchantId" | "MC_ID" => MERCHANT,
            "termId" | "TERM_ID" => "CT03000003",
            "ToDate" => return None,
            _ => member.example.as_deref()?,
        };
        Some(format!("{:?}:{value:?}", member.plain_name()))
    });
    let object = format!("{{{}}}", members.collect::<Vec<_>>().join(","));
    match operation {
        Operation::Reconciliation => format!("[{object}]"),
        _ => object,
    }
}

#[test]
fn every_operation_asks_a_merchant_with_a_token_for_it() {
    let gateway = Direct::new();
    let set = |token: Option<&str>| {
        let token = token.map(str::to_owned);
        gateway.space().change_merchant(MERCHANT, |merchant| merchant.token = token);
    };
    for operation in Operation::ALL {
        let sent = body(&gateway, *operation);
        for path in operation.paths() {
            set(Some("right"));
            for token in [None, Some("wrong"), Some("")] {
                let answer = gateway.post_with(path, token, &sent);
                assert_eq!(
                    (answer.status, answer.text.as_str(), answer.reason),
                    (401, golden!("token-refused/response.json"), Reason::TokenInvalid),
                    "{path} {token:?}"
                );
            }
            let answer = gateway.post_with(path, Some("right"), &sent);
            assert_ne!(answer.reason, Reason::TokenInvalid, "{path}");
            set(None);
            assert_ne!(gateway.post(path, &sent).reason, Reason::TokenInvalid, "{path}");
        }
    }
}

#[test]
fn a_list_asks_for_the_token_of_every_merchant_in_it() {
    let gateway = Direct::new();
    gateway.space().change_merchant(MERCHANT, |merchant| merchant.token = Some("right".into()));
    let own = golden!("reconciliation/request.json");
    let theirs = own.replace("O0000021", MERCHANT);
    let both = format!("{},{}", &own[..own.len() - 1], &theirs[1..]);
    assert_eq!(gateway.post("/pg/merchant/reconcilation", own).reason, Reason::Success);
    let refused = gateway.post("/pg/merchant/reconcilation", &both);
    assert_eq!((refused.status, refused.text.as_str()), (401, "1"));
    let allowed = gateway.post_with("/pg/merchant/reconcilation", Some("right"), &both);
    assert_eq!(allowed.reason, Reason::Success);
}
