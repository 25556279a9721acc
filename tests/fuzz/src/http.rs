//! HTTP bodies: whatever is posted, the answer is a success or a problem that names whose fault it is.

use palco_protocol::http::Problem;

use crate::live::{Connection, live};

/// What is asked: a method and a path, in which `{}` is whatever the data says, `{room}` a room that is live and
/// `{planned}` one that is planned. New ones stand at the end: what is kept names them by their place.
///
/// All of the API, as a test beside it says, but for what would end the caller's own session.
pub const PATHS: [(&str, &str); 72] = [
    ("POST", "/api/v1/guests"),
    ("POST", "/api/v1/accounts"),
    ("POST", "/api/v1/session"),
    ("POST", "/api/v1/password-resets"),
    ("POST", "/api/v1/password-resets/{}"),
    ("PATCH", "/api/v1/me"),
    ("POST", "/api/v1/me/password"),
    ("PUT", "/api/v1/me/avatar"),
    ("GET", "/api/v1/people?{}"),
    ("GET", "/api/v1/people/{}"),
    ("GET", "/api/v1/people/{}/followers?{}"),
    ("PUT", "/api/v1/people/{}/follow"),
    ("DELETE", "/api/v1/people/{}/block"),
    ("POST", "/api/v1/rooms"),
    ("GET", "/api/v1/rooms/{}"),
    ("POST", "/api/v1/{}"),
    ("GET", "/avatars/{}"),
    ("GET", "/metrics?{}"),
    ("GET", "/r/{}"),
    ("POST", "/{}"),
    ("GET", "/api/v1/openapi.json"),
    ("GET", "/api/v1/me"),
    ("DELETE", "/api/v1/me/avatar"),
    ("GET", "/api/v1/me/export"),
    ("GET", "/api/v1/me/blocks?{}"),
    ("GET", "/api/v1/people/suggestions?{}"),
    ("GET", "/api/v1/people/{}/following?{}"),
    ("DELETE", "/api/v1/people/{}/follow"),
    ("PUT", "/api/v1/people/{}/block"),
    ("PUT", "/api/v1/people/ada/notices"),
    ("PUT", "/api/v1/people/{}/notices"),
    ("GET", "/api/v1/push/key"),
    ("PUT", "/api/v1/push/subscriptions"),
    ("DELETE", "/api/v1/push/subscriptions"),
    ("GET", "/api/v1/notifications?{}"),
    ("GET", "/api/v1/notifications/unread"),
    ("POST", "/api/v1/notifications/read"),
    ("GET", "/api/v1/notifications/preferences"),
    ("PUT", "/api/v1/notifications/preferences"),
    ("GET", "/api/v1/rooms?{}"),
    ("POST", "/api/v1/rooms/{room}/guests"),
    ("POST", "/api/v1/rooms/{}/guests"),
    ("GET", "/api/v1/rooms/{room}/history?{}"),
    ("GET", "/api/v1/rooms/{}/history?{}"),
    ("GET", "/api/v1/hallway?{}"),
    ("POST", "/api/v1/scheduled"),
    ("GET", "/api/v1/scheduled?{}"),
    ("GET", "/api/v1/scheduled/{}"),
    ("PATCH", "/api/v1/scheduled/{planned}"),
    ("PATCH", "/api/v1/scheduled/{}"),
    ("DELETE", "/api/v1/scheduled/{}"),
    ("PUT", "/api/v1/scheduled/{planned}/rsvp"),
    ("PUT", "/api/v1/scheduled/{}/rsvp"),
    ("DELETE", "/api/v1/scheduled/{}/rsvp"),
    ("GET", "/api/v1/scheduled/{planned}/attendees?{}"),
    ("GET", "/api/v1/scheduled/{}/attendees?{}"),
    ("POST", "/api/v1/scheduled/{}/start"),
    ("GET", "/api/v1/admin/rooms?{}"),
    ("DELETE", "/api/v1/admin/rooms/{}"),
    ("PUT", "/api/v1/admin/people/{}/suspension"),
    ("DELETE", "/api/v1/admin/people/{}/suspension"),
    ("PUT", "/api/v1/admin/people/{}/operator"),
    ("DELETE", "/api/v1/admin/people/{}/operator"),
    ("GET", "/api/v1/admin/reports?{}"),
    ("PUT", "/api/v1/admin/reports/{}/handled"),
    ("GET", "/api/v1/admin/keys?{}"),
    ("POST", "/api/v1/admin/keys"),
    ("DELETE", "/api/v1/admin/keys/{}"),
    ("GET", "/ws?{}"),
    ("GET", "/healthz?{}"),
    ("GET", "/readyz?{}"),
    ("GET", "/{}"),
];

/// The first byte chooses the path, the second whether the caller says who they are; the rest is sent.
pub fn http(data: &[u8]) {
    let Some(([path, known], data)) = data.split_first_chunk::<2>() else {
        return;
    };
    let live = live();
    let (method, path) = PATHS[usize::from(*path) % PATHS.len()];
    let path = &*path.replace("{room}", &live.room).replace("{planned}", &live.planned);
    let (path, body) = match path.split_once('?') {
        Some((path, _)) => (format!("{}?{}", filled(path, data), query(data)), &b""[..]),
        None if path.contains("{}") => (filled(path, data), &b""[..]),
        None => (path.to_owned(), data),
    };
    let token = [None, Some(&*live.token), Some(&*live.guest)][usize::from(*known) % 3];
    let mut connection = Connection::open(live.address).expect("a connection");
    let answer = connection.ask(method, &path, token, body);
    let answer = answer.unwrap_or_else(|error| panic!("{method} {path}: no answer: {error}"));
    assert!((200..500).contains(&answer.status), "{method} {path}: {}", answer.status);
    if answer.status >= 400 && path.starts_with("/api/") {
        assert_eq!(answer.content_type, "application/problem+json", "{method} {path}");
        let problem: Problem = serde_json::from_slice(&answer.body).expect("a problem");
        assert_eq!(problem.status, answer.status);
    }
}

/// The API's own list of its paths, as it is served.
#[must_use]
pub fn document() -> Vec<u8> {
    let mut connection = Connection::open(live().address).expect("a connection");
    connection.ask("GET", "/api/v1/openapi.json", None, b"").expect("an answer").body
}

fn filled(path: &str, data: &[u8]) -> String {
    path.replace("{}", &percent_encoded(data))
}

/// What the data means as a query: its `=` and `&` are left.
fn query(data: &[u8]) -> String {
    let parts = data.split_inclusive(|byte| b"=&".contains(byte));
    let encoded = parts.map(|part| match part.split_last() {
        Some((last @ (b'=' | b'&'), rest)) => {
            percent_encoded(rest) + &char::from(*last).to_string()
        }
        _ => percent_encoded(part),
    });
    encoded.collect()
}

/// RFC 3986, section 2.1: as one segment or value. Longer ones than a server reads are cut.
fn percent_encoded(data: &[u8]) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let byte = |byte: &u8| match plain(*byte) {
        true => char::from(*byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    data.iter().take(2_000).map(byte).collect()
}
