//! Groups: one member at a time has the turn, what is committed stays, and a turn that was lost moves nothing.

use std::time::Duration;

use selvage_model::event::Position;
use selvage_model::exchange::Scope;
use selvage_model::manifest::event::Retention;
use selvage_model::pull::{PullAsk, Pulled, Start};

use crate::{Stage, position, stream};

fn lease(member: &str, milliseconds: u64) -> PullAsk {
    PullAsk::Lease {
        group: "planner".to_owned(),
        member: member.to_owned(),
        lease: Duration::from_millis(milliseconds),
        start: Start::Oldest,
    }
}

fn commit(fence: i64, to: &str, lease: Option<u64>) -> PullAsk {
    let lease = lease.map(Duration::from_millis);
    PullAsk::Commit { group: "planner".to_owned(), fence, position: position(to), lease }
}

async fn turn(stage: &Stage, ask: PullAsk) -> (Position, i64) {
    match stage.ask(ask).await {
        Pulled::Leased { position, fence, .. } => (position, fence),
        other => panic!("{other:?}"),
    }
}

async fn refused(stage: &Stage, ask: PullAsk) -> (u16, &'static str) {
    match stage.ask(ask).await {
        Pulled::Refused { problem, .. } => (problem.status, problem.code.as_str()),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn one_member_at_a_time_has_the_turn() {
    let stage = Stage::new().await;
    stage.happens("started", 0..9).await;
    let (start, first) = turn(&stage, lease("a", 60_000)).await;
    assert_eq!(start, Position::START);
    assert_eq!(refused(&stage, lease("b", 60_000)).await, (409, "FAB4221"));
    assert_eq!(stage.ask(commit(first, "1-4", None)).await, Pulled::Done);
    let (again, second) = turn(&stage, lease("a", 60_000)).await;
    assert_eq!(again, position("1-4"), "the same member goes on");
    assert_eq!(refused(&stage, commit(first, "1-5", None)).await, (409, "FAB4222"), "by its newest turn");
    assert_eq!(stage.ask(commit(second, "1-5", Some(0))).await, Pulled::Done);
    let (handed, _) = turn(&stage, lease("b", 60_000)).await;
    assert_eq!(handed, position("1-5"), "what is given back is free at once");
}

#[tokio::test]
async fn a_member_that_was_paused_past_its_lease_moves_nothing() {
    let stage = Stage::new().await;
    stage.happens("started", 0..9).await;
    let (_, paused) = turn(&stage, lease("a", 50)).await;
    tokio::time::sleep(Duration::from_millis(80)).await;
    let (_, newer) = turn(&stage, lease("b", 60_000)).await;
    assert_eq!(refused(&stage, commit(paused, "1-9", Some(60_000))).await, (409, "FAB4222"));
    assert_eq!(stage.ask(commit(newer, "1-2", None)).await, Pulled::Done);
    assert_eq!(refused(&stage, commit(newer, "1-1", None)).await, (409, "FAB4222"), "nor back");
}

#[tokio::test]
async fn nothing_is_committed_that_cannot_have_been_read() {
    let stage = Stage::new().await;
    stage.happens("started", 0..3).await;
    assert_eq!(refused(&stage, commit(1, "1-1", None)).await, (409, "FAB4222"));
    let (_, fence) = turn(&stage, lease("a", 60_000)).await;
    assert_eq!(refused(&stage, commit(fence, "1-4", None)).await, (409, "FAB7015"));
    let newest = PullAsk::Lease {
        group: "late".to_owned(),
        member: "a".to_owned(),
        lease: Duration::from_secs(60),
        start: Start::Newest,
    };
    assert_eq!(turn(&stage, newest).await.0, position("1-3"));
}

#[tokio::test]
async fn a_group_keeps_what_it_has_not_committed_until_it_is_forgotten() {
    let stage = Stage::new().await;
    stage.happens("started", 0..5).await;
    let (_, fence) = turn(&stage, lease("a", 60_000)).await;
    stage.ask(commit(fence, "1-2", None)).await;
    let retention = Retention { time: Duration::ZERO, at_least: Some(0), at_most: None };
    let retired = stage.log.retire(&stream(), retention, false).await.unwrap();
    let [behind] = retired.behind.as_slice() else { panic!("{retired:?}") };
    assert_eq!((behind.reader.as_str(), behind.from, behind.to), ("group/planning/planner", 3, 5));
    // Another consumer's group of this name is another.
    let forget = || PullAsk::Forget { group: "planner".to_owned() };
    let other = stage.ask_as("mes", Scope::default(), forget()).await;
    assert!(matches!(&other, Pulled::Refused { problem, .. } if problem.code.as_str() == "FAB4223"), "{other:?}");
    assert_eq!(stage.ask(forget()).await, Pulled::Done);
    assert_eq!(stage.log.retire(&stream(), retention, false).await.unwrap().records, 3);
}

#[tokio::test]
async fn a_consumer_has_a_few_groups() {
    let stage = Stage::new().await;
    let lease = |group: String| PullAsk::Lease {
        group,
        member: "a".to_owned(),
        lease: Duration::from_secs(60),
        start: Start::Oldest,
    };
    for number in 0..32 {
        turn(&stage, lease(format!("group-{number}"))).await;
    }
    assert_eq!(refused(&stage, lease("one-more".to_owned())).await, (409, "FAB4224"));
    turn(&stage, lease("group-3".to_owned())).await;
    assert_eq!(stage.store.cursors(&stream()).await.unwrap().len(), 32);
}
