//! The file of members and the code say the same.

use std::collections::BTreeSet;

use arrayvec::ArrayString;
use serde::Deserialize;

use crate::base::{Amount, Currency, Fields, Named, Operation, PaymentMethod, Reason, SecretNames};
use crate::wire::{
    BindingMethod, Envelope, FixedAmount, Identity, Notice, Outcome, PayDvCd, ReconciliationResult,
    ShortAmount, TransactionType, Trt, binding_list, binding_register, encode, failure, orders,
    payment, redact, register, status,
};

use super::{read, take_read};

const FILE: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/pgtest/operations.toml"));

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    operation: Vec<Described>,
    pushback: Described,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Described {
    #[serde(default)]
    name: String,
    mark: Mark,
    about: String,
    request: Vec<Member>,
    #[serde(default)]
    response: Vec<Member>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Member {
    name: String,
    required: bool,
    mark: Mark,
    r#type: Kind,
    #[serde(default)]
    nullable: bool,
    #[serde(default)]
    values: Vec<String>,
    #[serde(default)]
    secret: bool,
    example: Option<String>,
    about: String,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
enum Mark {
    D,
    E,
    A,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase")]
enum Kind {
    String,
    Amount,
    Integer,
    Array,
    Object,
    Null,
}

impl Member {
    /// The name without what tells where it lies.
    fn plain_name(&self) -> &str {
        self.name.trim_start_matches("[].")
    }

    fn example_json(&self) -> String {
        serde_json::to_string(self.example.as_ref().expect("an example")).expect("JSON")
    }
}

impl Described {
    fn operation(&self) -> Operation {
        self.name.parse().expect("an operation")
    }

    /// A body with the members that `pick` wants, each with the value it gives.
    fn body(&self, pick: impl Fn(usize, &Member) -> Option<String>) -> String {
        let members = self.request.iter().enumerate().filter_map(|(index, member)| {
            pick(index, member).map(|value| format!("{:?}:{value}", member.plain_name()))
        });
        let object = format!("{{{}}}", members.collect::<Vec<_>>().join(","));
        if self.operation() == Operation::Reconciliation { format!("[{object}]") } else { object }
    }

    fn full_body(&self) -> String {
        self.body(|_, member| Some(member.example_json()))
    }
}

fn file() -> File {
    toml::from_str(FILE).expect("the file of members")
}

#[test]
fn every_operation_is_described_once_in_order() {
    let names: Vec<_> = file().operation.iter().map(Described::operation).collect();
    assert_eq!(names, Operation::ALL);
    let everything = file().operation.into_iter().chain([file().pushback]);
    for described in everything {
        assert!(described.about.ends_with('.'), "{}", described.name);
        for member in described.request.iter().chain(&described.response) {
            assert!(member.about.ends_with('.'), "{}.{}", described.name, member.name);
            assert!(
                described.mark != Mark::A || member.mark == Mark::A,
                "{}.{} cannot be better known than its operation",
                described.name,
                member.name
            );
        }
    }
}

#[test]
fn requests_read_the_described_members_and_no_others() {
    for described in &file().operation {
        let operation = described.operation();
        let expected: BTreeSet<_> = described.request.iter().map(Member::plain_name).collect();
        take_read();
        read(operation, described.full_body().as_bytes()).expect("the examples pass");
        let without_to_date = described.body(|_, m| (m.name != "toDate").then(|| m.example_json()));
        let second = read(operation, without_to_date.as_bytes());
        second.expect("the other spelling passes");
        assert_eq!(BTreeSet::from_iter(take_read()), expected, "{operation}");
    }
    take_read();
    let notice = Fields::parse(br#"{"txId":"1","resultCode":"0000","resultMsg":"Success"}"#);
    Notice::read(&notice.expect("an object")).expect("readable");
    let described = file().pushback;
    assert_eq!(take_read(), described.request.iter().map(Member::plain_name).collect::<Vec<_>>());
}

#[test]
fn the_first_missing_member_in_file_order_is_told() {
    for described in &file().operation {
        let required = |member: &Member| {
            // The example binds a PAYON card, for which its PIN is required.
            member.required || member.name == "payonPin"
        };
        for from in 0..described.request.len() {
            let body = described.body(|at, member| (at < from).then(|| member.example_json()));
            let expected = described.request[from..].iter().find(|member| required(member));
            let refusal = read(described.operation(), body.as_bytes()).err();
            let told = refusal.as_ref().map(|it| (it.reason, it.field.expect("a field")));
            let expected = expected.map(|it| (Reason::FieldMissing, it.plain_name()));
            assert_eq!(told, expected, "{} of {body}", described.name);
        }
    }
}

#[test]
fn the_first_wrong_member_in_file_order_is_told() {
    for described in &file().operation {
        for from in 0..described.request.len() {
            if described.request[from].name == "ToDate" {
                continue; // not looked at beside toDate
            }
            for wrong in ["{}", "true", "[1]"] {
                let body = described.body(|at, member| {
                    Some(if at < from { member.example_json() } else { wrong.to_owned() })
                });
                let refusal = read(described.operation(), body.as_bytes()).expect_err(&body);
                assert_eq!(refusal.field, Some(described.request[from].plain_name()), "{body}");
                assert_eq!(refusal.reason, Reason::FieldInvalid, "{body}");
                assert!(refusal.detail.starts_with(described.request[from].plain_name()));
            }
        }
    }
}

#[test]
fn null_and_empty_count_as_absent() {
    for described in &file().operation {
        for blank in ["null", "\"\""] {
            let body = described.body(|_, member| {
                let needed = member.required || member.name == "payonPin";
                Some(if needed { member.example_json() } else { blank.to_owned() })
            });
            read(described.operation(), body.as_bytes()).expect(&body);
            let first = described.request.iter().position(|it| it.required).expect("one");
            let body = described.body(|at, member| {
                Some(if at == first { blank.to_owned() } else { member.example_json() })
            });
            let refusal = read(described.operation(), body.as_bytes()).expect_err(&body);
            assert_eq!(refusal.reason, Reason::FieldMissing, "{body}");
        }
    }
}

#[test]
fn numbers_pass_where_and_only_where_the_file_says() {
    for described in &file().operation {
        for (index, member) in described.request.iter().enumerate() {
            if member.name == "ToDate" {
                continue;
            }
            let body = described
                .body(|at, it| Some(if at == index { "2".to_owned() } else { it.example_json() }));
            let read = read(described.operation(), body.as_bytes());
            if matches!(member.r#type, Kind::Amount | Kind::Integer) {
                read.expect(&body);
            } else {
                let refusal = read.expect_err(&body);
                assert_eq!(refusal.field, Some(member.plain_name()), "{body}");
                assert!(refusal.detail.contains("must be a JSON string"), "{}", refusal.detail);
            }
        }
    }
}

#[test]
fn words_are_those_of_the_file() {
    fn words<T: Named>() -> Vec<&'static str> {
        T::names()
    }
    for described in &file().operation {
        for (index, member) in described.request.iter().enumerate() {
            let known = match member.plain_name() {
                "trt" => words::<Trt>(),
                "paymentMethod" if described.name == "bindingRegister" => words::<BindingMethod>(),
                "paymentMethod" => words::<PaymentMethod>(),
                "payDvCd" => words::<PayDvCd>(),
                "transactionType" => words::<TransactionType>(),
                "RESULT_CODE" => words::<Outcome>(),
                "currency" | "CURRENCY" => vec!["USD", "KHR"],
                _ => vec![],
            };
            assert_eq!(member.values, known, "{}.{}", described.name, member.name);
            for word in &member.values {
                let body = |word: &str| {
                    described.body(|at, it| {
                        Some(if at == index { format!("{word:?}") } else { it.example_json() })
                    })
                };
                let told = read(described.operation(), body(word).as_bytes()).err();
                assert!(
                    told.is_none_or(|it| it.field != Some(member.plain_name())),
                    "{} takes {word}",
                    member.name
                );
                let lower = word.to_lowercase();
                if lower != *word && !member.name.eq_ignore_ascii_case("currency") {
                    let refusal = read(described.operation(), body(&lower).as_bytes());
                    let detail = refusal.expect_err("letter case counts").detail;
                    assert!(detail.contains(&format!("did you mean {word}?")), "{detail}");
                }
            }
        }
    }
}

#[test]
fn what_the_file_calls_secret_is_redacted() {
    for described in &file().operation {
        let body = described.full_body();
        let redacted = redact(SecretNames::GENERAL, body.as_bytes()).into_owned();
        let redacted = String::from_utf8(redacted).expect("text");
        for member in &described.request {
            let example = member.example.as_deref().expect("an example");
            let shown = redacted.contains(&format!("{:?}:{:?}", member.plain_name(), example));
            assert_eq!(shown, !member.secret, "{}.{}", described.name, member.name);
        }
    }
}

/// Names of the members in wire order, and of those that are null, with the path that the file
/// uses.
fn members(json: &[u8]) -> (Vec<String>, BTreeSet<String>) {
    let (mut names, mut nulls) = (Vec::new(), BTreeSet::new());
    walk(json, "", &mut names, &mut nulls);
    (names, nulls)
}

fn walk(json: &[u8], path: &str, names: &mut Vec<String>, nulls: &mut BTreeSet<String>) {
    if json.starts_with(b"[") {
        for element in Fields::parse_array(json).expect("an array of objects") {
            walk_object(&element, &format!("{path}[]."), names, nulls);
        }
    } else if json.starts_with(b"{") {
        let object = Fields::parse(json).expect("an object");
        let path = if path.is_empty() { String::new() } else { format!("{path}.") };
        walk_object(&object, &path, names, nulls);
    }
}

fn walk_object(
    object: &Fields<'_>,
    path: &str,
    names: &mut Vec<String>,
    nulls: &mut BTreeSet<String>,
) {
    for (name, value) in object.iter() {
        let name = format!("{path}{name}");
        names.push(name.clone());
        if value.raw() == "null" {
            nulls.insert(name.clone());
        }
        walk(value.raw().as_bytes(), &name, names, nulls);
    }
}

/// Two answers of an operation: all that can be said, and as little as can be.
fn replies(operation: Operation) -> [Vec<u8>; 2] {
    let some = || Some("x".into());
    let usd = (Amount::from_minor(100), Currency::Usd);
    let bare = encode(&Envelope::bare("0000", "Success"));
    let least = failure(operation, &Identity::default(), "9999", "System error");
    match operation {
        Operation::Register => {
            let reply = |full: bool| {
                encode(&Envelope {
                    result_msg: "x".into(),
                    result_code: "x".into(),
                    result_data: Some(register::RegisterReply {
                        merchant_id: "x".into(),
                        term_id: "x".into(),
                        tx_id: "x".into(),
                        tx_dt: "x".into(),
                        tx_seq_no: "x".into(),
                        trt: Trt::PreAuth,
                        payment_method: PaymentMethod::BakongKhqr,
                        pay_dv_cd: full.then_some(PayDvCd::Khqr),
                        amount: ShortAmount(usd.0, usd.1),
                        currency_code: usd.1,
                        checkout_url: "x".into(),
                        expire_dttm: "x".into(),
                        khqr: full.then_some("x".into()),
                        khqr_md5: full.then_some("x".into()),
                    }),
                })
            };
            [reply(true), reply(false)]
        }
        Operation::Reversal | Operation::Refund | Operation::PreAuthCompletion => {
            let full = payment::PaymentReply {
                tx_id: some(),
                merchant_id: some(),
                term_id: some(),
                amount: Some(FixedAmount(usd.0, usd.1)),
                currency: Some(usd.1),
                result_code: "x".into(),
                result_message: "x".into(),
                approval_no: ArrayString::from("1").ok(),
                approval_date: ArrayString::from("1").ok(),
                acs_url: some(),
                ref_no: ArrayString::from("1").ok(),
                transaction_amount: Some(FixedAmount(usd.0, usd.1)),
            };
            [encode(&full), least]
        }
        Operation::Orders => {
            let row = |full: bool| orders::OrderRow {
                tx_dt: "x".into(),
                tx_seq_no: "x".into(),
                tx_st_cd: "x".into(),
                trt: Trt::Purchase,
                pay_dv_cd: "x".into(),
                payment_type: "x".into(),
                merchant_id: "x".into(),
                term_id: "x".into(),
                trac_no: "x".into(),
                amount: ShortAmount(usd.0, usd.1),
                currency_code: usd.1,
                settle_yn: full,
                cancel_yn: full,
                refund_yn: full,
                appr_no: full.then_some("x".into()),
                appr_dttm: full.then_some("x".into()),
                result_cd: "x".into(),
                result_msg: "x".into(),
                stan: "x".into(),
            };
            [encode(&[row(true)]), encode(&[row(false)])]
        }
        Operation::Status => {
            let reply = |full: bool| {
                encode(&Envelope {
                    result_msg: "x".into(),
                    result_code: "x".into(),
                    result_data: Some(status::StatusReply {
                        tx_dt: "x".into(),
                        tx_seq_no: "x".into(),
                        tx_st_cd: "x".into(),
                        trt: "x".into(),
                        payment_method: PaymentMethod::Payon,
                        merchant_id: "x".into(),
                        term_id: "x".into(),
                        wdl_ac_no: full.then_some("x".into()),
                        trac_no: "x".into(),
                        amount: ShortAmount(usd.0, usd.1),
                        currency_code: usd.1,
                        appr_no: full.then_some("x".into()),
                        appr_dttm: full.then_some("x".into()),
                    }),
                })
            };
            [reply(true), reply(false)]
        }
        Operation::BindingRegister => {
            let full = binding_register::SavedCardReply {
                tx_dt: some(),
                tx_seq_no: some(),
                merchant_id: some(),
                term_id: some(),
                wdl_ac_no: some(),
                wdl_expiry: some(),
                wdl_nm: some(),
                client_id: some(),
                phone: some(),
                email: some(),
                binding_id: some(),
                result_code: "x".into(),
                result_msg: "x".into(),
            };
            [encode(&full), least]
        }
        Operation::BindingList => {
            let reply = |full: bool| {
                encode(&Envelope {
                    result_msg: "x".into(),
                    result_code: "x".into(),
                    result_data: Some([binding_list::BindingRow {
                        tx_dt: full.then_some("x".into()),
                        tx_seq_no: full.then_some("x".into()),
                        merchant_id: "x".into(),
                        term_id: "x".into(),
                        wdl_ac_no: "x".into(),
                        wdl_expiry: full.then_some("x".into()),
                        wdl_nm: full.then_some("x".into()),
                        pin: full.then_some("x".into()),
                        client_id: "x".into(),
                        phone: full.then_some("x".into()),
                        email: full.then_some("x".into()),
                        binding_id: "x".into(),
                        encrypted_ac_no: (),
                        encrypted_cvv: (),
                        verify_yn: "Y".into(),
                        payment_type: "x".into(),
                        result_code: (),
                        result_msg: (),
                    }]),
                })
            };
            [reply(true), reply(false)]
        }
        Operation::Reconciliation => {
            let full = ReconciliationResult {
                merchant_id: some(),
                reconciliation_dv: some(),
                term_id: some(),
                tx_id: some(),
                buyer_id: some(),
                seller_id: some(),
                grand_total: Some(ShortAmount(usd.0, usd.1)),
                result_msg: "x".into(),
                result_code: "x".into(),
            };
            [encode(&[full]), least]
        }
        _ => [bare, least],
    }
}

#[test]
fn replies_write_the_described_members_in_order() {
    for described in &file().operation {
        let operation = described.operation();
        let [full, least] = replies(operation).map(|json| members(&json));
        let expected: Vec<_> = described.response.iter().map(|it| it.name.clone()).collect();
        assert_eq!(full.0, expected, "{operation}");
        let required = described.response.iter().filter(|it| it.required);
        let required: Vec<_> = required.map(|it| it.name.clone()).collect();
        assert_eq!(least.0, required, "{operation}");
        let named = |wanted: fn(&Member) -> bool| {
            let members = described.response.iter().filter(|member| wanted(member));
            members.map(|it| it.name.clone()).collect::<BTreeSet<_>>()
        };
        assert_eq!(full.1, named(|it| it.r#type == Kind::Null), "{operation}: always null");
        let nullable =
            named(|it| it.r#type == Kind::Null || it.nullable && it.name != "resultData");
        assert_eq!(least.1, nullable, "{operation}: sometimes null");
    }
}

#[test]
fn failures_keep_the_envelope_of_their_operation() {
    let identity = Identity {
        tx_id: Some("T1".into()),
        merchant_id: Some("M1".into()),
        term_id: Some("P1".into()),
    };
    for described in &file().operation {
        let operation = described.operation();
        let body = failure(operation, &identity, "9999", "System error");
        let text = String::from_utf8(body.clone()).expect("JSON");
        let expected = match operation {
            Operation::Reversal | Operation::Refund | Operation::PreAuthCompletion => concat!(
                r#"{"txId":"T1","merchantId":"M1","termId":"P1","amount":null,"currency":null,"#,
                r#""resultCode":"9999","resultMessage":"System error","approvalNo":null,"#,
                r#""approvalDate":null,"acsUrl":null,"refNo":null,"transactionAmount":null}"#,
            ),
            Operation::BindingRegister => concat!(
                r#"{"txDt":null,"txSeqNo":null,"merchantId":"M1","termId":"P1","wdlAcNo":null,"#,
                r#""wdlExpiry":null,"wdlNm":null,"clientId":null,"phone":null,"email":null,"#,
                r#""bindingId":null,"resultCode":"9999","resultMsg":"System error"}"#,
            ),
            Operation::Reconciliation => concat!(
                r#"[{"merchantId":"M1","reconciliationDv":null,"termId":"P1","txId":"T1","#,
                r#""buyerId":null,"sellerId":null,"grandToTAmt":null,"#,
                r#""resultMsg":"System error","resultCode":"9999"}]"#,
            ),
            _ => r#"{"resultMsg":"System error","resultCode":"9999","resultData":null}"#,
        };
        assert_eq!(text, expected, "{operation}");
    }
}

#[test]
fn identity_is_taken_as_far_as_it_can_be_read() {
    let of = |operation, body: &'static str| {
        Identity::of(operation, &Fields::parse(body.as_bytes()).expect("an object"))
    };
    let partly = of(Operation::Refund, r#"{"txId":"T1","merchantId":7,"termId":"a\nb"}"#);
    assert_eq!(partly, Identity { tx_id: Some("T1".into()), ..Identity::default() });
    let upper = of(Operation::NotifyCompletion, r#"{"TX_ID":"T1","MC_ID":"M1","TERM_ID":"P1"}"#);
    assert_eq!(upper.tx_id.as_deref(), Some("T1"));
    assert_eq!(upper.merchant_id.as_deref(), Some("M1"));
    assert_eq!(upper.term_id.as_deref(), Some("P1"));
}
