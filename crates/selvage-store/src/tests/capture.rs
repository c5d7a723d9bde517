//! Captures: one node at a time, everything that was learned in one transaction, nothing told twice or forgotten.

use std::time::Duration;

use selvage_model::delivery::Cause;
use selvage_model::event::NewRecord;
use selvage_model::name::SystemName;

use super::stage::{Stage, tamper};
use super::{LEASE, both};
use crate::{
    CaptureHold, CapturePause, CaptureStage, CaptureState, CaptureStep, Captured, CapturedId, CopyPage, Echo,
    HeldCapture, LaneChoice, NewCapture, ParkedCapture, RecordPlace, Standing, Store, StoreError, TakenCapture,
    Unmoved, Word,
};

both!(
    one_node_at_a_time_has_a_capture,
    what_was_learned_is_there_with_what_is_told,
    hints_of_one_record_are_one,
    a_person_says_how_a_capture_goes_on,
    a_copy_is_read_in_pages_and_by_values,
    a_copy_is_found_by_other_values_from_now_on,
    what_cannot_be_told_is_known_and_parked_at_once,
    parked_records_are_found_by_their_class,
    ids_are_hashed_with_one_key_for_ever,
    what_is_damaged_in_the_outbox_is_named_and_not_told,
);

const WORD: Word<'static> = Word { by: "a.lead", because: "restored on purpose" };

fn new(node: &str, lease: Duration) -> NewCapture {
    NewCapture {
        interface: "work-order-events@1".parse().unwrap(),
        system: "odoo".parse().unwrap(),
        record: "mrp.workorder".to_owned(),
        begin: CaptureStage::Baseline,
        node: node.to_owned(),
        lease,
    }
}

async fn taken(store: &Store, node: &str, lease: Duration) -> (CaptureHold, CaptureState, Option<CapturePause>) {
    match store.take_capture(&new(node, lease)).await.unwrap() {
        TakenCapture::Taken(HeldCapture { hold, state, paused, .. }) => (hold, state, paused),
        held => panic!("{held:?}"),
    }
}

fn known(record: i64, written: i64, content: &str) -> Captured {
    Captured {
        record,
        standing: Standing::There,
        generation: 1,
        written,
        created: Some(written - 1),
        change: String::new(),
        key: format!("odoo-{record}"),
        content: content.to_owned(),
        told: None,
        values: vec![("status".to_owned(), content.to_owned())],
    }
}

fn parked(record: i64, cause: Cause) -> ParkedCapture {
    ParkedCapture { record, code: "FAB3101".to_owned(), cause, reason: format!("no {cause}") }
}

fn event(id: &str) -> NewRecord {
    NewRecord { id: id.parse().unwrap(), lane: "odoo-1".parse().unwrap(), body: b"{}".to_vec() }
}

fn odoo() -> SystemName {
    "odoo".parse().unwrap()
}

async fn one_node_at_a_time_has_a_capture(stage: &Stage) {
    let store = stage.open().await;
    let short = Duration::from_millis(150);
    let (first, state, paused) = taken(&store, "a", short).await;
    assert_eq!((state.stage, state.generation, state.looked_at, paused), (CaptureStage::Baseline, 1, None, None));
    match store.take_capture(&new("b", LEASE)).await.unwrap() {
        TakenCapture::Held { by, .. } => assert_eq!(by, "a"),
        taken => panic!("{taken:?}"),
    }
    store.extend_capture(first, short).await.unwrap();
    tokio::time::sleep(short * 2).await;
    let (second, ..) = taken(&store, "b", LEASE).await;
    assert_eq!(second.capture, first.capture);
    let step = CaptureStep { events: vec![event("late")], ..CaptureStep::default() };
    for outcome in [
        store.capture(first, 1, &step).await,
        store.extend_capture(first, LEASE).await,
        store.outbox_told(first, 9).await,
        store.pause_capture(first, &CapturePause { code: "FAB5140".to_owned(), because: String::new() }).await,
    ] {
        assert!(matches!(outcome, Err(StoreError::CaptureFenced { .. })), "{outcome:?}");
    }
    assert!(store.outbox(first.capture, 10, 1_000).await.unwrap().records.is_empty());
    store.let_capture_go(second).await.unwrap();
    taken(&store, "a", LEASE).await;
    assert_eq!(store.captures().await.unwrap().len(), 1);
}

async fn what_was_learned_is_there_with_what_is_told(stage: &Stage) {
    let store = stage.open().await;
    let (hold, mut state, _) = taken(&store, "a", LEASE).await;
    (state.stage, state.place, state.front) = (CaptureStage::Baseline, Some("6b-1".to_owned()), 40);
    let step = CaptureStep {
        known: (1..=20).map(|record| known(record, 30 + record, "ready")).collect(),
        parked: vec![parked(21, Cause::Code)],
        events: vec![event("a"), event("b")],
        progress: Some(state.clone()),
        ..CaptureStep::default()
    };
    store.capture(hold, 1, &step).await.unwrap();
    let mut ids: Vec<i64> = (1..=25).collect();
    ids.reverse();
    assert_eq!(store.captured(hold.capture, &ids).await.unwrap().len(), 20);
    assert_eq!(store.captured_count(hold.capture).await.unwrap(), 20);
    let unmoved = |record: i64| Unmoved { record, written: 30 + record, created: Some(29 + record) };
    assert_eq!(store.newest_captured(hold.capture, 2).await.unwrap(), [unmoved(20), unmoved(19)]);
    assert_eq!(store.highest_captured(hold.capture, 1).await.unwrap(), [unmoved(20)]);
    let id = |record, written| CapturedId { record, generation: 1, written };
    assert_eq!(store.captured_ids(hold.capture, 18, 9).await.unwrap(), [id(19, 49), id(20, 50)]);
    let parked = store.parked_captures(hold.capture, 0, 9).await.unwrap();
    assert_eq!((parked.len(), parked[0].record, parked[0].code.as_str()), (1, 21, "FAB3101"));

    // A number is not given again when the outbox was empty: who is late forgets nothing that it did not bring.
    let waiting = store.outbox(hold.capture, 10, 1_000).await.unwrap();
    assert_eq!((waiting.records.len(), waiting.last), (2, 2));
    assert_eq!(store.outbox(hold.capture, 10, 1).await.unwrap().records.len(), 1);
    store.outbox_told(hold, waiting.last).await.unwrap();
    let gone = Captured { standing: Standing::Gone, ..known(1, 31, "ready") };
    let step =
        CaptureStep { known: vec![gone, known(21, 60, "ready")], events: vec![event("c")], ..CaptureStep::default() };
    store.capture(hold, 2, &step).await.unwrap();
    assert_eq!(store.outbox(hold.capture, 10, 1_000).await.unwrap().last, 3);
    assert_eq!(store.captured_count(hold.capture).await.unwrap(), 20);
    assert!(store.parked_captures(hold.capture, 0, 9).await.unwrap().is_empty());
    let step = CaptureStep { seen: vec![Unmoved { record: 2, written: 70, created: None }], ..CaptureStep::default() };
    store.capture(hold, 2, &step).await.unwrap();
    let two = store.captured(hold.capture, &[2]).await.unwrap();
    assert_eq!((two[0].generation, two[0].written, two[0].content.as_str()), (2, 70, "ready"));
    assert_eq!(two[0].created, Some(31), "what does not say when it was made was made when it was");

    // Another node goes on where this one was.
    store.let_capture_go(hold).await.unwrap();
    assert_eq!(taken(&store, "b", LEASE).await.1, state);
}

async fn hints_of_one_record_are_one(stage: &Stage) {
    let store = stage.open().await;
    let (hold, ..) = taken(&store, "a", LEASE).await;
    assert_eq!(store.hint_capture(&odoo(), "mrp.production", 5).await.unwrap(), 0);
    for _ in 0..12 {
        assert_eq!(store.hint_capture(&odoo(), "mrp.workorder", 5).await.unwrap(), 1);
    }
    assert_eq!(store.capture_hints(hold.capture, 10).await.unwrap(), [(5, 12)]);
    // One that came while the record was read is read again.
    store.hint_capture(&odoo(), "mrp.workorder", 5).await.unwrap();
    let heeded = CaptureStep { heeded: vec![(5, 12)], ..CaptureStep::default() };
    store.capture(hold, 1, &heeded).await.unwrap();
    assert_eq!(store.capture_hints(hold.capture, 10).await.unwrap(), [(5, 13)]);
    let heeded = CaptureStep { heeded: vec![(5, 13)], ..CaptureStep::default() };
    store.capture(hold, 1, &heeded).await.unwrap();
    assert!(store.capture_hints(hold.capture, 10).await.unwrap().is_empty());

    let echo = |effect: &str| {
        let (stood, wrote) = (Some("0a".to_owned()), Some(vec!["status".to_owned()]));
        Echo { record: 7, content: [3; 32], stood, wrote, effect: effect.to_owned() }
    };
    let (made, echo) = (Echo { content: [4; 32], stood: None, wrote: None, ..echo("eff-0") }, echo("eff-1"));
    store.note_echo(&odoo(), "mrp.production", &echo).await.unwrap();
    assert!(store.capture_hints(hold.capture, 10).await.unwrap().is_empty());
    store.note_echo(&odoo(), "mrp.workorder", &echo).await.unwrap();
    assert_eq!(store.capture_hints(hold.capture, 10).await.unwrap(), [(7, 1)]);
    assert_eq!(store.echoes(hold.capture, &[5, 7]).await.unwrap(), std::slice::from_ref(&echo));
    // What was written anew meanwhile is not what was heard.
    let heard =
        CaptureStep { heard: vec![Echo { effect: "eff-0".to_owned(), ..echo.clone() }], ..CaptureStep::default() };
    store.capture(hold, 1, &heard).await.unwrap();
    assert_eq!(store.echoes(hold.capture, &[7]).await.unwrap(), std::slice::from_ref(&echo));
    store.note_echo(&odoo(), "mrp.workorder", &made).await.unwrap();
    let heard = CaptureStep { heard: vec![echo], ..CaptureStep::default() };
    store.capture(hold, 1, &heard).await.unwrap();
    assert_eq!(store.echoes(hold.capture, &[7]).await.unwrap(), std::slice::from_ref(&made));
    // It stands until every hint of the record was followed.
    let heeded = |asked| CaptureStep { heeded: vec![(7, asked)], ..CaptureStep::default() };
    store.capture(hold, 1, &heeded(1)).await.unwrap();
    assert_eq!(store.echoes(hold.capture, &[7]).await.unwrap(), [made]);
    store.capture(hold, 1, &heeded(2)).await.unwrap();
    assert!(store.echoes(hold.capture, &[7]).await.unwrap().is_empty());
}

async fn a_person_says_how_a_capture_goes_on(stage: &Stage) {
    let store = stage.open().await;
    let (hold, ..) = taken(&store, "a", LEASE).await;
    let interface = new("a", LEASE).interface;
    let resumed = store.resume_capture(&interface, CaptureStage::Baseline, WORD).await;
    assert!(matches!(resumed, Err(StoreError::NotFound { .. })), "{resumed:?}");
    let why = CapturePause { code: "FAB5140".to_owned(), because: "record 5 went back".to_owned() };
    store.pause_capture(hold, &why).await.unwrap();
    assert!(matches!(store.rebuild_copy(&interface, WORD).await, Err(StoreError::NotFound { .. })));
    assert_eq!(store.captures().await.unwrap()[0].paused.as_ref(), Some(&why));
    store.resume_capture(&interface, CaptureStage::Telling, WORD).await.unwrap();
    // Whoever had it begins again from what was said.
    assert!(matches!(store.extend_capture(hold, LEASE).await, Err(StoreError::CaptureFenced { .. })));
    let (_, state, paused) = taken(&store, "b", LEASE).await;
    assert_eq!((state.stage, state.generation, state.front, paused), (CaptureStage::Telling, 2, 0, None));
    store.rebuild_copy(&interface, WORD).await.unwrap();
    assert!(matches!(store.rebuild_copy(&"other@1".parse().unwrap(), WORD).await, Err(StoreError::NotFound { .. })));
}

async fn a_copy_is_read_in_pages_and_by_values(stage: &Stage) {
    let store = stage.open().await;
    let interface = new("a", LEASE).interface;
    assert_eq!(store.copy(&interface, &odoo()).await.unwrap(), None);
    let (hold, state, _) = taken(&store, "a", LEASE).await;
    let archived = Captured { standing: Standing::Archived, ..known(9, 9, "done") };
    let mut all: Vec<Captured> = (1..=6).map(|record| known(record, record / 2, "ready")).collect();
    all.push(Captured { values: vec![("status".to_owned(), "done".to_owned())], ..known(7, 3, "done") });
    all.push(archived);
    let progress = CaptureState { looked_at: Some("2026-11-27T00:00:00Z".parse().unwrap()), ..state };
    let step = CaptureStep { known: all, progress: Some(progress), ..CaptureStep::default() };
    store.capture(hold, 1, &step).await.unwrap();
    let copy = store.copy(&interface, &odoo()).await.unwrap().unwrap();
    assert!(copy.whole && copy.looked_at.unwrap() < copy.now);
    let page = |after, limit, with| CopyPage { capture: copy.capture, after, limit, with };
    for (page, expected) in [
        (page((-1, 0), 3, None), vec![1, 2, 3]),
        (page((1, 2), 3, None), vec![3, 4, 5]),
        (page((3, 6), 3, None), vec![7]),
        (page((-1, 0), 9, Some(("status", "done"))), vec![7]),
        (page((2, 4), 9, Some(("status", "ready"))), vec![5, 6]),
        (page((-1, 0), 9, Some(("status", "none"))), vec![]),
    ] {
        let found = store.copy_page(&page).await.unwrap();
        assert_eq!(found.iter().map(|row| row.record).collect::<Vec<_>>(), expected, "{page:?}");
    }
    assert_eq!(store.copy_of_key(copy.capture, "odoo-7").await.unwrap()[0].content, "done");
    assert!(store.copy_of_key(copy.capture, "odoo-9").await.unwrap().is_empty());
}

async fn a_copy_is_found_by_other_values_from_now_on(stage: &Stage) {
    let store = stage.open().await;
    let (hold, ..) = taken(&store, "a", LEASE).await;
    let archived = Captured { standing: Standing::Archived, ..known(9, 9, "done") };
    let step =
        CaptureStep { known: vec![known(7, 3, "ready"), known(8, 3, "ready"), archived], ..CaptureStep::default() };
    store.capture(hold, 1, &step).await.unwrap();
    let found_by = async || store.copy(&new("a", LEASE).interface, &odoo()).await.unwrap().unwrap().found_by;
    assert_eq!(found_by().await, None);
    let mut behind = store.captured_behind(hold.capture, 7, 9).await.unwrap();
    assert_eq!(behind.iter().map(|of| of.record).collect::<Vec<_>>(), [8, 9]);
    for of in &mut behind {
        of.values = vec![("site".to_owned(), "ghent".to_owned())];
    }
    store.find_captured(hold, &behind).await.unwrap();
    store.captured_found_by(hold, Some("site")).await.unwrap();
    assert_eq!(found_by().await.as_deref(), Some("site"));
    for (with, expected) in [(("site", "ghent"), vec![8]), (("status", "ready"), vec![7])] {
        let page = CopyPage { capture: hold.capture, after: (-1, 0), limit: 9, with: Some(with) };
        let found = store.copy_page(&page).await.unwrap();
        assert_eq!(found.iter().map(|row| row.record).collect::<Vec<_>>(), expected, "{with:?}");
    }
    let lost = CaptureHold { fence: hold.fence - 1, ..hold };
    let fenced = [store.find_captured(lost, &behind).await, store.captured_found_by(lost, None).await];
    assert!(fenced.iter().all(|fenced| matches!(fenced, Err(StoreError::CaptureFenced { .. }))), "{fenced:?}");
    assert_eq!(found_by().await.as_deref(), Some("site"));
    let TakenCapture::Taken(again) = store.take_capture(&new("a", LEASE)).await.unwrap() else { panic!("held") };
    assert_eq!(again.found_by.as_deref(), Some("site"));
    store.captured_found_by(again.hold, None).await.unwrap();
    assert_eq!(found_by().await, None);
}

async fn what_cannot_be_told_is_known_and_parked_at_once(stage: &Stage) {
    let store = stage.open().await;
    let (hold, ..) = taken(&store, "a", LEASE).await;
    let parked = |record| parked(record, Cause::Mapping);
    let untold = Captured { told: Some("null".to_owned()), ..known(1, 5, "ready") };
    let unreadable = Captured { standing: Standing::Unreadable, ..known(2, 5, "ready") };
    let step = CaptureStep {
        known: vec![untold.clone(), unreadable.clone()],
        parked: vec![parked(1), parked(2), parked(3)],
        ..CaptureStep::default()
    };
    store.capture(hold, 1, &step).await.unwrap();
    let since = store.parked_captures(hold.capture, 0, 9).await.unwrap();
    assert_eq!((since.len(), store.parked_count(hold.capture).await.unwrap()), (3, 3));
    assert_eq!(store.parked_captures(hold.capture, 2, 9).await.unwrap()[0].record, 3);
    let stored = |known: Captured| Captured { values: Vec::new(), ..known };
    assert_eq!(store.captured(hold.capture, &[1]).await.unwrap(), [stored(untold.clone())]);
    // A copy shows how it is; of what cannot be read it says so.
    let page = CopyPage { capture: hold.capture, after: (-1, 0), limit: 9, with: None };
    assert_eq!(store.copy_page(&page).await.unwrap(), [stored(untold)]);
    assert_eq!(store.unreadable(hold.capture, 9).await.unwrap(), [stored(unreadable)]);
    assert_eq!(store.copy_of_key(hold.capture, "odoo-2").await.unwrap()[0].standing, Standing::Unreadable);

    // Since when does not change while it stays so; it is over when it is known without.
    let step = CaptureStep {
        seen: vec![Unmoved { record: 1, written: 6, created: None }],
        parked: vec![parked(1)],
        forgotten: vec![3],
        ..CaptureStep::default()
    };
    store.capture(hold, 1, &step).await.unwrap();
    assert_eq!(store.parked_captures(hold.capture, 0, 9).await.unwrap(), since[..2]);
    let step = CaptureStep { known: vec![known(1, 7, "done")], ..CaptureStep::default() };
    store.capture(hold, 1, &step).await.unwrap();
    assert_eq!(store.parked_captures(hold.capture, 0, 9).await.unwrap(), since[1..2]);
}

async fn ids_are_hashed_with_one_key_for_ever(stage: &Stage) {
    let store = stage.open().await;
    let key = async |interface: &str, node: &str| {
        let new = NewCapture { interface: interface.parse().unwrap(), ..new(node, Duration::ZERO) };
        match store.take_capture(&new).await.unwrap() {
            TakenCapture::Taken(held) => held.key,
            held => panic!("{held:?}"),
        }
    };
    let first = key("work-order-events@1", "a").await;
    assert_eq!(key("work-order-events@1", "b").await, first);
    assert_ne!(key("stock-events@1", "a").await, first);
    assert!(first.iter().any(|byte| *byte != 0));
}

async fn parked_records_are_found_by_their_class(stage: &Stage) {
    let store = stage.open().await;
    let (hold, ..) = taken(&store, "a", LEASE).await;
    let all = (1..).zip(Cause::ALL).map(|(record, cause)| parked(record, cause));
    let step = CaptureStep { parked: all.collect(), ..CaptureStep::default() };
    store.capture(hold, 1, &step).await.unwrap();
    let found = async |which: LaneChoice| {
        let records = store.chosen_records(&which).await.unwrap();
        records.iter().map(|it| (it.label(), it.parked.cause)).collect::<Vec<_>>()
    };
    for (record, cause) in (1..).zip(Cause::ALL) {
        let chosen = found(LaneChoice { cause: Some(cause), ..LaneChoice::default() }).await;
        assert_eq!(chosen, [(format!("odoo-{record}"), cause)]);
    }
    let whole = found(LaneChoice::default()).await;
    assert_eq!(whole.len(), Cause::ALL.len());
    let (mut all, mut after): (Vec<_>, Option<RecordPlace>) = (Vec::new(), None);
    loop {
        let (page, next) = store.records_page(&LaneChoice::default(), after, 3).await.unwrap();
        all.extend(page.iter().map(|it| (it.label(), it.parked.cause)));
        let Some(next) = next else { break };
        after = Some(next.to_string().parse().unwrap());
    }
    assert_eq!(all, whole, "in pages, everything once");
    let lane = |lane: &str| LaneChoice { lane: Some(lane.to_owned()), ..LaneChoice::default() };
    assert_eq!(found(lane("odoo-3")).await, [("odoo-3".to_owned(), Cause::ALL[2])]);
    let interface = |name: &str| LaneChoice { interface: Some(name.parse().unwrap()), ..LaneChoice::default() };
    assert_eq!(found(interface("work-order-events@1")).await.len(), Cause::ALL.len());
    assert_eq!(found(interface("others@1")).await, []);
    let subscription = LaneChoice { label: Some("mes-ghent/line".to_owned()), ..LaneChoice::default() };
    assert_eq!(found(subscription).await, [], "no subscription has them");
    // It has another cause by now, and then none.
    let step = CaptureStep { parked: vec![parked(1, Cause::Unit)], ..CaptureStep::default() };
    store.capture(hold, 1, &step).await.unwrap();
    assert_eq!(store.parked_captures(hold.capture, 0, 1).await.unwrap()[0].cause, Cause::Unit);
    let step = CaptureStep { known: vec![known(1, 9, "ready")], ..CaptureStep::default() };
    store.capture(hold, 1, &step).await.unwrap();
    assert_eq!(found(lane("odoo-1")).await, []);
}

async fn what_is_damaged_in_the_outbox_is_named_and_not_told(stage: &Stage) {
    let store = stage.open().await;
    let (hold, ..) = taken(&store, "a", LEASE).await;
    let mut events = ["a", "b", "c", "d", "e"].map(event).to_vec();
    events[0].body = br#"{"n":1}"#.to_vec();
    store.capture(hold, 1, &CaptureStep { events, ..CaptureStep::default() }).await.unwrap();
    let outbox = async || {
        let waiting = store.outbox(hold.capture, 10, 1_000_000).await.unwrap();
        let ids: Vec<String> = waiting.records.iter().map(|record| record.id.to_string()).collect();
        (ids.join(" "), waiting.damaged.join(" "), waiting.last)
    };
    assert_eq!(outbox().await, ("a b c d e".to_owned(), String::new(), 5));
    for change in [
        "UPDATE event_outbox SET body = (SELECT body FROM event_outbox WHERE id = 'a') WHERE id = 'b'",
        "UPDATE event_outbox SET lane = 'odoo-2' WHERE id = 'c'",
        // What was put there before there were checksums is told.
        "UPDATE event_outbox SET checksum = NULL WHERE id = 'd'",
        "UPDATE event_outbox SET id = 'f' WHERE id = 'e'",
    ] {
        tamper(&store, change).await;
    }
    assert_eq!(outbox().await, ("a d".to_owned(), "b c f".to_owned(), 5));
    store.outbox_told(hold, 5).await.unwrap();
    assert_eq!(outbox().await, (String::new(), String::new(), 0));
}
