//! Bodies that are JSON, that are none, and that each parser may take or leave.

use serde_json::Value;
use tokio::task::JoinSet;

use super::{bytes, rows};
use crate::support::{Answer, Client, Sim};

const TABLE: &str = include_str!("json.txt");
const CALL: &str = r#""merchantId":"C0000143","termId":"CT03000003","clientId":"02""#;

/// Whether a text is JSON.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Yes,
    No,
    Either,
}

fn cases() -> impl Iterator<Item = (Verdict, &'static str, Vec<u8>)> {
    rows(TABLE).map(|row| {
        let (name, text) = row.split_once(" | ").expect("a name and a text");
        let verdict = match name.split_at(2) {
            ("y ", _) => Verdict::Yes,
            ("n ", _) => Verdict::No,
            ("i ", _) => Verdict::Either,
            _ => panic!("no verdict: {row}"),
        };
        (verdict, name, bytes(&repeated(text)))
    })
}

/// `{[*9}` is `[` nine times.
fn repeated(text: &str) -> String {
    let mut whole = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('{') {
        let found = behind.split_once('}').and_then(|(inside, behind)| {
            let (piece, count) = inside.rsplit_once('*')?;
            Some((piece.repeat(count.parse().ok()?), behind))
        });
        whole.push_str(before);
        if let Some((pieces, behind)) = found {
            whole.push_str(&pieces);
            rest = behind;
        } else {
            whole.push('{');
            rest = behind;
        }
    }
    whole + rest
}

/// The code of an answer of the gateway, which is JSON whatever was sent.
fn code(answer: &Answer) -> Value {
    answer.json()["resultCode"].clone()
}

fn check(verdict: Verdict, is_taken: bool, is_refused: bool) -> bool {
    match verdict {
        Verdict::Yes => is_taken,
        Verdict::No => is_refused,
        Verdict::Either => is_taken || is_refused,
    }
}

/// Tries one text in each place; says where it came out wrong.
async fn try_one(client: Client, url: String, verdict: Verdict, text: Vec<u8>) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut judge = |place: &str, is_right: bool, answer: &Answer| {
        if !is_right {
            let shown: String = answer.text().chars().take(200).collect();
            wrong.push(format!("{place}: {} {shown}", answer.status));
        }
    };
    // As a body: what is JSON of another kind than an object is refused for that.
    let answer = client.send("POST", &format!("{url}/pg/bindingList"), text.clone()).await;
    let is_object = text.trim_ascii_start().starts_with(b"{");
    let is_refused = answer.status == 400 && code(&answer) == "1001";
    let is_missing = answer.status == 400 && code(&answer) == "1101";
    let is_right = check(verdict, if is_object { is_missing } else { is_refused }, is_refused);
    judge("body", is_right, &answer);

    let member = |before: &str, after: &str| [before.as_bytes(), &text, after.as_bytes()].concat();
    let body = member(&format!("{{{CALL},\"x\":"), "}");
    let answer = client.send("POST", &format!("{url}/pg/bindingList"), body).await;
    let is_taken = answer.status == 200 && code(&answer) == "0000";
    let is_refused = answer.status == 400 && code(&answer) == "1001";
    judge("member", check(verdict, is_taken, is_refused), &answer);

    let body = member(r#"{"merchantId":"C0000143","body":{"x":"#, "}}");
    let answer = client.send("POST", &format!("{url}/_sim/v1/sign"), body).await;
    let is_refused = [400, 422].contains(&answer.status) && answer.problem().0 == answer.status;
    judge("control call", check(verdict, answer.status == 200, is_refused), &answer);
    wrong
}

#[tokio::test]
async fn what_is_json_is_taken_and_what_is_none_is_refused_everywhere() {
    let sim = Sim::start().await;
    let mut tries = JoinSet::new();
    let mut count = 0;
    for (verdict, name, text) in cases() {
        count += 1;
        let (client, url) = (sim.client.clone(), sim.url.clone());
        tries.spawn(async move { (name, try_one(client, url, verdict, text).await) });
    }
    assert!(count >= 150, "{count} cases");
    let mut wrong = Vec::new();
    while let Some(tried) = tries.join_next().await {
        let (name, places) = tried.expect("it was tried");
        wrong.extend(places.into_iter().map(|place| format!("{name}: {place}")));
    }
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
}
