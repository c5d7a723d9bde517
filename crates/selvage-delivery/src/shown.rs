//! What a consumer sees of an event: what its grant covers of the data, as in every read. Pure.

use selvage_model::cloud_event::CloudEvent;
use selvage_model::exchange::Scope;
use selvage_model::manifest::event::EventInterface;
use serde_json::Value;

/// The extension of a captured change that names the attributes which changed.
const CHANGED: &str = "changed";

/// Whether this scope shows anything of the event: not where it lies outside the rows, or is of a type that the interface does not
/// declare. INVARIANT: DECLARED
pub(crate) fn covers(event: &CloudEvent, interface: &EventInterface, scope: &Scope) -> bool {
    let data = event.data.as_ref().unwrap_or(&Value::Null);
    interface.events.iter().any(|declared| declared.name.value == event.kind)
        && scope.rows.iter().all(|(attribute, allowed)| {
            data.get(attribute.as_str()).is_some_and(|value| !value.is_null() && allowed.contains(value))
        })
}

/// The event as this scope shows it; none where it shows nothing of it.
pub(crate) fn shown(mut event: CloudEvent, interface: &EventInterface, scope: &Scope) -> Option<CloudEvent> {
    if !covers(&event, interface, scope) {
        return None;
    }
    if let Some(data) = &mut event.data {
        if let Some(members) = data.as_object_mut() {
            for attribute in &scope.except {
                members.shift_remove(attribute.as_str());
            }
        }
        scope.masked.iter().for_each(|masked| masked.hide(data));
    }
    // A lane is named by an attribute: what is not shown there is not shown here.
    let lane = interface.lane.as_deref().and_then(|lane| lane.strip_prefix("data.")?.split('.').next());
    let is_hidden = |name: &str| {
        scope.except.iter().any(|attribute| attribute.as_str() == name)
            || scope.masked.iter().any(|masked| masked.attribute() == name)
    };
    hide_changed(&mut event, is_hidden);
    if lane.is_some_and(is_hidden) {
        event.lane = None;
        event.subject = None;
    }
    Some(event)
}

/// Takes the attributes that are not shown from those that a captured change names. The event is told though none is left: it is
/// the fact that was subscribed to, whatever made it one.
fn hide_changed(event: &mut CloudEvent, is_hidden: impl Fn(&str) -> bool) {
    let Some(Value::String(changed)) = event.extensions.get_mut(CHANGED) else { return };
    let shown: Vec<&str> = changed.split(',').filter(|name| !is_hidden(name)).collect();
    *changed = shown.join(",");
    if changed.is_empty() {
        event.extensions.remove(CHANGED);
    }
}

#[cfg(test)]
mod tests {
    use selvage_model::class::Masked;
    use selvage_model::manifest::event::{Carried, EventType};
    use selvage_model::source::{Place, Spanned};
    use serde_json::json;

    use super::*;

    fn interface(lane: &str) -> EventInterface {
        let place = || Place::start("events.yaml");
        let declared = EventType {
            name: Spanned::new("a.b.made".to_owned(), place()),
            carried: Carried::Object(Spanned::new("order@1".parse().unwrap(), place())),
            when: None,
        };
        EventInterface {
            events: vec![declared],
            produced_by: None,
            lane: Some(lane.to_owned()),
            retention: None,
            replay: None,
            capture: None,
            copy_max_age: None,
            compatibility: None,
        }
    }

    fn event(kind: &str) -> CloudEvent {
        let data = json!({"id": "7", "site": "ghent", "price": "9.50", "customer": {"name": "Ada", "city": "Turin"}});
        CloudEvent { data: Some(data), lane: Some("7".to_owned()), ..CloudEvent::new("1", "/mes", kind) }
    }

    fn masked(pointer: &str) -> Masked {
        Masked { pointer: pointer.to_owned(), class: "personal".parse().unwrap() }
    }

    #[test]
    fn what_a_grant_covers_is_shown() {
        let rows = |site: &str| vec![("site".parse().unwrap(), vec![json!(site)])];
        let scope = Scope {
            rows: rows("ghent"),
            except: vec!["price".parse().unwrap()],
            masked: vec![masked("/customer/name")],
        };
        let shown_one = shown(event("a.b.made"), &interface("data.id"), &scope).unwrap();
        let expected = json!({"id": "7", "site": "ghent", "customer": {"name": null, "city": "Turin"}});
        assert_eq!((shown_one.data, shown_one.lane.as_deref()), (Some(expected), Some("7")));
        let elsewhere = Scope { rows: rows("brno"), ..Scope::default() };
        assert_eq!(shown(event("a.b.made"), &interface("data.id"), &elsewhere), None);
        assert_eq!(shown(event("a.b.lost"), &interface("data.id"), &Scope::default()), None);
        let blank = CloudEvent { data: None, ..event("a.b.made") };
        assert_eq!(shown(blank.clone(), &interface("data.id"), &elsewhere), None);
        assert_eq!(shown(blank.clone(), &interface("data.id"), &Scope::default()), Some(blank));
    }

    #[test]
    fn what_is_not_shown_is_not_named_as_changed() {
        let scope = Scope {
            except: vec!["price".parse().unwrap()],
            masked: vec![masked("/customer/name")],
            ..Scope::default()
        };
        for (changed, all, left) in [
            ("customer,price,site", Some("customer,price,site"), Some("site")),
            ("price", Some("price"), None),
            ("customer", Some("customer"), None),
            ("site,prices", Some("site,prices"), Some("site,prices")),
        ] {
            let of = |scope: &Scope| {
                let mut event = event("a.b.made");
                event.extensions.insert(CHANGED.to_owned(), json!(changed));
                let shown = shown(event, &interface("data.id"), scope).unwrap();
                shown.extensions.get(CHANGED).and_then(Value::as_str).map(str::to_owned)
            };
            assert_eq!((of(&Scope::default()).as_deref(), of(&scope).as_deref()), (all, left), "{changed}");
        }
    }

    #[test]
    fn a_lane_does_not_tell_what_is_not_shown() {
        let hidden = Scope { masked: vec![masked("/customer")], ..Scope::default() };
        assert_eq!(shown(event("a.b.made"), &interface("data.customer.name"), &hidden).unwrap().lane, None);
        let left_out = Scope { except: vec!["id".parse().unwrap()], ..Scope::default() };
        assert_eq!(shown(event("a.b.made"), &interface("data.id"), &left_out).unwrap().lane, None);
    }
}
