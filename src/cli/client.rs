//! Talks to the control plane of a gateway that runs elsewhere.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use bytes::Bytes;
use clap::Args;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::base_url::BaseUrl;
use super::exit;
use super::settings::check_token;
use super::visible::visible;
use crate::api::DocumentedCall;
use crate::base::read_file;
use crate::http::{
    CONTROL_PORT_HEADER, Names, PROGRAM_HEADER, connector, tls_advice, trusting, trusting_nobody,
};
use crate::server::NO_TLS;
use crate::space::DEFAULT_SPACE;

/// Longest time for an answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// The largest answer that is read, in bytes.
const ANSWER_MAX: usize = 64 << 20;

/// Certificate authority of a gateway that is called with https.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct TrustArgs {
    /// PEM file of the CA of a gateway at https, such as `payon-sim tls ca` prints; else those that the system trusts
    #[arg(long, env = "PAYON_SIM_CA_FILE", value_name = "FILE")]
    ca_file: Option<PathBuf>,
}

impl TrustArgs {
    /// The text of the file, where one is given.
    pub(super) fn ca(&self) -> anyhow::Result<Option<Vec<u8>>> {
        let read = |file: &PathBuf| {
            read_file(file).with_context(|| format!("--ca-file: cannot read {}", file.display()))
        };
        self.ca_file.as_ref().map(read).transpose()
    }

    /// Opens connections to an address.
    fn connector(&self, url: &str) -> anyhow::Result<HttpsConnector<HttpConnector<Names>>> {
        let trusted = if url.starts_with("https://") {
            trusting(self.ca()?.as_deref()).map_err(|error| {
                let file = self.ca_file.as_deref().unwrap_or(Path::new("")).display();
                anyhow!("--ca-file: {file} {error}")
            })?
        } else {
            trusting_nobody()
        };
        let builder = HttpsConnectorBuilder::new().with_tls_config(trusted);
        Ok(builder.https_or_http().enable_http1().wrap_connector(connector()))
    }
}

/// Gateway and space to talk to.
#[derive(Args, Clone, Debug)]
pub(super) struct GatewayArgs {
    /// Address of the running gateway: its base URL or its control URL, also that of a space. PAYON_SIM_CONTROL_URL counts
    /// before PAYON_SIM_URL
    #[arg(
        long,
        alias = "base-url",
        env = address_variable(),
        default_value = "http://127.0.0.1:36605"
    )]
    url: BaseUrl,
    /// A space other than the default one
    #[arg(long, value_name = "NAME")]
    space: Option<String>,
    /// The token of the control plane, where it asks for one
    #[arg(long, env = "PAYON_SIM_CONTROL_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    token: Option<String>,
    #[command(flatten)]
    trust: TrustArgs,
    /// Longest time for an answer.
    #[arg(skip = PATIENCE)]
    patience: Duration,
}

/// The variable that says where the gateway is. The control plane counts first: a scenario may break the merchants'
/// port, and the control plane of `payon-sim run` has one of its own.
pub(super) fn address_variable() -> &'static str {
    let control = "PAYON_SIM_CONTROL_URL";
    if is_set(control) { control } else { "PAYON_SIM_URL" }
}

/// Returns true if a variable of the environment has a value.
pub(super) fn is_set(variable: &str) -> bool {
    std::env::var_os(variable).is_some_and(|value| !value.is_empty())
}

/// Source of the token, for messages.
fn token_source() -> &'static str {
    let is_given =
        std::env::args_os().any(|argument| argument.to_string_lossy().starts_with("--token"));
    if is_given { "--token" } else { "the environment variable PAYON_SIM_CONTROL_TOKEN" }
}

impl GatewayArgs {
    /// Address of the control plane.
    pub(super) fn url(&self) -> &str {
        self.url.as_str()
    }

    /// A gateway that was not given by these options.
    pub(super) const fn new(
        url: BaseUrl,
        space: Option<String>,
        token: Option<String>,
        trust: TrustArgs,
    ) -> Self {
        Self { url, space, token, trust, patience: PATIENCE }
    }

    /// The authority that is trusted in place of the system's.
    pub(super) const fn trust(&self) -> &TrustArgs {
        &self.trust
    }

    /// Words for the gateway and its space.
    pub(super) fn place(&self) -> String {
        match &self.space {
            Some(space) => format!("{} (space {space})", self.url),
            None => self.url.to_string(),
        }
    }

    /// Name of the space that is talked to.
    pub(super) fn space_name(&self) -> &str {
        let of_url = self.url.split_space().map(|(_, space)| space);
        self.space.as_deref().or(of_url).unwrap_or(DEFAULT_SPACE)
    }

    /// The space that --space names.
    pub(super) fn space_option(&self) -> Option<&str> {
        self.space.as_deref()
    }

    /// The token of the control plane.
    pub(super) fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// The same with another space.
    pub(super) fn in_space(&self, space: &str) -> Self {
        Self { space: Some(space.to_owned()), ..self.clone() }
    }

    /// The same for calls whose answer may take so long.
    pub(super) fn patient(&self, patience: Duration) -> Self {
        Self { patience, ..self.clone() }
    }

    /// The same elsewhere.
    pub(super) fn at(self, url: BaseUrl) -> Self {
        Self { url, ..self }
    }

    /// The same for what is the server's and no space's.
    pub(super) fn without_space(&self) -> Self {
        let url = self.url.split_space().map_or_else(|| self.url.clone(), |(root, _)| root);
        Self { url, space: None, ..self.clone() }
    }

    /// Up to where paths of the control plane begin: the space that --space names, else the one of the URL.
    pub(super) fn base(&self) -> String {
        // The start message and browsers show the control plane's address with its path.
        let url = self.url.without_end("/_sim");
        let (root, of_url) = match url.split_space() {
            Some((root, space)) => (root, format!("/space/{space}")),
            None => (url, String::new()),
        };
        let named = self.space.as_deref().map(|name| format!("/space/{}", segment(name)));
        format!("{root}{}", named.unwrap_or(of_url))
    }

    /// Returns true if a token was given.
    pub(super) const fn has_token(&self) -> bool {
        self.token.is_some()
    }

    /// Reads something of the control plane; where that is refused, what was said about it is printed and the exit code
    /// comes back.
    pub(super) fn get<T: DeserializeOwned>(
        &self,
        path: &str,
    ) -> anyhow::Result<Result<T, ExitCode>> {
        self.call(Method::GET, path, String::new())
    }

    /// The same for any call. An answer without a body is read as `{}`.
    pub(super) fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: String,
    ) -> anyhow::Result<Result<T, ExitCode>> {
        let answer = match self.ask(method, path, body)? {
            Ok(answer) if answer.is_empty() => Bytes::from_static(b"{}"),
            Ok(answer) => answer,
            Err(refused) => return Ok(Err(refused)),
        };
        self.parse(&answer, |answer| serde_json::from_slice(answer)).map(Ok)
    }

    /// The same as it was sent.
    pub(super) fn get_bytes(&self, path: &str) -> anyhow::Result<Result<Bytes, ExitCode>> {
        self.ask(Method::GET, path, String::new())
    }

    /// Reads an answer that may not be one of ours.
    pub(super) fn parse<'a, T>(
        &self,
        answer: &'a [u8],
        parse: impl FnOnce(&'a [u8]) -> serde_json::Result<T>,
    ) -> anyhow::Result<T> {
        parse(answer).with_context(|| {
            format!("{} answers otherwise than expected; is it of this version?", self.url)
        })
    }

    /// The body of a good answer.
    fn ask(
        &self,
        method: Method,
        path: &str,
        body: String,
    ) -> anyhow::Result<Result<Bytes, ExitCode>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let answer = runtime.block_on(self.fetch(method, path, body))?;
        if answer.status().is_success() {
            return Ok(Ok(answer.into_body()));
        }
        RefusedCall::read(&answer).end().map(Err)
    }

    /// Makes a call and reads its answer, good or bad.
    pub(super) async fn fetch(
        &self,
        method: Method,
        path: &str,
        body: String,
    ) -> anyhow::Result<Response<Bytes>> {
        let call = DocumentedCall::at(&method, path);
        let response = self.send(method, path, &[], body).await?;
        let answer = self.in_time(read(response)).await?;
        let misfit = call.filter(|_| answer.status().is_success());
        match misfit.and_then(|call| call.misfit_of_body(answer.body())) {
            Some(misfit) => Err(UnexpectedAnswer::new(&self.base(), &answer, misfit).into()),
            None => Ok(answer),
        }
    }

    /// Opens what is read as it comes, such as the stream of events.
    pub(super) async fn open(
        &self,
        path: &str,
        headers: &[(&str, String)],
    ) -> anyhow::Result<Result<Incoming, RefusedCall>> {
        let response = self.send(Method::GET, path, headers, String::new()).await?;
        if response.status().is_success() {
            return Ok(Ok(response.into_body()));
        }
        let answer = self.in_time(read(response)).await?;
        Ok(Err(RefusedCall::read(&answer)))
    }

    /// Makes a call, up to the head of its answer.
    async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, String)],
        body: String,
    ) -> anyhow::Result<Response<Incoming>> {
        let (base, call) = (self.base(), DocumentedCall::at(&method, path));
        let answer = self.send_to(&base, method.clone(), path, headers, body.clone()).await?;
        let (base, answer) = match control_port(&answer).and_then(|port| with_port(&base, port)) {
            Some(base) => {
                let answer = self.send_to(&base, method, path, headers, body).await?;
                (base, answer)
            }
            None => (base, answer),
        };
        // Any server can answer with 200 and JSON, and a verb would take it for what it asked for.
        let status = answer.status();
        if !answer.headers().contains_key(&PROGRAM_HEADER) {
            return Err(NotASimulator { base, status }.into());
        }
        let media = answer.headers().get(CONTENT_TYPE).and_then(|media| media.to_str().ok());
        let call = call.filter(|_| status.is_success());
        match call.and_then(|call| call.misfit_of_head(status.as_u16(), media)) {
            Some(misfit) => Err(UnexpectedAnswer::new(&base, &answer, misfit).into()),
            None => Ok(answer),
        }
    }

    async fn send_to(
        &self,
        base: &str,
        method: Method,
        path: &str,
        headers: &[(&str, String)],
        body: String,
    ) -> anyhow::Result<Response<Incoming>> {
        let mut request = Request::builder().method(method).uri(format!("{base}{path}"));
        request = request.header(CONTENT_TYPE, "application/json");
        if let Some(token) = &self.token {
            check_token(token)
                .map_err(|problem| anyhow::anyhow!("{}: {problem}", token_source()))?;
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let request = request.body(Full::new(Bytes::from(body)))?;
        let client = Client::builder(TokioExecutor::new()).build(self.trust.connector(base)?);
        let answer = async {
            let answer = client.request(request).await;
            answer.map_err(|error| match tls_advice(&error) {
                Some(advice) => anyhow!(advice),
                None => error.into(),
            })
        };
        self.in_time(answer).await
    }

    /// Awaits `talk`, but not for ever.
    async fn in_time<T>(&self, talk: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
        let ended = tokio::time::timeout(self.patience, talk).await;
        ended
            .unwrap_or_else(|_| bail!("no answer within {} s", self.patience.as_secs()))
            .with_context(|| {
                format!(
                    "cannot talk to {}; does `payon-sim serve` run there, or is it another --url?",
                    self.url
                )
            })
    }
}

/// An answer that no control plane gave.
#[derive(Debug, thiserror::Error)]
#[error(
    "{base} answers {status}, but not as the control plane of a payon-sim, whose answers carry {}: nothing is known to be \
     done; give the address that `payon-sim serve` prints as gateway URL, by --url or PAYON_SIM_URL",
    PROGRAM_HEADER.as_str()
)]
pub(super) struct NotASimulator {
    /// The address that was called.
    base: String,
    pub(super) status: StatusCode,
}

/// An answer of a payon-sim that is not the one that its call has, so that nothing can be told of it.
#[derive(Debug, thiserror::Error)]
#[error(
    "{base} answers, but not as the call is documented: {misfit}{version}. Nothing is known to be done; give the address \
     that `payon-sim serve` prints as gateway URL, by --url or PAYON_SIM_URL"
)]
struct UnexpectedAnswer {
    /// The address that was called.
    base: String,
    /// The first part of it that is missing or otherwise.
    misfit: String,
    /// Words for the version that answered, where that is another.
    version: String,
}

impl UnexpectedAnswer {
    fn new<B>(base: &str, answer: &Response<B>, misfit: String) -> Self {
        let ours = env!("CARGO_PKG_VERSION");
        let theirs = answer.headers().get(&PROGRAM_HEADER).map(HeaderValue::as_bytes);
        let theirs = String::from_utf8_lossy(theirs.unwrap_or_default());
        let version = match &*theirs {
            same if same == ours => String::new(),
            other => format!("; it is payon-sim {}, and this is {ours}", visible(other)),
        };
        Self { base: base.to_owned(), misfit, version }
    }
}

/// A call that was answered, yet not with what it asked for.
pub(super) struct RefusedCall {
    pub(super) status: StatusCode,
    /// Explanation that came with it.
    pub(super) detail: String,
}

impl RefusedCall {
    /// Reads the explanation of a bad answer.
    pub(super) fn read(answer: &Response<Bytes>) -> Self {
        let status = answer.status();
        let parsed = serde_json::from_slice::<Value>(answer.body()).ok();
        let said = |name| Some(parsed.as_ref()?.get(name)?.as_str()?.to_owned());
        let explained = said("detail").map(|detail| in_words_of_commands(&detail, said("member")));
        let detail = explained.or_else(|| said("title")).unwrap_or_else(|| {
            if *answer.body() == NO_TLS {
                return "that is the port with TLS: write https:// in --url, and give its CA with --ca-file".to_owned();
            }
            format!("the answer is {status}; is that a payon-sim, and of this version?")
        });
        Self { status, detail }
    }

    /// Says so: a call that may not be made at all is a mistake of its caller.
    pub(super) fn end(self) -> anyhow::Result<ExitCode> {
        match self.status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => bail!(self.detail),
            StatusCode::REQUEST_TIMEOUT => exit::say(&format_args!("not in time: {}", self.detail)),
            _ => exit::say(&format_args!("refused: {}", self.detail)),
        }
        Ok(exit::failed())
    }
}

/// Calls and members of the control plane with what stands for them on the command line; longer ones first.
const COMMANDS: [(&str, &str); 17] = [
    (
        "POST /_sim/v1/spaces makes one, GET lists them",
        "`space create` makes one, `space list` lists them",
    ),
    ("POST /_sim/v1/spaces", "`space create`"),
    ("GET /_sim/v1/spaces", "`space list`"),
    ("POST /_sim/v1/reset", "`reset`"),
    ("POST /_sim/v1/clock", "`clock`"),
    ("PATCH /_sim/v1/merchants/", "`merchants set` "),
    ("GET /_sim/v1/merchants", "`merchants list`"),
    ("GET /_sim/v1/snapshots/{name}", "`snapshot export`"),
    ("GET /_sim/v1/snapshots", "`snapshot list`"),
    ("GET /_sim/v1/rules", "`rules list`"),
    ("GET /_sim/v1/scenarios", "`scenario list`"),
    ("GET /_sim/v1/faults", "`fault list`"),
    ("GET /_sim/v1/journal and /_sim/v1/pushbacks", "`tail` and `pushbacks`"),
    ("GET /_sim/v1/pushbacks", "`pushbacks`"),
    ("ifExists: ", "--if-exists "),
    ("timeoutMs", "--timeout"),
    ("goes with for=", "goes with wait "),
];

/// An explanation of the control plane as somebody at the command line understands it: with the member that it is about,
/// and with commands and options in the place of calls and members.
fn in_words_of_commands(detail: &str, member: Option<String>) -> String {
    let mut words = detail.split(|letter: char| !letter.is_alphanumeric());
    let about = member.filter(|member| !words.any(|word| word == member));
    let detail = about.map_or_else(|| detail.to_owned(), |member| format!("{member}: {detail}"));
    COMMANDS.iter().fold(detail, |detail, (call, command)| detail.replace(call, command))
}

/// The port of the control plane, as the merchants' port tells it where the two are apart.
fn control_port(answer: &Response<Incoming>) -> Option<u16> {
    let told = answer.headers().get(&CONTROL_PORT_HEADER)?;
    (answer.status() == StatusCode::NOT_FOUND).then(|| told.to_str().ok()?.parse().ok()).flatten()
}

/// The same URL at another port of the same host.
fn with_port(base: &str, port: u16) -> Option<String> {
    let uri: Uri = base.parse().ok()?;
    let path = uri.path().trim_end_matches('/');
    Some(format!("http://{}:{port}{path}", uri.host()?))
}

async fn read(response: Response<Incoming>) -> anyhow::Result<Response<Bytes>> {
    let (head, body) = response.into_parts();
    let body = Limited::new(body, ANSWER_MAX).collect().await;
    let body = body.map_err(|error| anyhow::anyhow!("{error}"))?;
    Ok(Response::from_parts(head, body.to_bytes()))
}

/// The path with a query of these members, as far as they are given.
pub(super) fn with_query(path: &str, members: &[(&str, Option<&str>)]) -> String {
    let given = members.iter().filter_map(|(name, value)| Some((name, segment((*value)?))));
    let query: Vec<String> = given.map(|(name, value)| format!("{name}={value}")).collect();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{}", query.join("&")) }
}

/// `text` as one segment of a path.
pub(super) fn segment(text: &str) -> String {
    let mut segment = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            segment.push(char::from(byte));
        } else {
            // Writing into a String cannot fail.
            let _ = write!(segment, "%{byte:02X}");
        }
    }
    segment
}

#[cfg(test)]
mod tests {
    use super::{segment, with_port, with_query};

    #[test]
    fn the_control_plane_is_looked_for_on_the_same_host() {
        let moved = |base: &str| with_port(base, 7);
        assert_eq!(moved("http://h:1/space/a").as_deref(), Some("http://h:7/space/a"));
        assert_eq!(moved("http://[::1]:1").as_deref(), Some("http://[::1]:7"));
    }

    #[test]
    fn a_query_holds_what_is_given() {
        assert_eq!(with_query("/p", &[("a", None)]), "/p");
        assert_eq!(
            with_query("/p", &[("a", Some("1 2")), ("b", None), ("c", Some("&"))]),
            "/p?a=1%202&c=%26"
        );
    }

    #[test]
    fn a_segment_holds_any_name() {
        assert_eq!(segment("C0000143-a_b.c~"), "C0000143-a_b.c~");
        assert_eq!(segment("a/b?c#d %ខ"), "a%2Fb%3Fc%23d%20%25%E1%9E%81");
    }
}
