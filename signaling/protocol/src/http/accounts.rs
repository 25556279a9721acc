//! Accounts: signing up and in, one's own data.

use serde::{Deserialize, Serialize};
use ts_rs::TS;
use utoipa::ToSchema;

use crate::Person;

/// `POST /api/v1/accounts`: sign up. The answer is [`SignedIn`].
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateAccount {
    /// Unique: 3 to 20 of a to z, 0 to 9 and `_`, beginning with a letter.
    pub handle: String,
    /// The display name.
    pub name: String,
    /// At least eight characters.
    pub password: String,
    /// For resetting the password; shown to nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub email: Option<String>,
    /// How this client keeps the session; a cookie if not given.
    #[serde(default)]
    #[ts(optional, as = "Option<SessionIn>")]
    pub session: SessionIn,
}

/// `POST /api/v1/session`: sign in. The answer is [`SignedIn`].
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// The handle or the email address.
    pub login: String,
    /// The password.
    pub password: String,
    /// How this client keeps the session; a cookie if not given.
    #[serde(default)]
    #[ts(optional, as = "Option<SessionIn>")]
    pub session: SessionIn,
}

/// How a client keeps its session.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SessionIn {
    /// In a cookie that no script can read: browsers.
    #[default]
    Cookie,
    /// As a bearer token in the answer: programs.
    Token,
}

/// The answer to signing up and to signing in.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
pub struct SignedIn {
    /// Whose session it is.
    pub account: Account,
    /// For `hello` and for `Authorization: Bearer`, if asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub token: Option<String>,
}

/// One's own account: `GET /api/v1/me`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
pub struct Account {
    /// As others see one.
    pub person: Person,
    /// For resetting the password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub email: Option<String>,
    /// What is written on the profile.
    pub about: About,
    /// May use the operators' API.
    pub admin: bool,
    /// When it was made, UTC.
    pub created_at_ms: i64,
}

/// What somebody says of themself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
pub struct About {
    /// One line under the name.
    pub headline: String,
    /// At more length.
    pub bio: String,
    /// Addresses of pages: http or https.
    pub links: Vec<String>,
    /// BCP 47 tags, `en` or `pt-BR`.
    pub languages: Vec<String>,
    /// Lower-case words.
    pub topics: Vec<String>,
    /// Creator mode: the headline is shown in rooms, people follow without being followed.
    pub creator: bool,
}

/// `PATCH /api/v1/me`: absent fields stay. The answer is [`Account`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[ts(optional_fields)]
pub struct UpdateAccount {
    /// The handle.
    pub handle: Option<String>,
    /// The display name.
    pub name: Option<String>,
    /// The email address; an empty one takes it away.
    pub email: Option<String>,
    /// One line under the name.
    pub headline: Option<String>,
    /// At more length.
    pub bio: Option<String>,
    /// Addresses of pages.
    pub links: Option<Vec<String>>,
    /// BCP 47 tags.
    pub languages: Option<Vec<String>>,
    /// Words.
    pub topics: Option<Vec<String>>,
    /// Creator mode.
    pub creator: Option<bool>,
}

/// `POST /api/v1/me/password`: change it. Every other session ends.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePassword {
    /// The one until now.
    pub current: String,
    /// The one from now.
    pub new: String,
}

/// `DELETE /api/v1/me`: the account and all it holds are gone.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeleteAccount {
    /// To be sure.
    pub password: String,
}

/// `POST /api/v1/password-resets`: a link is sent to the account's address, or written to the server's log where no
/// mail is set up. The answer is the same whether there is such an account or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestReset {
    /// The handle or the email address.
    pub login: String,
}

/// `POST /api/v1/password-resets/{token}`: a new password. Every session ends.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResetPassword {
    /// The one from now.
    pub password: String,
}
