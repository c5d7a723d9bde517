//! What ended after a backup, taken from the store that is lost where it can still be read: revocations, ends, narrower terms,
//! blocks, and what somebody had answered for. It never opens anything: what was issued, granted, widened or lifted since stays as the
//! backup has it. INVARIANT: REVOKED-NOW

use std::collections::BTreeMap;
use std::sync::Arc;

use selvage_model::access::{Block, Blocked, Credential, GrantTerms, LiveGrant};
use selvage_model::subscription::SubscriptionState;
use serde_json::json;

use super::lost::{LostStore, Narrows};
use crate::access::break_glass::BreakGlass;
use crate::access::recertification::{self, RecertificationItem};
use crate::access::{grant, past, subscription};
use crate::database::Transaction;
use crate::error::StoreError;
use crate::event::group;
use crate::statement::statements;
use crate::value::{Micros, bind};

const BECAUSE: &str = "it had ended in the store that was lost";

statements! {
    REVOKE = "UPDATE credential SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL";
    END_AT = "UPDATE credential SET expires_at = $2 WHERE id = $1 AND (expires_at IS NULL OR expires_at > $2)";
    END = "UPDATE lease SET ended_at = $2, withdrawn = 1 WHERE id = $1 AND ended_at IS NULL";
    TERMS = "UPDATE lease SET terms = $2 WHERE id = $1";
    ANSWERED = "UPDATE recertification_item SET state = $2, settled_at = $3, settled_by = $4, because = $5 WHERE id = $1 \
                AND (state = 'open' OR (state = 'escalated' AND $2 <> 'escalated'))";
    REVIEWED = "UPDATE break_glass SET verdict = $2, reviewed_at = $3, reviewed_by = $4, review = $5 \
                WHERE lease = $1 AND verdict IS NULL";
    ENDED = "INSERT INTO lease (id, origin, consumer, interface, terms, granted_at, ended_at, environment, withdrawn) \
             VALUES ($1, 'manifest', $2, $3, $4, $5, $5, $6, 1) ON CONFLICT (id) DO NOTHING";
    REMEMBER = "INSERT INTO lease_terms (lease, digest) SELECT id, $2 FROM lease WHERE id = $1 ON CONFLICT DO NOTHING";
    BLOCK = "INSERT INTO access_block (id, kind, subject, because, blocked_at, blocked_by) VALUES ($1, $2, $3, $4, $5, $6) \
             ON CONFLICT (id) DO NOTHING";
}

/// Ends here what has ended there, and gives the ids.
pub(super) async fn take_over(
    transaction: &mut Transaction,
    LostStore { access: lost, narrows, .. }: &LostStore,
    by: &str,
) -> Result<Vec<String>, StoreError> {
    let mut ended = Vec::new();
    for key in &lost.credentials {
        if end_key(transaction, key).await? {
            ended.push(key.id.clone());
        }
    }
    let here: BTreeMap<String, Arc<GrantTerms>> =
        grant::all(transaction).await?.into_iter().map(|grant| (grant.id, grant.terms)).collect();
    for there in &lost.grants {
        for id in ids_here(&here, there) {
            let less = here.get(&id).and_then(|here| less(here, &there.terms, *narrows));
            if end_grant(transaction, (&id, there), less).await? {
                ended.push(id);
            }
        }
    }
    for block in &lost.blocks {
        if put_block(transaction, block).await? {
            ended.push(block.id.clone());
        }
    }
    let over = |id: &str| lost.subscriptions.iter().any(|it| it.id == id && it.state == SubscriptionState::Ended);
    for here in subscription::all(transaction).await? {
        if here.state != SubscriptionState::Ended && over(&here.id) {
            subscription::end(transaction, &here, by, BECAUSE).await?;
            ended.push(here.id);
        }
    }
    ended.extend(subscription::end_overdue(transaction).await?);
    group::end_overdue(transaction).await?;
    Ok(ended)
}

async fn end_key(transaction: &mut Transaction, key: &Credential) -> Result<bool, StoreError> {
    let mut changed = 0;
    if let Some(at) = key.revoked {
        changed += transaction.run(REVOKE, bind![key.id.as_str(), Micros::from(at)]).await?;
    }
    if let Some(at) = key.expires {
        changed += transaction.run(END_AT, bind![key.id.as_str(), Micros::from(at)]).await?;
    }
    Ok(changed > 0)
}

/// What a lease of there is here: one of before leases had an environment is one for each of them by now, named after it.
fn ids_here(here: &BTreeMap<String, Arc<GrantTerms>>, there: &LiveGrant) -> Vec<String> {
    let mut ids = vec![there.id.clone()];
    if there.environment.is_none() {
        let copies = format!("{}_", there.id);
        let named = here.range(copies.clone()..).map(|(id, _)| id).take_while(|id| id.starts_with(&copies));
        ids.extend(named.cloned());
    }
    ids
}

/// One that was granted and ended since is put there as ended, so that no manifest finds it new.
async fn end_grant(
    transaction: &mut Transaction,
    (id, there): (&str, &LiveGrant),
    less: Option<GrantTerms>,
) -> Result<bool, StoreError> {
    let terms = json!(*there.terms).to_string();
    let mut changed = 0;
    if let Some(less) = less {
        changed += transaction.run(TERMS, bind![id, json!(less).to_string()]).await?;
        past::note(transaction, id).await?;
        transaction.run(REMEMBER, bind![id, grant::digest(&less)]).await?;
    }
    if let Some(at) = there.ended.map(Micros::from) {
        let (consumer, interface) = (there.consumer.as_str(), there.interface.to_string());
        let environment = there.environment.as_ref().map(|it| it.as_str().to_owned());
        changed += transaction.run(ENDED, bind![id, consumer, interface, terms, at, environment]).await?;
        changed += transaction.run(END, bind![id, at]).await?;
    }
    transaction.run(REMEMBER, bind![id, grant::digest(&there.terms)]).await?;
    Ok(changed > 0)
}

/// The terms of there, where they open less than those of here; nothing is asked faster or more often than here.
fn less(here: &GrantTerms, there: &GrantTerms, narrows: Narrows) -> Option<GrantTerms> {
    let less = GrantTerms { rate: here.rate, quota: here.quota, ..there.clone() };
    (less != *here && narrows(here, &less).is_ok()).then_some(less)
}

/// Takes over what somebody had answered for, and gives the ids of what it was about.
pub(super) async fn take_answers(transaction: &mut Transaction, lost: &LostStore) -> Result<Vec<String>, StoreError> {
    let mut taken = Vec::new();
    for RecertificationItem { id, campaign, state, settled, .. } in &lost.items {
        let Some((at, by, because)) = settled else { continue };
        let row = bind![id.as_str(), state.as_str(), Micros::from(*at), by.as_str(), because.as_str()];
        if transaction.run(ANSWERED, row).await? == 1 {
            taken.push(id.clone());
            recertification::close(transaction, campaign).await?;
        }
    }
    for BreakGlass { grant, review, .. } in &lost.opened {
        let Some(said) = review else { continue };
        let verdict = if said.ratified { "ratified" } else { "disowned" };
        let id = grant.id.as_str();
        let row = bind![id, verdict, Micros::from(said.at), said.by.as_str(), said.because.as_str()];
        if transaction.run(REVIEWED, row).await? == 1 {
            taken.push(id.to_owned());
        }
    }
    Ok(taken)
}

async fn put_block(transaction: &mut Transaction, block: &Block) -> Result<bool, StoreError> {
    let (kind, subject) = match &block.what {
        Blocked::Consumer(name) => ("consumer", name.to_string()),
        Blocked::Interface(interface) => ("interface", interface.to_string()),
    };
    let (since, by) = (Micros::from(block.since), block.by.clone());
    let row = bind![block.id.as_str(), kind, subject, block.because.as_str(), since, by];
    Ok(transaction.run(BLOCK, row).await? == 1)
}
