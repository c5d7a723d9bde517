//! What a person says of a capture: how one that stands still goes on, and that its copy is built anew. Each with its entry in
//! the ledger, and under a new fence, so that the node that has the capture begins again from what was said.

use selvage_model::name::InterfaceRef;
use serde_json::json;

use super::CaptureStage;
use crate::Store;
use crate::error::StoreError;
use crate::ledger;
use crate::operation::person::Word;
use crate::statement::statements;
use crate::value::bind;

statements! {
    GO_ON = "UPDATE capture SET paused_code = NULL, paused_because = NULL, stage = $1, place = NULL, front = 0, settled = 0, \
             generation = generation + 1, fence = fence + 1, node = '', leased_until = 0 WHERE interface = $2";
    PAUSED = "SELECT paused_code, paused_because FROM capture WHERE interface = $1 AND paused_code IS NOT NULL";
}

impl Store {
    /// A capture that stands still goes on: it goes through all records, and what is other than known is told, or becomes the
    /// baseline untold.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where the interface has no capture that stands still.
    pub async fn resume_capture(
        &self,
        interface: &InterfaceRef,
        how: CaptureStage,
        word: Word<'_>,
    ) -> Result<(), StoreError> {
        let mut transaction = self.database.write().await?;
        let stands = transaction.first(PAUSED, bind![interface.to_string()]).await?;
        let stands =
            stands.ok_or_else(|| StoreError::NotFound { what: "paused capture", id: interface.to_string() })?;
        let (code, found) = (stands.text("paused_code")?, stands.optional_text("paused_because")?);
        transaction.run(GO_ON, bind![how.as_str(), interface.to_string()]).await?;
        let detail = json!({"because": word.because, "how": how.as_str(), "paused": code, "found": found});
        ledger::append(&mut transaction, word.by, "capture.resumed", &interface.to_string(), &detail).await?;
        transaction.commit().await
    }

    /// What a capture knows is read anew, all of it, while what it knows is served; what is other is told.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where the interface has no capture, or one that stands still.
    pub async fn rebuild_copy(&self, interface: &InterfaceRef, word: Word<'_>) -> Result<(), StoreError> {
        let mut transaction = self.database.write().await?;
        let name = interface.to_string();
        if transaction.first(PAUSED, bind![name.as_str()]).await?.is_some() {
            return Err(StoreError::NotFound { what: "running capture", id: name });
        }
        if transaction.run(GO_ON, bind![CaptureStage::Rebuilding.as_str(), name.as_str()]).await? == 0 {
            return Err(StoreError::NotFound { what: "running capture", id: name });
        }
        let detail = json!({"because": word.because});
        ledger::append(&mut transaction, word.by, "copy.rebuilt", &name, &detail).await?;
        transaction.commit().await
    }
}
