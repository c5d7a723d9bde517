//! Receiving, shipping, counting, scrapping and quarantine in the simulated Odoo: whole, short, over, closed; and every verb
//! again after something went wrong in the middle of it. What was meant stands once, whatever happened on the way.

use rust_decimal::Decimal;
use selvage_connect::odoo::{
    Call, Dialect, Failure, LineTotal, ProductionTarget, Refusal, RelocatedFrom, Relocation, Remainder, Rest,
    ScrapOrder, ScrapTarget, Trade, TransferReport, TransferTarget, decimal,
};
use selvage_factory::odoo::{CommitAt, Fault, FaultKind, OdooVersion};
use serde_json::{Value, json};

use crate::plant::{PATIENCE, Plant, SERVERS, Server, connect};

/// One server of each version: the dialects do not differ in what is asked of them here.
const VERSIONS: [Server; 2] = [
    Server { version: OdooVersion::V18, dialect: Some(Dialect::JsonRpc) },
    Server { version: OdooVersion::V19, dialect: Some(Dialect::Json2) },
];
const STOCK: i64 = 8;
const QUALITY: i64 = 10;

/// A released order with its lines.
struct Order {
    id: i64,
    lines: Vec<i64>,
}

impl Plant {
    async fn product_of(&self, name: &str) -> i64 {
        self.find("product.product", vec![json!(["name", "=", name])], &["name"]).await[0]["id"].as_i64().unwrap()
    }

    /// A released purchase order of frames and paint.
    async fn bought(&self, frames: i64, paint: i64) -> Order {
        let partner = self.make("res.partner", json!({"name": "Acme"})).await;
        let frame = self.product_of("Frame").await;
        let line = |product: i64, quantity: i64| json!([0, 0, {"product_id": product, "product_qty": quantity}]);
        let values = json!({"partner_id": partner, "order_line": [line(frame, frames), line(self.paint, paint)]});
        let id = self.make("purchase.order", values).await;
        self.odoo.release_purchase_order(id, &self.scope).await.unwrap();
        self.ordered(Trade::Purchase, id).await
    }

    /// A released sales order of frames and paint.
    async fn sold(&self, frames: i64, paint: i64) -> Order {
        let partner = self.make("res.partner", json!({"name": "Shop"})).await;
        let frame = self.product_of("Frame").await;
        let line = |product: i64, quantity: i64| json!([0, 0, {"product_id": product, "product_uom_qty": quantity}]);
        let values = json!({"partner_id": partner, "order_line": [line(frame, frames), line(self.paint, paint)]});
        let id = self.make("sale.order", values).await;
        self.odoo.release_sales_order(id, &self.scope).await.unwrap();
        self.ordered(Trade::Sale, id).await
    }

    async fn ordered(&self, trade: Trade, id: i64) -> Order {
        let goods = self.odoo.goods_of(trade, id, &self.scope).await.unwrap();
        Order { id, lines: goods.iter().map(|goods| goods.line).collect() }
    }

    async fn receive(&self, order: &Order, target: &TransferTarget) -> Result<TransferReport, Failure> {
        self.odoo.receive(order.id, target, &self.scope).await
    }

    /// The position of a product in stock, and what lies there.
    async fn position(&self, product: i64) -> (i64, Decimal) {
        let domain = vec![json!(["product_id", "=", product]), json!(["location_id", "=", STOCK])];
        let quant = self.find("stock.quant", domain, &["quantity"]).await.remove(0);
        (quant["id"].as_i64().unwrap(), decimal(&quant["quantity"]).unwrap())
    }

    /// The transfers, each with its state and what it moved.
    async fn transfers(&self) -> Vec<String> {
        let mut told = Vec::new();
        for picking in self.find("stock.picking", vec![], &["name", "state"]).await {
            let domain = vec![json!(["picking_id", "=", picking["id"]])];
            let moves = self.find("stock.move", domain, &["product_id", "quantity", "state"]).await;
            let moved = moves.iter().map(|one| {
                let label = one["product_id"][1].as_str().unwrap();
                format!(" {label} {} {}", decimal(&one["quantity"]).unwrap(), one["state"].as_str().unwrap())
            });
            let name = picking["name"].as_str().unwrap();
            told.push(format!("{name} {}:{}", picking["state"].as_str().unwrap(), moved.collect::<String>()));
        }
        told
    }

    async fn lot(&self, name: &str) -> i64 {
        self.find("stock.lot", vec![json!(["name", "=", name])], &["name"]).await[0]["id"].as_i64().unwrap()
    }

    /// Where a lot lies, and how much of it.
    async fn lies(&self, lot: i64) -> Vec<String> {
        let domain = vec![json!(["lot_id", "=", lot]), json!(["location_id.usage", "=", "internal"])];
        let quants = self.find("stock.quant", domain, &["location_id", "quantity"]).await;
        let shown = |quant: &Value| {
            format!("{} {}", quant["location_id"][1].as_str().unwrap(), decimal(&quant["quantity"]).unwrap())
        };
        quants.iter().map(shown).collect()
    }

    async fn lock(&self, field: &str, day: Value) {
        let call = Call::write("res.company", "write", &self.scope).on(&[1]);
        self.odoo.call(call.arg("vals", json!({(field): day}))).await.unwrap();
    }
}

fn total(line: i64, total: &str, lots: &[(&str, &str)]) -> LineTotal {
    let lots = lots.iter().map(|(lot, quantity)| ((*lot).to_owned(), quantity.parse().unwrap())).collect();
    LineTotal { line, total: total.parse().unwrap(), lots }
}

fn target(lines: Vec<LineTotal>, rest: Rest) -> TransferTarget {
    TransferTarget { lines, rest, over: false }
}

/// The kind, field and words of a refusal.
fn refused<T: std::fmt::Debug>(outcome: Result<T, Failure>) -> (Refusal, String) {
    match outcome {
        Err(Failure::Refused { kind, field, .. }) => (kind, field.unwrap_or_default()),
        other => panic!("{other:?}"),
    }
}

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

/// Where Odoo asks a person instead of scrapping, its question is not answered, and no draft waits for somebody to validate it.
#[tokio::test]
async fn a_report_leaves_no_draft_of_what_it_could_not_scrap() {
    for server in VERSIONS {
        let plant = Plant::open(server).await;
        let made = plant.order(4).await;
        plant.report(made, 4, "B1", Remainder::Backorder).await.unwrap();
        plant.factory.odoo.inject(Fault::once(FaultKind::Wizard, "stock.scrap", "action_validate"));
        let target = ProductionTarget {
            total: 4.into(),
            lot: Some("B1".to_owned()),
            remainder: Remainder::Backorder,
            components: vec![],
            scrapped: Some(ScrapTarget { total: 1.into(), key: "__selvage__.waste-2".to_owned() }),
        };
        let asked = plant.odoo.report_production(made, &target, &plant.scope).await;
        assert_eq!(refused(asked).0, Refusal::Wizard, "{server:?}");
        assert!(plant.find("stock.scrap", vec![], &["name"]).await.is_empty(), "{server:?}");
        let told = plant.odoo.report_production(made, &target, &plant.scope).await.unwrap();
        assert_eq!(told.scrapped_total, Some(Decimal::ONE), "{server:?}");
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
async fn a_shipment_is_a_total_by_lot_and_never_goes_below_nothing() {
    for server in SERVERS {
        let plant = Plant::open(server).await;
        let order = plant.sold(4, 10).await;
        let (frames, paint) = (order.lines[0], order.lines[1]);
        let ship = async |lines: Vec<LineTotal>, rest: Rest| {
            plant.odoo.ship(order.id, &target(lines, rest), &plant.scope).await
        };
        let done = ship(vec![total(frames, "3", &[]), total(paint, "5", &[])], Rest::Backorder).await.unwrap();
        assert_eq!(done.lines[1].lots, [("PL".to_owned(), Decimal::from(5))], "what odoo reserved");
        let unknown = ship(vec![total(paint, "6", &[("PL", "5"), ("NONE", "1")])], Rest::Backorder).await;
        assert_eq!(refused(unknown), (Refusal::LotUnfit, "/lines/0/lots/1/lot".to_owned()));
        let whole = vec![total(frames, "4", &[]), total(paint, "10", &[("PL", "10")])];
        for already in [false, true] {
            assert_eq!(ship(whole.clone(), Rest::Close).await.unwrap().already, already, "{server:?}");
        }
        assert_eq!(plant.lies(plant.lot("PL").await).await, ["WH/Stock 15"]);
        assert_eq!(plant.position(plant.product_of("Frame").await).await.1, Decimal::from(46));
        let much = plant.sold(400, 0).await;
        let lines = vec![total(much.lines[0], "100", &[])];
        let short = plant.odoo.ship(much.id, &target(lines, Rest::Backorder), &plant.scope).await;
        assert_eq!(refused(short), (Refusal::Short, "/lines/0/quantity/value".to_owned()));
        // By the shipment, it is the same order.
        let picking = plant.find("stock.picking", vec![json!(["sale_id", "=", much.id])], &["name"]).await;
        let (picking, lines) = (picking[0]["id"].as_i64().unwrap(), vec![total(much.lines[0], "40", &[])]);
        let shipped = plant.odoo.ship_shipment(picking, &target(lines, Rest::Backorder), &plant.scope).await.unwrap();
        assert_eq!((shipped.lines[0].total, shipped.backorder.is_some()), (Decimal::from(40), true));
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

#[tokio::test]
async fn a_count_is_a_target() {
    for server in SERVERS {
        let plant = Plant::open(server).await;
        let (position, before) = plant.position(plant.product_of("Frame").await).await;
        let counted = plant.odoo.adjust(position, Decimal::from(47), &plant.scope).await.unwrap();
        assert_eq!((counted.before, counted.quantity, counted.already), (before, Decimal::from(47), false));
        assert!(plant.odoo.adjust(position, Decimal::from(47), &plant.scope).await.unwrap().already);
        plant.factory.odoo.inject(Fault::once(FaultKind::ResetAfter, "stock.quant", "action_apply_inventory"));
        let lost = plant.odoo.adjust(position, Decimal::from(45), &plant.scope).await.unwrap_err();
        assert!(matches!(lost, Failure::Unknown { .. }), "{lost}");
        assert!(plant.odoo.adjust(position, Decimal::from(45), &plant.scope).await.unwrap().already);
        for wrong in ["-1", "0.001"] {
            let refusal = refused(plant.odoo.adjust(position, wrong.parse().unwrap(), &plant.scope).await);
            assert_eq!(refusal, (Refusal::Quantity, "/quantity/value".to_owned()));
        }
        let elsewhere =
            plant.find("stock.quant", vec![json!(["location_id.usage", "=", "inventory"])], &["quantity"]).await;
        let elsewhere = elsewhere[0]["id"].as_i64().unwrap();
        assert_eq!(refused(plant.odoo.adjust(elsewhere, Decimal::ONE, &plant.scope).await).0, Refusal::Target);
        for already in [false, true] {
            let nothing = plant.odoo.adjust(position, Decimal::ZERO, &plant.scope).await.unwrap();
            assert_eq!((nothing.quantity, nothing.already), (Decimal::ZERO, already), "a position at nothing is gone");
        }
    }
}

#[tokio::test]
async fn one_key_scraps_once_whatever_goes_wrong() {
    let kinds = [FaultKind::ResetAfter, FaultKind::Status(502), FaultKind::Serialization];
    for server in VERSIONS {
        for kind in kinds {
            for (model, method) in [("stock.scrap", "load"), ("stock.scrap", "action_validate")] {
                let name = format!("{server:?} {kind:?} {model}.{method}");
                let plant = Plant::open(server).await;
                let frame = plant.product_of("Frame").await;
                let (position, before) = plant.position(frame).await;
                let order = ScrapOrder {
                    quantity: Decimal::from(2),
                    reason: Some("Bent".to_owned()),
                    external_id: "__selvage__.scrap-1".to_owned(),
                };
                plant.factory.odoo.inject(Fault::once(kind, model, method));
                let first = plant.odoo.scrap(position, &order, &plant.scope).await;
                assert!(first.is_ok() == (kind == FaultKind::Serialization), "{name}: {first:?}");
                let end = plant.odoo.scrap(position, &order, &plant.scope).await.unwrap();
                assert_eq!((end.name.as_str(), end.quantity), ("SP/00001", Decimal::from(2)), "{name}");
                assert_eq!(plant.position(frame).await.1, before - Decimal::from(2), "{name}");
                let other = ScrapOrder { external_id: "__selvage__.scrap-2".to_owned(), ..order };
                plant.odoo.scrap(position, &other, &plant.scope).await.unwrap();
                assert_eq!(
                    plant.position(frame).await.1,
                    before - Decimal::from(4),
                    "{name}: another key is another deed"
                );
            }
        }
    }
}

#[tokio::test]
async fn more_than_there_is_is_not_scrapped_and_leaves_nothing() {
    let plant = Plant::open(VERSIONS[0]).await;
    let frame = plant.product_of("Frame").await;
    let (position, before) = plant.position(frame).await;
    let order =
        ScrapOrder { quantity: Decimal::from(5000), reason: None, external_id: "__selvage__.scrap-3".to_owned() };
    let short = || (Refusal::Short, "/quantity/value".to_owned());
    assert_eq!(refused(plant.odoo.scrap(position, &order, &plant.scope).await), short());
    // Somebody took it between the look and the deed: the wizard is not answered, and its draft goes.
    let order = ScrapOrder { quantity: Decimal::from(2), ..order };
    let draft = json!({"product_id": frame, "scrap_qty": 5000, "location_id": STOCK});
    let id = plant.make("stock.scrap", draft).await;
    let named = json!({"module": "__selvage__", "name": "scrap-3", "model": "stock.scrap", "res_id": id});
    plant.make("ir.model.data", named).await;
    assert_eq!(refused(plant.odoo.scrap(position, &order, &plant.scope).await), short());
    assert!(plant.find("stock.scrap", vec![], &["name"]).await.is_empty());
    assert_eq!(plant.position(frame).await.1, before);
}

#[tokio::test]
async fn a_lot_goes_into_quarantine_and_comes_back_once() {
    let kinds = [FaultKind::ResetAfter, FaultKind::Status(502), FaultKind::Serialization];
    let writes = [
        ("stock.picking", "load"),
        ("stock.move", "load"),
        ("stock.picking", "action_confirm"),
        ("stock.move", "write"),
        ("stock.picking", "button_validate"),
    ];
    for server in VERSIONS {
        for kind in kinds {
            for (model, method) in writes {
                let name = format!("{server:?} {kind:?} {model}.{method}");
                let plant = Plant::open(server).await;
                let active = Call::write("stock.location", "write", &plant.scope).on(&[QUALITY]);
                plant.odoo.call(active.arg("vals", json!({"active": true}))).await.unwrap();
                let lot = plant.lot("PL").await;
                // Another lot of the product, which is first in stock's order and must stay where it is.
                let other = plant.bought(1, 3).await;
                let lines = vec![total(other.lines[1], "3", &[("OTHER", "3")])];
                plant.receive(&other, &target(lines, Rest::Close)).await.unwrap();
                let quarantine = Relocation {
                    company: 1,
                    from: RelocatedFrom::Anywhere,
                    to: "WH/Quality Control".to_owned(),
                    origin: "Quarantine PL".to_owned(),
                    external_id: "__selvage__.q-1".to_owned(),
                };
                plant.factory.odoo.inject(Fault::once(kind, model, method));
                let first = plant.odoo.relocate_lot(lot, &quarantine, &plant.scope).await;
                assert!(first.is_ok() == (kind == FaultKind::Serialization), "{name}: {first:?}");
                let end = plant.odoo.relocate_lot(lot, &quarantine, &plant.scope).await;
                let end = end.unwrap_or_else(|failure| panic!("{name}: {failure}"));
                assert_eq!(end.transfer.as_deref(), Some("WH/INT/00001"), "{name}");
                assert_eq!(
                    (plant.lies(lot).await, end.moved),
                    (vec!["WH/Quality Control 25".to_owned()], Decimal::from(25))
                );
                assert_eq!(plant.lies(plant.lot("OTHER").await).await, ["WH/Stock 3"], "{name}");
                assert_eq!(
                    plant.committed("stock.picking", "button_validate"),
                    2,
                    "{name}: the receipt and one transfer"
                );
                let release = Relocation {
                    from: RelocatedFrom::Location("WH/Quality Control".to_owned()),
                    to: "stock.stock_location_stock".to_owned(),
                    external_id: "__selvage__.r-1".to_owned(),
                    ..quarantine
                };
                for already in [false, true] {
                    assert_eq!(plant.odoo.relocate_lot(lot, &release, &plant.scope).await.unwrap().already, already);
                }
                assert_eq!(plant.lies(lot).await, ["WH/Stock 25"], "{name}");
            }
        }
    }
}

#[tokio::test]
async fn a_lot_is_not_moved_to_where_nothing_lies() {
    let plant = Plant::open(VERSIONS[0]).await;
    let lot = plant.lot("PL").await;
    for to in ["WH/Nowhere", "Partners/Customers", "WH"] {
        let order = Relocation {
            company: 1,
            from: RelocatedFrom::Anywhere,
            to: to.to_owned(),
            origin: "Quarantine PL".to_owned(),
            external_id: "__selvage__.q-2".to_owned(),
        };
        let refusal = refused(plant.odoo.relocate_lot(lot, &order, &plant.scope).await);
        assert_eq!(refusal, (Refusal::Target, "/to".to_owned()), "{to}");
    }
}
