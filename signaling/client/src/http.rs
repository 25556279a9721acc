//! The few HTTP calls a client makes. One connection per call: they are rare.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{HeaderMap, Method, Request, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use palco_protocol::{
    RoomId,
    http::{CreateGuest, CreateRoom, Guest, LiveRoom, Problem, RoomCreated},
};
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::timeout;

use crate::{Error, Server};

const EXCHANGE_TIMEOUT: Duration = Duration::from_secs(10);
/// Larger than any answer of the API; a client's memory is bounded too.
const ANSWER_MAX_BYTES: usize = 4 * 1024 * 1024;

/// An answer as it came.
#[derive(Clone)]
pub struct HttpAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The content type, or nothing.
    pub content_type: String,
    /// All headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl std::fmt::Debug for HttpAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The body may hold a token.
        f.debug_struct("HttpAnswer")
            .field("status", &self.status)
            .field("body_bytes", &self.body.len())
            .finish()
    }
}

impl Server {
    /// A new person without an account.
    ///
    /// # Errors
    /// [`Error::Problem`] if the name is refused, or the server cannot be reached.
    pub async fn guest(&self, name: &str) -> Result<Guest, Error> {
        self.post("/api/v1/guests", None, &CreateGuest { name: name.to_owned() }).await
    }

    /// A new room whose host is the token's person.
    ///
    /// # Errors
    /// [`Error::Problem`] if it is refused, or the server cannot be reached.
    pub async fn create_room(&self, token: &str, title: &str) -> Result<RoomCreated, Error> {
        let room = CreateRoom { title: title.to_owned(), ..CreateRoom::default() };
        self.post("/api/v1/rooms", Some(token), &room).await
    }

    /// A live room as others see it before they enter.
    ///
    /// # Errors
    /// [`Error::Problem`] if there is none, or the server cannot be reached.
    pub async fn room(&self, room: RoomId) -> Result<LiveRoom, Error> {
        read(&self.http("GET", &format!("/api/v1/rooms/{room}"), None, None).await?)
    }

    /// Any request of the API, its answer unread: for calls that have no method here, and tests.
    ///
    /// # Errors
    /// Only if the exchange itself fails; an error status is an answer.
    pub async fn http(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        json: Option<Vec<u8>>,
    ) -> Result<HttpAnswer, Error> {
        self.http_with(method, path, token, &[], json).await
    }

    /// The same, with further headers.
    ///
    /// # Errors
    /// As of `http`.
    pub async fn http_with(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        headers: &[(&str, &str)],
        json: Option<Vec<u8>>,
    ) -> Result<HttpAnswer, Error> {
        let method: Method =
            method.parse().map_err(|_| Error::Http("not an HTTP method".to_owned()))?;
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, self.authority())
            .header(header::CONNECTION, "close");
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if json.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let request = request
            .body(Full::new(Bytes::from(json.unwrap_or_default())))
            // Never the error itself: it could quote the token.
            .map_err(|_| Error::Http("the request has an unusable path or token".to_owned()))?;
        let dialled = self.dial().await?;
        timeout(EXCHANGE_TIMEOUT, exchange(dialled.stream, request))
            .await
            .map_err(|_| Error::Timeout { what: "HTTP answer", within: EXCHANGE_TIMEOUT })?
    }

    async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        token: Option<&str>,
        body: &impl Serialize,
    ) -> Result<T, Error> {
        let body = serde_json::to_vec(body).map_err(|e| Error::Http(e.to_string()))?;
        read(&self.http("POST", path, token, Some(body)).await?)
    }
}

async fn exchange(
    stream: Box<dyn crate::transport::ByteStream>,
    request: Request<Full<Bytes>>,
) -> Result<HttpAnswer, Error> {
    let failed = |e: hyper::Error| Error::Http(e.to_string());
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(failed)?;
    let answer = async {
        let answer = sender.send_request(request).await.map_err(failed)?;
        let status = answer.status().as_u16();
        let content_type = answer
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .to_owned();
        let headers = answer.headers().clone();
        let body = Limited::new(answer.into_body(), ANSWER_MAX_BYTES)
            .collect()
            .await
            .map_err(|e| Error::Http(e.to_string()))?
            .to_bytes();
        Ok(HttpAnswer { status, content_type, headers, body })
    };
    // The connection must be driven while the answer is read; whichever way it ends, the answer
    // (complete, or an error because the connection broke) is the result.
    let drive = async {
        let _ = connection.await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        answer = answer => answer,
        () = drive => unreachable!("invariant: driving never completes"),
    }
}

fn read<T: DeserializeOwned>(answer: &HttpAnswer) -> Result<T, Error> {
    if !(200..300).contains(&answer.status) {
        let problem: Option<Problem> = serde_json::from_slice(&answer.body).ok();
        return Err(Error::Problem { status: answer.status, problem: problem.map(Box::new) });
    }
    serde_json::from_slice(&answer.body)
        .map_err(|e| Error::Http(format!("unreadable answer: {:?} error", e.classify())))
}
