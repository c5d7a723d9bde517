//! Which mail server a node gives mail to, as `selvage serve --mail` names it. A login is a secret and never stands on the command line.

use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;
use std::path::PathBuf;

use anyhow::{Context, bail, ensure};
use clap::{Args, ValueEnum};
use selvage_delivery::mail::{MailServer, MailTls};
use selvage_model::code;
use selvage_model::mail::MailAddress;
use selvage_model::manifest::system::SecretName;

/// Where mail goes, if the node sends any.
#[derive(Args)]
pub(crate) struct Mailing {
    /// The mail server by which teams with a mailbox (`mail`) are told of interfaces that end; no mail is sent where not given.
    #[arg(long, value_name = "HOST[:PORT]", requires = "mail_from")]
    mail: Option<String>,
    /// Whose address mail comes from.
    #[arg(long, value_name = "ADDRESS", requires = "mail", value_parser = address)]
    mail_from: Option<MailAddress>,
    /// How nobody else reads along.
    #[arg(long, value_name = "HOW", requires = "mail", value_enum, default_value_t = Tls::Starttls)]
    mail_tls: Tls,
    /// The authorities that may have signed the mail server's certificate, PEM; those of the machine where not given.
    #[arg(long, value_name = "FILE", requires = "mail")]
    mail_authorities: Option<PathBuf>,
    /// The name of the secret that the mail server asks for, `user:password`; it is read again as the others are.
    #[arg(long, value_name = "NAME", requires = "mail")]
    mail_login: Option<String>,
}

/// How nobody else reads along.
#[derive(Clone, Copy, ValueEnum)]
enum Tls {
    /// TLS begins after a word in plain text, or nothing is sent (port 587).
    Starttls,
    /// TLS from the first byte (port 465).
    Implicit,
    /// No TLS: to this machine alone (port 25).
    None,
}

impl Mailing {
    /// The server, where one was named.
    ///
    /// # Errors
    /// For a server without TLS that is not this machine, a login that is no secret of this node, and authorities that cannot be read.
    pub(super) fn server(self, secrets: &BTreeMap<SecretName, String>) -> anyhow::Result<Option<MailServer>> {
        let (Some(server), Some(from)) = (self.mail, self.mail_from) else { return Ok(None) };
        let wrong = code::MAIL_UNUSABLE;
        // What it is stays out of the message: it may have a secret.
        ensure!(!server.contains('@'), "{wrong}: name the mail server as `host:port`, and a login by `--mail-login`");
        let (tls, port) = match self.mail_tls {
            Tls::Starttls => (MailTls::StartTls, 587),
            Tls::Implicit => (MailTls::Implicit, 465),
            Tls::None => (MailTls::None, 25),
        };
        let (host, port) = split(&server, port).with_context(|| format!("{wrong}: `{server}` is not `host:port`"))?;
        let is_here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        ensure!(
            tls != MailTls::None || is_here,
            "{wrong}: `{host}` is not this machine, and nobody else is spoken to without TLS"
        );
        let login = self.mail_login.map(SecretName);
        if let Some(name) = &login {
            match secrets.get(name) {
                None => bail!("{wrong}: the secret `{}` is not there", name.0),
                Some(value) => ensure!(value.contains(':'), "{wrong}: the secret `{}` is not `user:password`", name.0),
            }
        }
        let read = |path: PathBuf| {
            let wrong = || format!("{wrong}: cannot read the authorities in `{}`", path.display());
            fs::read_to_string(&path).map(Into::into).with_context(wrong)
        };
        let authorities = self.mail_authorities.map(read).transpose()?;
        Ok(Some(MailServer { host, port, tls, authorities, login, from }))
    }
}

/// Host and port; an address of IPv6 with a port stands in brackets.
fn split(server: &str, port: u16) -> Option<(String, u16)> {
    if let Some(rest) = server.strip_prefix('[') {
        let (host, rest) = rest.split_once(']')?;
        let port = if rest.is_empty() { port } else { rest.strip_prefix(':')?.parse().ok()? };
        return host.parse::<IpAddr>().is_ok().then(|| (host.to_owned(), port));
    }
    if server.parse::<IpAddr>().is_ok() {
        return Some((server.to_owned(), port));
    }
    let (host, port) = match server.split_once(':') {
        Some((host, port)) => (host, port.parse().ok()?),
        None => (server, port),
    };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    (!host.is_empty() && port > 0 && host.bytes().all(plain)).then(|| (host.to_owned(), port))
}

fn address(text: &str) -> Result<MailAddress, String> {
    text.parse().map_err(|()| "write it as `fabric@example.com`: one address without a name, in ASCII".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_a_server_is_named() {
        for (text, expected) in [
            ("mail.example.com", Some(("mail.example.com", 587))),
            ("mail.example.com:2525", Some(("mail.example.com", 2525))),
            ("127.0.0.1:1025", Some(("127.0.0.1", 1025))),
            ("::1", Some(("::1", 587))),
            ("[::1]:25", Some(("::1", 25))),
            ("[::1]", Some(("::1", 587))),
            ("", None),
            (":25", None),
            ("mail:", None),
            ("mail:0", None),
            ("mail:99999", None),
            ("smtp://mail", None),
            ("mail\r\n", None),
            ("[mail]:25", None),
            ("[::1]25", None),
        ] {
            assert_eq!(split(text, 587), expected.map(|(host, port)| (host.to_owned(), port)), "{text}");
        }
    }
}
