//! Pages that the program makes from what it knows itself. They stand in `docs/` as well, which a test holds, and are not
//! packed into the binary.

use std::fmt::Write as _;

use super::scenarios_page::scenarios_page;
use crate::api::{page, routes};
use crate::base::Operation;
use crate::profile::{Mark, MemberSpec, Profile, Provenance, SignMode};

/// All of them by name, for the built-in profile.
pub(super) fn all() -> [(&'static str, String); 4] {
    let profile = Profile::builtin();
    [
        ("calls", payon_calls_page(&profile)),
        ("control-api", page::page(routes::openapi_document(), routes::ROUTES)),
        ("fidelity", fidelity_page(&profile.name, profile.provenance())),
        ("scenarios", scenarios_page()),
    ]
}

/// The page `docs/fidelity.md`: behaviours of a profile, a table for each mark. Writing into a String cannot fail.
pub fn fidelity_page<'p>(
    profile: &str,
    entries: impl IntoIterator<Item = &'p Provenance> + Clone,
) -> String {
    let mut page = format!(
        "# What is PAYON's, and what is ours\n\nEvery behaviour of the profile `{profile}` with the line that \
         holds it. This page is made by `payon-sim fidelity --markdown`; `GET /_sim/v1/fidelity` reads the same data. How to \
         confirm what is assumed: [shadow.md](shadow.md).\n",
    );
    for mark in Mark::ALL.iter().copied() {
        let own = entries.clone().into_iter().filter(|entry| entry.mark == mark);
        let own: Vec<_> = own.collect();
        if own.is_empty() {
            continue;
        }
        let _ = write!(page, "\n## {mark}: {} {}\n\n", own.len(), mark.meaning());
        page.push_str("| behaviour | what | held by |\n| --- | --- | --- |\n");
        for Provenance { key, about, place, .. } in own {
            let _ = writeln!(page, "| `{key}` | {} | {place} |", cell(about));
        }
    }
    page
}

/// The page `docs/calls.md`: PAYON's calls with the members of each.
pub fn payon_calls_page(profile: &Profile) -> String {
    let mut page = format!(
        "# PAYON's calls\n\nEvery call is a POST of JSON below the base address. The answer is JSON with `resultCode`, and \
         `0000` is success. Names of operations are those that rules, expectations and the journal use. Marks tell whose word \
         a member is: D is documented by PAYON, E was seen in an example of PAYON's, A is assumed, C is confirmed; \
         [fidelity.md](fidelity.md) has all of them, with the members of the answers. How to confirm what is assumed: \
         [shadow.md](shadow.md). How `sign` is made: \
         [signing.md](signing.md). This page is made by `payon-sim openapi --payon --markdown` from the profile `{}`; \
         `payon-sim openapi --payon` prints the OpenAPI document, which a running gateway has at `/_sim/payon-openapi.json`.\n\n\
         | call | operation | does |\n| --- | --- | --- |\n",
        profile.name
    );
    for &operation in Operation::ALL {
        let about = cell(&profile.operations.get(operation).about);
        let (path, name) = (operation.paths()[0], operation.name());
        let _ = writeln!(page, "| `{path}` | `{name}` | {about} |");
    }
    for &operation in Operation::ALL {
        let described = profile.operations.get(operation);
        let _ = write!(page, "\n## {}\n\n`POST {}`", operation.name(), operation.paths()[0]);
        for other in &operation.paths()[1..] {
            let _ = write!(page, ", also `{other}`");
        }
        let sign = match profile.sign.mode(operation) {
            SignMode::Required => "must be signed",
            SignMode::IfPresent => "`sign` is checked where it is sent",
            SignMode::Off => "not signed",
        };
        let _ = write!(page, "; {sign}.\n\n");
        members(&described.request, &mut page);
    }
    let pushback = profile.operations.pushback();
    let about = &pushback.about;
    let _ = write!(page, "\n## Push-back\n\nA POST to the merchant's `noti_url`. {about}\n\n");
    members(&pushback.request, &mut page);
    page
}

fn members(members: &[MemberSpec], page: &mut String) {
    page.push_str("| member | type | needed | what | mark |\n| --- | --- | --- | --- | --- |\n");
    for member in members {
        let needed = if member.required { "yes" } else { "" };
        let (name, kind, about) = (&member.name, member.kind, cell(&member.about));
        let _ = writeln!(page, "| `{name}` | {kind} | {needed} | {about} | {} |", member.mark);
    }
}

/// A text within a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
