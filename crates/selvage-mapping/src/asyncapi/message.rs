//! Messages: CloudEvents 1.0 in structured JSON, whose data is an object. Published ones say what only their producer knows, those that
//! are handed out have everything.

use selvage_model::manifest::event::{Carried as Data, EventType};
use selvage_model::name::{ObjectRef, SystemName};
use serde_json::{Map, Value, json};

use super::{Described, Parts, data};
use crate::openapi::attribute::{Attributes, Carried, Side};
use crate::openapi::schema::reference;
use crate::openapi::{NoContract, pascal, versions};

/// How schemas of payloads are read: as AsyncAPI has it where nothing is said, and there words beside `$ref` count for nothing.
const FORMAT: &str = "application/schema+json;version=draft-2020-12";

/// The content type of a CloudEvent in one JSON document.
pub(super) const STRUCTURED: &str = "application/cloudevents+json";

/// Which way a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// To Selvage, by whoever produces it.
    Published,
    /// From Selvage, asked for or as one of a stream.
    Told,
    /// From Selvage, as a signed request.
    Delivered,
}

impl Way {
    fn word(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::Told => "told",
            Self::Delivered => "delivered",
        }
    }
}

/// A schema as a payload has it, with how it is read.
pub(super) fn formatted(schema: &Value) -> Value {
    json!({"schemaFormat": FORMAT, "schema": schema})
}

/// Adds the message of an event type, and says what it is called.
pub(super) fn add(
    described: Described<'_>,
    event: &EventType,
    captured_from: Option<&SystemName>,
    way: Way,
    parts: &mut Parts,
) -> Result<String, NoContract> {
    let name = event.name.value.as_str();
    let key = format!("{}.{name}.{}", described.key(), way.word());
    let data = carries(described, event, captured_from, way, parts)?;
    let envelope = if way == Way::Published { "PublishedEvent" } else { "Event" };
    let payload = json!({
        "allOf": [
            reference(envelope),
            {"type": "object", "required": ["data"], "properties": {"type": {"const": name}, "data": data}},
        ],
    });
    let mut about = match &event.carried {
        Data::Object(object) => format!("The {} as it was then.", object.value.name),
        Data::Schema(_) => "What happened.".to_owned(),
    };
    if let Some(when) = &event.when {
        about.push_str(&format!(" Told when `{}`.", when.value));
    }
    let mut message = json!({
        "name": name,
        "title": name,
        "summary": about,
        "contentType": STRUCTURED,
        "correlationId": {"location": "$message.payload#/correlationid"},
    });
    if let Some(members) = message.as_object_mut() {
        if way == Way::Delivered {
            members.insert("headers".to_owned(), reference("DeliveryHeaders"));
        }
        members.insert("payload".to_owned(), formatted(&payload));
    }
    parts.messages.insert(key.clone(), message);
    Ok(key)
}

/// Adds the schema of what an event type carries, and refers to it. Where the events are captured, the mapping says what of the object
/// its system can show.
fn carries(
    described: Described<'_>,
    event: &EventType,
    captured_from: Option<&SystemName>,
    way: Way,
    parts: &mut Parts,
) -> Result<Value, NoContract> {
    let wanted = match &event.carried {
        Data::Object(object) => &object.value,
        Data::Schema(_) => return declared(described, event, way != Way::Published, parts),
    };
    let name = format!("{}V{}", pascal(wanted.name.as_str()), wanted.major);
    match (way, captured_from) {
        (Way::Published, _) => given(described, wanted, parts),
        (_, Some(system)) => schema(
            described,
            wanted,
            (&format!("{name}Of{}", pascal(system.as_str())), Side::Told),
            Some(system),
            parts,
        ),
        (_, None) => schema(described, wanted, (&name, Side::Told), None, parts),
    }
}

/// Adds the schema that an event type names, and refers to it; as it is shown, or as its producer gives it.
pub(super) fn declared(
    described: Described<'_>,
    event: &EventType,
    shown: bool,
    parts: &mut Parts,
) -> Result<Value, NoContract> {
    let schema = event.schema().and_then(|file| described.fabric.schemas.get(&file.value));
    let schema = schema.ok_or_else(|| NoContract::NoSchema(described.interface.reference()))?;
    // Where it has no class, it is the same for all.
    let is_masked = shown && !schema.classes.is_empty();
    let interface = described.interface;
    let of_type: String = event.name.value.split('.').map(pascal).collect();
    let suffix = if is_masked { "Shown" } else { "" };
    let name = format!("{}V{}{of_type}{suffix}", pascal(interface.name.as_str()), interface.version.major);
    parts.schemas.entry(name.clone()).or_insert_with(|| data::embedded(&schema.value, &name, is_masked));
    Ok(reference(&name))
}

/// Adds the schema of an object as others give it, and refers to it.
pub(super) fn given(described: Described<'_>, wanted: &ObjectRef, parts: &mut Parts) -> Result<Value, NoContract> {
    let name = format!("{}V{}Published", pascal(wanted.name.as_str()), wanted.major);
    schema(described, wanted, (&name, Side::Published), None, parts)
}

fn schema(
    described: Described<'_>,
    wanted: &ObjectRef,
    (name, side): (&str, Side),
    system: Option<&SystemName>,
    parts: &mut Parts,
) -> Result<Value, NoContract> {
    let fabric = described.fabric;
    let object = fabric.objects.get(wanted).ok_or_else(|| NoContract::NoObject(described.interface.reference()))?;
    if !parts.schemas.contains_key(name) {
        let mappings = system.map(|system| versions(fabric, wanted, system)).unwrap_or_default();
        let carried: Carried<'_> = mappings.iter().map(|mapping| Some(mapping.members())).collect();
        let mut schema = Attributes { fabric }.members(&object.attributes, &carried, side);
        if let (Some(about), Some(members)) = (&object.description, schema.as_object_mut()) {
            members.insert("description".to_owned(), about.as_str().into());
        }
        parts.schemas.insert(name.to_owned(), schema);
    }
    Ok(reference(name))
}

/// The schemas that messages share.
pub(super) fn envelopes() -> Map<String, Value> {
    let mut schemas = Map::new();
    let id = json!({"type": "string", "minLength": 1, "maxLength": 256, "description": "With `source` unique: what comes twice has the same."});
    let source = json!({"type": "string", "format": "uri-reference", "minLength": 1, "description": "Who tells it."});
    let given = json!({
        "specversion": {"const": "1.0"},
        "id": id,
        "source": source,
        "type": {"type": "string", "description": "What happened: `<domain>.<object>.<fact>`."},
        "subject": text("Which record it is about."),
        "time": {"type": "string", "format": "date-time", "description": "When it happened."},
        "datacontenttype": {"type": "string", "description": "How `data` is written; JSON where not said."},
        "correlationid": text("The exchange that it belongs to."),
        "causationid": text("What caused it."),
    });
    let mut told = given.clone();
    if let Some(members) = told.as_object_mut() {
        members.insert("partitionkey".to_owned(), text("Its lane: events with the same one are in order."));
        let sequence = json!({"type": "string", "pattern": "^[0-9]{19}$", "description": "Grows within each lane: what is not above the last one seen is old."});
        members.insert("sequence".to_owned(), sequence);
        members.insert("release".to_owned(), text("The release by which it was told."));
    }
    let event = |required: &[&str], properties: Value, about: &str| json!({"type": "object", "description": about, "required": required, "properties": properties});
    let published = event(
        &["specversion", "id", "source", "type"],
        given,
        "A CloudEvent as its producer sends it. Its lane and its sequence are Selvage's to say.",
    );
    schemas.insert("PublishedEvent".to_owned(), published);
    let always = ["specversion", "id", "source", "type", "time", "partitionkey", "correlationid", "sequence"];
    schemas.insert("Event".to_owned(), event(&always, told, "A CloudEvent as Selvage hands it out."));
    schemas.insert("DeliveryHeaders".to_owned(), delivery_headers());
    schemas
}

fn delivery_headers() -> Value {
    json!({
        "type": "object",
        "description": "As Standard Webhooks say.",
        "required": ["webhook-id", "webhook-timestamp", "webhook-signature"],
        "properties": {
            "webhook-id": text("The same each time that it is sent."),
            "webhook-timestamp": {"type": "string", "pattern": "^[0-9]+$", "description": "When it was sent: seconds since 1970."},
            "webhook-signature": text("Of id, time and body: one for each secret in use, with blanks between."),
        },
    })
}

fn text(about: &str) -> Value {
    json!({"type": "string", "minLength": 1, "description": about})
}
