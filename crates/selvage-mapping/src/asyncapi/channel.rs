//! The channels of an event interface: its stream, where events are published and read, and the address of a subscriber, to which
//! they are delivered.

use selvage_model::manifest::event::EventInterface;
use selvage_model::scalar::spell;
use serde_json::{Map, Value, json};

use super::message::{self, Way};
use super::{Described, Parts, pull, security};
use crate::openapi::NoContract;

/// Adds what there is to say of an event interface.
pub(super) fn describe(described: Described<'_>, event: &EventInterface, parts: &mut Parts) -> Result<(), NoContract> {
    let key = described.key();
    let captured_from = event.capture.as_ref().and(event.produced_by.as_ref()).map(|system| &system.value);
    let mut messages = |way: Way| -> Result<Vec<String>, NoContract> {
        event.events.iter().map(|event| message::add(described, event, captured_from, way, parts)).collect()
    };
    // What Selvage captures itself nobody else publishes.
    let published = if event.capture.is_none() { messages(Way::Published)? } else { Vec::new() };
    let told = messages(Way::Told)?;
    let delivered = messages(Way::Delivered)?;
    let schemes = security::of_grants(described);
    let security = security::references(&schemes);
    parts.schemes.extend(schemes);

    let page = pull::page(described, &told, parts);
    let all: Vec<String> = published.iter().chain(&told).chain([&page]).cloned().collect();
    parts.channels.insert(key.clone(), stream(described, event, &all));
    let delivery = format!("{key}.delivery");
    parts.channels.insert(delivery.clone(), subscriber(described, &delivered));
    if !published.is_empty() {
        let about = "One event, or several as a JSON array (`application/cloudevents-batch+json`), or one in binary mode with its \
                     attributes as `ce-` headers. The answer comes when they are on stable storage; what comes again with the same \
                     `source` and `id` is one event.";
        let operation = operation("receive", &key, "Publish events", about, ("POST", &published), &security);
        parts.operations.insert(format!("{key}.publish"), operation);
    }
    pull::add(described, (&page, &told), &security, parts);
    let about = "Signed, and sent again until the subscriber answers with 2xx.";
    let delivers = operation("send", &delivery, "Deliver events", about, ("POST", &delivered), &[]);
    parts.operations.insert(format!("{key}.deliver"), delivers);
    Ok(())
}

fn stream(described: Described<'_>, event: &EventInterface, messages: &[String]) -> Value {
    let mut governed = described.governed();
    let mut about = described.about();
    if let Some(lane) = &event.lane {
        about.push_str(&format!("\n\nEvents with the same `{lane}` are in order."));
        governed.insert("lane".to_owned(), lane.as_str().into());
    }
    if let Some(system) = &event.produced_by {
        governed.insert("produced_by".to_owned(), system.value.as_str().into());
    }
    if let Some(retention) = event.retention {
        let time = spell(retention.time);
        about.push_str(&format!(" They are kept for {time}."));
        let mut kept = json!({"for": time});
        if let (Some(bytes), Some(members)) = (retention.at_least, kept.as_object_mut()) {
            members.insert("at_least_bytes".to_owned(), bytes.into());
        }
        if let (Some(bytes), Some(members)) = (retention.at_most, kept.as_object_mut()) {
            members.insert("at_most_bytes".to_owned(), bytes.into());
        }
        governed.insert("retention".to_owned(), kept);
    }
    json!({
        "address": format!("{}/events", described.path()),
        "title": described.interface.name.as_str(),
        "description": about,
        "messages": messages_of(messages),
        "x-selvage": governed,
    })
}

fn subscriber(described: Described<'_>, messages: &[String]) -> Value {
    json!({
        "address": null,
        "title": format!("Subscribers of {}", described.interface.name),
        "description": "The address that a subscription names.",
        "messages": messages_of(messages),
    })
}

/// The messages of a channel, as it refers to them.
pub(super) fn messages_of(keys: &[String]) -> Value {
    let refer = |key: &String| (key.clone(), json!({"$ref": format!("#/components/messages/{key}")}));
    Value::Object(keys.iter().map(refer).collect::<Map<String, Value>>())
}

/// An operation of a channel: what Selvage does there, by which method, with which of the channel's messages.
pub(super) fn operation(
    action: &str,
    channel: &str,
    title: &str,
    about: &str,
    (method, messages): (&str, &[String]),
    security: &[Value],
) -> Value {
    let refer = |key: &String| json!({"$ref": format!("#/channels/{channel}/messages/{key}")});
    let mut operation = json!({
        "action": action,
        "channel": {"$ref": format!("#/channels/{channel}")},
        "title": title,
        "description": about,
        "bindings": {"http": {"method": method, "bindingVersion": "0.3.0"}},
        "messages": messages.iter().map(refer).collect::<Vec<_>>(),
    });
    if let (false, Some(members)) = (security.is_empty(), operation.as_object_mut()) {
        members.insert("security".to_owned(), security.into());
    }
    operation
}
