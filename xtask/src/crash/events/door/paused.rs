//! Two nodes of the product on one database. One stands still past its lease while it waits for answers of the receiver; the other takes
//! over what it delivered, and then the first goes on with answers to what is not its own any more. Everything has to come all the same, in
//! the order of its lane, and no more of it twice than was under way. INVARIANT: LANE-ORDER, NOTHING-LOST.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::super::checker::{Observed, check};
use super::super::disk::End;
use super::super::load::{LOOK_EVERY, READERS, is_at_work, with};
use super::super::stand::Keeping;
use super::{Door, SILENCE, UNDER_WAY, losses};
use crate::selvage::Node;

/// Readers that are given nothing for so long are those of the node that stands still.
const STALLED: Duration = Duration::from_millis(500);
/// They are given something again within this: longer than the lease.
const TAKEN_OVER_WITHIN: Duration = Duration::from_secs(60);
/// Both work on for so long then.
const GOES_ON: Duration = Duration::from_secs(2);

/// Plays the scene; what is wrong.
pub(in super::super) async fn stood_still(directory: &Path, url: String) -> Result<Vec<String>> {
    let place = directory.join("door-paused");
    let mut first = Door::new("first", &place, Keeping::Postgres(url.clone())).await?;
    // The first one has every subscription before there is another.
    first.start().await?;
    let second = Node::on_postgres("second", &place.join("fabric"), &url)?.with(&["--lease", "1s"]);
    let other = second.start(&place).await?;
    let producers = first.begin_at(second.address, 0).await?;
    let mut wrong = Vec::new();
    if !is_at_work(&first.seen).await {
        wrong.push("too little was delivered before".to_owned());
    }
    first.receiver.hold(true);
    let began = Instant::now();
    while first.receiver.held() < READERS && began.elapsed() < TAKEN_OVER_WITHIN {
        tokio::time::sleep(LOOK_EVERY).await;
    }
    with(&first.seen, |seen| {
        seen.may_come_again(UNDER_WAY);
        seen.end_round();
    });
    if let Some(node) = &first.running {
        node.stand_still().await?;
    }
    first.receiver.hold(false);
    let stalled = first.stalled().await;
    if stalled.is_empty() {
        wrong.push("the node that stood still had delivered nothing".to_owned());
    }
    let (began, mut left) = (Instant::now(), stalled.clone());
    while !left.is_empty() && began.elapsed() < TAKEN_OVER_WITHIN {
        tokio::time::sleep(LOOK_EVERY).await;
        let given = first.given();
        left.retain(|(reader, before)| given.get(*reader).is_none_or(|now| *now <= *before));
    }
    if !left.is_empty() {
        wrong.push(format!("nobody took over what {} of {} readers are given", left.len(), stalled.len()));
    }
    // It may send what it had in hand before it learns that it is not its own, and both share the subscriptions anew.
    with(&first.seen, |seen| seen.may_come_again(UNDER_WAY));
    if let Some(node) = &first.running {
        node.go_on();
    }
    tokio::time::sleep(GOES_ON).await;
    producers.finish().await?;
    let observed: Observed = first.delivered(SILENCE).await;
    let said = first.running.as_ref().map(crate::daemon::Daemon::output).unwrap_or_default() + &other.output();
    first.end(End::Kill)?;
    wrong.extend(losses(&said));
    wrong.extend(check(&observed).iter().take(5).map(|broken| format!("{broken:?}")));
    Ok(wrong)
}

impl Door {
    /// How much each reader was given.
    fn given(&self) -> Vec<usize> {
        with(&self.seen, |seen| seen.delivered.values().map(Vec::len).collect())
    }

    /// The readers that are given nothing now, and how much they were.
    async fn stalled(&self) -> Vec<(usize, usize)> {
        let before = self.given();
        tokio::time::sleep(STALLED).await;
        let now = self.given().into_iter().enumerate();
        now.filter(|(reader, now)| before.get(*reader) == Some(now)).collect()
    }
}
