//! YAML (and so JSON) as a tree in which every node knows its place in the text.
//!
//! Scalars stay text: `10.00`, `0123` and `no` mean what their reader takes them for. An alias shares the node that
//! it names, and what a tree would be with all aliases written out is bounded, so no small text grows large.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use granit_parser::{Event, Parser, ScalarStyle, Span};

use crate::base::Message;

/// The longest text that is read, in bytes.
pub(super) const TEXT_MAX: usize = 1 << 20;
/// The most nodes of a text, aliases written out.
const NODES_MAX: usize = 100_000;

/// A value at its place.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) value: Value,
    pub(super) span: Range<usize>,
    /// Number of nodes with all aliases written out.
    nodes: usize,
}

/// Content of a node.
#[derive(Debug)]
pub(super) enum Value {
    /// Text; `plain` when it stood without quotes.
    Scalar { text: String, plain: bool },
    /// A list.
    List(Vec<Arc<Tree>>),
    /// Keys with their values, in the order of the text.
    Map(Vec<(Arc<Tree>, Arc<Tree>)>),
}

/// A complaint at its place.
type YamlFault = (Range<usize>, Message);

/// A list or map that is not closed yet. A map's children are keys and values by turns.
struct Open {
    is_map: bool,
    anchor: usize,
    start: usize,
    children: Vec<Arc<Tree>>,
}

/// Reads a text of one document; `None` when it holds nothing. Syntax errors end the reading.
pub(super) fn parse(text: &str) -> Result<Option<Arc<Tree>>, YamlFault> {
    if text.len() > TEXT_MAX {
        return Err((0..0, format!("the file is longer than {TEXT_MAX} bytes").into()));
    }
    let options = granit_parser::options! { emit_comments: false };
    let mut builder = Builder::default();
    for next in Parser::new_from_str_with_options(text, options) {
        let (event, span) = next.map_err(|error| {
            let at = error.marker().byte_offset().unwrap_or(text.len()).min(text.len());
            (at..at, Message::new(format!("not YAML: {error}", error = error.kind())))
        })?;
        builder.take(event, range(span))?;
    }
    Ok(builder.root)
}

fn range(span: Span) -> Range<usize> {
    span.byte_range().unwrap_or(0..0)
}

#[derive(Default)]
struct Builder {
    root: Option<Arc<Tree>>,
    open: Vec<Open>,
    anchors: HashMap<usize, Arc<Tree>>,
    nodes: usize,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, span: Range<usize>) -> Result<(), YamlFault> {
        let is_map = matches!(event, Event::MappingStart(..));
        if event.tag().is_some() {
            let message = Message::new("tags such as !!binary or !name are not read");
            return Err((
                span,
                message.help("leave the tag out; a text that looks like a number stands in quotes"),
            ));
        }
        match event {
            Event::Scalar(text, style, anchor, _) => {
                let plain = style == ScalarStyle::Plain;
                let value = Value::Scalar { text: text.into_owned(), plain };
                self.close(anchor, Tree { value, span, nodes: 1 })
            }
            Event::SequenceStart(_, anchor, _) | Event::MappingStart(_, anchor, _) => {
                let children = Vec::new();
                self.open.push(Open { is_map, anchor, start: span.start, children });
                Ok(())
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(open) = self.open.pop() else { return Ok(()) };
                let span = open.start..span.end.max(open.start);
                self.close(open.anchor, open.finish(span))
            }
            Event::Alias(anchor) => match self.anchors.get(&anchor) {
                Some(target) => {
                    let target = Arc::clone(target);
                    self.nodes = self.nodes.saturating_add(target.nodes);
                    self.check_budget(&span)?;
                    self.place(target, &span)
                }
                None => Err((span, "this alias stands inside the value that it names".into())),
            },
            _ => Ok(()),
        }
    }

    fn close(&mut self, anchor: usize, tree: Tree) -> Result<(), YamlFault> {
        let at = tree.span.clone();
        let tree = Arc::new(tree);
        self.nodes += 1;
        self.check_budget(&at)?;
        if anchor != 0 {
            self.anchors.insert(anchor, Arc::clone(&tree));
        }
        self.place(tree, &at)
    }

    fn place(&mut self, tree: Arc<Tree>, span: &Range<usize>) -> Result<(), YamlFault> {
        match self.open.last_mut() {
            Some(open) => open.children.push(tree),
            None if self.root.is_none() => self.root = Some(tree),
            None => return Err((span.clone(), "a file holds one document only".into())),
        }
        Ok(())
    }

    fn check_budget(&self, span: &Range<usize>) -> Result<(), YamlFault> {
        if self.nodes <= NODES_MAX {
            return Ok(());
        }
        let message = format!("the file has more than {NODES_MAX} values, aliases written out");
        Err((span.clone(), message.into()))
    }
}

impl Open {
    fn finish(self, span: Range<usize>) -> Tree {
        let nodes =
            self.children.iter().fold(1, |sum: usize, child| sum.saturating_add(child.nodes));
        let value = if self.is_map {
            let mut children = self.children.into_iter();
            let pairs = std::iter::from_fn(|| Some((children.next()?, children.next()?)));
            Value::Map(pairs.collect())
        } else {
            Value::List(self.children)
        };
        Tree { value, span, nodes }
    }
}
