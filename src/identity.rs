//! Who a token belongs to, whatever kind it is: an account's session, or a guest's signed token.

use palco_protocol::{ErrorCode, Person};
use palco_signaling::{Identity, PortFuture};

use crate::{
    secrets::{SESSION_PREFIX, hashed},
    store::{Account, Store},
    tokens::Tokens,
};

/// Somebody whose token was checked.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) person: Person,
    /// Their account; guests have none.
    pub(crate) account: Option<Account>,
}

/// Checks tokens.
#[derive(Clone)]
pub(crate) struct Identities {
    pub(crate) tokens: Tokens,
    pub(crate) store: Store,
}

impl Identities {
    /// Whose token this is: `unauthorized` or `token_expired` if nobody's.
    pub(crate) async fn known(&self, token: &str) -> Result<Known, ErrorCode> {
        if token.starts_with(SESSION_PREFIX) {
            let account = self.store.session(&hashed(token)).await?;
            let account = account.ok_or(ErrorCode::TokenExpired)?;
            return Ok(Known { person: account.person(), account: Some(account) });
        }
        Ok(Known { person: self.tokens.person(token)?, account: None })
    }
}

impl Identity for Identities {
    fn identify<'a>(&'a self, token: &'a str) -> PortFuture<'a, Result<Person, ErrorCode>> {
        Box::pin(async move { self.known(token).await.map(|known| known.person) })
    }
}
