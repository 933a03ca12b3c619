//! Plays a history against the simulator, over its real HTTP, and holds everything that it shows beside the model.
//!
//! Time is virtual: every clock stands still and moves only by calls of the control plane, so a history of weeks takes
//! moments, and each push-back has its millisecond.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use payon_sim::Simulator;
use payon_sim::crypto::{PrivateKey, PublicKey, SignKey};
use payon_sim::profile::{Profile, PushbackEvent, UnsettledRefund};
use payon_sim::space::Durability;
use payon_sim::state_store::StateSettings;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::comparison::{Shown, check_journal, check_reply, difference};
use super::finding::{Finding, Found, Kind, broken};
use super::history::{
    Action, BoxAnswer, Call, Effect, Gate, History, Rule, Setup, Step, UnsettledRule,
};
use super::model::{Contents, DAWN, Merchant, SavedKey, World, box_name, is_ordered};
use super::race::Race;
use super::receivers::ReceiverServer;
use super::request::{self, Known, Request, Visit};
use super::transcript::Transcript;
use super::web::{Reply, Web};

/// The longest real time that a step may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Address under which payers reach the gateway.
const PUBLIC_URL: &str = "http://gateway.test";

/// What goes out for a call.
enum Errand {
    Call(Request),
    Visit(Visit),
}

impl Errand {
    async fn run(self, web: &Web) -> Reply {
        match self {
            Self::Call(request) => web.send(request).await,
            Self::Visit(visit) => web.visit(visit).await,
        }
    }
}

/// How often things happened.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Figures {
    pub(crate) histories: usize,
    pub(crate) steps: usize,
    pub(crate) calls: usize,
    pub(crate) races: usize,
    pub(crate) attempts: usize,
    pub(crate) restarts: usize,
    pub(crate) merchants: usize,
    /// Milliseconds that the clocks went on.
    pub(crate) virtual_ms: i64,
}

impl std::ops::AddAssign for Figures {
    fn add_assign(&mut self, other: Self) {
        self.histories += other.histories;
        self.steps += other.steps;
        self.calls += other.calls;
        self.races += other.races;
        self.attempts += other.attempts;
        self.restarts += other.restarts;
        self.merchants += other.merchants;
        self.virtual_ms += other.virtual_ms;
    }
}

/// What a history was played for.
pub(crate) struct Played {
    pub(crate) figures: Figures,
    pub(crate) transcript: Transcript,
}

/// Plays a history to its end, or to the first finding. A change of the profile that the model does not know makes a gateway
/// with a fault. Only a run that is `recorded` has a transcript.
pub(crate) async fn play(
    history: &History,
    fault: impl Fn(&mut Profile),
    recorded: bool,
) -> Result<Played, Finding> {
    let profile = Arc::new(profile(history.setup, fault));
    let begun = Player::start(history.setup, profile, recorded).await;
    let mut player = begun.map_err(|(kind, detail)| Finding { kind, step: 0, detail })?;
    let all = history.steps.iter().map(Some).chain([None]);
    for (at, step) in all.enumerate() {
        let done = match step {
            Some(step) => tokio::time::timeout(PATIENCE, player.step(step)).await,
            None => tokio::time::timeout(PATIENCE, player.end()).await,
        };
        let late = || Err((Kind::Progress, format!("no end after {PATIENCE:?}")));
        done.unwrap_or_else(|_| late()).map_err(|(kind, detail)| Finding {
            kind,
            step: at,
            detail,
        })?;
    }
    let figures = player.figures;
    if let Some(simulator) = player.simulator.take() {
        simulator.stop().await;
    }
    Ok(Played { figures, transcript: player.transcript })
}

fn profile(setup: Setup, fault: impl Fn(&mut Profile)) -> Profile {
    let mut profile = Profile::clone(&Profile::builtin());
    profile.rules.refund_unsettled = match setup.unsettled {
        UnsettledRule::Allow => UnsettledRefund::Allow,
        UnsettledRule::Refuse => UnsettledRefund::Refuse,
        UnsettledRule::Reverse => UnsettledRefund::Reverse,
    };
    if setup.every_event {
        profile.pushback.events = PushbackEvent::ALL.to_vec();
    }
    // Attempts at one host wait for each other past a number that is not reached here.
    profile.pushback.in_flight_per_merchant = 1_000;
    fault(&mut profile);
    profile
}

struct Player {
    profile: Arc<Profile>,
    simulator: Option<Simulator>,
    /// The directory of the state, where there is one.
    directory: Option<TempDir>,
    web: Web,
    receivers: ReceiverServer,
    /// The gateway's key, for passcodes.
    gateway: PublicKey,
    /// The ids that the gateway gave to saved cards.
    saved: BTreeMap<SavedKey, String>,
    world: World,
    /// The summaries of all spaces after the last step.
    summaries: BTreeMap<String, String>,
    recorded: bool,
    transcript: Transcript,
    figures: Figures,
}

impl Player {
    async fn start(setup: Setup, profile: Arc<Profile>, recorded: bool) -> Found<Self> {
        let directory = if setup.state { Some(tempfile::tempdir().map_err(broken)?) } else { None };
        let simulator = start(setup, &profile, directory.as_ref()).await?;
        Ok(Self {
            gateway: profile.gateway_key.public_key().map_err(broken)?.clone(),
            saved: BTreeMap::new(),
            web: Web::new(simulator.url()),
            simulator: Some(simulator),
            profile,
            directory,
            receivers: ReceiverServer::start().await.map_err(broken)?,
            world: World::new(setup),
            summaries: BTreeMap::new(),
            recorded,
            transcript: Transcript::default(),
            figures: Figures { histories: 1, ..Figures::default() },
        })
    }

    /// Does a step, in the system and in the model, and compares.
    async fn step(&mut self, step: &Step) -> Found<()> {
        let before = self.now(step.space());
        let mut touched = self.act(step).await?;
        self.figures.steps += 1;
        let passed = self.now(step.space()).zip(before).map_or(0, |(now, then)| now - then);
        self.figures.virtual_ms += passed.max(0);
        touched.retain(|name| self.world.spaces.contains_key(name));
        for name in &touched {
            self.compare(name).await?;
        }
        self.check_others(&touched).await?;
        let (came, expected) = (self.receivers.arrivals(), &self.world.receivers.arrivals);
        if came != *expected {
            let told = format!("the receivers got {came:?}, the model sent {expected:?}");
            return Err((Kind::Pushbacks, told));
        }
        Ok(())
    }

    fn now(&self, space: Option<&str>) -> Option<i64> {
        Some(self.world.spaces.get(space?)?.contents.now)
    }

    /// Does a step. Returns the names of the spaces in which it does something.
    async fn act(&mut self, step: &Step) -> Found<Vec<String>> {
        let space = step.space().unwrap_or_default().to_owned();
        let is_there = self.world.spaces.contains_key(&space);
        let is_made = matches!(step, Step::Space { .. });
        if step.space().is_some() && !is_there && !is_made {
            return Ok(Vec::new());
        }
        let mut touched = vec![space.clone()];
        match step {
            Step::Space { seed, merchants, .. } => {
                let wish = json!({ "name": space, "seed": seed, "merchants": merchants });
                let made = self.control("POST", "", "spaces", &wish).await?;
                expect(&made, if is_there { 409 } else { 201 })?;
                if !is_there {
                    let merchants = merchants_of(&made.json())?;
                    self.figures.merchants += merchants.len();
                    self.world.make(&space, merchants);
                    self.stop_clock(&space).await?;
                }
            }
            Step::Call { call, .. } => self.call(&space, call).await?,
            Step::Race { calls, .. } => self.race(&space, calls).await?,
            Step::Receiver { receiver, answer } => self.receivers.answer(*receiver, *answer),
            Step::Box { name, answer, .. } => {
                let wish = match answer {
                    BoxAnswer::Close => json!({ "close": true }),
                    BoxAnswer::Status { status, delay_ms } => {
                        json!({ "status": status, "delayMs": delay_ms })
                    }
                };
                let path = format!("inbox/{}", box_name(*name));
                expect(&self.control("PUT", &space, &path, &wish).await?, 200)?;
            }
            Step::Arm { rules, .. } => {
                let contents = &self.world.spaces[&space].contents;
                let wish: Value = rules.iter().map(|rule| written(rule, contents)).collect();
                expect(&self.control("PUT", &space, "rules", &wish).await?, 200)?;
            }
            Step::Advance { ms, .. } => self.clock(&space, json!({ "advance": ms })).await?,
            Step::Idle { .. } => self.clock(&space, json!({ "runUntilIdle": true })).await?,
            Step::Jump { ms, .. } => {
                let to = self.world.spaces[&space].contents.now + ms;
                let to = payon_sim::base::Millis(to).rfc3339();
                self.clock(&space, json!({ "set": to })).await?;
            }
            Step::Resend { merchant, tx_id, nth, .. } => {
                self.resend(&space, *merchant, tx_id, *nth).await?;
            }
            Step::Save { name, .. } => {
                let is_taken = self.world.spaces[&space].snapshots.contains_key(name);
                let wish = json!({ "name": name });
                let saved = self.control("POST", &space, "snapshots", &wish).await?;
                expect(&saved, if is_taken { 409 } else { 201 })?;
            }
            Step::Restore { name, .. } => {
                let snapshot = self.world.snapshot(&space, name);
                let path = format!("snapshots/{name}/restore");
                let restored = self.control("POST", &space, &path, &json!({})).await?;
                expect(&restored, if snapshot.is_some() { 200 } else { 404 })?;
            }
            Step::Fork { name, new, .. } => {
                let snapshot = self.world.snapshot(&space, name);
                let is_taken = self.world.spaces.contains_key(new);
                let path = format!("snapshots/{name}/fork");
                let forked = self.control("POST", &space, &path, &json!({ "space": new })).await?;
                let status = match snapshot {
                    None => 404,
                    Some(_) if is_taken => 409,
                    Some(_) => 201,
                };
                expect(&forked, status)?;
                touched.push(new.clone());
            }
            Step::Carry { name, to, .. } => {
                let path = format!("snapshots/{name}");
                let file = self.control("GET", &space, &path, &Value::Null).await?;
                let is_there = self.world.snapshot(&space, name).is_some();
                expect(&file, if is_there { 200 } else { 404 })?;
                if is_there && self.world.spaces.contains_key(to) {
                    let read = self.web.control("PUT", to, &path, file.text).await;
                    self.record(&format!("PUT {to} {path}"), &read);
                    expect(&read, 200)?;
                    touched.push(to.clone());
                }
            }
            Step::Reset { .. } => {
                expect(&self.control("POST", &space, "reset", &json!({})).await?, 204)?;
                self.stop_clock(&space).await?;
            }
            Step::Remove { .. } => {
                let path = format!("spaces/{space}");
                expect(&self.control("DELETE", "", &path, &Value::Null).await?, 204)?;
                self.summaries.remove(&space);
            }
            Step::Restart { crash } => {
                if self.directory.is_some() {
                    self.restart(*crash).await?;
                    touched = self.world.spaces.keys().cloned().collect();
                }
            }
        }
        // Of what is made and called for, only the gateway's answer says all.
        if !matches!(step, Step::Space { .. } | Step::Call { .. } | Step::Race { .. }) {
            self.world.step(step);
        }
        for name in &touched {
            if self.world.spaces.contains_key(name) {
                // Comes back when all that is due has been done.
                self.clock(name, json!({ "advance": 0 })).await?;
            }
        }
        Ok(touched)
    }

    /// Stops the clock of a space that has just been made or reset.
    async fn stop_clock(&mut self, space: &str) -> Found<()> {
        let set = payon_sim::base::Millis(DAWN).rfc3339();
        self.clock(space, json!({ "freeze": true, "set": set })).await
    }

    async fn clock(&mut self, space: &str, change: Value) -> Found<()> {
        expect(&self.control("POST", space, "clock", &change).await?, 200)
    }

    /// One call. Where a rule holds its answer back, the clock is moved on until it comes.
    async fn call(&mut self, space: &str, call: &Call) -> Found<()> {
        let errand = self.prepare(space, call).await?;
        let before = self.world.spaces[space].journal;
        let outcome = self.world.change(space, |it, setup, _| it.call(call, setup));
        let outcome = outcome.ok_or_else(|| broken("no such space"))?;
        let noted = outcome.noted().count();
        let mut reply = tokio::spawn({
            let web = self.web.clone();
            async move { errand.run(&web).await }
        });
        if outcome.takes_ms > 0 {
            // It is in the journal once its answer waits for the clock.
            while self.journal(space, 1).await?.0 < before + noted {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            if tokio::time::timeout(Duration::from_millis(5), &mut reply).await.is_ok() {
                return Err((Kind::Answer, format!("{call:?} was answered before its time")));
            }
            self.clock(space, json!({ "advance": outcome.takes_ms })).await?;
            self.world.change(space, |it, setup, net| it.advance(outcome.takes_ms, setup, net));
        }
        let reply = reply.await.map_err(broken)?;
        // A page about a link has the link in it, and no two encryptions of an order are the same.
        let is_link = matches!(call.action, Action::Link { .. });
        let text = if is_link { String::new() } else { reply.text.clone() };
        self.record(&format!("{call:?}"), &Reply { text, ..reply });
        self.figures.calls += 1;
        self.clock(space, json!({ "advance": 0 })).await?;
        let entries = if noted > 0 { self.journal(space, noted).await?.1 } else { Vec::new() };
        if let Some(key) = &outcome.saved {
            let id = reply.json()["bindingId"].as_str().unwrap_or_default().to_owned();
            let known = self.saved.entry(key.clone()).or_insert_with(|| id.clone());
            if *known != id {
                let told = format!("the saved card {key:?} is {id} now, it was {known} before");
                return Err((Kind::Determinism, told));
            }
        }
        check_reply(&outcome, &reply)?;
        check_journal(&[&outcome], &entries)
    }

    /// Calls at the same time. One order of them must explain everything that came of them.
    async fn race(&mut self, space: &str, calls: &[Call]) -> Found<()> {
        if is_ordered(&self.world.spaces[space].contents.rules) {
            for call in calls {
                self.call(space, call).await?;
            }
            return Ok(());
        }
        let mut errands = Vec::new();
        for call in calls {
            errands.push(self.prepare(space, call).await?);
        }
        let sent = errands.into_iter().map(|errand| {
            let web = self.web.clone();
            tokio::spawn(async move { errand.run(&web).await })
        });
        let sent: Vec<_> = sent.collect();
        let mut replies = Vec::new();
        for reply in sent {
            replies.push(reply.await.map_err(broken)?);
        }
        self.clock(space, json!({ "advance": 0 })).await?;
        let entries = self.journal(space, calls.len()).await?.1;
        let (shown, _) = self.shown(space).await?;
        let race = Race { space, calls, replies: &replies, entries: &entries, shown: &shown };
        self.world = race.explanation(&self.world)?;
        self.figures.calls += calls.len();
        self.figures.races += 1;
        Ok(())
    }

    async fn prepare(&mut self, space: &str, call: &Call) -> Found<Errand> {
        let contents = self.world.spaces[space].contents.clone();
        let id = contents.merchant(call.merchant).id.clone();
        let mut approval = None;
        if request::needs_approval(call) && contents.order(&id, &call.tx_id).is_some() {
            let path = format!("orders/{id}/{}", call.tx_id);
            let order = self.control("GET", space, &path, &Value::Null).await?.json();
            approval = order["approvalNo"].as_str().map(str::to_owned);
        }
        let mut page = String::new();
        if let Action::Page(_) | Action::Wallet { .. } = call.action {
            let path = format!("orders/{id}/{}", call.tx_id);
            let order = self.control("GET", space, &path, &Value::Null).await?.json();
            let address = order["checkoutUrl"].as_str().unwrap_or_default();
            address.strip_prefix(PUBLIC_URL).unwrap_or_default().clone_into(&mut page);
        }
        let known = Known {
            approval: approval.as_deref(),
            saved: &self.saved,
            gateway: &self.gateway,
            receivers: &self.receivers.origin,
            page: &page,
        };
        if let Action::Page(entry) = &call.action {
            return Ok(Errand::Visit(request::visit(call, entry, &contents, known)));
        }
        request::of(space, call, &contents, known).map(Errand::Call).map_err(broken)
    }

    async fn resend(&mut self, space: &str, merchant: usize, tx_id: &str, nth: usize) -> Found<()> {
        let contents = &self.world.spaces[space].contents;
        let id = contents.merchant(merchant).id.clone();
        let path = format!("pushbacks?merchantId={id}&txId={tx_id}");
        let page = self.control("GET", space, &path, &Value::Null).await?.json();
        let Some(number) = page["pushbacks"][nth]["id"].as_u64() else { return Ok(()) };
        let is_under_way = page["pushbacks"][nth]["state"] == "inFlight";
        let path = format!("pushbacks/{number}/resend");
        let resent = self.control("POST", space, &path, &json!({})).await?;
        expect(&resent, if is_under_way { 409 } else { 202 })
    }

    async fn restart(&mut self, crash: bool) -> Found<()> {
        let Some(mut directory) = self.directory.take() else { return Ok(()) };
        if crash {
            // All that was acknowledged is in the file, so a copy of it is what a crash leaves.
            let copy = tempfile::tempdir().map_err(broken)?;
            let file = |directory: &TempDir| directory.path().join("state.redb");
            std::fs::copy(file(&directory), file(&copy)).map_err(broken)?;
            self.stop().await;
            directory = copy;
        } else {
            self.stop().await;
        }
        let simulator = start(self.world.setup, &self.profile, Some(&directory)).await?;
        self.web = Web::new(simulator.url());
        (self.simulator, self.directory) = (Some(simulator), Some(directory));
        self.figures.restarts += 1;
        Ok(())
    }

    async fn stop(&mut self) {
        if let Some(simulator) = self.simulator.take() {
            simulator.stop().await;
        }
    }

    /// Everything that a space shows, and its summary as text.
    async fn shown(&mut self, space: &str) -> Found<(Shown, String)> {
        let mut parts = Vec::new();
        for path in ["orders?limit=1000", "pushbacks?limit=1000", "rules", "summary"] {
            let reply = self.control("GET", space, path, &Value::Null).await?;
            expect(&reply, 200)?;
            parts.push(reply);
        }
        let text = parts.pop().unwrap_or_default().text;
        let [orders, pushbacks, rules] = [0, 1, 2].map(|at| parts[at].json());
        let summary = serde_json::from_str(&text).map_err(broken)?;
        Ok((Shown { orders, pushbacks, rules, summary }, text))
    }

    async fn compare(&mut self, space: &str) -> Found<()> {
        let (shown, summary) = self.shown(space).await?;
        self.summaries.insert(space.to_owned(), summary);
        let own = &self.world.spaces[space];
        if let Some((kind, text)) = difference(own, &shown) {
            return Err((kind, format!("space {space}:\n{text}")));
        }
        let expected = own.journal;
        let (total, _) = self.journal(space, 1).await?;
        if total == expected {
            return Ok(());
        }
        let told =
            format!("space {space}: {total} entries in the journal, {expected} calls were made");
        Err((Kind::Journal, told))
    }

    /// Spaces in which nothing was done are as they were.
    async fn check_others(&mut self, touched: &[String]) -> Found<()> {
        let others: Vec<String> =
            self.summaries.keys().filter(|name| !touched.contains(name)).cloned().collect();
        for name in others {
            let summary = self.control("GET", &name, "summary", &Value::Null).await?.text;
            let before = &self.summaries[&name];
            if summary != *before {
                let told =
                    format!("space {name} was left alone:\nbefore {before}\nafter  {summary}");
                return Err((Kind::Isolation, told));
            }
        }
        Ok(())
    }

    /// Compares everything once more, and adds all that is left to be said to the transcript.
    async fn end(&mut self) -> Found<()> {
        let names: Vec<String> = self.world.spaces.keys().cloned().collect();
        for name in &names {
            self.compare(name).await?;
            let attempts = self.world.spaces[name].contents.pushbacks.iter();
            self.figures.attempts += attempts.map(|it| it.attempts.len()).sum::<usize>();
        }
        if !self.recorded {
            return Ok(());
        }
        for name in &names {
            for path in ["journal?limit=1000", "merchants", "snapshots", "clock", "coverage"] {
                self.control("GET", name, path, &Value::Null).await?;
            }
            let wish = json!({ "name": "the-end", "ifExists": "replace" });
            self.control("POST", name, "snapshots", &wish).await?;
            self.control("GET", name, "snapshots/the-end", &Value::Null).await?;
            let last = self.last_event(name);
            for event in self.web.events(name, last).await.map_err(broken)? {
                self.record(&format!("event {name}"), &Reply { text: event, ..Reply::default() });
            }
        }
        Ok(())
    }

    fn last_event(&self, space: &str) -> u64 {
        let spaces = self.simulator.as_ref().map(Simulator::spaces);
        spaces.and_then(|spaces| spaces.named(space)).map_or(0, |space| space.last_event())
    }

    /// Number of entries in the journal, and the newest of them.
    async fn journal(&mut self, space: &str, newest: usize) -> Found<(usize, Vec<Value>)> {
        let path = format!("journal?newest=true&limit={newest}");
        let page = self.web.control("GET", space, &path, String::new()).await;
        expect(&page, 200)?;
        let mut page = page.json();
        let total = page["total"].as_u64().unwrap_or(0) as usize;
        let entries = page["entries"].take();
        Ok((total, entries.as_array().cloned().unwrap_or_default()))
    }

    /// A call of the control plane, which must be answered.
    async fn control(
        &mut self,
        method: &'static str,
        space: &str,
        path: &str,
        body: &Value,
    ) -> Found<Reply> {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let reply = self.web.control(method, space, path, text).await;
        self.record(&format!("{method} {space} {path}"), &reply);
        match reply.status {
            None => Err((Kind::Progress, format!("{method} {space} {path}: no answer"))),
            Some(_) => Ok(reply),
        }
    }

    fn record(&mut self, about: &str, reply: &Reply) {
        if self.recorded {
            let addresses = [
                (self.web.origin.as_str(), "http://simulator"),
                (self.receivers.origin.as_str(), "http://receivers"),
            ];
            self.transcript.add(about, reply.status, &reply.text, &addresses);
        }
    }
}

async fn start(
    setup: Setup,
    profile: &Arc<Profile>,
    directory: Option<&TempDir>,
) -> Found<Simulator> {
    let mut builder =
        Simulator::builder().profile(Arc::clone(profile)).seed(setup.seed).public_url(PUBLIC_URL);
    if let Some(directory) = directory {
        let directory = directory.path().to_owned();
        builder = builder.state(StateSettings { directory, durability: Durability::Always });
    }
    builder.start().await.map_err(broken)
}

fn expect(reply: &Reply, status: u16) -> Found<()> {
    if reply.status == Some(status) {
        return Ok(());
    }
    let came = reply.status.map_or_else(|| "nothing".to_owned(), |status| status.to_string());
    Err((Kind::Answer, format!("{status} was expected, {came} came: {}", reply.text)))
}

fn merchants_of(made: &Value) -> Found<Vec<Merchant>> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let all = made["merchants"].as_array().into_iter().flatten();
    all.map(|merchant| {
        let key = PrivateKey::parse(&text(&merchant["privateKey"])).map_err(broken)?;
        Ok(Merchant {
            id: text(&merchant["merchantId"]),
            terminal: text(&merchant["termId"]),
            key: SignKey::Rsa(key),
        })
    })
    .collect()
}

/// A rule as the control plane takes it.
fn written(rule: &Rule, contents: &Contents) -> Value {
    let mut when = json!({ "operation": rule.on });
    if let Some(place) = rule.merchant {
        when["merchantId"] = contents.merchant(place).id.clone().into();
    }
    let (gate, count) = match rule.gate {
        Gate::All => ("", 0),
        Gate::Nth(nth) => ("nth", nth),
        Gate::Every(every) => ("every", every),
        Gate::First(first) => ("first", first),
    };
    if !gate.is_empty() {
        when[gate] = count.into();
    }
    if rule.counts_all && !gate.is_empty() {
        when["scope"] = "rule".into();
    }
    let refusal = if rule.on == "pay" { "card.do-not-honour" } else { "system.busy" };
    let then = match rule.effect {
        Effect::Refuse => json!([{ "reason": refusal }]),
        Effect::LoseAnswer => json!([{ "transport": "reset" }]),
        Effect::NeverBooked => json!([{ "commit": "never" }]),
        Effect::BookedAfter => json!([{ "commit": "after" }]),
        Effect::Slow { ms } => json!([{ "latency": format!("{ms}ms") }]),
        Effect::Unavailable => json!([{ "status": 503 }]),
        Effect::Notices { copies: 0, .. } => json!([{ "pushback": { "drop": true } }]),
        Effect::Notices { copies, delay_ms, apart_ms } => json!([{ "pushback": {
            "copies": copies, "delay": format!("{delay_ms}ms"), "apart": format!("{apart_ms}ms"),
        } }]),
    };
    json!({ "id": rule.id, "when": when, "then": then })
}
