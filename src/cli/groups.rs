//! The verbs in groups, as `payon-sim --help` shows them.

use std::fmt::Write as _;

use clap::Command;

/// The groups, each with its verbs in order.
const GROUPS: &[(&str, &[&str])] = &[
    ("Run the gateway", &["serve", "exec", "healthcheck", "tls", "config", "profile"]),
    (
        "Steer a running gateway",
        &[
            "space",
            "clock",
            "fault",
            "rules",
            "scenario",
            "merchants",
            "snapshot",
            "reset",
            "pay",
            "trigger",
            "resend",
        ],
    ),
    (
        "See what a running gateway does",
        &["tail", "wait", "explain", "inbox", "pushbacks", "coverage"],
    ),
    (
        "Test a merchant",
        &["run", "audit", "explore", "check", "merchant", "doctor", "shadow", "capture"],
    ),
    ("Signatures and keys", &["sign", "verify", "keys", "link", "khqr"]),
    ("Learn", &["scenarios", "fidelity", "openapi", "schema", "completions", "man", "help"]),
];

/// The verb that clap adds, and its words for it.
const HELP: (&str, &str) = ("help", "Print this message or the help of the given verb");

/// Heading of verbs that stand in no group.
const OTHERS: &str = "Others";

/// The command with a help that shows its verbs in groups.
pub(super) fn in_groups(command: Command) -> Command {
    let (verbs, header) = (verbs(&command), *command.get_styles().get_header());
    command.help_template(format!(
        "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{verbs}\
         {header}Options:{header:#}\n{{options}}{{after-help}}"
    ))
}

/// The verbs, each group under its heading.
fn verbs(command: &Command) -> String {
    let header = *command.get_styles().get_header();
    let literal = *command.get_styles().get_literal();
    let about = |name: &str| {
        if name == HELP.0 {
            return Some(HELP.1.to_owned());
        }
        let verb = command.find_subcommand(name)?;
        Some(verb.get_about().map(ToString::to_string).unwrap_or_default())
    };
    let shown = command.get_subcommands().filter(|verb| !verb.is_hide_set());
    let names: Vec<&str> = shown.map(Command::get_name).collect();
    let is_grouped = |name: &&str| GROUPS.iter().any(|(_, names)| names.contains(name));
    let others: Vec<&str> = names.iter().copied().filter(|name| !is_grouped(name)).collect();
    let width = names.iter().map(|name| name.len()).max().unwrap_or(0);
    let mut text = String::new();
    let groups = GROUPS.iter().map(|(heading, names)| (*heading, *names));
    for (heading, names) in groups.chain((!others.is_empty()).then_some((OTHERS, &*others))) {
        // Writing into a String cannot fail.
        let _ = writeln!(text, "{header}{heading}:{header:#}");
        for name in names {
            if let Some(about) = about(name) {
                let _ = writeln!(text, "  {literal}{name:width$}{literal:#}  {about}");
            }
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_stands_in_one_group() {
        let command = crate::cli::command_line();
        let listed: Vec<&str> = GROUPS.iter().flat_map(|(_, names)| *names).copied().collect();
        for verb in command.get_subcommands().map(Command::get_name) {
            let times = listed.iter().filter(|name| **name == verb).count();
            assert_eq!(times, 1, "{verb}");
        }
        for name in listed {
            let is_verb = name == HELP.0 || command.find_subcommand(name).is_some();
            assert!(is_verb, "{name} is no verb");
        }
    }
}
