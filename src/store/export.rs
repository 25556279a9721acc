//! Everything that is kept of one person, for themself.

use palco_protocol::UserId;
use serde_json::{Value, json};
use sqlx::{Column, Row, any::AnyRow};

use super::{Store, Stored};

/// What each table keeps of a person (`$1`), without secrets.
const PARTS: &[(&str, &str)] = &[
    (
        "account",
        "SELECT id, handle, name, email, headline, bio, links, languages, topics, creator, created_at_ms \
         FROM account WHERE id = $1",
    ),
    ("avatar_jpeg_base64", "SELECT image FROM avatar WHERE account_id = $1"),
    ("sessions", "SELECT created_at_ms, expires_at_ms FROM session WHERE account_id = $1"),
    ("following", "SELECT followed_id, created_at_ms FROM follow WHERE follower_id = $1"),
    ("followers", "SELECT follower_id, created_at_ms FROM follow WHERE followed_id = $1"),
    ("blocked", "SELECT blocked_id, created_at_ms FROM block WHERE blocker_id = $1"),
    (
        "planned_rooms",
        "SELECT id, title, description, topics, language, kind, starts_at_ms, max_duration_ms, capacity, registration, \
         cancelled_at_ms FROM scheduled WHERE host_id = $1",
    ),
    (
        "parts_in_planned_rooms",
        "SELECT scheduled_id, part FROM scheduled_person WHERE account_id = $1",
    ),
];

impl Store {
    /// One JSON object, a list of rows for each part.
    pub(crate) async fn export(&self, person: UserId) -> Stored<Value> {
        let mut data = serde_json::Map::new();
        for &(part, statement) in PARTS {
            let rows =
                sqlx::query(statement).bind(person.to_string()).fetch_all(&self.read).await?;
            let rows = rows.iter().map(row_json).collect::<Stored<Vec<_>>>()?;
            data.insert(part.to_owned(), rows.into());
        }
        Ok(data.into())
    }
}

fn row_json(row: &AnyRow) -> Stored<Value> {
    let mut object = serde_json::Map::new();
    for column in row.columns() {
        let name = column.name();
        let value = match row.try_get::<Option<i64>, _>(name) {
            Ok(number) => json!(number),
            Err(_) => json!(row.try_get::<Option<String>, _>(name)?),
        };
        object.insert(name.to_owned(), value);
    }
    Ok(object.into())
}
