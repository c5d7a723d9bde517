//! The services of the two older dialects: `common`, which tells version and user, and `object`, which runs calls. JSON-RPC and
//! XML-RPC differ only in how they are written down.

use std::sync::Arc;

use serde_json::{Map, Value as Json, json};

use super::OdooVersion;
use super::call::Call;
use super::database::{Database, Login};
use super::execute::Answer;
use super::refusal::{Exception, Refusal};
use super::serve::{Ending, perform};

/// Runs a method of a service.
pub(crate) async fn dispatch(database: Arc<Database>, service: &str, method: &str, args: &[Json]) -> Ending {
    match (service, method) {
        ("common", "version") => Ending::Answered(Ok(Answer::Value(version(database.version)))),
        ("common", "authenticate" | "login") => Ending::Answered(authenticate(&database, args)),
        ("object", "execute_kw") => match object(&database, args) {
            Ok((login, call)) => perform(database, login, call).await,
            Err(refusal) => Ending::Answered(Err(refusal)),
        },
        ("common" | "object", method) => {
            let message = format!("Method not found: {method}");
            Ending::Answered(Err(Refusal::new(Exception::Attribute, message)))
        }
        (service, _) => Ending::Answered(Err(Refusal::new(Exception::Key, service))),
    }
}

/// What `common.version` answers.
pub(crate) fn version(version: OdooVersion) -> Json {
    let text = if version == OdooVersion::V18 { "18.0+e-20241005" } else { version.series() };
    json!({
        "server_version": text, "server_version_info": [version.major(), 0, 0, "final", 0, ""],
        "server_serie": version.series(), "protocol_version": 1,
    })
}

fn authenticate(database: &Database, args: &[Json]) -> Result<Answer, Refusal> {
    let [name, login, key, ..] = args else {
        return Err(Refusal::new(Exception::Type, "exp_authenticate() missing required positional arguments"));
    };
    is_database(database, name)?;
    let user = database.login(login.as_str().unwrap_or_default(), key.as_str().unwrap_or_default());
    Ok(Answer::Value(user.map_or(Json::Bool(false), |login| login.user.into())))
}

fn object(database: &Database, args: &[Json]) -> Result<(Login, Call), Refusal> {
    let [name, user, key, model, method, rest @ ..] = args else {
        return Err(Refusal::new(Exception::Type, "execute_kw() missing required positional arguments"));
    };
    is_database(database, name)?;
    let login = database.user(user.as_i64().unwrap_or_default(), key.as_str().unwrap_or_default());
    let login = login.ok_or_else(|| Refusal::new(Exception::Denied, "Access Denied"))?;
    let none = Map::new();
    let positional = rest.first().and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
    let named = rest.get(1).and_then(Json::as_object).unwrap_or(&none);
    let call =
        Call::positional(model.as_str().unwrap_or_default(), method.as_str().unwrap_or_default(), positional, named)?;
    Ok((login, call))
}

fn is_database(database: &Database, name: &Json) -> Result<(), Refusal> {
    let name = name.as_str().unwrap_or_default();
    if name == database.name {
        return Ok(());
    }
    let message = format!(
        "connection to server at \"localhost\" (127.0.0.1), port 5432 failed: FATAL:  database \"{name}\" does not exist\n"
    );
    Err(Refusal::new(Exception::Database, message))
}
