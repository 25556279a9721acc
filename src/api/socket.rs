//! The WebSocket's handshake (RFC 6455, section 4.2): checked here, then the bare connection goes to signalling.
//!
//! Done by hand because the connection is unwrapped to its TCP or TLS stream and gets signalling's own small
//! buffers: ten thousand idle listeners must not cost the HTTP server's.

use std::net::SocketAddr;

use axum::{
    body::Body,
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use palco_protocol::{ErrorCode, SUBPROTOCOL};
use palco_signaling::{Arrival, websocket_config};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{handshake::derive_accept_key, protocol::Role},
};

use super::{
    App,
    caller::{cookie, origin_allowed},
    problem::Refused,
    rate::Origin,
};
use crate::listener::Stream;

/// What the kernel may hold for a reader: the outbox decides who is too slow, not megabytes of the kernel's
/// (Linux grows a send buffer up to 4 MiB).
const SEND_BUFFER_BYTES: usize = 64 * 1024;

/// `GET /ws`
pub(super) async fn open(
    State(app): State<App>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    origin: Origin,
    mut request: Request,
) -> Result<Response, Refused> {
    let headers = request.headers();
    let bad = |what: &str| Refused::with(ErrorCode::BadMessage, what);
    if !lists(headers, header::CONNECTION, "upgrade")
        || !lists(headers, header::UPGRADE, "websocket")
        || !lists(headers, header::SEC_WEBSOCKET_VERSION, "13")
    {
        return Err(bad("not a WebSocket handshake of version 13"));
    }
    if !lists(headers, header::SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL) {
        return Err(bad("the subprotocol palco.v1 is not among those offered"));
    }
    if !origin_allowed(headers, &app.origins) {
        return Err(ErrorCode::ForbiddenOrigin.into());
    }
    // The origin is this server's: its cookie may say who comes, for a hello without a token.
    let arrival = Arrival { token: cookie(headers).map(str::to_owned), origin: origin.mark() };
    let key = headers.get(header::SEC_WEBSOCKET_KEY).ok_or_else(|| bad("no key"))?;
    let accept = derive_accept_key(key.as_bytes());
    let accept = HeaderValue::from_str(&accept).map_err(|_| bad("no usable key"))?;
    let place = app.connections.pass(peer.ip(), origin).map_err(|_| ErrorCode::TooMany)?;
    let upgrade = request
        .extensions_mut()
        .remove::<OnUpgrade>()
        .ok_or_else(|| bad("this connection cannot be upgraded"))?;

    tokio::spawn(async move {
        let Ok(upgraded) = upgrade.await else { return };
        let Ok(parts) = upgraded.downcast::<TokioIo<Stream>>() else {
            tracing::error!("an upgraded connection was none of ours");
            return;
        };
        let (stream, early) = (parts.io.into_inner(), parts.read_buf.to_vec());
        // A view of the HTTP server's read buffer, 16 KiB: it must not live as long as the socket.
        drop(parts.read_buf);
        let _ = socket2::SockRef::from(stream.tcp()).set_send_buffer_size(SEND_BUFFER_BYTES);
        let config = Some(websocket_config());
        let socket =
            WebSocketStream::from_partially_read(stream, early, Role::Server, config).await;
        app.signaling.serve(socket, arrival).await;
        drop(place);
    });

    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    Ok(response)
}

/// Whether a comma-separated header names `item`, in any case.
fn lists(headers: &HeaderMap, name: header::HeaderName, item: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|value| value.trim().eq_ignore_ascii_case(item))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(list: &[(&'static str, &'static str)]) -> HeaderMap {
        list.iter()
            .map(|(name, value)| {
                (header::HeaderName::from_static(name), HeaderValue::from_static(value))
            })
            .collect()
    }

    #[test]
    fn lists_are_read_item_by_item() {
        let both = headers(&[("connection", "keep-alive, Upgrade")]);
        assert!(lists(&both, header::CONNECTION, "upgrade"));
        assert!(!lists(&both, header::CONNECTION, "up"));
    }
}
