//! Whether the broker writes before it answers. JetStream's default is to sync every two minutes.
//! INVARIANT: DURABLE-ACK: a broker that may lose what it acknowledged is refused, unless somebody answers for it.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Deserialize;

use super::JetStreamConfig;
use crate::error::LogError;

const ANSWER_WITHIN: Duration = Duration::from_secs(5);

#[derive(Deserialize)]
struct Varz {
    server_name: String,
    jetstream: Option<JetStream>,
}

#[derive(Deserialize)]
struct JetStream {
    config: Option<Config>,
}

#[derive(Deserialize)]
struct Config {
    #[serde(default)]
    sync_always: bool,
}

/// Asks every server's monitoring address, and says which servers write before they answer; `None` where somebody answers for all.
pub(super) async fn check(config: &JetStreamConfig) -> Result<Option<BTreeSet<String>>, LogError> {
    if let Some(reason) = &config.unsynced_because {
        tracing::warn!("the broker may answer before it has written, by a person's word: {reason}");
        return Ok(None);
    }
    if config.monitoring.len() < usize::from(config.replicas.max(1)) {
        let reason = "the monitoring address of every server is needed, to know whether it writes before it answers";
        return Err(LogError::BrokerUnsafe { reason: reason.to_owned() });
    }
    let client = reqwest::Client::builder().timeout(ANSWER_WITHIN).build().map_err(|error| unknown(&error))?;
    let mut servers = BTreeSet::new();
    for address in &config.monitoring {
        let url = format!("{}/varz", address.trim_end_matches('/'));
        let answer = client.get(url).send().await.and_then(reqwest::Response::error_for_status);
        let varz: Varz = answer.map_err(|error| unknown(&error))?.json().await.map_err(|error| unknown(&error))?;
        judge(&varz)?;
        servers.insert(varz.server_name);
    }
    Ok(Some(servers))
}

fn judge(varz: &Varz) -> Result<(), LogError> {
    let name = &varz.server_name;
    match varz.jetstream.as_ref().and_then(|jetstream| jetstream.config.as_ref()) {
        None => Err(LogError::BrokerUnfit { reason: format!("server `{name}` has no JetStream") }),
        Some(Config { sync_always: true }) => Ok(()),
        Some(Config { sync_always: false }) => {
            Err(LogError::BrokerUnsafe { reason: format!("`sync_interval` of server `{name}` is not `always`") })
        }
    }
}

fn unknown(error: &reqwest::Error) -> LogError {
    LogError::BrokerUnsafe {
        reason: format!("its monitoring address does not say whether it writes before it answers: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_syncs_always_is_taken() {
        let table = [
            (
                r#"{"server_name": "a", "jetstream": {"config": {"sync_interval": 120000000000, "sync_always": true}}}"#,
                None,
            ),
            (r#"{"server_name": "a", "jetstream": {"config": {"sync_interval": 120000000000}}}"#, Some("FAB7022")),
            (r#"{"server_name": "a", "jetstream": {}}"#, Some("FAB7023")),
            (r#"{"server_name": "a"}"#, Some("FAB7023")),
        ];
        for (varz, expected) in table {
            let judged = judge(&serde_json::from_str(varz).unwrap());
            assert_eq!(judged.err().map(|error| error.code().as_str()), expected, "{varz}");
        }
    }
}
