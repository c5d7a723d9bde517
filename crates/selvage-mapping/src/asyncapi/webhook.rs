//! A webhook: where a system calls in, with what its call has to carry and what proves it.

use selvage_model::manifest::event::{Carried, EventType};
use selvage_model::manifest::interface::InterfaceBody;
use selvage_model::manifest::webhook::{Hmac, Signing, WebhookInterface};
use selvage_model::name::ObjectRef;
use serde_json::{Value, json};

use super::channel::{messages_of, operation};
use super::{Described, Parts, message};
use crate::openapi::NoContract;
use crate::openapi::schema::reference;

/// Adds what there is to say of a webhook.
pub(super) fn describe(
    described: Described<'_>,
    webhook: &WebhookInterface,
    parts: &mut Parts,
) -> Result<(), NoContract> {
    let key = described.key();
    let signing = webhook.signing.as_ref().map(|signing| &signing.value);
    let name = format!("{key}.call");
    let payload = payload(described, webhook, parts)?;
    let mut message = json!({
        "name": "call",
        "title": format!("A call of {}", described.interface.name),
        "contentType": "application/json",
        "payload": message::formatted(&payload),
    });
    let headers = match signing {
        Some(Signing::StandardWebhooks) => Some(reference("DeliveryHeaders")),
        Some(Signing::Hmac(hmac)) => Some(signed(hmac)),
        _ => None,
    };
    if let (Some(headers), Some(members)) = (headers, message.as_object_mut()) {
        members.insert("headers".to_owned(), headers);
    }
    parts.messages.insert(name.clone(), message);
    let messages = [name];
    parts.channels.insert(key.clone(), channel(described, webhook, &messages));
    let security: Vec<Value> = signing.and_then(|signing| scheme(&key, signing, parts)).into_iter().collect();
    let about = match webhook.hints {
        true => "A hint: which record changed. It is looked at, and not believed.",
        false => "The answer comes as soon as the call is on stable storage; it is worked on later.",
    };
    let receive = operation("receive", &key, "Take a call", about, ("POST", &messages), &security);
    parts.operations.insert(format!("{key}.receive"), receive);
    Ok(())
}

fn channel(described: Described<'_>, webhook: &WebhookInterface, messages: &[String]) -> Value {
    let mut governed = described.governed();
    let mut about = described.about();
    if let Some(source) = &webhook.source {
        governed.insert("source".to_owned(), source.value.as_str().into());
    }
    if let Some(into) = &webhook.into {
        about.push_str(&format!("\n\nEach call becomes one event `{}`.", into.event.value));
        governed.insert("into".to_owned(), into.event.value.as_str().into());
    }
    if !webhook.from.is_empty() {
        let networks: Vec<String> = webhook.from.iter().map(|network| network.value.to_string()).collect();
        about.push_str(&format!(" Calls come from {}.", networks.join(", ")));
    }
    let by_path = webhook.signing.as_ref().is_some_and(|signing| signing.value == Signing::SecretPath);
    let secret = if by_path { "/{secret}" } else { "" };
    let mut channel = json!({
        "address": format!("{}{secret}", described.path()),
        "title": described.interface.name.as_str(),
        "description": about,
        "messages": messages_of(messages),
        "x-selvage": governed,
    });
    if let (true, Some(members)) = (by_path, channel.as_object_mut()) {
        let parameter = json!({"description": "The secret that proves the call."});
        members.insert("parameters".to_owned(), json!({"secret": parameter}));
    }
    channel
}

/// What a call holds: the object, the system's own record, or a hint.
fn payload(described: Described<'_>, webhook: &WebhookInterface, parts: &mut Parts) -> Result<Value, NoContract> {
    if webhook.hints {
        let id = json!({"type": "integer", "description": "Which record changed."});
        let model = json!({"type": "string", "description": "What kind of record it is."});
        return Ok(
            json!({"type": "object", "required": ["_model", "_id"], "properties": {"_model": model, "_id": id}}),
        );
    }
    if let Some(record) = &webhook.record {
        let about = format!("The sender's own record: {}.", record.value);
        return Ok(json!({"type": "object", "description": about}));
    }
    match carried(described, webhook) {
        Some(Given::Object(object)) => message::given(described, object, parts),
        Some(Given::Declared(of, event)) => message::declared(of, event, false, parts),
        None => Ok(json!({"type": "object"})),
    }
}

/// What its calls carry.
enum Given<'f> {
    /// An object.
    Object(&'f ObjectRef),
    /// What the schema of an event type of an interface says.
    Declared(Described<'f>, &'f EventType),
}

/// What its calls carry: as it says, or as the event's interface says.
fn carried<'f>(described: Described<'f>, webhook: &'f WebhookInterface) -> Option<Given<'f>> {
    let into = webhook.into.as_ref()?;
    if let Some(object) = &into.object {
        return Some(Given::Object(&object.value));
    }
    let fabric = described.fabric;
    fabric.interfaces.values().find_map(|interface| {
        let InterfaceBody::Event(body) = &interface.body else { return None };
        let event = body.events.iter().find(|event| event.name.value == into.event.value)?;
        Some(match &event.carried {
            Carried::Object(object) => Given::Object(&object.value),
            Carried::Schema(_) => Given::Declared(Described { fabric, interface }, event),
        })
    })
}

/// The headers of a call that a keyed hash proves.
fn signed(hmac: &Hmac) -> Value {
    let text = |about: &str| json!({"type": "string", "minLength": 1, "description": about});
    let mut headers = json!({
        "type": "object",
        "required": [hmac.header],
        "properties": {hmac.header.clone(): text("The keyed hash of what is signed.")},
    });
    if let Some(timestamp) = &hmac.timestamp {
        if let Some(Value::Array(required)) = headers.get_mut("required") {
            required.push(timestamp.as_str().into());
        }
        if let Some(Value::Object(properties)) = headers.get_mut("properties") {
            properties.insert(timestamp.clone(), text("When the call was made; signed too."));
        }
    }
    headers
}

/// Refers to what proves its calls; nothing where that is in the path.
fn scheme(key: &str, signing: &Signing, parts: &mut Parts) -> Option<Value> {
    let (name, scheme) = match signing {
        Signing::StandardWebhooks => {
            let about = "Signed as Standard Webhooks say.";
            ("standard_webhooks".to_owned(), json!({"type": "symmetricEncryption", "description": about}))
        }
        Signing::Hmac(hmac) => {
            let about = format!("A keyed hash in the header {}.", hmac.header);
            (format!("{key}.hmac"), json!({"type": "symmetricEncryption", "description": about}))
        }
        Signing::Bearer { header: None } => {
            let about = "A secret that both know.";
            ("webhook_bearer".to_owned(), json!({"type": "http", "scheme": "bearer", "description": about}))
        }
        Signing::Bearer { header: Some(header) } => {
            let about = "A secret that both know.";
            (
                format!("{key}.secret"),
                json!({"type": "httpApiKey", "in": "header", "name": header, "description": about}),
            )
        }
        Signing::Mtls { .. } => {
            let about = "A client certificate with the declared subject.";
            ("certificate".to_owned(), json!({"type": "X509", "description": about}))
        }
        Signing::SecretPath => return None,
    };
    let reference = json!({"$ref": format!("#/components/securitySchemes/{name}")});
    parts.schemes.insert(name, scheme);
    Some(reference)
}
