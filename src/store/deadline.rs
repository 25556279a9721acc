//! Deadlines. A database that refuses says so; one that hangs (a network that swallows packets, a stalled disk,
//! another's lock) says nothing, and sqlx waits for it without end.
//!
//! So a query, and a transaction from its beginning to its end, has its patience, the wait for a connection counted.
//! PostgreSQL is told the same, lest it goes on with what nobody waits for and keeps its locks. And a connection gives
//! a sign of life before it goes back to its pool, in time, or is dropped: else each that hangs would leave the pool
//! smaller.

use std::{
    io,
    ops::{Deref, DerefMut},
    time::Duration,
};

use futures_util::{
    StreamExt, TryStreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use sqlx::{
    Any, AnyConnection, AnyPool, Describe, Either, Error, Execute, Executor, SqlStr,
    any::{AnyPoolOptions, AnyQueryResult, AnyRow, AnyStatement, AnyTypeInfo},
    pool::PoolConnection,
};
use tokio::{
    runtime::Handle,
    time::{Instant, timeout_at},
};

/// For the sign of life of a connection that is given back, with what is still under way on it.
const SIGN_OF_LIFE: Duration = Duration::from_secs(2);

/// Connections whose queries have a deadline.
#[derive(Debug, Clone)]
pub(super) struct Pool {
    connections: AnyPool,
    patience: Duration,
}

impl Pool {
    pub(super) async fn open(
        options: AnyPoolOptions,
        url: &str,
        patience: Duration,
    ) -> Result<Self, Error> {
        Ok(Self { connections: options.connect(url).await?, patience })
    }

    /// A transaction that begins with this statement.
    pub(super) async fn begin(&self, statement: &'static str) -> Result<Tx, Error> {
        let deadline = self.deadline();
        let mut lent = self.lend(deadline).await?;
        lent.open = true;
        let begun = within(deadline, lent.execute(statement)).await;
        // Refused, it did not begin; of one that gets no answer nobody knows.
        lent.open = !matches!(begun, Err(Error::Database(_)));
        begun?;
        Ok(Tx { lent, deadline })
    }

    /// Waits for what is under way.
    pub(super) async fn close(&self) {
        self.connections.close().await;
    }

    fn deadline(&self) -> Instant {
        Instant::now() + self.patience
    }

    async fn lend(&self, deadline: Instant) -> Result<Lent, Error> {
        let connection = within(deadline, self.connections.acquire()).await?;
        Ok(Lent { connection: Some(connection), open: false })
    }
}

/// A transaction that is over, one way or the other, by its deadline. Dropped without `commit`, it never happened.
#[derive(Debug)]
pub(super) struct Tx {
    lent: Lent,
    deadline: Instant,
}

impl Tx {
    /// Past the deadline nobody knows whether it happened.
    pub(super) async fn commit(self) -> Result<(), Error> {
        self.end("COMMIT").await
    }

    pub(super) async fn rollback(self) -> Result<(), Error> {
        self.end("ROLLBACK").await
    }

    async fn end(mut self, statement: &'static str) -> Result<(), Error> {
        within(self.deadline, self.lent.execute(statement)).await?;
        self.lent.open = false;
        Ok(())
    }
}

/// A connection on loan: it goes back when dropped.
#[derive(Debug)]
struct Lent {
    /// Until it goes back.
    connection: Option<PoolConnection<Any>>,
    /// In a transaction.
    open: bool,
}

impl Deref for Lent {
    type Target = AnyConnection;

    fn deref(&self) -> &AnyConnection {
        self.connection.as_ref().expect("invariant: it goes back when dropped")
    }
}

impl DerefMut for Lent {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        self.connection.as_mut().expect("invariant: it goes back when dropped")
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(give_back(connection, self.open))),
            // The process ends.
            Err(_) => drop(connection.detach()),
        }
    }
}

/// The pool's own way back, which asks the connection and waits for its answer; but not for ever.
async fn give_back(mut connection: PoolConnection<Any>, open: bool) {
    let deadline = Instant::now() + SIGN_OF_LIFE;
    if open && within(deadline, connection.execute("ROLLBACK")).await.is_err() {
        drop(connection.detach());
        return;
    }
    // Given up, it drops the connection and makes room for another.
    let _ = timeout_at(deadline, connection.return_to_pool()).await;
}

async fn within<T>(
    deadline: Instant,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    timeout_at(deadline, work).await.unwrap_or_else(|_| Err(late()))
}

fn late() -> Error {
    Error::Io(io::Error::new(io::ErrorKind::TimedOut, "the database did not answer in time"))
}

type Step = Either<AnyQueryResult, AnyRow>;
type Steps<'e> = BoxStream<'e, Result<Step, Error>>;

/// What comes before the deadline.
fn in_time<'e>(deadline: Instant, steps: Steps<'e>) -> Steps<'e> {
    let next = move |mut steps: Steps<'e>| async move {
        let step = within(deadline, steps.try_next()).await?;
        Ok(step.map(|step| (step, steps)))
    };
    stream::try_unfold(steps, next).boxed()
}

impl<'p> Executor<'p> for &'p Pool {
    type Database = Any;

    /// All of it at once: nobody here reads while more is coming.
    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> Steps<'e>
    where
        'p: 'e,
        E: 'q + Execute<'q, Any>,
    {
        let deadline = self.deadline();
        let steps = async move {
            let mut lent = self.lend(deadline).await?;
            let steps = within(deadline, lent.fetch_many(query).try_collect::<Vec<_>>()).await?;
            Ok::<_, Error>(stream::iter(steps).map(Ok::<_, Error>))
        };
        stream::once(steps).try_flatten().boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<AnyRow>, Error>>
    where
        'p: 'e,
        E: 'q + Execute<'q, Any>,
    {
        let deadline = self.deadline();
        Box::pin(async move {
            let mut lent = self.lend(deadline).await?;
            within(deadline, lent.fetch_optional(query)).await
        })
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [AnyTypeInfo],
    ) -> BoxFuture<'e, Result<AnyStatement, Error>>
    where
        'p: 'e,
    {
        let deadline = self.deadline();
        Box::pin(async move {
            let mut lent = self.lend(deadline).await?;
            within(deadline, lent.prepare_with(sql, parameters)).await
        })
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<Any>, Error>>
    where
        'p: 'e,
    {
        let deadline = self.deadline();
        Box::pin(async move {
            let mut lent = self.lend(deadline).await?;
            within(deadline, lent.describe(sql)).await
        })
    }
}

impl<'t> Executor<'t> for &'t mut Tx {
    type Database = Any;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> Steps<'e>
    where
        't: 'e,
        E: 'q + Execute<'q, Any>,
    {
        in_time(self.deadline, self.lent.fetch_many(query))
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<AnyRow>, Error>>
    where
        't: 'e,
        E: 'q + Execute<'q, Any>,
    {
        Box::pin(within(self.deadline, self.lent.fetch_optional(query)))
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [AnyTypeInfo],
    ) -> BoxFuture<'e, Result<AnyStatement, Error>>
    where
        't: 'e,
    {
        Box::pin(within(self.deadline, self.lent.prepare_with(sql, parameters)))
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<Any>, Error>>
    where
        't: 'e,
    {
        Box::pin(within(self.deadline, self.lent.describe(sql)))
    }
}
