//! An overlay: one TOML file of changes to a profile, which `--profile` takes in the place of a directory.
//!
//! `payon-sim shadow --patch` writes one from what a gateway answered. Every change is of the file's own line, and what it
//! confirms gets the mark C.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::files::SourceText;
use super::replies::{ReplyChange, ReplyKind};
use super::{Mark, Place, Profile, ProfileErrors, files};
use crate::base::{
    Diagnostic, JsonTree, Operation, Reason, did_you_mean, line_of, line_starts, read_text,
};

/// The version of the format.
pub const OVERLAY_VERSION: u32 = 1;
/// Overlays that lie above each other at most.
const LAYERS_MAX: usize = 16;
/// Begin of the remark on a behaviour that a gateway has confirmed.
const CONFIRMED: &str = " (confirmed ";

/// An overlay as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Overlay {
    #[serde(rename = "overlay")]
    version: u32,
    #[serde(default)]
    base: Option<String>,
    #[serde(default, rename = "about")]
    _about: Option<String>,
    #[serde(default)]
    settings: toml::Table,
    #[serde(default)]
    answer: Vec<Spanned<AnswerChange>>,
    #[serde(default)]
    reply: Vec<Spanned<ReplyChange>>,
    #[serde(default)]
    confirmed: Vec<Spanned<Confirmation>>,
}

/// Another code, message or HTTP status for reasons.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AnswerChange {
    /// The operations; every one where none is named.
    #[serde(default)]
    on: Vec<Operation>,
    #[serde(default)]
    reasons: Vec<Reason>,
    /// `success` or `failure`: the words of a push-back instead.
    #[serde(default)]
    pushback: Option<PushbackEnd>,
    code: Option<String>,
    message: Option<String>,
    http: Option<u16>,
}

#[derive(Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum PushbackEnd {
    Success,
    Failure,
}

/// An assumption that a gateway has confirmed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Confirmation {
    /// Key of the behaviour, as `payon-sim fidelity` lists it.
    key: String,
    /// Day of the latest proof, yyyy-MM-dd.
    on: String,
    /// Number of answers that confirmed it.
    times: u64,
}

/// Changes of a reason's answer; what is absent stays.
#[derive(Clone, Debug, Default)]
pub(super) struct AnswerEdit {
    pub(super) code: Option<String>,
    pub(super) message: Option<String>,
    pub(super) http: Option<u16>,
}

impl Profile {
    /// Reads an overlay and the profile that it changes: the one that its `base` names, or else the built-in one. A base may be
    /// an overlay itself.
    pub(super) fn load_overlay(
        path: &Path,
        settings: &[(&str, &str)],
    ) -> Result<Self, ProfileErrors> {
        Self::below(Layer::load(path)?, settings)
    }

    /// The profile that an overlay's text makes. `dir` is where its `base` is looked for.
    pub fn with_overlay(
        shown: &str,
        text: &str,
        dir: Option<&Path>,
    ) -> Result<Self, ProfileErrors> {
        Self::below(Layer::read(shown, text, dir)?, &[])
    }

    /// The profile that an overlay makes of what lies below it, with some settings of `profile.toml` replaced at last.
    fn below(top: Layer, settings: &[(&str, &str)]) -> Result<Self, ProfileErrors> {
        let mut layers = Vec::new();
        let mut next = Some(top);
        let mut base = None;
        while let Some(layer) = next.take() {
            if let Some(path) = &layer.base {
                if layers.len() == LAYERS_MAX {
                    let what = format!("more than {LAYERS_MAX} overlays lie above each other");
                    return Err(ProfileErrors(vec![layer.refuse(0, what)]));
                }
                if is_overlay(path) {
                    next = Some(Layer::load(path)?);
                } else {
                    base = Some(path.clone());
                }
            }
            layers.push(layer);
        }
        layers.reverse();
        let (mut sources, mut problems) = match &base {
            Some(base) => files::load(base),
            None => (super::builtin_sources(), Vec::new()),
        };
        for layer in &layers {
            for (key, value) in &layer.overlay.settings {
                if let Some(Some(source)) = sources.first_mut()
                    && let Err(what) = splice(source, key, value)
                {
                    problems.push(layer.refuse(layer.place_of(key), what));
                }
            }
        }
        problems.extend(files::replace_all(&mut sources, settings));
        let mut profile = super::parse(sources, problems)?;
        let problems: Vec<_> = layers.iter().flat_map(|layer| layer.apply(&mut profile)).collect();
        if problems.is_empty() { Ok(profile) } else { Err(ProfileErrors(problems)) }
    }
}

/// Returns true if a path names an overlay rather than a directory.
pub(super) fn is_overlay(path: &Path) -> bool {
    path.extension().is_some_and(|kind| kind == "toml") && !path.is_dir()
}

/// One overlay of those that lie above each other.
struct Layer {
    shown: String,
    text: String,
    lines: Vec<usize>,
    base: Option<PathBuf>,
    overlay: Overlay,
}

impl Layer {
    fn load(path: &Path) -> Result<Self, ProfileErrors> {
        let shown = path.display().to_string();
        let text = read_text(path).map_err(|error| {
            let message = format!("cannot be read: {error}");
            ProfileErrors(vec![Diagnostic::of_file(shown.clone(), message, Vec::new())])
        })?;
        Self::read(&shown, &text, path.parent())
    }

    fn read(shown: &str, text: &str, dir: Option<&Path>) -> Result<Self, ProfileErrors> {
        let mistake =
            |error: toml::de::Error| ProfileErrors(vec![Diagnostic::of_toml(shown, text, &error)]);
        let overlay: Overlay = toml::from_str(text).map_err(mistake)?;
        let base = overlay.base.as_deref().map(|base| dir.unwrap_or(Path::new("")).join(base));
        let layer = Self {
            shown: shown.to_owned(),
            text: text.to_owned(),
            lines: line_starts(text),
            base,
            overlay,
        };
        if layer.overlay.version == OVERLAY_VERSION {
            Ok(layer)
        } else {
            let what = format!("overlay = {}: this program reads 1", layer.overlay.version);
            Err(ProfileErrors(vec![layer.refuse(0, what)]))
        }
    }

    fn refuse(&self, offset: usize, what: String) -> Diagnostic {
        Diagnostic::of_line(self.shown.clone(), line_of(&self.lines, offset), what)
    }

    fn place(&self, offset: usize) -> Place {
        Place { file: self.shown.as_str().into(), line: line_of(&self.lines, offset) as u32 }
    }

    /// Offset of a setting's line.
    fn place_of(&self, key: &str) -> usize {
        self.text.find(&format!("\"{key}\"")).unwrap_or_default()
    }

    /// Changes a profile in which the settings are changed already. Answers what is wrong.
    fn apply(&self, profile: &mut Profile) -> Vec<Diagnostic> {
        let mut problems = Vec::new();
        let mut changed = Vec::new();
        for answer in &self.overlay.answer {
            let at = answer.span().start;
            let AnswerChange { on, reasons, pushback, code, message, http } = answer.get_ref();
            if code.as_deref().is_some_and(str::is_empty) {
                problems.push(self.refuse(at, "an empty code".to_owned()));
            }
            if http.is_some_and(|http| !(200..=599).contains(&http)) {
                let what = "an HTTP status of an answer is 200 to 599".to_owned();
                problems.push(self.refuse(at, what));
            }
            if code.is_none() && message.is_none() && http.is_none() {
                problems
                    .push(self.refuse(at, "an answer needs a code, a message or http".to_owned()));
            }
            if reasons.is_empty() && pushback.is_none() {
                problems.push(self.refuse(at, "an answer needs reasons or pushback".to_owned()));
            }
            let edit = AnswerEdit { code: code.clone(), message: message.clone(), http: *http };
            if let Some(end) = pushback {
                let is_success = matches!(end, PushbackEnd::Success);
                profile.reasons.edit_pushback(is_success, &edit, &self.place(at));
            }
            let parts = [
                ("code", code.is_some()),
                ("message", message.is_some()),
                ("http", http.is_some()),
            ];
            for (part, _) in parts.into_iter().filter(|(_, is_set)| *is_set) {
                let change = (part, on, reasons, pushback);
                if changed.contains(&change) {
                    let what = format!("an earlier answer sets {part} for the same");
                    problems.push(self.refuse(at, what));
                }
                changed.push(change);
            }
            let on = if on.is_empty() { Operation::ALL } else { on };
            let cells = on.iter().flat_map(|on| reasons.iter().map(|reason| (*on, *reason)));
            for (operation, reason) in cells {
                profile.reasons.edit(operation, reason, &edit, &self.place(at));
            }
        }
        for reply in &self.overlay.reply {
            let at = reply.span().start;
            let found = check(reply.get_ref()).into_iter().chain(missing(profile, reply.get_ref()));
            problems.extend(found.map(|what| self.refuse(at, what)));
            profile.replies.0.push(reply.get_ref().clone());
        }
        for (at, confirmation) in self.overlay.confirmed.iter().enumerate() {
            let Confirmation { key, on, times } = confirmation.get_ref();
            if self.overlay.confirmed[..at].iter().any(|earlier| earlier.get_ref().key == *key) {
                let what = format!("{key:?} is confirmed here twice");
                problems.push(self.refuse(confirmation.span().start, what));
            }
            let known = profile.provenance.iter_mut().find(|entry| entry.key == *key);
            let Some(entry) = known else {
                let what = format!("there is no behaviour {key:?}");
                problems.push(self.refuse(confirmation.span().start, what));
                continue;
            };
            entry.mark = Mark::Confirmed;
            profile.reasons.confirm(key);
            let about = entry.about.split(CONFIRMED).next().unwrap_or_default();
            entry.about = format!("{about}{CONFIRMED}{times} times, latest {on})");
        }
        for key in self.overlay.settings.keys() {
            if let Some(entry) = profile.provenance.iter_mut().find(|entry| entry.key == *key) {
                entry.place = self.place(self.place_of(key));
            }
        }
        profile.digest = super::digest_with(profile.digest, &self.text);
        problems
    }
}

/// Mistakes of a change that its form does not show.
fn check(change: &ReplyChange) -> Vec<String> {
    let values = change.add.iter().filter(|(_, json)| JsonTree::parse(json.as_bytes()).is_none());
    let values = values.map(|(name, _)| format!("add: the value of {name:?} is not JSON text"));
    let is_token = |name: &str| {
        !name.is_empty() && name.bytes().all(|it| it.is_ascii_alphanumeric() || b"-_".contains(&it))
    };
    let is_plain = |value: &str| value.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    let headers = change.headers.iter().filter(|(name, value)| !is_token(name) || !is_plain(value));
    let headers = headers.map(|(name, _)| format!("headers: {name:?} cannot be sent"));
    let rising = change.latency.windows(2).all(|pair| pair[0].0 < pair[1].0);
    let latency = (!rising).then(|| "latency: the bounds must rise".to_owned());
    let is_empty =
        *change == ReplyChange { on: change.on.clone(), of: change.of, ..ReplyChange::default() };
    let empty = is_empty.then(|| "a reply needs something to change".to_owned());
    values.chain(headers).chain(latency).chain(empty).collect()
}

/// Mistakes of a change of members that no reply has which it is for.
fn missing(profile: &Profile, change: &ReplyChange) -> Vec<String> {
    let on = if change.on.is_empty() { Operation::ALL } else { &change.on };
    let specs = on.iter().flat_map(|operation| &profile.operations.get(*operation).response);
    let mut known: Vec<&str> = specs.map(|member| &*member.name).collect();
    if change.of != ReplyKind::Success {
        // A refusal has the members of the envelope, also where a success has others.
        let all = Operation::ALL.iter().flat_map(|it| &profile.operations.get(*it).response);
        known.extend(all.map(|member| &*member.name).filter(|name| !name.contains(['.', '['])));
    }
    let changes = profile.replies.0.iter().chain([change]);
    let added: Vec<&str> = changes.flat_map(|it| it.add.keys()).map(String::as_str).collect();
    let is_there = |name: &str| {
        known.contains(&name)
            || added.iter().any(|it| {
                name.strip_prefix(it)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
            })
    };
    let removed = change.remove.iter().map(|name| ("remove", name));
    let formed = change.form.keys().map(|name| ("form", name));
    let worded = change.words.keys().map(|name| ("words", name));
    let lacking = removed.chain(formed).chain(worded).filter(|(_, name)| !is_there(name));
    let told = lacking.map(|(key, name)| {
        let hint = did_you_mean(name, known.iter().chain(&added).copied());
        format!("{key}: no reply that it is for has a member {name:?}{hint}")
    });
    told.collect()
}

/// Replaces one setting of `profile.toml` by its place, such as `rules.otp_tries`; every line keeps its number.
fn splice(source: &mut SourceText, key: &str, value: &toml::Value) -> Result<(), String> {
    let none = || format!("profile.toml has no setting {key}");
    let span = {
        let root = DeTable::parse(&source.text).map_err(|error| error.message().to_owned())?;
        let mut parts = key.split('.');
        let first = parts.next().and_then(|part| root.get_ref().get(part));
        let found = parts.try_fold(first, |at, part| match at.map(Spanned::get_ref) {
            Some(DeValue::Table(table)) => Some(table.get(part)),
            _ => None,
        });
        let entry = found.flatten().ok_or_else(none)?;
        match entry.get_ref() {
            DeValue::Table(table) => table.get("value").ok_or_else(none)?.span(),
            _ => entry.span(),
        }
    };
    // Within an inline table a value stands on one line.
    let text = value.to_string().replace('\n', " ");
    let lines = source.text[span.clone()].matches('\n').count();
    let text = text + &"\n".repeat(lines);
    source.text.to_mut().replace_range(span, &text);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::OrderState;
    use crate::profile::IdenticalRegister;

    fn overlaid(text: &str) -> Result<Profile, ProfileErrors> {
        Profile::with_overlay("my.toml", text, None)
    }

    #[test]
    fn an_overlay_changes_settings_answers_and_replies_and_marks_what_is_confirmed() {
        let profile = overlaid(
            r#"overlay = 1
[settings]
"rules.identical_register" = "refuse"
"pushback.retries_s" = [3, 60]
"wording.status.state.captured" = "DONE"
[[answer]]
on = ["status"]
reasons = ["order.not-found"]
code = "8888"
http = 404
[[answer]]
pushback = "failure"
message = "Nope"
[[reply]]
on = ["status"]
remove = ["resultData.wdlAcNo"]
[[confirmed]]
key = "rules.otp_tries"
on = "2026-03-02"
times = 3
[[confirmed]]
key = "reason.sign.missing"
on = "2026-03-02"
times = 1
"#,
        )
        .expect("an overlay");
        assert_eq!(profile.rules.identical_register, IdenticalRegister::Refuse);
        assert_eq!(profile.pushback.retries_s, [3, 60]);
        assert_eq!(profile.wording.status.state.get(OrderState::Captured), "DONE");
        let told = profile.answer(Operation::Status, Reason::OrderNotFound);
        assert_eq!((told.code, told.message, told.http), ("8888", "System error", 404));
        assert_eq!(told.place.to_string(), "my.toml:6");
        assert_eq!(profile.answer(Operation::Refund, Reason::OrderNotFound).code, "3003");
        assert_eq!(profile.reasons.pushback(false).message, "Nope");
        assert_eq!(profile.replies.0.len(), 1);
        let entry = |key: &str| {
            profile.provenance().iter().find(|entry| entry.key == key).expect("an entry")
        };
        assert_eq!(entry("rules.otp_tries").mark, Mark::Confirmed);
        let told = profile.answer(Operation::Refund, Reason::SignMissing);
        assert_eq!((told.mark, told.key), (Mark::Confirmed, "reason.sign.missing"));
        assert!(entry("rules.otp_tries").about.ends_with("(confirmed 3 times, latest 2026-03-02)"));
        assert_eq!(entry("rules.identical_register").place.to_string(), "my.toml:3");
        let same = Profile::builtin();
        let line = |profile: &Profile, key: &str| {
            profile.provenance().iter().find(|it| it.key == key).map(|it| it.place.line)
        };
        assert_eq!(line(&profile, "checkout.languages"), line(&same, "checkout.languages"));
        assert_ne!(profile.digest, same.digest);
    }

    #[test]
    fn mistakes_are_told_with_their_line() {
        let told = |text: &str| overlaid(text).expect_err("refused").to_string();
        assert!(told("overlay = 2").starts_with("my.toml:1"), "{}", told("overlay = 2"));
        let unknown = told("overlay = 1\n[settings]\n\"rules.no_such\" = 1\n");
        assert!(unknown.starts_with("my.toml:3") && unknown.contains("no setting rules.no_such"));
        let wrong = told("overlay = 1\n[settings]\n\"rules.otp_tries\" = \"x\"\n");
        assert!(wrong.contains("rules") || wrong.contains("integer"), "{wrong}");
        let reply = told("overlay = 1\n[[reply]]\nadd = { a = \"not json\" }\n");
        assert!(reply.contains("not JSON text"), "{reply}");
        let none = told("overlay = 1\n[[reply]]\nremove = [\"resultData.txStCdd\"]\n");
        assert!(
            none.starts_with("my.toml:2") && none.contains("did you mean resultData.txStCd?"),
            "{none}"
        );
        let sound = "overlay = 1\n[[reply]]\nadd = { extra = '{\"a\":1}' }\n[[reply]]\nremove = [\"extra.a\", \"resultMsg\"]\n";
        assert!(overlaid(sound).is_ok());
        for (idle, needs) in [
            ("[[reply]]\non = [\"status\"]", "something to change"),
            ("[[answer]]\nreasons = [\"order.not-found\"]", "a code, a message or http"),
            ("[[answer]]\ncode = \"1\"", "reasons or pushback"),
        ] {
            let told = told(&format!("overlay = 1\n{idle}\n"));
            assert!(told.contains(needs), "{idle}: {told}");
        }
        let confirmed = "overlay = 1\n[[confirmed]]\nkey = \"x\"\non = \"2026-01-01\"\ntimes = 1\n";
        assert!(told(confirmed).contains("no behaviour \"x\""));
        let twice = |part: &str| told(&format!("overlay = 1\n{part}{part}"));
        let confirmed =
            confirmed.replace("overlay = 1\n", "").replace("\"x\"", "\"rules.otp_tries\"");
        let said = twice(&confirmed);
        assert!(said.starts_with("my.toml:6") && said.contains("confirmed here twice"), "{said}");
        let said = twice("[[answer]]\nreasons = [\"order.not-found\"]\ncode = \"1\"\n");
        assert!(
            said.starts_with("my.toml:5") && said.contains("earlier answer sets code"),
            "{said}"
        );
        let other = "[[answer]]\nreasons = [\"order.not-found\"]\n";
        assert!(
            overlaid(&format!("overlay = 1\n{other}code = \"1\"\n{other}http = 200\n")).is_ok()
        );
        assert!(told("overlay = 1\nsetings = 1\n").contains("setings"));
    }
}
