//! Routes of a mediated interface: `/{plural}[/{id}[/{verb}]]`.

use http::Method;
use selvage_model::manifest::api::{Operation as Verb, Serves};

use super::served::{Operation, Paths};

/// The operations and where they hang.
pub(super) fn compile(serves: &Serves) -> (Vec<Operation>, Paths) {
    let plural = serves.object.value.name.plural();
    let mut operations: Vec<Operation> = Vec::new();
    let mut paths = Paths::default();
    for verb in serves.operations.iter().map(|verb| verb.value) {
        if operations.iter().any(|known| known.verb == Some(verb)) {
            continue;
        }
        let path = match verb {
            Verb::List | Verb::Create => format!("/{plural}"),
            Verb::Get | Verb::Update => format!("/{plural}/{{id}}"),
            _ => format!("/{plural}/{{id}}/{verb}"),
        };
        let method = match verb {
            Verb::Update => Method::PATCH,
            verb if verb.writes() => Method::POST,
            _ => Method::GET,
        };
        paths.add(path, method, super::served::index(operations.len()));
        operations.push(Operation { name: verb.as_str().into(), verb: Some(verb), names_method: false });
    }
    (operations, paths)
}
