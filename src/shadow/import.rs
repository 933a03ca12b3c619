//! Makes a capture of calls that other tools have recorded, secrets masked.

use super::live::signature_note;
use super::mask;
use crate::base::{Operation, sort_by_key};
use crate::capture::{
    ImportedCall, RecordedCall, SESSION_VERSION, Session, SessionEnd, SessionHead, SessionLine,
    SignatureNote,
};
use crate::profile::Profile;

/// The capture of recorded calls. What is no call of an operation is counted only.
pub fn import(profile: &Profile, calls: &[ImportedCall], keeps_signatures: bool) -> Session {
    let mut end = SessionEnd::default();
    let mut lines: Vec<RecordedCall> = Vec::new();
    let mut upstream = String::new();
    for call in calls {
        let Some((origin, path)) = split(&call.url) else {
            end.passed += 1;
            continue;
        };
        let operation = Operation::at(path.split('?').next().unwrap_or(path));
        if operation.is_none() {
            end.passed += 1;
            continue;
        }
        if upstream.is_empty() {
            origin.clone_into(&mut upstream);
        }
        lines.push(recorded(profile, call, path, keeps_signatures));
    }
    sort_by_key(&mut lines, RecordedCall::end_us);
    end.calls = lines.len() as u64;
    let first = lines.iter().map(|call| call.at_us).min().unwrap_or_default();
    Session {
        head: SessionHead {
            payon_sim_capture: SESSION_VERSION,
            made_at: crate::base::Millis(first / 1000).rfc3339(),
            by: concat!("payon-sim ", env!("CARGO_PKG_VERSION"), " capture import").to_owned(),
            upstream,
            signatures: keeps_signatures,
        },
        lines: lines.into_iter().map(|call| SessionLine::Call(Box::new(call))).collect(),
        end: Some(end),
    }
}

fn recorded(
    profile: &Profile,
    call: &ImportedCall,
    path: &str,
    keeps_signatures: bool,
) -> RecordedCall {
    let masked = |headers: &[(String, String)]| {
        let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
        mask::headers(profile.operations.secrets(), headers, keeps_signatures)
    };
    let signature = call.body.as_deref().map(|body| signature_note(profile, body));
    let answer = call.answer.as_ref().map(|answer| {
        let bytes = answer.body.as_deref().unwrap_or_default();
        mask::answer(
            profile.operations.secrets(),
            answer.status,
            masked(&answer.headers),
            bytes,
            answer.body.is_none(),
            keeps_signatures,
        )
    });
    let bytes = call.body.as_deref().unwrap_or_default();
    RecordedCall {
        at_us: call.at_us,
        took_us: call.took_us,
        method: call.method.clone(),
        path: mask::path(path),
        request: mask::message(
            profile.operations.secrets(),
            masked(&call.headers),
            bytes,
            call.body.is_none(),
            keeps_signatures,
        ),
        failure: answer.is_none().then(|| "no answer was recorded".to_owned()),
        answer,
        signature: signature.unwrap_or(SignatureNote::Absent),
    }
}

/// Origin and path of a URL.
fn split(url: &str) -> Option<(&str, &str)> {
    let host = url.find("://")? + 3;
    let path = url[host..].find('/').map(|at| at + host)?;
    Some((&url[..path], &url[path..]))
}
