//! A transcript: everything that the system said in a simulation, without what two runs may have otherwise.

use serde_json::Value;

/// Members whose values depend on the machine: real durations and times, and digests of texts in which those stand.
const OF_THE_MACHINE: [&str; 5] = ["tookMs", "tookUs", "savedAt", "digest", "date"];

/// Texts, one a call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Transcript {
    pub(crate) lines: Vec<String>,
}

impl Transcript {
    /// Adds what came of a call. `addresses` are those of this run, with the names that stand for them.
    pub(crate) fn add(
        &mut self,
        about: &str,
        status: Option<u16>,
        body: &str,
        addresses: &[(&str, &str)],
    ) {
        let status = status.map_or_else(|| "lost".to_owned(), |status| status.to_string());
        let text = match serde_json::from_str::<Value>(body) {
            Ok(mut value) => {
                forget(&mut value);
                value.to_string()
            }
            Err(_) => body.to_owned(),
        };
        let mut line = format!("{about} {status} {text}");
        for (address, name) in addresses {
            line = line.replace(address, name);
        }
        self.lines.push(line);
    }

    /// The first line that two transcripts do not share.
    pub(crate) fn difference(&self, other: &Self) -> Option<String> {
        let (own, others) = (&self.lines, &other.lines);
        let at = (0..own.len().max(others.len())).find(|at| own.get(*at) != others.get(*at))?;
        let line = |lines: &[String]| lines.get(at).map_or("nothing", String::as_str).to_owned();
        let (first, second) = (line(own), line(others));
        let same = first.bytes().zip(second.bytes()).take_while(|(a, b)| a == b).count();
        let part = |text: &str| {
            let text: String = text.chars().skip(same.saturating_sub(120)).take(400).collect();
            text
        };
        Some(format!("line {at}\nfirst  {}\nsecond {}", part(&first), part(&second)))
    }
}

fn forget(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, member) in members.iter_mut() {
                if OF_THE_MACHINE.contains(&name.as_str()) {
                    *member = Value::Null;
                } else {
                    forget(member);
                }
            }
        }
        // A header in a snapshot.
        Value::Array(items) if items.len() == 2 && items[0] == "date" => items[1] = Value::Null,
        Value::Array(items) => items.iter_mut().for_each(forget),
        _ => {}
    }
}
