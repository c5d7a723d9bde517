//! Every database's governor, so that accounts, interfaces and reloads of the fabric share one. It keeps none alive that
//! nobody uses any more.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use selvage_model::manifest::system::Bounds;
use selvage_model::name::SystemName;

use super::{Governor, Shared};

/// Which database.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Database {
    /// The system.
    pub system: SystemName,
    /// Its address.
    pub url: String,
    /// Its database, where it has several.
    pub name: Option<String>,
}

/// The governors in use.
#[derive(Default)]
pub struct Governors {
    known: Mutex<HashMap<Database, Weak<Shared>>>,
}

impl Governors {
    /// The governor of this database, with these bounds from now on.
    pub fn of(&self, database: &Database, bounds: Bounds) -> Governor {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shared) = known.get(database).and_then(Weak::upgrade) {
            let governor = Governor { shared };
            governor.declare(bounds);
            return governor;
        }
        known.retain(|_, shared| shared.strong_count() > 0);
        let governor = Governor::new(bounds);
        known.insert(database.clone(), Arc::downgrade(&governor.shared));
        governor
    }

    /// Those in use, by database.
    pub fn all(&self) -> Vec<(Database, Governor)> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let alive = |(database, shared): (&Database, &Weak<Shared>)| {
            Some((database.clone(), Governor { shared: shared.upgrade()? }))
        };
        let mut all: Vec<_> = known.iter().filter_map(alive).collect();
        all.sort_by(|(first, _), (second, _)| first.cmp(second));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_has_one_governor_for_as_long_as_it_is_used() {
        let governors = Governors::default();
        let database = |name: &str| Database {
            system: "odoo".parse().unwrap(),
            url: "http://127.0.0.1:8069".to_owned(),
            name: Some(name.to_owned()),
        };
        let bounds = |concurrency| Bounds { concurrency, per_second: None };
        let first = governors.of(&database("velo"), bounds(4));
        let second = governors.of(&database("velo"), bounds(2));
        assert!(Arc::ptr_eq(&first.shared, &second.shared));
        assert_eq!(first.report().bounds, bounds(2));
        let other = governors.of(&database("test"), bounds(3));
        assert!(!Arc::ptr_eq(&first.shared, &other.shared));
        assert_eq!(governors.all().len(), 2);
        drop((first, second));
        assert_eq!(
            governors.all().iter().map(|(database, _)| database.name.as_deref()).collect::<Vec<_>>(),
            [Some("test")]
        );
    }
}
