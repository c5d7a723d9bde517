//! Who is logged in: sessions and links that log in once, each by a random token of which the store keeps a hash. Every node of the store
//! knows them, and none of them outlives its key.

use std::time::Duration;

use selvage_store::{SessionKind, SessionOf, Store, StoreError};
use sha2::{Digest, Sha256};

use crate::console::Admitted;

const SESSION_LIFETIME: Duration = Duration::from_secs(12 * 3600);
const LINK_LIFETIME: Duration = Duration::from_secs(30 * 60);

/// Sessions and links.
pub(crate) struct Sessions {
    store: Store,
}

impl Sessions {
    pub(crate) fn new(store: Store) -> Self {
        Self { store }
    }

    /// Begins a session; the token goes into the cookie. `None` when there are far too many.
    pub(crate) async fn begin(&self, admitted: &Admitted) -> Result<Option<String>, StoreError> {
        self.insert(SessionKind::Session, admitted, SESSION_LIFETIME).await
    }

    /// A link that logs in once, within half an hour.
    pub(crate) async fn one_time_link(&self, admitted: &Admitted) -> Result<Option<String>, StoreError> {
        self.insert(SessionKind::Link, admitted, LINK_LIFETIME).await
    }

    /// Whose session this is, if it goes on.
    pub(crate) async fn operator(&self, token: &str) -> Result<Option<Admitted>, StoreError> {
        Ok(self.store.session(hash(token)).await?.map(admitted))
    }

    /// Uses up a one-time link.
    pub(crate) async fn redeem(&self, token: &str) -> Result<Option<Admitted>, StoreError> {
        Ok(self.store.redeem_link(hash(token)).await?.map(admitted))
    }

    /// Ends a session.
    pub(crate) async fn end(&self, token: &str) -> Result<(), StoreError> {
        self.store.end_session(hash(token)).await
    }

    async fn insert(
        &self,
        kind: SessionKind,
        admitted: &Admitted,
        lasts: Duration,
    ) -> Result<Option<String>, StoreError> {
        let token = format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple());
        let begun = self.store.begin_session(kind, hash(&token), &admitted.credential, lasts).await?;
        Ok(begun.then_some(token))
    }
}

fn admitted(session: SessionOf) -> Admitted {
    Admitted { operator: session.operator, credential: session.credential }
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}
