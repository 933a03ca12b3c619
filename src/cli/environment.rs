//! The environment variables of all verbs: an empty one counts as left out, one that others have set is passed over, and
//! a wrong one is told by its name.

use std::env;
use std::ffi::{OsStr, OsString};

use clap::builder::Resettable;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command};

/// The arguments of this process. The bare command serves, so options that stand without a verb are those of `serve`.
pub(super) fn arguments() -> Vec<OsString> {
    with_verb(env::args_os().collect())
}

fn with_verb(mut arguments: Vec<OsString>) -> Vec<OsString> {
    let of_the_program = ["-h", "--help", "-V", "--version"];
    let serves = arguments.get(1).is_none_or(|first| {
        let first = first.to_string_lossy();
        first.starts_with('-') && !of_the_program.contains(&&*first)
    });
    if serves {
        let at = arguments.len().min(1);
        arguments.insert(at, "serve".into());
    }
    arguments
}

/// The command without the variables that say nothing to it.
pub(super) fn prepare(command: Command) -> Command {
    command.mut_args(without_silent_variable).mut_subcommands(prepare)
}

fn without_silent_variable(argument: Arg) -> Arg {
    let value = argument.get_env().and_then(|name| Some((name, env::var_os(name)?)));
    match value {
        Some((name, value)) if value.is_empty() || is_foreign(name, &value) => {
            argument.env(Resettable::Reset)
        }
        _ => argument,
    }
}

/// Kubernetes describes a Service to every pod of its namespace, and `docker --link` does alike: for one named payon-sim
/// PAYON_SIM_PORT becomes `tcp://10.0.0.5:36605`.
fn is_foreign(name: &OsStr, value: &OsStr) -> bool {
    name.to_string_lossy().ends_with("_PORT") && value.to_string_lossy().contains("://")
}

/// A note on the variable where it is passed over for being somebody else's.
pub(super) fn note(name: &str) -> Option<String> {
    let value = env::var_os(name)?;
    is_foreign(name.as_ref(), &value).then(|| {
        let service = name.trim_end_matches("_PORT").to_lowercase().replace('_', "-");
        let value = value.to_string_lossy();
        format!(
            "note: {name}={value} is no port and is passed over; Kubernetes sets it for a Service named {service}"
        )
    })
}

/// The error, with the name of the variable where the wrong value is from one.
pub(super) fn with_variable(
    mut error: clap::Error,
    command: &Command,
    arguments: &[OsString],
) -> clap::Error {
    if error.kind() == ErrorKind::InvalidUtf8
        && let Some(name) = unreadable_variable(command, arguments)
    {
        let told = format!("the environment variable {name} is not UTF-8 text\n");
        return clap::Error::raw(ErrorKind::InvalidUtf8, told);
    }
    if let Some(told) = variable_at_fault(&error, command, arguments) {
        error.insert(ContextKind::InvalidArg, ContextValue::String(told));
    }
    error
}

/// The verb that the arguments name.
fn verb_of<'c>(command: &'c Command, arguments: &[OsString]) -> &'c Command {
    arguments.iter().skip(1).fold(command, |verb, argument| {
        argument.to_str().and_then(|name| verb.find_subcommand(name)).unwrap_or(verb)
    })
}

/// The variable of the verb that is no text, where all arguments are.
fn unreadable_variable(command: &Command, arguments: &[OsString]) -> Option<String> {
    if arguments.iter().any(|argument| argument.to_str().is_none()) {
        return None;
    }
    let mut names = verb_of(command, arguments).get_arguments().filter_map(Arg::get_env);
    let name = names.find(|name| env::var_os(name).is_some_and(|it| it.to_str().is_none()))?;
    Some(name.to_string_lossy().into_owned())
}

fn variable_at_fault(
    error: &clap::Error,
    command: &Command,
    arguments: &[OsString],
) -> Option<String> {
    let Some(ContextValue::String(argument)) = error.get(ContextKind::InvalidArg) else {
        return None;
    };
    let Some(ContextValue::String(value)) = error.get(ContextKind::InvalidValue) else {
        return None;
    };
    let flag = argument.split([' ', '=']).next()?;
    let is_given = |given: &OsString| {
        let rest = given.to_str().and_then(|given| given.strip_prefix(flag));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
    };
    if arguments.iter().any(is_given) {
        return None;
    }
    let verb = verb_of(command, arguments);
    let long = flag.strip_prefix("--")?;
    let known = verb.get_arguments().find(|known| known.get_long() == Some(long))?;
    let variable = known.get_env()?;
    (env::var_os(variable)?.to_str() == Some(value))
        .then(|| format!("{argument}' from the environment variable '{}", variable.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_without_a_verb_are_those_of_serve() {
        let of = |line: &str| {
            let arguments = with_verb(line.split(' ').map(OsString::from).collect());
            arguments.join(OsStr::new(" ")).into_string().expect("text")
        };
        for (given, read) in [
            ("payon-sim", "payon-sim serve"),
            ("payon-sim --port 0", "payon-sim serve --port 0"),
            ("payon-sim --port=0 --help", "payon-sim serve --port=0 --help"),
            ("payon-sim --help", "payon-sim --help"),
            ("payon-sim -V", "payon-sim -V"),
            ("payon-sim khqr decode", "payon-sim khqr decode"),
            ("payon-sim srve", "payon-sim srve"),
        ] {
            assert_eq!(of(given), read);
        }
    }
}
