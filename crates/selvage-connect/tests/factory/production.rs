//! Producing in the simulated Odoo: whole, short, closed, in steps; and every report again after something went wrong in the
//! middle of it. The end must be that of `report_right.json`, whatever happened on the way.

use std::sync::Arc;
use std::time::Duration;

use rust_decimal::Decimal;
use selvage_connect::odoo::{Call, Failure, Refusal, Remainder};
use selvage_factory::odoo::{CommitAt, Fault, FaultKind};
use serde_json::json;
use tokio::sync::Semaphore;

use crate::plant::{PATIENCE, Plant, SERVERS, Server, connect};

/// The end of a report of 3 of 4 with a backorder, as recorded: moves, lines, and the backorder reserved.
const SHORT: &[&str] = &[
    "order 001: done 3 of 3",
    "  component Frame: 3 of 3 picked true done",
    "  component Wheel: 6 of 6 picked true done",
    "  component Paint: 0.75 of 0.75 picked true done",
    "  product Bicycle: 3 of 3 picked true done",
    "  line Frame -: 3 picked true done",
    "  line Wheel -: 6 picked true done",
    "  line Paint PL: 0.75 picked true done",
    "order 002: confirmed 0 of 1",
    "  component Frame: 1 of 1 picked false assigned",
    "  component Wheel: 2 of 2 picked false assigned",
    "  component Paint: 0.25 of 0.25 picked false assigned",
    "  product Bicycle: 1 of 1 picked false assigned",
    "  line Frame -: 1 picked false assigned",
    "  line Wheel -: 2 picked false assigned",
    "  line Paint PL: 0.25 picked false assigned",
];

const SHORT_STOCK: &[&str] = &[
    "Bicycle B6: 3 (0 reserved)",
    "Frame -: 47 (1 reserved)",
    "Paint PL: 24.25 (0.25 reserved)",
    "Wheel -: 94 (2 reserved)",
];

#[tokio::test]
async fn whole() {
    for server in SERVERS {
        let plant = Plant::open(server).await;
        let order = plant.order(4).await;
        let done = plant.report(order, 4, "B5", Remainder::Backorder).await.unwrap();
        assert_eq!((done.produced_total, done.backorder, done.already), (Decimal::from(4), None, false));
        let expected = [
            "order : done 4 of 4",
            "  component Frame: 4 of 4 picked true done",
            "  component Wheel: 8 of 8 picked true done",
            "  component Paint: 1 of 1 picked true done",
            "  product Bicycle: 4 of 4 picked true done",
            "  line Frame -: 4 picked true done",
            "  line Wheel -: 8 picked true done",
            "  line Paint PL: 1 picked true done",
        ];
        assert_eq!(plant.orders().await, expected);
        let stock = [
            "Bicycle B5: 4 (0 reserved)",
            "Frame -: 46 (0 reserved)",
            "Paint PL: 24 (0 reserved)",
            "Wheel -: 92 (0 reserved)",
        ];
        assert_eq!(plant.quants().await, stock);
        let sent = plant.factory.odoo.journal().len();
        let again = plant.report(order, 4, "B5", Remainder::Backorder).await.unwrap();
        assert!(again.already && plant.factory.odoo.journal().len() == sent, "nothing was sent");
    }
}

#[tokio::test]
async fn short_with_a_backorder_and_then_the_rest() {
    for server in SERVERS {
        let plant = Plant::open(server).await;
        let order = plant.order(4).await;
        let done = plant.report(order, 3, "B6", Remainder::Backorder).await.unwrap();
        assert_eq!(plant.orders().await, SHORT);
        assert_eq!(plant.quants().await, SHORT_STOCK);
        let backorder = done.backorder.unwrap();
        // The total counts over the order and its backorder; the rest goes into a lot of its own.
        let all = plant.report(order, 4, "B7", Remainder::Backorder).await.unwrap();
        assert_eq!((all.produced_total, all.backorder), (Decimal::from(4), None));
        let lots: Vec<_> =
            all.finished.iter().map(|made| (made.quantity.to_string(), made.lot.clone().unwrap())).collect();
        assert_eq!(lots, [("3".to_owned(), "B6".to_owned()), ("1".to_owned(), "B7".to_owned())]);
        // By its own id, the backorder has a total of its own.
        let own = plant.report(backorder, 1, "B7", Remainder::Backorder).await.unwrap();
        assert!(own.already);
        let less = plant.report(order, 3, "B6", Remainder::Backorder).await.unwrap_err();
        assert!(matches!(less, Failure::Refused { kind: Refusal::Target, .. }), "{less}");
    }
}

#[tokio::test]
async fn closed_short() {
    for server in SERVERS {
        let plant = Plant::open(server).await;
        let order = plant.order(2).await;
        let done = plant.report(order, 1, "B7", Remainder::Close).await.unwrap();
        assert_eq!((done.produced_total, done.backorder), (Decimal::ONE, None));
        let expected = [
            "order : done 1 of 2",
            "  component Frame: 1 of 2 picked true done",
            "  component Wheel: 2 of 4 picked true done",
            "  component Paint: 0.25 of 0.5 picked true done",
            "  product Bicycle: 1 of 2 picked true done",
            "  line Frame -: 1 picked true done",
            "  line Wheel -: 2 picked true done",
            "  line Paint PL: 0.25 picked true done",
        ];
        assert_eq!(plant.orders().await, expected);
    }
}

#[tokio::test]
async fn noted_first_and_booked_later() {
    for server in SERVERS {
        let plant = Plant::open(server).await;
        let order = plant.order(4).await;
        let noted = plant.report(order, 2, "B6", Remainder::KeepOpen).await.unwrap();
        assert!(noted.order_state.is_open() && noted.produced_total == Decimal::from(2));
        assert_eq!(plant.committed("mrp.production", "button_mark_done"), 0);
        let again = plant.report(order, 2, "B6", Remainder::KeepOpen).await.unwrap();
        assert!(again.already);
        let other = plant.report(order, 3, "B9", Remainder::KeepOpen).await.unwrap_err();
        assert!(matches!(other, Failure::Refused { kind: Refusal::Lot, .. }), "{other}");
        plant.report(order, 3, "B6", Remainder::Backorder).await.unwrap();
        assert_eq!(plant.orders().await, SHORT);
        assert_eq!(plant.quants().await, SHORT_STOCK);
    }
}

/// Every write of a report struck by every fault, once: the report fails or not, and repeated it comes to the recorded end, with
/// each thing done once. A test for each server, because each takes a while.
async fn whatever_goes_wrong_a_repeated_report_comes_to_the_same_end(server: Server) {
    let late = PATIENCE + Duration::from_millis(200);
    let kinds = [
        FaultKind::ResetBefore,
        FaultKind::ResetAfter,
        FaultKind::Hang { answer_after: late, commit: CommitAt::Before },
        FaultKind::Hang { answer_after: late, commit: CommitAt::After },
        FaultKind::Status(502),
        FaultKind::Serialization,
    ];
    let writes = [
        ("stock.lot", "create"),
        ("mrp.production", "write"),
        ("stock.move", "write"),
        ("mrp.production", "button_mark_done"),
    ];
    let mut runs = tokio::task::JoinSet::new();
    // Few at a time, or the machine itself becomes a server that hangs.
    let few = Arc::new(Semaphore::new(6));
    for kind in kinds {
        for (model, method) in writes {
            let few = Arc::clone(&few);
            runs.spawn(async move {
                let _turn = few.acquire().await.unwrap();
                struck(server, Fault::once(kind, model, method)).await;
            });
        }
    }
    while let Some(run) = runs.join_next().await {
        run.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_goes_wrong_in_18_by_json_rpc() {
    whatever_goes_wrong_a_repeated_report_comes_to_the_same_end(SERVERS[0]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_goes_wrong_in_18_by_xml_rpc() {
    whatever_goes_wrong_a_repeated_report_comes_to_the_same_end(SERVERS[1]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_goes_wrong_in_19_by_json_2() {
    whatever_goes_wrong_a_repeated_report_comes_to_the_same_end(SERVERS[2]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_goes_wrong_in_19_by_json_rpc() {
    whatever_goes_wrong_a_repeated_report_comes_to_the_same_end(SERVERS[3]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_goes_wrong_in_19_by_xml_rpc() {
    whatever_goes_wrong_a_repeated_report_comes_to_the_same_end(SERVERS[4]).await;
}

async fn struck(server: Server, fault: Fault) {
    let name = format!("{server:?} {fault:?}");
    let mut plant = Plant::open(server).await;
    let order = plant.order(4).await;
    if matches!(fault.kind, FaultKind::Hang { .. }) {
        plant.odoo = connect(&plant.factory, server.dialect, PATIENCE);
        plant.odoo.fields("stock.move").await.unwrap();
        plant.odoo.fields("mrp.production").await.unwrap();
    }
    plant.factory.odoo.inject(fault.clone());
    let first = plant.report(order, 3, "B6", Remainder::Backorder).await;
    match (&first, fault.kind) {
        (Ok(_), FaultKind::Serialization) => {}
        (Err(Failure::Unknown { .. }), kind) if kind != FaultKind::Serialization => {}
        _ => panic!("{name}: {first:?}"),
    }
    assert_eq!(plant.factory.odoo.faults()[0].2, 1, "{name}: it struck");
    // As the engine does: it looks only when the server must have ended what nobody waits for any more.
    if matches!(fault.kind, FaultKind::Hang { .. }) {
        tokio::time::sleep(PATIENCE * 2).await;
    }
    let end =
        plant.report(order, 3, "B6", Remainder::Backorder).await.unwrap_or_else(|failure| panic!("{name}: {failure}"));
    assert_eq!(end.produced_total, Decimal::from(3), "{name}");
    assert_eq!(plant.orders().await, SHORT, "{name}");
    assert_eq!(plant.quants().await, SHORT_STOCK, "{name}");
    assert_eq!(plant.committed("stock.lot", "create"), 2, "{name}: the paint's lot and one of the bicycles");
    assert_eq!(plant.committed("mrp.production", "button_mark_done"), 1, "{name}");
}

/// A read that fails behind a write leaves the outcome unknown, however surely the read itself changed nothing.
#[tokio::test]
async fn a_lost_read_back_is_unknown_and_looking_again_finds_it_done() {
    for server in SERVERS {
        let plant = Plant::open(server).await;
        let order = plant.order(4).await;
        // Before anything is sent, it is only a server that is not there.
        plant.factory.odoo.inject(Fault::once(FaultKind::Status(502), "stock.move", "search_read"));
        let before = plant.report(order, 4, "B5", Remainder::Backorder).await.unwrap_err();
        assert!(matches!(before, Failure::Unreachable { .. }), "{before}");
        // The names of lots are read last, for the account.
        plant.factory.odoo.inject(Fault { times: Some(2), ..Fault::once(FaultKind::ResetBefore, "stock.lot", "read") });
        let lost = plant.report(order, 4, "B5", Remainder::Backorder).await.unwrap_err();
        assert!(matches!(lost, Failure::Unknown { .. }), "{lost}");
        let found = plant.report(order, 4, "B5", Remainder::Backorder).await.unwrap();
        assert_eq!(found.produced_total, Decimal::from(4));
        assert_eq!(plant.committed("mrp.production", "button_mark_done"), 1);
    }
}

/// The wizard of a server that will not finish leaves the order open, and is never skipped.
#[tokio::test]
async fn a_wizard_is_refused_with_the_order_open() {
    for server in SERVERS {
        let plant = Plant::open(server).await;
        let order = plant.order(4).await;
        plant.factory.odoo.inject(Fault::once(FaultKind::Wizard, "mrp.production", "button_mark_done"));
        let asked = plant.report(order, 4, "B5", Remainder::Backorder).await.unwrap_err();
        assert!(matches!(asked, Failure::Refused { kind: Refusal::Wizard, .. }), "{asked}");
        assert!(plant.orders().await[0].contains("0 of 4"));
        plant.report(order, 4, "B5", Remainder::Backorder).await.unwrap();
    }
}

#[tokio::test]
async fn what_no_order_can_reach_is_refused_with_nothing_sent() {
    for server in SERVERS {
        let plant = Plant::open(server).await;
        let (draft, cancelled) = (plant.draft(2).await, plant.draft(2).await);
        plant.odoo.call(Call::write("mrp.production", "action_cancel", &plant.scope).on(&[cancelled])).await.unwrap();
        let starved = plant.order(200).await;
        let sent = plant.factory.odoo.journal().len();
        for (order, total, kind) in
            [(draft, 1, Refusal::Target), (cancelled, 1, Refusal::Target), (starved, 0, Refusal::Target)]
        {
            let refused = plant.report(order, total, "B", Remainder::Backorder).await.unwrap_err();
            assert!(
                matches!(refused, Failure::Refused { kind: found, .. } if found == kind),
                "{order} {total}: {refused}"
            );
        }
        assert_eq!(plant.factory.odoo.journal().len(), sent);
    }
}

/// More of a tracked component than there is of its lot: refused before the order is finished, naming the component.
#[tokio::test]
async fn a_component_without_a_lot_is_never_taken() {
    for server in SERVERS {
        let plant = Plant::open(server).await;
        let order = plant.order(200).await;
        let refused = plant.report(order, 200, "B", Remainder::Backorder).await.unwrap_err();
        let Failure::Refused { kind, message, .. } = &refused else { panic!("{refused}") };
        assert!(*kind == Refusal::Lot && message.contains("Paint"), "{refused}");
        assert_eq!(plant.committed("mrp.production", "button_mark_done"), 0);
    }
}

#[tokio::test]
async fn work_orders_are_started_and_finished_once() {
    for server in SERVERS {
        let plant = Plant::open(server).await;
        let center = plant.make("mrp.workcenter", json!({"name": "Assembly"})).await;
        let step = json!({"name": "Weld", "bom_id": plant.bom, "workcenter_id": center, "time_cycle_manual": 12});
        plant.make("mrp.routing.workcenter", step).await;
        let order = plant.order(2).await;
        let work = plant.find("mrp.workorder", vec![json!(["production_id", "=", order])], &["state"]).await;
        let work = work[0]["id"].as_i64().unwrap();
        plant.factory.odoo.inject(Fault::once(FaultKind::ResetAfter, "mrp.workorder", "button_start"));
        let lost = plant.odoo.start_work_order(work, &plant.scope).await.unwrap_err();
        assert!(matches!(lost, Failure::Unknown { .. }), "{lost}");
        assert_eq!(plant.odoo.start_work_order(work, &plant.scope).await.unwrap().as_str(), "progress");
        assert_eq!(plant.committed("mrp.workorder", "button_start"), 1);
        for _ in 0..2 {
            assert_eq!(plant.odoo.finish_work_order(work, &plant.scope).await.unwrap().as_str(), "done");
        }
        assert_eq!(plant.odoo.start_work_order(work, &plant.scope).await.unwrap().as_str(), "done");
        assert_eq!(plant.committed("mrp.workorder", "button_finish"), 1);
        // What the work order picked for the whole is brought down to what is reported.
        plant.report(order, 1, "B7", Remainder::Close).await.unwrap();
        assert!(plant.orders().await.contains(&"  component Wheel: 2 of 4 picked true done".to_owned()));
    }
}

#[tokio::test]
async fn a_release_is_a_target() {
    for server in SERVERS {
        let plant = Plant::open(server).await;
        let order = plant.draft(2).await;
        plant.factory.odoo.inject(Fault::once(FaultKind::ResetAfter, "mrp.production", "action_confirm"));
        let lost = plant.odoo.release_production_order(order, &plant.scope).await.unwrap_err();
        assert!(matches!(lost, Failure::Unknown { .. }), "{lost}");
        for _ in 0..2 {
            assert_eq!(plant.odoo.release_production_order(order, &plant.scope).await.unwrap().as_str(), "confirmed");
        }
        assert_eq!(plant.committed("mrp.production", "action_confirm"), 1);
    }
}
