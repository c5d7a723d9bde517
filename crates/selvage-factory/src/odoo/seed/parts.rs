//! Any number of parts, from `PRT-00001` on, in no time and without memory: they are computed from the pattern of one.
//! A part that is changed becomes a record like others.

use serde_json::json;

use crate::odoo::record::Values;
use crate::odoo::refusal::Refusal;
use crate::odoo::schema::Model;
use crate::odoo::store::{Bulk, Numbered};
use crate::odoo::transaction::Transaction;
use crate::odoo::value::Id;

/// From the write date of one part to that of the next: a thousand in each second.
const SPACING_MICROS: i64 = 1_000;

const TEXTS: [Numbered; 2] = [
    Numbered { field: "name", prefix: "Part ", width: 1 },
    Numbered { field: "default_code", prefix: "PRT-", width: 5 },
];

/// Adds that many parts, the first of which is written now.
pub(super) fn add(tx: &mut Transaction<'_>, count: u32) -> Result<(), Refusal> {
    if count == 0 {
        return Ok(());
    }
    let (first_product, first_template) = (tx.store.next_id(Model::Product), tx.store.next_id(Model::Template));
    let values: Values =
        [("name".to_owned(), json!("Part")), ("is_storable".to_owned(), json!(true))].into_iter().collect();
    let product = tx.create(Model::Product, &values)?;
    let Some(template) = tx.reference(Model::Product, product, "product_tmpl_id") else {
        return Ok(());
    };
    let started = tx.env.now;
    let mut pattern = |model, id: Id, first, twin| {
        let common = tx.row(model, id);
        tx.store.remove(model, id);
        tx.store.skip_to(model, first - 1);
        let bulk = Bulk {
            first,
            count: i64::from(count),
            common,
            texts: TEXTS.to_vec(),
            twin,
            started,
            spacing: SPACING_MICROS,
        };
        tx.store.add_bulk(model, bulk);
    };
    pattern(Model::Product, product, first_product, Some(("product_tmpl_id", first_template)));
    pattern(Model::Template, template, first_template, None);
    Ok(())
}
