//! Counting and scrapping in the simulated Odoo: a count is a target, scrap is done once under its key, and what was refused leaves
//! nothing behind that somebody could book later.

use rust_decimal::Decimal;
use selvage_connect::odoo::{Failure, ProductionTarget, Refusal, Remainder, ScrapOrder, ScrapTarget};
use selvage_factory::odoo::{Fault, FaultKind, OdooVersion};
use serde_json::{Value, json};

use crate::plant::{Plant, SERVERS, Server};
use crate::warehouse::{STOCK, VERSIONS, refused};

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

/// What a count leaves at its position: the quantity that is noted there and not applied.
async fn noted(plant: &Plant, position: i64) -> Value {
    let quant = plant.find("stock.quant", vec![json!(["id", "=", position])], &["inventory_quantity_set"]).await;
    quant[0]["inventory_quantity_set"].clone()
}

/// Whoever applies all counts later must not book one that was refused.
#[tokio::test]
async fn a_count_that_was_refused_is_not_left_for_somebody_to_apply() {
    let older = Server { version: OdooVersion::V16, dialect: None };
    for server in SERVERS.into_iter().chain([older]) {
        for (kind, expected) in [(FaultKind::Refused, Refusal::User), (FaultKind::Wizard, Refusal::Wizard)] {
            let plant = Plant::open(server).await;
            let (position, before) = plant.position(plant.product_of("Frame").await).await;
            plant.factory.odoo.inject(Fault::once(kind, "stock.quant", "action_apply_inventory"));
            let counted = plant.odoo.adjust(position, Decimal::from(47), &plant.scope).await;
            assert_eq!(refused(counted).0, expected, "{server:?}");
            assert_eq!(noted(&plant, position).await, json!(false), "{server:?} {kind:?}");
            assert_eq!(plant.position(plant.product_of("Frame").await).await.1, before);
        }
    }
}

/// What may still be noted is not called nothing, whatever stood in the way.
#[tokio::test]
async fn a_count_that_may_still_be_noted_is_not_known() {
    for server in VERSIONS {
        for kind in [FaultKind::Refused, FaultKind::Serialization, FaultKind::ResetBefore] {
            let plant = Plant::open(server).await;
            let (position, _) = plant.position(plant.product_of("Frame").await).await;
            let always = |method| Fault { times: None, ..Fault::once(kind, "stock.quant", method) };
            plant.factory.odoo.inject(always("action_apply_inventory"));
            plant.factory.odoo.inject(always("action_clear_inventory_quantity"));
            let counted = plant.odoo.adjust(position, Decimal::from(47), &plant.scope).await;
            assert!(matches!(counted, Err(Failure::Unknown { .. })), "{server:?} {kind:?}: {counted:?}");
            assert_eq!(noted(&plant, position).await, json!(true), "{server:?} {kind:?}");
        }
    }
}

fn waste(key: &str) -> ScrapOrder {
    ScrapOrder { quantity: Decimal::from(2), reason: None, external_id: format!("__selvage__.{key}") }
}

/// Whatever the refusal is, its draft goes; where it cannot go, that is no refusal.
#[tokio::test]
async fn scrap_that_was_refused_leaves_no_draft() {
    for server in VERSIONS {
        let plant = Plant::open(server).await;
        let (position, before) = plant.position(plant.product_of("Frame").await).await;
        let refuse = |method| plant.factory.odoo.inject(Fault::once(FaultKind::Refused, "stock.scrap", method));
        refuse("action_validate");
        let scrapped = plant.odoo.scrap(position, &waste("w-1"), &plant.scope).await;
        assert_eq!(refused(scrapped).0, Refusal::User, "{server:?}");
        assert!(plant.find("stock.scrap", vec![], &["name"]).await.is_empty(), "{server:?}");
        refuse("action_validate");
        refuse("unlink");
        let left = plant.odoo.scrap(position, &waste("w-2"), &plant.scope).await;
        assert!(matches!(left, Err(Failure::Mismatch { .. })), "{server:?}: {left:?}");
        assert_eq!(plant.find("stock.scrap", vec![], &["name"]).await.len(), 1, "{server:?}");
        assert_eq!(plant.position(plant.product_of("Frame").await).await.1, before, "{server:?}");
    }
}

/// What is another's, or in a package, is scrapped there and not of what lies loose.
#[tokio::test]
async fn scrap_is_taken_from_the_very_position() {
    for server in VERSIONS {
        let plant = Plant::open(server).await;
        let frame = plant.product_of("Frame").await;
        let owner = plant.make("res.partner", json!({"name": "Consignor"})).await;
        plant.lay(frame, 10, json!({"owner_id": owner})).await;
        let position = plant.find("stock.quant", vec![json!(["owner_id", "=", owner])], &["quantity"]).await;
        let position = position.iter().find(|quant| quant["quantity"] == json!(10.0)).unwrap()["id"].as_i64().unwrap();
        plant.odoo.scrap(position, &waste("w-3"), &plant.scope).await.unwrap();
        let mut frames = plant.quants().await;
        frames.retain(|quant| quant.starts_with("Frame"));
        assert_eq!(frames, ["Frame -: 50 (0 reserved)", "Frame -: 8 (0 reserved)"], "{server:?}");
    }
}

/// What of a report is refused after its production is booked, is told as that.
#[tokio::test]
async fn a_report_whose_scrap_is_refused_after_it_is_booked_is_no_refusal() {
    for server in VERSIONS {
        let plant = Plant::open(server).await;
        let made = plant.order(4).await;
        plant.factory.odoo.inject(Fault::once(FaultKind::Refused, "stock.scrap", "action_validate"));
        let report = ProductionTarget {
            total: 4.into(),
            lot: Some("B1".to_owned()),
            remainder: Remainder::Backorder,
            components: vec![],
            scrapped: Some(ScrapTarget { total: 1.into(), key: "__selvage__.waste-4".to_owned() }),
        };
        let outcome = plant.odoo.report_production(made, &report, &plant.scope).await;
        let Err(Failure::Mismatch { what, .. }) = &outcome else { panic!("{server:?}: {outcome:?}") };
        assert!(what.contains("is done already"), "{what}");
        assert!(plant.find("stock.scrap", vec![], &["name"]).await.is_empty(), "{server:?}");
        assert!(plant.quants().await.contains(&"Bicycle B1: 4 (0 reserved)".to_owned()), "{server:?}");
    }
}
