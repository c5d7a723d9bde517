//! Shipping from the simulated Odoo: by lot, by line, over several transfers; never what is not there, is another's or is shipped by
//! another line already.

use rust_decimal::Decimal;
use selvage_connect::odoo::{Failure, LineTotal, Refusal, Rest, Trade, TransferReport};
use serde_json::json;

use crate::plant::{Plant, SERVERS};
use crate::warehouse::{Order, VERSIONS, refused, target, total};

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

impl Plant {
    async fn ship(&self, order: &Order, lines: Vec<LineTotal>) -> Result<TransferReport, Failure> {
        self.odoo.ship(order.id, &target(lines, Rest::Backorder), &self.scope).await
    }
}

/// Each line by itself could take all that there is; together they would go below nothing.
#[tokio::test]
async fn two_lines_of_one_product_do_not_ship_the_same_stock() {
    for server in VERSIONS {
        let plant = Plant::open(server).await;
        let frame = plant.product_of("Frame").await;
        // Nothing is there when it is ordered, so nothing is reserved.
        plant.lay(frame, 0, json!({})).await;
        plant.lay(plant.paint, 0, json!({"lot_id": plant.lot("PL").await})).await;
        let order = plant.sold_lines(&[(frame, 30), (frame, 30), (plant.paint, 20), (plant.paint, 20)]).await;
        plant.lay(frame, 50, json!({})).await;
        plant.lay(plant.paint, 25, json!({"lot_id": plant.lot("PL").await})).await;
        let lots = |quantity| [("PL", quantity)];
        let frames = |second| vec![total(order.lines[0], "30", &[]), total(order.lines[1], second, &[])];
        let paint =
            |second| vec![total(order.lines[2], "20", &lots("20")), total(order.lines[3], second, &lots(second))];
        let sent = plant.factory.odoo.journal().len();
        let short = |at: &str| (Refusal::Short, at.to_owned());
        assert_eq!(refused(plant.ship(&order, frames("30")).await), short("/lines/1/quantity/value"), "{server:?}");
        assert_eq!(refused(plant.ship(&order, paint("20")).await), short("/lines/1/lots"), "{server:?}");
        assert_eq!(plant.factory.odoo.journal().len(), sent, "nothing was sent");
        let done = plant.ship(&order, [frames("20"), paint("5")].concat()).await.unwrap();
        let totals: Vec<String> = done.lines.iter().map(|line| line.total.to_string()).collect();
        assert_eq!(totals, ["30", "20", "20", "5"], "{server:?}");
        let left: Vec<String> = plant.quants().await.into_iter().filter(|quant| !quant.starts_with("Wheel")).collect();
        assert!(left.is_empty(), "{server:?}: {left:?}");
    }
}

/// What was reserved for each of two lines is theirs, also where the other one is shipped in the same go.
#[tokio::test]
async fn each_line_ships_what_was_reserved_for_it() {
    for server in VERSIONS {
        let plant = Plant::open(server).await;
        let frame = plant.product_of("Frame").await;
        let order = plant.sold_lines(&[(frame, 30), (frame, 20)]).await;
        let whole = vec![total(order.lines[0], "30", &[]), total(order.lines[1], "20", &[])];
        let done = plant.ship(&order, whole).await.unwrap();
        assert_eq!((done.lines[0].total, done.lines[1].total), (Decimal::from(30), Decimal::from(20)), "{server:?}");
    }
}

#[tokio::test]
async fn one_line_is_shipped_from_several_lots() {
    for server in VERSIONS {
        let plant = Plant::open(server).await;
        let other = plant.make("stock.lot", json!({"name": "P2", "product_id": plant.paint})).await;
        plant.lay(plant.paint, 3, json!({"lot_id": other})).await;
        let order = plant.sold_lines(&[(plant.paint, 10)]).await;
        let lots = |first, second| vec![total(order.lines[0], "10", &[("PL", first), ("P2", second)])];
        let short = (Refusal::Short, "/lines/0/lots".to_owned());
        assert_eq!(refused(plant.ship(&order, lots("6", "4")).await), short, "{server:?}");
        let done = plant.ship(&order, lots("8", "2")).await.unwrap();
        let shipped: Vec<String> =
            done.lines[0].lots.iter().map(|(lot, quantity)| format!("{lot} {quantity}")).collect();
        assert_eq!(shipped, ["P2 2", "PL 8"], "{server:?}");
        assert_eq!(plant.lies(other).await, ["WH/Stock 1"], "{server:?}");
        assert_eq!(plant.lies(plant.lot("PL").await).await, ["WH/Stock 17"], "{server:?}");
    }
}

/// Once one transfer of an order is booked, a refusal of the next is no "nothing was done".
#[tokio::test]
async fn two_transfers_are_one_shipment_and_half_of_it_is_no_refusal() {
    for server in VERSIONS {
        for short in [false, true] {
            let plant = Plant::open(server).await;
            let order = plant.sold(4, 10).await;
            plant.moves_by_itself(Trade::Sale, order.lines[1]).await;
            if short {
                // What was reserved is not there any more, which is seen when its transfer's turn comes.
                plant.lay(plant.paint, 3, json!({"lot_id": plant.lot("PL").await})).await;
            }
            let whole = || vec![total(order.lines[0], "4", &[]), total(order.lines[1], "10", &[])];
            let outcome = plant.ship(&order, whole()).await;
            let done: Vec<bool> = plant.transfers().await.iter().map(|one| one.contains(" done:")).collect();
            if short {
                let Err(Failure::Mismatch { what, found, .. }) = &outcome else { panic!("{server:?}: {outcome:?}") };
                assert!(what.contains("is done already") && found.contains("are free"), "{what} {found}");
                assert_eq!(done, [true, false], "{server:?}");
            } else {
                assert_eq!(outcome.unwrap().transfers.len(), 2, "{server:?}");
                assert_eq!(done, [true, true], "{server:?}");
                assert!(plant.ship(&order, whole()).await.unwrap().already, "{server:?}");
            }
        }
    }
}

#[tokio::test]
async fn what_is_another_s_is_not_shipped() {
    for server in VERSIONS {
        let plant = Plant::open(server).await;
        let frame = plant.product_of("Frame").await;
        plant.lay(frame, 2, json!({})).await;
        let order = plant.sold_lines(&[(frame, 5)]).await;
        let owner = plant.make("res.partner", json!({"name": "Consignor"})).await;
        plant.lay(frame, 10, json!({"owner_id": owner})).await;
        let short = refused(plant.ship(&order, vec![total(order.lines[0], "5", &[])]).await);
        assert_eq!(short, (Refusal::Short, "/lines/0/quantity/value".to_owned()), "{server:?}");
        plant.ship(&order, vec![total(order.lines[0], "2", &[])]).await.unwrap();
        let frames: Vec<String> = plant.quants().await.into_iter().filter(|quant| quant.starts_with("Frame")).collect();
        // What odoo reserves of it for the backorder is its own decision.
        assert_eq!(frames, ["Frame -: 10 (3 reserved)"], "{server:?}");
    }
}

/// A named lot is taken where it lies loose; a package is shipped where Odoo has reserved it and no lots are named.
#[tokio::test]
async fn a_lot_in_a_package_is_shipped_only_as_odoo_reserved_it() {
    let plant = Plant::open(VERSIONS[0]).await;
    let lot = plant.lot("PL").await;
    let package = plant.make("stock.quant.package", json!({"name": "PACK1"})).await;
    plant.lay(plant.paint, 4, json!({"lot_id": lot})).await;
    let order = plant.sold_lines(&[(plant.paint, 10)]).await;
    plant.lay(plant.paint, 20, json!({"lot_id": lot, "package_id": package})).await;
    let named = |quantity| vec![total(order.lines[0], quantity, &[("PL", quantity)])];
    let short = (Refusal::Short, "/lines/0/lots".to_owned());
    assert_eq!(refused(plant.ship(&order, named("10")).await), short);
    plant.ship(&order, named("4")).await.unwrap();
    assert_eq!(plant.lies(lot).await, ["WH/Stock 20"]);
    let other = plant.sold_lines(&[(plant.paint, 6)]).await;
    let reserved = vec![total(other.lines[0], "6", &[])];
    let done = plant.ship(&other, reserved).await.unwrap();
    assert_eq!(done.lines[0].lots, [("PL".to_owned(), Decimal::from(6))]);
    assert_eq!(plant.lies(lot).await, ["WH/Stock 14"]);
    assert_eq!(plant.ordered(Trade::Sale, other.id).await.lines, other.lines);
}
