//! Reading TOML so that every mistake of a file is found in one go and reported at its place.
//!
//! A value that cannot be read is reported where it stands and becomes `None`; reading goes on. Whoever asks a
//! [`TomlTable`] for its keys thereby says which keys exist: the others are reported by [`TomlTable::finish`].

mod values;

use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::provenance::{Mark, Place, Provenance};
use crate::base::{Diagnostic, Message, Named, line_of, line_starts, nearest, sort_by_key};
pub(super) use values::Read;
use values::integer;

/// One file being read, with what has been found in it so far.
pub(super) struct TomlDocument<'a> {
    file: Arc<str>,
    text: &'a str,
    line_starts: Vec<usize>,
    root: Option<Spanned<DeTable<'a>>>,
    problems: RefCell<Vec<(usize, Diagnostic)>>,
    provenance: RefCell<Vec<Provenance>>,
}

/// A value at its place.
#[derive(Clone)]
pub(super) struct TomlNode<'a> {
    doc: &'a TomlDocument<'a>,
    value: &'a DeValue<'a>,
    span: Range<usize>,
    path: String,
}

/// A table at its place, which knows the keys that it was asked for.
pub(super) struct TomlTable<'a> {
    doc: &'a TomlDocument<'a>,
    entries: &'a DeTable<'a>,
    span: Range<usize>,
    path: String,
    marks: Marks,
    asked: Vec<&'static str>,
    missing: Vec<&'static str>,
}

/// Place of the marks in a table's entries.
enum Marks {
    /// The table is one behaviour: what it is made of needs no marks.
    Whole,
    /// Each entry is a behaviour: `{ value, mark, about }`, or a bare value with the table's mark.
    Each(Option<(Mark, String)>),
}

/// Takes the named fields from a table, finishes it, and builds the struct if all of them could be read.
macro_rules! fields {
    ($table:ident, $type:ident { $($field:ident),+ $(,)? }) => {{
        $(let $field = $table.take(stringify!($field));)+
        $table.finish();
        match ($($field,)+) {
            ($(Some($field),)+) => Some($type { $($field),+ }),
            _ => None,
        }
    }};
}
pub(super) use fields;

impl<'a> TomlDocument<'a> {
    /// Parses a file. Syntax errors are reported, all of them, and leave it without a root.
    pub(super) fn parse(file: Arc<str>, text: &'a str) -> Self {
        let line_starts = line_starts(text);
        let (root, errors) = DeTable::parse_recoverable(text);
        let doc = Self {
            file,
            text,
            line_starts,
            root: errors.is_empty().then_some(root),
            problems: RefCell::default(),
            provenance: RefCell::default(),
        };
        for error in errors {
            let message = error.message().lines().collect::<Vec<_>>().join(", ");
            doc.report(error.span().unwrap_or(0..0), Message::new(message));
        }
        doc
    }

    /// The file's top-level table; `None` if the file is not TOML.
    pub(super) fn root(&'a self) -> Option<TomlTable<'a>> {
        let root = self.root.as_ref()?;
        Some(TomlTable::new(self, root.get_ref(), 0..0, String::new(), Marks::Whole))
    }

    /// Reports a problem at `span`.
    pub(super) fn report(&self, span: Range<usize>, message: impl Into<Message>) {
        let at = span.start;
        let problem =
            Diagnostic::at(&self.file, self.text, &self.line_starts, span, message.into());
        self.problems.borrow_mut().push((at, problem));
    }

    fn place(&self, offset: usize) -> Place {
        let line = line_of(&self.line_starts, offset);
        Place { file: Arc::clone(&self.file), line: line as u32 }
    }

    /// Problems and behaviours that were found, each in the order of the file.
    pub(super) fn into_findings(self) -> (Vec<Diagnostic>, Vec<Provenance>) {
        let mut problems = self.problems.into_inner();
        sort_by_key(&mut problems, |(at, _)| *at);
        let mut provenance = self.provenance.into_inner();
        sort_by_key(&mut provenance, |entry| entry.place.line);
        (problems.into_iter().map(|(_, problem)| problem).collect(), provenance)
    }
}

impl<'a> TomlNode<'a> {
    fn new(doc: &'a TomlDocument<'a>, value: &'a Spanned<DeValue<'a>>, path: String) -> Self {
        Self { doc, value: value.get_ref(), span: value.span(), path }
    }

    fn refuse(&self, message: impl Into<Message>) {
        self.doc.report(self.span.clone(), message);
    }

    fn expected(&self, what: &str) {
        let found = match self.value {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "an integer",
            DeValue::Float(_) => "a float",
            DeValue::Boolean(_) => "a boolean",
            DeValue::Datetime(_) => "a date or time",
            DeValue::Array(_) => "an array",
            DeValue::Table(_) => "a table",
        };
        self.refuse(format!("expected {what}, found {found}"));
    }

    /// This value as a table that is one behaviour, or part of one.
    pub(super) fn table(&self) -> Option<TomlTable<'a>> {
        self.table_with(Marks::Whole)
    }

    /// This value as a table whose entries are behaviours of their own.
    pub(super) fn section(&self) -> Option<TomlTable<'a>> {
        let mut table = self.table_with(Marks::Whole)?;
        let (mark, about) = (table.take("mark"), table.take("about"));
        // A mark that cannot be read is one problem, not one for each entry without a mark of its own.
        let (mark, about) = (mark.unwrap_or(Some(Mark::Assumed)), about.flatten());
        table.marks = Marks::Each(mark.map(|mark| (mark, about.unwrap_or_default())));
        Some(table)
    }

    fn table_with(&self, marks: Marks) -> Option<TomlTable<'a>> {
        let Some(entries) = self.value.as_table() else {
            self.expected("a table");
            return None;
        };
        Some(TomlTable::new(self.doc, entries, self.span.clone(), self.path.clone(), marks))
    }
}

impl<'a> TomlTable<'a> {
    fn new(
        doc: &'a TomlDocument<'a>,
        entries: &'a DeTable<'a>,
        span: Range<usize>,
        path: String,
        marks: Marks,
    ) -> Self {
        Self { doc, entries, span, path, marks, asked: Vec::new(), missing: Vec::new() }
    }

    /// The value of `name`; `None` after reporting why it could not be read.
    pub(super) fn take<T: Read>(&mut self, name: &'static str) -> Option<T> {
        match self.node(name) {
            Some(node) => T::read(&node),
            None if self.has(name) => None,
            None => T::absent().or_else(|| {
                self.missing.push(name);
                None
            }),
        }
    }

    /// The tables of `[[name]]`, at least one.
    pub(super) fn rows(&mut self, name: &'static str) -> Vec<TomlTable<'a>> {
        let Some(node) = self.node(name) else {
            self.missing.push(name);
            return Vec::new();
        };
        match node.value.as_array() {
            Some(rows) if !rows.is_empty() => rows
                .iter()
                .filter_map(|row| TomlNode::new(self.doc, row, self.path_of(name)).table())
                .collect(),
            _ => {
                node.expected(&format!("at least one [[{name}]]"));
                Vec::new()
            }
        }
    }

    /// The value of `name` without its mark; marks it as asked for.
    pub(super) fn node(&mut self, name: &'static str) -> Option<TomlNode<'a>> {
        self.asked.push(name);
        let (key, value) = self.entries.get_key_value(name)?;
        Some(match &self.marks {
            Marks::Whole => TomlNode::new(self.doc, value, self.path_of(name)),
            Marks::Each(inherited) => self.marked(name, key.span(), value, inherited.as_ref())?,
        })
    }

    /// The value of a marked entry; notes whose word it is.
    fn marked(
        &self,
        name: &str,
        key: Range<usize>,
        value: &'a Spanned<DeValue<'a>>,
        inherited: Option<&(Mark, String)>,
    ) -> Option<TomlNode<'a>> {
        let path = self.path_of(name);
        let node = TomlNode::new(self.doc, value, path.clone());
        let is_marked =
            |table: &DeTable<'_>| table.contains_key("value") || table.contains_key("mark");
        let (node, mark, about) = if value.get_ref().as_table().is_some_and(is_marked) {
            let mut own = node.table()?;
            let (mark, about) = (own.take("mark"), own.take("about"));
            let node = own.node("value");
            if node.is_none() {
                own.missing.push("value");
            }
            own.finish();
            match (mark, about) {
                (Some(mark), Some(about)) => (node?, mark, about),
                _ => return node,
            }
        } else {
            (node, None, None)
        };
        let mark = mark.or(inherited.map(|(mark, _)| *mark));
        let about = about.or(inherited.map(|(_, about)| about.clone()));
        if let (Some(mark), Some(about)) = (mark, about) {
            let place = self.doc.place(key.start);
            self.doc.provenance.borrow_mut().push(Provenance { key: path, mark, about, place });
        } else {
            let form =
                format!("{name} = {{ value = …, mark = \"D\" | \"E\" | \"A\", about = \"…\" }}");
            let message = Message::new(format!("`{name}` does not say whose word it is"))
                .help(format!("write {form}"))
                .help(
                    "or give its table `mark` and `about`, which hold for every bare value in it",
                );
            self.doc.report(key, message);
        }
        Some(node)
    }

    /// Notes the row that this table is as one behaviour; gives its place.
    pub(super) fn note(&self, key: String, mark: Mark, about: &str) -> Place {
        let place = self.place();
        let about = about.to_owned();
        let entry = Provenance { key, mark, about, place: place.clone() };
        self.doc.provenance.borrow_mut().push(entry);
        place
    }

    /// Position of the table.
    pub(super) fn place(&self) -> Place {
        self.doc.place(self.span.start)
    }

    /// Complains of the value of `name` if `check` does. Absent keys and values of another type are left alone: they
    /// are reported when the key is taken.
    pub(super) fn check_text(&self, name: &str, check: impl FnOnce(&str) -> Result<(), Message>) {
        if let Some((text, span)) =
            self.plain(name).and_then(|(value, span)| Some((value.as_str()?, span)))
            && !text.is_empty()
            && let Err(message) = check(text)
        {
            self.doc.report(span, message);
        }
    }

    /// The word that `name` holds, if it holds one; silent, for checks that depend on it.
    pub(super) fn word<T: Named>(&self, name: &str) -> Option<T> {
        let (value, _) = self.plain(name)?;
        T::of_name(value.as_str()?)
    }

    /// Returns true if there is a key `name`.
    pub(super) fn has(&self, name: &str) -> bool {
        self.entries.contains_key(name)
    }

    /// Complains of an integer below `least` under any of `names`.
    pub(super) fn check_at_least(&self, least: i64, names: &[&str]) {
        for (value, span) in names.iter().filter_map(|name| self.plain(name)) {
            if integer::<i64>(value).is_some_and(|number| number < least) {
                self.doc.report(span, Message::new(format!("must be at least {least}")));
            }
        }
    }

    /// Complains of the value of `name`.
    pub(super) fn refuse(&self, name: &str, message: impl Into<Message>) {
        let span = self.plain(name).map_or(self.span.clone(), |(_, span)| span);
        self.doc.report(span, message);
    }

    /// Complains of a value of `name` that an earlier table has too. `seen` remembers the lines.
    pub(super) fn check_unique(&self, name: &str, what: &str, seen: &mut HashMap<String, u32>) {
        self.check_text(name, |text| match seen.insert(text.to_owned(), self.place().line) {
            Some(line) => {
                Err(Message::new(format!("this {what} is taken by the entry at line {line}")))
            }
            None => Ok(()),
        });
    }

    /// The value of `name`, seen through its mark.
    fn plain(&self, name: &str) -> Option<(&'a DeValue<'a>, Range<usize>)> {
        let value = self.entries.get(name)?;
        let inner = match (&self.marks, value.get_ref()) {
            (Marks::Each(_), DeValue::Table(own)) => own.get("value").unwrap_or(value),
            _ => value,
        };
        Some((inner.get_ref(), inner.span()))
    }

    /// Reads what was not asked for into a type that describes itself to serde, and reports every mistake that
    /// can be found by leaving out one wrong entry after the other.
    pub(super) fn rest<T: DeserializeOwned>(&mut self) -> Option<T> {
        let missing = std::mem::take(&mut self.missing);
        self.report_missing(&missing);
        let mut rest = DeTable::new();
        for (key, value) in self.entries {
            let name = key.get_ref().as_ref();
            if self.asked.contains(&name) {
                continue;
            }
            let node = match &self.marks {
                Marks::Whole => Some(TomlNode::new(self.doc, value, self.path_of(name))),
                Marks::Each(inherited) => self.marked(name, key.span(), value, inherited.as_ref()),
            };
            if let Some(node) = node {
                rest.insert(key.clone(), Spanned::new(node.span, node.value.clone()));
            }
        }
        let mut left_out = false;
        loop {
            let whole = Spanned::new(self.span.clone(), rest.clone());
            let error = match T::deserialize(toml::de::Deserializer::from(whole)) {
                Ok(value) => return (!left_out).then_some(value),
                Err(error) => error,
            };
            let span = error.span().unwrap_or(self.span.clone());
            let culprit = rest
                .iter()
                .find(|(key, value)| key.span().start <= span.start && span.end <= value.span().end)
                .map(|(key, _)| key.clone());
            if !(left_out && culprit.is_none()) {
                self.doc.report(span, Message::of_serde(error.message()));
            }
            rest.remove(culprit?.get_ref().as_ref());
            left_out = true;
        }
    }

    /// Reports the keys that nobody asked for and the required ones that are not there.
    pub(super) fn finish(&mut self) {
        let mut missing = std::mem::take(&mut self.missing);
        for key in self.entries.keys() {
            let name = key.get_ref().as_ref();
            if self.asked.contains(&name) {
                continue;
            }
            let meant = nearest(name, &missing);
            self.doc.report(key.span(), Message::not_among("a key here", name, &self.asked));
            missing.retain(|name| Some(*name) != meant);
        }
        self.report_missing(&missing);
    }

    fn report_missing(&self, missing: &[&str]) {
        if missing.is_empty() {
            return;
        }
        let names = missing.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let verb = if missing.len() == 1 { "is" } else { "are" };
        self.doc.report(self.span.clone(), Message::new(format!("{names} {verb} missing")));
    }

    fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }
}
