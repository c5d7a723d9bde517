//! Paths of what was created, as the gateway serves them: `/{interface}/v{major}/{plural of the object}/{id}`.

use selvage_model::name::{InterfaceRef, ObjectName};

use crate::cursor::encode;

/// The path of one object.
pub(crate) fn of(interface: &InterfaceRef, object: &ObjectName, id: &str) -> String {
    format!("/{}/v{}/{}/{}", interface.name, interface.major, object.plural(), encode(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_interface_object_and_id() {
        let table = [
            ("production-orders@1", "production-order", "odoo-20", "/production-orders/v1/production-orders/odoo-20"),
            ("inventory@2", "inventory", "A/1", "/inventory/v2/inventories/A%2F1"),
            ("lots@1", "batch", "é", "/lots/v1/batches/%C3%A9"),
        ];
        for (interface, object, id, expected) in table {
            assert_eq!(of(&interface.parse().unwrap(), &object.parse().unwrap(), id), expected);
        }
    }
}
