//! A merchant's view of a reason: code, message and HTTP status, by operation.

use crate::base::{Operation, Reason};

use super::cards::check_digits;
use super::overlay::AnswerEdit;
use super::provenance::{Mark, Place};
use super::read::{TomlDocument, TomlTable, fields};
use crate::base::Message;

/// Answer for a reason, and the line of the profile that holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReasonAnswer<'p> {
    /// Four digits.
    pub code: &'p str,
    /// English text.
    pub message: &'p str,
    /// HTTP status.
    pub http: u16,
    /// Source of the member.
    pub mark: Mark,
    /// Line of the profile.
    pub place: &'p Place,
    /// The behaviour's name in the table of provenance.
    pub key: &'p str,
}

/// The answers of every operation to every reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReasonTable {
    /// First one for each reason in its order, then the overrides.
    rows: Vec<ReasonRow>,
    /// The row of each operation and reason: operation × reasons + reason.
    index: Vec<u32>,
    pushback_success: ReasonRow,
    pushback_failure: ReasonRow,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct ReasonRow {
    code: String,
    message: String,
    http: u16,
    mark: Mark,
    place: Place,
    key: String,
}

/// An entry of `reasons.toml` as written.
struct ReasonEntry {
    code: String,
    message: String,
    http: Option<u16>,
    mark: Mark,
    about: Option<String>,
}

impl ReasonTable {
    /// Answer of `operation` for `reason`.
    pub fn answer(&self, operation: Operation, reason: Reason) -> ReasonAnswer<'_> {
        let at = operation.index() * Reason::ALL.len() + reason as usize;
        self.rows[self.index[at] as usize].answer()
    }

    /// Answer for `reason` where no operation is known, such as at an unknown path.
    pub fn general(&self, reason: Reason) -> ReasonAnswer<'_> {
        self.rows[reason as usize].answer()
    }

    /// Text of a push-back for a payment that succeeded, or did not. Its `http` is always 200 and means nothing.
    pub fn pushback(&self, success: bool) -> ReasonAnswer<'_> {
        if success { self.pushback_success.answer() } else { self.pushback_failure.answer() }
    }
}

impl ReasonTable {
    /// Changes the answer of one operation for a reason; `place` is the line that says so.
    pub(super) fn edit(
        &mut self,
        operation: Operation,
        reason: Reason,
        edit: &AnswerEdit,
        place: &Place,
    ) {
        let at = operation.index() * Reason::ALL.len() + reason as usize;
        let row = self.rows[self.index[at] as usize].edited(edit, place);
        self.index[at] = self.rows.len() as u32;
        self.rows.push(row);
    }

    /// Marks the answers that hold the behaviour `key` as confirmed.
    pub(super) fn confirm(&mut self, key: &str) {
        let pushback = [&mut self.pushback_success, &mut self.pushback_failure];
        for row in self.rows.iter_mut().chain(pushback).filter(|row| row.key == key) {
            row.mark = Mark::Confirmed;
        }
    }

    /// Changes the words of a push-back.
    pub(super) fn edit_pushback(&mut self, success: bool, edit: &AnswerEdit, place: &Place) {
        let row = if success { &mut self.pushback_success } else { &mut self.pushback_failure };
        *row = row.edited(edit, place);
    }
}

impl ReasonRow {
    fn edited(&self, edit: &AnswerEdit, place: &Place) -> Self {
        Self {
            code: edit.code.clone().unwrap_or_else(|| self.code.clone()),
            message: edit.message.clone().unwrap_or_else(|| self.message.clone()),
            http: edit.http.unwrap_or(self.http),
            mark: Mark::Confirmed,
            place: place.clone(),
            key: self.key.clone(),
        }
    }

    fn answer(&self) -> ReasonAnswer<'_> {
        ReasonAnswer {
            code: &self.code,
            message: &self.message,
            http: self.http,
            mark: self.mark,
            place: &self.place,
            key: &self.key,
        }
    }
}

/// Reads `reasons.toml`.
pub(super) fn read(doc: &TomlDocument<'_>) -> Option<ReasonTable> {
    let mut root = doc.root()?;
    let reasons = root.rows("reason");
    let overrides = root.rows("override");
    let pushback = root.node("pushback").and_then(|node| node.table());
    root.finish();
    let rows = reason_rows(&root, reasons);
    let overridden = override_rows(overrides);
    let [success, failure] = pushback_rows(&root, pushback)?;
    let (mut rows, overridden) = (rows?, overridden?);
    let mut index: Vec<u32> =
        Operation::ALL.iter().flat_map(|_| 0..Reason::ALL.len() as u32).collect();
    for (row, cells) in overridden {
        for cell in cells {
            index[cell] = rows.len() as u32;
        }
        rows.push(row);
    }
    Some(ReasonTable { rows, index, pushback_success: success, pushback_failure: failure })
}

/// One row for each reason, in the order of the reasons.
fn reason_rows(root: &TomlTable<'_>, tables: Vec<TomlTable<'_>>) -> Option<Vec<ReasonRow>> {
    let mut rows: Vec<Option<ReasonRow>> = vec![None; Reason::ALL.len()];
    let mut named = Vec::with_capacity(rows.len());
    let mut whole = true;
    for mut table in tables {
        let name: Option<Reason> = table.take("name");
        let entry = entry(&mut table);
        let row = name.zip(entry).map(|(reason, entry)| {
            entry.into_row(&table, format!("reason.{reason}"), reason.about())
        });
        whole &= row.is_some();
        let Some(reason) = name else { continue };
        if named.contains(&reason) {
            table.refuse("name", format!("{reason} has a row already"));
        }
        named.push(reason);
        rows[reason as usize] = row;
    }
    // A profile from before the simulator had a reason of its own says of it what it says of a busy gateway.
    if !named.is_empty() && !named.contains(&Reason::SimulatorFull) {
        named.push(Reason::SimulatorFull);
        let busy = rows[Reason::SystemBusy as usize].clone();
        rows[Reason::SimulatorFull as usize] = busy;
    }
    let missing: Vec<&str> = Reason::ALL
        .iter()
        .filter(|reason| !named.contains(reason))
        .map(|reason| reason.name())
        .collect();
    if !missing.is_empty() && !named.is_empty() {
        root.refuse(
            "reason",
            Message::new(format!("no row for {}", missing.join(", ")))
                .help("every reason has a [[reason]] with name, code, message and mark"),
        );
    }
    rows.into_iter().collect::<Option<Vec<ReasonRow>>>().filter(|_| whole)
}

/// The overriding rows, each with the cells of the index that it takes.
fn override_rows(tables: Vec<TomlTable<'_>>) -> Option<Vec<(ReasonRow, Vec<usize>)>> {
    let mut taken = Vec::new();
    let mut rows = Vec::with_capacity(tables.len());
    for mut table in tables {
        let on: Option<Vec<Operation>> = table.take("on");
        let reasons: Option<Vec<Reason>> = table.take("reasons");
        let entry = entry(&mut table);
        let (on, reasons) = (on.unwrap_or_default(), reasons.unwrap_or_default());
        let mut cells = Vec::with_capacity(on.len() * reasons.len());
        for (operation, reason) in on.iter().flat_map(|o| reasons.iter().map(move |r| (*o, *r))) {
            let cell = operation.index() * Reason::ALL.len() + reason as usize;
            if taken.contains(&cell) {
                table.refuse("reasons", format!("{reason} is overridden on {operation} already"));
            }
            taken.push(cell);
            cells.push(cell);
        }
        let names = on.iter().map(|operation| operation.name()).collect::<Vec<_>>().join("+");
        rows.push(entry.map(|entry| {
            let key = format!("override.{names}.{}", entry.code);
            (entry.into_row(&table, key, ""), cells)
        }));
    }
    rows.into_iter().collect()
}

fn pushback_rows(root: &TomlTable<'_>, table: Option<TomlTable<'_>>) -> Option<[ReasonRow; 2]> {
    let Some(mut table) = table else {
        root.refuse(
            "pushback",
            Message::new("[pushback.success] and [pushback.failure] are missing"),
        );
        return None;
    };
    let rows = ["success", "failure"].map(|name| {
        let mut row = table.node(name).and_then(|node| node.table());
        if row.is_none() {
            table.refuse(name, format!("[pushback.{name}] is missing"));
        }
        let row = row.as_mut()?;
        Some(entry(row)?.into_row(row, format!("pushback.{name}"), ""))
    });
    table.finish();
    let [success, failure] = rows;
    Some([success?, failure?])
}

/// Reads what all entries share and finishes the table.
fn entry(table: &mut TomlTable<'_>) -> Option<ReasonEntry> {
    table.check_text("code", |code| check_digits(code, 4..=4));
    let entry = fields!(table, ReasonEntry { code, message, http, mark, about })?;
    if entry.http.is_some_and(|http| !(200..=599).contains(&http)) {
        table.refuse("http", "an HTTP status of an answer is 200 to 599");
    }
    Some(entry)
}

impl ReasonEntry {
    /// The row that this entry of `table` makes, noted as the behaviour `key`.
    fn into_row(self, table: &TomlTable<'_>, key: String, default_about: &str) -> ReasonRow {
        let Self { code, message, http, mark, about } = self;
        let place = table.note(key.clone(), mark, about.as_deref().unwrap_or(default_about));
        ReasonRow { code, message, http: http.unwrap_or(200), mark, place, key }
    }
}
