//! Tells consumers' owners of interfaces that end, by webhooks of their teams and by mail: who used one of late, or may use it, hears of its
//! deprecation, its sunset and its brownouts, each once by each way whatever the number of nodes. Nothing on the data path waits for it.

mod letter;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use jiff::Timestamp;
use selvage_delivery::mail::{MailServer, Mailed};
use selvage_delivery::send::Sender;
use selvage_delivery::{Message, MessageId, Sent};
use selvage_governance::notice::{Notice, Owner, Users, ends, notices, owner_of};
use selvage_model::access::{AccessState, Blocked};
use selvage_model::code;
use selvage_model::fabric::Fabric;
use selvage_model::mail::MailAddress;
use selvage_model::manifest::consumer::Deliver;
use selvage_model::manifest::system::SecretName;
use selvage_model::name::{ConsumerName, EnvironmentName, InterfaceRef};
use selvage_model::notice::NoticeWay;
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
    /// Where mail is given away, if this node sends any.
    pub(crate) mail: Option<MailServer>,
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
            self.note(fabric, &active.access).await?;
            *looked = Some((release.clone(), access, Instant::now()));
        }
        if !is_told(fabric, &active.access) {
            return Ok(());
        }
        for _ in 0..MOST_ROUNDS {
            // What another release says no more is first withdrawn.
            if self.current.active().release.id != release {
                break;
            }
            let due = self.store.take_due_notices(&self.environment, self.mail.is_some()).await?;
            if due.is_empty() {
                break;
            }
            // Who does not answer keeps nobody else of these from being told.
            for settled in join_all(due.iter().map(|it| self.settle(fabric, sender, it))).await {
                settled?;
            }
        }
        Ok(())
    }

    async fn note(&self, fabric: &Fabric, access: &AccessState) -> Result<(), StoreError> {
        let now = Timestamp::now();
        let since = now.checked_sub(OF_LATE).unwrap_or(Timestamp::UNIX_EPOCH);
        let mut used: BTreeMap<(InterfaceRef, ConsumerName), Timestamp> = BTreeMap::new();
        let totals = if is_told(fabric, access) { self.store.usage_since(since, now).await? } else { Vec::new() };
        for total in totals {
            if let Some(consumer) = total.key.consumer {
                let last = used.entry((total.key.interface, consumer)).or_insert(total.last);
                *last = (*last).max(total.last);
            }
        }
        let grants: Vec<_> = access.grants_in(&self.environment).cloned().collect();
        let due = notices(fabric, Users { used: &used, grants: &grants, blocks: &access.blocks }, now);
        self.complain_of_mail(&due);
        let due: Vec<NewNotice> = due.into_iter().map(noted).collect();
        self.store.note_notices(&self.environment, &due).await
    }

    /// Says to the store what came of one.
    async fn settle(&self, fabric: &Fabric, sender: &Sender, it: &LifecycleNotice) -> Result<(), StoreError> {
        match self.tell(fabric, sender, it).await {
            Told::By(to) => self.store.notice_told(it, &to).await,
            Told::Again(because) => self.store.notice_untold(it, &because).await,
            Told::Refused(because) => {
                let NewNotice { interface, consumer, .. } = &it.notice;
                let code = code::NOTICE_REFUSED;
                tracing::error!(code = %code, "who answers for `{consumer}` is not told that `{interface}` ends: {because}");
                self.store.notice_refused(it, &because).await
            }
        }
    }

    /// Sends one to the team or domain that answers for the consumer.
    async fn tell(&self, fabric: &Fabric, sender: &Sender, it: &LifecycleNotice) -> Told {
        let owner = match owner_of(fabric, &it.notice.consumer) {
            Ok(found) => found,
            Err(because) => return Told::Again(because),
        };
        let elsewhere = || Told::Again(format!("{} `{}` is told elsewhere by now", owner.what, owner.name));
        match (it.notice.way, owner.notices, owner.mail) {
            (NoticeWay::Webhook, Some(deliver), _) => self.call(fabric, sender, (&owner, deliver), it).await,
            (NoticeWay::Mail, _, Some(address)) if address.as_str() == it.notice.recipient => {
                self.write(&owner, address, it).await
            }
            _ => elsewhere(),
        }
    }

    /// By a webhook.
    async fn call(
        &self,
        fabric: &Fabric,
        sender: &Sender,
        (owner, deliver): (&Owner<'_>, &Deliver),
        it: &LifecycleNotice,
    ) -> Told {
        let has = |name: &SecretName| self.secrets.get(name).is_some();
        let label = format!("{}/{}", owner.what, owner.name);
        let endpoint = match deliveries::endpoint_of(fabric, &self.environment, &label, &deliver.terms(), has) {
            Ok(endpoint) => endpoint,
            Err(because) => return Told::Again(because),
        };
        match sender.send(Arc::new(endpoint), message(it)).await.sent {
            Sent::Delivered => Told::By(format!("{}: {} {}", owner.name, deliver.system, deliver.path)),
            Sent::Gone => Told::Again("the endpoint wants nothing more (410)".to_owned()),
            Sent::NotSent { because, .. }
            | Sent::Again { because, .. }
            | Sent::Refused { because, .. }
            | Sent::Withheld { because } => Told::Again(because),
        }
    }

    /// By mail.
    async fn write(&self, owner: &Owner<'_>, address: &MailAddress, it: &LifecycleNotice) -> Told {
        let Some(server) = &self.mail else { return Told::Again("this node sends no mail".to_owned()) };
        match server.send(|name| self.secrets.get(name), &letter::of(owner, address, it)).await {
            // The ledger keeps for good what it is told, and an address may be a person's.
            Mailed::Taken => Told::By(owner.name.to_owned()),
            Mailed::Again(because) => Told::Again(because),
            Mailed::Refused(because) => Told::Refused(because),
        }
    }

    /// Who is to be told by mail hears nothing where no node sends any: operators are told instead.
    fn complain_of_mail(&self, due: &[Notice]) {
        let teams: BTreeSet<&str> =
            due.iter().filter(|it| it.way == NoticeWay::Mail).map(|it| it.recipient.as_str()).collect();
        if self.mail.is_none() && !teams.is_empty() {
            let (code, many) = (code::MAIL_NOWHERE, teams.len());
            tracing::warn!(code = %code, "this node sends no mail, and {many} mailboxes are to hear of interfaces that end");
        }
    }
}

/// What came of telling.
enum Told {
    /// Somebody took it: this is whom the ledger names.
    By(String),
    /// Nobody did; another time somebody may.
    Again(String),
    /// There is no such recipient.
    Refused(String),
}

fn noted(it: Notice) -> NewNotice {
    let Notice { interface, consumer, stage, way, recipient, says } = it;
    NewNotice { interface, consumer, stage, way, recipient, says }
}

/// Whether anything of a fabric ends, has ended or is cut off.
fn is_told(fabric: &Fabric, access: &AccessState) -> bool {
    let cut = access.blocks.iter().any(|block| matches!(block.what, Blocked::Interface(_)));
    cut || fabric.interfaces.values().any(|interface| ends(&interface.lifecycle))
}

/// What it is known by, whoever sends it by whichever way.
fn id(it: &LifecycleNotice) -> MessageId {
    let NewNotice { interface, consumer, stage, .. } = &it.notice;
    MessageId::new(&format!("msg_notice_{}_{interface}_{consumer}_{stage}", it.environment))
}

/// The same bytes at each attempt, and by each node.
fn message(it: &LifecycleNotice) -> Message {
    let NewNotice { interface, consumer, stage, says, .. } = &it.notice;
    let id = id(it);
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
