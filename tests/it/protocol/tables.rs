//! The document's tables against the code: names, fields, codes, limits, timers, permissions.

use std::collections::{BTreeMap, BTreeSet};

use palco_protocol::{ErrorCode, limits};

use super::{
    DOCUMENT,
    declared::{Declared, Fields, declared},
    transcript::blocks,
};

/// The rows of all tables whose first column has this title.
pub(super) fn rows(title: &str) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let mut lines = DOCUMENT.lines().peekable();
    while let Some(line) = lines.next() {
        if cells(line).first().is_none_or(|cell| cell != title) {
            continue;
        }
        let rule = lines.next().expect("a table's second line");
        assert!(rule.starts_with("|---"), "no table: {line}");
        while let Some(row) = lines.next_if(|line| line.starts_with('|')) {
            assert_eq!(cells(row).len(), cells(line).len(), "{row}");
            rows.push(cells(row));
        }
    }
    assert!(!rows.is_empty(), "no table of {title}");
    rows
}

fn cells(line: &str) -> Vec<String> {
    let inside = line.strip_prefix('|').and_then(|line| line.strip_suffix('|'));
    inside
        .map(|line| line.split('|').map(|cell| cell.trim().to_owned()).collect())
        .unwrap_or_default()
}

/// What stands in backticks.
pub(super) fn code(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn name(row: &[String]) -> String {
    code(&row[0]).into_iter().next().unwrap_or_else(|| panic!("no name in {row:?}"))
}

/// A table's first column with the fields of its second; no name twice.
fn described(rows: &[Vec<String>]) -> BTreeMap<String, Fields> {
    let described: BTreeMap<_, _> = rows.iter().map(|row| (name(row), code(&row[1]))).collect();
    assert_eq!(described.len(), rows.len(), "a name stands twice");
    described
}

fn messages(name: &str) -> BTreeMap<String, Fields> {
    match declared().remove(name) {
        Some(Declared::Messages(messages)) => messages,
        other => panic!("{name} is {other:?}"),
    }
}

#[test]
fn every_message_is_described_with_its_fields() {
    // The permission table has requests in its first column too, but other columns.
    let requests: Vec<_> = rows("Request").into_iter().filter(|row| row.len() == 4).collect();
    let requests: Vec<_> = requests.into_iter().filter(|row| !row[0].contains('/')).collect();
    assert_eq!(described(&requests), messages("ClientMessage"));
    assert_eq!(described(&rows("Answer")), messages("Reply"));
    let mut events = messages("RoomEvent");
    events.extend(messages("DirectEvent"));
    assert_eq!(described(&rows("Event")), events);
}

#[test]
fn every_refusal_named_is_one_of_the_codes() {
    let codes: BTreeSet<_> = ErrorCode::ALL.iter().map(|code| code.as_str().to_owned()).collect();
    for row in rows("Request").iter().filter(|row| row.len() == 4 && !row[0].contains('/')) {
        for refusal in code(&row[3]) {
            assert!(codes.contains(&refusal), "{} refuses with {refusal}", row[0]);
        }
    }
}

#[test]
fn every_type_is_described_with_its_fields_or_values() {
    let mut written = BTreeMap::new();
    for (_, text) in blocks(DOCUMENT, "ts") {
        let lines = text.lines().map(|line| line.split("//").next().unwrap_or_default().trim());
        let text = lines.collect::<Vec<_>>().join(" ");
        for declaration in text.split("type ").skip(1).filter(|text| text.contains(" = ")) {
            let (name, body) = declaration.split_once(" = ").expect("a declaration");
            let body = body.trim().trim_end_matches(';');
            let fields = body.strip_prefix('{').and_then(|body| body.strip_suffix('}'));
            let declared = match fields {
                Some(fields) => {
                    let fields = fields.split(';').map(|field| field.trim().to_owned());
                    Declared::Object(fields.filter(|field| !field.is_empty()).collect())
                }
                None => Declared::Alias(body.to_owned()),
            };
            assert!(written.insert(name.to_owned(), declared).is_none(), "{name} stands twice");
        }
    }
    for row in rows("Type") {
        // What stands in brackets explains a value and may name others.
        let mut values = String::new();
        let mut depth = 0;
        for c in row[1].chars() {
            depth += i32::from(c == '(') - i32::from(c == ')');
            if depth == 0 {
                values.push(c);
            }
        }
        written.insert(name(&row), Declared::Texts(code(&values)));
    }
    let codes = rows("Code").iter().map(|row| name(row)).collect();
    written.insert("ErrorCode".to_owned(), Declared::Texts(codes));

    let mut expected = declared();
    // These stand in the table of answers.
    for answer in ["Welcome", "Joined"] {
        assert!(matches!(expected.remove(answer), Some(Declared::Object(_))), "{answer}");
    }
    expected.retain(|_, kind| !matches!(kind, Declared::Messages(_) | Declared::Composed));
    for (name, kind) in &expected {
        assert_eq!(written.get(name), Some(kind), "{name}");
    }
    assert_eq!(written.len(), expected.len(), "a type that does not exist is described");
}

#[test]
fn every_error_has_its_status_and_close_code() {
    let written: Vec<_> = rows("Code")
        .iter()
        .map(|row| {
            let close = (!row[2].is_empty()).then(|| row[2].parse::<u16>().expect("a close code"));
            (name(row), row[1].parse::<u16>().expect("a status"), close)
        })
        .collect();
    let codes = ErrorCode::ALL.iter();
    let table: Vec<_> = codes
        .map(|code| (code.as_str().to_owned(), code.http_status(), code.close_code()))
        .collect();
    assert_eq!(written, table);
}

#[test]
fn every_close_code_says_what_to_do() {
    let (_, advice) =
        DOCUMENT.split_once("**What to do when the server closes.**").expect("advice");
    for close in ErrorCode::ALL.iter().filter_map(|code| code.close_code()) {
        assert!(advice.contains(&close.to_string()), "{close}");
    }
}

#[test]
fn every_limit_stands_with_its_value() {
    let limits: BTreeMap<_, _> = [
        ("MESSAGE_MAX_BYTES", limits::MESSAGE_MAX_BYTES as u64),
        ("OFFER_MAX_BYTES", limits::OFFER_MAX_BYTES as u64),
        ("NAME_MAX_CHARS", limits::NAME_MAX_CHARS as u64),
        ("TITLE_MAX_CHARS", limits::TITLE_MAX_CHARS as u64),
        ("DESCRIPTION_MAX_CHARS", limits::DESCRIPTION_MAX_CHARS as u64),
        ("CHAT_MAX_CHARS", limits::CHAT_MAX_CHARS as u64),
        ("LINK_MAX_BYTES", limits::LINK_MAX_BYTES as u64),
        ("REPORT_MAX_CHARS", limits::REPORT_MAX_CHARS as u64),
        ("CHAT_HISTORY_LINES", limits::CHAT_HISTORY_LINES as u64),
        ("AUDIENCE_PAGE", limits::AUDIENCE_PAGE as u64),
        ("HELLO_TIMEOUT_MS", limits::HELLO_TIMEOUT_MS),
        ("ENDPOINT_MAX_BYTES", limits::ENDPOINT_MAX_BYTES as u64),
        ("STAGE_MAX", limits::STAGE_MAX as u64),
        ("HANDLE_MIN_CHARS", limits::HANDLE_MIN_CHARS as u64),
        ("HANDLE_MAX_CHARS", limits::HANDLE_MAX_CHARS as u64),
        ("PASSWORD_MIN_CHARS", limits::PASSWORD_MIN_CHARS as u64),
        ("PASSWORD_MAX_CHARS", limits::PASSWORD_MAX_CHARS as u64),
        ("EMAIL_MAX_CHARS", limits::EMAIL_MAX_CHARS as u64),
        ("HEADLINE_MAX_CHARS", limits::HEADLINE_MAX_CHARS as u64),
        ("BIO_MAX_CHARS", limits::BIO_MAX_CHARS as u64),
        ("LIST_MAX", limits::LIST_MAX as u64),
        ("TOPIC_MAX_CHARS", limits::TOPIC_MAX_CHARS as u64),
        ("AVATAR_MAX_BYTES", limits::AVATAR_MAX_BYTES as u64),
        ("CO_HOSTS_MAX", limits::CO_HOSTS_MAX as u64),
        ("INVITED_MAX", limits::INVITED_MAX as u64),
        ("SCHEDULED_MAX", limits::SCHEDULED_MAX as u64),
        ("SCHEDULED_AHEAD_MS", limits::SCHEDULED_AHEAD_MS.unsigned_abs()),
        ("DURATION_MAX_MS", limits::DURATION_MAX_MS),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect();
    let source = include_str!("../../../signaling/protocol/src/limits.rs");
    let constants: BTreeSet<_> = source
        .lines()
        .filter_map(|line| line.strip_prefix("pub const ")?.split(':').next().map(str::to_owned))
        .collect();
    assert_eq!(constants, limits.keys().cloned().collect(), "a limit is not compared");
    let written: BTreeMap<_, _> =
        rows("Limit").iter().map(|row| (name(row), row[1].parse().expect("a number"))).collect();
    assert_eq!(written, limits);
}

#[test]
fn every_named_timer_stands_with_its_default() {
    // `Timers { reconnect_grace_ms: 30000, …, max_duration_ms: None }`
    let timers = format!("{:?}", palco_room::Timers::default());
    let inside = timers.split_once("{ ").and_then(|(_, rest)| rest.strip_suffix(" }"));
    let defaults: BTreeMap<_, _> = inside
        .expect("fields")
        .split(", ")
        .map(|field| {
            let (name, value) = field.split_once("_ms: ").expect("a time");
            let value = match value.parse::<u64>() {
                Ok(ms) => format!("{} s", ms / 1_000),
                Err(_) => value.to_lowercase(),
            };
            (name.to_owned(), value)
        })
        .collect();
    let written: BTreeMap<_, _> =
        rows("Timer").iter().map(|row| (name(row), row[1].clone())).collect();
    assert_eq!(written, defaults);
}

#[test]
fn the_permission_table_is_the_rooms() {
    // `(Action::RaiseHand, [Y, N, N, N, N], ErrorCode::Forbidden),`
    let source = include_str!("../../../signaling/room/src/roles.rs");
    let table: BTreeMap<String, (String, String)> = source
        .lines()
        .filter_map(|line| line.trim().strip_prefix("(Action::"))
        .map(|line| {
            let (action, rest) = line.split_once(',').expect("an action");
            let (cells, rest) = rest.split_once(']').expect("cells");
            let cells = cells.chars().filter(|c| matches!(c, 'Y' | 'N')).collect();
            let otherwise = rest.split("ErrorCode::").nth(1).expect("a code");
            let otherwise = snake(otherwise.trim_end_matches([')', ',']));
            let request = match action {
                "ReadLog" => "moderation_log".to_owned(),
                action => snake(action),
            };
            (request, (cells, otherwise))
        })
        .collect();
    let written: BTreeMap<String, (String, String)> = rows("Request")
        .iter()
        .filter(|row| row.len() == 7)
        .map(|row| {
            let may = |cell: &String| match cell.as_str() {
                "yes" => 'Y',
                "–" => 'N',
                other => panic!("neither yes nor –: {other}"),
            };
            let cells: String = row[1..6].iter().map(may).collect();
            // Where everybody may, there is nothing else.
            let otherwise = code(&row[6]).pop().unwrap_or_else(|| "forbidden".to_owned());
            assert_eq!(row[6].is_empty(), cells == "YYYYY", "{row:?}");
            (name(row), (cells, otherwise))
        })
        .collect();
    assert_eq!(written, table);
    let free = ["audience", "hello", "ping", "join", "leave", "restart_ice"].map(str::to_owned);
    let mut requests: BTreeSet<_> = messages("ClientMessage").into_keys().collect();
    requests.retain(|request| !free.contains(request));
    assert_eq!(written.into_keys().collect::<BTreeSet<_>>(), requests);
}

fn snake(camel: &str) -> String {
    let mut snake = String::new();
    for c in camel.chars() {
        if c.is_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.extend(c.to_lowercase());
    }
    snake
}
