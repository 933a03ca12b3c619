//! The near misses: what integrators do to the string instead of what the recipe asks for.

use std::borrow::Cow;

use super::super::encoding::Encoding;
use super::super::hash::Hash;
use super::super::recipe::{Canonical, Recipe, SIGN};
use super::forms::{Charset, Numbers};
use super::style::{Blanks, Frame, Knob, Last, Member, Names, Order, Selection, Shape, Values};
use crate::base::Operation;

/// Up to this many members every other order is tried.
const PERMUTED_MAX: usize = 5;

/// One near miss.
#[derive(Clone, Debug)]
pub(super) struct Row<'a> {
    /// Stable, for programs.
    pub(super) code: &'static str,
    /// What was done, for people.
    pub(super) did: Cow<'static, str>,
    pub(super) knob: Knob<'a>,
}

macro_rules! rows {
    ($($code:literal, $did:literal, $knob:expr;)+) => {
        &[$(Row { code: $code, did: Cow::Borrowed($did), knob: $knob },)+]
    };
}

/// The near misses that don't depend on the request, the likelier ones first.
const ROWS: &[Row<'static>] = rows! {
    "order.wire", "the members were signed in the order of the body", Knob::Order(Order::Wire);
    "order.sorted", "the members were sorted by name", Knob::Order(Order::ByName);
    "order.any-case", "the names were sorted without regard to letter case", Knob::Order(Order::ByNameAnyCase);
    "order.reversed", "the names were sorted backwards", Knob::Order(Order::ByNameReversed);
    "order.by-value", "the members were sorted by value", Knob::Order(Order::ByValue);
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
    "blank.kept", "null and empty members were signed with an empty value", Knob::Blanks(Blanks::Kept);
    "blank.null-word", "null members were signed as the word null, and empty ones kept", Knob::Blanks(Blanks::NullAsWord);
    "blank.only-null-word", "null members were signed as the word null", Knob::Blanks(Blanks::OnlyNullAsWord);
    "blank.only-empty", "empty members were signed and null ones left out", Knob::Blanks(Blanks::OnlyEmptyKept);
    "blank.omitted", "null and empty members were left out", Knob::Blanks(Blanks::Omitted);
    "field.sign-included", "the member sign itself was signed, with an empty value", Knob::Members(Selection::WithEmptySign);
    "field.all", "all members were signed", Knob::Members(Selection::All);
    "number.shortest", "numbers were rewritten to their shortest form (1.00 became 1)", Knob::Numbers(Numbers::Shortest);
    "number.float", "numbers were printed from a floating-point value (1.00 became 1.0)", Knob::Numbers(Numbers::Float);
    "number.two-decimals", "numbers were rewritten with two decimals (1 became 1.00)", Knob::Numbers(Numbers::TwoDecimals);
    "number.minor-units", "amounts were signed in cents (1.00 became 100)", Knob::Numbers(Numbers::Minor);
    "value.quoted", "string values were signed with their quotation marks", Knob::Values(Values::Literal);
    "value.url-encoded", "values were URL-encoded (a space became %20)", Knob::Values(Values::UrlEncoded);
    "value.form-encoded", "values were form-encoded (a space became +)", Knob::Values(Values::FormEncoded);
    "value.trimmed", "blanks around values were trimmed", Knob::Values(Values::Trimmed);
    "value.upper", "values were turned to upper case", Knob::Values(Values::Upper);
    "value.lower", "values were turned to lower case", Knob::Values(Values::Lower);
    "value.unicode-escaped", "characters beyond ASCII were signed as \\u escapes", Knob::Values(Values::Escaped);
    "value.slash-escaped", "slashes were signed as \\/", Knob::Values(Values::SlashEscaped);
    "name.lower", "names were turned to lower case", Knob::Names(Names::Lower);
    "name.upper", "names were turned to upper case", Knob::Names(Names::Upper);
    "shape.values", "only the values were signed, without their names", Knob::Shape(Shape::Values);
    "shape.values-joined", "only the values were signed, without names or separator", Knob::Shape(Shape::ValuesJoined);
    "shape.pairs-joined", "names and values were strung together without = and separator", Knob::Shape(Shape::PairsJoined);
    "shape.pairs", "name=value pairs were signed", Knob::Shape(Shape::Pairs);
    "body.without-sign", "the JSON body was signed as it was before sign was put in", Knob::Shape(Shape::Body(None));
    "body.sign-empty", "the JSON body was signed with an empty sign in it", Knob::Shape(Shape::Body(Some("\"\"")));
    "body.sign-null", "the JSON body was signed with \"sign\":null in it", Knob::Shape(Shape::Body(Some("null")));
    "json.compact", "the members were signed as JSON without blanks", Knob::Shape(Shape::Json { spaced: false, sorted: false });
    "json.sorted", "the members were signed as JSON, sorted by name, without blanks", Knob::Shape(Shape::Json { spaced: false, sorted: true });
    "json.spaced", "the members were signed as JSON with blanks after commas and colons", Knob::Shape(Shape::Json { spaced: true, sorted: false });
    "json.spaced-sorted", "the members were signed as JSON, sorted by name, with blanks after commas and colons", Knob::Shape(Shape::Json { spaced: true, sorted: true });
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
    "digest.hex-sha256", "the hexadecimal SHA-256 of the string was signed instead of the string", Knob::Last(Last::DigestAs(Hash::Sha256, Encoding::Hex));
    "digest.upper-hex-sha256", "the hexadecimal SHA-256 of the string, in upper case, was signed instead of the string", Knob::Last(Last::DigestAsUpperHex(Hash::Sha256));
    "digest.raw-sha256", "the SHA-256 of the string was handed to a function that hashes once more", Knob::Last(Last::Digest(Hash::Sha256));
    "digest.base64-sha256", "the Base64 of the string's SHA-256 was signed instead of the string", Knob::Last(Last::DigestAs(Hash::Sha256, Encoding::Base64));
    "digest.hex-sha1", "the hexadecimal SHA-1 of the string was signed instead of the string", Knob::Last(Last::DigestAs(Hash::Sha1, Encoding::Hex));
    "digest.raw-sha1", "the SHA-1 of the string was handed to a function that hashes once more", Knob::Last(Last::Digest(Hash::Sha1));
    "digest.hex-sha512", "the hexadecimal SHA-512 of the string was signed instead of the string", Knob::Last(Last::DigestAs(Hash::Sha512, Encoding::Hex));
    "digest.raw-sha512", "the SHA-512 of the string was handed to a function that hashes once more", Knob::Last(Last::Digest(Hash::Sha512));
    "digest.hex-md5", "the hexadecimal MD5 of the string was signed instead of the string", Knob::Last(Last::DigestAs(Hash::Md5, Encoding::Hex));
    "digest.upper-hex-md5", "the hexadecimal MD5 of the string, in upper case, was signed instead of the string", Knob::Last(Last::DigestAsUpperHex(Hash::Md5));
    "string.base64", "the Base64 of the string was signed instead of the string", Knob::Last(Last::Base64);
    "string.url-encoded", "the whole string was URL-encoded", Knob::Last(Last::UrlEncoded);
    "string.upper", "the whole string was turned to upper case", Knob::Last(Last::Upper);
    "string.lower", "the whole string was turned to lower case", Knob::Last(Last::Lower);
    "charset.utf-16le", "the string was encoded as UTF-16 (little-endian)", Knob::Charset(Charset::Utf16Le);
    "charset.utf-16be", "the string was encoded as UTF-16 (big-endian)", Knob::Charset(Charset::Utf16Be);
    "charset.ascii", "the string was encoded as ASCII, so other characters became ?", Knob::Charset(Charset::AsciiWithQuestionMarks);
    "charset.latin-1", "the string was encoded as Latin-1, so other characters became ?", Knob::Charset(Charset::Latin1);
};

/// All near misses for one request.
pub(super) fn rows<'a>(
    recipe: &Recipe,
    operation: Operation,
    members: &[Member<'a>],
) -> Vec<Row<'a>> {
    let documented = documented(operation);
    let mut rows = ROWS.to_vec();
    if !documented.is_empty() {
        let by_page = Row {
            code: "order.documented",
            did: "the members were signed in the order of PAYON's page".into(),
            knob: Knob::Order(Order::Listed(documented.into())),
        };
        rows.insert(1, by_page);
        rows.push(Row {
            code: "field.documented-only",
            did: "only the members that PAYON's page lists were signed".into(),
            knob: Knob::Members(Selection::Only(documented.into())),
        });
    }
    let signed = |member: &&Member<'a>| member.name != SIGN && !recipe.skips(member.name);
    let names = members.iter().filter(signed).map(|member| member.name).collect::<Vec<_>>();
    let shown = |name: &str| {
        let member = members.iter().find(|member| member.name == name);
        member.map_or_else(String::new, |member| member.shown_name.clone().into_owned())
    };
    rows.extend(names.iter().map(|name| Row {
        code: "field.left-out",
        did: format!("the member {} was not signed", shown(name)).into(),
        knob: Knob::Members(Selection::Without(name)),
    }));
    if names.len() <= PERMUTED_MAX {
        rows.extend(permutations(&names).into_iter().map(|order| Row {
            code: "order.other",
            did: {
                let order = order.iter().map(|name| shown(name)).collect::<Vec<_>>();
                format!("the members were signed in the order {}", order.join(", ")).into()
            },
            knob: Knob::Order(Order::Listed(order.into())),
        }));
    }
    rows
}

/// What the recipe wants where `knob` deviates.
pub(super) fn wanted(knob: &Knob<'_>, recipe: &Recipe) -> String {
    let listed = recipe.fields.join(", ");
    let ordered = !recipe.fields.is_empty();
    match knob {
        Knob::Order(_) if ordered => format!("use the order {listed}"),
        Knob::Order(_) => "sort the names by byte value, upper case before lower".to_owned(),
        Knob::Members(_) if ordered => format!("sign exactly {listed}"),
        Knob::Members(_) => {
            format!("sign every member but {}", recipe.skip.join(", "))
        }
        Knob::Blanks(_) if recipe.omit_empty => {
            "leave out null and \"\" together with their names".to_owned()
        }
        Knob::Blanks(_) => "keep them, with nothing as their value".to_owned(),
        Knob::Numbers(_) => {
            "use the digits exactly as they stand in the body (1.00 is not 1)".to_owned()
        }
        Knob::Values(_) => "use each value plainly, without quotes or escapes".to_owned(),
        Knob::Names(_) => "use the names exactly as they stand in the body".to_owned(),
        Knob::Shape(_) => match recipe.canonical {
            Canonical::OrderedValues => {
                format!("join the values of {listed} by {:?}", recipe.separator)
            }
            Canonical::RawTemplate => format!("fill in the template {:?}", recipe.template),
            Canonical::SortedPairs | Canonical::OrderedPairs => {
                format!("join name=value pairs by {:?}", recipe.separator)
            }
        },
        Knob::Separator(_) => format!("put {:?} between them", recipe.separator),
        Knob::Joiner(_) => "put = between name and value".to_owned(),
        Knob::Frame(_) => "nothing stands before or after the string".to_owned(),
        Knob::Charset(_) => "encode the string as UTF-8".to_owned(),
        Knob::Last(_) => "sign the string itself".to_owned(),
    }
}

/// The members of each request in the order of PAYON's page (documented), `sign` aside.
fn documented(operation: Operation) -> &'static [&'static str] {
    match operation {
        Operation::Register => &[
            "termId",
            "merchantId",
            "txId",
            "trt",
            "currency",
            "amount",
            "paymentMethod",
            "clientId",
            "bindingId",
            "payDvCd",
            "buyerId",
            "sellerId",
        ],
        Operation::Reversal | Operation::Refund => &["txId", "merchantId", "termId"],
        Operation::PreAuthCompletion => &["txId", "merchantId", "termId", "currency", "amount"],
        Operation::Orders => {
            &["fromDate", "toDate", "index", "limit", "trt", "merchantId", "termId"]
        }
        Operation::Status => &["merchantId", "termId", "txId", "amount", "currency"],
        Operation::BindingList => &["merchantId", "termId", "clientId"],
        Operation::CreatePin | Operation::EnablePin | Operation::DisablePin => {
            &["clientId", "merchantId", "termId", "pin"]
        }
        Operation::BindingRegister => &[
            "merchantId",
            "termId",
            "clientId",
            "paymentMethod",
            "wdlAcNo",
            "wdlCvv",
            "wdlExpiry",
            "wdlNm",
            "payonPin",
            "phone",
            "pin",
            "email",
        ],
        Operation::NotifyQrScanned | Operation::NotifyProcessing | Operation::CancelQr => {
            &["merchantId", "termId", "txId", "amount"]
        }
        Operation::NotifyCompletion => &[
            "RESULT_CODE",
            "RESULT_MSG",
            "MC_ID",
            "TERM_ID",
            "TX_ID",
            "AMOUNT",
            "APPROVAL_DATE",
            "APPROVAL_NO",
            "CURRENCY",
        ],
        Operation::Reconciliation => &[],
    }
}

fn permutations<'a>(names: &[&'a str]) -> Vec<Vec<&'a str>> {
    if names.is_empty() {
        return vec![Vec::new()];
    }
    let starting_with = |at: usize| {
        let mut rest = names.to_vec();
        let first = rest.remove(at);
        permutations(&rest).into_iter().map(move |tail| [vec![first], tail].concat())
    };
    (0..names.len()).flat_map(starting_with).collect()
}
