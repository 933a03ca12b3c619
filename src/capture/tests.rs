//! Each format as the tools write it.

use super::*;

fn read_alone(text: &str) -> Result<Vec<CapturedCall>, CaptureError> {
    read("x", text, &|path| (path == "body.json").then(|| "{\"a\":\r\n1}\n".to_owned()))
}

fn only(text: &str) -> CapturedCall {
    let mut recorded = read_alone(text).expect(text);
    assert_eq!(recorded.len(), 1, "{recorded:?}");
    recorded.remove(0)
}

#[test]
fn a_body_is_taken_as_it_is() {
    let recorded = only("\u{feff} {\"a\": 1.00}\r\n");
    assert_eq!((recorded.url, recorded.body.as_str()), (None, " {\"a\": 1.00}\r\n"));
    assert_eq!(read_alone("[1]"), Err(CaptureError::Unknown));
    assert_eq!(read_alone(""), Err(CaptureError::Unknown));
}

#[test]
fn a_har_file_gives_the_requests_with_a_body() {
    let har = r#"{"log":{"version":"1.2","entries":[
        {"request":{"method":"GET","url":"https://h/x"}},
        {"request":{"method":"POST","url":"https://h/pg/refund?x=1","postData":{"mimeType":"application/json","text":"{\"a\":1}"}}},
        {"request":{"method":"POST","url":"https://h/pg/reversal/","postData":{"text":"eyJhIjoyfQ==","encoding":"base64"}}}
    ]}}"#;
    let recorded = read_alone(har).unwrap();
    let bodies = recorded.iter().map(|recorded| recorded.body.as_str()).collect::<Vec<_>>();
    assert_eq!(bodies, ["{\"a\":1}", "{\"a\":2}"]);
    let operations = recorded.iter().map(CapturedCall::operation).collect::<Vec<_>>();
    assert_eq!(operations, [Some(Operation::Refund), Some(Operation::Reversal)]);
    assert_eq!(recorded[0].name, "x, entry 2");
    assert!(matches!(read_alone("{\"log\":{}}"), Err(CaptureError::Har(_))));
}

#[test]
fn command_lines_are_split_as_a_shell_does() {
    for text in [
        r#"curl https://h/pg/refund -d '{"a":"it'\''s"}'"#,
        r#"$ curl -sS -X POST --url https://h/pg/refund -H 'x: y' --data-raw "{\"a\":\"it's\"}""#,
        "curl 'https://h/pg/refund' \\\n  -H 'content-type: application/json' \\\n  --data-raw $'{\"a\":\"it\\u0027s\"}' --compressed",
        r#"/usr/bin/curl -sXPOST https://h/pg/refund --json '{"a":"it'"'"'s"}' | jq ."#,
        "curl ^\r\n https://h/pg/refund ^\r\n -d \"{\\\"a\\\":\\\"it's\\\"}\"",
        r#"curl -u a:b -k https://h/pg/refund --data-binary='{"a":"it'\''s"}' > out.json"#,
    ] {
        let recorded = only(text);
        assert_eq!(recorded.body, r#"{"a":"it's"}"#, "{text}");
        assert_eq!(recorded.operation(), Some(Operation::Refund), "{text}");
    }
}

#[test]
fn several_commands_and_files_are_read() {
    let script = "#!/bin/sh\n# curl in a comment\ncurl h/a -d @body.json\ncurl h/b --data-binary @body.json && curl h/c\n";
    let recorded = read_alone(script).unwrap();
    let bodies = recorded.iter().map(|recorded| recorded.body.as_str()).collect::<Vec<_>>();
    assert_eq!(bodies, ["{\"a\":1}", "{\"a\":\r\n1}\n"]);
    assert_eq!(read_alone("curl h -d @other"), Err(CaptureError::File("other".to_owned())));
    assert_eq!(read_alone("curl h -d '{"), Err(CaptureError::Quote));
}
