//! Who is logged in: sessions in memory, by the hash of a random token. A restart logs everyone out, which is fine
//! for a console and keeps secrets out of the store.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use crate::console::Admitted;

const SESSION_LIFETIME: Duration = Duration::from_secs(12 * 3600);
const LINK_LIFETIME: Duration = Duration::from_secs(30 * 60);
/// Beyond this many live entries new ones are refused: nobody has ten thousand operators.
const MOST_ENTRIES: usize = 10_000;

type Hash = [u8; 32];

/// Sessions and one-time links.
#[derive(Default)]
pub(crate) struct Sessions {
    entries: Mutex<HashMap<Hash, Entry>>,
}

struct Entry {
    admitted: Admitted,
    ends: Instant,
    use_: Use,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    Session,
    OneTimeLink,
}

impl Sessions {
    /// Begins a session; the token goes into the cookie. `None` when there are far too many.
    pub(crate) fn begin(&self, admitted: Admitted, now: Instant) -> Option<String> {
        self.insert(admitted, Use::Session, now + SESSION_LIFETIME, now)
    }

    /// A link that logs in once, within half an hour.
    pub(crate) fn one_time_link(&self, admitted: Admitted, now: Instant) -> Option<String> {
        self.insert(admitted, Use::OneTimeLink, now + LINK_LIFETIME, now)
    }

    /// Whose session this is, if it goes on.
    pub(crate) fn operator(&self, token: &str, now: Instant) -> Option<Admitted> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.get(&hash(token))?;
        (entry.use_ == Use::Session && entry.ends > now).then(|| entry.admitted.clone())
    }

    /// Uses up a one-time link.
    pub(crate) fn redeem(&self, token: &str, now: Instant) -> Option<Admitted> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let hash = hash(token);
        if entries.get(&hash)?.use_ != Use::OneTimeLink {
            return None;
        }
        entries.remove(&hash).filter(|entry| entry.ends > now).map(|entry| entry.admitted)
    }

    /// Ends a session.
    pub(crate) fn end(&self, token: &str) {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).remove(&hash(token));
    }

    fn insert(&self, admitted: Admitted, use_: Use, ends: Instant, now: Instant) -> Option<String> {
        let token = format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple());
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|_, entry| entry.ends > now);
        if entries.len() >= MOST_ENTRIES {
            return None;
        }
        entries.insert(hash(&token), Entry { admitted, ends, use_ });
        Some(token)
    }
}

fn hash(token: &str) -> Hash {
    Sha256::digest(token.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ann() -> Admitted {
        Admitted { operator: "ann".to_owned(), credential: "key_1".to_owned() }
    }

    #[test]
    fn a_session_ends_in_time_and_on_request() {
        let sessions = Sessions::default();
        let now = Instant::now();
        let token = sessions.begin(ann(), now).unwrap();
        assert_eq!(sessions.operator(&token, now), Some(ann()));
        assert_eq!(sessions.operator(&token, now + SESSION_LIFETIME), None);
        sessions.end(&token);
        assert_eq!(sessions.operator(&token, now), None);
    }

    #[test]
    fn a_link_works_once_and_is_no_session() {
        let sessions = Sessions::default();
        let now = Instant::now();
        let link = sessions.one_time_link(ann(), now).unwrap();
        assert_eq!(sessions.operator(&link, now), None);
        assert_eq!(sessions.redeem(&link, now), Some(ann()));
        assert_eq!(sessions.redeem(&link, now), None);
        let session = sessions.begin(ann(), now).unwrap();
        assert_eq!(sessions.redeem(&session, now), None);
        assert_eq!(sessions.operator(&session, now), Some(ann()));
    }
}
