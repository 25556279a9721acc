//! What hangs is given up, by us and by the database.

use std::time::Duration;

use sqlx::{AnyConnection, Connection, Executor, Row};

use super::{Place, postgres::Postgres, somebody};
use crate::store::{Store, StoreError};

#[tokio::test]
async fn a_lock_that_is_kept_costs_a_writer_their_patience_and_nobody_else_anything() {
    let server = Postgres::start();
    let url = server.database();
    let place = Place::new();
    let store = Store::open(Some(&url), &place.path, Duration::from_secs(1)).await.unwrap();
    let ada = somebody(&store, "ada").await;
    let bob = somebody(&store, "bob").await.id;
    let mut other = AnyConnection::connect(&url).await.unwrap();
    other.execute("BEGIN").await.unwrap();
    other.execute("LOCK TABLE follow IN ACCESS EXCLUSIVE MODE").await.unwrap();
    // More than there are connections: each waits for the lock, or for one who does.
    let followed = ada.id;
    let writers: Vec<_> = (0..20)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.follow(bob, followed).await })
        })
        .collect();
    for writer in writers {
        let followed = writer.await.unwrap();
        assert!(matches!(followed, Err(StoreError::Unavailable(_))), "{followed:?}");
    }
    // Nobody waits for the lock any longer, nor does what they began keep others.
    let waits = "SELECT COUNT(*) FROM pg_stat_activity \
        WHERE datname = current_database() AND (wait_event_type = 'Lock' OR state LIKE 'idle in transaction%') \
        AND pid <> pg_backend_pid()";
    loop {
        let row = other.fetch_one(waits).await.unwrap();
        if row.get::<i64, _>(0) == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(store.account(ada.id).await.unwrap().as_ref(), Some(&ada));
    other.execute("ROLLBACK").await.unwrap();
    store.follow(bob, ada.id).await.unwrap();
    store.close().await;
}
