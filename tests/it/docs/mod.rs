//! The README and the pages of `docs/`, run: every block of commands in a shell, page by page and from top to bottom,
//! against a gateway of the page's own. `CONTRIBUTING.md` tells how a page marks what is not run, and why.

mod api_page;
mod block;
mod khmer;
mod links;
mod output;
mod payment;
mod record;
mod served;
mod shell;
mod tutorial;
mod zero;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use block::{Block, Mark};
use shell::Shell;

use crate::binary::has_tool;
use crate::programs::{file, installed_by};

/// Programs that a block may need and that not every machine has.
const TOOLS: &[&str] = &["cargo", "curl", "java", "jq", "node", "openssl", "php", "python3"];

/// Runs the pages, one test for each, so that they run side by side.
macro_rules! pages {
    ($($name:ident $path:literal;)+) => {
        $(
            #[test]
            fn $name() {
                run($path);
            }
        )+

        const PAGES: &[&str] = &[$($path),+];
    };
}

pages! {
    readme "README.md";
    changelog "CHANGELOG.md";
    contributing "CONTRIBUTING.md";
    audit "docs/audit.md";
    bounds "docs/bounds.md";
    many_machines "docs/many-machines.md";
    checkout "docs/checkout.md";
    cards "docs/cards.md";
    calls "docs/calls.md";
    ci "docs/ci.md";
    compared "docs/compared-with-pgtest.md";
    compatibility "docs/compatibility.md";
    containers "docs/containers.md";
    tls "docs/tls.md";
    control_api "docs/control-api.md";
    control_plane "docs/control-plane.md";
    fidelity "docs/fidelity.md";
    glossary "docs/glossary.md";
    go_live "docs/go-live.md";
    how_do_i "docs/how-do-i.md";
    install "docs/install.md";
    khmer_review "docs/khmer-review.md";
    kits "docs/kits.md";
    laravel "docs/laravel.md";
    merchant "docs/merchant.md";
    profile "docs/profile.md";
    questions "docs/questions-for-payon.md";
    reconciliation "docs/reconciliation.md";
    reliability "docs/reliability.md";
    running_scenarios "docs/running-scenarios.md";
    scenarios "docs/scenarios.md";
    settings "docs/settings.md";
    shadow "docs/shadow.md";
    signing "docs/signing.md";
    skill "docs/skill.md";
    speed "docs/speed.md";
    start "docs/start.md";
    status_9999 "docs/status-9999.md";
    summary "docs/SUMMARY.md";
    tests "docs/tests.md";
    troubleshooting "docs/troubleshooting.md";
    tutorial "docs/scenario-tutorial.md";
    wait "docs/wait.md";
}

#[test]
fn every_page_is_run_and_in_the_table_of_contents() {
    let contents = page("docs/SUMMARY.md");
    let mut lacking = Vec::new();
    for entry in fs::read_dir(file("docs")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if Path::new(&name).extension().is_none_or(|kind| kind != "md") {
            continue;
        }
        let path = format!("docs/{name}");
        if !PAGES.contains(&path.as_str()) {
            lacking.push(format!("{path} is not in the list of tests/it/docs/mod.rs"));
        }
        if name != "SUMMARY.md" && !contents.contains(&format!("({name})")) {
            lacking.push(format!("{path} is not in docs/SUMMARY.md"));
        }
    }
    assert!(lacking.is_empty(), "{}", lacking.join("\n"));
}

#[test]
fn every_link_leads_somewhere() {
    let pages = PAGES.iter().chain(&["docs/llms.txt"]);
    let broken: Vec<String> = pages.flat_map(|path| links::broken(path)).collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn the_readme_is_short() {
    let lines = page("README.md").lines().count();
    assert!(
        lines <= 150,
        "README.md has {lines} lines; what is longer belongs into a page of docs/"
    );
}

/// The text of a page, by its path in the repository.
fn page(path: &str) -> String {
    fs::read_to_string(file(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A program that the block needs and that is not there.
fn lacking_tool(block: &Block) -> Option<&'static str> {
    let mut needed = TOOLS.iter().filter(|tool| block.names(tool));
    let lacking = needed.find(|tool| !has_tool(tool)).copied();
    // The shop in Python signs with a package.
    let has_package =
        !block.names("python3") || installed_by("clients", "venv/bin/python").is_some();
    lacking.or((!has_package).then_some("the Python package cryptography"))
}

/// Runs a page from top to bottom, and tells what was not run.
fn run(path: &str) {
    let blocks = Block::all(path, &page(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    let mut shell: Option<Shell> = None;
    let (mut commands, mut compared) = (0, 0);
    let mut left_out = BTreeSet::new();
    let mut wrong = Vec::new();
    // Without a tool nothing below its first use is run: a page is one story.
    let mut lacking = if has_tool("bash") { None } else { Some("bash") };
    for block in &blocks {
        if let Err(error) = block.check_data() {
            wrong.push(format!("{path}:{}: {error}", block.line));
        }
        let mut is_file = false;
        let mut reason = None;
        for mark in &block.marks {
            match mark {
                Mark::File(name) => {
                    is_file = true;
                    shell.get_or_insert_with(Shell::new).write(name, &block.text);
                }
                Mark::NotRun(why) => reason = Some(why.clone()),
                Mark::RunBy(what) => {
                    let runner = fs::read_to_string(file(what));
                    let runner = runner.unwrap_or_else(|error| panic!("{path}: {what}: {error}"));
                    let name = Path::new(path).file_name().unwrap().to_str().unwrap();
                    assert!(
                        runner.contains(name),
                        "{path}:{}: {what} does not name {name}",
                        block.line
                    );
                    reason = Some(format!("run by {what}"));
                }
                Mark::SameAs(other) => {
                    is_file = true;
                    if page(other) != block.text {
                        wrong.push(format!("{path}:{}: this is not {other} any more", block.line));
                    }
                }
                Mark::Fresh => shell = None,
            }
        }
        if let Some(reason) = reason {
            left_out.insert((block.line, reason));
            continue;
        }
        match &*block.language {
            "console" => {}
            _ if is_file || block.is_data() => continue,
            other => {
                wrong.push(format!(
                    "{path}:{}: a block of {other:?} that nothing runs; write it to a file and run that, or say why not",
                    block.line
                ));
                continue;
            }
        }
        lacking = lacking.or_else(|| lacking_tool(block));
        if let Some(tool) = lacking {
            left_out.insert((block.line, format!("{tool} is not installed")));
            continue;
        }
        let shell = shell.get_or_insert_with(Shell::new);
        for command in block.commands() {
            commands += 1;
            compared += usize::from(!command.shown.is_empty());
            if let Err(error) = shell.run(&command) {
                wrong.push(format!("{path}:{}: $ {}\n{error}", command.line, command.text));
            }
        }
    }
    println!("{path}: {commands} commands run, the output of {compared} compared");
    for (line, reason) in &left_out {
        println!("{path}:{line}: not run: {reason}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
