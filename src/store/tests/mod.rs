//! The store's conformance suite: every case runs on SQLite and on a real PostgreSQL.

mod deadline;
mod notices;
mod operators;
mod people;
#[path = "../../../tests/support/postgres.rs"]
mod postgres;
mod schedule;

use std::{future::Future, path::PathBuf, pin::Pin, time::Duration};

use palco_protocol::UserId;
use uuid::Uuid;

use super::{Account, NewAccount, Store};

/// Only a failing test waits for it.
const PATIENCE: Duration = Duration::from_secs(60);

type Case = fn(Store) -> Pin<Box<dyn Future<Output = ()>>>;

/// Names the cases of a file: as tests of their own on SQLite, and as a list for PostgreSQL.
macro_rules! cases {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test]
                async fn $name() {
                    let place = $crate::store::tests::Place::new();
                    super::$name(place.store().await).await;
                }
            )*
        }

        pub(super) const CASES: &[(&str, super::Case)] =
            &[$((stringify!($name), |store| Box::pin($name(store)))),*];
    };
}
use cases;

/// A data directory of the test's own.
struct Place {
    path: PathBuf,
}

impl Place {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("palco-store-{}", Uuid::new_v4()));
        std::fs::create_dir_all(&path).unwrap();
        Self { path }
    }

    async fn store(&self) -> Store {
        Store::open(None, &self.path, PATIENCE).await.unwrap()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

#[tokio::test]
async fn every_case_holds_on_postgresql() {
    let server = postgres::Postgres::start();
    let place = Place::new();
    for (name, case) in [notices::CASES, operators::CASES, people::CASES, schedule::CASES].concat()
    {
        println!("{name}");
        let store = Store::open(Some(&server.database()), &place.path, PATIENCE).await.unwrap();
        case(store.clone()).await;
        store.close().await;
    }
}

/// Somebody with an account.
async fn somebody(store: &Store, handle: &str) -> Account {
    let new = NewAccount {
        id: UserId(Uuid::now_v7()),
        handle: handle.to_owned(),
        name: format!("{handle} the Person"),
        email: Some(format!("{handle}@example.org")),
        password: "$argon2id$".to_owned(),
    };
    store.create_account(new).await.unwrap()
}
