//! The groups of users: who is in which. What a group may do is not simulated; rights stand with the accounts.

use serde_json::{Map, Value as Json};

use super::schema::Model;
use super::transaction::Transaction;
use super::value::Id;

impl Transaction<'_> {
    /// Whether a user, the caller where none is named, is in the group of that external id.
    pub(crate) fn has_group(&self, users: &[Id], named: &Map<String, Json>) -> bool {
        let name = named.get("group_ext_id").and_then(Json::as_str).unwrap_or_default();
        let group = name.split_once('.').and_then(|(module, name)| self.by_external_id(module, name));
        let user = users.first().copied().unwrap_or(self.env.user);
        group.is_some_and(|(_, group)| self.row(Model::User, user).references("groups_id").contains(&group))
    }
}
