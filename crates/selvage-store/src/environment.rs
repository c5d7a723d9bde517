//! Of which environment a write, its lane and a cross-reference are: systems of one name are others in each, and so are their records.
//! What was written before this was kept is nobody's, until it is plain whose it is.
//! INVARIANT: ONE-EFFECT: what is nobody's answers for its key as it did, and is gone on with by no node.

use std::sync::Arc;

use selvage_model::name::EnvironmentName;

use crate::database::Transaction;
use crate::error::StoreError;
use crate::statement::statements;
use crate::value::{Row, bind};

/// The environment that a handle of the store works in; the empty one is nobody's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scope(Arc<str>);

impl Scope {
    pub(crate) fn of(environment: &EnvironmentName) -> Self {
        Self(environment.as_str().into())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// The environment of a row; none where it is nobody's.
pub(crate) fn of(row: &Row) -> Result<Option<EnvironmentName>, StoreError> {
    if row.text("environment")?.is_empty() { Ok(None) } else { row.parsed("environment").map(Some) }
}

statements! {
    ANOTHER = "SELECT environment FROM node WHERE environment <> $1 UNION SELECT environment FROM activation WHERE environment <> $1 \
               UNION SELECT environment FROM release_run WHERE environment <> $1 \
               UNION SELECT environment FROM promise_count WHERE environment <> $1 \
               UNION SELECT environment FROM lifecycle_notice WHERE environment <> $1 LIMIT 1";
    SOMEBODYS = "SELECT environment FROM operation WHERE environment <> '' \
                 UNION SELECT environment FROM cross_reference WHERE environment <> '' LIMIT 1";
    OPERATIONS = "UPDATE operation SET environment = $1 WHERE environment = ''";
    LANES = "UPDATE lane SET environment = $1 WHERE environment = ''";
    REFERENCES = "UPDATE cross_reference SET environment = $1 WHERE environment = ''";
}

/// Takes what is nobody's into an environment that begins, where no other is known to have run in this store and none has written since
/// writes have one.
pub(crate) async fn adopt(transaction: &mut Transaction, environment: &str) -> Result<(), StoreError> {
    let is_alone = transaction.first(ANOTHER, bind![environment]).await?.is_none();
    if !is_alone || transaction.first(SOMEBODYS, bind![]).await?.is_some() {
        return Ok(());
    }
    for table in [OPERATIONS, LANES, REFERENCES] {
        transaction.run(table, bind![environment]).await?;
    }
    Ok(())
}
