//! From the lanes to the endpoint: what is sent of a message, whether its grant lets it through now, and what came of it.

use std::sync::Arc;

use jiff::Timestamp;
use selvage_model::cloud_event::CloudEvent;
use selvage_model::code;
use selvage_model::manifest::event::SUBSCRIBE;
use selvage_model::subscription::WaitsFor;

use super::{Job, Run};
use crate::lanes::Parcel;
use crate::ration::{Ration, Taken};
use crate::shown::{covers, shown};
use crate::{Attempt, Handed, Hands, Held, Sent, envelope};

impl Run {
    pub(super) fn send(&mut self, parcel: Parcel) {
        let (endpoint, outcomes) = (Arc::clone(&self.endpoint), self.outcomes.0.clone());
        let (event, held) = match self.made(&parcel) {
            Ok(made) => made,
            Err(attempt) => return drop(outcomes.send((parcel, attempt))),
        };
        let taken = match self.granted(Timestamp::now()) {
            Ok(taken) => taken,
            Err(attempt) => return self.sent(&parcel, &attempt),
        };
        let message = envelope::message(&self.job.subscription.id, &parcel.message, event, parcel.attempts);
        let sending = Arc::clone(&self.means.config.sending);
        let (means, job) = (Arc::clone(&self.means), &self.job.subscription);
        let (interface, consumer) = (job.interface.clone(), job.consumer.clone());
        tokio::spawn(async move {
            let attempt = sending(endpoint, message).await;
            if attempt.sent == Sent::Delivered {
                let hands = Hands { interface: &interface, consumer: &consumer, operation: SUBSCRIBE };
                means.config.holding.count(hands, &held);
            }
            if let Some(taken) = taken.filter(|_| attempt.sent != Sent::Delivered) {
                taken.give_back();
            }
            let _ = outcomes.send((parcel, attempt));
        });
    }

    /// Takes one message of what the grant lets through; what came of it where it lets none through now.
    fn granted(&mut self, now: Timestamp) -> Result<Option<Taken>, Attempt> {
        let wait = match Ration::take_with(self.shared.as_ref(), self.ration.as_ref(), now) {
            Ok(taken) => return Ok(taken),
            Err(wait) => wait,
        };
        if let Some(what) = wait.what {
            self.waits = Some((what, wait.until));
        }
        if wait.what == Some(WaitsFor::Quota) {
            self.lanes.stand_still(now, wait.until);
        }
        Err(Attempt::ungranted(now, wait.until))
    }

    /// The event as it is sent, and how it fits its contract; what came of it where nothing is sent.
    fn made(&self, parcel: &Parcel) -> Result<(CloudEvent, Held), Attempt> {
        let now = Timestamp::now();
        if parcel.message.is_damaged {
            tracing::error!(
                code = %code::PARKED_DAMAGED, "`{}`: the message at {} is damaged in the store, and not sent",
                self.endpoint.name, parcel.message.position
            );
            return Err(Attempt::damaged(now));
        }
        // It was an event when it was read, so that only a damaged store brings another here.
        let event = envelope::event(&parcel.message.body).map_err(|_| Attempt::unreadable(now))?;
        let Job { subscription, interface: declared, scope, .. } = &self.job;
        // What is granted may be less than when it was set aside.
        if !covers(&event, declared, scope) {
            return Err(Attempt::uncovered(now));
        }
        let (interface, consumer) = (&subscription.interface, &subscription.consumer);
        let hands = Hands { interface, consumer, operation: SUBSCRIBE };
        let held = self.means.config.holding.hold(Handed { hands, event: &event });
        if held.withholds() {
            self.means.config.holding.count(hands, &held);
            return Err(Attempt::unfit(now, held.cause, held.because(interface)));
        }
        shown(event, declared, scope).map(|event| (event, held)).ok_or_else(|| Attempt::uncovered(now))
    }

    pub(super) fn sent(&mut self, parcel: &Parcel, attempt: &Attempt) {
        self.means.config.figures.sent(&self.endpoint.name, &attempt.sent);
        self.lanes.sent(parcel, attempt, Timestamp::now(), (self.means.config.chance)());
    }
}
