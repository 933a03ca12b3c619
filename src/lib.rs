//! payon-sim: the PAYON payment gateway on the machine of a merchant's developers.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use payon_sim::{OrderRequest, Simulator};
//!
//! let simulator = Simulator::builder().seed(42).start().await?;
//! let space = simulator.space("shop").await?;
//! assert!(space.register(OrderRequest::purchase("A-1", "10.00")).await?.is_success());
//! // Point the merchant at `space.url()`; the simulator stops when it is dropped.
//! # Ok(()) }
//! ```
//!
//! This page is the map. The README says what the program does; `fixtures/pgtest` says, with its
//! provenance, how PAYON behaves; this page says how the code is built.
//!
//! # The idea
//!
//! One request becomes one decision. The gateway looks at the request and at the state of one
//! [`space`], under its lock and by its clock, and comes to a value: the reply, what is booked,
//! which push-backs follow. Only then does anything touch a socket.
//!
//! # Layers
//!
//! An arrow points down only; `tests/it/tidy.rs` reads the sources and holds us to it.
//!
//! | module | what lives there | never |
//! | --- | --- | --- |
//! | [`cli`] | the command line, one file a verb | decides |
//! | [`audit`] | every scenario and attack probe against a shop: findings, grades, reports | decides |
//! | [`explore`] | every order of a flow's events against a shop, and the least that breaks it | decides |
//! | [`scenario_runs`] | runs scenarios, each in a server and a space of its own, and reports the results | decides |
//! | [`shadow`] | passes a merchant's calls on to PAYON's own gateway, compares its answers with the simulator's, reports and proposes changes of the profile | changes what passes |
//! | [`merchant_under_test`] | a shop of the user's: started, called, asked and restarted as its merchant file says | decides |
//! | [`reference_merchant`] | the built-in merchant, right or with a named bug; it knows the gateway only over HTTP | looks into a space |
//! | [`simulator`] | the door: a simulator in this process; the one place that puts server, control plane, pages and scheduler together | decides |
//! | [`state_store`] | keeps spaces in a directory, written record by record, and reads them again | decides |
//! | [`server`] | accepts connections, plain and with TLS, reads requests within limits, carries decisions out | decides |
//! | [`checkout`] | the payer's pages, the pretend issuer and the pretend app | decides |
//! | [`api`] | everything of ours under `/_sim/` | bypasses a space |
//! | [`delivery`] | wakes spaces at their time and sends what is due | decides |
//! | [`gateway`] | the use cases: request and space become a decision | touches a socket |
//! | [`space`] | one isolated world: ledger, clock, seed, merchants, journal, outbox, event log, snapshots; the registry, and the counters of the whole server | knows HTTP |
//! | [`ledger`] | orders and their money: commands in, events out | time, randomness, IO |
//! | [`scenario`] | the scenario file, its checker, rule matching, plans, verdicts | IO |
//! | [`wire`] | PAYON's JSON, one file an operation, exact both ways | knows state |
//! | [`profile`] | what `fixtures/` say: merchants, cards, reasons, rules, words, each with its mark | touches a socket |
//! | [`crypto`] | keys in every format, sign recipes and their inference, the explainer, block encryption | knows orders |
//! | [`capture`] | recorded requests and answers: a body, curl command lines, a HAR file, a dump of mitmproxy, a capture of the shadow | IO |
//! | [`khqr`] | the KHQR payload: build, read, judge, draw | knows orders |
//! | [`http`] | pieces of HTTP that several share: limits, bodies, the headers of a call, host, headers of a trace, the client that calls as a merchant, where a host is found | knows a space |
//! | [`base`] | the shared words: money, time, reasons, operations, seeds, JSON members; collections whose clones share | knows anything else |
//!
//! # Invariants
//!
//! - **Money is exact.** Whole minor units beside a currency; no float anywhere. After every event
//!   the rules of [`ledger::Order::broken_invariant`] hold, in debug builds checked on the spot.
//! - **Decide, then apply.** [`ledger::Ledger::decide`] changes nothing, [`ledger::Ledger::apply`]
//!   cannot fail; what stands between them is the commit point.
//! - **One critical section a request.** [`space::Space::write`] holds the lock of the space's state, is short and
//!   awaits nothing. Parsing, RSA and writing JSON happen outside it. No lock spans spaces.
//! - **Two locks a space.** One for its state: ledger, clock, seed, merchants, rules, everything that a request is decided
//!   by. One, the inner, for its log: journal, events and inbox. A refund takes the first twice, when it arrives and when it is
//!   decided, and the second for each event and for its journal entry. Beside them a space has two bells, `changed` and
//!   `clock_moved`, and the gate (`space/gate.rs`): five means of synchronisation in all, held by `tests/it/tidy.rs`.
//! - **A generation at a time.** A reset or a restore puts all contents of a space in place in one section and begins a new
//!   generation. What was found out in an earlier one books nothing, and is noted in no later journal.
//! - **One clock a space.** Only [`base::wall_clock`] reads the machine's; everything else asks the
//!   space, so expiry, retries and settlement can be made to happen.
//! - **Chance has a name.** Whatever looks random is [`base::Seed::derive`]d from the seed and the
//!   order, never from arrival order.
//! - **Links say their space**: [`gateway::place_of`] stands in all that leave the server, and pages refer to each other
//!   relative to where they are. What a trusted proxy says of its callers is taken in once, by [`http::Front`].
//! - **Everything is bounded**: bodies, members, journals, orders, deliveries, spaces, snapshots.
//! - **A snapshot costs nothing**: what a space goes on from is kept in [`base::persistent`], whose clones share their parts.
//! - **Secrets are masked where they are noted**, not where they are shown.
//!
//! # Beside the way of a request
//!
//! - **Waiting** is for the space's clock: a late reply, or the next piece of a slow one, is a [`space::ClockTimer`].
//! - **Every event** leaves a reference in the event log of its space (`space/events.rs`). A follower takes
//!   [`space::EventPage`] from there at a pace of its own (`api/events.rs`); nothing is kept for it.
//! - **Counters**: [`space::Meter`], for all spaces and since the start, is what the metrics show.
//!   [`scenario::Coverage`] holds the failures that were met, of all that can happen.
//! - **State that survives** (`--state`): whoever locks a space notes it as changed; in the rounds of [`space::WriteRounds`]
//!   [`state_store`] writes the records that differ (`space/records.rs`), and where a change must be written first, its answer
//!   waits for the round in `server/router.rs`, `api/answer.rs` and `delivery/scheduler.rs`.
//! - **Moves to another server**: whoever changes a space for somebody outside holds a [`space::Pass`]; a [`space::Handover`]
//!   waits until there is none and writes the space as one document, `api/handover.rs` sends and takes it. Afterwards the space
//!   stays here as an empty one whose gate tells everybody its [`space::NewPlace`].
//! - **Snapshots**: a [`space::Snapshot`] is all that decides how a space goes on; `space/export.rs` writes it as a
//!   file and reads it again.
//! - **Sources of rules**: a call, or [`api::Sources`], the scenario files that a server follows.
//!
//! # Where to begin
//!
//! A request's way: `server::router` → [`gateway::answer`] → `gateway::context` (who is talking,
//! and whether a rule of a scenario steps in) → the operation's own file → [`space::Space::write`] → [`wire::encode`]. A push-back's way:
//! [`space::Transaction::book`] → [`space::Outbox`] → [`delivery::Scheduler`] → [`delivery::Sender`].
//!
//! # The journey of a refund
//!
//! From the socket to the reply and the ledger a refund passes these types. Parts of them, such as the `Change` of an event
//! or the `AmountText` of a request, have no line of their own; a rule that steps in adds a [`space::Ruling`] and a
//! [`space::PendingReply`]. Headers are read once into [`http::CallHeaders`], of which the call borrows what it needs.
//!
//! | type | file | what it is |
//! | --- | --- | --- |
//! | `hyper::Request` | `src/server/router.rs` | head and body as they come |
//! | `bytes::Bytes` | `src/http/body.rs` | the body, read within limits |
//! | [`gateway::Call`] | `src/gateway/call.rs` | the request as the gateway takes it |
//! | [`base::Fields`] | `src/base/fields.rs` | the members of the body, each value as written |
//! | [`space::Arrival`] | `src/space/space.rs` | its name, merchant, seed and generation in the space |
//! | `RequestContext` | `src/gateway/context.rs` | all that is known of it, and what was found out so far |
//! | [`wire::refund::RefundRequest`] | `src/wire/refund.rs` | what it asks for, checked |
//! | [`ledger::Command`] | `src/ledger/command.rs` | what the ledger shall do |
//! | [`ledger::LedgerEvent`] | `src/ledger/command.rs` | what the ledger decided |
//! | [`ledger::Order`] | `src/ledger/order.rs` | the order, as it then is |
//! | [`wire::payment::PaymentReply`] | `src/wire/payment.rs` | the answer, before it is written |
//! | [`space::JournalEntry`] | `src/space/journal.rs` | what is noted of request and answer |
//! | [`gateway::GatewayReply`] | `src/gateway/call.rs` | the answer as the server gets it |
//! | `hyper::Response` | `src/server/router.rs` | the answer on its way out |
//!
//! # Where to change what
//!
//! | wanted | files |
//! | --- | --- |
//! | a new decline reason | `src/base/reason.rs` names it, `fixtures/pgtest/reasons.toml` gives its code and words |
//! | a new transport fault | `src/scenario/model/effect.rs` names it, `src/server/fault.rs` carries it out |
//! | a new operation | `src/base/operation.rs`, `fixtures/pgtest/operations.toml`, a file in `src/wire`, its use case in `src/gateway/answer.rs` |
//! | another retry schedule | `fixtures/pgtest/profile.toml`, read by `src/profile/settings.rs` |
//! | a new quick fault | `src/scenario/fault.rs`, for the command line, the control plane and the dashboard alike |
//! | a setting of `serve` | `src/cli/settings.rs` names it, `src/cli/serve.rs` hands it to [`simulator`] |
//! | another thing that survives with `--state` | a kind in `src/base/records.rs`, written and read in `src/space/records.rs` |
//! | a dashboard column | `src/api/dashboard/assets/orders.js`; its value comes from `src/api/views.rs` |
//! | a new attack probe | a file in `probes` |
//! | a new rule of good practice, another grade | `fixtures/audit/audit.toml`, read by `src/audit/practice.rs` |
//! | a new expectation | `src/scenario/model/expectation.rs` names it, `src/scenario/judge/mod.rs` judges it |
//! | a new sign algorithm | `src/crypto/algorithm.rs` names it, `src/crypto/sign.rs` carries it out |

pub mod api;
pub mod audit;
pub mod base;
pub mod capture;
pub mod checkout;
pub mod cli;
pub mod crypto;
pub mod delivery;
pub mod explore;
pub mod gateway;
pub mod http;
pub mod khqr;
pub mod ledger;
pub mod merchant_under_test;
pub mod profile;
pub mod reference_merchant;
pub mod scenario;
pub mod scenario_runs;
pub mod server;
pub mod shadow;
pub mod simulator;
pub mod space;
pub mod state_store;
pub mod wire;

pub use base::{Currency, Operation, OrderState, PaymentMethod, Reason};
pub use gateway::{PayRequest, TriggerEvent};
pub use http::TrustedProxy;
pub use server::{TlsError, TlsIdentity};
pub use simulator::{
    CallError, MerchantReply, OrderRequest, PortError, Simulator, SimulatorBuilder, SpaceHandle,
    StartError,
};
