//! Webhooks: who calls, what proves it, and what calls become.

use selvage_model::manifest::event::Into;
use selvage_model::manifest::webhook::WebhookInterface;

use super::Difference;
use super::class::classes;
use super::interface::OTHER;
use super::told::Told;
use super::two::Two;

classes! { Interface "interface":
    CALLER_CHANGED = "caller" "changed" Request Breaking "Calls of the system that called are refused.";
    SIGNING_CHANGED = "signing" "changed" Request Breaking "Calls that are proven as before are refused.";
    SIGNING_SECRET_REMOVED = "signing-secret" "removed" Request Breaking "Calls that are proven by it are refused.";
    SIGNING_SECRET_ADDED = "signing-secret" "added" Request Safe "What was proven is proven.";
    CALLING_NETWORK_REMOVED = "calling-network" "removed" Request Breaking "Calls from there are refused.";
    CALLING_NETWORK_ADDED = "calling-network" "added" Request Unproven "Calls from there are taken, whoever makes them.";
    WINDOW_SHORTENED = "window" "shortened" Request Breaking "Calls that are as late as they were may be refused.";
    WINDOW_LENGTHENED = "window" "lengthened" Request Safe "What was in time is in time.";
    CALL_ID_CHANGED = "call-id" "changed" Request Unproven "Calls may be taken for the same that are not, or come twice.";
    CALL_EVENT_CHANGED = "call-event" "changed" Both Breaking "Who waits for the event that a call became waits in vain.";
    CALL_OBJECT_CHANGED = "call-object" "changed" Both Breaking "Calls have to be another object, and become one.";
    CALL_LANE_CHANGED = "call-lane" "changed" Response Breaking "The events of calls come in another order.";
    CALL_RECORD_CHANGED = "call-record" "changed" Request Breaking "Calls have to be another record.";
    HINTS_CHANGED = "hints" "changed" Both Breaking "Calls become events that were none, or none that were.";
}

/// What two webhooks of an interface take.
pub(super) fn compare(found: &mut Vec<Difference>, mut two: Two<WebhookInterface>) {
    into(found, &mut two);
    two.changed(found, (&CALLER_CHANGED, "system"), |it| &mut it.source);
    two.changed(found, (&SIGNING_CHANGED, "signing"), |it| &mut it.signing);
    two.names(found, (&SIGNING_SECRET_REMOVED, &SIGNING_SECRET_ADDED), "secret", |it| &mut it.secrets);
    networks(found, &mut two);
    two.judged(
        found,
        "window",
        |it| &mut it.window,
        |was, is| {
            if is < was { &WINDOW_SHORTENED } else { &WINDOW_LENGTHENED }
        },
    );
    two.changed(found, (&CALL_ID_CHANGED, "id of calls"), |it| &mut it.id);
    two.changed(found, (&CALL_RECORD_CHANGED, "record"), |it| &mut it.record);
    two.changed(found, (&HINTS_CHANGED, "hints"), |it| &mut it.hints);
    two.rest(found, &OTHER);
}

/// No network at all means any.
fn networks(found: &mut Vec<Difference>, two: &mut Two<WebhookInterface>) {
    if !two.before.from.is_empty() && two.after.from.is_empty() {
        let difference = two.spot.difference(&CALLING_NETWORK_ADDED, "networks");
        found.push(difference.values(two.before.from.told(), Some("any")));
        two.settle(|it| &mut it.from);
    }
    let classes = match two.before.from.is_empty() {
        true => (&CALLING_NETWORK_REMOVED, &CALLING_NETWORK_REMOVED),
        false => (&CALLING_NETWORK_REMOVED, &CALLING_NETWORK_ADDED),
    };
    two.names(found, classes, "network", |it| &mut it.from);
}

fn into(found: &mut Vec<Difference>, two: &mut Two<WebhookInterface>) {
    let part = two.part(|it| &mut it.into);
    match (part.before, part.after) {
        (Some(before), Some(after)) => {
            let mut inner: Two<Into> = Two { before, after, spot: part.spot };
            inner.changed(found, (&CALL_EVENT_CHANGED, "event"), |it| &mut it.event);
            inner.changed(found, (&CALL_OBJECT_CHANGED, "object"), |it| &mut it.object);
            inner.changed(found, (&CALL_LANE_CHANGED, "lane"), |it| &mut it.lane);
            inner.rest(found, &OTHER);
        }
        (None, None) => {}
        // What becomes hints is told by itself.
        (was, is) => {
            let event = |into: &Option<Into>| into.as_ref().map(|into| into.event.clone());
            if two.before.hints == two.after.hints {
                let difference = part.spot.difference(&CALL_EVENT_CHANGED, "event");
                found.push(difference.values(event(&was).told(), event(&is).told()));
            }
        }
    }
}
