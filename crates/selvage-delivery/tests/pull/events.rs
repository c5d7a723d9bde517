//! Pages of events: in order, from any position, with what the grant shows, waited for, and with a name for what is gone.

use std::time::Duration;

use selvage_model::exchange::Scope;
use selvage_model::manifest::event::Retention;
use selvage_model::pull::{Events, Page, PullAsk, Pulled};
use serde_json::json;
use tokio::time::Instant;

use crate::{Stage, after, ids, position, stream};

#[tokio::test]
async fn pages_follow_each_other_without_a_gap() {
    let stage = Stage::new().await;
    stage.happens("started", 0..1_234).await;
    let (mut next, mut seen) = (position("0-0"), Vec::new());
    loop {
        let page = stage.page(Events { after: next, limit: 100, ..after("0-0") }).await;
        assert_eq!(page.head, position("1-1234"));
        assert!(page.events.windows(2).all(|two| two[0].0 < two[1].0));
        assert!(page.events.iter().all(|(at, event)| event["sequence"] == at.sequence().to_string()));
        seen.extend(ids(&page).into_iter().map(str::to_owned));
        if page.events.is_empty() {
            break;
        }
        assert!(page.next > next);
        next = page.next;
    }
    assert_eq!(seen, (0..1_234).map(|number| number.to_string()).collect::<Vec<_>>());
    assert_eq!(next, position("1-1234"));
}

#[tokio::test]
async fn what_is_not_asked_for_or_not_granted_is_passed() {
    let stage = Stage::new().await;
    stage.happens("started", 0..10).await;
    stage.happens("completed", 10..20).await;
    stage.happens("forgotten", 20..30).await;
    let types = vec!["manufacturing.work-order.completed".to_owned()];
    let page = stage.page(Events { types, ..after("0-0") }).await;
    assert_eq!((ids(&page).len(), ids(&page)[0], page.next), (10, "10", position("1-30")));
    let scope = Scope {
        rows: vec![("site".parse().unwrap(), vec![json!("ghent")])],
        except: vec!["site".parse().unwrap()],
        masked: Vec::new(),
    };
    let Pulled::Page(page) = stage.ask_as("mes", scope, PullAsk::Events(after("1-4"))).await else { panic!() };
    assert_eq!(ids(&page), ["4", "6", "8", "10", "12", "14", "16", "18"]);
    assert!(page.events.iter().all(|(_, event)| event["data"].get("site").is_none()));
    assert_eq!(page.next, position("1-30"), "also past what nobody declares");
}

#[tokio::test]
async fn an_answer_waits_for_what_is_asked_for_and_no_longer() {
    let stage = Stage::new().await;
    stage.happens("started", 0..3).await;
    let wait = |wait: u64| Events { wait: Duration::from_millis(wait), ..after("1-3") };
    let began = Instant::now();
    let page = stage.page(wait(300)).await;
    assert!(page.events.is_empty() && page.next == position("1-3"));
    assert!((300..2_000).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());
    let types = vec!["manufacturing.work-order.completed".to_owned()];
    let asked = PullAsk::Events(Events { types, ..wait(20_000) });
    let (puller, interface) = (stage.puller.clone(), crate::interface());
    let pull = selvage_model::pull::Pull {
        interface: stream(),
        consumer: "planning".parse().unwrap(),
        scope: Scope::default(),
        ask: asked,
    };
    let waiting = tokio::spawn(async move { puller.pull(pull, &interface).await });
    tokio::time::sleep(Duration::from_millis(50)).await;
    stage.happens("started", 3..4).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!waiting.is_finished(), "another type is none");
    stage.happens("completed", 4..5).await;
    let Pulled::Page(page) = waiting.await.unwrap() else { panic!() };
    assert_eq!((ids(&page), page.next), (vec!["4"], position("1-5")));
}

#[tokio::test]
async fn what_retention_took_is_named_with_where_to_go_on() {
    let stage = Stage::new().await;
    stage.happens("started", 0..10).await;
    stage
        .log
        .retire(&stream(), Retention { time: Duration::ZERO, at_least: Some(0), at_most: None }, true)
        .await
        .unwrap();
    stage.happens("started", 10..12).await;
    let Pulled::Refused { problem, next } = stage.ask(PullAsk::Events(after("1-4"))).await else { panic!() };
    assert_eq!((problem.status, problem.code.as_str(), next), (410, "FAB7016", Some(position("1-10"))));
    assert!(problem.detail.ends_with("what is behind it comes with `after=1-10`"), "{}", problem.detail);
    let page = stage.page(Events { after: next.unwrap(), ..after("0-0") }).await;
    assert_eq!(ids(&page), ["10", "11"]);
    assert_eq!(ids(&stage.page(after("0-0")).await), ["10", "11"], "the oldest that is kept");
}

#[tokio::test]
async fn a_position_that_was_never_given_is_refused() {
    let stage = Stage::new().await;
    stage.happens("started", 0..2).await;
    let Pulled::Refused { problem, next } = stage.ask(PullAsk::Events(after("1-3"))).await else { panic!() };
    assert_eq!((problem.status, problem.code.as_str(), next), (409, "FAB7015", None));
}

/// INVARIANT: NOTHING-LOST
#[tokio::test]
async fn what_does_not_fit_is_named_and_not_passed_over() {
    let stage = Stage::new().await;
    stage.happens("completed", 0..2).await;
    stage.is_unfit("7", "counted").await;
    stage.is_unfit("8", "refused").await;
    stage.happens("completed", 10..12).await;
    let page = stage.page(after("0-0")).await;
    assert_eq!((ids(&page), page.next), (vec!["0", "1", "7"], position("1-3")), "what comes before it is told first");
    let scope = Scope { except: vec!["unfit".parse().unwrap()], ..Scope::default() };
    for (scope, named) in [(Scope::default(), vec!["/data/unfit", "/data/id"]), (scope, vec!["/data/id"])] {
        let asked = PullAsk::Events(after("1-3"));
        let Pulled::Refused { problem, next } = stage.ask_as("mes", scope, asked).await else { panic!() };
        assert_eq!((problem.status, problem.code.as_str(), next), (409, "FAB5170", Some(position("1-4"))));
        let places: Vec<&str> = problem.errors.iter().map(|error| error.pointer.as_str()).collect();
        assert_eq!(places, named, "nothing of what is not shown");
        assert!(problem.detail.ends_with("what is behind it comes with `after=1-4`"), "{}", problem.detail);
    }
    assert_eq!(ids(&stage.page(after("1-4")).await), ["10", "11"], "going on behind it is the consumer's decision");
    let brno = Scope { rows: vec![("site".parse().unwrap(), vec![json!("brno")])], ..Scope::default() };
    let Pulled::Page(page) = stage.ask_as("mes", brno, PullAsk::Events(after("1-3"))).await else { panic!() };
    assert_eq!(ids(&page), ["11"], "what is not for a consumer stops none");
    let others = Events { types: vec!["manufacturing.work-order.started".to_owned()], ..after("1-3") };
    assert_eq!(stage.page(others).await.next, position("1-6"));
    // What is kept back is looked at again and again, and some events are passed over.
    assert_eq!(*stage.contract.counted.lock().unwrap(), (5, 2), "what was handed out, and what is kept back once");
}

/// INVARIANT: NOTHING-LOST
#[tokio::test]
async fn who_goes_past_what_the_log_lost_is_told() {
    let stage = Stage::new().await;
    stage.happens("started", 0..4).await;
    let stage = stage.put_back("1-9").await;
    let told = |page: &Page| page.lost.iter().map(ToString::to_string).collect::<Vec<_>>();
    let page = stage.page(after("1-2")).await;
    assert_eq!(
        (page.events.len(), page.next, told(&page).len()),
        (2, position("1-4"), 0),
        "nothing lies behind it yet"
    );
    stage.happens("started", 10..12).await;
    let lost = ["`work-order-events@1` lost the events after 1-4, at least up to offset 9; epoch 2 begins"];
    for from in ["0-0", "1-2", "1-4", "1-7"] {
        let page = stage.page(after(from)).await;
        assert_eq!((page.next, told(&page)), (position("2-11"), lost.map(str::to_owned).to_vec()), "{from}");
    }
    assert_eq!(told(&stage.page(after("2-10")).await).len(), 0, "who has gone past it knows");
    let few = Events { limit: 1, ..after("1-2") };
    assert_eq!(told(&stage.page(few).await).len(), 0, "it is told where it lies");
    // Also who is sent on past it by what does not fit.
    let unfit = Stage::new().await.put_back("1-3").await;
    unfit.is_unfit("7", "yes").await;
    let Pulled::Refused { problem, next } = unfit.ask(PullAsk::Events(after("0-0"))).await else { panic!() };
    assert_eq!((problem.status, next), (409, Some(position("2-4"))));
    assert!(
        problem.detail.ends_with("lost the events after 0-0, at least up to offset 3; epoch 2 begins"),
        "{}",
        problem.detail
    );
    // What retention has taken behind it is not asked after by who begins with the oldest.
    let keep = Retention { time: Duration::ZERO, at_least: Some(0), at_most: None };
    while stage.log.retire(&stream(), keep, true).await.unwrap().more {}
    stage.happens("started", 20..21).await;
    let page = stage.page(after("0-0")).await;
    assert_eq!((page.next, told(&page).len()), (position("2-12"), 0));
}
