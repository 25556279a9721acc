//! A forgotten password: the link goes out by SMTP, to a server of the test's own, and works once.

use std::net::Ipv4Addr;

use palco_protocol::{
    ErrorCode,
    http::{Account, CreateAccount, RequestReset, ResetPassword, SessionIn, SignIn, SignedIn},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpListener,
};

use super::PASSWORD;
use crate::house::{House, SOON};

/// Takes one mail (RFC 5321, section 4.1.1) and returns its envelope's receiver and its text.
async fn take_mail(listener: TcpListener) -> (String, String) {
    let (socket, _) = listener.accept().await.expect("a client");
    let mut socket = BufReader::new(socket);
    socket.write_all(b"220 test ESMTP\r\n").await.expect("greeted");
    let (mut to, mut text, mut in_data) = (String::new(), String::new(), false);
    loop {
        let mut line = String::new();
        if socket.read_line(&mut line).await.expect("a line") == 0 {
            return (to, text);
        }
        let answer = match line.trim_end() {
            "." if in_data => {
                in_data = false;
                "250 taken\r\n"
            }
            body if in_data => {
                text.push_str(body);
                text.push('\n');
                continue;
            }
            "DATA" => {
                in_data = true;
                "354 go on\r\n"
            }
            "QUIT" => {
                let _ = socket.write_all(b"221 bye\r\n").await;
                return (to, text);
            }
            command => {
                if let Some(receiver) = command.strip_prefix("RCPT TO:") {
                    receiver.trim_matches(['<', '>']).clone_into(&mut to);
                }
                "250 ok\r\n"
            }
        };
        socket.write_all(answer.as_bytes()).await.expect("answered");
        if answer == "250 taken\r\n" {
            return (to, text);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forgotten_password_is_replaced_by_a_link_that_works_once() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let port = listener.local_addr().expect("bound").port();
    let house = House::open_as(palco::Config {
        smtp_url: Some(format!("smtp://127.0.0.1:{port}")),
        smtp_from: Some("Palco <noreply@rooms.example>".to_owned()),
        public_url: Some("https://rooms.example/".to_owned()),
        ..palco::Config::default()
    })
    .await;
    let ada = CreateAccount {
        handle: "ada".to_owned(),
        name: "Ada".to_owned(),
        password: PASSWORD.to_owned(),
        email: Some("Ada@Example.org".to_owned()),
        session: SessionIn::Token,
    };
    let before: SignedIn = house.call("POST", "accounts", None, &ada).await.expect("signed up");
    let before = before.token.expect("a token");
    let ask = |login: &str| RequestReset { login: login.to_owned() };
    // Of nobody: accepted all the same, and no mail.
    house.call::<()>("POST", "password-resets", None, &ask("nobody")).await.expect("accepted");
    house
        .call::<()>("POST", "password-resets", None, &ask("ada@example.org"))
        .await
        .expect("accepted");
    let mail = tokio::time::timeout(SOON, take_mail(listener)).await.expect("a mail");
    assert_eq!(mail.0, "ada@example.org");
    // Lines of a mail may be folded (quoted-printable).
    let text = mail.1.replace("=\n", "").replace("=3D", "=");
    let (_, link) = text.split_once("https://rooms.example/reset#").expect("a link");
    let token: String = link.chars().take_while(char::is_ascii_alphanumeric).collect();

    let path = format!("password-resets/{token}");
    let new = ResetPassword { password: "a better one".to_owned() };
    house.call::<()>("POST", &path, None, &new).await.expect("reset");
    let again = house.call::<()>("POST", &path, None, &new).await;
    assert_eq!(again, Err(ErrorCode::TokenExpired), "it works once");
    let ended = house.get::<Account>("me", Some(&before)).await;
    assert_eq!(ended.err(), Some(ErrorCode::TokenExpired), "every session ends");
    let sign_in =
        SignIn { login: "ada".to_owned(), password: new.password, session: SessionIn::Token };
    house.call::<SignedIn>("POST", "session", None, &sign_in).await.expect("signed in");
    house.close().await;
}
