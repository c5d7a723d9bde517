//! Tokens that Selvage issued, and requests for them that it refused, in the ledger: counts of a span of time, since an entry
//! for each would bury what people did. Never a token, nor a secret that was shown.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::append_by;
use crate::Store;
use crate::error::StoreError;

/// What came of some requests of one client for tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokensAsked {
    /// The consumer that they named, where one is called so.
    pub consumer: Option<String>,
    /// The id of the key that proved it.
    pub key: Option<String>,
    /// The code of the refusal, where they were refused.
    pub refused: Option<String>,
    /// How many.
    pub count: u64,
    /// When the first of them came.
    pub first: Timestamp,
    /// When the last of them came.
    pub last: Timestamp,
}

/// Who acts where nobody is known.
const NOBODY: &str = "unknown";

impl Store {
    /// Enters what this node counted, all of it or nothing.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn enter_tokens(&self, node: &str, asked: &[TokensAsked]) -> Result<(), StoreError> {
        let mut transaction = self.database.write().await?;
        for TokensAsked { consumer, key, refused, count, first, last } in asked {
            let detail = |members: Value| {
                let mut detail = json!({"node": node, "first": format!("{first:.0}"), "last": format!("{last:.0}")});
                if let (Some(detail), Value::Object(members)) = (detail.as_object_mut(), members) {
                    detail.extend(members);
                }
                detail
            };
            let (action, detail) = match refused {
                None => ("token.issued", detail(json!({"tokens": count}))),
                Some(code) => ("token.refused", detail(json!({"code": code, "requests": count}))),
            };
            let (actor, subject) = (consumer.as_deref().unwrap_or(NOBODY), key.as_deref().unwrap_or(NOBODY));
            append_by(&mut transaction, actor, action, subject, &detail).await?;
        }
        transaction.commit().await
    }
}
