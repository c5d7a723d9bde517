//! Receiving in the simulated Odoo: whole, short, over, closed; and again after something went wrong in the middle of it. What was
//! meant stands once, whatever happened on the way.

use rust_decimal::Decimal;
use selvage_connect::odoo::{Call, Failure, ProductionTarget, Refusal, Remainder, Rest, ScrapTarget, Trade};
use selvage_factory::odoo::{CommitAt, Fault, FaultKind};
use serde_json::json;

use crate::plant::{PATIENCE, Plant, SERVERS, connect};
use crate::warehouse::{VERSIONS, refused, target, total};

#[tokio::test]
async fn a_receipt_is_a_total_short_and_then_the_rest() {
    for server in SERVERS {
        let plant = Plant::open(server).await;
        let order = plant.bought(10, 4).await;
        let short = target(vec![total(order.lines[0], "6", &[])], Rest::Backorder);
        let done = plant.receive(&order, &short).await.unwrap();
        assert_eq!((done.lines[0].total, done.already), (Decimal::from(6), false), "{server:?}");
        assert_eq!(done.transfers, ["WH/IN/00001"]);
        assert_eq!(done.backorder.as_deref(), Some("WH/IN/00002"));
        let sent = plant.factory.odoo.journal().len();
        assert!(plant.receive(&order, &short).await.unwrap().already);
        assert_eq!(plant.factory.odoo.journal().len(), sent, "nothing was sent");
        let lots = [("A", "3"), ("B", "1")];
        let whole = target(vec![total(order.lines[0], "10", &[]), total(order.lines[1], "4", &lots)], Rest::Backorder);
        let done = plant.receive(&order, &whole).await.unwrap();
        assert_eq!(done.lines[1].lots, [("A".to_owned(), Decimal::from(3)), ("B".to_owned(), Decimal::ONE)]);
        assert_eq!(done.backorder, None);
        let transfers = plant.transfers().await;
        assert_eq!(transfers, ["WH/IN/00001 done: Frame 6 done", "WH/IN/00002 done: Paint 4 done Frame 4 done"]);
        assert_eq!(plant.position(plant.product_of("Frame").await).await.1, Decimal::from(60));
        assert_eq!(plant.lies(plant.lot("A").await).await, ["WH/Stock 3"]);
        assert!(done.positions.iter().any(|one| one.lot.as_deref() == Some("B") && one.quantity == Decimal::ONE));
        // What is booked cannot be taken back.
        assert_eq!(
            refused(plant.receive(&order, &short).await),
            (Refusal::Target, "/lines/0/quantity/value".to_owned())
        );
    }
}

#[tokio::test]
async fn the_rest_is_given_up_at_once_or_later_and_more_only_where_it_is_taken() {
    for server in VERSIONS {
        let plant = Plant::open(server).await;
        let order = plant.bought(10, 4).await;
        let closed = target(vec![total(order.lines[0], "6", &[])], Rest::Close);
        for already in [false, true] {
            let done = plant.receive(&order, &closed).await.unwrap();
            assert_eq!((done.already, done.backorder), (already, None));
        }
        assert_eq!(plant.transfers().await, ["WH/IN/00001 done: Frame 6 done Paint 0 cancel"]);
        let later = plant.bought(10, 4).await;
        let kept = target(vec![total(later.lines[0], "6", &[])], Rest::Backorder);
        plant.receive(&later, &kept).await.unwrap();
        plant.receive(&later, &target(kept.lines.clone(), Rest::Close)).await.unwrap();
        assert_eq!(plant.transfers().await[2], "WH/IN/00003 cancel: Paint 0 cancel Frame 0 cancel");
        let over = plant.bought(5, 1).await;
        let mut more = target(vec![total(over.lines[0], "7", &[])], Rest::Backorder);
        assert_eq!(refused(plant.receive(&over, &more).await), (Refusal::Target, "/lines/0/quantity/value".to_owned()));
        more.over = true;
        assert_eq!(plant.receive(&over, &more).await.unwrap().lines[0].total, Decimal::from(7));
    }
}

#[tokio::test]
async fn what_cannot_be_received_is_refused_with_its_field_and_nothing_is_sent() {
    let plant = Plant::open(VERSIONS[0]).await;
    let order = plant.bought(10, 4).await;
    plant.make("stock.lot", json!({"name": "BIKES", "product_id": plant.bicycle})).await;
    let (frames, paint) = (order.lines[0], order.lines[1]);
    let sent = plant.factory.odoo.journal().len();
    for (line, kind, field) in [
        (total(frames, "-1", &[]), Refusal::Quantity, "/lines/0/quantity/value"),
        (total(frames, "0.001", &[]), Refusal::Quantity, "/lines/0/quantity/value"),
        (total(frames, "2", &[("A", "2")]), Refusal::LotUnfit, "/lines/0/lots"),
        (total(paint, "2", &[]), Refusal::LotUnfit, "/lines/0/lots"),
        (total(paint, "2", &[("A", "1")]), Refusal::Quantity, "/lines/0/lots"),
        (total(paint, "2", &[("A", "2.0001"), ("B", "-0.0001")]), Refusal::Quantity, "/lines/0/lots/1/quantity/value"),
        (total(paint, "2", &[("BIKES", "2")]), Refusal::LotUnfit, "/lines/0/lots/0/lot"),
        (total(77_777, "2", &[]), Refusal::Target, "/lines/0/product"),
    ] {
        let shown = format!("{line:?}");
        let found = refused(plant.receive(&order, &target(vec![line], Rest::Backorder)).await);
        assert_eq!(found, (kind, field.to_owned()), "{shown}");
    }
    assert_eq!(plant.factory.odoo.journal().len(), sent);
    plant.lock("fiscalyear_lock_date", json!("2999-12-31")).await;
    let fine = target(vec![total(frames, "1", &[])], Rest::Backorder);
    assert_eq!(refused(plant.receive(&order, &fine).await).0, Refusal::Period);
    plant.lock("fiscalyear_lock_date", json!("2020-12-31")).await;
    plant.receive(&order, &fine).await.unwrap();
}

/// What is booked today is refused while the books are closed; what stands already, and what books nothing, is not.
#[tokio::test]
async fn closed_books_refuse_what_would_be_booked_and_nothing_else() {
    for server in VERSIONS {
        let plant = Plant::open(server).await;
        let order = plant.bought(10, 2).await;
        let some = |frames: &str| target(vec![total(order.lines[0], frames, &[])], Rest::Backorder);
        let made = plant.order(4).await;
        plant.receive(&order, &some("1")).await.unwrap();
        let (closed, open) = (json!("2999-12-31"), json!(false));
        plant.lock("fiscalyear_lock_date", closed.clone()).await;
        let sent = plant.factory.odoo.journal().len();
        assert!(plant.receive(&order, &some("1")).await.unwrap().already, "it stands");
        assert_eq!(refused(plant.receive(&order, &some("2")).await).0, Refusal::Period);
        let failure = plant.report(made, 3, "B1", Remainder::Backorder).await.unwrap_err();
        let Failure::Refused { kind: Refusal::Period, message, field } = failure else { panic!("{failure}") };
        assert!(message.contains("`fiscalyear_lock_date`") && field.as_deref() == Some(""), "{message}");
        assert_eq!(plant.factory.odoo.journal().len(), sent, "nothing was sent");
        let noted = plant.report(made, 3, "B1", Remainder::KeepOpen).await.unwrap();
        assert_eq!(noted.produced_total, Decimal::from(3), "noting books nothing");
        plant.lock("fiscalyear_lock_date", open.clone()).await;
        plant.report(made, 3, "B1", Remainder::Backorder).await.unwrap();
        plant.lock("hard_lock_date", closed).await;
        assert!(plant.report(made, 3, "B1", Remainder::Backorder).await.unwrap().already, "it stands");
        assert_eq!(refused(plant.report(made, 4, "B1", Remainder::Backorder).await).0, Refusal::Period);
        // What is scrapped of it is booked too.
        let scrapped = |key: &str| ProductionTarget {
            total: 3.into(),
            lot: Some("B1".to_owned()),
            remainder: Remainder::Backorder,
            components: vec![],
            scrapped: Some(ScrapTarget { total: 1.into(), key: key.to_owned() }),
        };
        let waste = scrapped("__selvage__.waste-1");
        assert_eq!(refused(plant.odoo.report_production(made, &waste, &plant.scope).await).0, Refusal::Period);
        plant.lock("hard_lock_date", open).await;
        let told = plant.odoo.report_production(made, &waste, &plant.scope).await.unwrap();
        assert_eq!(told.scrapped_total, Some(Decimal::ONE));
    }
}

/// Lines are counted as people see them: by their place, with services, without sections.
#[tokio::test]
async fn goods_have_the_numbers_that_people_see() {
    for server in VERSIONS {
        let plant = Plant::open(server).await;
        let partner = plant.make("res.partner", json!({"name": "Acme"})).await;
        let work = plant.make("product.product", json!({"name": "Work", "type": "service"})).await;
        let frame = plant.product_of("Frame").await;
        let line = |product: i64, place: i64| json!([0, 0, {"product_id": product, "product_qty": 1, "sequence": place, "name": "x"}]);
        let section = json!([0, 0, {"display_type": "line_section", "name": "Parts", "sequence": 2, "product_qty": 0}]);
        let lines = json!([line(plant.paint, 4), line(frame, 3), section, line(work, 1)]);
        let id = plant.make("purchase.order", json!({"partner_id": partner, "order_line": lines})).await;
        let goods = plant.odoo.goods_of(Trade::Purchase, id, &plant.scope).await.unwrap();
        let told: Vec<(usize, i64)> = goods.iter().map(|goods| (goods.number, goods.product_id)).collect();
        assert_eq!(told, [(2, frame), (3, plant.paint)], "{server:?}");
    }
}

/// Whatever goes wrong at whichever write of a receipt, the same receipt again comes to the same end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_goes_wrong_a_repeated_receipt_moves_nothing_twice() {
    let kinds = [
        FaultKind::ResetAfter,
        FaultKind::Status(502),
        FaultKind::Serialization,
        FaultKind::Hang { answer_after: PATIENCE * 2, commit: CommitAt::After },
    ];
    for server in VERSIONS {
        for kind in kinds {
            for (model, method) in [("stock.move", "write"), ("stock.picking", "button_validate")] {
                let name = format!("{server:?} {kind:?} {model}.{method}");
                let mut plant = Plant::open(server).await;
                let order = plant.bought(10, 4).await;
                if matches!(kind, FaultKind::Hang { .. }) {
                    plant.odoo = connect(&plant.factory, server.dialect, PATIENCE);
                    plant.odoo.fields("stock.move").await.unwrap();
                }
                plant.factory.odoo.inject(Fault::once(kind, model, method));
                let meant = target(
                    vec![total(order.lines[0], "6", &[]), total(order.lines[1], "4", &[("A", "4")])],
                    Rest::Backorder,
                );
                let first = plant.receive(&order, &meant).await;
                assert!(first.is_ok() == (kind == FaultKind::Serialization), "{name}: {first:?}");
                if matches!(kind, FaultKind::Hang { .. }) {
                    tokio::time::sleep(PATIENCE * 2).await;
                }
                let end = plant.receive(&order, &meant).await.unwrap_or_else(|failure| panic!("{name}: {failure}"));
                assert_eq!(end.lines[0].total, Decimal::from(6), "{name}");
                let transfers = plant.transfers().await;
                let expected =
                    ["WH/IN/00001 done: Frame 6 done Paint 4 done", "WH/IN/00002 assigned: Frame 4 assigned"];
                assert_eq!(transfers, expected, "{name}");
                assert_eq!(plant.committed("stock.picking", "button_validate"), 1, "{name}");
            }
        }
    }
}

#[tokio::test]
async fn orders_are_released_once() {
    for server in VERSIONS {
        let plant = Plant::open(server).await;
        let partner = plant.make("res.partner", json!({"name": "Acme"})).await;
        let bought = plant.make("purchase.order", json!({"partner_id": partner})).await;
        let sold = plant.make("sale.order", json!({"partner_id": partner})).await;
        plant.factory.odoo.inject(Fault::once(FaultKind::ResetAfter, "purchase.order", "button_confirm"));
        plant.factory.odoo.inject(Fault::once(FaultKind::ResetAfter, "sale.order", "action_confirm"));
        for failed in [true, false, false] {
            assert_eq!(plant.odoo.release_purchase_order(bought, &plant.scope).await.is_err(), failed);
            assert_eq!(plant.odoo.release_sales_order(sold, &plant.scope).await.is_err(), failed);
        }
        assert_eq!(plant.committed("purchase.order", "button_confirm"), 1);
        assert_eq!(plant.committed("sale.order", "action_confirm"), 1);
        plant.odoo.call(Call::write("purchase.order", "button_cancel", &plant.scope).on(&[bought])).await.unwrap();
        assert_eq!(refused(plant.odoo.release_purchase_order(bought, &plant.scope).await).0, Refusal::Target);
    }
}

/// Once one of two transfers is given up, that the other one is not is no "nothing was done".
#[tokio::test]
async fn giving_up_half_of_an_order_is_no_refusal() {
    for server in VERSIONS {
        let plant = Plant::open(server).await;
        let order = plant.bought(10, 4).await;
        plant.moves_by_itself(Trade::Purchase, order.lines[1]).await;
        let second = Fault { skip: 1, ..Fault::once(FaultKind::Refused, "stock.picking", "action_cancel") };
        plant.factory.odoo.inject(second);
        let nothing = target(vec![], Rest::Close);
        let outcome = plant.receive(&order, &nothing).await;
        let Err(Failure::Mismatch { what, .. }) = &outcome else { panic!("{server:?}: {outcome:?}") };
        assert!(what.contains("is done already"), "{what}");
        plant.receive(&order, &nothing).await.unwrap();
        assert!(plant.transfers().await.iter().all(|one| one.contains(" cancel:")), "{server:?}");
    }
}
