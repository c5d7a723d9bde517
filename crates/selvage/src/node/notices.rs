//! Tells consumers' owners of interfaces that end, by webhooks of their teams: who used one of late, or may use it, hears of its
//! deprecation, its sunset and its brownouts, each once whatever the number of nodes. Nothing on the data path waits for it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use selvage_delivery::send::Sender;
use selvage_delivery::{Message, MessageId, Sent};
use selvage_governance::notice::{Notice, Users, notices};
use selvage_model::access::LiveGrant;
use selvage_model::fabric::Fabric;
use selvage_model::manifest::consumer::Deliver;
use selvage_model::manifest::interface::Lifecycle;
use selvage_model::manifest::system::SecretName;
use selvage_model::name::{ConsumerName, EnvironmentName, InterfaceRef};
use selvage_store::{LifecycleNotice, NewNotice, Store, StoreError};
use serde_json::json;
use tokio::time::Instant;

use super::deliveries;
use super::release::Current;
use super::rotation::Secrets;

/// How often it is looked what is due.
const EVERY: Duration = Duration::from_secs(5);
/// How often it is looked whom it concerns, where neither the release nor the access state has changed.
const LOOK_EVERY: Duration = Duration::from_secs(600);
/// Rounds of a few notices until it is looked again what runs.
const MOST_ROUNDS: usize = 20;
/// Who used an interface within so long is told of its end.
const OF_LATE: Duration = Duration::from_secs(90 * 86_400);
/// The type of a notice.
const KIND: &str = "selvage.interface.ending";

/// What tells.
pub(crate) struct Telling {
    pub(crate) store: Store,
    pub(crate) current: Arc<Current>,
    pub(crate) environment: EnvironmentName,
    pub(crate) secrets: Secrets,
}

impl Telling {
    /// Tells for as long as the node runs.
    pub(crate) async fn run(self) {
        let known = self.secrets.clone();
        let sender = Sender::new(Arc::new(move |name: &SecretName| known.get(name)));
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut looked: Option<(String, u64, Instant)> = None;
        loop {
            ticks.tick().await;
            if let Err(error) = self.look(&sender, &mut looked).await {
                tracing::warn!("{}: notices of what ends are told later: {error}", error.code());
            }
        }
    }

    async fn look(&self, sender: &Sender, looked: &mut Option<(String, u64, Instant)>) -> Result<(), StoreError> {
        let active = self.current.active();
        let fabric = &active.release.fabric;
        let (release, access) = (active.release.id.clone(), active.access.revision);
        let fresh = looked
            .as_ref()
            .is_some_and(|(of, revision, at)| *of == release && *revision == access && at.elapsed() < LOOK_EVERY);
        if !fresh {
            self.note(fabric, &active.access.grants).await?;
            *looked = Some((release, access, Instant::now()));
        }
        if !ends(fabric) {
            return Ok(());
        }
        for _ in 0..MOST_ROUNDS {
            let due = self.store.take_due_notices(&self.environment).await?;
            if due.is_empty() {
                break;
            }
            for notice in due {
                match self.tell(fabric, sender, &notice).await {
                    Ok(to) => self.store.notice_told(&notice, &to).await?,
                    Err(because) => self.store.notice_untold(&notice, &because).await?,
                }
            }
        }
        Ok(())
    }

    async fn note(&self, fabric: &Fabric, grants: &[LiveGrant]) -> Result<(), StoreError> {
        let now = Timestamp::now();
        let since = now.checked_sub(OF_LATE).unwrap_or(Timestamp::UNIX_EPOCH);
        let mut used: BTreeMap<(InterfaceRef, ConsumerName), Timestamp> = BTreeMap::new();
        let totals = if ends(fabric) { self.store.usage_since(since, now).await? } else { Vec::new() };
        for total in totals {
            if let Some(consumer) = total.key.consumer {
                let last = used.entry((total.key.interface, consumer)).or_insert(total.last);
                *last = (*last).max(total.last);
            }
        }
        let due = notices(fabric, Users { used: &used, grants }, now).into_iter();
        let new =
            |it: Notice| NewNotice { interface: it.interface, consumer: it.consumer, stage: it.stage, says: it.says };
        self.store.note_notices(&self.environment, &due.map(new).collect::<Vec<_>>()).await
    }

    /// Sends one to the team that answers for the consumer, and says where to.
    async fn tell(&self, fabric: &Fabric, sender: &Sender, it: &LifecycleNotice) -> Result<String, String> {
        let (team, deliver) = whom(fabric, &it.notice.consumer)?;
        let has = |name: &SecretName| self.secrets.get(name).is_some();
        let label = format!("team/{team}");
        let endpoint = deliveries::endpoint_of(fabric, &self.environment, &label, &deliver.terms(), has)?;
        let to = format!("{team}: {} {}", deliver.system, deliver.path);
        match sender.send(Arc::new(endpoint), message(it)).await.sent {
            Sent::Delivered => Ok(to),
            Sent::Gone => Err("the endpoint wants nothing more (410)".to_owned()),
            Sent::NotSent { because, .. } | Sent::Again { because, .. } | Sent::Refused { because, .. } => Err(because),
        }
    }
}

/// Whether anything of a fabric is deprecated.
fn ends(fabric: &Fabric) -> bool {
    fabric.interfaces.values().any(|interface| matches!(interface.lifecycle, Lifecycle::Deprecated(_)))
}

/// The team that answers for a consumer, and where it wants to be told.
fn whom<'a>(fabric: &'a Fabric, consumer: &ConsumerName) -> Result<(String, &'a Deliver), String> {
    let declared = fabric.consumers.get(consumer).ok_or_else(|| format!("no manifest declares `{consumer}`"))?;
    let owner = &declared.owner.value;
    let team = fabric.teams.iter().find(|(name, _)| name.as_str() == owner).map(|(_, team)| team);
    let team = team.ok_or_else(|| format!("`{owner}`, which owns `{consumer}`, is no team"))?;
    let deliver =
        team.notices.as_ref().ok_or_else(|| format!("team `{owner}` does not say where it is told: `notices`"))?;
    Ok((owner.clone(), deliver))
}

/// The same bytes at each attempt, and by each node.
fn message(it: &LifecycleNotice) -> Message {
    let NewNotice { interface, consumer, stage, says } = &it.notice;
    let id = MessageId::new(&format!("msg_notice_{}_{interface}_{consumer}_{stage}", it.environment));
    let event = json!({
        "specversion": "1.0",
        "id": id.as_str(),
        "source": "/selvage/interfaces",
        "type": KIND,
        "subject": interface.to_string(),
        "time": it.noted.to_string(),
        "datacontenttype": "application/json",
        "data": {
            "environment": it.environment.as_str(), "interface": interface.to_string(), "consumer": consumer.as_str(),
            "stage": stage, "says": says,
        },
    });
    Message {
        id,
        kind: KIND.to_owned(),
        content_type: "application/cloudevents+json",
        body: event.to_string().into(),
        appended_at: it.noted,
        attempts_before: u32::try_from(it.attempts).unwrap_or(u32::MAX),
    }
}
