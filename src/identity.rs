//! Who a token belongs to, whatever kind it is: an account's session, a guest's signed token, another product's.

use std::time::Instant;

use palco_protocol::{ErrorCode, Person};
use palco_signaling::{Grants, Identified, Identity, PortFuture};

use crate::{
    products,
    secrets::{SESSION_PREFIX, hashed},
    store::{Account, Store},
    tokens::Tokens,
};

/// Somebody whose token was checked.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) person: Person,
    /// Their account; guests and people of other products have none.
    pub(crate) account: Option<Account>,
    /// What another product's token grants; nothing limits the others.
    pub(crate) grants: Option<Grants>,
    /// When that token has been good for long enough.
    pub(crate) until: Option<Instant>,
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
            let person = account.person();
            return Ok(Known { person, account: Some(account), grants: None, until: None });
        }
        if let Some(key) = products::issuer(token) {
            // A key that was revoked is none.
            self.store.api_key(&key).await?.ok_or(ErrorCode::Unauthorized)?;
            let secret = products::secret(self.tokens.root(), &key);
            let Identified { person, grants, until } = products::check(token, &secret)?;
            return Ok(Known { person, account: None, grants, until });
        }
        Ok(Known { person: self.tokens.person(token)?, account: None, grants: None, until: None })
    }
}

impl Identity for Identities {
    fn identify<'a>(&'a self, token: &'a str) -> PortFuture<'a, Result<Identified, ErrorCode>> {
        Box::pin(async move {
            let Known { person, grants, until, .. } = self.known(token).await?;
            Ok(Identified { person, grants, until })
        })
    }
}
