//! What of an event is shown to whoever looks into the log or at what was set aside: the envelope always; the data as far as the fabric
//! says that it has no class. What nobody says the classes of is not shown. One rule for every command and every answer. Pure.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::class::Masked;
use crate::fabric::Fabric;
use crate::manifest::event::Carried;
use crate::manifest::interface::InterfaceBody;
use crate::name::InterfaceRef;

/// What carries a class in each event type of an interface, as far as a fabric says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sight(BTreeMap<String, Vec<Masked>>);

/// What was taken away of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hidden {
    /// All is shown.
    Nothing,
    /// These places of the event, as JSON Pointers: each is there, as nothing.
    Masked(Vec<String>),
    /// The data: nobody says which of it has a class.
    Data,
}

impl Sight {
    /// What is shown of an interface's events where this fabric is known; no data where it does not declare them.
    pub fn of(fabric: &Fabric, interface: &InterfaceRef) -> Self {
        let Some(InterfaceBody::Event(declared)) = fabric.interfaces.get(interface).map(|interface| &interface.body)
        else {
            return Self::default();
        };
        let types = declared.events.iter().filter_map(|kind| {
            let classed = match &kind.carried {
                Carried::Object(object) => fabric.objects.get(&object.value)?.classed(),
                Carried::Schema(file) => fabric.schemas.get(&file.value)?.classes.clone(),
            };
            Some((kind.name.value.clone(), classed))
        });
        Self(types.collect())
    }

    /// Takes away what is not to be shown of the data of an event of this type.
    pub fn hide(&self, kind: &str, data: &mut Option<Value>) -> Hidden {
        let Some(given) = data.as_mut() else { return Hidden::Nothing };
        let Some(classed) = self.0.get(kind) else {
            *data = None;
            return Hidden::Data;
        };
        let place = |masked: &Masked| masked.given(given).into_iter().map(|pointer| format!("/data{pointer}"));
        let hidden: Vec<String> = classed.iter().flat_map(place).collect();
        classed.iter().for_each(|masked| masked.hide(given));
        if hidden.is_empty() { Hidden::Nothing } else { Hidden::Masked(hidden) }
    }

    /// The same for an event as it is kept. Data that is no JSON has no members, so that nobody can say which of it has a class.
    pub fn hide_in(&self, event: &mut Map<String, Value>) -> Hidden {
        let encoded = event.shift_remove("data_base64");
        let kind = event.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
        let mut data = event.shift_remove("data");
        let hidden = self.hide(&kind, &mut data);
        event.extend(data.map(|data| ("data".to_owned(), data)));
        if encoded.is_some() { Hidden::Data } else { hidden }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_has_a_class_or_is_not_declared_is_not_shown() {
        let masked = Masked { pointer: "/customer/name".to_owned(), class: "personal".parse().unwrap() };
        let sight = Sight(BTreeMap::from([("a.b.made".to_owned(), vec![masked])]));
        let all = || json!({"id": "7", "customer": {"name": "Ada", "city": "Turin"}});
        let some = json!({"id": "7", "customer": {"name": null, "city": "Turin"}});
        let name = || Hidden::Masked(vec!["/data/customer/name".to_owned()]);
        for (event, expected, hidden) in [
            (json!({"type": "a.b.made", "data": all()}), json!({"type": "a.b.made", "data": some}), name()),
            (
                json!({"type": "a.b.made", "data": {"id": "7"}}),
                json!({"type": "a.b.made", "data": {"id": "7"}}),
                Hidden::Nothing,
            ),
            (json!({"type": "a.b.lost", "data": all()}), json!({"type": "a.b.lost"}), Hidden::Data),
            (json!({"type": "a.b.made", "data_base64": "QWRh"}), json!({"type": "a.b.made"}), Hidden::Data),
            (json!({"type": "a.b.lost"}), json!({"type": "a.b.lost"}), Hidden::Nothing),
        ] {
            let mut shown = event.as_object().unwrap().clone();
            assert_eq!(sight.hide_in(&mut shown), hidden, "{event}");
            assert_eq!(Value::from(shown), expected, "{event}");
        }
    }
}
