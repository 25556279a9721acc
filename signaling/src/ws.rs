//! One socket's task: reads requests, writes answers and events, keeps the deadlines, closes with a reason.
//!
//! Reading and writing share one task, so that ten thousand idle listeners cost ten thousand small
//! tasks and no channel between halves. A write that hangs is given up when the outbox overflows.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::{FutureExt, SinkExt, StreamExt};
use palco_protocol::{
    ClientMessage, DirectEvent, ErrorBody, ErrorCode, Reply, Request, RequestId, ServerMessage,
    limits,
};
use serde::Deserialize;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::watch,
    time::{Instant, timeout_at},
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Error as WsError, Message, Utf8Bytes,
        protocol::{CloseFrame, WebSocketConfig, frame::coding::CloseCode},
    },
};

use crate::{
    Arrival, Fault, Phase, Shared,
    outbox::{Outbox, Outgoing},
    session::{self, Session},
};

/// A client that sends nothing for this long is asked for a sign of life (the SDK sends one every 15 s).
const QUIET: Duration = Duration::from_secs(40);
/// And is taken for lost this long after.
const ANSWER: Duration = Duration::from_secs(20);
/// How long a closing handshake may take.
const CLOSE: Duration = Duration::from_secs(2);
/// What makes a connection end as noise: ten messages that cannot be read at all, or a hundred of an unknown type or
/// shape, which a newer client may send now and then.
const NOISE_MAX: u32 = 100;
const NOISE_OF_BAD_MESSAGE: u32 = 10;

/// Small buffers for many sockets (the library's default of 128 KiB each would be 1.2 GiB for ten
/// thousand idle listeners), and hard limits on what a client may send.
#[must_use]
pub fn websocket_config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(1024)
        .write_buffer_size(0)
        .max_write_buffer_size(2 * 1024 * 1024)
        .max_message_size(Some(limits::MESSAGE_MAX_BYTES))
        .max_frame_size(Some(limits::MESSAGE_MAX_BYTES))
}

/// Why a socket's loop ended.
enum End {
    /// The transport is gone; nothing can be said any more.
    Gone,
    /// Say this, then close.
    Close(ErrorBody),
}

impl From<ErrorCode> for End {
    fn from(code: ErrorCode) -> Self {
        Self::Close(code.into())
    }
}

impl From<WsError> for End {
    fn from(error: WsError) -> Self {
        match error {
            WsError::Capacity(_) => ErrorCode::TooLarge.into(),
            WsError::Protocol(_) | WsError::Utf8(_) => ErrorCode::BadMessage.into(),
            _ => Self::Gone,
        }
    }
}

pub(crate) async fn serve<S>(shared: &Arc<Shared>, mut socket: WebSocketStream<S>, arrival: Arrival)
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let Some(_permit) = shared.directory.admit_socket(shared.config.max_sockets) else {
        close(&mut socket, ErrorCode::Busy.into()).await;
        return;
    };
    let end = match Box::pin(greet(shared, &mut socket, arrival)).await {
        Ok((session, outbox)) => {
            let talk = AssertUnwindSafe(converse(shared, &mut socket, &session, &outbox));
            // A bug ends this socket alone, and its session goes on from the next one.
            let end = talk.catch_unwind().await.unwrap_or_else(|_| {
                shared.faults.count(Fault::Socket);
                tracing::error!("a socket ended by a panic: this is a bug");
                ErrorCode::Internal.into()
            });
            session::detach(shared, &session, &outbox).await;
            end
        }
        Err(end) => end,
    };
    if let End::Close(error) = end {
        Box::pin(close(&mut socket, error)).await;
    }
}

/// The first message must be a hello.
async fn greet<S>(
    shared: &Arc<Shared>,
    socket: &mut WebSocketStream<S>,
    arrival: Arrival,
) -> Result<(Arc<Session>, Arc<Outbox>), End>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let deadline = Instant::now() + Duration::from_millis(limits::HELLO_TIMEOUT_MS);
    let text = timeout_at(deadline, next_text(socket))
        .await
        .map_err(|_| End::from(ErrorCode::HelloTimeout))??;
    let Ok(Request { id, message: ClientMessage::Hello { token, resume } }) =
        serde_json::from_str::<Request>(&text)
    else {
        return Err(ErrorCode::BadMessage.into());
    };
    let outbox = Arc::new(Outbox::default());
    let token = token.or(arrival.token).unwrap_or_default();
    match session::hello(shared, &token, arrival.origin, resume, &outbox).await {
        Ok((session, welcome)) => {
            let sent = write(socket, &outbox, answer(id, Reply::Welcome(Box::new(welcome)))).await;
            if let Err(end) = sent {
                session::detach(shared, &session, &outbox).await;
                return Err(end);
            }
            Ok((session, outbox))
        }
        Err(error) => {
            write(socket, &outbox, answer(id, Reply::Error { error: error.clone() })).await?;
            Err(End::Close(error))
        }
    }
}

async fn next_text<S>(socket: &mut WebSocketStream<S>) -> Result<Utf8Bytes, End>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => return Ok(text),
            Some(Ok(Message::Binary(_))) => return Err(ErrorCode::BadMessage.into()),
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
            Some(Ok(Message::Close(_))) | None => return Err(End::Gone),
            Some(Err(error)) => return Err(error.into()),
        }
    }
}

async fn converse<S>(
    shared: &Arc<Shared>,
    socket: &mut WebSocketStream<S>,
    session: &Arc<Session>,
    outbox: &Arc<Outbox>,
) -> End
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let mut phase = shared.phase.subscribe();
    // Who comes while the server drains is told too.
    phase.mark_changed();
    let mut heard_at = Instant::now();
    let mut asked = false;
    let mut noise = 0;
    loop {
        let quiet_until = heard_at + if asked { QUIET + ANSWER } else { QUIET };
        let welcome_until = session.until().map_or(quiet_until, Instant::from_std);
        tokio::select! {
            incoming = socket.next() => {
                heard_at = Instant::now();
                asked = false;
                let text = match incoming {
                    Some(Ok(Message::Text(text))) => text,
                    Some(Ok(Message::Binary(_))) => return ErrorCode::BadMessage.into(),
                    Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
                    Some(Ok(Message::Close(_))) | None => return End::Gone,
                    Some(Err(error)) => return error.into(),
                };
                // What happened before the request is told before its answer: whoever leaves one room and joins
                // another gets nothing of the first after `joined`.
                if let Some(end) = drain(socket, outbox).await {
                    return end;
                }
                let reply = match parse(&text) {
                    // Boxed: a socket that waits holds no room for the steps of a join.
                    Ok(request) => Box::pin(session::handle(shared, session, outbox, request)).await,
                    Err((id, code)) => {
                        noise += if code == ErrorCode::BadMessage { NOISE_OF_BAD_MESSAGE } else { 1 };
                        if noise > NOISE_MAX {
                            return ErrorCode::BadMessage.into();
                        }
                        answer(id, Reply::Error { error: code.into() })
                    }
                };
                if let Err(end) = write(socket, outbox, reply).await {
                    return end;
                }
            }
            outgoing = outbox.next() => {
                if let Some(end) = deliver(socket, outbox, outgoing).await {
                    return end;
                }
            }
            () = tokio::time::sleep_until(quiet_until.min(welcome_until)) => {
                let now = Instant::now();
                // Another socket may have brought another token meanwhile.
                if session.until().is_some_and(|until| Instant::from_std(until) <= now) {
                    session.expel(ErrorCode::TokenExpired).await;
                    return ErrorCode::TokenExpired.into();
                }
                if now < quiet_until {
                    continue;
                }
                if asked {
                    return End::Gone;
                }
                asked = true;
                if socket.send(Message::Ping(Default::default())).await.is_err() {
                    return End::Gone;
                }
            }
            turned = turned(&mut phase) => {
                let Phase::Draining(deadline) = turned else {
                    // That the room ended comes before the close.
                    return drain(socket, outbox).await.unwrap_or(ErrorCode::Draining.into());
                };
                if let Err(end) = write(socket, outbox, announcement(deadline)).await {
                    return end;
                }
            }
        }
    }
}

/// Writes what waits in the outbox, without waiting for more.
async fn drain<S>(socket: &mut WebSocketStream<S>, outbox: &Outbox) -> Option<End>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    match outbox.take() {
        Some(outgoing) => deliver(socket, outbox, outgoing).await,
        None => None,
    }
}

async fn deliver<S>(
    socket: &mut WebSocketStream<S>,
    outbox: &Outbox,
    outgoing: Outgoing,
) -> Option<End>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    match outgoing {
        Outgoing::Messages(messages) => {
            for message in messages {
                if let Err(end) = write(socket, outbox, message).await {
                    return Some(end);
                }
            }
            None
        }
        Outgoing::Close(code) => Some(code.into()),
    }
}

/// The next step of the server towards its end. Cancel-safe.
async fn turned(phase: &mut watch::Receiver<Phase>) -> Phase {
    while phase.changed().await.is_ok() {
        let phase = *phase.borrow_and_update();
        if phase != Phase::Serving {
            return phase;
        }
    }
    // The server is gone without a word.
    Phase::Stopping
}

fn announcement(deadline: Instant) -> Utf8Bytes {
    let left = deadline.saturating_duration_since(Instant::now());
    let deadline_ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
    text_of(&ServerMessage::Direct(DirectEvent::ServerDraining { deadline_ms }))
}

/// A request, or the id to answer to and what is wrong with it.
fn parse(text: &str) -> Result<Request, (RequestId, ErrorCode)> {
    #[derive(Deserialize)]
    struct Envelope<'a> {
        #[serde(default)]
        id: u32,
        #[serde(rename = "type", borrow)]
        kind: Option<std::borrow::Cow<'a, str>>,
    }
    serde_json::from_str::<Request>(text).map_err(|_| {
        let Ok(envelope) = serde_json::from_str::<Envelope<'_>>(text) else {
            return (RequestId(0), ErrorCode::BadMessage);
        };
        let code = match envelope.kind {
            Some(kind) if !is_known(&kind) => ErrorCode::UnknownType,
            Some(_) => ErrorCode::InvalidField,
            None => ErrorCode::BadMessage,
        };
        (RequestId(envelope.id), code)
    })
}

/// Whether there is a request of this type. Asked without its fields: the value of one may be an unknown variant too.
fn is_known(kind: &str) -> bool {
    let alone = serde_json::from_value::<ClientMessage>(serde_json::json!({ "type": kind }));
    !alone.is_err_and(|error| error.to_string().contains("unknown variant"))
}

/// The text of an answer.
pub(crate) fn answer(re: RequestId, reply: Reply) -> Utf8Bytes {
    text_of(&ServerMessage::Reply { re, reply })
}

/// The text of a message, serialised once for however many read it.
pub(crate) fn text_of(message: &ServerMessage) -> Utf8Bytes {
    serde_json::to_string(message).expect("invariant: every message serialises").into()
}

async fn write<S>(
    socket: &mut WebSocketStream<S>,
    outbox: &Outbox,
    text: Utf8Bytes,
) -> Result<(), End>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    tokio::select! {
        sent = socket.send(Message::Text(text)) => Ok(sent?),
        () = outbox.overflowed() => Err(ErrorCode::SlowReader.into()),
    }
}

/// Says why, closes, and waits a moment for the other side to agree.
async fn close<S>(socket: &mut WebSocketStream<S>, error: ErrorBody)
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let code = error.code.close_code().map_or(CloseCode::Policy, CloseCode::from);
    let reason = error.code.as_str().into();
    let goodbye = async {
        let closing = text_of(&ServerMessage::Direct(DirectEvent::Closing { error }));
        socket.send(Message::Text(closing)).await?;
        socket.close(Some(CloseFrame { code, reason })).await?;
        while let Some(Ok(_)) = socket.next().await {}
        Ok::<(), WsError>(())
    };
    // A peer that does not answer the closing handshake in time is simply dropped.
    let _ = tokio::time::timeout(CLOSE, goodbye).await;
}
