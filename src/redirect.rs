//! The plain-HTTP port beside an HTTPS one: sends browsers on to it, and serves nothing.

use std::{io, net::SocketAddr};

use axum::{
    Router,
    http::{HeaderMap, StatusCode, Uri, header, uri::Authority},
    response::{IntoResponse, Redirect, Response},
};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use crate::{
    connections::Connections,
    listener::Listener,
    serve::{Deadlines, serve},
};

/// Starts sending on to the same name at `port`. Must be called within a tokio runtime.
pub(crate) async fn start(
    from: SocketAddr,
    port: u16,
    connections: Connections,
    stop: watch::Receiver<bool>,
) -> io::Result<JoinHandle<()>> {
    let listener = TcpListener::bind(from).await?;
    tracing::info!("sending on to HTTPS from http://{}", listener.local_addr()?);
    let router = Router::new()
        .fallback(async move |headers: HeaderMap, uri: Uri| send_on(&headers, &uri, port));
    let listener = Listener::new(listener, None, connections);
    Ok(tokio::spawn(serve(listener, router, Deadlines::default(), stop)))
}

fn send_on(headers: &HeaderMap, uri: &Uri, port: u16) -> Response {
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok());
    let Some(host) = host.and_then(|host| host.parse::<Authority>().ok()) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    // Without the port where it is the usual one: the address as people know it.
    let port = if port == 443 { String::new() } else { format!(":{port}") };
    Redirect::permanent(&format!("https://{}{port}{path}", host.host())).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn location(host: &'static str, path: &'static str, port: u16) -> Option<String> {
        let headers = [(header::HOST, host.parse().unwrap())].into_iter().collect();
        let response = send_on(&headers, &Uri::from_static(path), port);
        let location = response.headers().get(header::LOCATION)?;
        assert_eq!(response.status(), StatusCode::PERMANENT_REDIRECT);
        Some(location.to_str().unwrap().to_owned())
    }

    #[test]
    fn browsers_are_sent_to_the_same_page_by_https() {
        let own = |host, path| location(host, path, 443);
        assert_eq!(own("rooms.example", "/r/1?a=b").unwrap(), "https://rooms.example/r/1?a=b");
        assert_eq!(own("rooms.example:80", "/").unwrap(), "https://rooms.example/");
        assert_eq!(own("[::1]:80", "/").unwrap(), "https://[::1]/");
        assert_eq!(location("a.example", "/", 8443).unwrap(), "https://a.example:8443/");
        assert_eq!(own("not a host", "/"), None);
    }
}
