//! The types on the wire, read from the TypeScript that is generated from them.

use std::collections::BTreeMap;

/// A field as the documents write it: `name: Type`, `name?: Type`.
pub(super) type Fields = Vec<String>;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Declared {
    /// Another name for a type.
    Alias(String),
    Object(Fields),
    /// One of several texts.
    Texts(Vec<String>),
    /// Told apart by `type`: each with its other fields.
    Messages(BTreeMap<String, Fields>),
    /// Made of others: `Request`, `Event`, `ServerMessage`.
    Composed,
}

pub(super) fn declared() -> BTreeMap<String, Declared> {
    let text = without_comments(&palco_protocol::typescript::declarations());
    let types = text.split("export type ").skip(1).map(|declaration| {
        let (name, body) = declaration.split_once(" = ").expect("a declaration");
        let body = body.split(";").next().expect("a body");
        (name.to_owned(), body.trim().to_owned())
    });
    let bodies: BTreeMap<String, String> = types.collect();
    bodies.iter().map(|(name, body)| (name.clone(), read(body, &bodies))).collect()
}

fn read(body: &str, bodies: &BTreeMap<String, String>) -> Declared {
    let parts = split(body, '|');
    if parts.iter().all(|part| part.starts_with('"')) {
        return Declared::Texts(
            parts.iter().map(|part| part.trim_matches('"').to_owned()).collect(),
        );
    }
    if parts.iter().any(|part| !part.starts_with("{ \"type\"")) {
        return match parts[..] {
            [object] if object.starts_with('{') && !object.contains('&') => {
                Declared::Object(fields(object))
            }
            [alias] if !alias.starts_with('{') => Declared::Alias(alias.to_owned()),
            _ => Declared::Composed,
        };
    }
    let messages = parts.iter().map(|part| {
        // `{ "type": "welcome" } & Welcome`
        let (object, rest) = part.split_once(" & ").unwrap_or((part, ""));
        let mut fields = fields(object);
        let kind = fields.remove(0);
        let kind = kind.strip_prefix("\"type\": ").expect("the tag comes first").trim_matches('"');
        if !rest.is_empty() {
            fields.extend(self::fields(&bodies[rest]));
        }
        (kind.to_owned(), fields)
    });
    Declared::Messages(messages.collect())
}

/// The fields of `{ a: A, b?: B, }`.
pub(super) fn fields(object: &str) -> Fields {
    let inside = object.trim().strip_prefix('{').and_then(|text| text.strip_suffix('}'));
    let inside = inside.unwrap_or_else(|| panic!("not an object: {object}"));
    split(inside, ',').into_iter().filter(|field| !field.is_empty()).map(str::to_owned).collect()
}

/// Splits where no bracket is open, and trims.
fn split(text: &str, at: char) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0, 0);
    for (index, c) in text.char_indices() {
        match c {
            '{' | '[' | '(' | '<' => depth += 1,
            '}' | ']' | ')' | '>' => depth -= 1,
            c if c == at && depth == 0 => {
                parts.push(text[start..index].trim());
                start = index + 1;
            }
            _ => {}
        }
    }
    parts.push(text[start..].trim());
    parts
}

fn without_comments(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("/**") {
        out.push_str(before);
        rest = after.split_once("*/").expect("a comment ends").1;
    }
    out.push_str(rest);
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}
