//! Text with `{name}` placeholders.

/// A part of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    Text(&'a str),
    Name(&'a str),
}

/// Reason why a template cannot be filled in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// Nothing of the request would be signed.
    #[error("it has no {{name}} placeholder, so it would sign the same text for every request")]
    NoPlaceholder,
    /// A `{` without its `}`, an empty name, or a `}` alone.
    #[error(
        "a brace at position {0} has no partner or no name; write {{{{ or }}}} for a literal brace"
    )]
    Brace(usize),
}

/// The parts of `template` in order; an error ends them.
pub(super) fn pieces(template: &str) -> impl Iterator<Item = Result<Piece<'_>, TemplateError>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = template.get(at..).filter(|rest| !rest.is_empty())?;
        let Some((piece, length)) = split(rest) else {
            let position = at + 1;
            at = template.len();
            return Some(Err(TemplateError::Brace(position)));
        };
        at += length;
        Some(Ok(piece))
    })
}

/// The first part of `rest` and how many bytes it takes.
fn split(rest: &str) -> Option<(Piece<'_>, usize)> {
    if rest.starts_with("{{") || rest.starts_with("}}") {
        return Some((Piece::Text(&rest[..1]), 2));
    }
    if let Some(inner) = rest.strip_prefix('{') {
        let name = &inner[..inner.find(['{', '}'])?];
        let closed = inner[name.len()..].starts_with('}') && !name.is_empty();
        return closed.then_some((Piece::Name(name), name.len() + 2));
    }
    let text = &rest[..rest.find(['{', '}']).unwrap_or(rest.len())];
    (!text.is_empty()).then_some((Piece::Text(text), text.len()))
}

/// The names that `template` asks for, checked.
pub(super) fn names(template: &str) -> Result<Vec<&str>, TemplateError> {
    let mut names = Vec::new();
    for piece in pieces(template) {
        if let Piece::Name(name) = piece? {
            names.push(name);
        }
    }
    if names.is_empty() { Err(TemplateError::NoPlaceholder) } else { Ok(names) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_splits_into_text_and_names() {
        let parts = pieces("v1:{a}{b}|{{x}}").collect::<Result<Vec<_>, _>>().expect("sound");
        let text = Piece::Text;
        assert_eq!(
            parts,
            [
                text("v1:"),
                Piece::Name("a"),
                Piece::Name("b"),
                text("|"),
                text("{"),
                text("x"),
                text("}")
            ]
        );
    }

    #[test]
    fn what_cannot_be_filled_in_is_refused_with_its_place() {
        for (template, position) in [("ab{c", 3), ("a}b", 2), ("{}", 1), ("{a{b}", 1), ("{a}{", 4)]
        {
            assert_eq!(names(template), Err(TemplateError::Brace(position)), "{template}");
        }
        assert_eq!(names("plain {{text}}"), Err(TemplateError::NoPlaceholder));
        assert_eq!(names(""), Err(TemplateError::NoPlaceholder));
    }
}
