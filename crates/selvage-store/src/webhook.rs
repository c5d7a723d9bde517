//! Calls of webhooks that no id tells apart which anything proves: which event each became, by the hash of what it says. The event itself
//! is the log's, which alone says whether it was kept.

use std::time::Duration;

use selvage_model::name::InterfaceRef;
use uuid::Uuid;

use crate::Store;
use crate::error::StoreError;
use crate::statement::statements;
use crate::value::bind;

/// How long a call is known again.
const KNOWN_FOR: Duration = Duration::from_secs(90 * 86_400);

statements! {
    NOTE = "INSERT INTO webhook_call (interface, hash, event, noted_at) VALUES ($1, $2, $3, $4) \
            ON CONFLICT (interface, hash) DO NOTHING";
    EVENT = "SELECT event FROM webhook_call WHERE interface = $1 AND hash = $2";
    FADE = "DELETE FROM webhook_call WHERE noted_at < $1";
}

impl Store {
    /// The id of the event that a call becomes: that of the first with this hash, whichever node took it. It is noted before the
    /// event is kept, so that a call which is repeated after a crash becomes the same. Without an id of its own it is given one that
    /// tells nothing.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn event_of_call(
        &self,
        interface: &InterfaceRef,
        hash: [u8; 32],
        own: Option<&str>,
    ) -> Result<String, StoreError> {
        let own = own.map_or_else(|| format!("call-{}", Uuid::new_v4().simple()), str::to_owned);
        let interface = interface.to_string();
        let mut transaction = self.database.write().await?;
        let now = transaction.now().await?;
        transaction.run(FADE, bind![now.before(KNOWN_FOR)]).await?;
        transaction.run(NOTE, bind![interface.as_str(), hash, own, now]).await?;
        let event = transaction.only(EVENT, bind![interface.as_str(), hash]).await?.text("event")?;
        transaction.commit().await?;
        Ok(event)
    }
}
