//! The samples of `docs/start.md` sign and send a zero, and leave out what is empty: a refund of nothing is refused for its
//! amount, and one without an amount is of the whole sum.

use super::block::{Block, Mark, ShownCommand};
use super::shell::Shell;
use super::{lacking_tool, page};

const PAGE: &str = "docs/start.md";
/// The key that the page has its reader export.
const EXPORT: &str = "payon-sim keys export --merchant C0000143 --private --pem > key.pem";
/// The body of the refund, as most samples sign it.
const WHOLE: &str = "signed(order)";
const SUCCESS: &str = "Success";
const REFUSED: &str = "Invalid amount: amount must be greater than zero";

#[test]
fn in_python() {
    refunds(
        WHOLE,
        "shop.py",
        "python3 shop.py",
        &[
            ("signed({**order, 'amount': 0})", REFUSED),
            ("signed({**order, 'amount': '0'})", REFUSED),
            ("signed({**order, 'amount': ''})", SUCCESS),
            ("signed({**order, 'amount': None})", SUCCESS),
        ],
    );
}

#[test]
fn in_node() {
    refunds(
        WHOLE,
        "shop.mjs",
        "node shop.mjs",
        &[
            ("signed({ ...order, amount: 0 })", REFUSED),
            ("signed({ ...order, amount: '0' })", REFUSED),
            ("signed({ ...order, amount: '' })", SUCCESS),
            ("signed({ ...order, amount: null })", SUCCESS),
        ],
    );
}

#[test]
fn in_php() {
    refunds(
        "signed($order)",
        "shop.php",
        "php shop.php",
        &[
            ("signed([...$order, 'amount' => 0])", REFUSED),
            ("signed([...$order, 'amount' => '0'])", REFUSED),
            ("signed([...$order, 'amount' => ''])", SUCCESS),
            ("signed([...$order, 'amount' => null])", SUCCESS),
        ],
    );
}

#[test]
fn in_java() {
    let with =
        |amount| format!("signed(new TreeMap<>(order) {{{{ put(\"amount\", {amount}); }}}})");
    refunds(
        WHOLE,
        "Shop.java",
        "java Shop.java",
        &[(&with("\"0\""), REFUSED), (&with("\"\""), SUCCESS)],
    );
}

/// Runs a sample once for each case, with its body in place of `whole`, and compares the last line that it prints.
fn refunds(whole: &str, name: &str, command: &str, cases: &[(&str, &str)]) {
    let blocks = Block::all(PAGE, &page(PAGE)).unwrap();
    let is_sample = |it: &&Block| it.marks.contains(&Mark::File(name.to_owned()));
    let sample = blocks.iter().find(is_sample).unwrap();
    assert_eq!(sample.text.matches(whole).count(), 1, "{name} refunds once");
    let run = blocks.iter().find(|it| it.commands().iter().any(|it| it.text == command)).unwrap();
    if let Some(tool) = lacking_tool(run) {
        println!("{name}: not run: {tool} is not installed");
        return;
    }
    let mut shell = Shell::new();
    let printed = |shell: &mut Shell, text: &str| {
        let command = ShownCommand { line: 0, text: text.to_owned(), shown: Vec::new(), code: 0 };
        shell.printed(&command).unwrap_or_else(|error| panic!("{name}: {error}"))
    };
    printed(&mut shell, EXPORT);
    for (signed, told) in cases {
        shell.write(name, &sample.text.replace(whole, signed));
        let printed = printed(&mut shell, command);
        let last = printed.lines().last().unwrap_or_default();
        assert_eq!(last, format!("refund: {told}"), "{name}: {signed}");
    }
}
