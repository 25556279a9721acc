//! The follow graph, blocks, and finding people.

use palco_protocol::{
    RoomId, UserId,
    http::{Between, Listed, Wanted},
};
use sqlx::{Row, any::AnyRow};

use super::{
    Account, Cause, Store, Stored, Tx, accounts::account_columns, count, outbox, prefix_pattern,
    schedule::part_ways, utc_ms,
};

/// People in a page.
const PAGE: i64 = 50;

/// Which people to list.
#[derive(Debug, Clone, Copy)]
pub(crate) enum PeopleList {
    FollowersOf(UserId),
    FollowedBy(UserId),
    BlockedBy(UserId),
    /// Who said yes to a planned room.
    GoingTo(RoomId),
}

fn listed(row: &AnyRow) -> Stored<Listed> {
    Ok(Listed {
        person: Account::read(row)?.person(),
        followers: count(row, "followers")?,
        you_follow: count(row, "you_follow")? > 0,
    })
}

/// Whether `viewer` follows `$account`.
macro_rules! you_follow {
    ($viewer:literal) => {
        concat!(
            "(SELECT COUNT(*) FROM follow WHERE follower_id = ",
            $viewer,
            " AND followed_id = account.id) AS you_follow"
        )
    };
}

/// Nobody whom `$1` blocked or who blocked `$1`, and nobody suspended.
pub(super) const VISIBLE: &str = "suspended_at_ms IS NULL AND NOT EXISTS (SELECT 1 FROM block WHERE \
     (blocker_id = $1 AND blocked_id = account.id) OR (blocker_id = account.id AND blocked_id = $1))";

impl Store {
    /// No-op if followed already. False if there is no such person, or one blocked the other.
    pub(crate) async fn follow(&self, follower: UserId, followed: UserId) -> Stored<bool> {
        let mut tx = self.begin().await?;
        if between_blocks(&mut tx, follower, followed).await? {
            return Ok(false);
        }
        let new = sqlx::query(
            "INSERT INTO follow (follower_id, followed_id, created_at_ms) \
             SELECT $1, id, $3 FROM account WHERE id = $2 ON CONFLICT DO NOTHING",
        )
        .bind(follower.to_string())
        .bind(followed.to_string())
        .bind(utc_ms())
        .execute(&mut tx)
        .await?;
        if new.rows_affected() > 0 {
            count_follow(&mut tx, follower, followed, 1).await?;
            outbox::put(&mut tx, &Cause::Followed { user: followed, by: follower }).await?;
        } else if !exists(&mut tx, followed).await? {
            return Ok(false);
        }
        tx.commit().await?;
        self.ring();
        Ok(true)
    }

    pub(crate) async fn unfollow(&self, follower: UserId, followed: UserId) -> Stored<()> {
        let mut tx = self.begin().await?;
        unfollow(&mut tx, follower, followed).await?;
        Ok(tx.commit().await?)
    }

    /// Also ends following, both ways. False if there is no such person.
    pub(crate) async fn block(&self, blocker: UserId, blocked: UserId) -> Stored<bool> {
        let mut tx = self.begin().await?;
        if !exists(&mut tx, blocked).await? {
            return Ok(false);
        }
        unfollow(&mut tx, blocker, blocked).await?;
        unfollow(&mut tx, blocked, blocker).await?;
        part_ways(&mut tx, blocker, blocked).await?;
        sqlx::query(
            "INSERT INTO block (blocker_id, blocked_id, created_at_ms) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        )
        .bind(blocker.to_string())
        .bind(blocked.to_string())
        .bind(utc_ms())
        .execute(&mut tx)
        .await?;
        tx.commit().await?;
        Ok(true)
    }

    pub(crate) async fn unblock(&self, blocker: UserId, blocked: UserId) -> Stored<()> {
        let mut tx = self.begin().await?;
        sqlx::query("DELETE FROM block WHERE blocker_id = $1 AND blocked_id = $2")
            .bind(blocker.to_string())
            .bind(blocked.to_string())
            .execute(&mut tx)
            .await?;
        Ok(tx.commit().await?)
    }

    /// How much `follower` wants to hear of `followed`. False if not following.
    pub(crate) async fn set_wanted(
        &self,
        follower: UserId,
        followed: UserId,
        wanted: Wanted,
    ) -> Stored<bool> {
        let mut tx = self.begin().await?;
        let done = sqlx::query(
            "UPDATE follow SET wanted = $3 WHERE follower_id = $1 AND followed_id = $2",
        )
        .bind(follower.to_string())
        .bind(followed.to_string())
        .bind(serde_json::to_string(&wanted)?)
        .execute(&mut tx)
        .await?;
        tx.commit().await?;
        Ok(done.rows_affected() > 0)
    }

    /// What is between `viewer` and `person`; nothing at all is told to whom `person` blocked: `None`.
    pub(crate) async fn between(&self, viewer: UserId, person: UserId) -> Stored<Option<Between>> {
        let row = sqlx::query(
            "SELECT (SELECT wanted FROM follow WHERE follower_id = $1 AND followed_id = $2) AS wanted, \
             (SELECT COUNT(*) FROM follow WHERE follower_id = $2 AND followed_id = $1) AS follows_you, \
             (SELECT COUNT(*) FROM block WHERE blocker_id = $1 AND blocked_id = $2) AS you_block, \
             (SELECT COUNT(*) FROM block WHERE blocker_id = $2 AND blocked_id = $1) AS blocks_you",
        )
        .bind(viewer.to_string())
        .bind(person.to_string())
        .fetch_one(&self.read)
        .await?;
        let wanted: Option<String> = row.try_get("wanted")?;
        let notices = wanted.as_deref().map(serde_json::from_str).transpose()?;
        Ok((count(&row, "blocks_you")? == 0).then_some(Between {
            notices,
            you_follow: notices.is_some(),
            follows_you: count(&row, "follows_you")? > 0,
            you_block: count(&row, "you_block")? > 0,
        }))
    }

    /// Whether one of `followers` follows `followed`.
    pub(crate) async fn follows_any(&self, followers: &[UserId], followed: UserId) -> Stored<bool> {
        // A stage has few moderators, each an exact look-up by the key.
        for follower in followers {
            let row = sqlx::query(
                "SELECT follower_id FROM follow WHERE followed_id = $1 AND follower_id = $2",
            )
            .bind(followed.to_string())
            .bind(follower.to_string())
            .fetch_optional(&self.read)
            .await?;
            if row.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Everybody whom `viewer` blocked or who blocked `viewer`.
    pub(crate) async fn blocks_of(&self, viewer: UserId) -> Stored<Vec<UserId>> {
        let rows = sqlx::query(
            "SELECT blocked_id AS id FROM block WHERE blocker_id = $1 \
             UNION SELECT blocker_id AS id FROM block WHERE blocked_id = $1",
        )
        .bind(viewer.to_string())
        .fetch_all(&self.read)
        .await?;
        rows.iter().map(|row| super::user_id(row, "id")).collect()
    }

    /// Everybody whom `viewer` follows.
    pub(crate) async fn followed_by(&self, viewer: UserId) -> Stored<Vec<UserId>> {
        let rows = sqlx::query("SELECT followed_id AS id FROM follow WHERE follower_id = $1")
            .bind(viewer.to_string())
            .fetch_all(&self.read)
            .await?;
        rows.iter().map(|row| super::user_id(row, "id")).collect()
    }

    /// A page of a list as `viewer` sees it, by id after `after`; and whether there is more.
    pub(crate) async fn people(
        &self,
        viewer: UserId,
        list: PeopleList,
        after: Option<UserId>,
    ) -> Stored<(Vec<Listed>, bool)> {
        let (whose, of) = match list {
            PeopleList::FollowersOf(of) => {
                ("follow ON follower_id = account.id WHERE followed_id = $2", of.to_string())
            }
            PeopleList::FollowedBy(of) => {
                ("follow ON followed_id = account.id WHERE follower_id = $2", of.to_string())
            }
            PeopleList::BlockedBy(of) => {
                ("block ON blocked_id = account.id WHERE blocker_id = $2", of.to_string())
            }
            PeopleList::GoingTo(room) => (
                "scheduled_person ON account_id = account.id WHERE part = 'going' AND scheduled_id = $2",
                room.to_string(),
            ),
        };
        // Whom one blocked oneself is in one's own list of them.
        let visible = match list {
            PeopleList::BlockedBy(_) => "$1 = $1",
            _ => VISIBLE,
        };
        let statement = format!(
            concat!(
                "SELECT ",
                account_columns!(),
                ", followers, ",
                you_follow!("$1"),
                " FROM account JOIN {} AND account.id > $3 AND {} ORDER BY account.id LIMIT $4"
            ),
            whose, visible
        );
        // Put together from the literals above.
        let rows = sqlx::query(sqlx::AssertSqlSafe(statement))
            .bind(viewer.to_string())
            .bind(of)
            .bind(after.map(|id| id.to_string()).unwrap_or_default())
            .bind(PAGE + 1)
            .fetch_all(&self.read)
            .await?;
        page(&rows)
    }

    /// People whose handle or name begins with `text`, those with most followers first.
    pub(crate) async fn search_people(&self, viewer: UserId, text: &str) -> Stored<Vec<Listed>> {
        let statement = format!(
            concat!(
                "SELECT ",
                account_columns!(),
                ", followers, ",
                you_follow!("$1"),
                " FROM account WHERE (handle LIKE $2 ESCAPE '\\' OR name_folded LIKE $2 ESCAPE '\\' \
                 OR name_folded LIKE $3 ESCAPE '\\') AND {} ORDER BY followers DESC, account.id LIMIT $4"
            ),
            VISIBLE
        );
        let folded = text.to_lowercase();
        let beginning = prefix_pattern(&folded);
        let rows = sqlx::query(sqlx::AssertSqlSafe(statement))
            .bind(viewer.to_string())
            .bind(&beginning)
            .bind(format!("% {beginning}"))
            .bind(PAGE)
            .fetch_all(&self.read)
            .await?;
        rows.iter().map(listed).collect()
    }

    /// Whom the people one follows follow, most often first; then creators and others with many followers.
    pub(crate) async fn suggestions(&self, viewer: UserId) -> Stored<Vec<Listed>> {
        // Few candidates are ranked: a scan of all accounts would grow with the server.
        let statement = format!(
            concat!(
                "WITH near AS (SELECT far.followed_id AS id, COUNT(*) AS ways FROM follow AS own \
                 JOIN follow AS far ON far.follower_id = own.followed_id WHERE own.follower_id = $1 \
                 GROUP BY far.followed_id ORDER BY ways DESC LIMIT 100), \
                 known AS (SELECT id, 0 AS ways FROM account ORDER BY followers DESC LIMIT 100) \
                 SELECT ",
                account_columns!(),
                ", followers, 0 AS you_follow FROM account \
                 JOIN (SELECT id, MAX(ways) AS ways FROM (SELECT * FROM near UNION ALL SELECT * FROM known) AS each_way \
                 GROUP BY id) AS candidate ON candidate.id = account.id \
                 WHERE account.id <> $1 AND followers > 0 \
                 AND NOT EXISTS (SELECT 1 FROM follow WHERE follower_id = $1 AND followed_id = account.id) \
                 AND {} ORDER BY ways DESC, creator DESC, followers DESC, account.id LIMIT 10"
            ),
            VISIBLE
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(statement))
            .bind(viewer.to_string())
            .fetch_all(&self.read)
            .await?;
        rows.iter().map(listed).collect()
    }

    /// How many follow somebody, and how many they follow.
    pub(crate) async fn follow_counts(&self, person: UserId) -> Stored<(u64, u64)> {
        let row = sqlx::query("SELECT followers, following FROM account WHERE id = $1")
            .bind(person.to_string())
            .fetch_optional(&self.read)
            .await?;
        row.map_or(Ok((0, 0)), |row| Ok((count(&row, "followers")?, count(&row, "following")?)))
    }
}

fn page(rows: &[AnyRow]) -> Stored<(Vec<Listed>, bool)> {
    let size = usize::try_from(PAGE).unwrap_or(usize::MAX);
    let people = rows.iter().take(size).map(listed).collect::<Stored<_>>()?;
    Ok((people, rows.len() > size))
}

async fn exists(tx: &mut Tx, id: UserId) -> Stored<bool> {
    let row = sqlx::query("SELECT id FROM account WHERE id = $1")
        .bind(id.to_string())
        .fetch_optional(&mut *tx)
        .await?;
    Ok(row.is_some())
}

pub(super) async fn between_blocks(tx: &mut Tx, one: UserId, other: UserId) -> Stored<bool> {
    let row = sqlx::query(
        "SELECT COUNT(*) AS blocks FROM block WHERE (blocker_id = $1 AND blocked_id = $2) \
         OR (blocker_id = $2 AND blocked_id = $1)",
    )
    .bind(one.to_string())
    .bind(other.to_string())
    .fetch_one(&mut *tx)
    .await?;
    Ok(count(&row, "blocks")? > 0)
}

async fn unfollow(tx: &mut Tx, follower: UserId, followed: UserId) -> Stored<()> {
    let gone = sqlx::query("DELETE FROM follow WHERE follower_id = $1 AND followed_id = $2")
        .bind(follower.to_string())
        .bind(followed.to_string())
        .execute(&mut *tx)
        .await?;
    if gone.rows_affected() > 0 {
        count_follow(tx, follower, followed, -1).await?;
    }
    Ok(())
}

async fn count_follow(tx: &mut Tx, follower: UserId, followed: UserId, by: i64) -> Stored<()> {
    sqlx::query("UPDATE account SET following = following + $2 WHERE id = $1")
        .bind(follower.to_string())
        .bind(by)
        .execute(&mut *tx)
        .await?;
    sqlx::query("UPDATE account SET followers = followers + $2 WHERE id = $1")
        .bind(followed.to_string())
        .bind(by)
        .execute(&mut *tx)
        .await?;
    Ok(())
}
