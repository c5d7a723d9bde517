//! Producing in versions that say it otherwise: 16, where what is done stands beside what is reserved, and 17. No server of these
//! versions was recorded; the simulated ones have their field names.

use rust_decimal::Decimal;
use selvage_connect::odoo::{Failure, Refusal, Remainder};
use selvage_factory::odoo::OdooVersion;

use crate::plant::{Plant, Server};

const OLDER: [Server; 2] =
    [Server { version: OdooVersion::V16, dialect: None }, Server { version: OdooVersion::V17, dialect: None }];

#[tokio::test]
async fn older_versions_consume_what_was_meant() {
    for server in OLDER {
        let plant = Plant::open(server).await;
        let order = plant.order(4).await;
        let short = plant.report(order, 3, "B6", Remainder::Backorder).await.unwrap();
        let consumed: Vec<_> = short
            .components
            .iter()
            .map(|one| format!("{} {} {}", one.product_label, one.quantity, one.lot.as_deref().unwrap_or("-")))
            .collect();
        assert_eq!(consumed, ["Frame 3 -", "Wheel 6 -", "Paint 0.75 PL"]);
        let stock = [
            "Bicycle B6: 3 (0 reserved)",
            "Frame -: 47 (1 reserved)",
            "Paint PL: 24.25 (0.25 reserved)",
            "Wheel -: 94 (2 reserved)",
        ];
        assert_eq!(plant.quants().await, stock);
        let sent = plant.factory.odoo.journal().len();
        let again = plant.report(order, 3, "B6", Remainder::Backorder).await.unwrap();
        assert!(again.already && plant.factory.odoo.journal().len() == sent, "nothing was sent");
        let all = plant.report(order, 4, "B7", Remainder::Backorder).await.unwrap();
        assert_eq!((all.produced_total, all.backorder), (Decimal::from(4), None));
        let other = plant.report(order, 3, "B6", Remainder::Backorder).await.unwrap_err();
        assert!(matches!(other, Failure::Refused { kind: Refusal::Target, .. }), "{other}");
    }
}

#[tokio::test]
async fn older_versions_refuse_a_component_without_its_lot() {
    for server in OLDER {
        let plant = Plant::open(server).await;
        let order = plant.order(200).await;
        let refused = plant.report(order, 200, "B8", Remainder::Close).await.unwrap_err();
        assert!(matches!(refused, Failure::Refused { kind: Refusal::Lot, .. }), "{refused}");
        assert!(plant.quants().await.iter().all(|quant| !quant.starts_with("Bicycle")), "nothing was produced");
    }
}
