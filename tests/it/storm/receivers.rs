//! Push-backs by the thousand to receivers that are dead, slow, endless or flapping, and to a good one between them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::line::{Line, request};
use super::{Server, Waits, size};
use crate::support::soon;

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// How a receiver answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Receiver {
    Good,
    /// Nobody listens.
    Dead,
    /// A byte a second.
    Slow,
    /// Bytes without end.
    Endless,
    /// Right, wrong and not at all by turns.
    Flapping,
}

const RECEIVERS: [Receiver; 5] =
    [Receiver::Dead, Receiver::Slow, Receiver::Endless, Receiver::Flapping, Receiver::Good];

impl Receiver {
    /// Listens, and counts the push-backs that came; gives the address.
    async fn listen(self, came: Arc<AtomicUsize>) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        if self != Self::Dead {
            tokio::spawn(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    let number = came.fetch_add(1, Ordering::Relaxed);
                    tokio::spawn(self.answer(stream, number));
                }
            });
        }
        address
    }

    /// Answers until the other side hangs up.
    async fn answer(self, mut stream: TcpStream, number: usize) -> std::io::Result<()> {
        let mut piece = [0; 4096];
        let _ = stream.read(&mut piece).await?;
        match self {
            Self::Dead => {}
            Self::Good => stream.write_all(OK).await?,
            Self::Slow => {
                for byte in OK {
                    stream.write_all(&[*byte]).await?;
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
            Self::Endless => {
                stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n").await?;
                loop {
                    stream.write_all(&piece).await?;
                }
            }
            Self::Flapping => match number % 3 {
                0 => stream.write_all(OK).await?,
                1 => stream.write_all(b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n").await?,
                _ => {}
            },
        }
        Ok(())
    }
}

/// `STORM_PUSHBACKS=100000` makes it long.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn receivers_of_every_bad_kind_hold_no_good_one_up() {
    let count = size("STORM_PUSHBACKS", 500) / RECEIVERS.len();
    let server = Server::start(&[]);
    let mut line = Line::open(server.address()).await.expect("it listens");
    let mut ask = async |method: &str, path: &str, body: Value| {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let bytes = request(method, path, &body);
        let answered = soon(path, line.ask(&bytes)).await;
        let answered = answered.expect("answered");
        assert!(answered.status < 300, "{path}: {} {}", answered.status, answered.body);
        serde_json::from_str::<Value>(&answered.body).unwrap_or_default()
    };
    ask("GET", "/_sim/healthz", Value::Null).await;
    let (before, megabytes) = (server.0.handles(), server.megabytes());
    let mut came = Vec::new();
    for receiver in RECEIVERS {
        let counted = Arc::<AtomicUsize>::default();
        let address = receiver.listen(Arc::clone(&counted)).await;
        came.push(counted);
        let name = format!("{receiver:?}").to_lowercase();
        let noti_url = format!("http://{address}/");
        let merchant = json!({ "merchantId": name, "termId": "T1", "notiUrl": noti_url });
        ask("POST", "/_sim/v1/spaces", json!({ "name": name, "merchants": [merchant] })).await;
    }
    let begun = Instant::now();
    for number in 0..count {
        for receiver in RECEIVERS {
            let name = format!("{receiver:?}").to_lowercase();
            let order = json!({
                "merchantId": name, "termId": "T1", "txId": number.to_string(), "trt": "10", "currency": "USD",
                "amount": "1.00", "paymentMethod": "CREDIT_DEBIT",
            });
            ask("POST", "/pg/order/register", order).await;
            ask("POST", &format!("/space/{name}/_sim/v1/orders/{name}/{number}/pay"), json!({}))
                .await;
        }
    }
    let paid = begun.elapsed();
    let good = &came[RECEIVERS.len() - 1];
    crate::binary::until("every push-back to the good receiver", || {
        (good.load(Ordering::Relaxed) >= count).then_some(())
    });
    let good_after = begun.elapsed();
    // Ten hours of retries in ten seconds, all of them over real connections.
    for receiver in &RECEIVERS[..4] {
        let name = format!("{receiver:?}").to_lowercase();
        ask("POST", &format!("/space/{name}/_sim/v1/clock"), json!({ "scale": 3600 })).await;
    }
    let (mut waits, mut most, begun) = (Waits::default(), 0.0_f64, Instant::now());
    while begun.elapsed() < Duration::from_secs(3 + count as u64 / 500) {
        let begun = Instant::now();
        ask("GET", "/_sim/healthz", Value::Null).await;
        waits.0.push(begun.elapsed());
        most = most.max(server.megabytes());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let came: Vec<_> = came.iter().map(|came| came.load(Ordering::Relaxed)).collect();
    println!(
        "{} push-backs made in {:.1} s, the good receiver's told after {:.1} s; attempts that reached {RECEIVERS:?}: {came:?}; {megabytes:.1} MB before, {most:.1} MB at most; p99 of other calls {:.2} ms",
        count * RECEIVERS.len(),
        paid.as_secs_f64(),
        good_after.as_secs_f64(),
        waits.within(0.99),
    );
    let each = (most - megabytes) * 1e6 / (count * RECEIVERS.len()) as f64;
    assert!(each < 100_000.0, "{each} bytes a push-back");
    assert_eq!(came[4], count, "the good receiver is told once of each");
    assert!(waits.within(0.99) < 500.0);
    for receiver in RECEIVERS {
        let name = format!("{receiver:?}").to_lowercase();
        ask("DELETE", &format!("/_sim/v1/spaces/{name}"), Value::Null).await;
    }
    server.gives_handles_back(before);
    server.stop();
}
