//! Start, memory and idle connections.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use payon_sim::base::{Operation, Reason, Seed};
use payon_sim::gateway::{self, Call, PayRequest};
use payon_sim::profile::Profile;
use payon_sim::space::{Budgets, IfExists, NewMerchant, Space, Spaces};

use crate::client::{self, Client};
use crate::server::{self, Role, Server};
use crate::story::{self, Order, Step};

/// Starts that are timed.
const STARTS: usize = 15;
/// Orders that fill the journal before memory is looked at, and those whose memory counts.
const WARM_ORDERS: usize = 5_000;
const COUNTED_ORDERS: usize = 50_000;
const SPACES: usize = 1_000;
/// Points at which the long run looks at memory.
const LOOKS: usize = 10;

/// Prints how long it takes from starting the process to its first answer, and its idle memory.
pub(crate) fn start() -> Result<()> {
    let order = Order::unsigned("start", 1);
    let work = story::work(Step::Register, &order);
    let mut times = Vec::with_capacity(STARTS);
    let mut idle = Vec::with_capacity(STARTS);
    for _ in 0..STARTS {
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let mut command = server::gateway(port);
        command.stdout(Stdio::null());
        let begun = Instant::now();
        let server = Server::of(server::spawn(command)?, port);
        let mut stream = loop {
            match TcpStream::connect(server.address) {
                Ok(stream) => break stream,
                Err(_) if begun.elapsed() < Duration::from_secs(10) => std::thread::yield_now(),
                Err(error) => bail!("payon-sim did not start: {error}"),
            }
        };
        stream.write_all(work.request(0))?;
        let mut answer = [0; 12];
        stream.read_exact(&mut answer)?;
        times.push(begun.elapsed());
        ensure!(answer.ends_with(b"200"), "the first answer is no success");
        idle.push(server.resident()?);
    }
    times.sort_unstable();
    idle.sort_unstable();
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    println!(
        "\nstart to first answer: {:.1} ms ({:.1}-{:.1}, {STARTS} starts; bar 20)",
        ms(times[STARTS / 2]),
        ms(times[0]),
        ms(times[STARTS - 1])
    );
    println!("idle memory after it:  {:.1} MB (bar 15)", megabytes(idle[STARTS - 1]));
    Ok(())
}

/// Prints what finished orders and spaces cost, measured in processes of their own.
pub(crate) fn orders_and_spaces() -> Result<()> {
    for role in [Role::Orders, Role::Spaces] {
        let status = server::spawn(role.command()?)?.wait()?;
        ensure!(status.success(), "{role:?} failed");
    }
    Ok(())
}

/// In a process of its own: runs orders through their life and prints what each left behind.
pub(crate) fn of_orders() -> Result<()> {
    let (spaces, _bell) = Spaces::new(Profile::builtin(), Seed(1), Budgets::default());
    let space = spaces.default_space();
    live(&spaces, space, "warm", WARM_ORDERS)?;
    let before = server::resident("self")?;
    live(&spaces, space, "counted", COUNTED_ORDERS)?;
    let grown = server::resident("self")?.saturating_sub(before);
    println!(
        "a finished order:      {} bytes (bar 2048), the journal at its budget of {} entries",
        grown / COUNTED_ORDERS,
        space.read_journal(payon_sim::space::Journal::len)
    );
    Ok(())
}

/// In a process of its own: makes spaces, uses each once, and prints their memory.
pub(crate) fn of_spaces() -> Result<()> {
    let (spaces, _bell) = Spaces::new(Profile::builtin(), Seed(1), Budgets::default());
    let before = server::resident("self")?;
    let begun = Instant::now();
    for number in 0..SPACES {
        let wanted = [NewMerchant::default()];
        spaces.create(Some(&format!("space-{number}")), None, &wanted, IfExists::Refuse)?;
    }
    let each = begun.elapsed() / SPACES as u32;
    let made = server::resident("self")?;
    for space in spaces.all() {
        live(&spaces, &space, "first", 1)?;
    }
    println!(
        "{SPACES} spaces:          {:.1} MB ({:.1} MB of it theirs; bar 100), {each:?} to make one; {:.1} MB after a paid order in each",
        megabytes(made),
        megabytes(made.saturating_sub(before)),
        megabytes(server::resident("self")?)
    );
    Ok(())
}

/// Orders of the merchant that need not sign: registered, paid, asked for, refunded.
fn live(spaces: &Spaces, space: &std::sync::Arc<Space>, name: &str, count: usize) -> Result<()> {
    for chunk in 0..count.div_ceil(1000) {
        for order in Order::unsigned(&format!("{name}{chunk}"), count.min(1000)) {
            let ask = |operation, body: &str| {
                let space = Some(std::sync::Arc::clone(space));
                let origin = "http://127.0.0.1:36605".into();
                let body = body.as_bytes();
                let reply = gateway::answer(
                    spaces,
                    Call {
                        operation,
                        space,
                        token: None,
                        scenario: None,
                        origin,
                        body,
                        trace_headers: None,
                    },
                );
                ensure!(reply.reason == Reason::Success, "{operation}: {:?}", reply.reason);
                Ok(())
            };
            ask(Operation::Register, &order.register_body("CREDIT_DEBIT"))?;
            let (merchant, tx_id) = order.name();
            gateway::pay(space, merchant, tx_id, &PayRequest::default(), space.next_trace())?;
            ask(Operation::Status, &order.status_body())?;
            ask(Operation::Refund, order.refund_body())?;
        }
    }
    Ok(())
}

/// Holds idle connections open and prints what they cost the gateway in memory and speed.
pub(crate) async fn idle(count: usize) -> Result<()> {
    let server = Server::gateway(&["--request-timeout-ms", "120000"])?;
    let mut client = Client::new(&server).await?;
    let mut rate = async |name: &str| -> Result<f64> {
        let orders = Order::unsigned(name, 10_000);
        let outcome = client.run(story::work(Step::Register, &orders)).await?;
        Ok(outcome.requests as f64 / outcome.elapsed.as_secs_f64())
    };
    rate("warm").await?;
    let alone = rate("alone").await?;
    let before = server.resident()?;
    let first = story::work(Step::Register, &Order::unsigned("idle", 1));
    let held = client::idle(&server, count, first.request(0)).await.context("idle connections")?;
    let grown = server.resident()?.saturating_sub(before);
    let beside = rate("beside").await?;
    println!(
        "\n{} idle connections:   {:.1} MB ({} bytes each); register {beside:.0}/s beside them, {alone:.0}/s without",
        held.len(),
        megabytes(grown),
        grown / held.len().max(1),
    );
    Ok(())
}

/// Runs whole lives of orders and prints memory over time.
pub(crate) async fn long_run(requests: usize) -> Result<()> {
    let server = Server::gateway::<&str>(&[])?;
    let mut client = Client::new(&server).await?;
    println!("\nmemory over {requests} requests (register, pay, status, refund; default budgets):");
    let (mut sent, begun) = (0, Instant::now());
    for read in 0..LOOKS {
        // In pieces, so that the requests themselves need little memory.
        let mut left = requests / LOOKS / 4;
        while left > 0 {
            let piece = left.min(10_000);
            left -= piece;
            let orders = Order::unsigned(&format!("long{read}-{left}"), piece);
            sent += client.run(story::work(Step::Whole, &orders)).await?.requests;
        }
        println!("  {sent:>9} requests  {:>6.1} MB", megabytes(server.resident()?));
    }
    println!("  in {:.1} s", begun.elapsed().as_secs_f64());
    Ok(())
}

pub(crate) fn megabytes(bytes: usize) -> f64 {
    bytes as f64 / 1e6
}
