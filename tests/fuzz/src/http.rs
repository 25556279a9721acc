//! HTTP bodies: whatever is posted, the answer is a success or a problem that names whose fault it is.

use palco_protocol::http::Problem;

use crate::live::{Connection, live};

/// What reads something of the caller's. `{}` is whatever the data says.
const PATHS: [(&str, &str); 20] = [
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
];

/// The first byte chooses the path, the second whether the caller says who they are; the rest is sent.
pub fn http(data: &[u8]) {
    let Some(([path, known], data)) = data.split_first_chunk::<2>() else {
        return;
    };
    let (method, path) = PATHS[usize::from(*path) % PATHS.len()];
    let (path, body) = match path.split_once('?') {
        Some((path, _)) => (format!("{}?{}", filled(path, data), query(data)), &b""[..]),
        None if path.contains("{}") => (filled(path, data), &b""[..]),
        None => (path.to_owned(), data),
    };
    let live = live();
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
