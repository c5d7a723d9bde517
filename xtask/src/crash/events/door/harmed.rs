//! A full disk and a flipped byte under the product: nothing is acknowledged that is not kept, whoever asks is told why by its code, and
//! of a damaged event everybody is told but nobody is kept from the others. INVARIANT: DURABLE-ACK, NOTHING-LOST.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use http_body_util::Full;
use hyper::Request;
use selvage_model::code;
use selvage_store::Store;
use serde_json::json;

use super::super::checker::check;
use super::super::disk::End;
use super::super::flipped::change;
use super::super::load::{LOOK_EVERY, READERS, is_at_work, with};
use super::super::stand::Keeping;
use super::pulled::Pulled;
use super::{Door, SILENCE, TELLS_OF_LOSS, losses};
use crate::daemon::Daemon;
use crate::http;

/// What is under way when the disk is full is answered within this.
const GRACE: Duration = Duration::from_millis(500);
/// The disk is full for so long.
const FULL: Duration = Duration::from_secs(2);
/// And so soon it goes on once there is space.
const GOES_ON_WITHIN: Duration = Duration::from_secs(20);
const PATIENCE: Duration = Duration::from_secs(30);
/// So much is given to each reader before the receiver takes nothing more.
const GIVEN: usize = 200;

/// Nothing is acknowledged while there is no space, and why is said; everything goes on once there is.
pub(super) async fn full_disk(directory: &Path) -> Result<Vec<String>> {
    let mut door = Door::new("full", &directory.join("door-full"), Keeping::Embedded).await?;
    door.start().await?;
    let producers = door.begin(0).await?;
    is_at_work(&door.seen).await;
    let acknowledged = || with(&door.seen, |seen| seen.acknowledged.len());
    let mut wrong = Vec::new();
    door.disk.fill(true)?;
    tokio::time::sleep(GRACE).await;
    let full = acknowledged();
    let (status, told) = door.publish_one("while-full").await?;
    if status != 503 || !told.contains(code::EVENTS_UNTAKEN.as_str()) {
        wrong.push(format!("while the disk is full a producer is answered {status}: {told}"));
    }
    tokio::time::sleep(FULL).await;
    let more = acknowledged() - full;
    if more > 0 {
        wrong.push(format!("{more} events were acknowledged while the disk was full"));
    }
    door.disk.fill(false)?;
    let began = Instant::now();
    while acknowledged() <= full && began.elapsed() < GOES_ON_WITHIN {
        tokio::time::sleep(LOOK_EVERY).await;
    }
    if acknowledged() <= full {
        wrong.push("nothing was acknowledged once the disk had space".to_owned());
    }
    is_at_work(&door.seen).await;
    // What was given while no cursor could be moved comes again.
    with(&door.seen, |seen| {
        seen.end_round();
        seen.at_once += seen.delivered.values().map(Vec::len).max().unwrap_or_default();
    });
    // Producers are told to come again, and who runs the node is told why.
    let said = door.running.as_ref().map(Daemon::output).unwrap_or_default();
    if !said.contains(code::LOG_FULL.as_str()) {
        wrong.push("the node does not say that its log has no space".to_owned());
    }
    door.end(End::PowerCut)?;
    door.start().await?;
    producers.finish().await?;
    let observed = door.delivered(SILENCE).await;
    let said = door.running.as_ref().map(Daemon::output).unwrap_or_default();
    door.end(End::Kill)?;
    wrong.extend(losses(&said));
    wrong.extend(check(&observed).iter().take(5).map(|broken| format!("{broken:?}")));
    Ok(wrong)
}

/// The last digit of an event that nobody was given yet is another: each subscription goes on behind it and says so, who pulls is told, and
/// nothing else is missing.
pub(super) async fn flipped(directory: &Path) -> Result<Vec<String>> {
    let mut door = Door::new("flipped", &directory.join("door-flipped"), Keeping::Embedded).await?;
    door.start().await?;
    let producers = door.begin(0).await?;
    while with(&door.seen, |seen| seen.delivered.values().any(|given| given.len() < GIVEN)) {
        tokio::time::sleep(LOOK_EVERY).await;
    }
    door.receiver.hold(true);
    // Producers wait once too much is not delivered.
    tokio::time::sleep(GRACE).await;
    producers.finish().await?;
    let harmed = with(&door.seen, |seen| {
        seen.end_round();
        let given =
            |event: &&(usize, u64)| seen.delivered.values().flatten().any(|it| (it.producer, it.number) == **event);
        seen.acknowledged.iter().rev().find(|event| !given(event)).copied()
    });
    let harmed = harmed.context("everything was delivered before")?;
    door.end(End::Kill)?;
    let file = door.disk.files().join("selvage.db");
    // What is in the journal goes to its place.
    Store::open(&format!("sqlite:{}", file.display())).await?.close().await;
    change(&file, format!("\"id\":\"{}-{}\"", harmed.0, harmed.1).as_bytes())?;
    door.disk.end(End::Kill)?;
    door.receiver.hold(false);
    door.start().await?;
    let pulled = Pulled::from(door.node.address, &door.key, None).await?;
    let acknowledged = with(&door.seen, |seen| {
        seen.at_once += GIVEN;
        let all = seen.acknowledged.clone();
        seen.acknowledged.remove(&harmed);
        all
    });
    let observed = door.delivered(SILENCE).await;
    let said = door.running.as_ref().map(Daemon::output).unwrap_or_default();
    door.end(End::Kill)?;

    let mut wrong: Vec<String> = check(&observed).iter().take(5).map(|broken| format!("{broken:?}")).collect();
    let missing: Vec<_> = acknowledged.difference(&pulled.events).collect();
    if pulled.told != [code::EVENT_DAMAGED.as_str()] || missing != [&harmed] {
        wrong.push(format!("of {harmed:?} who pulls is told {:?}, and misses {missing:?}", pulled.told));
    }
    let names = |reader: &usize| {
        let label = format!("s-{reader}");
        said.lines().any(|line| line.contains(code::EVENTS_PASSED.as_str()) && line.contains(&label))
    };
    let silent: Vec<usize> = (0..READERS).filter(|reader| !names(reader)).collect();
    if !silent.is_empty() {
        wrong.push(format!("of the subscriptions {silent:?} nobody says that they went on behind a damaged event"));
    }
    let other = TELLS_OF_LOSS.iter().filter(|it| **it == code::LOG_GAP.as_str() && said.contains(**it));
    wrong.extend(other.map(|code| format!("the node says {code}")));
    Ok(wrong)
}

impl Door {
    /// How one more event is answered.
    async fn publish_one(&self, id: &str) -> Result<(u16, String)> {
        let event = json!({
            "specversion": "1.0", "id": id, "source": "/crash/line-0", "type": "crash.machine.stopped",
            "data": {"machine": "press-0", "producer": 1_000, "number": 0},
        });
        let request = Request::post("/machine-states/v1/events")
            .header("authorization", format!("Bearer {}", self.key))
            .header("content-type", "application/cloudevents+json")
            .body(Full::from(event.to_string()))?;
        let answer = http::send(self.node.address, request, PATIENCE).await?;
        Ok((answer.status, String::from_utf8_lossy(&answer.body).into_owned()))
    }
}
