//! What would stand in the way of running something, told before anybody runs it: compiled with the grants that it asks for. Nothing is
//! kept of it.

use jiff::Timestamp;
use selvage_gateway::{KeysOfIssuers, Snapshot, SnapshotSource};
use selvage_model::access::{AccessState, Credential, KeyHash, LiveGrant, Principal};
use selvage_model::fabric::Fabric;
use selvage_model::finding::Finding;
use selvage_model::name::EnvironmentName;

use super::declared;
use crate::directory::Checked;

/// What stands in the way of running a directory in this environment, with the grants that it asks for and a key for each
/// consumer. Nothing of a directory that has errors.
///
/// # Errors
/// When the fabric does not know the environment.
pub(crate) fn trial(checked: &Checked, environment: &EnvironmentName) -> anyhow::Result<Vec<Finding>> {
    if !checked.runs() {
        return Ok(Vec::new());
    }
    declared(&checked.fabric, environment)?;
    Ok(trial_of(&checked.fabric, &checked.release, environment))
}

/// The same of a fabric that has this environment.
pub(crate) fn trial_of(fabric: &Fabric, release: &str, environment: &EnvironmentName) -> Vec<Finding> {
    let grants = fabric.grants.iter().map(|grant| LiveGrant {
        id: grant.place.to_string(),
        consumer: grant.consumer.value.clone(),
        interface: grant.interface.value.clone(),
        terms: grant.terms().into(),
        environment: None,
        ended: None,
    });
    let credentials = fabric.consumers.keys().enumerate().map(|(number, consumer)| {
        let mut hash = [0; 32];
        hash.iter_mut().zip(number.to_be_bytes()).for_each(|(byte, digit)| *byte = digit);
        Credential {
            id: format!("key_{number}"),
            principal: Principal::Consumer(consumer.clone()),
            hash: KeyHash(hash),
            issued: Timestamp::UNIX_EPOCH,
            expires: None,
            revoked: None,
        }
    });
    let access = AccessState { grants: grants.collect(), credentials: credentials.collect(), ..AccessState::default() };
    let keys = KeysOfIssuers::default();
    let source = SnapshotSource { fabric, access: &access, keys: &keys, environment, release };
    Snapshot::compile(&source).err().unwrap_or_default()
}
