//! The near misses: what integrators do to the string instead of what the recipe asks for.

use std::borrow::Cow;

use super::super::canonical::{Arrangement, Frame};
use super::super::hash::Hash;
use super::super::mask::{self, Hide};
use super::super::orders::permutations;
use super::super::recipe::{Canonical, Recipe, SIGN};
use super::super::words::{
    Charset, DigestForm, EmptyValues, Escape, Layout, Numbers, Order, SignValue, TextCase,
    Transform,
};
use super::knobs::{Knob, Last, MembersKnob, ShapeKnob, ValuesKnob};
use crate::base::Fields;

/// Up to this many members every other order is tried.
const PERMUTED_MAX: usize = 5;

/// One near miss.
#[derive(Clone, Debug)]
pub(super) struct NearMiss<'a> {
    /// Stable, for programs.
    pub(super) code: &'static str,
    /// The deviation, for people.
    pub(super) did: Cow<'static, str>,
    pub(super) knob: Knob<'a>,
}

macro_rules! rows {
    ($($code:literal, $did:literal, $knob:expr;)+) => {
        &[$(NearMiss { code: $code, did: Cow::Borrowed($did), knob: $knob },)+]
    };
}

/// The near misses that don't depend on the request, the likelier ones first.
const ROWS: &[NearMiss<'static>] = rows! {
    "order.wire", "the members were signed in the order of the body", Knob::Order(Arrangement::By(Order::AsSent));
    "order.sorted", "the members were sorted by name", Knob::Order(Arrangement::By(Order::Name));
    "order.any-case", "the names were sorted without regard to letter case", Knob::Order(Arrangement::By(Order::NameAnyCase));
    "order.reversed", "the names were sorted backwards", Knob::Order(Arrangement::By(Order::NameReversed));
    "order.by-value", "the members were sorted by value", Knob::Order(Arrangement::By(Order::Value));
    "text.newline", "a line feed stands at the end of the signed string (`echo` adds one; use `printf`)", Knob::Frame(Frame::Around("", "\n"));
    "text.crlf", "a carriage return and line feed stand at the end of the signed string", Knob::Frame(Frame::Around("", "\r\n"));
    "text.space-after", "a space stands at the end of the signed string", Knob::Frame(Frame::Around("", " "));
    "text.space-before", "a space stands before the signed string", Knob::Frame(Frame::Around(" ", ""));
    "text.newline-before", "a line feed stands before the signed string", Knob::Frame(Frame::Around("\n", ""));
    "text.separator-after", "a separator stands at the end of the signed string", Knob::Frame(Frame::SeparatorAfter);
    "text.separator-before", "a separator stands before the signed string", Knob::Frame(Frame::SeparatorBefore);
    "text.quoted", "quotation marks stand around the signed string", Knob::Frame(Frame::Around("\"", "\""));
    "text.braces", "braces stand around the signed string", Knob::Frame(Frame::Around("{", "}"));
    "text.question-mark", "a question mark stands before the signed string", Knob::Frame(Frame::Around("?", ""));
    "text.byte-order-mark", "a byte order mark stands before the signed string", Knob::Frame(Frame::Around("\u{feff}", ""));
    "blank.kept", "null and empty members were signed with an empty value", Knob::Blanks(EmptyValues::Keep);
    "blank.null-word", "null members were signed as the word null, and empty ones kept", Knob::Blanks(EmptyValues::NullWord);
    "blank.only-null-word", "null members were signed as the word null", Knob::Blanks(EmptyValues::OnlyNullWord);
    "blank.only-empty", "empty members were signed and null ones left out", Knob::Blanks(EmptyValues::OnlyEmpty);
    "blank.omitted", "null and empty members were left out", Knob::Blanks(EmptyValues::Omit);
    "field.sign-included", "the member sign itself was signed, with an empty value", Knob::Members(MembersKnob::WithEmptySign);
    "field.all", "all members were signed", Knob::Members(MembersKnob::All);
    "number.shortest", "numbers were rewritten to their shortest form (1.00 became 1)", Knob::Numbers(Numbers::Shortest);
    "number.float", "numbers were printed from a floating-point value (1.00 became 1.0)", Knob::Numbers(Numbers::Float);
    "number.two-decimals", "numbers were rewritten with two decimals (1 became 1.00)", Knob::Numbers(Numbers::TwoDecimals);
    "number.minor-units", "amounts were signed in cents (1.00 became 100)", Knob::Numbers(Numbers::MinorUnits);
    "value.quoted", "string values were signed with their quotation marks", Knob::Values(ValuesKnob::Escape(Escape::Quoted));
    "value.url-encoded", "values were URL-encoded (a space became %20)", Knob::Values(ValuesKnob::Escape(Escape::Url));
    "value.form-encoded", "values were form-encoded (a space became +)", Knob::Values(ValuesKnob::Escape(Escape::Form));
    "value.trimmed", "blanks around values were trimmed", Knob::Values(ValuesKnob::Escape(Escape::Trimmed));
    "value.upper", "values were turned to upper case", Knob::Values(ValuesKnob::Case(TextCase::Upper));
    "value.lower", "values were turned to lower case", Knob::Values(ValuesKnob::Case(TextCase::Lower));
    "value.unicode-escaped", "characters beyond ASCII were signed as \\u escapes", Knob::Values(ValuesKnob::Escape(Escape::Unicode));
    "value.slash-escaped", "slashes were signed as \\/", Knob::Values(ValuesKnob::Escape(Escape::Slash));
    "name.lower", "names were turned to lower case", Knob::Names(TextCase::Lower);
    "name.upper", "names were turned to upper case", Knob::Names(TextCase::Upper);
    "shape.values", "only the values were signed, without their names", Knob::Shape(ShapeKnob::Values);
    "shape.values-joined", "only the values were signed, without names or separator", Knob::Shape(ShapeKnob::ValuesJoined);
    "shape.pairs-joined", "names and values were strung together without = and separator", Knob::Shape(ShapeKnob::PairsJoined);
    "shape.pairs", "name=value pairs were signed", Knob::Shape(ShapeKnob::Pairs);
    "body.without-sign", "the JSON body was signed as it was before sign was put in", Knob::Shape(ShapeKnob::Body(SignValue::Absent));
    "body.sign-empty", "the JSON body was signed with an empty sign in it", Knob::Shape(ShapeKnob::Body(SignValue::Empty));
    "body.sign-null", "the JSON body was signed with \"sign\":null in it", Knob::Shape(ShapeKnob::Body(SignValue::Null));
    "json.compact", "the members were signed as JSON without blanks", Knob::Shape(ShapeKnob::Json(Layout::Compact, Order::AsSent));
    "json.sorted", "the members were signed as JSON, sorted by name, without blanks", Knob::Shape(ShapeKnob::Json(Layout::Compact, Order::Name));
    "json.spaced", "the members were signed as JSON with blanks after commas and colons", Knob::Shape(ShapeKnob::Json(Layout::Spaced, Order::AsSent));
    "json.spaced-sorted", "the members were signed as JSON, sorted by name, with blanks after commas and colons", Knob::Shape(ShapeKnob::Json(Layout::Spaced, Order::Name));
    "separator.none", "there is no separator", Knob::Separator("");
    "separator.ampersand", "the separator is &", Knob::Separator("&");
    "separator.bar", "the separator is |", Knob::Separator("|");
    "separator.comma", "the separator is a comma", Knob::Separator(",");
    "separator.comma-space", "the separator is a comma with a space", Knob::Separator(", ");
    "separator.semicolon", "the separator is a semicolon", Knob::Separator(";");
    "separator.colon", "the separator is a colon", Knob::Separator(":");
    "separator.space", "the separator is a space", Knob::Separator(" ");
    "separator.newline", "the separator is a line feed", Knob::Separator("\n");
    "separator.dash", "the separator is -", Knob::Separator("-");
    "separator.underscore", "the separator is _", Knob::Separator("_");
    "separator.caret", "the separator is ^", Knob::Separator("^");
    "separator.html", "the separator is &amp; (an HTML escape)", Knob::Separator("&amp;");
    "joiner.colon", "a colon stands between name and value", Knob::Joiner(":");
    "joiner.none", "nothing stands between name and value", Knob::Joiner("");
    "digest.hex-sha256", "the hexadecimal SHA-256 of the string was signed instead of the string", Knob::Last(Last::Digest(Hash::Sha256, DigestForm::Hex));
    "digest.upper-hex-sha256", "the hexadecimal SHA-256 of the string, in upper case, was signed instead of the string", Knob::Last(Last::Digest(Hash::Sha256, DigestForm::HexUpper));
    "digest.raw-sha256", "the SHA-256 of the string was handed to a function that hashes once more", Knob::Last(Last::Digest(Hash::Sha256, DigestForm::Raw));
    "digest.base64-sha256", "the Base64 of the string's SHA-256 was signed instead of the string", Knob::Last(Last::Digest(Hash::Sha256, DigestForm::Base64));
    "digest.hex-sha1", "the hexadecimal SHA-1 of the string was signed instead of the string", Knob::Last(Last::Digest(Hash::Sha1, DigestForm::Hex));
    "digest.raw-sha1", "the SHA-1 of the string was handed to a function that hashes once more", Knob::Last(Last::Digest(Hash::Sha1, DigestForm::Raw));
    "digest.hex-sha512", "the hexadecimal SHA-512 of the string was signed instead of the string", Knob::Last(Last::Digest(Hash::Sha512, DigestForm::Hex));
    "digest.raw-sha512", "the SHA-512 of the string was handed to a function that hashes once more", Knob::Last(Last::Digest(Hash::Sha512, DigestForm::Raw));
    "digest.hex-md5", "the hexadecimal MD5 of the string was signed instead of the string", Knob::Last(Last::Digest(Hash::Md5, DigestForm::Hex));
    "digest.upper-hex-md5", "the hexadecimal MD5 of the string, in upper case, was signed instead of the string", Knob::Last(Last::Digest(Hash::Md5, DigestForm::HexUpper));
    "string.base64", "the Base64 of the string was signed instead of the string", Knob::Last(Last::Transform(Transform::Base64));
    "string.url-encoded", "the whole string was URL-encoded", Knob::Last(Last::Transform(Transform::Url));
    "string.upper", "the whole string was turned to upper case", Knob::Last(Last::Transform(Transform::Upper));
    "string.lower", "the whole string was turned to lower case", Knob::Last(Last::Transform(Transform::Lower));
    "number.as-sent", "numbers were signed as they stand in the body", Knob::Numbers(Numbers::AsSent);
    "value.plain", "values were signed plainly", Knob::Values(ValuesKnob::Escape(Escape::None));
    "value.as-sent", "values kept their letter case", Knob::Values(ValuesKnob::Case(TextCase::AsSent));
    "name.as-sent", "names kept their letter case", Knob::Names(TextCase::AsSent);
    "joiner.equals", "an equals sign stands between name and value", Knob::Joiner("=");
    "text.bare", "nothing was put before or after the string", Knob::Frame(Frame::Around("", ""));
    "string.plain", "the string was not changed as a whole", Knob::Last(Last::Transform(Transform::None));
    "digest.none", "the string itself was signed, without the first digest", Knob::Last(Last::None);
    "charset.utf-8", "the string was encoded as UTF-8", Knob::Charset(Charset::Utf8);
    "charset.utf-16le", "the string was encoded as UTF-16 (little-endian)", Knob::Charset(Charset::Utf16Le);
    "charset.utf-16be", "the string was encoded as UTF-16 (big-endian)", Knob::Charset(Charset::Utf16Be);
    "charset.ascii", "the string was encoded as ASCII, so other characters became ?", Knob::Charset(Charset::Ascii);
    "charset.latin-1", "the string was encoded as Latin-1, so other characters became ?", Knob::Charset(Charset::Latin1);
};

/// All near misses for one request.
pub(super) fn rows<'a>(
    recipe: &Recipe,
    documented: &[&'a str],
    fields: &'a Fields<'_>,
    hide: Hide<'_>,
) -> Vec<NearMiss<'a>> {
    let mut rows = ROWS.to_vec();
    if !documented.is_empty() {
        let by_page = NearMiss {
            code: "order.documented",
            did: "the members were signed in the order of PAYON's page".into(),
            knob: Knob::Order(Arrangement::Listed(documented.into())),
        };
        rows.insert(1, by_page);
        rows.push(NearMiss {
            code: "field.documented-only",
            did: "only the members that PAYON's page lists were signed".into(),
            knob: Knob::Members(MembersKnob::Only(documented.into())),
        });
    }
    let names = fields.iter().map(|(name, _)| name);
    let names = names.filter(|name| *name != SIGN && !recipe.skips(name)).collect::<Vec<_>>();
    let shown = |name: &str| mask::name(hide, name).into_owned();
    rows.extend(names.iter().map(|name| NearMiss {
        code: "field.left-out",
        did: format!("the member {} was not signed", shown(name)).into(),
        knob: Knob::Members(MembersKnob::Without(name)),
    }));
    if names.len() <= PERMUTED_MAX {
        rows.extend(permutations(&names).into_iter().map(|order| NearMiss {
            code: "order.other",
            did: {
                let order = order.iter().map(|name| shown(name)).collect::<Vec<_>>();
                format!("the members were signed in the order {}", order.join(", ")).into()
            },
            knob: Knob::Order(Arrangement::Listed(order.into())),
        }));
    }
    rows
}

/// The recipe's requirement where `knob` deviates.
pub(super) fn wanted(knob: &Knob<'_>, recipe: &Recipe) -> String {
    let listed = recipe.fields.join(", ");
    let ordered = !recipe.fields.is_empty();
    match knob {
        Knob::Order(_) if ordered => format!("use the order {listed}"),
        Knob::Order(_) => match recipe.order() {
            Order::Name => "sort the names by byte value, upper case before lower",
            Order::NameAnyCase => "sort the names without regard to letter case",
            Order::NameReversed => "sort the names by byte value, the last first",
            Order::AsSent => "use the order of the body",
            Order::AsSentReversed => "use the order of the body, the last first",
            Order::Value => "sort the members by value",
        }
        .to_owned(),
        Knob::Members(_) if ordered => format!("sign exactly {listed}"),
        Knob::Members(_) => {
            format!("sign every member but {}", recipe.skip.join(", "))
        }
        Knob::Blanks(_) => match recipe.empty_values() {
            EmptyValues::Omit => "leave out null and \"\" together with their names",
            EmptyValues::Keep => "keep them, with nothing as their value",
            EmptyValues::OnlyEmpty => "keep \"\" and leave out null",
            EmptyValues::NullWord => "keep \"\", and sign null as the word null",
            EmptyValues::OnlyNullWord => "leave out \"\", and sign null as the word null",
        }
        .to_owned(),
        Knob::Numbers(_) => match recipe.numbers {
            Numbers::AsSent => "use the digits exactly as they stand in the body (1.00 is not 1)",
            Numbers::Shortest => "write numbers without zeros at the end",
            Numbers::Float => "write numbers with at least one decimal",
            Numbers::TwoDecimals => "write amounts with two decimals",
            Numbers::MinorUnits => "write amounts in cents",
        }
        .to_owned(),
        Knob::Values(_) if recipe.escape != Escape::None => {
            format!("write values with the escape {}", recipe.escape)
        }
        Knob::Values(_) if recipe.value_case != TextCase::AsSent => {
            format!("write values in {} case", recipe.value_case)
        }
        Knob::Values(_) => "use each value plainly, without quotes or escapes".to_owned(),
        Knob::Names(_) if recipe.names != TextCase::AsSent => {
            format!("write names in {} case", recipe.names)
        }
        Knob::Names(_) => "use the names exactly as they stand in the body".to_owned(),
        Knob::Shape(_) => match recipe.canonical {
            Canonical::OrderedValues => {
                format!("join the values of {listed} by {:?}", recipe.separator)
            }
            Canonical::Values => format!("join the values by {:?}", recipe.separator),
            Canonical::RawTemplate => format!("fill in the template {:?}", recipe.template),
            Canonical::SortedPairs | Canonical::OrderedPairs | Canonical::Pairs => {
                format!("join name{}value pairs by {:?}", recipe.joiner, recipe.separator)
            }
            Canonical::Json => format!("sign the members as JSON, {}", recipe.layout),
            Canonical::Body => format!("sign the body as it is sent, sign {}", recipe.sign_value),
        },
        Knob::Separator(_) => format!("put {:?} between them", recipe.separator),
        Knob::Joiner(_) if recipe.joiner.is_empty() => {
            "put nothing between name and value".to_owned()
        }
        Knob::Joiner(_) => format!("put {} between name and value", recipe.joiner),
        Knob::Frame(_) if recipe.prefix.is_empty() && recipe.suffix.is_empty() => {
            "nothing stands before or after the string".to_owned()
        }
        Knob::Frame(_) => {
            format!("put {:?} before the string and {:?} after it", recipe.prefix, recipe.suffix)
        }
        Knob::Charset(_) => {
            format!("encode the string as {}", recipe.charset.name().to_uppercase())
        }
        Knob::Last(_) => match recipe.predigest {
            Some(hash) => format!("sign the {hash} of the string as {}", recipe.predigest_form),
            None if recipe.transform != Transform::None => {
                format!("change the whole string as transform = {:?} says", recipe.transform.name())
            }
            None => "sign the string itself".to_owned(),
        },
    }
}
