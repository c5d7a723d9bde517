//! The suppliers and customers of Velo Works, and what each plant has ordered from and promised to them.
//! Nothing is received or shipped yet, so the stock is what production left.

use serde_json::{Value as Json, json};

use super::velo::{Products, dictionary};
use crate::odoo::refusal::Refusal;
use crate::odoo::schema::Model;
use crate::odoo::transaction::Transaction;
use crate::odoo::value::Id;

/// Who is bought from and sold to.
pub(super) struct Partners {
    supplier: Id,
    customer: Id,
}

/// The partners, which both plants share.
pub(super) fn add_partners(tx: &mut Transaction<'_>) -> Result<Partners, Refusal> {
    let mut add = |name: &str, external: &str, (reference, rank): (&str, &str), (email, phone): (&str, &str)| {
        let mut values = dictionary(json!({ "name": name, "is_company": true, "ref": reference }));
        values.insert(rank.to_owned(), json!(1));
        values.extend(dictionary(json!({ "email": email, "phone": phone })));
        let partner = tx.create(Model::Partner, &values)?;
        tx.name_externally("velo", external, Model::Partner, partner);
        Ok(partner)
    };
    Ok(Partners {
        supplier: add(
            "Acme Metals",
            "supplier_acme",
            ("SUP-1", "supplier_rank"),
            ("lena.maes@acme-metals.example", "+32 9 555 01 23"),
        )?,
        customer: add(
            "Velo Shop",
            "customer_shop",
            ("CUS-1", "customer_rank"),
            ("jan.kral@velo-shop.example", "+420 5 555 04 56"),
        )?,
    })
}

/// One purchase order and one sales order in draft and one of each confirmed, for the plant that is first in the environment.
pub(super) fn add_orders(tx: &mut Transaction<'_>, products: &Products, partners: &Partners) -> Result<(), Refusal> {
    let line = |product: Id, field: &str, quantity: &str, price: i64| {
        let mut values = dictionary(json!({ "product_id": product.0, "price_unit": price }));
        values.insert(field.to_owned(), json!(quantity));
        json!([0, 0, values])
    };
    let bought = |product, quantity, price| line(product, "product_qty", quantity, price);
    let sold = |product, quantity, price| line(product, "product_uom_qty", quantity, price);
    let purchase = |reference: &str, lines: Vec<Json>| json!({ "partner_id": partners.supplier.0, "partner_ref": reference, "order_line": lines });
    let sale = |reference: &str, lines: Vec<Json>| json!({ "partner_id": partners.customer.0, "client_order_ref": reference, "order_line": lines });
    tx.create(Model::Purchase, &dictionary(purchase("ACME-100", vec![bought(products.frame, "100", 12)])))?;
    let lines = vec![bought(products.wheel, "40", 7), bought(products.paint, "25", 3)];
    let order = tx.create(Model::Purchase, &dictionary(purchase("ACME-101", lines)))?;
    tx.confirm_purchases(&[order])?;
    tx.create(Model::Sale, &dictionary(sale("SHOP-500", vec![sold(products.bicycle, "1", 499)])))?;
    let order = tx.create(Model::Sale, &dictionary(sale("SHOP-501", vec![sold(products.bicycle, "2", 499)])))?;
    tx.confirm_sales(&[order])?;
    Ok(())
}
