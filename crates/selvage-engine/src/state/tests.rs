//! The state machine of a write as tables, and every course of events up to a length: nothing is resent early.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn patience() -> Patience {
    Patience {
        tries: 3,
        sends: 2,
        probes: 2,
        pause: Duration::from_millis(100),
        longest_pause: 30 * SECOND,
        longest_transaction: 120 * SECOND,
    }
}

fn at(phase: Phase, proof: Proof) -> Progress {
    Progress { phase, proof, tries: 0, sends: u32::from(phase != Phase::Claimed), probes: 0 }
}

/// Plays events from a beginning and says each step.
fn play(mut progress: Progress, events: &[Event]) -> Vec<Step> {
    let mut steps = Vec::new();
    for event in events {
        let (then, step) = next(progress, *event, &patience());
        progress = then;
        steps.push(step);
    }
    steps
}

const NOW: Duration = Duration::ZERO;

#[test]
fn a_write_goes_from_claim_to_answer() {
    use Event::{Begun, Committed, Prepared, Recorded, Shown};
    for proof in [Proof::Key, Proof::Target] {
        let steps = play(at(Phase::Claimed, proof), &[Begun, Prepared, Recorded, Committed, Shown]);
        assert_eq!(steps, [Step::Prepare(NOW), Step::Record, Step::Send(NOW), Step::ReadBack(NOW), Step::Finish]);
    }
}

#[test]
fn a_system_that_is_down_before_the_send_gives_the_key_back() {
    use Event::{Begun, Nothing};
    let steps = play(at(Phase::Claimed, Proof::Key), &[Begun, Nothing, Nothing, Nothing]);
    let (first, second) = (Duration::from_millis(100), Duration::from_millis(200));
    assert_eq!(steps, [Step::Prepare(NOW), Step::Prepare(first), Step::Prepare(second), Step::GiveBack]);
}

#[test]
fn a_create_that_surely_did_nothing_is_sent_again_and_then_given_back() {
    use Event::Nothing;
    let steps = play(at(Phase::Sending, Proof::Key), &[Nothing, Nothing, Nothing]);
    assert!(matches!(steps[0], Step::Send(_)) && matches!(steps[1], Step::Send(_)));
    assert_eq!(steps[2], Step::GiveBack);
}

#[test]
fn a_verb_that_was_begun_is_carried_through_and_never_given_back() {
    use Event::{Absent, Due, Nothing, Recorded};
    let steps = play(at(Phase::Sending, Proof::Target), &[Nothing, Nothing, Nothing, Due, Absent, Recorded]);
    assert_eq!(steps[2..], [Step::LookLater(30 * SECOND), Step::Probe, Step::Record, Step::Send(NOW)]);
}

#[test]
fn a_system_that_is_down_for_long_needs_no_person() {
    use Event::{Absent, Due, Nothing, Recorded};
    for proof in [Proof::Key, Proof::Target] {
        let mut events = vec![Event::Unclear];
        events.extend([Due, Nothing].repeat(500));
        events.extend([Due, Absent, Recorded]);
        let steps = play(at(Phase::Sending, proof), &events);
        assert!(!steps.contains(&Step::Stop), "{proof:?}");
        assert_eq!(steps.last(), Some(&Step::Send(NOW)), "{proof:?}");
    }
}

#[test]
fn what_is_found_and_can_never_be_shown_goes_to_a_person() {
    use Event::{Due, Found, Unusable};
    let steps = play(at(Phase::Doubtful, Proof::Key), &[Due, Found, Unusable, Unusable, Unusable].repeat(4));
    assert!(steps.contains(&Step::Stop), "{steps:?}");
}

#[test]
fn an_unclear_send_is_looked_up_after_the_longest_transaction_and_never_resent_before() {
    use Event::{Absent, Due, Found, Recorded, Shown, Unclear};
    let wait = Step::LookAfterSend(120 * SECOND);
    let found = play(at(Phase::Sending, Proof::Key), &[Unclear, Due, Found, Shown]);
    assert_eq!(found, [wait, Step::Probe, Step::ReadBack(NOW), Step::Finish]);
    let absent = play(at(Phase::Sending, Proof::Key), &[Unclear, Due, Absent, Recorded]);
    assert_eq!(absent, [wait, Step::Probe, Step::Record, Step::Send(NOW)]);
}

#[test]
fn a_key_that_stays_absent_goes_to_a_person_after_so_many_sends() {
    use Event::{Absent, Due, Recorded, Unclear};
    let steps = play(at(Phase::Sending, Proof::Key), &[Unclear, Due, Absent, Recorded, Unclear, Due, Absent]);
    assert_eq!(steps.last(), Some(&Step::Stop));
}

#[test]
fn a_verb_at_risk_is_tried_again_only_where_it_surely_did_nothing() {
    use Event::{Absent, Due, Nothing, Unclear};
    let steps = play(at(Phase::Sending, Proof::AtRisk), &[Nothing, Nothing, Nothing]);
    assert_eq!(steps.last(), Some(&Step::GiveBack));
    let steps = play(at(Phase::Sending, Proof::AtRisk), &[Unclear, Due, Absent]);
    assert_eq!(steps, [Step::LookAfterSend(120 * SECOND), Step::Probe, Step::Stop]);
    let steps = play(at(Phase::Claimed, Proof::AtRisk), &[Event::TakenOver, Due, Absent]);
    assert_eq!(steps.last(), Some(&Step::Stop));
}

#[test]
fn a_lookup_that_fails_is_made_again_later_and_longer() {
    use Event::{Due, Nothing};
    let steps = play(at(Phase::Doubtful, Proof::Key), &[Due, Nothing, Due, Nothing, Due, Nothing]);
    let pauses: Vec<Duration> =
        steps.iter().filter_map(|step| if let Step::LookLater(pause) = step { Some(*pause) } else { None }).collect();
    assert_eq!(pauses.len(), 3);
    assert!(pauses.is_sorted() && pauses[0] > SECOND && pauses[2] <= 30 * SECOND);
}

#[test]
fn whoever_takes_over_a_recorded_effect_waits_for_the_longest_transaction() {
    for phase in [Phase::Claimed, Phase::Sending, Phase::Doubtful] {
        for proof in [Proof::Key, Proof::Target] {
            let steps = play(at(phase, proof), &[Event::TakenOver]);
            assert_eq!(steps, [Step::LookLater(120 * SECOND)], "{phase:?} {proof:?}");
        }
    }
}

#[test]
fn what_is_refused_says_nothing_of_an_earlier_send() {
    use Event::{Absent, Due, Recorded, Refused, Unclear};
    let again = [Unclear, Due, Absent, Recorded, Refused];
    // A lookup found nothing, so the first one surely did nothing.
    assert_eq!(play(at(Phase::Sending, Proof::Key), &again).last(), Some(&Step::Refuse));
    // A verb is several calls, and nothing was looked up.
    assert_eq!(play(at(Phase::Sending, Proof::Target), &again).last(), Some(&Step::Stop));
    assert_eq!(play(at(Phase::Sending, Proof::Target), &[Refused]), [Step::Refuse]);
}

#[test]
fn what_is_done_but_not_as_meant_goes_to_a_person() {
    assert_eq!(play(at(Phase::Sending, Proof::Target), &[Event::Differs]), [Step::Stop]);
    assert_eq!(play(at(Phase::Committed, Proof::Key), &[Event::Differs]), [Step::Stop]);
}

#[test]
fn a_read_back_that_fails_is_looked_up_later_and_changes_nothing() {
    use Event::{Due, Found, Nothing, Shown};
    let steps = play(at(Phase::Committed, Proof::Key), &[Nothing, Nothing, Nothing, Due, Found, Shown]);
    assert_eq!(steps[2..], [Step::LookLater(30 * SECOND), Step::Probe, Step::ReadBack(NOW), Step::Finish]);
}

/// What can be the outcome of a step.
fn outcomes(step: Step) -> &'static [Event] {
    use Event::*;
    match step {
        Step::Prepare(_) => &[Prepared, Refused, Nothing, Unclear, Unusable],
        Step::Record => &[Recorded, Refused, Nothing, Unclear, Unusable, Differs],
        Step::Send(_) => &[Committed, Refused, Nothing, Unclear, Unusable, Differs],
        Step::ReadBack(_) => &[Shown, Nothing, Unclear, Unusable, Differs],
        Step::Probe => &[Found, Absent, Refused, Nothing, Unclear, Unusable],
        Step::LookAfterSend(_) | Step::LookLater(_) => &[Due],
        Step::Finish | Step::Refuse | Step::GiveBack | Step::Stop => &[],
    }
}

/// Whatever happens in whatever order: a create is sent again only after a system surely did nothing or a lookup found
/// nothing, nothing is sent without being on record, and nothing that may be done is given back or called refused.
#[test]
fn no_sequence_of_outcomes_resends_early() {
    let beginnings =
        [(Phase::Claimed, Event::Begun), (Phase::Doubtful, Event::TakenOver), (Phase::Doubtful, Event::Due)];
    let mut ends = 0;
    for (phase, first) in beginnings {
        let each = [Proof::Key, Proof::AtRisk];
        let mut open: Vec<_> = each.iter().map(|proof| (at(phase, *proof), first, Vec::new())).collect();
        for _ in 0..9 {
            let mut further = Vec::new();
            for (progress, event, mut history) in open {
                let (then, step) = next(progress, event, &patience());
                history.push((event, step));
                check(&history, phase == Phase::Doubtful);
                ends += usize::from(outcomes(step).is_empty());
                further.extend(outcomes(step).iter().map(|outcome| (then, *outcome, history.clone())));
            }
            open = further;
        }
    }
    assert!(ends > 1_000, "{ends}");
}

fn check(history: &[(Event, Step)], doubtful_at_first: bool) {
    let Some(((event, step), before)) = history.split_last() else { return };
    let mut doubtful = doubtful_at_first;
    let mut sent = doubtful_at_first;
    for (event, step) in before {
        doubtful |= sent && matches!(event, Event::Unclear | Event::TakenOver | Event::Committed | Event::Found);
        // A lookup that finds nothing settles the doubt.
        doubtful &= *event != Event::Absent;
        sent |= matches!(step, Step::Send(_));
    }
    doubtful &= *event != Event::Absent;
    match step {
        Step::Send(_) => {
            assert!(matches!(event, Event::Recorded | Event::Nothing), "sent without a record: {history:?}");
            assert!(!doubtful, "sent again while in doubt: {history:?}");
        }
        Step::GiveBack | Step::Refuse => assert!(!doubtful, "let go while in doubt: {history:?}"),
        _ => {}
    }
}
