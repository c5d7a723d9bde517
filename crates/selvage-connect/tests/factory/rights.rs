//! The rights that the verbs say they need, and those that they use: each verb is done by an account that has the ones of its
//! table and no others, and not done where one of them is taken away. Reading is everybody's here.

use std::collections::BTreeSet;

use selvage_connect::odoo::{
    ConsumptionTarget, Failure, FieldTarget, Refusal, RelocatedFrom, Relocation, Remainder, Rest, Right, ScrapOrder,
    Trade, VERBS, VerbNeeds,
};
use selvage_factory::odoo::Hidden;
use serde_json::json;

use crate::plant::{Plant, values};
use crate::warehouse::{QUALITY, VERSIONS, target, total};

/// What a verb is done to, made ready while the account may do everything.
struct Ready {
    plant: Plant,
    id: i64,
    /// Lines of the order, where it has some.
    lines: Vec<i64>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_verb_needs_the_rights_of_its_table_and_no_others() {
    let everywhere: BTreeSet<&str> = VERBS.iter().flat_map(|verb| verb.models).map(|needs| needs.model).collect();
    let mut wrong = Vec::new();
    for verb in VERBS {
        let name = format!("{} of {}", verb.verb, verb.record);
        let declared: Vec<(&str, Right)> = verb
            .models
            .iter()
            .flat_map(|needs| needs.rights().into_iter().map(|right| (needs.model, right)))
            .filter(|(_, right)| *right != Right::Read)
            .collect();
        let ready = ready(verb).await;
        for model in &everywhere {
            for right in [Right::Write, Right::Create, Right::Delete] {
                if !declared.contains(&(*model, right)) {
                    ready.withhold(model, right);
                }
            }
        }
        if let Err(failure) = ready.act(verb).await {
            wrong.push(format!("{name} needs more than its table says: {failure}"));
        }
        for (model, right) in declared {
            let ready = self::ready(verb).await;
            ready.withhold(model, right);
            let outcome = ready.act(verb).await;
            // What is refused after a part was done is told as that.
            if !matches!(outcome, Err(Failure::Refused { kind: Refusal::Access, .. } | Failure::Mismatch { .. })) {
                let right = right.as_str();
                wrong.push(format!("{name} does not need `{model}` {right}, as its table says: {outcome:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A plant with what the verb is done to.
async fn ready(verb: &VerbNeeds) -> Ready {
    let plant = Plant::open(VERSIONS[0]).await;
    let scope = plant.scope.clone();
    let id;
    let mut lines = Vec::new();
    match (verb.verb, verb.record) {
        ("release" | "cancel", "mrp.production") => id = plant.draft(4).await,
        ("revise", _) => {
            let center = plant.make("mrp.workcenter", json!({"name": "Bench"})).await;
            let step = json!({"bom_id": plant.bom, "name": "Build", "workcenter_id": center});
            let step = plant.make("mrp.routing.workcenter", step).await;
            let line =
                plant.find("mrp.bom.line", vec![json!(["bom_id", "=", plant.bom])], &["product_id"]).await.remove(0);
            plant.change("mrp.bom.line", &line["id"], json!({"operation_id": step})).await;
            id = plant.bom;
        }
        ("consume" | "update" | "report", _) => {
            id = plant.order(4).await;
            if verb.verb == "report" {
                // Used as planned for three, beside what stays reserved for the fourth.
                plant.uses(id, "0.75").await.unwrap();
            }
        }
        ("close", _) => id = plant.make("maintenance.request", json!({"name": "Noise"})).await,
        ("start" | "pause" | "finish", _) => {
            let center = plant.make("mrp.workcenter", json!({"name": "Bench"})).await;
            let step = json!({"bom_id": plant.bom, "name": "Build", "workcenter_id": center});
            plant.make("mrp.routing.workcenter", step).await;
            plant.order(4).await;
            id = plant.find("mrp.workorder", vec![], &["name"]).await[0]["id"].as_i64().unwrap();
            if verb.verb != "start" {
                plant.odoo.start_work_order(id, &scope).await.unwrap();
            }
        }
        ("receive", _) => {
            let order = plant.bought(10, 4).await;
            (id, lines) = (order.id, order.lines);
        }
        ("ship", record) => {
            let order = plant.sold(4, 10).await;
            lines = order.lines;
            let picking = plant.find("stock.picking", vec![json!(["sale_id", "=", order.id])], &["name"]).await;
            id = if record == "stock.picking" { picking[0]["id"].as_i64().unwrap() } else { order.id };
        }
        ("release", "purchase.order" | "sale.order") => {
            let partner = plant.make("res.partner", json!({"name": "Acme"})).await;
            id = plant.make(verb.record, json!({"partner_id": partner})).await;
        }
        ("adjust" | "scrap", _) => id = plant.position(plant.product_of("Frame").await).await.0,
        _ => {
            plant.change("stock.location", &json!(QUALITY), json!({"active": true})).await;
            id = plant.lot("PL").await;
            if verb.verb == "release" {
                plant.odoo.relocate_lot(id, &relocation(RelocatedFrom::Anywhere), &scope).await.unwrap();
            }
        }
    }
    Ready { plant, id, lines }
}

fn relocation(from: RelocatedFrom) -> Relocation {
    let to = if from == RelocatedFrom::Anywhere { "WH/Quality Control" } else { "stock.stock_location_stock" };
    let external_id = format!("__selvage__.r-{}", to.len());
    Relocation { company: 1, from, to: to.to_owned(), origin: "Rights".to_owned(), external_id }
}

impl Plant {
    /// Notes so much paint as used.
    async fn uses(&self, order: i64, quantity: &str) -> Result<(), Failure> {
        let (lot, total) = (Some("PL".to_owned()), quantity.parse().unwrap());
        let paint = ConsumptionTarget { product: self.paint, lot, total };
        self.odoo.note_consumption(order, &paint, &self.scope).await.map(drop)
    }
}

impl Ready {
    fn withhold(&self, model: &str, right: Right) {
        let right = right.as_str().to_owned();
        self.plant.factory.odoo.hide(Hidden::Right { model: model.to_owned(), right, login: None });
    }

    async fn act(&self, verb: &VerbNeeds) -> Result<(), Failure> {
        let (plant, id, scope) = (&self.plant, self.id, &self.plant.scope);
        let odoo = &plant.odoo;
        match (verb.verb, verb.record) {
            ("release", "mrp.production") => odoo.release_production_order(id, scope).await.map(drop),
            ("revise", _) => {
                let frame = plant.product_of("Frame").await;
                let of = plant.find("mrp.bom", vec![json!(["id", "=", id])], &["product_tmpl_id"]).await;
                let of_bill = values(json!({
                    "product_tmpl_id": of[0]["product_tmpl_id"][0], "product_qty": 1, "code": "REV-B",
                    "bom_line_ids": [[0, 0, {"product_id": frame, "product_qty": 1}]],
                }));
                odoo.revise_bill(id, &of_bill, "__selvage__.revision", scope).await.map(drop)
            }
            ("consume", _) => {
                // A part of what is reserved, and then all of it.
                plant.uses(id, "0.5").await?;
                plant.uses(id, "1").await
            }
            ("cancel", _) => odoo.cancel_production_order(id, scope).await.map(drop),
            ("update", _) => {
                let fields = FieldTarget { values: values(json!({"product_qty": 5})), before: None };
                odoo.update("mrp.production", id, &fields, scope).await
            }
            ("close", _) => odoo.close_maintenance_request(id, scope).await,
            ("start", _) => odoo.start_work_order(id, scope).await.map(drop),
            ("pause", _) => odoo.pause_work_order(id, scope).await.map(drop),
            ("finish", _) => odoo.finish_work_order(id, scope).await.map(drop),
            ("report", _) => plant.report(id, 3, "B1", Remainder::Backorder).await.map(drop),
            ("release", "purchase.order") => odoo.release_purchase_order(id, scope).await,
            ("release", "sale.order") => odoo.release_sales_order(id, scope).await,
            ("receive", _) | ("ship", _) => {
                let (trade, lot) = if verb.verb == "ship" { (Trade::Sale, "PL") } else { (Trade::Purchase, "NEW") };
                let whole = vec![total(self.lines[0], "2", &[]), total(self.lines[1], "3", &[(lot, "3")])];
                let whole = target(whole, Rest::Close);
                match (trade, verb.record) {
                    (Trade::Purchase, _) => odoo.receive(id, &whole, scope).await.map(drop),
                    (Trade::Sale, "sale.order") => odoo.ship(id, &whole, scope).await.map(drop),
                    (Trade::Sale, _) => odoo.ship_shipment(id, &whole, scope).await.map(drop),
                }
            }
            ("adjust", _) => odoo.adjust(id, 47.into(), scope).await.map(drop),
            ("scrap", _) => {
                let order = ScrapOrder { quantity: 2.into(), reason: None, external_id: "__selvage__.w-1".to_owned() };
                odoo.scrap(id, &order, scope).await.map(drop)
            }
            ("quarantine", _) => odoo.relocate_lot(id, &relocation(RelocatedFrom::Anywhere), scope).await.map(drop),
            ("release", _) => {
                let from = RelocatedFrom::Location("WH/Quality Control".to_owned());
                odoo.relocate_lot(id, &relocation(from), scope).await.map(drop)
            }
            other => panic!("{other:?} is not tried here"),
        }
    }
}
