//! What hangs is given up, by us and by the database.

use std::{process::Command, time::Duration};

use sqlx::{AnyConnection, AssertSqlSafe, Connection, Executor, Row};
use tokio::task::JoinHandle;

use super::{PATIENCE, Place, postgres::Postgres, somebody};
use crate::store::{POSTGRES_CONNECTIONS, Store, StoreError};

#[tokio::test]
async fn a_lock_that_is_kept_costs_a_writer_their_patience_and_nobody_else_anything() {
    let server = Postgres::start();
    let url = server.database();
    let place = Place::new();
    let store = Store::open(Some(&url), &place.path, Duration::from_secs(1)).await.unwrap();
    let ada = somebody(&store, "ada").await;
    let bob = somebody(&store, "bob").await.id;
    // A transaction sees others as they were at its first look: that takes a connection of its own.
    let mut looks = AnyConnection::connect(&url).await.unwrap();
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
    let own: i32 = other.fetch_one("SELECT pg_backend_pid()").await.unwrap().get(0);
    let waits = format!(
        "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> {own} \
         AND (wait_event_type = 'Lock' OR state LIKE 'idle in transaction%')"
    );
    let over = async {
        while looks.fetch_one(AssertSqlSafe(waits.clone())).await.unwrap().get::<i64, _>(0) > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, over).await.unwrap();
    assert_eq!(store.account(ada.id).await.unwrap().as_ref(), Some(&ada));
    other.execute("ROLLBACK").await.unwrap();
    store.follow(bob, ada.id).await.unwrap();
    store.close().await;
}

fn signal(name: &str, pids: &[String]) {
    let sent = Command::new("kill").arg(format!("-{name}")).args(pids).status();
    assert!(sent.unwrap().success());
}

#[tokio::test]
async fn connections_that_never_answer_again_are_replaced() {
    let server = Postgres::start();
    let url = server.database();
    let place = Place::new();
    let store = Store::open(Some(&url), &place.path, Duration::from_secs(5)).await.unwrap();
    let ada = somebody(&store, "ada").await;
    // Opened one after the other, and given back.
    let mut open = Vec::new();
    for _ in 0..POSTGRES_CONNECTIONS {
        open.push(store.begin().await.unwrap());
    }
    drop(open);
    // A transaction sees others as they were at its first look: that takes a connection of its own.
    let mut looks = AnyConnection::connect(&url).await.unwrap();
    let mut other = AnyConnection::connect(&url).await.unwrap();
    other.execute("BEGIN").await.unwrap();
    other.execute("LOCK TABLE account IN ACCESS EXCLUSIVE MODE").await.unwrap();
    // One who asks on each connection there may be; then what serves these stops, and does not even close them.
    let id = ada.id;
    let all = || {
        let ask = |_| {
            let store = store.clone();
            tokio::spawn(async move { store.account(id).await })
        };
        (0..POSTGRES_CONNECTIONS).map(ask).collect::<Vec<_>>()
    };
    let asked = all();
    let serving = "SELECT CAST(pid AS TEXT) FROM pg_stat_activity \
        WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let mut stopped: Vec<String> = Vec::new();
    while stopped.len() < POSTGRES_CONNECTIONS as usize {
        assert!(!asked.iter().all(JoinHandle::is_finished), "{} of them waited", stopped.len());
        let rows = looks.fetch_all(serving).await.unwrap();
        stopped = rows.iter().map(|row| row.get(0)).collect();
    }
    signal("STOP", &stopped);
    for asked in asked {
        let answer = asked.await.unwrap();
        assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");
    }
    other.execute("ROLLBACK").await.unwrap();
    let heals = async {
        while store.account(id).await.is_err() {}
        for asked in all() {
            assert_eq!(asked.await.unwrap().unwrap().as_ref(), Some(&ada));
        }
    };
    let healed = tokio::time::timeout(PATIENCE, heals).await;
    signal("CONT", &stopped);
    healed.unwrap();
    store.close().await;
}
