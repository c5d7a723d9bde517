//! Operators with keys, as they log in.

use selvage_control::Admitted;
use selvage_model::access::{KeyHash, Principal};
use selvage_store::{NewKey, Store};

/// Somebody who has a key in this store; another one each time.
pub(crate) async fn operator(store: &Store, name: &str) -> Admitted {
    let so_far = u8::try_from(store.operator_keys().await.unwrap().len()).unwrap();
    let principal = Principal::Operator(name.to_owned());
    let key = NewKey { principal, hash: KeyHash([so_far; 32]), expires: None };
    let credential = store.issue_key(key, "cli").await.unwrap().id;
    Admitted { operator: name.to_owned(), credential }
}
