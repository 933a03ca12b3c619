//! The settings that are tried, each with its weight: the less usual, the heavier.
//!
//! The search goes through all combinations by their total weight, so the simplest recipe that fits comes first.

use std::collections::VecDeque;

use super::super::hash::Hash;
use super::super::words::{
    Charset, DigestForm, EmptyValues, Escape, Layout, LineEnds, Numbers, Order, TextCase, Transform,
};

/// A total weight beyond which nothing is tried.
pub(super) const WEIGHT_MAX: usize = 12;

/// An option with its weight.
pub(super) type Weighed<T> = (usize, T);

pub(super) const ORDERS: &[Weighed<Order>] = &[
    (0, Order::Name),
    (0, Order::AsSent),
    (1, Order::NameAnyCase),
    (2, Order::NameReversed),
    (2, Order::AsSentReversed),
    (2, Order::Value),
];

pub(super) const NUMBERS: &[Weighed<Numbers>] = &[
    (0, Numbers::AsSent),
    (1, Numbers::TwoDecimals),
    (1, Numbers::Shortest),
    (1, Numbers::MinorUnits),
    (2, Numbers::Float),
];

pub(super) const ESCAPES: &[Weighed<Escape>] = &[
    (0, Escape::None),
    (1, Escape::Url),
    (1, Escape::Form),
    (1, Escape::UrlLower),
    (1, Escape::FormLower),
    (1, Escape::UrlComponent),
    (1, Escape::FormStandard),
    (1, Escape::FormPhp),
    (1, Escape::FormNet),
    (2, Escape::UrlPath),
    (1, Escape::Html),
    (1, Escape::HtmlApostrophe),
    (1, Escape::HtmlPhp),
    (1, Escape::HtmlHex),
    (2, Escape::Quoted),
    (2, Escape::Trimmed),
    (2, Escape::Unicode),
    (2, Escape::Slash),
    (2, Escape::UnicodeSlash),
    (3, Escape::Length),
];

pub(super) const VALUE_CASES: &[Weighed<TextCase>] =
    &[(0, TextCase::AsSent), (2, TextCase::Lower), (2, TextCase::Upper)];

pub(super) const NAME_CASES: &[Weighed<TextCase>] =
    &[(0, TextCase::AsSent), (1, TextCase::Lower), (1, TextCase::Upper)];

pub(super) const EMPTY_VALUES: &[Weighed<EmptyValues>] = &[
    (0, EmptyValues::Omit),
    (0, EmptyValues::Keep),
    (1, EmptyValues::NullWord),
    (1, EmptyValues::OnlyEmpty),
    (1, EmptyValues::OnlyNullWord),
];

/// Separator between pairs.
pub(super) const PAIR_SEPARATORS: &[Weighed<&str>] = &[
    (0, "&"),
    (1, ""),
    (1, "|"),
    (1, ","),
    (1, ";"),
    (1, "\n"),
    (2, ":"),
    (2, "-"),
    (2, "_"),
    (2, " "),
    (2, "#"),
    (2, "^"),
    (2, "~"),
    (2, "$"),
    (2, "*"),
    (2, "+"),
    (2, "/"),
    (2, "."),
    (2, "="),
    (2, "@"),
    (2, "!"),
    (2, "%"),
    (2, "\t"),
    (2, "\r\n"),
    (2, "||"),
    (2, "&&"),
    (2, "::"),
    (1, ", "),
    (2, "; "),
    (2, "&amp;"),
    (3, "%26"),
    (3, "\\n"),
    (3, "\0"),
];

/// Separator between a name and its value.
pub(super) const JOINERS: &[Weighed<&str>] = &[
    (0, "="),
    (1, ":"),
    (1, ""),
    (2, "|"),
    (2, ","),
    (2, "-"),
    (2, "_"),
    (2, " "),
    (2, ": "),
    (2, " = "),
    (2, "=>"),
    (2, "->"),
    (2, "=="),
    (2, "&"),
    (3, "%3D"),
    (3, "\n"),
];

/// Separator between values.
pub(super) const VALUE_SEPARATORS: &[Weighed<&str>] = &[
    (0, ""),
    (0, "|"),
    (1, "&"),
    (1, ","),
    (1, ";"),
    (1, ":"),
    (1, "-"),
    (1, "_"),
    (1, "\n"),
    (1, "#"),
    (2, " "),
    (2, "^"),
    (2, "~"),
    (2, "$"),
    (2, "*"),
    (2, "+"),
    (2, "/"),
    (2, "."),
    (2, "="),
    (2, "@"),
    (2, "!"),
    (2, "%"),
    (2, "\t"),
    (2, "\r\n"),
    (2, "||"),
    (2, "&&"),
    (2, "::"),
    (1, ", "),
    (2, "; "),
    (2, "&amp;"),
    (3, "%7C"),
    (3, "\\n"),
    (3, "\0"),
];

/// Stands for the separator, the joiner and the shared key within a frame.
pub(super) const SEPARATOR: char = '\u{1}';
pub(super) const JOINER: char = '\u{2}';
pub(super) const SECRET: char = '\u{3}';

/// Texts before and after the string, without a key.
pub(super) const FRAMES: &[Weighed<(&str, &str)>] = &[
    (0, ("", "")),
    (1, ("", "\u{1}")),
    (1, ("", "\n")),
    (2, ("", "\r\n")),
    (2, ("\u{1}", "")),
    (2, ("\u{1}", "\u{1}")),
    (2, ("{", "}")),
    (2, ("[", "]")),
    (2, ("(", ")")),
    (2, ("\"", "\"")),
    (2, ("?", "")),
    (3, ("", " ")),
    (3, (" ", "")),
    (3, ("\n", "")),
    (3, ("\u{feff}", "")),
];

/// Texts with the shared key in them; `…NAME…` of these is each of [`KEY_NAMES`].
pub(super) const KEY_FRAMES: &[Weighed<(&str, &str)>] = &[
    (0, ("", "\u{3}")),
    (0, ("\u{3}", "")),
    (0, ("", "\u{1}\u{3}")),
    (0, ("\u{3}\u{1}", "")),
    (1, ("\u{3}", "\u{3}")),
    (1, ("\u{3}\u{1}", "\u{1}\u{3}")),
    (2, ("", "\u{1}\u{3}\u{1}")),
    (2, ("\u{1}\u{3}", "")),
    (2, ("", "\n\u{3}")),
    (2, ("\u{3}\n", "")),
    (2, ("", "&\u{3}")),
    (2, ("", "|\u{3}")),
    (2, ("", ":\u{3}")),
    (2, ("\u{3}&", "")),
    (2, ("\u{3}|", "")),
    (2, ("\u{3}:", "")),
    (2, ("{", "}\u{3}")),
    (2, ("\u{3}{", "}")),
    (2, ("", "{\u{3}}")),
    (2, ("", "\u{3}\n")),
];

/// Names under which the shared key is signed as if it were a member.
pub(super) const KEY_NAMES: &[Weighed<&str>] = &[
    (0, "key"),
    (0, "secret"),
    (1, "secretKey"),
    (1, "secret_key"),
    (1, "KEY"),
    (1, "apiKey"),
    (1, "api_key"),
    (1, "appKey"),
    (1, "app_key"),
    (1, "appSecret"),
    (1, "app_secret"),
    (1, "apiSecret"),
    (1, "api_secret"),
    (1, "appkey"),
    (1, "secretkey"),
    (1, "merchantKey"),
    (1, "merchant_key"),
    (1, "merKey"),
    (1, "signKey"),
    (1, "sign_key"),
    (1, "hashKey"),
    (1, "hash_key"),
    (1, "privateKey"),
    (1, "private_key"),
    (1, "token"),
    (1, "password"),
    (1, "passwd"),
    (1, "pwd"),
    (1, "passphrase"),
    (1, "salt"),
    (1, "Key"),
    (1, "SECRET"),
    (1, "SecretKey"),
];

pub(super) const TRANSFORMS: &[Weighed<Transform>] = &[
    (0, Transform::None),
    (1, Transform::Lower),
    (1, Transform::Upper),
    (1, Transform::Url),
    (1, Transform::Form),
    (2, Transform::UrlLower),
    (1, Transform::FormLower),
    (1, Transform::FormAllLower),
    (2, Transform::UrlComponent),
    (1, Transform::Base64),
    (2, Transform::Base64Url),
    (2, Transform::Hex),
];

pub(super) const CHARSETS: &[Weighed<Charset>] = &[
    (0, Charset::Utf8),
    (3, Charset::Utf16Le),
    (3, Charset::Utf16Be),
    (2, Charset::Ascii),
    (2, Charset::Latin1),
];

pub(super) const LINE_ENDS: &[Weighed<LineEnds>] =
    &[(0, LineEnds::AsSent), (1, LineEnds::Crlf), (1, LineEnds::Lf)];

pub(super) const PREDIGEST_FORMS: &[Weighed<DigestForm>] = &[
    (0, DigestForm::Hex),
    (0, DigestForm::Raw),
    (0, DigestForm::HexUpper),
    (0, DigestForm::Base64),
    (1, DigestForm::Base64Url),
];

pub(super) const PREDIGESTS: &[Weighed<Hash>] = &[
    (1, Hash::Sha256),
    (1, Hash::Md5),
    (1, Hash::Sha1),
    (1, Hash::Sha512),
    (2, Hash::Sha384),
    (2, Hash::Sha224),
];

pub(super) const LAYOUTS: &[Weighed<Layout>] = &[
    (0, Layout::Compact),
    (0, Layout::Spaced),
    (1, Layout::Indent2),
    (1, Layout::Indent4),
    (1, Layout::IndentTab),
];

pub(super) const JSON_ESCAPES: &[Weighed<Escape>] = &[
    (0, Escape::None),
    (1, Escape::Unicode),
    (1, Escape::Slash),
    (1, Escape::UnicodeSlash),
    (1, Escape::Quoted),
];

/// The next item, if it is of up to that weight.
pub(super) fn pop<T>(waiting: &mut VecDeque<Weighed<T>>, weight: usize) -> Option<Weighed<T>> {
    if waiting.front().is_some_and(|(own, _)| *own <= weight) { waiting.pop_front() } else { None }
}
