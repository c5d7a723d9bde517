//! A webhook: where a system calls in, with what its call has to carry.

use selvage_model::manifest::event::{Signing, WebhookInterface};
use selvage_model::manifest::interface::InterfaceBody;
use selvage_model::name::ObjectRef;
use serde_json::{Value, json};

use super::channel::{messages_of, operation};
use super::{Described, Parts, message};
use crate::openapi::NoContract;

/// Adds what there is to say of a webhook.
pub(super) fn describe(described: Described<'_>, hook: &WebhookInterface, parts: &mut Parts) -> Result<(), NoContract> {
    let key = described.key();
    let mut governed = described.governed();
    let mut about = described.about();
    if let Some(source) = &hook.source {
        governed.insert("source".to_owned(), source.value.as_str().into());
    }
    if let Some(into) = &hook.into {
        about.push_str(&format!("\n\nEach call becomes one event `{}`.", into.event.value));
        governed.insert("into".to_owned(), into.event.value.as_str().into());
    }
    let name = format!("{key}.call");
    let payload = match carried(described, hook) {
        Some(object) => message::given(described, &object, parts)?,
        None => json!({"type": "object"}),
    };
    let mut message = json!({
        "name": "call",
        "title": format!("A call of {}", described.interface.name),
        "contentType": "application/json",
        "payload": payload,
    });
    if let (Some(Signing::StandardWebhooks), Some(members)) = (hook.signing, message.as_object_mut()) {
        members.insert("headers".to_owned(), crate::openapi::schema::reference("DeliveryHeaders"));
    }
    parts.messages.insert(name.clone(), message);
    let messages = [name];
    let channel = json!({
        "address": described.path(),
        "title": described.interface.name.as_str(),
        "description": about,
        "messages": messages_of(&messages),
        "x-selvage": governed,
    });
    parts.channels.insert(key.clone(), channel);
    let security: Vec<Value> = hook.signing.map(|signing| scheme(signing, parts)).into_iter().collect();
    let about = "The answer comes as soon as the call is on stable storage; it is worked on later.";
    let receive = operation("receive", &key, "Take a call", about, ("POST", &messages), &security);
    parts.operations.insert(format!("{key}.receive"), receive);
    Ok(())
}

/// The object that its calls carry: as it says, or as the event's interface says.
fn carried(described: Described<'_>, hook: &WebhookInterface) -> Option<ObjectRef> {
    let into = hook.into.as_ref()?;
    if let Some(object) = &into.object {
        return Some(object.value.clone());
    }
    let interfaces = described.fabric.interfaces.values();
    let types = interfaces.filter_map(|interface| match &interface.body {
        InterfaceBody::Event(event) => Some(&event.events),
        _ => None,
    });
    let declared = types.flatten().find(|event| event.name.value == into.event.value)?;
    Some(declared.object.value.clone())
}

/// Refers to how its calls are signed.
fn scheme(signing: Signing, parts: &mut Parts) -> Value {
    let (name, about) = match signing {
        Signing::StandardWebhooks => ("standard_webhooks", "Signed as Standard Webhooks say, with a shared secret."),
        Signing::HmacSha256 => ("hmac_sha256", "The HMAC of the body, with a shared secret."),
    };
    parts.schemes.insert(name.to_owned(), json!({"type": "symmetricEncryption", "description": about}));
    json!({"$ref": format!("#/components/securitySchemes/{name}")})
}
