//! Accounts, and what the follow graph means for rooms, over real sockets.

mod accounts;
mod clock;
mod doors;
mod faults;
mod hangs;
mod mail;
mod notices;
mod outside;
mod planned;

use palco_client::HttpAnswer;
use palco_protocol::{
    ErrorCode,
    http::{Account, CreateAccount, Problem, SessionIn, SignedIn},
};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    house::House,
    rules::venue::{Venue, Visitor},
};

pub(crate) const PASSWORD: &str = "correct horse battery";

/// Somebody with an account, and the token of a session.
pub(crate) struct Member {
    pub(crate) token: String,
    pub(crate) account: Account,
}

impl House {
    pub(crate) async fn member(&self, handle: &str) -> Member {
        let body = CreateAccount {
            handle: handle.to_owned(),
            name: format!("{handle} the Person"),
            password: PASSWORD.to_owned(),
            email: None,
            session: SessionIn::Token,
        };
        let signed_in: SignedIn =
            self.call("POST", "accounts", None, &body).await.expect("signed up");
        Member { token: signed_in.token.expect("a token"), account: signed_in.account }
    }

    /// Any call of the API with a body.
    pub(crate) async fn call<T: DeserializeOwned>(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: &impl Serialize,
    ) -> Result<T, ErrorCode> {
        let body = serde_json::to_vec(body).expect("JSON");
        read(&self.answer(method, path, token, Some(body)).await)
    }

    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        token: Option<&str>,
    ) -> Result<T, ErrorCode> {
        read(&self.answer("GET", path, token, None).await)
    }

    /// Any call without a body that answers nothing.
    pub(crate) async fn tell(
        &self,
        method: &str,
        path: &str,
        member: &Member,
    ) -> Result<(), ErrorCode> {
        let answer = self.answer(method, path, Some(&member.token), None).await;
        if answer.status == 204 { Ok(()) } else { Err(problem(&answer)) }
    }

    async fn answer(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: Option<Vec<u8>>,
    ) -> HttpAnswer {
        let path = format!("/api/v1/{path}");
        self.address.http(method, &path, token, body).await.expect("an answer")
    }
}

fn read<T: DeserializeOwned>(answer: &HttpAnswer) -> Result<T, ErrorCode> {
    if !(200..300).contains(&answer.status) {
        return Err(problem(answer));
    }
    // Nothing reads as the unit.
    let body = if answer.body.is_empty() { b"null" } else { &answer.body[..] };
    Ok(serde_json::from_slice(body).expect("the shape"))
}

fn problem(answer: &HttpAnswer) -> ErrorCode {
    let problem: Problem = serde_json::from_slice(&answer.body).expect("a problem");
    assert_eq!(problem.status, answer.status);
    problem.code
}

impl Venue {
    /// An account's person with a socket, in no room.
    pub(crate) async fn comes(&self, member: &Member) -> Visitor {
        let client = self.house.address.connect(&member.token).await.expect("hello");
        self.device(member.token.clone(), client)
    }
}
