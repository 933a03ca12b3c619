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

#[test]
fn a_har_file_gives_calls_with_their_answers() {
    let har = r#"{"log":{"entries":[
        {"startedDateTime":"2026-03-02T10:00:00.250+07:00","time":12.5,
         "request":{"method":"POST","url":"http://h/pg/refund","headers":[{"name":"A","value":"b"}],"postData":{"text":"{}"}},
         "response":{"status":200,"headers":[{"name":"Content-Encoding","value":"gzip"}],"content":{"text":"eyJhIjoxfQ==","encoding":"base64"}}},
        {"startedDateTime":"2026-03-02T03:00:01Z","time":1,
         "request":{"method":"GET","url":"http://h/","headers":[]},"response":{"status":0,"content":{}}},
        {"startedDateTime":"2026-03-02T03:00:01Z","time":-1,
         "request":{"method":"GET","url":"http://h/","headers":[]},"response":{"status":-1}}
    ]}}"#;
    let calls = read_calls("x.har", har.as_bytes()).expect("calls");
    assert_eq!(calls.len(), 3);
    assert!(calls[2].answer.is_none());
    assert_eq!((calls[0].at_us, calls[0].took_us), (1_772_420_400_250_000, 12_500));
    let answer = calls[0].answer.as_ref().expect("an answer");
    assert_eq!((answer.status, answer.body.as_deref()), (200, Some(&b"{\"a\":1}"[..])));
    assert!(answer.headers.is_empty(), "the body stands in the file without its coding");
    assert!(calls[1].answer.is_none() && calls[1].name.ends_with("entry 2"));
    assert_eq!(read_calls("x", b"curl http://h"), Err(CaptureError::NoAnswers));
    let broken = har.replace("2026-03-02T03:00:01Z", "yesterday");
    assert!(matches!(read_calls("x", broken.as_bytes()), Err(CaptureError::Har(_))));
}
