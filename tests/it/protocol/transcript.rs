//! Reads the documents' examples: what is sent by whom, and what is to come back.

use serde_json::Value;

/// One thing that happens in an example, and the line at which it stands.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) at: String,
    pub(super) what: What,
}

#[derive(Debug)]
pub(super) enum What {
    Http { call: Call, status: u16, answer: Value },
    Connects { who: String },
    Loses { who: String },
    Closed { who: String, code: u16 },
    Sends { who: String, message: Value },
    Gets { who: Vec<String>, message: Value },
}

#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) by: Option<String>,
    pub(super) body: Option<Value>,
}

/// Fenced blocks of one language: the number of their first line, and their text.
pub(super) fn blocks<'a>(document: &'a str, language: &str) -> Vec<(usize, String)> {
    let mut blocks: Vec<(usize, String)> = Vec::new();
    let mut open: Option<&'a str> = None;
    for (number, line) in (1..).zip(document.lines()) {
        match (line.strip_prefix("```"), open) {
            (Some(fence), None) => {
                open = Some(fence);
                if fence == language {
                    blocks.push((number + 1, String::new()));
                }
            }
            (Some(_), Some(_)) => open = None,
            (None, Some(fence)) if fence == language => {
                let (_, text) = blocks.last_mut().expect("a block is open");
                text.push_str(line);
                text.push('\n');
            }
            _ => {}
        }
    }
    assert!(open.is_none(), "a block is not closed");
    blocks
}

/// All steps of a document, in its order.
pub(super) fn steps(name: &str, document: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    for (first, text) in blocks(document, "jsonc") {
        let mut call: Option<Call> = None;
        for (number, head, values) in paragraphs(first, &text) {
            let at = format!("{name}:{number}");
            read(&at, &head, values, &mut call, &mut steps);
        }
        assert!(call.is_none(), "{name}:{first}: a call without an answer");
    }
    steps
}

/// Each `// head` with the JSON values below it.
fn paragraphs(first: usize, text: &str) -> Vec<(usize, String, Vec<Value>)> {
    let mut paragraphs: Vec<(usize, String, String)> = Vec::new();
    for (number, line) in (first..).zip(text.lines()) {
        match (line.strip_prefix("// "), paragraphs.last_mut()) {
            (Some(head), _) => paragraphs.push((number, head.to_owned(), String::new())),
            (None, Some((_, _, json))) => json.push_str(line),
            (None, None) => panic!("line {number}: JSON before who says it"),
        }
    }
    let values = |number: usize, json: &str| {
        let values = serde_json::Deserializer::from_str(json).into_iter::<Value>();
        values.collect::<Result<_, _>>().unwrap_or_else(|error| panic!("line {number}: {error}"))
    };
    paragraphs
        .into_iter()
        .map(|(number, head, json)| (number, head, values(number, &json)))
        .collect()
}

fn read(at: &str, head: &str, values: Vec<Value>, call: &mut Option<Call>, steps: &mut Vec<Step>) {
    let mut push = |what| steps.push(Step { at: at.to_owned(), what });
    let words: Vec<&str> = head.split(' ').collect();
    match words[..] {
        [method @ ("GET" | "POST"), path] | [method @ ("GET" | "POST"), path, "as", _] => {
            let by = words.get(3).map(|who| (*who).to_owned());
            let body = values.into_iter().next();
            *call = Some(Call { method: method.to_owned(), path: path.to_owned(), by, body });
        }
        [who, "connects"] => push(What::Connects { who: who.to_owned() }),
        [who, "loses", "the", "socket"] => push(What::Loses { who: who.to_owned() }),
        [who, "is", "closed", "with", code] => {
            let code = code.parse().expect("a close code");
            push(What::Closed { who: who.to_owned(), code });
        }
        [who, "sends"] => {
            assert!(!values.is_empty(), "{at}: nothing is sent");
            values
                .into_iter()
                .for_each(|message| push(What::Sends { who: who.to_owned(), message }));
        }
        [.., "gets" | "get"] => {
            assert!(!values.is_empty(), "{at}: nothing comes");
            let names = head.trim_end_matches(" gets").trim_end_matches(" get");
            let names = names.replace(" and ", ", ");
            let who: Vec<String> = names.split(", ").map(str::to_owned).collect();
            values.into_iter().for_each(|message| push(What::Gets { who: who.clone(), message }));
        }
        [status] if status.parse::<u16>().is_ok() => {
            let call = call.take().unwrap_or_else(|| panic!("{at}: an answer without a call"));
            let [answer] = <[Value; 1]>::try_from(values).expect("one answer");
            push(What::Http { call, status: status.parse().expect("a status"), answer });
        }
        _ => panic!("{at}: not understood: {head}"),
    }
}
