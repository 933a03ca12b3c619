//! Members of the requests and replies of each operation, with the source of each.

use std::collections::HashMap;

use crate::base::{CARD_DIGITS, Fields, Operation, Secrecy, SecretNames, named_enum};

use super::provenance::Mark;
use super::read::{TomlDocument, TomlTable};
use crate::base::Message;
use crate::crypto::SIGN;

named_enum! {
    /// JSON kind of a member.
    pub enum MemberKind ("a type") {
        /// A string.
        String = "string",
        /// A decimal: a string or a number in requests, a number in replies.
        Amount = "amount",
        /// A whole number: a string or a number.
        Integer = "integer",
        /// An array of objects.
        Array = "array",
        /// An object.
        Object = "object",
        /// Always `null`.
        Null = "null",
    }
}

/// One member of a request or a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberSpec {
    /// Its name; `[].` before it: within each element of an array, a dot: within `resultData`.
    pub name: String,
    /// True if a request must have it, or a reply always has it.
    pub required: bool,
    /// Source of the member.
    pub mark: Mark,
    /// JSON kind of its value.
    pub kind: MemberKind,
    /// True if it may be `null` in a reply.
    pub nullable: bool,
    /// The closed set of words, where there is one.
    pub values: Vec<String>,
    /// Never shown in journal or logs.
    pub secret: bool,
    /// A value that passes.
    pub example: Option<String>,
    /// Description, for people.
    pub about: String,
}

impl MemberSpec {
    /// The name without what tells where it lies.
    pub fn plain_name(&self) -> &str {
        self.name.strip_prefix("[].").unwrap_or(&self.name)
    }

    /// Treatment of a secret one: a card number stays recognisable.
    fn secrecy(&self) -> Secrecy {
        let is_long = |text: &str| CARD_DIGITS.contains(&text.len());
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let is_card = self.example.as_deref().is_some_and(|it| is_long(it) && is_number(it));
        if is_card { Secrecy::CardNumber } else { Secrecy::Secret }
    }
}

/// Members of one operation's request and reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationSpec {
    /// Source for the existence of the operation.
    pub mark: Mark,
    /// Description, for people.
    pub about: String,
    /// Members of the request, in the order in which they are checked.
    pub request: Vec<MemberSpec>,
    /// Members of the reply, in the order in which they are written.
    pub response: Vec<MemberSpec>,
}

impl OperationSpec {
    /// The required members of the request that `fields` lack. A signature is asked for by other rules.
    pub fn missing<'d>(&'d self, fields: &'d Fields<'_>) -> impl Iterator<Item = &'d str> {
        let is_given = |name: &str| fields.get(name).is_some_and(|value| !value.is_blank());
        let required = self.request.iter().filter(|member| member.required);
        let names = required.map(|member| member.name.as_str()).filter(|name| *name != SIGN);
        // The end of a period goes by two names.
        names.filter(move |name| !(is_given(name) || *name == "toDate" && is_given("ToDate")))
    }

    /// The members of the request that PAYON's page lists, in its order and without the signature; all of them where the
    /// page lists none.
    pub fn listed(&self) -> Vec<&str> {
        let flat = self.request.iter().filter(|it| it.name != SIGN && !it.name.contains('.'));
        let members: Vec<&MemberSpec> = flat.collect();
        let is_any = members.iter().any(|member| member.mark != Mark::Assumed);
        let is_listed = |member: &&&MemberSpec| !is_any || member.mark != Mark::Assumed;
        members.iter().filter(is_listed).map(|member| member.name.as_str()).collect()
    }

    /// The request's member of exactly that name.
    pub fn member(&self, name: &str) -> Option<&MemberSpec> {
        self.request.iter().find(|member| member.plain_name() == name)
    }
}

/// The operations of a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationTable {
    operations: Vec<OperationSpec>,
    pushback: OperationSpec,
    secrets: SecretNames,
}

impl OperationTable {
    /// Members of the request and reply of `operation`.
    pub fn get(&self, operation: Operation) -> &OperationSpec {
        &self.operations[operation.index()]
    }

    /// The members that are never shown, those that the file calls secret among them.
    pub fn secrets(&self) -> &SecretNames {
        &self.secrets
    }

    /// Members of a push-back.
    pub fn pushback(&self) -> &OperationSpec {
        &self.pushback
    }
}

/// Reads `operations.toml`.
pub(super) fn read(doc: &TomlDocument<'_>) -> Option<OperationTable> {
    let mut root = doc.root()?;
    let rows = root.rows("operation");
    let pushback = root.node("pushback").and_then(|node| node.table());
    if pushback.is_none() {
        root.refuse("pushback", "[pushback] is missing");
    }
    root.finish();
    let mut operations: Vec<Option<OperationSpec>> = vec![None; Operation::ALL.len()];
    let (mut seen, mut named) = (HashMap::new(), Vec::new());
    for mut row in rows {
        row.check_unique("name", "operation", &mut seen);
        let name: Option<Operation> = row.take("name");
        let described = describe(&mut row, name.map_or("?", Operation::name), true);
        if let Some(operation) = name {
            named.push(operation);
            operations[operation.index()] = described;
        }
    }
    let missing: Vec<&str> = Operation::ALL
        .iter()
        .filter(|operation| !named.contains(operation))
        .map(|operation| operation.name())
        .collect();
    if !missing.is_empty() && !named.is_empty() {
        let message = Message::new(format!("no entry for {}", missing.join(", ")));
        root.refuse("operation", message.help("every operation has an [[operation]]"));
    }
    let pushback = pushback.and_then(|mut table| describe(&mut table, "pushback", false))?;
    let operations = operations.into_iter().collect::<Option<Vec<_>>>()?;
    let specs = operations.iter().chain([&pushback]);
    let members = specs.flat_map(|spec| spec.request.iter().chain(&spec.response));
    let secret = members.filter(|member| member.secret);
    let name = |member: &MemberSpec| member.name.rsplit('.').next().map(ToOwned::to_owned);
    let secrets = secret.filter_map(|member| Some((name(member)?, member.secrecy())));
    let secrets = SecretNames::new(secrets);
    Some(OperationTable { operations, pushback, secrets })
}

fn describe(table: &mut TomlTable<'_>, name: &str, answered: bool) -> Option<OperationSpec> {
    let request = members(table, name, "request");
    let response = if answered { members(table, name, "response") } else { Some(Vec::new()) };
    let (mark, about): (Option<Mark>, Option<String>) = (table.take("mark"), table.take("about"));
    table.finish();
    let (mark, about, request) = (mark?, about?, request?);
    table.note(format!("operation.{name}"), mark, &about);
    Some(OperationSpec { mark, about, request, response: response? })
}

fn members(table: &mut TomlTable<'_>, of: &str, part: &'static str) -> Option<Vec<MemberSpec>> {
    let rows = table.rows(part);
    let mut seen = HashMap::new();
    let read: Vec<Option<MemberSpec>> = rows
        .into_iter()
        .map(|mut row| {
            row.check_unique("name", "name", &mut seen);
            member(&mut row, of, part)
        })
        .collect();
    read.into_iter().collect()
}

fn member(row: &mut TomlTable<'_>, of: &str, part: &str) -> Option<MemberSpec> {
    let kind = row.take("type");
    let (nullable, values): (Option<Option<bool>>, Option<Option<Vec<String>>>) =
        (row.take("nullable"), row.take("values"));
    let secret: Option<Option<bool>> = row.take("secret");
    let (name, required, mark) = (row.take("name"), row.take("required"), row.take("mark"));
    let (example, about) = (row.take("example"), row.take("about"));
    row.finish();
    let member = MemberSpec {
        name: name?,
        required: required?,
        mark: mark?,
        kind: kind?,
        nullable: nullable?.unwrap_or_default(),
        values: values?.unwrap_or_default(),
        secret: secret?.unwrap_or_default(),
        example: example?,
        about: about?,
    };
    row.note(format!("operation.{of}.{part}.{}", member.name), member.mark, &member.about);
    Some(member)
}
