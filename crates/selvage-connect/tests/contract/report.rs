//! Reporting production against the recorded right way of both versions: the same writes, in the same order, to the same end;
//! and the recorded wrong way, which no verb can take.

use std::sync::{Arc, Mutex};

use rust_decimal::Decimal;
use selvage_connect::odoo::{
    Call, Failure, Odoo, OrderState, ProductionReport, ProductionTarget, Refusal, Remainder, Scope,
};

use crate::odoo;
use crate::recording::read;
use crate::replay::serve;
use crate::story::Story;

async fn on(version: u32, story: &Arc<Mutex<Story>>) -> Odoo {
    let told = Arc::clone(story);
    odoo(&serve(version, Box::new(move |asked| told.lock().unwrap().answer(asked))).await)
}

async fn report(
    odoo: &Odoo,
    story: &Arc<Mutex<Story>>,
    total: i64,
    remainder: Remainder,
) -> Result<ProductionReport, Failure> {
    let (order, lot) = {
        let story = story.lock().unwrap();
        (story.order, story.lot.clone())
    };
    let target =
        ProductionTarget { total: total.into(), lot: Some(lot), remainder, components: vec![], scrapped: None };
    odoo.report_production(order, &target, &Scope::company(1)).await
}

fn quantities(report: &ProductionReport) -> Vec<String> {
    report.components.iter().map(|one| one.quantity.to_string()).collect()
}

#[tokio::test]
async fn whole() {
    for version in [18, 19] {
        let story = Story::right(version, "right");
        let odoo = on(version, &story).await;
        let done = report(&odoo, &story, 4, Remainder::Backorder).await.unwrap();
        assert!(story.lock().unwrap().ended());
        assert_eq!((done.order_state, done.produced_total), (OrderState::Done, Decimal::from(4)));
        assert_eq!(quantities(&done), ["4", "8", "1"]);
        assert!(done.components[2].lot.as_deref().unwrap().starts_with("PL-"));
        assert_eq!((done.backorder, done.already), (None, false));
        // Once more: it stands there, so nothing is sent; the story has nothing left to be sent.
        let again = report(&odoo, &story, 4, Remainder::Backorder).await.unwrap();
        assert_eq!(again, ProductionReport { already: true, ..done });
    }
}

#[tokio::test]
async fn short_with_a_backorder() {
    for version in [18, 19] {
        let story = Story::right(version, "right short");
        // The recording asked plainly first, to show the wizard.
        story.lock().unwrap().skip("right short: done, asked plainly");
        let odoo = on(version, &story).await;
        let done = report(&odoo, &story, 3, Remainder::Backorder).await.unwrap();
        assert!(story.lock().unwrap().ended());
        assert_eq!((done.order_state, done.produced_total), (OrderState::Done, Decimal::from(3)));
        assert_eq!(quantities(&done), ["3", "6", "0.75"]);
        assert_eq!(done.backorder, Some(done.order_id + 1));
        let again = report(&odoo, &story, 3, Remainder::Backorder).await.unwrap();
        assert_eq!(again, ProductionReport { already: true, ..done });
        // What is booked cannot be taken back.
        let less = report(&odoo, &story, 2, Remainder::Backorder).await.unwrap_err();
        assert!(matches!(less, Failure::Refused { kind: Refusal::Target, .. }), "{less}");
    }
}

#[tokio::test]
async fn closed_short() {
    for version in [18, 19] {
        let story = Story::right(version, "right close");
        let odoo = on(version, &story).await;
        let done = report(&odoo, &story, 1, Remainder::Close).await.unwrap();
        assert!(story.lock().unwrap().ended());
        assert_eq!((done.order_state, done.produced_total, done.backorder), (OrderState::Done, Decimal::ONE, None));
        assert_eq!(quantities(&done), ["1", "2", "0.25"]);
        // The rest was given up, so there is nothing to produce more on.
        let more = report(&odoo, &story, 2, Remainder::Close).await.unwrap_err();
        assert!(matches!(more, Failure::Refused { kind: Refusal::Target, .. }), "{more}");
    }
}

/// Progress is noted on the order; nothing is consumed and nothing booked.
#[tokio::test]
async fn kept_open() {
    for version in [18, 19] {
        let story = Story::right(version, "right short");
        let odoo = on(version, &story).await;
        let noted = report(&odoo, &story, 3, Remainder::KeepOpen).await.unwrap();
        assert_eq!((noted.order_state, noted.produced_total), (OrderState::Confirmed, Decimal::from(3)));
        assert!(noted.components.is_empty() && noted.finished[0].quantity == Decimal::from(3));
        assert_eq!((noted.backorder, noted.already), (None, false));
        let again = report(&odoo, &story, 3, Remainder::KeepOpen).await.unwrap();
        assert_eq!(again, ProductionReport { already: true, ..noted });
        let sent = story.lock().unwrap().sent.iter().map(|asked| asked.method.clone()).collect::<Vec<_>>();
        assert_eq!(sent, ["create", "write"]);
    }
}

/// Odoo's consumption warning is passed on, with the order open, and never skipped.
#[tokio::test]
async fn a_consumption_warning_is_a_refusal() {
    for version in [18, 19] {
        let story = Story::right(version, "right");
        let warning = read(version, "report_over_consumption");
        let warning = warning.iter().find(|exchange| exchange.step == "more: done, asked plainly").unwrap();
        story.lock().unwrap().end_with("right: done", warning);
        let odoo = on(version, &story).await;
        let failure = report(&odoo, &story, 4, Remainder::Backorder).await.unwrap_err();
        let Failure::Refused { kind: Refusal::Wizard, message, .. } = &failure else { panic!("{failure}") };
        assert!(message.contains("mrp.consumption.warning"), "{message}");
        assert_eq!(failure.code(), "FAB6005");
        let sent = &story.lock().unwrap().sent;
        assert_eq!(sent.last().unwrap().method, "button_mark_done");
        assert!(sent.iter().all(|asked| !asked.context.contains_key("skip_consumption")));
    }
}

/// The wrong way of `report_over_consumption.json`: components that were never picked, and the warning about them skipped. No
/// verb takes it, not even when the server says yes to every write; and no call carries the flag.
#[tokio::test]
async fn the_wrong_way_cannot_be_reached() {
    for version in [18, 19] {
        for (name, total, remainder) in [
            ("right", 4, Remainder::Backorder),
            ("right short", 3, Remainder::Backorder),
            ("right close", 1, Remainder::Close),
        ] {
            let story = Story::right(version, name);
            story.lock().unwrap().deaf = true;
            let odoo = on(version, &story).await;
            let failure = report(&odoo, &story, total, remainder).await.unwrap_err();
            assert!(matches!(failure, Failure::Mismatch { .. }), "{failure}");
            let story = story.lock().unwrap();
            assert!(story.sent.iter().all(|asked| asked.method != "button_mark_done"), "{name}");
        }
        let story = Story::right(version, "right");
        let odoo = on(version, &story).await;
        let wrong = Call::write("mrp.production", "button_mark_done", &Scope::company(1)).on(&[1]);
        let refused = odoo.call(wrong.context("skip_consumption", true)).await.unwrap_err();
        assert!(matches!(refused, Failure::Refused { kind: Refusal::Unsendable, .. }), "{refused}");
        assert!(story.lock().unwrap().sent.is_empty());
    }
}

/// What no order can reach is refused with nothing sent.
#[tokio::test]
async fn refusals_before_sending() {
    for version in [18, 19] {
        let story = Story::right(version, "right");
        let odoo = on(version, &story).await;
        let order = story.lock().unwrap().order;
        for (total, lot, kind) in [
            (0, Some("B"), Refusal::Target),
            (-1, Some("B"), Refusal::Target),
            (4, None, Refusal::Lot),
            (4, Some(" "), Refusal::Lot),
        ] {
            let target = ProductionTarget {
                total: total.into(),
                lot: lot.map(str::to_owned),
                remainder: Remainder::Close,
                components: vec![],
                scrapped: None,
            };
            let failure = odoo.report_production(order, &target, &Scope::company(1)).await.unwrap_err();
            assert!(
                matches!(failure, Failure::Refused { kind: found, .. } if found == kind),
                "{total} {lot:?}: {failure}"
            );
        }
        let target = ProductionTarget {
            total: Decimal::ONE,
            lot: None,
            remainder: Remainder::Close,
            components: vec![],
            scrapped: None,
        };
        let missing = odoo.report_production(999_999, &target, &Scope::company(1)).await.unwrap_err();
        assert!(matches!(missing, Failure::Refused { kind: Refusal::Missing, .. }), "{missing}");
        assert!(story.lock().unwrap().sent.is_empty());
    }
}
