//! Sends mail by SMTP to one server: over TLS, or within the machine itself, and says what came of it. It speaks plainly to no other
//! machine, keeps no connection, repeats nothing of a login, and knows no store. INVARIANT: SECRET-FREE

mod letter;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{
    AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters, TlsParametersBuilder,
};
use lettre::transport::smtp::commands::{Data, Mail as From, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::response::Code;
use selvage_model::mail::MailAddress;
use selvage_model::manifest::system::SecretName;

/// How long reaching the server may take, and all of a sending.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
const SEND_WITHIN: Duration = Duration::from_secs(60);
/// So much of what a server says is repeated.
const MOST_REPEATED: usize = 300;

/// Where mail is given away, and as whose.
#[derive(Clone, Debug)]
pub struct MailServer {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How nobody else reads along.
    pub tls: MailTls,
    /// The authorities that may have signed its certificate, PEM; those of the machine where there are none.
    pub authorities: Option<Arc<str>>,
    /// The secret with `user:password`, where it asks for a login.
    pub login: Option<SecretName>,
    /// Who sends.
    pub from: MailAddress,
}

/// How nobody else reads along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailTls {
    /// TLS begins after a word in plain text, or nothing is sent.
    StartTls,
    /// TLS from the first byte.
    Implicit,
    /// No TLS: only to the machine itself.
    None,
}

/// A mail in plain text.
#[derive(Clone, Debug)]
pub struct Mail {
    /// To whom.
    pub to: MailAddress,
    /// What it is known by, so that a second one of the same is known: letters, digits, `_`, `-` and `.`.
    pub id: String,
    /// Its subject; what would begin another line is a space in it.
    pub subject: String,
    /// Its text; long lines are broken between words.
    pub text: String,
    /// When it was written.
    pub written: Timestamp,
}

/// What came of a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mailed {
    /// The server has it, and answers for it.
    Taken,
    /// It was not taken; another time it may be.
    Again(String),
    /// The server knows no such recipient, or takes no such mail: it will say the same again.
    Refused(String),
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("the mail server was not done within {} s", SEND_WITHIN.as_secs())]
    Late,
    #[error("the mail server was not reached: {0}")]
    Unreachable(String),
    #[error("the mail server offers no TLS (STARTTLS)")]
    Plain,
    #[error("TLS with the mail server: {0}")]
    Tls(String),
    #[error("`{0}` is not the machine itself, and nobody else is spoken to without TLS")]
    Elsewhere(String),
    #[error("the secret `{}` is not there", .0.0)]
    NoSecret(SecretName),
    #[error("the secret `{}` is not `user:password`", .0.0)]
    Secret(SecretName),
    #[error("the mail server did not take the login{0}")]
    Login(Said),
    #[error("the mail cannot be written: {0}")]
    Unwritable(String),
    #[error("the mail server takes no mail from `{0}`: {1}")]
    Sender(MailAddress, String),
    #[error("the mail server takes no mail to `{to}`: {said}")]
    Recipient { to: MailAddress, said: String, finally: bool },
    #[error("the mail server did not take the mail: {said}")]
    Content { said: String, finally: bool },
}

/// The number that the server said, and nothing else of it.
#[derive(Debug)]
struct Said(Option<Code>);

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.map_or(Ok(()), |code| write!(f, " ({code})"))
    }
}

impl MailServer {
    /// Gives a mail away once.
    pub async fn send(&self, secret: impl Fn(&SecretName) -> Option<String>, mail: &Mail) -> Mailed {
        let outcome = tokio::time::timeout(SEND_WITHIN, self.give(secret, mail)).await;
        match outcome.unwrap_or(Err(Failure::Late)) {
            Ok(()) => Mailed::Taken,
            Err(failure @ (Failure::Recipient { finally: true, .. } | Failure::Content { finally: true, .. })) => {
                Mailed::Refused(failure.to_string())
            }
            Err(failure) => Mailed::Again(failure.to_string()),
        }
    }

    /// From the greeting to the answer to the last line. Where that answer is lost, the mail may have been taken and is sent again: its id
    /// says that it is the same.
    async fn give(&self, secret: impl Fn(&SecretName) -> Option<String>, mail: &Mail) -> Result<(), Failure> {
        let login = self.login.as_ref().map(|name| login(name, secret)).transpose()?;
        let letter = letter::of(&self.from, mail).map_err(Failure::Unwritable)?;
        let address = |of: &MailAddress| of.as_str().parse().map_err(|error| Failure::Unwritable(told(&error)));
        let (from, to): (lettre::Address, lettre::Address) = (address(&self.from)?, address(&mail.to)?);
        let mut connection = self.connect().await?;
        if let Some(login) = login {
            let answer = connection.auth(DEFAULT_MECHANISMS, &login).await;
            answer.map_err(|error| Failure::Login(Said(error.status())))?;
        }
        let answer = connection.command(From::new(Some(from), Vec::new())).await;
        answer.map_err(|error| Failure::Sender(self.from.clone(), told(&error)))?;
        let answer = connection.command(Rcpt::new(to, Vec::new())).await;
        answer.map_err(|error| Failure::Recipient {
            to: mail.to.clone(),
            said: told(&error),
            finally: error.is_permanent(),
        })?;
        let content = |error: lettre::transport::smtp::Error| Failure::Content {
            said: told(&error),
            finally: error.is_permanent(),
        };
        connection.command(Data).await.map_err(content)?;
        connection.message(&letter).await.map_err(content)?;
        // It has the mail, whatever it says to a farewell.
        let _ = tokio::time::timeout(CONNECT_WITHIN, connection.quit()).await;
        Ok(())
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, Failure> {
        let hello = ClientId::Domain(self.from.domain().to_owned());
        let addresses = self.addresses().await?;
        let implicit = match self.tls {
            MailTls::Implicit => Some(self.parameters()?),
            MailTls::StartTls | MailTls::None => None,
        };
        let connecting =
            AsyncSmtpConnection::connect_tokio1(&addresses[..], Some(CONNECT_WITHIN), &hello, implicit, None);
        let met = |error: lettre::transport::smtp::Error| match error.is_tls() {
            true => Failure::Tls(told(&error)),
            false => Failure::Unreachable(told(&error)),
        };
        let mut connection = connecting.await.map_err(met)?;
        if self.tls == MailTls::StartTls {
            if !connection.can_starttls() {
                return Err(Failure::Plain);
            }
            connection.starttls(self.parameters()?, &hello).await.map_err(|error| Failure::Tls(told(&error)))?;
        }
        Ok(connection)
    }

    /// Where the server is; without TLS only what is this machine.
    async fn addresses(&self) -> Result<Vec<SocketAddr>, Failure> {
        let found = tokio::time::timeout(CONNECT_WITHIN, tokio::net::lookup_host((self.host.as_str(), self.port)));
        let found = found.await.map_err(|_| Failure::Unreachable("its name leads nowhere in time".to_owned()))?;
        let found = found.map_err(|error| Failure::Unreachable(told(&error)))?;
        let may = |address: &SocketAddr| self.tls != MailTls::None || address.ip().to_canonical().is_loopback();
        let open: Vec<SocketAddr> = found.filter(may).collect();
        if open.is_empty() { Err(Failure::Elsewhere(self.host.clone())) } else { Ok(open) }
    }

    fn parameters(&self) -> Result<TlsParameters, Failure> {
        let wrong = |error: lettre::transport::smtp::Error| Failure::Tls(told(&error));
        let mut builder = TlsParametersBuilder::new(self.host.clone());
        if let Some(authorities) = &self.authorities {
            let known = Certificate::from_pem(authorities.as_bytes()).map_err(wrong)?;
            builder = builder.certificate_store(CertificateStore::None).add_root_certificate(known);
        }
        builder.build().map_err(wrong)
    }
}

fn login(name: &SecretName, secret: impl Fn(&SecretName) -> Option<String>) -> Result<Credentials, Failure> {
    let value = secret(name).ok_or_else(|| Failure::NoSecret(name.clone()))?;
    let (user, password) = value.split_once(':').ok_or_else(|| Failure::Secret(name.clone()))?;
    Ok(Credentials::new(user.to_owned(), password.to_owned()))
}

/// An error with what caused it, in a line that moves no cursor.
fn told(error: &dyn std::error::Error) -> String {
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !said.contains(&more) {
            said = format!("{said}: {more}");
        }
        cause = error.source();
    }
    let words = said.split(|letter: char| letter.is_control() || letter.is_whitespace());
    let mut said = words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    said.truncate(said.floor_char_boundary(MOST_REPEATED));
    said
}
