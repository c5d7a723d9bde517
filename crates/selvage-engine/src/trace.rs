//! A record of a system through its mapping, attribute by attribute, for whoever wants to know where a value comes from.
//! It only reads, and shows what no grant has narrowed: for operators, never for consumers.

use selvage_mapping::trace::{self, Step};
use selvage_model::code;
use selvage_model::manifest::api::Operation;
use selvage_model::name::InterfaceRef;
use selvage_model::problem::Problem;
use serde_json::Value;

use crate::links;
use crate::reach::{self, Reach};
use crate::shared::Shared;
use crate::trouble::Trouble;

/// Each attribute of the record of this key.
pub(crate) async fn trace(shared: &Shared, interface: &InterfaceRef, key: &str) -> Result<Vec<Step>, Problem> {
    let active = shared.active();
    let served = reach::served(&active, interface, Operation::Get)?;
    let system = served.connection.system().clone();
    let outcome = async {
        let reach = Reach::open(active, served).await?;
        of_record(&reach, key).await
    };
    outcome.await.map_err(|trouble: Trouble| trouble.problem(&system))
}

async fn of_record(reach: &Reach, key: &str) -> Result<Vec<Step>, Trouble> {
    let object = &reach.served.object;
    let unknown = || {
        let detail = format!("`{}` has no {} `{key}`", reach.system(), object.name);
        Trouble::from(Problem::new(404, code::RECORD_UNKNOWN, detail))
    };
    let identity = reach.served.identity().ok_or_else(unknown)?;
    let selection = reach.select(&[(identity.clone(), vec![Value::from(key)])]).await?;
    let records = reach.few(selection, true).await?;
    let record = match records.as_slice() {
        [] => return Err(unknown()),
        [only] => only,
        _ => {
            let detail = format!("several records of `{}` have the key `{key}`", reach.system());
            return Err(Problem::new(422, code::KEY_AMBIGUOUS, detail).into());
        }
    };
    let mut questions = reach.mapping.links(record);
    let forward = links::look_up(reach, questions.clone(), &[]).await?;
    questions.extend(trace::questions(&reach.mapping, record, &forward));
    let answers = links::look_up(reach, questions, &[]).await?;
    let declared = reach.active.fabric.mapping(&object.reference(), reach.system(), Some(reach.major));
    let declared = declared.ok_or_else(unknown)?;
    Ok(trace::run(declared, &reach.mapping, record, &answers))
}
