//! Model of a merchant file: how a shop of the user's is started, made to work, asked and restarted.

mod template;

use serde_json::{Value, json};

use template::{FIXED_NAMES, ORDER_NAMES};
pub use template::{JsonTemplate, MissingValue, Template, TemplateMap, TemplateValues};

use super::codec::{Definitions, FromYaml, Many, Printed, YamlDocument, YamlNode, choice, record};
use super::model::{Belief, Requirement};
use crate::base::{Diagnostic, Message, Period, named_enum};

/// The port at which a shop that is running expects the gateway, where its file does not say.
const GATEWAY_PORT: u16 = 36605;
/// Fastest clock of a space.
const SCALE_MAX: u32 = 1000;
/// Least silence of a shop that shows anything, in milliseconds.
const QUIET_LEAST_MS: u64 = 100;

record! {
    /// A shop under test, and how it is made to do what scenarios ask of it.
    pub struct MerchantFile {
        /// The version of this format: 1.
        version: u32 = "version",
        /// The shop's name, for reports.
        name: String = "name",
        /// Start of the shop; `url` instead for one that is running.
        start: Option<ShopStart> = "start",
        /// Address of a shop that is running, such as http://127.0.0.1:3000.
        url: Option<HttpUrl> = "url",
        /// With `url`: the port at which that shop expects the gateway; 36605 when absent.
        gateway_port: Option<u16> = "gatewayPort",
        /// The merchant of the profile that the shop is; the first one when absent.
        merchant: Option<String> = "merchant",
        /// The shop's own addresses, for a shop that does not name them when it registers an order.
        addresses: ShopAddresses = "addresses",
        /// Headers of every call to the shop.
        headers: TemplateMap = "headers",
        /// Calls by which the shop is made to do the steps of `drive`.
        steps: ShopSteps = "do",
        /// Questions about the shop's beliefs. Without it the shop is judged by its traffic alone.
        ask: Option<ShopQuestions> = "ask",
        /// Restart of the shop: `kill` (the default with `start`) ends its process at once and starts it again.
        restart: Option<RestartWay> = "restart",
        /// Speed of the space's clock, and how long the shop is waited for.
        time: ShopTime = "time",
        /// Abilities that the shop lacks, correct as it is: scenarios that need one are not applicable.
        without: Vec<Requirement> = "without",
    }
    check check_file;
}

fn check_file(file: &MerchantFile, node: YamlNode<'_>) -> Option<()> {
    let mut sound = true;
    let mut refuse = |key: &str, message: Message| {
        node.member(key).unwrap_or(node).refuse(message);
        sound = false;
    };
    if file.version != 1 {
        let message = Message::new(format!("version {} of the format is not known", file.version));
        refuse("version", message.help("this build reads version 1"));
    }
    match (&file.start, &file.url) {
        (Some(_), None) | (None, Some(_)) => {}
        (Some(_), Some(_)) => refuse(
            "url",
            Message::new("a shop is either started (`start`) or running (`url`), not both"),
        ),
        (None, None) => refuse(
            "",
            Message::new("`start` or `url` is missing")
                .help("`start: { command: [node, shop.mjs] }` starts the shop")
                .help("`url: http://127.0.0.1:3000` is a shop that is running"),
        ),
    }
    if file.gateway_port.is_some() && file.url.is_none() {
        let message = Message::new("`gatewayPort` goes with `url`");
        refuse("gatewayPort", message.help("a shop that is started is told `${gateway}`"));
    }
    if file.restart == Some(RestartWay::Kill) && file.start.is_none() {
        let message = Message::new("a shop that was not started here cannot be killed here");
        refuse("restart", message.help("give a command: `restart: { command: … }`"));
    }
    if file.steps.register.is_none() {
        let message = Message::new("`register` is missing: no scenario can do without an order");
        refuse("do", message.help("register: { method: POST, path: /orders, json: { amount: \"${amount}\" }, order: /id }"));
    }
    sound.then_some(())
}

record! {
    /// Start of a shop.
    pub struct ShopStart {
        /// The command: a list is started as it is, a text goes to `sh -c`.
        command: CommandLine = "command",
        /// Its working directory, relative to this file.
        directory: Option<String> = "directory",
        /// Variables of its environment.
        env: TemplateMap = "env",
        /// Signs that it is ready.
        ready: ReadyCheck = "ready",
        /// Lifetime of its process: `fresh` (the default) for each scenario, or `shared` by all of them.
        process: Option<ProcessMode> = "process",
    }
    check |start, node| {
        let mut sound = true;
        for (name, template) in &start.env.0 {
            let place = node.member("env").and_then(|env| env.member(name));
            sound &= only(place.unwrap_or(node), template.names(), &[FIXED_NAMES]);
        }
        let place = node.member("command").unwrap_or(node);
        sound &= only(place, start.command.names().into_iter(), &[FIXED_NAMES]);
        sound.then_some(())
    };
}

/// Complains of a name that has no value at this place.
fn only(
    node: YamlNode<'_>,
    names: impl Iterator<Item = &'static str>,
    allowed: &[&[&'static str]],
) -> bool {
    let allowed: Vec<&str> = allowed.concat();
    let wrong: Vec<&str> = names.filter(|name| !allowed.contains(name)).collect();
    for name in &wrong {
        let message = Message::new(format!("`${{{name}}}` has no value here"));
        node.refuse(message.help(format!("there are: {}", allowed.join(", "))));
    }
    wrong.is_empty()
}

named_enum! {
    /// Lifetime of a shop's process.
    pub enum ProcessMode ("a way to run the process") {
        /// One process for each scenario, so that several can run at once.
        Fresh = "fresh",
        /// One process for the whole run.
        Shared = "shared",
    }
}

record! {
    /// Signs that a shop is ready: its port takes connections, and the path answers with 2xx.
    pub struct ReadyCheck {
        /// Path that is asked for until it answers with 2xx; when absent the port alone counts.
        path: Option<Template> = "path",
        /// Longest time until it is ready, real time; 30s when absent.
        within: Option<Period> = "within",
    }
    absent ReadyCheck { path: None, within: None };
    check |ready, node| is_path(node, ready.path.as_ref()).then_some(());
}

/// Complains of a path that does not begin with `/`, nor with a value.
fn is_path(node: YamlNode<'_>, path: Option<&Template>) -> bool {
    let Some(path) = path.filter(|path| !path.source().starts_with(['/', '$'])) else {
        return true;
    };
    let text = path.source();
    let message = match text.split_once("://") {
        Some(_) => Message::new("a path is wanted, not a whole address")
            .help("host and port are those of the shop: `url`, or where `start` has it listen"),
        None => Message::new("a path begins with `/`").help(format!("perhaps `/{text}`")),
    };
    node.member("path").unwrap_or(node).refuse(message);
    false
}

record! {
    /// Addresses of the shop: paths, or whole URLs.
    pub struct ShopAddresses {
        /// Address for push-backs; it becomes the merchant's NOTI_URL at the gateway.
        noti: Option<String> = "noti",
        /// Address to which the payer returns after success.
        success: Option<String> = "success",
        /// Address to which the payer returns after a failure.
        fail: Option<String> = "fail",
        /// Address to which the payer returns after giving up.
        cancel: Option<String> = "cancel",
    }
    absent ShopAddresses { noti: None, success: None, fail: None, cancel: None };
}

record! {
    /// The call for each step that the merchant takes in `drive`. A step without one cannot be made.
    pub struct ShopSteps {
        /// Registers an order.
        register: Option<ShopCall> = "register",
        /// Refunds a payment, in part where `${amount}` has a value.
        refund: Option<ShopCall> = "refund",
        /// Takes a payment back.
        reversal: Option<ShopCall> = "reversal",
        /// Captures what a pre-authorisation holds.
        complete: Option<ShopCall> = "complete",
        /// Asks for an order's status.
        status: Option<ShopCall> = "status",
        /// Lists the day's orders.
        orders: Option<ShopCall> = "orders",
        /// Reconciles all orders.
        reconcile: Option<ShopCall> = "reconcile",
        /// Binds a card for a client.
        bind: Option<ShopCall> = "bind",
    }
}

record! {
    /// A call of the shop's HTTP API, or a command line whose output is JSON.
    pub struct ShopCall {
        /// HTTP method; POST where there is a body, else GET.
        method: Option<HttpMethod> = "method",
        /// Path, with its query.
        path: Option<Template> = "path",
        /// Headers.
        headers: TemplateMap = "headers",
        /// JSON body. Members whose templates have no value are left out.
        json: Option<JsonTemplate> = "json",
        /// Form body. Members whose templates have no value are left out.
        form: Option<TemplateMap> = "form",
        /// Body as it is.
        body: Option<Template> = "body",
        /// A command instead: a list is started as it is, a text goes to `sh -c`. Exit code 0 means that it was done.
        command: Option<CommandLine> = "command",
        /// For `register`: JSON pointer to the shop's name of the order.
        order: Option<JsonPointer> = "order",
        /// For `register`: JSON pointer to the txId, where the shop shows it.
        tx_id: Option<JsonPointer> = "txId",
    }
    check |call, node| {
        let mut sound = true;
        let mut refuse = |message: Message| {
            node.refuse(message);
            sound = false;
        };
        let bodies = [call.json.is_some(), call.form.is_some(), call.body.is_some()];
        let bodies = bodies.into_iter().filter(|given| *given).count();
        match (&call.path, &call.command) {
            (Some(_), Some(_)) => refuse("a call has either `path` or `command`, not both".into()),
            (None, None) => refuse(
                Message::new("a call needs `path` or `command`")
                    .help("{ method: POST, path: /orders, json: { amount: \"${amount}\" } }")
                    .help("{ command: [node, cli.mjs, refund, \"${shopOrder}\"] }"),
            ),
            (None, Some(_)) if bodies > 0 || call.method.is_some() || !call.headers.0.is_empty() => {
                refuse("a command has no `method`, `headers` or body".into());
            }
            _ => {}
        }
        if bodies > 1 {
            refuse("a call has one body: `json`, `form` or `body`".into());
        }
        sound &= is_path(node, call.path.as_ref());
        sound.then_some(())
    };
}

impl ShopCall {
    /// Names of the values that it has places for.
    pub fn names(&self) -> Vec<&'static str> {
        let mut names: Vec<&'static str> = self.headers.names().collect();
        names.extend(self.path.iter().chain(&self.body).flat_map(Template::names));
        names.extend(self.json.iter().flat_map(JsonTemplate::names));
        names.extend(self.form.iter().flat_map(TemplateMap::names));
        names.extend(self.command.iter().flat_map(CommandLine::names));
        names
    }
}

named_enum! {
    /// A method of HTTP.
    pub enum HttpMethod ("a method") {
        /// Reads.
        Get = "GET",
        /// Does something.
        Post = "POST",
        /// Puts something in place.
        Put = "PUT",
        /// Changes a part.
        Patch = "PATCH",
        /// Removes.
        Delete = "DELETE",
    }
}

record! {
    /// Questions about the shop's beliefs.
    pub struct ShopQuestions {
        /// The call that asks about one order.
        order: ShopCall = "order",
        /// JSON pointer to the state of the order.
        state: Option<JsonPointer> = "state",
        /// The shop's words for its beliefs.
        words: BeliefWords = "words",
        /// JSON pointer to the number of times the goods were shipped: a number, true or false, or a list that is counted.
        shipped: Option<JsonPointer> = "shipped",
        /// JSON pointer to the sum given back, a decimal.
        returned: Option<JsonPointer> = "returned",
    }
    check |ask, node| {
        let names = ask.order.names().into_iter();
        let mut sound = only(node.member("order").unwrap_or(node), names, &[FIXED_NAMES, ORDER_NAMES]);
        if ask.state.is_some() == ask.words.is_empty() {
            let message = Message::new("`state` and `words` go together");
            node.refuse(message.help("`state: /state` points to the word, `words: { paid: [PAID] }` says what it means"));
            sound = false;
        }
        sound.then_some(())
    };
}

record! {
    /// The shop's words for its beliefs.
    pub struct BeliefWords {
        /// Not known yet.
        pending: Option<Many<String>> = "pending",
        /// Paid, or held for a later capture.
        paid: Option<Many<String>> = "paid",
        /// Not paid, and not going to be.
        unpaid: Option<Many<String>> = "unpaid",
        /// Paid, and given back in full.
        given_back: Option<Many<String>> = "given-back",
        /// Put aside for a human to look at.
        disputed: Option<Many<String>> = "disputed",
    }
    absent BeliefWords { pending: None, paid: None, unpaid: None, given_back: None, disputed: None };
    check |words, node| {
        let all: Vec<&String> = words.by_belief().flat_map(|(_, words)| words).collect();
        let twice = all.iter().enumerate().find(|(at, word)| all[..*at].contains(word));
        if let Some((_, word)) = twice {
            node.refuse(format!("`{word}` cannot mean two things"));
        }
        twice.is_none().then_some(())
    };
}

impl BeliefWords {
    fn by_belief(&self) -> impl Iterator<Item = (Belief, &Vec<String>)> {
        let all = [
            (Belief::Pending, &self.pending),
            (Belief::Paid, &self.paid),
            (Belief::Unpaid, &self.unpaid),
            (Belief::GivenBack, &self.given_back),
            (Belief::Disputed, &self.disputed),
        ];
        all.into_iter().filter_map(|(belief, words)| Some((belief, &words.as_ref()?.0)))
    }

    fn is_empty(&self) -> bool {
        self.by_belief().next().is_none()
    }

    /// The belief that a word of the shop's stands for.
    pub fn belief(&self, word: &str) -> Option<Belief> {
        self.by_belief().find(|(_, words)| words.iter().any(|it| it == word)).map(|(it, _)| it)
    }

    /// All words that have a meaning.
    pub fn known(&self) -> Vec<&str> {
        self.by_belief().flat_map(|(_, words)| words.iter().map(String::as_str)).collect()
    }
}

choice! {
    /// Restart of a shop.
    pub enum RestartWay ("a restart") {
        /// Its process is killed at once, with all that it started, and started again.
        Kill = "kill",
        /// A command line that kills and starts it.
        Command(CommandLine) = "command",
    }
}

record! {
    /// Time with a real shop, whose timers run by themselves.
    pub struct ShopTime {
        /// Number of simulated seconds in one real second; 1 when absent. More only for a shop whose timers are as much
        /// faster (`${timeScale}`).
        scale: u32 = "scale" else 1,
        /// Real time for which the shop must have been silent before absence counts, at least 100ms; 1s when absent.
        quiet: Period = "quiet" else Period(1000),
        /// Longest real time that is waited for one thing; 20s when absent.
        patience: Period = "patience" else Period(20_000),
    }
    absent ShopTime { scale: 1, quiet: Period(1000), patience: Period(20_000) };
    check |time, node| {
        if !(1..=SCALE_MAX).contains(&time.scale) {
            let message = format!("`scale` is a whole number from 1 to {SCALE_MAX}");
            node.member("scale").unwrap_or(node).refuse(message);
            return None;
        }
        if time.quiet.ms() < QUIET_LEAST_MS {
            let message = format!("`quiet` is at least {QUIET_LEAST_MS}ms");
            let help = "what a shop does after a shorter silence, such as shipping again, would not be seen";
            node.member("quiet").unwrap_or(node).refuse(Message::new(message).help(help));
            return None;
        }
        if time.quiet.ms() > time.patience.ms() {
            node.refuse("`patience` must be at least `quiet`");
            return None;
        }
        Some(())
    };
}

/// A command line: a list of words, or a text for the shell.
#[derive(Clone, Debug, PartialEq)]
pub struct CommandLine(Vec<Template>, bool);

impl CommandLine {
    /// Program and arguments.
    pub fn fill(&self, values: &TemplateValues) -> Result<Vec<String>, MissingValue> {
        let words: Vec<String> =
            self.0.iter().map(|it| it.fill(values)).collect::<Result<_, _>>()?;
        let shell = ["sh".to_owned(), "-c".to_owned()];
        Ok(if self.1 { shell.into_iter().chain(words).collect() } else { words })
    }

    /// Names of the values that it has places for.
    pub fn names(&self) -> Vec<&'static str> {
        self.0.iter().flat_map(Template::names).collect()
    }

    /// The words that hold no value, those of a text for the shell too.
    pub fn plain_words(&self) -> Vec<String> {
        let filled = self.0.iter().filter_map(|it| it.fill(&TemplateValues::default()).ok());
        let words = filled.map(|text| {
            if self.1 { text.split_whitespace().map(str::to_owned).collect() } else { vec![text] }
        });
        words.collect::<Vec<_>>().concat()
    }
}

impl FromYaml for CommandLine {
    fn read(node: YamlNode<'_>) -> Option<Self> {
        if node.list().is_none() {
            return Some(Self(vec![Template::read(node)?], true));
        }
        let words: Vec<Template> = FromYaml::read(node)?;
        if words.is_empty() {
            node.refuse("a command needs at least its name");
            return None;
        }
        Some(Self(words, false))
    }

    fn print(&self) -> Printed {
        match &*self.0 {
            [text] if self.1 => text.print(),
            words => Printed::List(words.iter().map(FromYaml::print).collect()),
        }
    }

    fn schema(definitions: &mut Definitions) -> Value {
        let text = Template::schema(definitions);
        json!({ "anyOf": [text, { "type": "array", "items": text, "minItems": 1 }] })
    }
}

/// A JSON pointer (RFC 6901), such as `/data/id`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonPointer(String);

impl JsonPointer {
    /// The value that it points to.
    pub fn find<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        value.pointer(&self.0)
    }
}

impl std::fmt::Display for JsonPointer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromYaml for JsonPointer {
    fn read(node: YamlNode<'_>) -> Option<Self> {
        let text = String::read(node)?;
        if !text.starts_with('/') {
            let message = Message::new("a JSON pointer begins with `/`");
            node.refuse(message.help(format!("perhaps `/{}`", text.replace('.', "/"))));
            return None;
        }
        Some(Self(text))
    }

    fn print(&self) -> Printed {
        self.0.print()
    }

    fn schema(_: &mut Definitions) -> Value {
        json!({ "type": "string", "pattern": "^/" })
    }
}

/// Address of a shop: `http://HOST:PORT`, without a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpUrl(String);

impl HttpUrl {
    /// Host and port.
    pub fn authority(&self) -> &str {
        self.0.strip_prefix("http://").unwrap_or(&self.0)
    }
}

impl FromYaml for HttpUrl {
    fn read(node: YamlNode<'_>) -> Option<Self> {
        let text = String::read(node)?;
        let text = text.trim_end_matches('/');
        let authority = text.strip_prefix("http://");
        let is_host_and_port = |authority: &str| {
            let port = authority.rsplit_once(':').map(|(host, port)| (host, port.parse::<u16>()));
            let plain = |c: char| c.is_ascii_graphic() && !"/?#@".contains(c);
            matches!(port, Some((host, Ok(1..))) if !host.is_empty() && host.chars().all(plain))
        };
        if !authority.is_some_and(is_host_and_port) {
            node.refuse(
                Message::new("must be the address of a shop: http://, host and port")
                    .help("such as http://127.0.0.1:3000; paths stand in the calls"),
            );
            return None;
        }
        Some(Self(text.to_owned()))
    }

    fn print(&self) -> Printed {
        self.0.print()
    }

    fn schema(_: &mut Definitions) -> Value {
        json!({ "type": "string", "pattern": "^http://[^/]+:[0-9]+/?$" })
    }
}

impl MerchantFile {
    /// Reads a merchant file, YAML or JSON. `file` names it in messages. All mistakes are reported, in the order of the
    /// text.
    pub fn read(file: &str, bytes: &[u8]) -> Result<Self, Vec<Diagnostic>> {
        let doc = YamlDocument::parse(file, bytes);
        let merchant = doc.root().and_then(<Self as FromYaml>::read);
        let problems = doc.problems();
        merchant.filter(|_| problems.is_empty()).ok_or(problems)
    }

    /// The JSON Schema of a merchant file (draft 2020-12).
    pub fn json_schema() -> Value {
        let mut definitions = Definitions::default();
        let root = Self::schema(&mut definitions);
        json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "payon-sim merchant",
            "$ref": root["$ref"],
            "$defs": definitions.into_value(),
        })
    }

    /// Returns true if one process of the shop serves all scenarios, so that they run one after the other.
    pub fn is_shared(&self) -> bool {
        self.start.as_ref().is_none_or(|start| start.process == Some(ProcessMode::Shared))
    }

    /// The port at which the gateway has to be; `None` where any will do.
    pub fn gateway_port(&self) -> Option<u16> {
        self.url.as_ref().map(|_| self.gateway_port.unwrap_or(GATEWAY_PORT))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHOP: &str = "version: 1\nname: shop\nstart: { command: [node, shop.mjs] }\n";
    const REGISTER: &str = "do: { register: { path: /orders, json: {}, order: /id } }\n";

    fn problems(text: &str) -> Vec<String> {
        match MerchantFile::read("merchant.yaml", text.as_bytes()) {
            Ok(_) => Vec::new(),
            Err(problems) => problems.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn a_short_file_is_enough() {
        let text = format!("{SHOP}{REGISTER}");
        let file = MerchantFile::read("merchant.yaml", text.as_bytes()).expect("a merchant file");
        assert_eq!((file.time.scale, file.is_shared(), file.gateway_port()), (1, false, None));
    }

    #[test]
    fn a_variable_may_be_empty_where_that_is_said() {
        let start = |env: &str| {
            let start = format!("start: {{ command: [x], env: {{ {env} }} }}\n");
            format!("version: 1\nname: shop\n{start}{REGISTER}")
        };
        let text = start("DEBUG: \"\", PORT: \"${port}\"");
        let file = MerchantFile::read("merchant.yaml", text.as_bytes()).expect("a merchant file");
        let env = &file.start.as_ref().expect("a start").env;
        let filled = env.fill(&TemplateValues::default());
        assert_eq!(filled, [("DEBUG".to_owned(), String::new())]);
        let told = problems(&start("DEBUG: ")).join("\n");
        assert!(told.contains("an empty text is written \"\""), "{told}");
    }

    #[test]
    fn all_mistakes_are_told_with_their_places() {
        let text = "version: 1\nname: shop\nstart:\n  command: node\n  env: { PORT: \"${prot}\" }\nurl: http://a/b\n\
            do:\n  register: { path: /orders, json: { a: \"${amont}\" } }\n  refnd: { path: /x }\n\
            ask: { order: { path: \"/o/${amount}\" }, state: state }\ntime: { scale: 0 }\nwithout: [pols]\n";
        let told = problems(text).join("\n");
        for part in [
            "merchant.yaml:5:16: `prot` is not a value",
            "did you mean `port`?",
            "merchant.yaml:6:6: must be the address of a shop",
            "merchant.yaml:8:41: `amont` is not a value",
            "merchant.yaml:9:3: `refnd` is not a key here",
            "a JSON pointer begins with `/`",
            "perhaps `/state`",
            "`scale` is a whole number",
            "did you mean `polls`?",
        ] {
            assert!(told.contains(part), "{part:?} is not in\n{told}");
        }
    }

    #[test]
    fn parts_that_do_not_go_together_are_told() {
        for (rest, part) in [
            ("url: http://127.0.0.1:1\n", "either started (`start`) or running (`url`)"),
            ("gatewayPort: 1\n", "`gatewayPort` goes with `url`"),
            ("ask: { order: { path: orders }, shipped: /s }\n", "a path begins with `/`"),
            ("ask: { order: { path: \"http://evil/o\" }, shipped: /s }\n", "not a whole address"),
            ("ask: { order: { path: /x }, state: /s }\n", "`state` and `words` go together"),
            ("ask: { order: { path: \"/${amount}\" } }\n", "`${amount}` has no value here"),
            (
                "ask: { order: { path: /x }, state: /s, words: { paid: [A], unpaid: [A] } }\n",
                "`A` cannot mean two things",
            ),
            ("time: { quiet: 99ms }\n", "`quiet` is at least 100ms"),
            ("time: { quiet: 2s, patience: 1s }\n", "`patience` must be at least `quiet`"),
        ] {
            let told = problems(&format!("{SHOP}{REGISTER}{rest}")).join("\n");
            assert!(told.contains(part), "{part:?} is not in\n{told}");
        }
        let told = problems(&format!("{SHOP}do: {{ register: {{ json: {{}}, command: x }} }}\n"));
        assert!(told.join("\n").contains("a command has no `method`"), "{told:?}");
        let told = problems("version: 1\nname: shop\ndo: {}\n").join("\n");
        assert!(
            told.contains("`start` or `url` is missing") && told.contains("`register` is missing")
        );
    }
}
