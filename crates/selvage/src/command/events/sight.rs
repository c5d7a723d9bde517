//! What of an event is shown to whoever looks into the log: the envelope always; the data as far as the fabric says that it has no
//! class. What nobody says the classes of is not shown, unless it is asked for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use selvage_model::class::Masked;
use selvage_model::cloud_event::CloudEvent;
use selvage_model::event::Record;
use selvage_model::manifest::event::Carried;
use selvage_model::manifest::interface::InterfaceBody;
use selvage_model::name::InterfaceRef;
use serde_json::{Map, Value, json};

use crate::directory;

/// How much is shown.
#[derive(Args)]
pub(super) struct Sight {
    /// The fabric's directory: it says which data has a class, and is not shown.
    #[arg(long, value_name = "DIR", default_value = ".")]
    fabric: PathBuf,
    /// Shows all data, whatever its class.
    #[arg(long)]
    unmasked: bool,
}

/// What is shown of the events of one interface.
pub(super) enum Shown {
    /// All of it.
    Everything,
    /// What has no class, by event type.
    Unclassed(BTreeMap<String, Vec<Masked>>),
}

impl Sight {
    /// What is shown of this interface's events.
    pub(super) fn of(&self, interface: &InterfaceRef) -> Shown {
        if self.unmasked { Shown::Everything } else { Shown::Unclassed(classed(&self.fabric, interface)) }
    }
}

impl Shown {
    /// A record with where it is, and what is hidden of it.
    pub(super) fn line(&self, record: &Record) -> Value {
        let mut line = Map::new();
        line.insert("position".to_owned(), Value::from(record.position.to_string()));
        line.insert("appended_at".to_owned(), Value::from(record.appended_at.to_string()));
        line.insert("lane".to_owned(), Value::from(record.lane.as_str()));
        line.insert("record_id".to_owned(), Value::from(record.id.as_str()));
        match CloudEvent::from_record(&record.body) {
            Ok(mut event) => {
                line.extend(self.hide(&mut event));
                line.insert("event".to_owned(), event.told(record.position));
            }
            Err(errors) => {
                let of = |error: &selvage_model::problem::FieldError| format!("{}: {}", error.pointer, error.detail);
                let errors: Vec<String> = errors.iter().map(of).collect();
                line.insert("unreadable".to_owned(), json!(errors));
            }
        }
        Value::from(line)
    }

    /// Takes away what is not to be shown, and says what that is.
    fn hide(&self, event: &mut CloudEvent) -> Option<(String, Value)> {
        let Self::Unclassed(types) = self else { return None };
        let data = event.data.as_mut()?;
        let Some(classed) = types.get(&event.kind) else {
            event.data = None;
            let because =
                "the fabric does not say which of it has a class: name its directory with --fabric, or take --unmasked";
            return Some(("withheld".to_owned(), Value::from(because)));
        };
        let given =
            |masked: &Masked| masked.given(data).into_iter().map(|pointer| Value::from(format!("/data{pointer}")));
        let hidden: Vec<Value> = classed.iter().flat_map(given).collect();
        classed.iter().for_each(|masked| masked.hide(data));
        (!hidden.is_empty()).then(|| ("masked".to_owned(), Value::from(hidden)))
    }
}

/// What carries a class in each event type of an interface, as far as the directory says.
fn classed(fabric: &Path, interface: &InterfaceRef) -> BTreeMap<String, Vec<Masked>> {
    // Without a fabric nothing is known, and that is told with each event.
    let Ok(checked) = directory::check(fabric) else { return BTreeMap::new() };
    let fabric = checked.fabric;
    let Some(InterfaceBody::Event(declared)) = fabric.interfaces.get(interface).map(|interface| &interface.body) else {
        return BTreeMap::new();
    };
    let types = declared.events.iter().filter_map(|kind| {
        let classed = match &kind.carried {
            Carried::Object(object) => fabric.objects.get(&object.value)?.classed(),
            Carried::Schema(file) => fabric.schemas.get(&file.value)?.classes.clone(),
        };
        Some((kind.name.value.clone(), classed))
    });
    types.collect()
}
