//! A file being read: its nodes, and what has been found wrong with it.

use std::cell::RefCell;
use std::ops::Range;
use std::sync::Arc;

use crate::base::{Diagnostic, Message, line_starts, nearest, sort_by_key, utf8};
use crate::scenario::yaml::{self, Tree, Value};

use super::FromYaml;

/// One file with what was found in it.
#[derive(Debug)]
pub(in crate::scenario) struct YamlDocument {
    file: Box<str>,
    text: String,
    line_starts: Vec<usize>,
    root: Option<Arc<Tree>>,
    problems: RefCell<Vec<(usize, Diagnostic)>>,
}

/// A value at its place.
#[derive(Clone, Copy)]
pub(in crate::scenario) struct YamlNode<'a> {
    doc: &'a YamlDocument,
    tree: &'a Tree,
}

/// A map that knows the keys that it was asked for.
pub(in crate::scenario) struct YamlTable<'a> {
    node: YamlNode<'a>,
    entries: Vec<(&'a str, YamlNode<'a>, YamlNode<'a>)>,
    asked: Vec<&'static str>,
    missing: Vec<&'static str>,
}

impl YamlDocument {
    /// Takes in a text. What makes it unreadable is reported, and leaves it without a root.
    pub(in crate::scenario) fn parse(file: &str, bytes: &[u8]) -> Self {
        let (text, broken) = match utf8(bytes) {
            Ok(text) => (text.to_owned(), None),
            Err(what) => (String::new(), Some(what)),
        };
        let line_starts = line_starts(&text);
        let mut doc =
            Self { file: file.into(), text, line_starts, root: None, problems: RefCell::default() };
        if let Some(what) = broken {
            doc.report_whole(format!("the file is {what}"));
            return doc;
        }
        match yaml::parse(&doc.text) {
            Ok(Some(root)) => doc.root = Some(root),
            Ok(None) => doc.report_whole("the file is empty".to_owned()),
            Err((span, message)) => doc.report(span, message),
        }
        doc
    }

    /// The outermost value.
    pub(in crate::scenario) fn root(&self) -> Option<YamlNode<'_>> {
        self.root.as_deref().map(|tree| YamlNode { doc: self, tree })
    }

    /// Reported problems, in the order of the text.
    pub(in crate::scenario) fn problems(&self) -> Vec<Diagnostic> {
        let mut problems = self.problems.borrow().clone();
        sort_by_key(&mut problems, |(at, _)| *at);
        problems.into_iter().map(|(_, problem)| problem).collect()
    }

    /// A problem of this file at `span`, not reported.
    pub(in crate::scenario) fn problem(&self, span: Range<usize>, message: Message) -> Diagnostic {
        Diagnostic::at(&self.file, &self.text, &self.line_starts, span, message)
    }

    fn report(&self, span: Range<usize>, message: Message) {
        let at = span.start;
        let problem = self.problem(span, message);
        self.problems.borrow_mut().push((at, problem));
    }

    fn report_whole(&self, message: String) {
        let problem = Diagnostic::of_file(self.file.to_string(), message, Vec::new());
        self.problems.borrow_mut().push((0, problem));
    }
}

impl<'a> YamlNode<'a> {
    /// Complains of this value.
    pub(in crate::scenario) fn refuse(self, message: impl Into<Message>) {
        self.doc.report(self.tree.span.clone(), message.into());
    }

    /// Complains that this value is of another kind than `what`.
    pub(in crate::scenario) fn expected(self, what: &str) {
        let found = match &self.tree.value {
            Value::Scalar { text, plain: true } if ["", "~", "null"].contains(&text.as_str()) => {
                "nothing"
            }
            Value::Scalar { text, plain: true } if super::is_number(text) => "a number",
            Value::Scalar { .. } => "a text",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        };
        self.refuse(format!("expected {what}, found {found}"));
    }

    /// Position.
    pub(in crate::scenario) fn span(self) -> Range<usize> {
        self.tree.span.clone()
    }

    /// The text of a scalar, and whether it stood without quotes.
    pub(in crate::scenario) fn scalar(self) -> Option<(&'a str, bool)> {
        match &self.tree.value {
            Value::Scalar { text, plain } => Some((text, *plain)),
            _ => None,
        }
    }

    /// The items of a list.
    pub(in crate::scenario) fn list(self) -> Option<Vec<YamlNode<'a>>> {
        match &self.tree.value {
            Value::List(items) => Some(items.iter().map(|item| self.at(item)).collect()),
            _ => None,
        }
    }

    /// The keys and values of a map.
    pub(in crate::scenario) fn map(self) -> Option<Vec<(YamlNode<'a>, YamlNode<'a>)>> {
        match &self.tree.value {
            Value::Map(pairs) => {
                Some(pairs.iter().map(|(key, value)| (self.at(key), self.at(value))).collect())
            }
            _ => None,
        }
    }

    /// The value of `key`, if this is a map that has it.
    pub(in crate::scenario) fn member(self, key: &str) -> Option<YamlNode<'a>> {
        let mut pairs = self.map()?.into_iter();
        pairs.find(|(name, _)| name.scalar().is_some_and(|(name, _)| name == key)).map(|(_, v)| v)
    }

    /// The keys of this map with their values, each once; complains of the others.
    pub(in crate::scenario) fn entries(self, what: &str) -> Option<Vec<(&'a str, Self, Self)>> {
        let Some(pairs) = self.map() else {
            self.expected(what);
            return None;
        };
        let mut entries: Vec<(&'a str, Self, Self)> = Vec::with_capacity(pairs.len());
        for (key, value) in pairs {
            match key.scalar() {
                None => key.expected("a key"),
                Some((name, _)) if entries.iter().any(|(known, ..)| *known == name) => {
                    key.refuse(format!("the key `{name}` stands here twice"));
                }
                Some((name, _)) => entries.push((name, key, value)),
            }
        }
        Some(entries)
    }

    /// This value as a map with known keys.
    pub(in crate::scenario) fn table(self, what: &str) -> Option<YamlTable<'a>> {
        let entries = self.entries(what)?;
        Some(YamlTable { node: self, entries, asked: Vec::new(), missing: Vec::new() })
    }

    /// One of `names`, alone or as the only key of a map with what belongs to it.
    pub(in crate::scenario) fn tagged(
        self,
        what: &str,
        names: &[&'static str],
    ) -> Option<(&'static str, Option<YamlNode<'a>>)> {
        let (name, at, payload) = match self.scalar() {
            Some((name, _)) => (name, self, None),
            None => match self.entries(what)?.as_slice() {
                [(name, key, value)] => {
                    let is_empty = value.scalar() == Some(("", true));
                    (*name, *key, (!is_empty).then_some(*value))
                }
                [] => {
                    self.expected(what);
                    return None;
                }
                [_, (name, second, _), ..] => {
                    second.refuse(
                        Message::new(format!("{what} has one key, and `{name}` is a second one"))
                            .help("begin another item of the list with it"),
                    );
                    return None;
                }
            },
        };
        let found = names.iter().copied().find(|known| *known == name);
        if found.is_none() {
            at.refuse(Message::not_among(what, name, names));
        }
        Some((found?, payload))
    }

    fn at(self, tree: &'a Tree) -> Self {
        Self { doc: self.doc, tree }
    }
}

impl YamlTable<'_> {
    /// The value of `name`; `None` after reporting why it could not be read.
    pub(in crate::scenario) fn take<T: FromYaml>(&mut self, name: &'static str) -> Option<T> {
        self.take_or(name, T::absent())
    }

    /// The same, with what an absent key stands for.
    pub(in crate::scenario) fn take_or<T: FromYaml>(
        &mut self,
        name: &'static str,
        absent: Option<T>,
    ) -> Option<T> {
        self.asked.push(name);
        match self.entries.iter().find(|(known, ..)| *known == name) {
            Some((_, _, value)) => T::read(*value),
            None => absent.or_else(|| {
                self.missing.push(name);
                None
            }),
        }
    }

    /// Reports the keys that nobody asked for and the required ones that are not there.
    pub(in crate::scenario) fn finish(mut self) {
        for (name, key, _) in &self.entries {
            if !self.asked.contains(name) {
                key.refuse(Message::not_among("a key here", name, &self.asked));
                let meant = nearest(name, &self.missing);
                self.missing.retain(|name| Some(*name) != meant);
            }
        }
        if !self.missing.is_empty() {
            let names: Vec<_> = self.missing.iter().map(|name| format!("`{name}`")).collect();
            let verb = if names.len() == 1 { "is" } else { "are" };
            self.node.refuse(format!("{} {verb} missing", names.join(", ")));
        }
    }
}
