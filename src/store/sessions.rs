//! Sessions of accounts, and the secrets that reset a password. Only hashes of secrets are kept.

use palco_protocol::UserId;

use super::{Account, Store, Stored, accounts::account_columns, user_id, utc_ms};

impl Store {
    /// `secret` is the hash of what the client keeps.
    pub(crate) async fn create_session(
        &self,
        secret: &str,
        account: UserId,
        expires_at_ms: i64,
    ) -> Stored<()> {
        let mut tx = self.begin().await?;
        // The account's own dead sessions go when a new one comes: nothing else need sweep them.
        sqlx::query("DELETE FROM session WHERE account_id = $1 AND expires_at_ms < $2")
            .bind(account.to_string())
            .bind(utc_ms())
            .execute(&mut tx)
            .await?;
        sqlx::query(
            "INSERT INTO session (secret, account_id, created_at_ms, expires_at_ms) VALUES ($1, $2, $3, $4)",
        )
        .bind(secret)
        .bind(account.to_string())
        .bind(utc_ms())
        .bind(expires_at_ms)
        .execute(&mut tx)
        .await?;
        Ok(tx.commit().await?)
    }

    /// Whose session this is, if it is one and has not expired.
    pub(crate) async fn session(&self, secret: &str) -> Stored<Option<Account>> {
        let row = sqlx::query(concat!(
            "SELECT ",
            account_columns!(),
            " FROM session JOIN account ON account.id = account_id WHERE secret = $1 AND expires_at_ms > $2"
        ))
        .bind(secret)
        .bind(utc_ms())
        .fetch_optional(&self.read)
        .await?;
        row.as_ref().map(Account::read).transpose()
    }

    /// Whose it was, if it was one.
    pub(crate) async fn end_session(&self, secret: &str) -> Stored<Option<UserId>> {
        let mut tx = self.begin().await?;
        let row = sqlx::query("DELETE FROM session WHERE secret = $1 RETURNING account_id")
            .bind(secret)
            .fetch_optional(&mut tx)
            .await?;
        tx.commit().await?;
        row.as_ref().map(|row| user_id(row, "account_id")).transpose()
    }

    /// One reset at a time: an older one works no more.
    pub(crate) async fn create_reset(
        &self,
        secret: &str,
        account: UserId,
        expires_at_ms: i64,
    ) -> Stored<()> {
        let mut tx = self.begin().await?;
        sqlx::query("DELETE FROM password_reset WHERE account_id = $1")
            .bind(account.to_string())
            .execute(&mut tx)
            .await?;
        sqlx::query(
            "INSERT INTO password_reset (secret, account_id, expires_at_ms) VALUES ($1, $2, $3)",
        )
        .bind(secret)
        .bind(account.to_string())
        .bind(expires_at_ms)
        .execute(&mut tx)
        .await?;
        Ok(tx.commit().await?)
    }

    /// Whose reset this is, if it stands. `set_password` uses it up.
    pub(crate) async fn reset(&self, secret: &str) -> Stored<Option<UserId>> {
        let row = sqlx::query(
            "SELECT account_id FROM password_reset WHERE secret = $1 AND expires_at_ms > $2",
        )
        .bind(secret)
        .bind(utc_ms())
        .fetch_optional(&self.read)
        .await?;
        row.as_ref().map(|row| user_id(row, "account_id")).transpose()
    }
}
