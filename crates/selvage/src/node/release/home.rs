//! Whether a node may keep events in its store: streams, captures, copies and subscriptions there are of one environment, and a node of another
//! that has any would read and move what is not its own. Such a release is not taken. INVARIANT: NOTHING-LOST

use selvage_model::code;
use selvage_model::fabric::Fabric;
use selvage_model::manifest::interface::InterfaceBody;
use selvage_model::name::EnvironmentName;
use selvage_store::{EventHome, Store};

use super::Coded;

/// Refuses to run a release that keeps events where the store's are another environment's.
///
/// # Errors
/// [`code::EVENTS_ELSEWHERE`] and [`code::EVENTS_NOBODYS`]; those of the store.
pub(super) async fn settle(store: &Store, environment: &EnvironmentName, fabric: &Fabric) -> anyhow::Result<()> {
    if !keeps_events(fabric) {
        return Ok(());
    }
    let fix = "give each environment a store of its own";
    match store.settle_event_home(environment, &go_first(environment, fabric)).await? {
        EventHome::Here => Ok(()),
        EventHome::Elsewhere(home) => {
            let code = code::EVENTS_ELSEWHERE;
            let message = format!(
                "the streams, captures and subscriptions of this store are those of the environment `{home}`, and a node of \
                 `{environment}` would read and move them"
            );
            Err(Coded::refused(code, format!("{code}: {message}: {fix}")))
        }
        EventHome::Unclear(first) => {
            let code = code::EVENTS_NOBODYS;
            let message = format!(
                "this store has events of before it was known whose they are, and `{first}`, which is protected, ran here too"
            );
            let fix = format!("start a node of `{first}` first, where they are its own, and {fix}");
            Err(Coded::refused(code, format!("{code}: {message}: {fix}")))
        }
    }
}

/// Whether anything of a fabric is kept in the event log, captured, or delivered from it.
fn keeps_events(fabric: &Fabric) -> bool {
    let mut interfaces = fabric.interfaces.values();
    interfaces.any(|interface| matches!(interface.body, InterfaceBody::Event(_) | InterfaceBody::Webhook(_)))
}

/// The protected environments that come before this one where it is not known whose events these are; none before a protected one.
fn go_first(environment: &EnvironmentName, fabric: &Fabric) -> Vec<EnvironmentName> {
    let environments: Vec<_> = fabric.settings.iter().flat_map(|settings| &settings.environments).collect();
    let protected = environments.into_iter().filter(|it| it.protected).map(|it| it.name.value.clone());
    let protected: Vec<EnvironmentName> = protected.collect();
    if protected.contains(environment) { Vec::new() } else { protected }
}
