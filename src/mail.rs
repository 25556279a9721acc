//! Mail to people: through the operator's SMTP server, where one is set up.

use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{Mailbox, header::ContentType},
    transport::smtp,
};
use palco_protocol::ErrorCode;

/// A mail of plain text.
pub(crate) struct Mail {
    pub(crate) to: String,
    pub(crate) subject: String,
    pub(crate) text: String,
}

/// The way to the operator's SMTP server.
#[derive(Clone)]
pub(crate) struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    /// Where people reach this server: links in mails begin with it.
    public_url: String,
}

/// Why mail cannot be sent as configured.
#[derive(Debug, thiserror::Error)]
pub enum MailConfigError {
    /// Not an `smtp://` or `smtps://` address.
    #[error("smtp_url cannot be used: {0}")]
    Url(#[from] smtp::Error),
    /// Not an address to send from.
    #[error("smtp_from is no mail address: {0}")]
    From(#[from] lettre::address::AddressError),
}

impl Mailer {
    pub(crate) fn new(url: &str, from: &str, public_url: &str) -> Result<Self, MailConfigError> {
        Ok(Self {
            transport: AsyncSmtpTransport::<Tokio1Executor>::from_url(url)?.build(),
            from: from.parse()?,
            public_url: public_url.trim_end_matches('/').to_owned(),
        })
    }

    /// The full address of one of our pages.
    pub(crate) fn link(&self, path: &str) -> String {
        format!("{}{path}", self.public_url)
    }

    /// Hands a mail to the SMTP server.
    pub(crate) async fn send(&self, mail: Mail) -> Result<(), ErrorCode> {
        let to: Mailbox = mail.to.parse().map_err(|_| ErrorCode::InvalidField)?;
        let message = Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(mail.subject)
            .header(ContentType::TEXT_PLAIN)
            .body(mail.text)
            .map_err(|_| ErrorCode::InvalidField)?;
        self.transport.send(message).await.map(drop).map_err(|cause| {
            tracing::warn!(%cause, "a mail could not be sent");
            ErrorCode::Internal
        })
    }
}
