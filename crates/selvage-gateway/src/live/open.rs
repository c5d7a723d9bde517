//! Limits of interfaces on which nobody has a grant: what calls of webhooks take. Only what is proven takes from them, so that
//! nobody uses up what is the sender's.

use http::StatusCode;
use selvage_model::code;

use super::{Limit, Live, Now, give_back};
use crate::admission::Entered;
use crate::refusal::Refusal;
use crate::snapshot::Served;
use crate::tally::NOWHERE;

impl Live {
    /// The counters of the one operation that an interface has.
    pub(crate) fn first_operation(&self, served: &Served) -> u32 {
        let live = self.served(served);
        live.and_then(|live| live.operations.first()).copied().unwrap_or(NOWHERE)
    }

    /// Takes from the limits of an interface, or from none; waits for a place as long as that is declared.
    pub(crate) async fn take_open<'s>(
        &'s self,
        served: &'s Served,
        now: impl Fn() -> Now,
    ) -> Result<Entered, Box<Refusal<'s>>> {
        let Some(live) = self.served(served) else { return Ok(Entered::default()) };
        let limits = [
            served.rate.map(|of| Limit::Rate(&live.limits.rate, of)),
            served.quota.map(|of| Limit::Quota(&live.limits.quota, of)),
        ];
        let mut spent = [None; 2];
        for (place, limit) in limits.into_iter().enumerate() {
            let Some(limit) = limit else { continue };
            match limit.take(now(), self.alone) {
                Ok((owed, ..)) => {
                    if let Some(spent) = spent.get_mut(place) {
                        *spent = Some(owed);
                    }
                }
                Err(seconds) => {
                    give_back(&spent, now().nanos);
                    let detail = format!("the limit of this interface is used up; the next call passes in {seconds} s");
                    let mut refusal = Refusal::new(StatusCode::TOO_MANY_REQUESTS, code::INTERFACE_RATE, detail);
                    refusal.problem.retry_after = Some(u32::try_from(seconds).unwrap_or(u32::MAX));
                    return Err(Box::new(refusal));
                }
            }
        }
        let entered = self.doors(served, live).enter_in_turn(|| now().nanos).await;
        entered.map_err(|shut| {
            give_back(&spent, now().nanos);
            Box::new(Refusal::of(shut.problem()))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use jiff::Timestamp;
    use selvage_model::access::AccessState;
    use selvage_model::read::{Sources, read};

    use super::*;
    use crate::config::Sharing;
    use crate::live::Books;
    use crate::snapshot::{Snapshot, SnapshotSource};
    use crate::token::KeysOfIssuers;

    const MANIFESTS: &str = "
kind: Fabric
name: test
environments: {dev: {}}
---
kind: Team
name: owners
roles: {owner: [o.wner]}
---
kind: System
name: odoo
connector: odoo
owner: owners
environments: {dev: {url: 'http://odoo.invalid'}}
---
kind: Interface
name: hook
type: webhook
version: 1.0
owner: owners
lifecycle: active
source: {system: odoo, signing: secret-path, secrets: [{secret: odoo/hook}], from: [127.0.0.0/8]}
into: hints
limits: {concurrency: 1, wait: 10s}
";

    fn live(manifests: &str) -> Live {
        let fabric = read(&Sources::of("fabric.yaml", manifests)).fabric;
        let (access, keys) = (AccessState::default(), KeysOfIssuers::new());
        let environment = "dev".parse().unwrap();
        let source =
            SnapshotSource { fabric: &fabric, access: &access, keys: &keys, environment: &environment, release: "rel" };
        Live::new(Arc::new(Snapshot::compile(&source).unwrap()), None, &Arc::new(Books::new(1, Sharing::None, 0)))
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_call_waits_for_its_place_as_long_as_is_declared() {
        let now = || Now { nanos: 1, wall: Timestamp::UNIX_EPOCH };
        let live = live(MANIFESTS);
        let served = live.snapshot.served().first().expect("the webhook is served");
        let first = live.take_open(served, now).await.unwrap();
        let waits = async { live.take_open(served, now).await.is_ok() };
        let frees = async {
            tokio::time::sleep(Duration::from_millis(30)).await;
            drop(first);
        };
        assert!(tokio::join!(waits, frees).0, "it gets the place that becomes free");

        let at_once = self::live(&MANIFESTS.replace(", wait: 10s", ""));
        let served = at_once.snapshot.served().first().unwrap();
        let _first = at_once.take_open(served, now).await.unwrap();
        let Err(refused) = at_once.take_open(served, now).await else { panic!("nothing is waited for") };
        assert_eq!(refused.problem.code, code::INTERFACE_BUSY);
    }
}
