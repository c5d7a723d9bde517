//! What is said on the command line about the broker that keeps the events. Never shows a credential.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, bail, ensure};
use clap::Args;
use selvage_log::{BrokerCredentials, BrokerTls, JetStreamConfig};
use selvage_model::code;

/// Where events are kept, if not in the store.
#[derive(Args)]
pub(crate) struct Broker {
    /// Keeps events at NATS servers with JetStream instead of the store: `nats://…` or `tls://…`, several with commas.
    #[arg(long, value_name = "URL")]
    events: Option<String>,
    /// What the broker is shown: the `.creds` file of an account's user, or a file with `user:password`, a user's seed, or a token.
    #[arg(long, value_name = "FILE", requires = "events")]
    events_credentials: Option<PathBuf>,
    /// The authorities that the broker's certificates are of, as PEM; those of the system where not given.
    #[arg(long, value_name = "FILE", requires = "events")]
    events_authorities: Option<PathBuf>,
    /// The certificate that the broker is shown, as PEM.
    #[arg(long, value_name = "FILE", requires_all = ["events", "events_key"])]
    events_certificate: Option<PathBuf>,
    /// Its key, as PEM.
    #[arg(long, value_name = "FILE", requires = "events_certificate")]
    events_key: Option<PathBuf>,
    /// The monitoring address of every server of the broker, `http://broker:8222`: it is asked whether it writes before it answers.
    #[arg(long, value_name = "URL", requires = "events")]
    events_monitoring: Vec<String>,
    /// Why the broker may answer before it has written, by your word: replicas in separate power domains. It is logged at every start.
    #[arg(long, value_name = "REASON", requires = "events")]
    events_unsynced_because: Option<String>,
    /// On how many servers of the broker each stream is kept.
    #[arg(long, value_name = "N", requires = "events", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=5))]
    events_replicas: u8,
    /// What the broker's streams and subjects begin with: another one for each environment.
    #[arg(long, value_name = "NAME", requires = "events", default_value = "selvage", value_parser = prefix)]
    events_prefix: String,
}

impl Broker {
    /// The broker, where one was named.
    ///
    /// # Errors
    /// For credentials in an address or in a file that cannot be read, and a broker of which nobody says whether it writes.
    pub(crate) fn config(self) -> anyhow::Result<Option<JetStreamConfig>> {
        let Some(url) = self.events else { return Ok(None) };
        let wrong = code::BROKER_UNUSABLE;
        for address in url.split(',') {
            let Some((scheme, rest)) = address.split_once("://") else {
                bail!("{wrong}: write the address of the broker as `nats://host:4222`");
            };
            ensure!(matches!(scheme, "nats" | "tls"), "{wrong}: events are kept at `nats://…` or `tls://…`");
            // The address itself stays out of the message: it has a secret.
            ensure!(!rest.contains('@'), "{wrong}: an address is seen by everybody here; put credentials in a file");
        }
        let because = self.events_unsynced_because.map(|reason| super::words(&reason)).transpose();
        let unsynced_because =
            because.map_err(|error| anyhow::anyhow!("{wrong}: --events-unsynced-because: {error}"))?;
        ensure!(
            !self.events_monitoring.is_empty() || unsynced_because.is_some(),
            "{wrong}: name the monitoring address of every server (--events-monitoring), or say why they may answer before they \
             have written (--events-unsynced-because)"
        );
        let credentials = self.events_credentials.map(|path| {
            let text = fs::read_to_string(&path)
                .with_context(|| format!("{wrong}: cannot read the credentials in `{}`", path.display()))?;
            BrokerCredentials::from_text(&text).with_context(|| {
                format!(
                    "{wrong}: `{}` is no `.creds` file, and not one line with `user:password`, a seed or a token",
                    path.display()
                )
            })
        });
        let certificate = self.events_certificate.zip(self.events_key);
        let tls = BrokerTls { authorities: self.events_authorities, certificate };
        let files =
            tls.authorities.iter().chain(tls.certificate.iter().flat_map(|(certificate, key)| [certificate, key]));
        for file in files {
            fs::read(file).with_context(|| format!("{wrong}: cannot read `{}`", file.display()))?;
        }
        Ok(Some(JetStreamConfig {
            credentials: credentials.transpose()?,
            tls,
            monitoring: self.events_monitoring,
            unsynced_because,
            replicas: self.events_replicas,
            prefix: self.events_prefix,
            ..JetStreamConfig::new(url)
        }))
    }
}

/// A name that a stream of the broker may begin with.
fn prefix(text: &str) -> Result<String, String> {
    let fits = (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if fits { Ok(text.to_owned()) } else { Err("write lower-case letters, digits and hyphens, up to 64".to_owned()) }
}
