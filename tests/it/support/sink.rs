//! Where push-backs arrive: a server that notes what it gets and answers as it is told.

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::HeaderMap;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;

use super::soon;

/// A merchant's server.
pub(crate) struct Sink {
    origin: String,
    reply: Arc<Mutex<Reply>>,
    received: tokio::sync::Mutex<UnboundedReceiver<Received>>,
    connections: Arc<AtomicUsize>,
    accepting: tokio::task::JoinHandle<()>,
}

/// What the merchant answers.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// This status and body.
    Status(u16, &'static str),
    /// A redirect to there.
    Redirect(String),
    /// 200, once it is notified.
    Held(Arc<Notify>),
    /// Nothing, ever.
    Silence,
}

/// A request that arrived.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Received {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

impl Sink {
    /// A merchant that answers 200.
    pub(crate) async fn start() -> Self {
        Self::serve("http", |stream| async { Some(stream) }).await
    }

    /// The same over TLS, with a certificate of its own making.
    pub(crate) async fn start_tls() -> Self {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key.into())
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Self::serve("https", move |stream| {
            let acceptor = acceptor.clone();
            async move { acceptor.accept(stream).await.ok() }
        })
        .await
    }

    async fn serve<S, F>(
        scheme: &str,
        open: impl Fn(TcpStream) -> F + Clone + Send + 'static,
    ) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        F: Future<Output = Option<S>> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("{scheme}://{}", listener.local_addr().unwrap());
        let reply = Arc::new(Mutex::new(Reply::Status(200, "")));
        let (noted, received) = unbounded_channel();
        let service = Service { reply: Arc::clone(&reply), noted };
        let connections = Arc::<AtomicUsize>::default();
        let counted = Arc::clone(&connections);
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::Relaxed);
                let (service, open) = (service.clone(), open.clone());
                tokio::spawn(async move {
                    let Some(stream) = open(stream).await else { return };
                    let answer = service_fn(move |request| service.clone().answer(request));
                    let connection = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), answer);
                    // The other side may hang up whenever it likes.
                    let _ = connection.await;
                });
            }
        });
        Self { origin, reply, received: received.into(), connections, accepting }
    }

    /// How many connections were opened to it.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// An address of it.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    /// What it answers from now on.
    pub(crate) fn reply(&self, reply: Reply) {
        *self.reply.lock().unwrap() = reply;
    }

    /// The next request that arrives, or has arrived.
    pub(crate) async fn next(&self) -> Received {
        let received = async { self.received.lock().await.recv().await.unwrap() };
        soon("a push-back to arrive", received).await
    }

    /// How many have arrived that nobody has asked for yet.
    pub(crate) async fn pending(&self) -> usize {
        self.received.lock().await.len()
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

#[derive(Clone)]
struct Service {
    reply: Arc<Mutex<Reply>>,
    noted: UnboundedSender<Received>,
}

impl Service {
    async fn answer(self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        let (head, body) = request.into_parts();
        let body =
            body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        let reply = self.reply.lock().unwrap().clone();
        // A test that does not look any more is over.
        let _ = self.noted.send(Received {
            method: head.method.to_string(),
            path: head.uri.path().to_owned(),
            headers: head.headers,
            body,
        });
        let response = match reply {
            Reply::Status(status, body) => Response::builder()
                .status(status)
                .body(Full::new(Bytes::from_static(body.as_bytes()))),
            Reply::Redirect(to) => {
                Response::builder().status(307).header("location", to).body(Full::default())
            }
            Reply::Held(go) => {
                go.notified().await;
                Response::builder().body(Full::default())
            }
            Reply::Silence => std::future::pending().await,
        };
        Ok(response.unwrap())
    }
}

/// A merchant's server without manners: it answers each connection with bytes as they stand.
pub(crate) struct RudeSink {
    origin: String,
    accepted: tokio::sync::Mutex<UnboundedReceiver<()>>,
    accepting: tokio::task::JoinHandle<()>,
}

/// What a [`RudeSink`] does on a connection once something came.
#[derive(Clone, Debug)]
pub(crate) enum Manner {
    /// Sends this and closes.
    Close(Bytes),
    /// Sends this and keeps the connection open.
    Open(Bytes),
    /// Sends this again and again.
    Endless(Bytes),
    /// Says nothing.
    Silence,
}

impl RudeSink {
    pub(crate) async fn start(options: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let (noted, accepted) = unbounded_channel();
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A test that does not look any more is over.
                let _ = noted.send(());
                tokio::spawn(Self::answer(stream, options.clone()));
            }
        });
        Self { origin, accepted: accepted.into(), accepting }
    }

    async fn answer(mut stream: TcpStream, options: Manner) {
        let mut request = [0; 4096];
        if !matches!(stream.read(&mut request).await, Ok(1..)) {
            return;
        }
        // The other side may hang up whenever it likes.
        match options {
            Manner::Close(answer) => {
                let _ = stream.write_all(&answer).await;
                let _ = stream.shutdown().await;
                while matches!(stream.read(&mut request).await, Ok(1..)) {}
            }
            Manner::Open(answer) => {
                let _ = stream.write_all(&answer).await;
                while matches!(stream.read(&mut request).await, Ok(1..)) {}
            }
            Manner::Endless(answer) => while stream.write_all(&answer).await.is_ok() {},
            Manner::Silence => while matches!(stream.read(&mut request).await, Ok(1..)) {},
        }
    }

    /// An address of it.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    /// The next connection.
    pub(crate) async fn accepted(&self) {
        let accepted = async { self.accepted.lock().await.recv().await.unwrap() };
        soon("a connection", accepted).await;
    }
}

impl Drop for RudeSink {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}
