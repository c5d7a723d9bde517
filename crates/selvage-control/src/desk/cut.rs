//! Cutting off and letting in again: blocks of consumers and interfaces, and keys that are taken back. Who may is judged by what runs, as
//! access is; keys themselves never come here. INVARIANT: SECRET-FREE

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use selvage_governance::access::unknown;
use selvage_governance::seat::{Act, is_peopled, may};
use selvage_model::access::{AccessState, Block, Blocked, Credential, Principal};
use selvage_model::code;
use selvage_model::fabric::Fabric;
use selvage_model::name::{ConsumerName, DomainName, InterfaceRef};
use selvage_model::usage::Used;
use selvage_store::{KnownKey, LedgerEntry, ReleaseKey, StoreError, Word};

use super::lease::{answers_for, domain_of};
use super::{Desk, DeskError};

/// For how long the page tells that somebody was let in without anybody's key.
const LATELY: SignedDuration = SignedDuration::from_hours(24 * 90);

/// What stands of blocks and keys, for somebody who looks.
pub(crate) struct Standing {
    pub(crate) now: Timestamp,
    /// Oldest first; and whether they may lift it.
    pub(crate) blocks: Vec<(Block, bool)>,
    /// Who was let in lately without anybody's key, the newest first.
    pub(crate) let_in: Vec<LedgerEntry>,
    /// Those that count first, then the newest.
    pub(crate) keys: Vec<KeyRow>,
    /// What they may cut off.
    pub(crate) consumers: Vec<ConsumerName>,
    pub(crate) interfaces: Vec<InterfaceRef>,
}

/// A key as people see it.
pub(crate) struct KeyRow {
    pub(crate) key: Credential,
    pub(crate) counts: bool,
    /// Another one of the same counts beside it: one takes the other's place.
    pub(crate) is_rotated: bool,
    pub(crate) used: Option<Timestamp>,
    /// Whether who looks may take it back.
    pub(crate) is_theirs: bool,
}

impl Desk {
    /// By what it is judged who may take a step: changes by what the domains released last, and what is stuck by what runs here, as
    /// access is. Where that names nobody, by the other of the two: a node that serves a directory has released nothing, and its people
    /// are in the directory.
    pub(crate) async fn judging(&self, act: Act, runs: Arc<Fabric>) -> Result<Arc<Fabric>, DeskError> {
        let released = self.released().await?;
        let (first, other) = if act == Act::Operate { (runs, released) } else { (released, runs) };
        Ok(if is_peopled(&first) { first } else { other })
    }

    /// Cuts a consumer or an interface off; `anyway` also what nothing declares.
    pub(crate) async fn cut_off(
        &self,
        runs: Arc<Fabric>,
        (what, anyway): (&Blocked, bool),
        word: Word<'_>,
    ) -> Result<Block, DeskError> {
        let fabric = self.judging(Act::Operate, runs).await?;
        if !may_cut(&fabric, word.by, what) {
            return Err(forbidden(word.by, &whose(&fabric, what)));
        }
        if !anyway
            && !is_known(&self.store.access_state().await?, what)
            && let Some(unknown) = unknown([&*fabric], what)
        {
            let fix = format!("{}; say `anyway` where it is not declared yet", unknown.fix);
            return Err(DeskError::refused(code::NAME_UNDECLARED, unknown.says, fix));
        }
        Ok(self.store.block(what, word.by, word.because).await?)
    }

    /// Lifts a block.
    pub(crate) async fn lift(&self, runs: Arc<Fabric>, id: &str, word: Word<'_>) -> Result<Block, DeskError> {
        let blocks = self.store.access_state().await?.blocks;
        let Some(block) = blocks.into_iter().find(|block| block.id == id) else {
            return Err(StoreError::NotFound { what: "block", id: id.to_owned() }.into());
        };
        let fabric = self.judging(Act::Operate, runs).await?;
        let domain = whose(&fabric, &block.what);
        if !may(&fabric, word.by, Act::Oversee, &domain) {
            return Err(forbidden(word.by, &domain));
        }
        Ok(self.store.lift_block(&block.id, word.by, word.because).await?)
    }

    /// Takes a key back for good.
    pub(crate) async fn take_key_back(
        &self,
        runs: Arc<Fabric>,
        id: &str,
        word: Word<'_>,
    ) -> Result<Credential, DeskError> {
        let keys = self.store.access_state().await?.credentials;
        let Some(key) = keys.into_iter().find(|key| key.id == id) else {
            return Err(StoreError::NotFound { what: "key", id: id.to_owned() }.into());
        };
        let fabric = self.judging(Act::Operate, runs).await?;
        may_revoke(&fabric, word.by, &key.principal).map_err(|domain| forbidden(word.by, &domain))?;
        Ok(self.store.revoke_key(&key.id, word.by, word.because).await?)
    }

    /// Whose keys count and who may make operators of others: whoever is let in without anybody's key is let in past these. A key that is
    /// lost counts until somebody takes it back.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn could_add_operators(&self) -> Result<BTreeSet<String>, DeskError> {
        let fabric = self.released().await?;
        let (keys, now) = (self.store.operator_keys().await?, self.store.now().await?);
        let is_overseen = keys.iter().any(|key| operator(key).is_some_and(|name| oversees(&fabric, name)));
        let alive = keys.iter().filter(|key| counts(key, now)).filter_map(operator);
        Ok(alive.filter(|name| !is_overseen || oversees(&fabric, name)).map(str::to_owned).collect())
    }

    /// Refuses to let somebody make an operator of another: who signs is chosen by who sits over everybody. Where none of those ever
    /// had a key, whoever has one begins.
    ///
    /// # Errors
    /// [`DeskError::Refused`] where it is not theirs to say; those of the store.
    pub async fn may_add_operators(&self, person: &str) -> Result<(), DeskError> {
        self.must_oversee(person).await
    }

    /// Lets another key sign releases of this store: what nodes run is chosen by who sits over everybody.
    ///
    /// # Errors
    /// [`DeskError::Refused`] where it is not theirs to say; those of the store.
    pub async fn trust(&self, key: &ReleaseKey, word: Word<'_>) -> Result<(), DeskError> {
        self.must_oversee(word.by).await?;
        Ok(self.store.keep_release_key(key, word.by, word.because).await?)
    }

    /// Lets nothing count any more that a key signs: who lets keys in takes them out again. What it signed before goes on where it is active.
    ///
    /// # Errors
    /// [`DeskError::Refused`] where it is not theirs to say; those of the store, as for a key that it does not know.
    pub async fn distrust(&self, key: &str, word: Word<'_>) -> Result<KnownKey, DeskError> {
        self.must_oversee(word.by).await?;
        Ok(self.store.distrust_release_key(key, word.by, word.because).await?)
    }

    /// Refuses what a key signed that is not trusted any more. Where none is known by this id, it is for the signature to fail.
    pub(super) async fn refuse_distrusted(&self, key: &str, what: &str) -> Result<(), DeskError> {
        let known = self.store.known_release_keys().await?.into_iter().find(|known| known.key.id == key);
        let Some(at) = known.and_then(|known| known.distrusted) else { return Ok(()) };
        let message = format!("{what} is signed with the key {key}, which is not trusted since {at:.0}");
        let fix = "sign with a key that is trusted: what that key signed is proposed and released again; where it was distrusted by \
                   mistake, `selvage release trust` takes that back";
        Err(DeskError::refused(code::KEY_DISTRUSTED, message, fix))
    }

    /// Refuses who does not sit over everybody. Where none of those has a key yet, whoever has one begins.
    async fn must_oversee(&self, person: &str) -> Result<(), DeskError> {
        let fabric = self.released().await?;
        let sits = |key: &Credential| operator(key).is_some_and(|name| oversees(&fabric, name));
        if oversees(&fabric, person) || !self.store.operator_keys().await?.iter().any(sits) {
            return Ok(());
        }
        Err(forbidden(person, &DomainName::group()))
    }

    /// Refuses to take an operator's key back: it is their own, or the word of who may make operators.
    ///
    /// # Errors
    /// [`DeskError::Refused`] where it is not theirs to say; those of the store.
    pub async fn may_revoke_operator(&self, person: &str, operator: &str) -> Result<(), DeskError> {
        if person == operator { Ok(()) } else { self.may_add_operators(person).await }
    }

    /// What stands, and what of it this person may change.
    pub(crate) async fn cuts(&self, runs: Arc<Fabric>, person: &str) -> Result<Standing, DeskError> {
        let fabric = self.judging(Act::Operate, runs).await?;
        let (state, now) = (self.store.access_state().await?, self.store.now().await?);
        let blocks = self.store.blocks().await?;
        let used: BTreeMap<Used, Timestamp> = self.store.last_used().await?.into_iter().collect();
        let counts = |key: &Credential| counts(key, now);
        let mut counting: HashMap<&Principal, usize> = HashMap::new();
        for key in state.credentials.iter().filter(|key| counts(key)) {
            *counting.entry(&key.principal).or_default() += 1;
        }
        let mut keys: Vec<KeyRow> = state
            .credentials
            .iter()
            .map(|key| KeyRow {
                counts: counts(key),
                is_rotated: counts(key) && counting.get(&key.principal).is_some_and(|count| *count > 1),
                used: used.get(&Used::Key(key.id.clone())).copied(),
                is_theirs: may_revoke(&fabric, person, &key.principal).is_ok(),
                key: key.clone(),
            })
            .collect();
        keys.sort_by_key(|row| (!row.counts, std::cmp::Reverse(row.key.issued)));
        let may_lift = |block: &Block| may(&fabric, person, Act::Oversee, &whose(&fabric, &block.what));
        let consumers =
            fabric.consumers.keys().filter(|name| may_cut(&fabric, person, &Blocked::Consumer((*name).clone())));
        let interfaces = fabric.interfaces.keys();
        let lately = now.checked_sub(LATELY).unwrap_or(Timestamp::UNIX_EPOCH);
        Ok(Standing {
            now,
            let_in: self.store.let_ins(lately).await?,
            blocks: blocks
                .into_iter()
                .map(|block| (may_lift(&block), block))
                .map(|(may, block)| (block, may))
                .collect(),
            keys,
            consumers: consumers.cloned().collect(),
            interfaces: interfaces
                .filter(|it| may_cut(&fabric, person, &Blocked::Interface((*it).clone())))
                .cloned()
                .collect(),
        })
    }
}

/// Whether somebody sits over everybody.
fn oversees(fabric: &Fabric, person: &str) -> bool {
    may(fabric, person, Act::Oversee, &DomainName::group())
}

/// Whose key it is, where it is a person's.
fn operator(key: &Credential) -> Option<&str> {
    match &key.principal {
        Principal::Operator(name) => Some(name),
        Principal::Consumer(_) => None,
    }
}

fn counts(key: &Credential, now: Timestamp) -> bool {
    key.revoked.is_none() && key.expires.is_none_or(|expires| expires > now)
}

/// A refusal of what somebody may not do in a domain.
pub(crate) fn forbidden(person: &str, domain: &DomainName) -> DeskError {
    let message = format!("`{person}` may not do this in the domain {domain}");
    DeskError::refused(code::API_FORBIDDEN, message, "ask who sits on its board, owns it or is on call there")
}

/// The domain that a consumer or an interface is of; the group's where nothing declares it.
fn whose(fabric: &Fabric, what: &Blocked) -> DomainName {
    match what {
        Blocked::Consumer(name) => fabric.home(name).unwrap_or_else(DomainName::group),
        Blocked::Interface(interface) => domain_of(fabric, interface),
    }
}

/// Who answers for it, or is on call where it is.
fn may_cut(fabric: &Fabric, person: &str, what: &Blocked) -> bool {
    let answers = matches!(what, Blocked::Consumer(name) if answers_for(fabric, person, name));
    answers || may(fabric, person, Act::Operate, &whose(fabric, what))
}

/// Whether it has a key or a grant: then it is no name that was mistyped, whatever is declared.
fn is_known(state: &AccessState, what: &Blocked) -> bool {
    match what {
        Blocked::Consumer(name) => {
            let own = Principal::Consumer(name.clone());
            state.credentials.iter().any(|key| key.principal == own)
                || state.grants.iter().any(|it| &it.consumer == name)
        }
        Blocked::Interface(interface) => state.grants.iter().any(|it| &it.interface == interface),
    }
}

/// A consumer's key: who answers for it, or is on call in its domain. A person's: that person, and who sits over everybody.
fn may_revoke(fabric: &Fabric, person: &str, of: &Principal) -> Result<(), DomainName> {
    let (domain, allowed) = match of {
        Principal::Consumer(name) => {
            let home = fabric.home(name).unwrap_or_else(DomainName::group);
            let allowed = answers_for(fabric, person, name) || may(fabric, person, Act::Operate, &home);
            (home, allowed)
        }
        Principal::Operator(name) => {
            let group = DomainName::group();
            let allowed = name == person || may(fabric, person, Act::Oversee, &group);
            (group, allowed)
        }
    };
    if allowed { Ok(()) } else { Err(domain) }
}
