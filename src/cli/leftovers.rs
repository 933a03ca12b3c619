//! Files of an earlier run, which must not be taken for those of one whose command line is refused.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use crate::audit::AuditReport;
use crate::scenario_runs::RunReport;

/// A verb with an option of it that names a report, and with how what an earlier run has left there is removed.
type NamedReport = (&'static str, &'static str, fn(&Path));

/// All such options.
const REPORTS: [NamedReport; 4] = [
    ("run", "--report", RunReport::forget),
    ("audit", "--report", AuditReport::forget),
    ("shadow", "--junit", forget_file),
    ("shadow", "--html", forget_file),
];

/// Removes the reports that a command line names which cannot be read.
pub(super) fn forget_reports(arguments: &[OsString]) {
    let own = REPORTS.iter().filter(|(verb, ..)| arguments.get(1).is_some_and(|it| it == verb));
    for (_, option, forget) in own {
        if let Some(path) = raw_value(arguments, option) {
            forget(Path::new(&path));
        }
    }
}

/// Removes a plain file, where it is there.
pub(super) fn forget_file(path: &Path) {
    if fs::symlink_metadata(path).is_ok_and(|found| found.is_file()) {
        // What cannot be removed cannot be written either, and that is told.
        let _ = fs::remove_file(path);
    }
}

/// The value of an option in a command line that cannot be read as a whole.
pub(super) fn raw_value(arguments: &[OsString], option: &str) -> Option<OsString> {
    let mut own = arguments.iter().take_while(|argument| *argument != "--").enumerate();
    own.find_map(|(at, argument)| match argument.to_str()?.strip_prefix(option)? {
        "" => arguments.get(at + 1).cloned(),
        joined => joined.strip_prefix('=').map(OsString::from),
    })
}
