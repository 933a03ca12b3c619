//! Tag, length, value: the grammar, without knowing what any tag means but for which are templates.

use super::fields::{FIELDS, Field, find};
use super::problem::quote;

/// CRC-16/CCITT-FALSE under its catalogue name.
static CRC: crc::Crc<u16, crc::Table<16>> = crc::Crc::<u16, _>::new(&crc::CRC_16_IBM_3740);

/// The CRC of `text`, which ends with `6304`, as four upper-case hex digits.
pub(super) fn checksum(text: &str) -> String {
    format!("{:04X}", CRC.checksum(text.as_bytes()))
}

/// The four characters behind a `6304` at the very end, with all that comes before them.
pub(super) fn split_crc(text: &str) -> Option<(&str, &str)> {
    let (start, _) = text.char_indices().nth_back(3)?;
    let (covered, given) = text.split_at(start);
    covered.ends_with("6304").then_some((covered, given))
}

/// The length that the format counts: UTF-16 code units.
pub(super) fn units(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.chars().map(char::len_utf16).sum() }
}

/// One tag with its value, and what is inside where it is a template.
#[derive(Debug)]
pub(super) struct Object<'a> {
    /// Two digits.
    pub(super) tag: &'a str,
    /// Position of the tag in the payload.
    pub(super) at: usize,
    /// Position of the value in the payload.
    pub(super) value_at: usize,
    pub(super) value: &'a str,
    /// The table's entry for the tag.
    pub(super) field: Option<&'static Field>,
    /// The objects inside.
    pub(super) sub: Objects<'a>,
}

/// Parts of a payload or template that could be read, and the position at which reading stopped.
#[derive(Debug, Default)]
pub(super) struct Objects<'a> {
    pub(super) list: Vec<Object<'a>>,
    pub(super) fault: Option<TlvFault>,
}

/// Position and reason at which the text is no tag, length, value.
#[derive(Debug)]
pub(super) struct TlvFault {
    pub(super) at: usize,
    pub(super) found: String,
}

impl<'a> Objects<'a> {
    /// Reads a whole payload.
    pub(super) fn read(text: &'a str) -> Self {
        let mut objects = Self::flat(text, 0);
        for object in &mut objects.list {
            object.field = find(FIELDS, object.tag);
            object.read_inside(is_template);
            for inner in &mut object.sub.list {
                inner.field = object.field.and_then(|field| find(field.sub, inner.tag));
                if object.tag == "62" {
                    inner.read_inside(|tag| ("50"..="99").contains(&tag));
                }
            }
        }
        objects
    }

    /// The first object with `tag`.
    pub(super) fn get(&self, tag: &str) -> Option<&Object<'a>> {
        self.list.iter().find(|object| object.tag == tag)
    }

    fn flat(text: &'a str, start: usize) -> Self {
        let (mut objects, mut rest, mut at) = (Self::default(), text, start);
        while !rest.is_empty() {
            match split(rest) {
                Ok((tag, value, after)) => {
                    let value_at = at + 4;
                    let sub = Self::default();
                    objects.list.push(Object { tag, at, value_at, value, field: None, sub });
                    at = value_at + units(value);
                    rest = after;
                }
                Err(found) => {
                    objects.fault = Some(TlvFault { at, found });
                    break;
                }
            }
        }
        objects
    }
}

impl Object<'_> {
    /// Reads the inside of a template. What stands in a template that the table does not know may be anything, so
    /// there it counts only when it reads to the end.
    fn read_inside(&mut self, is_template: impl Fn(&str) -> bool) {
        let known = self.field.is_some_and(|field| !field.sub.is_empty());
        if known || is_template(self.tag) {
            let inside = Objects::flat(self.value, self.value_at);
            if known || inside.fault.is_none() {
                self.sub = inside;
            }
        }
    }
}

/// The ranges that EMVCo sets aside for templates.
fn is_template(tag: &str) -> bool {
    matches!(tag, "62" | "64") || ("26".."52").contains(&tag) || ("80"..="99").contains(&tag)
}

/// Splits the first object off, or says what stands there instead.
fn split(text: &str) -> Result<(&str, &str, &str), String> {
    let two_digits = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    let (tag, rest) = text
        .split_at_checked(2)
        .filter(|(tag, _)| two_digits(tag))
        .ok_or_else(|| format!("{} where a two-digit tag should begin", opening(text)))?;
    let (length, rest) =
        rest.split_at_checked(2).filter(|(length, _)| two_digits(length)).ok_or_else(|| {
            format!("tag {tag} is followed by {}, which is no two-digit length", opening(rest))
        })?;
    let wanted = length.bytes().fold(0, |sum, digit| sum * 10 + usize::from(digit - b'0'));
    let (mut counted, mut end) = (0, 0);
    let mut characters = rest.chars();
    while counted < wanted
        && let Some(character) = characters.next()
    {
        counted += character.len_utf16();
        end += character.len_utf8();
    }
    if counted < wanted {
        return Err(format!(
            "tag {tag} announces {wanted} characters, but only {counted} are left"
        ));
    }
    if counted > wanted {
        return Err(format!("the length {wanted} of tag {tag} ends within a character"));
    }
    Ok((tag, &rest[..end], &rest[end..]))
}

/// The first few characters, as a quotation.
fn opening(text: &str) -> String {
    let start: String = text.chars().take(2).collect();
    if start.is_empty() { "the end".into() } else { quote(&start) }
}
