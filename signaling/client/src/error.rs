//! What can go wrong at a client. No token, session or link secret is ever in one of these.

use std::time::Duration;

use palco_protocol::{ErrorBody, ErrorCode, http::Problem};

use crate::Closed;

/// Everything a client's functions fail with.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not `http://host[:port]` or `https://host[:port]`.
    #[error("not a server's address: {0}")]
    BadAddress(&'static str),
    /// What should say whom to trust does not.
    #[error("not certificates of authorities: {0}")]
    BadAuthority(&'static str),
    /// Not `<server>/r/<room>[#<secret>]`.
    #[error("not a link to a room: {0}")]
    BadLink(&'static str),
    /// Name not resolved, connection or TLS handshake failed.
    #[error("cannot reach {server}: {cause}")]
    Unreachable {
        /// The address as given.
        server: String,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
    /// The HTTP exchange broke off.
    #[error("HTTP: {0}")]
    Http(String),
    /// The HTTP API refused.
    #[error("the server answered {status}{}", .problem.as_ref().map(|p| format!(": {}", p.title)).unwrap_or_default())]
    Problem {
        /// The HTTP status.
        status: u16,
        /// The body, if it was one of ours.
        problem: Option<Box<Problem>>,
    },
    /// The WebSocket could not be opened (its handshake answered with an HTTP status) or broke.
    #[error("WebSocket: {0}")]
    Socket(#[from] Box<tokio_tungstenite::tungstenite::Error>),
    /// The WebSocket is closed; what the other side said of it.
    #[error("the connection is closed{}", .0.as_ref().map(|c| format!(" ({c})")).unwrap_or_default())]
    Closed(Option<Closed>),
    /// The server refused a request; nothing changed.
    #[error("refused: {} ({})", .0.message, .0.code.as_str())]
    Refused(ErrorBody),
    /// The answer is not one that this request has.
    #[error("unexpected answer to {0}")]
    Unexpected(&'static str),
    /// Something did not happen in time.
    #[error("no {what} within {} ms", .within.as_millis())]
    Timeout {
        /// What was waited for.
        what: &'static str,
        /// For how long.
        within: Duration,
    },
    /// The room ended, or we were removed, before we were done.
    #[error("the room is over for us: {0}")]
    Ended(&'static str),
    /// The peer connection failed.
    #[error("media: {0}")]
    Media(#[from] webrtc::error::Error),
    /// The codec failed.
    #[error("Opus: {0}")]
    Opus(#[from] opus::Error),
    /// Not Ogg Opus, or a kind of it we cannot send.
    #[error("not a usable Ogg Opus file: {0}")]
    BadOgg(&'static str),
    /// Reading or writing a file failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl Error {
    /// The stable code of a refusal, from the WebSocket or the HTTP API.
    #[must_use]
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Refused(body) => Some(body.code),
            Self::Problem { problem: Some(problem), .. } => Some(problem.code),
            _ => None,
        }
    }
}

impl From<tokio_tungstenite::tungstenite::Error> for Error {
    fn from(error: tokio_tungstenite::tungstenite::Error) -> Self {
        Self::Socket(Box::new(error))
    }
}
