//! Replays: subscriptions that repeat a part of what another had, with a cursor, lanes and an end of their own. They are asked for here;
//! whether one may be is for who knows the release to say.

use selvage_model::event::{LaneKey, Position};
use selvage_model::scalar::Rate;
use selvage_model::subscription::{
    Beginning, DeliveryTerms, LiveSubscription, ReplayTerms, SubscriptionState, SubscriptionTerms,
};
use serde_json::json;
use uuid::Uuid;

use super::{find, hold_events};
use crate::Store;
use crate::access;
use crate::error::StoreError;
use crate::event::{Stream, stored};
use crate::ledger;
use crate::statement::statements;
use crate::value::bind;

statements! {
    INSERT = "INSERT INTO subscription (id, consumer, name, interface, terms, state, begins, acts, requested_at, changed_at) \
              VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8, $8)";
    NOTE_TERMS = "UPDATE subscription SET terms = $2 WHERE id = $1";
}

/// A replay as somebody asks for it.
#[derive(Clone, Debug, PartialEq)]
pub struct NewReplay {
    /// The subscription that had the events: its id.
    pub of: String,
    /// The subscription to whose endpoint they are sent, where that is another one: its id.
    pub target: Option<String>,
    /// The last event that is not sent again.
    pub after: Position,
    /// The last one that is; the newest that there is where none is said, or one that is not there yet.
    pub through: Option<Position>,
    /// Only these lanes; all where there are none.
    pub lanes: Vec<LaneKey>,
    /// How fast at most.
    pub rate: Option<Rate>,
    /// Who asks.
    pub by: String,
    /// Why.
    pub because: String,
}

impl NewReplay {
    /// What is to be known where the range ends before what was asked for, in words: what comes later is not sent again.
    pub fn shortened(&self, asked: &LiveSubscription) -> Option<String> {
        let (wanted, ends) = (self.through?, asked.terms.replay.as_ref()?.through);
        (wanted > ends).then(|| format!("the newest event is {ends}: the replay ends there, and not at {wanted}"))
    }

    /// Why there is nothing to send again, where lanes were asked for that no event of the range has.
    pub fn without(&self, absent: &[LaneKey]) -> String {
        let lanes: Vec<String> = absent.iter().map(|lane| format!("`{lane}`")).collect();
        let through = self.through.map_or_else(|| "the newest event".to_owned(), |through| through.to_string());
        format!("there is no event of {} from behind {} to {through}", lanes.join(", "), self.after)
    }
}

impl Store {
    /// Asks for a replay.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for a subscription or a stream that is not there, [`StoreError::NoReplay`] where there is nothing to
    /// send again, or no endpoint that declares that it takes an event twice, [`StoreError::ReplayUnsent`] where nothing is sent for the
    /// subscription itself, [`StoreError::ReplayTarget`] where the endpoint of the other subscription cannot be sent them.
    pub async fn ask_for_replay(&self, new: &NewReplay) -> Result<LiveSubscription, StoreError> {
        let mut transaction = self.database.write().await?;
        access::hold(&mut transaction).await?;
        let of = find(&mut transaction, &new.of).await?;
        let refused = |because: &str| StoreError::NoReplay { label: of.label(), because: because.to_owned() };
        let target = match new.target.as_ref().filter(|target| **target != of.id) {
            Some(target) => Some(find(&mut transaction, target).await?),
            None => None,
        };
        let deliver = sent_to(&of, target.as_ref())?;
        let sent_as = target.as_ref().unwrap_or(&of);
        let head = Stream::find(&mut transaction, &of.interface).await?.head()?;
        let through = new.through.unwrap_or(head).min(head);
        if through <= new.after {
            return Err(refused(&format!("there is nothing from behind {} to {through}", new.after)));
        }
        let number = Uuid::new_v4().as_u128();
        let (id, name) = (format!("rpl_{number:032x}"), format!("replay-{:08x}", number >> 96));
        let terms = SubscriptionTerms {
            deliver: Some(DeliveryTerms { rate: new.rate.or(deliver.rate), ..deliver.clone() }),
            ..terms(new, &of, sent_as, through)
        };
        let now = transaction.now().await?;
        let (interface, words) = (of.interface.to_string(), json!(terms));
        let row = bind![
            id.as_str(),
            of.consumer.as_str(),
            name.as_str(),
            interface.as_str(),
            words.to_string(),
            SubscriptionState::Requested.as_str(),
            stored(new.after),
            now
        ];
        transaction.run(INSERT, row).await?;
        let detail = json!({
            "subscription": of.label(), "replay": name, "interface": interface, "after": new.after.to_string(),
            "through": through.to_string(), "lanes": new.lanes.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "because": new.because, "target": sent_as.label(), "system": deliver.system.as_str(), "path": deliver.path,
        });
        ledger::append(&mut transaction, &new.by, "replay.requested", &id, &detail).await?;
        access::raise(&mut transaction).await?;
        let asked = find(&mut transaction, &id).await?;
        hold_events(&mut transaction, &asked).await?;
        transaction.commit().await?;
        Ok(asked)
    }
}

impl Store {
    /// Notes how fast all replays of its interface may go together, as the release says that a node goes by. Not in the ledger: the release
    /// decided it.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for what is no subscription.
    pub async fn note_replay_rate(&self, id: &str, most: Option<Rate>) -> Result<(), StoreError> {
        let mut transaction = self.database.write().await?;
        access::hold(&mut transaction).await?;
        let it = find(&mut transaction, id).await?;
        let Some(before) = it.terms.replay.as_ref().filter(|replay| replay.most != most) else { return Ok(()) };
        let replay = Some(ReplayTerms { most, ..before.clone() });
        let terms = SubscriptionTerms { replay, ..it.terms.clone() };
        transaction.run(NOTE_TERMS, bind![id, json!(terms).to_string()]).await?;
        access::raise(&mut transaction).await?;
        transaction.commit().await
    }
}

/// Where the events of a subscription go again: to its own endpoint, or to that of the target.
fn sent_to<'a>(
    of: &'a LiveSubscription,
    target: Option<&'a LiveSubscription>,
) -> Result<&'a DeliveryTerms, StoreError> {
    let refused = |because: &str| StoreError::NoReplay { label: of.label(), because: because.to_owned() };
    if let Some(target) = target {
        may_have_been_sent(of).map_err(refused)?;
        return may_be_sent(of, target);
    }
    let deliver = may_be_repeated(of).map_err(refused)?;
    match of.is_sent() {
        true => Ok(deliver),
        false => Err(StoreError::ReplayUnsent { label: of.label(), state: of.state }),
    }
}

/// The terms of a replay, but for how it is delivered.
fn terms(new: &NewReplay, of: &LiveSubscription, sent_as: &LiveSubscription, through: Position) -> SubscriptionTerms {
    SubscriptionTerms {
        events: of.terms.events.clone(),
        from: Beginning::Oldest,
        until: sent_as.terms.until,
        on_end: sent_as.terms.on_end,
        lag: None,
        deliver: None,
        replay: Some(ReplayTerms {
            of: of.id.clone(),
            target: (sent_as.id != of.id).then(|| sent_as.id.clone()),
            through,
            lanes: new.lanes.iter().map(ToString::to_string).collect(),
            by: new.by.clone(),
            reason: Some(new.because.clone()),
            most: None,
            reached: None,
        }),
    }
}

/// Whether it is a subscription that goes on.
fn may_have_been_sent(of: &LiveSubscription) -> Result<(), &'static str> {
    if of.terms.replay.is_some() {
        return Err("it is a replay itself");
    }
    if of.state == SubscriptionState::Ended {
        return Err("it has ended");
    }
    Ok(())
}

fn may_be_repeated(of: &LiveSubscription) -> Result<&DeliveryTerms, &'static str> {
    may_have_been_sent(of)?;
    let deliver = of.terms.deliver.as_ref().ok_or("it is pulled: whoever pulls reads again from where they want")?;
    match deliver.idempotent {
        true => Ok(deliver),
        false => Err("its endpoint does not declare that an event twice does no harm (`deliver: {idempotent: true}`)"),
    }
}

/// Where the events of one subscription go that are sent to the endpoint of another.
fn may_be_sent<'a>(of: &LiveSubscription, target: &'a LiveSubscription) -> Result<&'a DeliveryTerms, StoreError> {
    let refused = |because: String| StoreError::ReplayTarget { label: target.label(), because };
    if target.consumer != of.consumer || target.interface != of.interface {
        let (consumer, interface) = (&of.consumer, &of.interface);
        return Err(refused(format!(
            "only subscriptions of `{consumer}` to `{interface}` may be sent what was `{}`'s",
            of.label()
        )));
    }
    let deliver = may_be_repeated(target).map_err(|because| refused(because.to_owned()))?;
    if target.state != SubscriptionState::Active {
        return Err(refused(format!("it is {}, and not active", target.state)));
    }
    let lacks = of.terms.events.iter().find(|event| !target.terms.events.contains(event));
    match lacks {
        Some(event) => Err(refused(format!("it does not take `{event}`"))),
        None => Ok(deliver),
    }
}
