//! Routes of a mediated interface: `/{plural}[/{id}[/{verb}]]`.

use http::Method;
use selvage_model::manifest::api::{Operation as Verb, Serves};

use super::served::{Operation, Paths};

/// The plural in paths: `product` → `products`, `inventory` → `inventories`, `batch` → `batches`.
pub fn plural(name: &str) -> String {
    let vowel = |stem: &str| stem.ends_with(['a', 'e', 'i', 'o', 'u']);
    match name.strip_suffix('y') {
        Some(stem) if !vowel(stem) => format!("{stem}ies"),
        _ if name.ends_with(['s', 'x']) || name.ends_with("ch") || name.ends_with("sh") => format!("{name}es"),
        _ => format!("{name}s"),
    }
}

/// The operations and where they hang.
pub(super) fn compile(serves: &Serves) -> (Vec<Operation>, Paths) {
    let plural = plural(serves.object.value.name.as_str());
    let mut operations: Vec<Operation> = Vec::new();
    let mut paths = Paths::default();
    for verb in serves.operations.iter().map(|verb| verb.value) {
        if operations.iter().any(|known| known.verb == Some(verb)) {
            continue;
        }
        let path = match verb {
            Verb::List | Verb::Create => format!("/{plural}"),
            Verb::Get => format!("/{plural}/{{id}}"),
            Verb::Release | Verb::Start | Verb::Finish | Verb::Report => format!("/{plural}/{{id}}/{verb}"),
        };
        let method = if verb.writes() { Method::POST } else { Method::GET };
        paths.add(path, method, super::served::index(operations.len()));
        operations.push(Operation { name: verb.as_str().into(), verb: Some(verb) });
    }
    (operations, paths)
}

#[cfg(test)]
mod tests {
    use super::plural;

    #[test]
    fn plurals() {
        let table = [
            ("product", "products"),
            ("inventory-position", "inventory-positions"),
            ("quality", "qualities"),
            ("day", "days"),
            ("batch", "batches"),
            ("box", "boxes"),
            ("gas", "gases"),
            ("wish", "wishes"),
        ];
        for (one, many) in table {
            assert_eq!(plural(one), many);
        }
    }
}
