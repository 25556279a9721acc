//! The token matrix: what is refused, and with which code.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

use super::*;

const KEY: &str = "palco_k_test";
const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn claims() -> Claims {
    Claims {
        iss: KEY.to_owned(),
        sub: "user-17".to_owned(),
        name: "Ada".to_owned(),
        aud: AUDIENCE.to_owned(),
        exp: get_current_timestamp() + 600,
        nbf: None,
        grants: GrantClaims { join: true, ..GrantClaims::default() },
    }
}

fn signed(change: impl FnOnce(&mut Claims)) -> String {
    let mut claims = claims();
    change(&mut claims);
    sign(&claims, SECRET)
}

fn refused(token: &str) -> ErrorCode {
    check(token, SECRET).expect_err("refused")
}

#[test]
fn a_good_token_says_who_and_what() {
    let room = "01900000-0000-7000-8000-000000000001";
    let token = signed(|claims| {
        claims.grants =
            GrantClaims { room: Some(room.to_owned()), join: true, speak: true, host: false };
    });
    let who = check(&token, SECRET).unwrap();
    assert_eq!(who.person.name, "Ada");
    assert!(!who.person.guest && who.person.handle.is_none());
    let room = room.parse().ok();
    let grants = Grants { product: KEY.to_owned(), room, join: true, speak: true, host: false };
    assert_eq!(who.grants, Some(grants));
    assert_eq!(issuer(&token).as_deref(), Some(KEY));
}

#[test]
fn the_same_person_of_the_same_key_is_the_same_and_nobody_else_is() {
    let id = |token: String| check(&token, SECRET).unwrap().person.id;
    let ada = id(signed(|_| {}));
    assert_eq!(id(signed(|claims| claims.name = "Ada L.".to_owned())), ada);
    assert_ne!(id(signed(|claims| claims.sub = "user-18".to_owned())), ada);
    assert_ne!(id(signed(|claims| claims.iss = "palco_k_other".to_owned())), ada);
    assert_eq!(ada.0.get_version_num(), 8);
}

#[test]
fn times_are_kept() {
    let now = get_current_timestamp();
    assert_eq!(refused(&signed(|it| it.exp = now - 60)), ErrorCode::TokenExpired);
    assert_eq!(refused(&signed(|it| it.nbf = Some(now + 60))), ErrorCode::Unauthorized);
    assert!(check(&signed(|it| it.nbf = Some(now - 60)), SECRET).is_ok());
    let long = LIFE_MAX.as_secs() + 600;
    assert_eq!(refused(&signed(|it| it.exp = now + long)), ErrorCode::Unauthorized);
    let endless = json_token(r#"{"alg":"HS256"}"#, |claims| {
        claims.as_object_mut().unwrap().remove("exp");
    });
    assert_eq!(refused(&endless), ErrorCode::Unauthorized);
}

#[test]
fn a_wrong_audience_key_name_subject_or_grant_is_refused() {
    assert_eq!(refused(&signed(|it| it.aud = "other".to_owned())), ErrorCode::Unauthorized);
    assert_eq!(refused(&sign(&claims(), "another secret")), ErrorCode::Unauthorized);
    for name in ["", "  ", "a\nb", &"x".repeat(41)] {
        assert_eq!(refused(&signed(|it| it.name = name.to_owned())), ErrorCode::Unauthorized);
    }
    assert_eq!(refused(&signed(|it| it.sub = String::new())), ErrorCode::Unauthorized);
    assert_eq!(refused(&signed(|it| it.sub = "x".repeat(201))), ErrorCode::Unauthorized);
    let room = |it: &mut Claims| it.grants.room = Some("all".to_owned());
    assert_eq!(refused(&signed(room)), ErrorCode::Unauthorized);
    let misspelt = json_token(r#"{"alg":"HS256"}"#, |claims| {
        claims["grants"]["speek"] = true.into();
    });
    assert_eq!(refused(&misspelt), ErrorCode::Unauthorized);
}

#[test]
fn only_one_algorithm_counts_whatever_the_header_asks_for() {
    assert!(
        check(&json_token(r#"{"alg":"HS256"}"#, |_| {}), SECRET).is_ok(),
        "the tool signs well"
    );
    // The classic: a public key's text as the HMAC's secret, with the header of RSA; and none at all.
    for alg in ["none", "None", "RS256", "ES256", "PS256", "EdDSA", "HS384", "HS512"] {
        let token = json_token(&format!(r#"{{"alg":"{alg}"}}"#), |_| {});
        assert_eq!(refused(&token), ErrorCode::Unauthorized, "{alg}");
    }
    let signed = json_token(r#"{"alg":"none"}"#, |_| {});
    let unsigned = &signed[..=signed.rfind('.').unwrap()];
    assert_eq!(refused(unsigned), ErrorCode::Unauthorized);
    for nonsense in ["", ".", "..", "a.b.c", "....."] {
        assert_eq!(refused(nonsense), ErrorCode::Unauthorized);
        assert_eq!(issuer(nonsense), None);
    }
}

#[test]
fn an_oversized_token_is_not_even_read() {
    let token = signed(|claims| claims.sub = "x".repeat(TOKEN_MAX_BYTES));
    assert_eq!(issuer(&token), None);
    assert!(issuer(&signed(|_| {})).is_some());
}

#[test]
fn secrets_differ_by_key_and_by_server() {
    let server = |byte: u8| hmac::Key::new(hmac::HMAC_SHA256, &[byte; 32]);
    assert_eq!(secret(&server(1), KEY), secret(&server(1), KEY));
    assert_ne!(secret(&server(1), KEY), secret(&server(2), KEY));
    assert_ne!(secret(&server(1), KEY), secret(&server(1), "palco_k_other"));
    assert_eq!(secret(&server(1), KEY).len(), 64);
}

/// Signed with HMAC-SHA256, whatever its header says.
fn json_token(header: &str, change: impl FnOnce(&mut serde_json::Value)) -> String {
    let mut claims = serde_json::to_value(claims()).unwrap();
    change(&mut claims);
    let encode = |text: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(text);
    let text = format!("{}.{}", encode(header.as_bytes()), encode(claims.to_string().as_bytes()));
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let signature = encode(hmac::sign(&key, text.as_bytes()).as_ref());
    format!("{text}.{signature}")
}
