//! A backup of before, by the product's own commands: taken while producers publish, restored into an empty directory after the node was
//! lost, and served again. What was acknowledged before it began is there; what came after is named, and nobody takes anything for it.
//! INVARIANT: NOTHING-LOST: no `sequence` is given to two events, before the loss and after it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use selvage_model::code;

use super::super::checker::{Broken, Observed, check};
use super::super::disk::{Disk, End};
use super::super::load::{LOOK_EVERY, PRODUCERS, is_at_work, with};
use super::super::stand::Keeping;
use super::pulled::Pulled;
use super::{Door, SILENCE, losses};
use crate::daemon::Daemon;
use crate::selvage::Node;

/// So much is published before the backup and after it.
const EVENTS: usize = 1_000;
const PUBLISHED_WITHIN: Duration = Duration::from_secs(60);
/// The restored node works for so long at least.
const WORKS: Duration = Duration::from_millis(500);

/// An event: whose, and which.
type Event = (usize, u64);

/// Plays the scene; what is wrong.
pub(super) async fn play(directory: &Path) -> Result<Vec<String>> {
    let place = directory.join("door-restored");
    let mut door = Door::new("lost", &place, Keeping::Embedded).await?;
    door.start().await?;
    let producers = door.begin(0).await?;
    let mut wrong = Vec::new();
    door.published(EVENTS).await;
    let old = Pulled::from(door.node.address, &door.key, None).await?;

    let before: BTreeSet<Event> = with(&door.seen, |seen| seen.acknowledged.clone());
    let backup = place.join("node.backup").display().to_string();
    let told = tokio::task::block_in_place(|| door.node.command(&["backup", &backup, "--json"]))?;
    let taken: serde_json::Value = serde_json::from_str(&told).context("the backup says no JSON")?;
    let taken = taken.get("taken_at").and_then(serde_json::Value::as_str).context("the backup has no time")?.to_owned();
    if with(&door.seen, |seen| seen.acknowledged.len()) == before.len() {
        wrong.push("nothing was published while the backup was taken".to_owned());
    }
    // What nobody will have.
    door.published(before.len() + EVENTS).await;
    let ahead = Pulled::from(door.node.address, &door.key, old.next.clone()).await?;
    is_at_work(&door.seen).await;
    door.end(End::Kill)?;
    let lost = with(&door.seen, |seen| {
        seen.end_round();
        // Everything behind the cursors of the backup comes again.
        let given: usize = seen.delivered.values().map(Vec::len).sum();
        seen.at_once += given;
        seen.acknowledged.clone()
    });

    if lost.len() < before.len() + EVENTS {
        wrong.push(format!("only {} events were published after the backup", lost.len() - before.len()));
    }
    door.restore(&place, &backup, &taken)?;
    door.start().await?;
    tokio::time::sleep(WORKS).await;
    door.published(lost.len() + EVENTS).await;
    producers.finish().await?;
    let after = Pulled::from(door.node.address, &door.key, old.next.clone()).await?;
    let new = Pulled::from(door.node.address, &door.key, ahead.next.clone()).await?;
    // Of what was published after the backup and lost with the store nothing more comes.
    let acknowledged = with(&door.seen, |seen| {
        let all = seen.acknowledged.clone();
        seen.acknowledged.retain(|event| before.contains(event) || !lost.contains(event));
        all
    });
    let observed = door.delivered(SILENCE).await;
    let said = door.running.as_ref().map(Daemon::output).unwrap_or_default();
    door.end(End::Kill)?;

    wrong.extend(judge(&observed, &lost));
    wrong.extend(pulls(&old, &ahead, &after, &new, &before, &lost, &acknowledged));
    let (gap, other): (Vec<_>, Vec<_>) =
        losses(&said).into_iter().partition(|line| line.contains(code::LOG_GAP.as_str()));
    if gap.is_empty() {
        wrong.push("what the backup did not have was not named".to_owned());
    }
    wrong.extend(other);
    Ok(wrong)
}

impl Door {
    /// Returns once so much was acknowledged; or after a while, and what follows shows that.
    async fn published(&self, events: usize) {
        let began = std::time::Instant::now();
        while with(&self.seen, |seen| seen.acknowledged.len()) < events && began.elapsed() < PUBLISHED_WITHIN {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// What it serves next is the backup, in a directory that is new, with the marks that were kept of the lost one.
    fn restore(&mut self, place: &Path, backup: &str, taken: &str) -> Result<()> {
        let marks = self.disk.files().join("selvage.marks").display().to_string();
        let disk = Disk::new(&place.join("restored"))?;
        let mut node = Node::embedded("restored", &place.join("fabric"), &disk.files())?
            .within(disk.followed())
            .with(&["--lease", "1s"]);
        (node.address, node.admin) = (self.node.address, self.node.admin);
        let answered = ["--accept-access-of", taken, "--by", "crash"];
        tokio::task::block_in_place(|| {
            node.command(&[&["restore", backup, "--marks", &marks], &answered[..]].concat())
        })?;
        disk.end(End::Kill)?;
        (self.disk, self.node) = (disk, node);
        Ok(())
    }
}

/// What receivers saw before and after: everything that was not lost with the store, in order, and each event under one sequence but for
/// those that nobody had acknowledged when the node was lost, of which a producer publishes one more.
fn judge(observed: &Observed, lost: &BTreeSet<Event>) -> Vec<String> {
    let last: BTreeMap<usize, u64> = lost.iter().copied().collect();
    let in_doubt = |producer: &usize, number: u64| number == last.get(producer).map_or(0, |last| last + 1);
    let broken = check(observed).into_iter().filter(|broken| match broken {
        Broken::Doubled { producer, number } => !in_doubt(producer, *number),
        _ => true,
    });
    let mut wrong: Vec<String> = broken.take(5).map(|broken| format!("{broken:?}")).collect();
    let mut given: BTreeMap<&str, Event> = BTreeMap::new();
    for event in observed.delivered.values().flatten() {
        let sequence = event.position.split(' ').next().unwrap_or_default();
        let this = (event.producer, event.number);
        let first = *given.entry(sequence).or_insert(this);
        if first != this {
            wrong.push(format!("{sequence} is the sequence of {first:?} and of {this:?}"));
        }
    }
    wrong.truncate(10);
    wrong
}

/// What those saw who pull: one that had read before the backup, and one that had read what is lost.
fn pulls(
    old: &Pulled,
    ahead: &Pulled,
    after: &Pulled,
    new: &Pulled,
    before: &BTreeSet<Event>,
    lost: &BTreeSet<Event>,
    acknowledged: &BTreeSet<Event>,
) -> Vec<String> {
    let mut wrong = Vec::new();
    let missing = before.iter().filter(|event| !old.events.contains(event) && !after.events.contains(event)).count();
    if missing > 0 {
        wrong.push(format!("{missing} events of before the backup are not pulled any more"));
    }
    let since: BTreeSet<Event> = acknowledged.difference(lost).copied().collect();
    for (who, pulled) in [("had read before the backup", after), ("had read what is lost", new)] {
        let missing = since.difference(&pulled.events).count();
        if missing > 0 {
            wrong.push(format!("who {who} misses {missing} of {} new events", since.len()));
        }
    }
    if let (Some(highest), Some(lowest)) = (ahead.sequences.iter().max(), new.sequences.iter().min())
        && highest >= lowest
    {
        wrong.push(format!("the new sequence {lowest} is not above {highest}, which was given before"));
    }
    // A producer that had no answer publishes its event again: no more than one of each is new to who had read it.
    let again = new.events.iter().filter(|event| lost.contains(event)).count();
    if again > 0 || new.events.len() > since.len() + PRODUCERS {
        wrong.push(format!("who had read what is lost is given {again} of it again"));
    }
    for pulled in [after, new] {
        if !pulled.told.is_empty() {
            wrong.push(format!("who pulls is refused: {:?}", pulled.told));
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::super::super::wire::Event as Given;
    use super::*;

    #[test]
    fn a_sequence_of_two_events_and_one_more_of_what_was_acknowledged_are_found() {
        let given = |number, position: &str| Given { position: position.to_owned(), producer: 0, number };
        let seen = |events: Vec<Given>| Observed { delivered: BTreeMap::from([(0, events)]), ..Observed::default() };
        let lost = BTreeSet::from([(0, 0), (0, 1)]);
        // The last one that nobody had acknowledged was published once more.
        let right = seen(vec![given(0, "1 a"), given(1, "2 b"), given(2, "3 c"), given(2, "11 c")]);
        assert_eq!(judge(&right, &lost), Vec::<String>::new());
        let twice = seen(vec![given(0, "1 a"), given(1, "2 b"), given(3, "2 d")]);
        assert_eq!(judge(&twice, &lost), ["2 is the sequence of (0, 1) and of (0, 3)"]);
        let again = seen(vec![given(0, "1 a"), given(1, "2 b"), given(1, "11 b")]);
        assert_eq!(judge(&again, &lost), ["Doubled { producer: 0, number: 1 }"]);
    }
}
