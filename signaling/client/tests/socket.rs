//! The socket's half of the client against a scripted server: what is asked is answered by id, what
//! is not asked is an event, and the end of the connection is told to everybody who waits.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use palco_client::{Client, Error, Server, ServerEvent};
use palco_protocol::{
    ClientMessage, Counts, DirectEvent, ErrorCode, Event, Reply, Request, RequestId, RoomEvent,
    SUBPROTOCOL,
};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::{
    WebSocketStream, accept_hdr_async,
    tungstenite::{
        Message,
        handshake::server::{Request as Handshake, Response},
        protocol::CloseFrame,
    },
};

const PATIENCE: Duration = Duration::from_secs(10);
const WELCOME: &str = r#"{"re":<id>,"type":"welcome","session":"s3cret","reconnect_grace_ms":30000,
    "person":{"id":"0198c0de-0000-7000-8000-000000000001","name":"Ada"}}"#;

type Socket = WebSocketStream<TcpStream>;

#[expect(clippy::result_large_err, reason = "the library's callback")]
fn same_subprotocol(
    request: &Handshake,
    mut response: Response,
) -> Result<Response, ErrorResponse> {
    let asked = request.headers().get("sec-websocket-protocol").unwrap().clone();
    assert_eq!(asked, SUBPROTOCOL);
    assert_eq!(request.uri().path(), "/ws");
    response.headers_mut().insert("sec-websocket-protocol", asked);
    Ok(response)
}

type ErrorResponse = tokio_tungstenite::tungstenite::handshake::server::ErrorResponse;

/// A client that has said hello, and the server's end of its socket.
async fn greeted() -> (Client, Socket) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server: Server = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let serving = async {
        let (stream, _) = listener.accept().await.unwrap();
        let mut socket = accept_hdr_async(stream, same_subprotocol).await.unwrap();
        let hello = asked(&mut socket).await;
        let ClientMessage::Hello { token, resume } = hello.message else {
            panic!("the first message is hello");
        };
        assert_eq!((token.as_deref(), resume), (Some("t0ken"), None));
        say(&mut socket, &WELCOME.replace("<id>", &hello.id.0.to_string())).await;
        socket
    };
    let (client, socket) = tokio::join!(server.connect("t0ken"), serving);
    (client.unwrap(), socket)
}

async fn asked(socket: &mut Socket) -> Request {
    let text = socket.next().await.unwrap().unwrap().into_text().unwrap();
    serde_json::from_str(&text).unwrap()
}

async fn say(socket: &mut Socket, text: &str) {
    socket.send(Message::text(text)).await.unwrap();
}

#[tokio::test]
async fn answers_find_their_request_in_any_order() {
    let (client, mut socket) = greeted().await;
    let (hand, mute, ()) = tokio::join!(
        client.request(ClientMessage::RaiseHand),
        client.request(ClientMessage::Mute),
        async {
            let (first, second) = (asked(&mut socket).await, asked(&mut socket).await);
            assert_eq!(first.message, ClientMessage::RaiseHand);
            assert_eq!(second.message, ClientMessage::Mute);
            let refused = format!(
                r#"{{"re":{},"type":"error","error":{{"code":"not_on_stage","message":"no"}}}}"#,
                second.id.0
            );
            say(&mut socket, &refused).await;
            say(&mut socket, &format!(r#"{{"re":{},"type":"ok"}}"#, first.id.0)).await;
        }
    );
    assert_eq!(hand.unwrap(), Reply::Ok);
    assert_eq!(mute.unwrap_err().code(), Some(ErrorCode::NotOnStage));
}

#[tokio::test]
async fn what_was_not_asked_is_an_event_and_the_unknown_is_passed_over() {
    let (mut client, mut socket) = greeted().await;
    say(&mut socket, r#"{"seq":4,"type":"counts","counts":{"listeners":2,"hands":0}}"#).await;
    say(&mut socket, r#"{"type":"from_a_newer_server"}"#).await;
    say(&mut socket, "not even JSON").await;
    say(&mut socket, r#"{"type":"media_connected"}"#).await;
    say(&mut socket, r#"{"re":99,"type":"ok"}"#).await;
    let counts = Counts { listeners: 2, hands: 0 };
    for expected in [
        ServerEvent::Room(Event { seq: 4, event: RoomEvent::Counts { counts } }),
        ServerEvent::Direct(DirectEvent::MediaConnected),
        ServerEvent::Unasked { re: RequestId(99), reply: Reply::Ok },
    ] {
        assert_eq!(client.next_event().await, Some(expected));
    }
    assert_eq!(client.events_dropped(), 0);
}

#[tokio::test]
async fn the_end_is_told_to_all_who_wait() {
    let (mut client, mut socket) = greeted().await;
    let requests = client.requests();
    let (answer, closed, ()) =
        tokio::join!(requests.request(ClientMessage::Ping), client.wait_closed(PATIENCE), async {
            asked(&mut socket).await;
            let frame = CloseFrame { code: 4006.into(), reason: "taken_over".into() };
            socket.close(Some(frame)).await.unwrap();
        });
    let closed = closed.unwrap();
    assert_eq!((closed.code, closed.reason.as_str()), (Some(4006), "taken_over"));
    assert!(matches!(answer, Err(Error::Closed(Some(same))) if same == closed));
    assert_eq!(client.next_event().await, None);
    assert!(matches!(client.request(ClientMessage::Ping).await, Err(Error::Closed(Some(_)))));
}

#[tokio::test]
async fn a_dropped_client_cuts_the_connection_without_a_goodbye() {
    let (client, mut socket) = greeted().await;
    drop(client);
    let end = tokio::time::timeout(PATIENCE, socket.next()).await.unwrap();
    assert!(!matches!(end, Some(Ok(_))), "no close frame: {end:?}");
}

#[tokio::test]
async fn secrets_are_not_printed() {
    let (client, _socket) = greeted().await;
    assert_eq!(client.session(), "s3cret");
    let printed = format!("{client:?} {:?}", client.welcome());
    assert!(!printed.contains("s3cret"), "{printed}");
}
