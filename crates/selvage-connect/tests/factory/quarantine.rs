//! A lot into quarantine and out of it in the simulated Odoo: all of it once, whatever goes wrong, and nothing else with it.

use rust_decimal::Decimal;
use selvage_connect::odoo::{Call, Failure, Refusal, RelocatedFrom, Relocation, Rest};
use selvage_factory::odoo::{CommitAt, Fault, FaultKind};
use serde_json::json;

use crate::plant::{PATIENCE, Plant, Server};
use crate::warehouse::{QUALITY, VERSIONS, refused, target, total};

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

fn quarantine(key: &str) -> Relocation {
    Relocation {
        company: 1,
        from: RelocatedFrom::Anywhere,
        to: "WH/Quality Control".to_owned(),
        origin: "Quarantine PL".to_owned(),
        external_id: format!("__selvage__.{key}"),
    }
}

impl Plant {
    /// A plant with a location for quarantine, and the lot that goes there.
    async fn with_quarantine(server: Server) -> (Self, i64) {
        let plant = Self::open(server).await;
        plant.change("stock.location", &json!(QUALITY), json!({"active": true})).await;
        let lot = plant.lot("PL").await;
        (plant, lot)
    }
}

#[tokio::test]
async fn what_is_in_a_package_or_another_s_is_not_moved() {
    for server in VERSIONS {
        for apart in ["owner_id", "package_id"] {
            if apart == "package_id" && server.version != VERSIONS[0].version {
                continue;
            }
            let (plant, lot) = Plant::with_quarantine(server).await;
            let model = if apart == "owner_id" { "res.partner" } else { "stock.quant.package" };
            let whose = plant.make(model, json!({"name": "Apart"})).await;
            plant.lay(plant.paint, 5, json!({"lot_id": lot, (apart): whose})).await;
            let sent = plant.factory.odoo.journal().len();
            let moved = plant.odoo.relocate_lot(lot, &quarantine("q-3"), &plant.scope).await;
            assert_eq!(refused(moved), (Refusal::Target, String::new()), "{server:?} {apart}");
            assert_eq!(plant.factory.odoo.journal().len(), sent, "nothing was sent");
        }
    }
}

/// A person who validated it later would move the lot for a write that was refused.
#[tokio::test]
async fn a_transfer_that_was_refused_is_not_left_for_somebody_to_validate() {
    for server in VERSIONS {
        for (method, model) in
            [("action_confirm", "stock.picking"), ("write", "stock.move"), ("button_validate", "stock.picking")]
        {
            let (plant, lot) = Plant::with_quarantine(server).await;
            plant.factory.odoo.inject(Fault::once(FaultKind::Refused, model, method));
            let moved = plant.odoo.relocate_lot(lot, &quarantine("q-4"), &plant.scope).await;
            assert_eq!(refused(moved).0, Refusal::User, "{server:?} {method}");
            assert_eq!(plant.transfers().await, ["WH/INT/00001 cancel: Paint 0 cancel"], "{server:?} {method}");
            plant.factory.odoo.inject(Fault::once(FaultKind::Refused, model, method));
            plant.factory.odoo.inject(Fault::once(FaultKind::Refused, "stock.picking", "action_cancel"));
            let left = plant.odoo.relocate_lot(lot, &quarantine("q-5"), &plant.scope).await;
            assert!(matches!(left, Err(Failure::Mismatch { .. })), "{server:?} {method}: {left:?}");
            assert_eq!(plant.lies(lot).await, ["WH/Stock 25"], "{server:?} {method}");
        }
    }
}

/// Once it is booked, what is in the way of seeing the end is no "nothing was moved".
#[tokio::test]
async fn a_move_that_is_booked_is_not_refused_afterwards() {
    for server in VERSIONS {
        let (plant, lot) = Plant::with_quarantine(server).await;
        let late = FaultKind::Hang { answer_after: PATIENCE * 2, commit: CommitAt::Before };
        plant.factory.odoo.inject(Fault::once(late, "stock.picking", "button_validate"));
        let order = quarantine("q-6");
        let moved = plant.odoo.relocate_lot(lot, &order, &plant.scope);
        let meanwhile = async {
            tokio::time::sleep(PATIENCE).await;
            let owner = plant.make("res.partner", json!({"name": "Consignor"})).await;
            plant.lay(plant.paint, 5, json!({"lot_id": lot, "owner_id": owner})).await;
        };
        let (moved, ()) = tokio::join!(moved, meanwhile);
        let Err(Failure::Mismatch { what, .. }) = &moved else { panic!("{server:?}: {moved:?}") };
        assert!(what.contains("is done already"), "{what}");
        assert_eq!(plant.lies(lot).await, ["WH/Quality Control 25", "WH/Stock 5"], "{server:?}");
    }
}
