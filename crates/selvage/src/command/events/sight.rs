//! What of an event is shown to whoever looks into the log or at a dead letter: the envelope always; the data as far as the fabric says
//! that it has no class, unless all of it is asked for.

use std::path::PathBuf;

use clap::Args;
use selvage_model::cloud_event::CloudEvent;
use selvage_model::event::Record;
use selvage_model::name::InterfaceRef;
use selvage_model::sight::{self, Hidden};
use serde_json::{Map, Value, json};

use crate::directory;

/// How much is shown.
#[derive(Args)]
pub(in crate::command) struct Sight {
    /// The fabric's directory: it says which data has a class, and is not shown.
    #[arg(long, value_name = "DIR", default_value = ".")]
    fabric: PathBuf,
    /// Shows all data, whatever its class.
    #[arg(long)]
    unmasked: bool,
}

/// What is shown of the events of one interface.
pub(in crate::command) enum Shown {
    /// All of it.
    Everything,
    /// What has no class.
    Unclassed(sight::Sight),
}

impl Sight {
    /// What is shown of this interface's events.
    pub(in crate::command) fn of(&self, interface: &InterfaceRef) -> Shown {
        if self.unmasked {
            return Shown::Everything;
        }
        // Without a fabric nothing is known, and that is told with each event.
        let checked = directory::check(&self.fabric);
        Shown::Unclassed(checked.map(|checked| sight::Sight::of(&checked.fabric, interface)).unwrap_or_default())
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
        let Self::Unclassed(sight) = self else { return None };
        said(sight.hide(&event.kind, &mut event.data))
    }

    /// The same for an event as it is kept; none where it is no event.
    pub(in crate::command) fn kept(&self, body: &[u8]) -> Option<(Value, Option<(String, Value)>)> {
        let mut event: Map<String, Value> = serde_json::from_slice(body).ok()?;
        let hidden = match self {
            Self::Everything => None,
            Self::Unclassed(sight) => said(sight.hide_in(&mut event)),
        };
        Some((Value::from(event), hidden))
    }
}

/// What is hidden, under its name.
fn said(hidden: Hidden) -> Option<(String, Value)> {
    match hidden {
        Hidden::Nothing => None,
        Hidden::Masked(places) => Some(("masked".to_owned(), json!(places))),
        Hidden::Data => {
            let because =
                "the fabric does not say which of it has a class: name its directory with --fabric, or take --unmasked";
            Some(("withheld".to_owned(), Value::from(because)))
        }
    }
}
