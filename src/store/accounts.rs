//! Accounts and their pictures.

use palco_protocol::{
    Person, UserId,
    http::{self, About, TakenField},
};
use sqlx::{Row, any::AnyRow};

use super::{Store, StoreError, Stored, Tx, json, schedule, utc_ms};

/// An account as the server knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) id: UserId,
    pub(crate) handle: String,
    pub(crate) name: String,
    pub(crate) email: Option<String>,
    pub(crate) about: About,
    pub(crate) avatar: Option<String>,
    pub(crate) admin: bool,
    pub(crate) suspended: bool,
    pub(crate) created_at_ms: i64,
}

/// What a new account begins with. The password is a PHC string already.
pub(crate) struct NewAccount {
    pub(crate) id: UserId,
    pub(crate) handle: String,
    pub(crate) name: String,
    pub(crate) email: Option<String>,
    pub(crate) password: String,
}

/// All that a person may change about their account, as it shall be.
pub(crate) struct ProfileChange {
    pub(crate) handle: String,
    pub(crate) name: String,
    pub(crate) email: Option<String>,
    pub(crate) about: About,
}

/// The columns of [`Account::read`].
macro_rules! account_columns {
    () => {
        "account.id, handle, name, email, headline, bio, links, languages, topics, creator, avatar, admin, \
         suspended_at_ms, account.created_at_ms"
    };
}
pub(super) use account_columns;

impl Account {
    pub(super) fn read(row: &AnyRow) -> Stored<Self> {
        Ok(Self {
            id: super::user_id(row, "id")?,
            handle: row.try_get("handle")?,
            name: row.try_get("name")?,
            email: row.try_get("email")?,
            about: About {
                headline: row.try_get("headline")?,
                bio: row.try_get("bio")?,
                links: json(row, "links")?,
                languages: json(row, "languages")?,
                topics: json(row, "topics")?,
                creator: row.try_get::<i64, _>("creator")? != 0,
            },
            avatar: row.try_get("avatar")?,
            admin: row.try_get::<i64, _>("admin")? != 0,
            suspended: row.try_get::<Option<i64>, _>("suspended_at_ms")?.is_some(),
            created_at_ms: row.try_get("created_at_ms")?,
        })
    }

    /// As others see them, in rooms and lists. Only creators have their headline under the name.
    pub(crate) fn person(&self) -> Person {
        let headline =
            Some(&self.about.headline).filter(|line| self.about.creator && !line.is_empty());
        Person {
            id: self.id,
            name: self.name.clone(),
            handle: Some(self.handle.clone()),
            headline: headline.cloned(),
            avatar: self.avatar.as_ref().map(|version| format!("/avatars/{}/{version}", self.id)),
            guest: false,
        }
    }

    /// As they see themself.
    pub(crate) fn own(&self) -> http::Account {
        http::Account {
            person: self.person(),
            email: self.email.clone(),
            about: self.about.clone(),
            admin: self.admin,
            created_at_ms: self.created_at_ms,
        }
    }
}

impl Store {
    /// `Taken` when handle or email address are somebody else's.
    pub(crate) async fn create_account(&self, new: NewAccount) -> Stored<Account> {
        let mut tx = self.begin().await?;
        free_handle(&mut tx, &new.handle, new.id).await?;
        sqlx::query(
            "INSERT INTO account (id, handle, name, name_folded, email, password, created_at_ms) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(new.id.to_string())
        .bind(&new.handle)
        .bind(&new.name)
        .bind(new.name.to_lowercase())
        .bind(new.email)
        .bind(new.password)
        .bind(utc_ms())
        .execute(&mut tx)
        .await?;
        tx.commit().await?;
        self.account(new.id).await?.ok_or_else(|| StoreError::Broken("a new account".to_owned()))
    }

    pub(crate) async fn account(&self, id: UserId) -> Stored<Option<Account>> {
        let row =
            sqlx::query(concat!("SELECT ", account_columns!(), " FROM account WHERE id = $1"))
                .bind(id.to_string())
                .fetch_optional(&self.read)
                .await?;
        row.as_ref().map(Account::read).transpose()
    }

    /// By handle, in whatever case it was typed.
    pub(crate) async fn account_by_handle(&self, handle: &str) -> Stored<Option<Account>> {
        let row =
            sqlx::query(concat!("SELECT ", account_columns!(), " FROM account WHERE handle = $1"))
                .bind(handle.to_lowercase())
                .fetch_optional(&self.read)
                .await?;
        row.as_ref().map(Account::read).transpose()
    }

    /// By handle or email address, with the password's PHC string.
    pub(crate) async fn credentials(&self, login: &str) -> Stored<Option<(Account, String)>> {
        let row = sqlx::query(concat!(
            "SELECT password, ",
            account_columns!(),
            " FROM account WHERE handle = $1 OR email = $1"
        ))
        .bind(login.to_lowercase())
        .fetch_optional(&self.read)
        .await?;
        row.map(|row| Ok((Account::read(&row)?, row.try_get("password")?))).transpose()
    }

    /// `Taken` when the new handle or email address are somebody else's.
    pub(crate) async fn update_account(&self, id: UserId, change: ProfileChange) -> Stored<()> {
        let about = change.about;
        let mut tx = self.begin().await?;
        free_handle(&mut tx, &change.handle, id).await?;
        sqlx::query(
            "UPDATE account SET handle = $2, name = $3, name_folded = $4, email = $5, headline = $6, bio = $7, \
             links = $8, languages = $9, topics = $10, creator = $11 WHERE id = $1",
        )
        .bind(id.to_string())
        .bind(&change.handle)
        .bind(&change.name)
        .bind(change.name.to_lowercase())
        .bind(change.email)
        .bind(about.headline)
        .bind(about.bio)
        .bind(serde_json::to_string(&about.links)?)
        .bind(serde_json::to_string(&about.languages)?)
        .bind(serde_json::to_string(&about.topics)?)
        .bind(i64::from(about.creator))
        .execute(&mut tx)
        .await?;
        Ok(tx.commit().await?)
    }

    /// A new password ends every session of the account but `keep`, by its secret's hash.
    pub(crate) async fn set_password(
        &self,
        id: UserId,
        password: String,
        keep: Option<&str>,
    ) -> Stored<()> {
        let mut tx = self.begin().await?;
        sqlx::query("UPDATE account SET password = $2 WHERE id = $1")
            .bind(id.to_string())
            .bind(password)
            .execute(&mut tx)
            .await?;
        sqlx::query("DELETE FROM session WHERE account_id = $1 AND secret <> $2")
            .bind(id.to_string())
            .bind(keep.unwrap_or_default())
            .execute(&mut tx)
            .await?;
        sqlx::query("DELETE FROM password_reset WHERE account_id = $1")
            .bind(id.to_string())
            .execute(&mut tx)
            .await?;
        Ok(tx.commit().await?)
    }

    /// Suspended accounts cannot sign in, and their sessions end. False if there is no such account.
    pub(crate) async fn suspend(&self, id: UserId, suspended: bool) -> Stored<bool> {
        let mut tx = self.begin().await?;
        let done = sqlx::query("UPDATE account SET suspended_at_ms = $2 WHERE id = $1")
            .bind(id.to_string())
            .bind(suspended.then(utc_ms))
            .execute(&mut tx)
            .await?;
        if suspended {
            sqlx::query("DELETE FROM session WHERE account_id = $1")
                .bind(id.to_string())
                .execute(&mut tx)
                .await?;
        }
        tx.commit().await?;
        Ok(done.rows_affected() > 0)
    }

    /// Grants or takes the operators' role. False if there is no such account.
    pub(crate) async fn set_admin(&self, id: UserId, admin: bool) -> Stored<bool> {
        let mut tx = self.begin().await?;
        let done = sqlx::query("UPDATE account SET admin = $2 WHERE id = $1")
            .bind(id.to_string())
            .bind(i64::from(admin))
            .execute(&mut tx)
            .await?;
        tx.commit().await?;
        Ok(done.rows_affected() > 0)
    }

    /// The account, and by its references all that hangs on it. Who said yes to a room of theirs is told.
    pub(crate) async fn delete_account(&self, id: UserId) -> Stored<()> {
        let mut tx = self.begin().await?;
        schedule::tell_host_goes(&mut tx, id).await?;
        // The counts that others show, before the rows that say whose.
        sqlx::query(
            "UPDATE account SET followers = followers - 1 WHERE id IN \
             (SELECT followed_id FROM follow WHERE follower_id = $1)",
        )
        .bind(id.to_string())
        .execute(&mut tx)
        .await?;
        sqlx::query(
            "UPDATE account SET following = following - 1 WHERE id IN \
             (SELECT follower_id FROM follow WHERE followed_id = $1)",
        )
        .bind(id.to_string())
        .execute(&mut tx)
        .await?;
        sqlx::query("DELETE FROM account WHERE id = $1")
            .bind(id.to_string())
            .execute(&mut tx)
            .await?;
        tx.commit().await?;
        self.ring();
        Ok(())
    }

    /// The picture's base64, or none; `version` names it in addresses.
    pub(crate) async fn set_avatar(
        &self,
        id: UserId,
        avatar: Option<(&str, String)>,
    ) -> Stored<()> {
        let mut tx = self.begin().await?;
        sqlx::query("UPDATE account SET avatar = $2 WHERE id = $1")
            .bind(id.to_string())
            .bind(avatar.as_ref().map(|(version, _)| (*version).to_owned()))
            .execute(&mut tx)
            .await?;
        sqlx::query("DELETE FROM avatar WHERE account_id = $1")
            .bind(id.to_string())
            .execute(&mut tx)
            .await?;
        if let Some((_, image)) = avatar {
            sqlx::query("INSERT INTO avatar (account_id, image) VALUES ($1, $2)")
                .bind(id.to_string())
                .bind(image)
                .execute(&mut tx)
                .await?;
        }
        Ok(tx.commit().await?)
    }

    /// The picture's base64.
    pub(crate) async fn avatar(&self, id: UserId) -> Stored<Option<String>> {
        let row = sqlx::query("SELECT image FROM avatar WHERE account_id = $1")
            .bind(id.to_string())
            .fetch_optional(&self.read)
            .await?;
        Ok(row.map(|row| row.try_get("image")).transpose()?)
    }
}

/// Whose handle is taken learns nothing of the address: it is asked first, and the index decides a race.
async fn free_handle(tx: &mut Tx, handle: &str, by: UserId) -> Stored<()> {
    let other = sqlx::query("SELECT id FROM account WHERE handle = $1 AND id <> $2")
        .bind(handle)
        .bind(by.to_string())
        .fetch_optional(&mut *tx)
        .await?;
    other.map_or(Ok(()), |_| Err(StoreError::Taken(TakenField::Handle)))
}
