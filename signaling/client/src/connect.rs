//! The WebSocket: one task owns it; requests are answered by id, events queue up for the caller.

use std::{
    collections::HashMap,
    fmt,
    net::SocketAddr,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use palco_protocol::{
    ClientMessage, DirectEvent, Event, Reply, Request, RequestId, Resume, SUBPROTOCOL,
    ServerMessage, Welcome,
};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{
        ClientRequestBuilder, Message,
        protocol::{CloseFrame, WebSocketConfig, frame::coding::CloseCode},
    },
};

use crate::{Error, Server, transport::ByteStream};

const REPLY_TIMEOUT: Duration = Duration::from_secs(10);
/// Events not yet taken. When it is full the newest is dropped and counted
/// ([`Client::events_dropped`]): answers must not wait behind a caller who reads no events.
const EVENTS_MAX: usize = 4096;
const OUTGOING_MAX: usize = 256;
/// A snapshot with a full stage, the chat's last lines and 1,000 hands stays below this.
const MESSAGE_MAX_BYTES: usize = 4 * 1024 * 1024;
/// Tests hold hundreds of clients in one process; the library's default is 128 KiB each.
const READ_BUFFER_BYTES: usize = 16 * 1024;

/// Anything from the server that is not the answer to a [`Client::request`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerEvent {
    /// What everybody in the room learns.
    Room(Event),
    /// What only this session learns.
    Direct(DirectEvent),
    /// An answer to a request that [`Client::request`] did not make, or no longer waits for.
    Unasked {
        /// The request's id.
        re: RequestId,
        /// The answer.
        reply: Reply,
    },
}

/// How the connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// The WebSocket close code; absent if the connection just broke.
    pub code: Option<u16>,
    /// What came with it.
    pub reason: String,
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => write!(f, "{code} {}", self.reason),
            None => f.write_str(&self.reason),
        }
    }
}

/// One session's socket. Dropping it cuts the TCP connection, as a lost network would; the
/// server keeps the session for its grace. [`Client::close`] says goodbye.
pub struct Client {
    requests: Requests,
    events: mpsc::Receiver<ServerEvent>,
    welcome: Option<Welcome>,
    remote: SocketAddr,
    reading: watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
}

/// The asking half of a [`Client`], for other tasks.
#[derive(Clone)]
pub struct Requests(Arc<Shared>);

struct Shared {
    outgoing: mpsc::Sender<Message>,
    waiting: Mutex<HashMap<RequestId, oneshot::Sender<Reply>>>,
    next_id: AtomicU32,
    events_dropped: AtomicU64,
    closed: OnceLock<Closed>,
}

impl Server {
    /// Opens the WebSocket and says `hello`.
    ///
    /// # Errors
    /// Unreachable, or the token is refused.
    pub async fn connect(&self, token: &str) -> Result<Client, Error> {
        self.hello(token, None).await
    }

    /// Continues a session whose socket was lost; `session` is the secret of its [`Welcome`].
    ///
    /// # Errors
    /// Unreachable, or the token is refused.
    pub async fn resume(&self, token: &str, session: &str) -> Result<Client, Error> {
        self.hello(token, Some(Resume { session: session.to_owned() })).await
    }

    /// Opens the WebSocket and says nothing: for hostile tests.
    ///
    /// # Errors
    /// Unreachable, or the handshake is refused.
    pub async fn open_socket(&self) -> Result<Client, Error> {
        let dialled = self.dial().await?;
        let scheme = if self.tls { "wss" } else { "ws" };
        let uri = format!("{scheme}://{}/ws", self.authority())
            .parse()
            .map_err(|_| Error::BadAddress("not a URL"))?;
        let request = ClientRequestBuilder::new(uri).with_sub_protocol(SUBPROTOCOL);
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER_BYTES)
            .max_message_size(Some(MESSAGE_MAX_BYTES))
            .max_frame_size(Some(MESSAGE_MAX_BYTES));
        let handshake = client_async_with_config(request, dialled.stream, Some(config));
        let (socket, _) = timeout(REPLY_TIMEOUT, handshake)
            .await
            .map_err(|_| Error::Timeout { what: "WebSocket handshake", within: REPLY_TIMEOUT })??;

        let (outgoing, outgoing_queue) = mpsc::channel(OUTGOING_MAX);
        let (event_sink, events) = mpsc::channel(EVENTS_MAX);
        let (reading, reading_watch) = watch::channel(true);
        let shared = Arc::new(Shared {
            outgoing,
            waiting: Mutex::new(HashMap::new()),
            next_id: AtomicU32::new(first_id()),
            events_dropped: AtomicU64::new(0),
            closed: OnceLock::new(),
        });
        let task = tokio::spawn(run(
            socket,
            Arc::clone(&shared),
            outgoing_queue,
            event_sink,
            reading_watch,
        ));
        Ok(Client {
            requests: Requests(shared),
            events,
            welcome: None,
            remote: dialled.remote,
            reading,
            task,
        })
    }

    async fn hello(&self, token: &str, resume: Option<Resume>) -> Result<Client, Error> {
        let mut client = self.open_socket().await?;
        match client.request(ClientMessage::Hello { token: Some(token.to_owned()), resume }).await?
        {
            Reply::Welcome(welcome) => client.welcome = Some(*welcome),
            _ => return Err(Error::Unexpected("hello")),
        }
        Ok(client)
    }
}

/// A session's ids are new for each of its requests, on whichever socket: a resumed one that counted from the start
/// again would be answered as if it repeated itself. So each socket counts from a place of its own.
fn first_id() -> u32 {
    static SOCKETS: AtomicU32 = AtomicU32::new(0);
    // Sixteen bits of requests for a socket, then of sockets for a process: enough to stay apart.
    (SOCKETS.fetch_add(1, Ordering::Relaxed) << 16) + 1
}

impl Client {
    /// Asks and waits for the answer.
    ///
    /// # Errors
    /// [`Error::Refused`] with the server's code, [`Error::Closed`], or no answer in 10 s.
    pub async fn request(&self, message: ClientMessage) -> Result<Reply, Error> {
        self.requests.request(message).await
    }

    /// The asking half, to be used while events are awaited elsewhere.
    #[must_use]
    pub fn requests(&self) -> Requests {
        self.requests.clone()
    }

    /// The next event; nothing once the connection is closed and all events are taken.
    pub async fn next_event(&mut self) -> Option<ServerEvent> {
        self.events.recv().await
    }

    /// Takes events until `pick` finds the one it wants; the others are dropped.
    ///
    /// # Errors
    /// [`Error::Timeout`] or [`Error::Closed`].
    pub async fn wait_for<T>(
        &mut self,
        what: &'static str,
        within: Duration,
        mut pick: impl FnMut(ServerEvent) -> Option<T>,
    ) -> Result<T, Error> {
        let found = timeout(within, async {
            while let Some(event) = self.events.recv().await {
                if let Some(found) = pick(event) {
                    return Some(found);
                }
            }
            None
        });
        match found.await {
            Ok(Some(found)) => Ok(found),
            Ok(None) => Err(Error::Closed(self.closed().cloned())),
            Err(_) => Err(Error::Timeout { what, within }),
        }
    }

    /// The server's greeting; absent on a socket that has not said hello.
    #[must_use]
    pub fn welcome(&self) -> Option<&Welcome> {
        self.welcome.as_ref()
    }

    /// The secret with which this session is resumed; empty before the greeting.
    #[must_use]
    pub fn session(&self) -> &str {
        self.welcome.as_ref().map_or("", |welcome| &welcome.session)
    }

    /// The server's TCP address.
    #[must_use]
    pub fn remote(&self) -> SocketAddr {
        self.remote
    }

    /// How the connection ended, once it has.
    #[must_use]
    pub fn closed(&self) -> Option<&Closed> {
        self.requests.0.closed.get()
    }

    /// Waits until the server closes the connection; events are dropped meanwhile.
    ///
    /// # Errors
    /// [`Error::Timeout`].
    pub async fn wait_closed(&mut self, within: Duration) -> Result<Closed, Error> {
        match self.wait_for("close", within, |_| None::<()>).await {
            Err(Error::Closed(Some(closed))) => Ok(closed),
            Err(error) => Err(error),
            Ok(()) => Err(Error::Unexpected("close")),
        }
    }

    /// Events that came while 4,096 others were not taken.
    #[must_use]
    pub fn events_dropped(&self) -> u64 {
        self.requests.0.events_dropped.load(Ordering::Relaxed)
    }

    /// Sends a text frame as it is: for hostile tests.
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub async fn send_text(&self, text: &str) -> Result<(), Error> {
        self.requests.send(Message::text(text)).await
    }

    /// Sends a binary frame as it is: for hostile tests.
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub async fn send_binary(&self, bytes: impl Into<Bytes>) -> Result<(), Error> {
        self.requests.send(Message::binary(bytes)).await
    }

    /// Stops or continues reading the socket, as a client that is too slow would: for tests.
    pub fn set_reading(&self, reading: bool) {
        self.reading.send_replace(reading);
    }

    /// Closes the connection with a goodbye. The session is not left: send `leave` before.
    pub async fn close(mut self) {
        let frame = CloseFrame { code: CloseCode::Normal, reason: "".into() };
        if self.requests.send(Message::Close(Some(frame))).await.is_ok() {
            // The other side answers the close, or the wait was long enough.
            let _ = self.wait_closed(Duration::from_secs(2)).await;
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("welcome", &self.welcome)
            .field("closed", &self.closed())
            .finish_non_exhaustive()
    }
}

impl Requests {
    /// See [`Client::request`].
    ///
    /// # Errors
    /// As [`Client::request`].
    pub async fn request(&self, message: ClientMessage) -> Result<Reply, Error> {
        let id = RequestId(self.0.next_id.fetch_add(1, Ordering::Relaxed));
        let text = serde_json::to_string(&Request { id, message })
            .map_err(|_| Error::Unexpected("serialising a request"))?;
        let (answer, answered) = oneshot::channel();
        self.0.waiting().insert(id, answer);
        let outcome = match self.send(Message::text(text)).await {
            Ok(()) => timeout(REPLY_TIMEOUT, answered).await,
            Err(error) => {
                self.0.waiting().remove(&id);
                return Err(error);
            }
        };
        match outcome {
            Ok(Ok(Reply::Error { error })) => Err(Error::Refused(error)),
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(_)) => Err(Error::Closed(self.0.closed.get().cloned())),
            Err(_) => {
                self.0.waiting().remove(&id);
                Err(Error::Timeout { what: "answer", within: REPLY_TIMEOUT })
            }
        }
    }

    async fn send(&self, message: Message) -> Result<(), Error> {
        let sent = self.0.outgoing.send(message).await;
        sent.map_err(|_| Error::Closed(self.0.closed.get().cloned()))
    }
}

impl Shared {
    fn waiting(&self) -> std::sync::MutexGuard<'_, HashMap<RequestId, oneshot::Sender<Reply>>> {
        // Nothing panics while it is held; a map of senders is whole in any case.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_in(&self, text: &str, events: &mpsc::Sender<ServerEvent>) {
        let event = match serde_json::from_str(text) {
            Ok(ServerMessage::Reply { re, reply }) => match self.waiting().remove(&re) {
                Some(answer) => {
                    // Whoever asked may have given up.
                    let _ = answer.send(reply);
                    return;
                }
                None => ServerEvent::Unasked { re, reply },
            },
            Ok(ServerMessage::Event(event)) => ServerEvent::Room(event),
            Ok(ServerMessage::Direct(event)) => ServerEvent::Direct(event),
            Err(error) => {
                // A newer server may say more than we know. Not the text: it may hold a secret.
                tracing::warn!(bytes = text.len(), kind = ?error.classify(), "a message that this client does not know");
                return;
            }
        };
        if events.try_send(event).is_err() {
            self.events_dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Owns the socket until it is closed; then nobody waits for an answer any more.
async fn run(
    socket: WebSocketStream<Box<dyn ByteStream>>,
    shared: Arc<Shared>,
    mut outgoing: mpsc::Receiver<Message>,
    events: mpsc::Sender<ServerEvent>,
    mut reading: watch::Receiver<bool>,
) {
    let (mut sink, mut stream) = socket.split();
    let closed = loop {
        let may_read = *reading.borrow_and_update();
        tokio::select! {
            message = outgoing.recv() => match message {
                Some(message) => if let Err(error) = sink.send(message).await {
                    break Closed { code: None, reason: error.to_string() };
                },
                None => break Closed { code: None, reason: "dropped".to_owned() },
            },
            message = stream.next(), if may_read => match message {
                Some(Ok(Message::Text(text))) => shared.take_in(&text, &events),
                Some(Ok(Message::Close(frame))) => {
                    let closed = frame.map_or(
                        Closed { code: None, reason: "closed".to_owned() },
                        |f| Closed { code: Some(f.code.into()), reason: f.reason.to_string() },
                    );
                    // Sends the answering close frame, which the library has queued.
                    let _ = sink.flush().await;
                    break closed;
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => break Closed { code: None, reason: error.to_string() },
                None => break Closed { code: None, reason: "closed".to_owned() },
            },
            changed = reading.changed() => if changed.is_err() {
                break Closed { code: None, reason: "dropped".to_owned() };
            },
        }
    };
    let _ = shared.closed.set(closed);
    outgoing.close();
    shared.waiting().clear();
}
