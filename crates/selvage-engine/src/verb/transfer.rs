//! Receipts and shipments: totals by product and lot, read from the body, tied to the lines of the order, brought into the
//! units in which their stock is counted, and shown as what was read back.

use std::collections::BTreeMap;

use selvage_connect::odoo::{
    Goods, LineTotal, Moved, Position, Rest, Scope as CallScope, Trade, TransferReport, TransferTarget,
};
use selvage_mapping::decimal;
use selvage_model::Decimal;
use selvage_model::code;
use selvage_model::problem::{FieldError, Problem};
use serde_json::{Value, json};

use super::amount::{self, Amount, wrong};
use super::told;
use crate::body::{unfit, unknown_members};
use crate::reach::Reach;
use crate::trouble::Trouble;

const RESTS: &[(&str, Rest)] = &[("backorder", Rest::Backorder), ("close", Rest::Close)];
const OVERS: &[(&str, bool)] = &[("refuse", false), ("accept", true)];

/// Totals as they were sent.
#[derive(Clone, Debug)]
pub(crate) struct Totals {
    lines: Vec<Line>,
    rest: Rest,
    over: bool,
}

#[derive(Clone, Debug)]
struct Line {
    product: String,
    /// Which of the order's lines, counted from 1, where several have the product.
    number: Option<usize>,
    amount: Amount,
    lots: Vec<(String, Amount)>,
}

/// Reads `{"lines": [{"product", "line", "quantity", "lots": [{"lot", "quantity"}]}], "remainder", "over"}`.
pub(crate) fn read(body: &Value) -> Result<Totals, Vec<FieldError>> {
    let mut errors = unknown_members(Some(body), &["lines", "remainder", "over"]);
    let rest = amount::word(body, "remainder", RESTS, &mut errors);
    let over = amount::word(body, "over", OVERS, &mut errors);
    let given = list(body.get("lines"), "/lines", &mut errors);
    // To give up what is still to come, nothing has to have come.
    if given.is_empty() && errors.is_empty() && rest != Some(Rest::Close) {
        wrong::<()>(&mut errors, "/lines", "the lines are needed, each with a product and its total");
    }
    let lines: Vec<Line> = given.iter().enumerate().filter_map(|(at, line)| read_line(line, at, &mut errors)).collect();
    match (rest, over) {
        (Some(rest), Some(over)) if errors.is_empty() => Ok(Totals { lines, rest, over }),
        _ => Err(errors),
    }
}

fn read_line(given: &Value, at: usize, errors: &mut Vec<FieldError>) -> Option<Line> {
    let pointer = format!("/lines/{at}");
    for error in unknown_members(Some(given), &["product", "line", "quantity", "lots"]) {
        errors.push(FieldError { pointer: format!("{pointer}{}", error.pointer), ..error });
    }
    let product = given.get("product").and_then(Value::as_str).map(str::to_owned);
    if product.is_none() {
        wrong::<()>(errors, &format!("{pointer}/product"), "the code of the product is needed");
    }
    let number = match given.get("line") {
        None | Some(Value::Null) => None,
        Some(number) => {
            let number = number.as_u64().and_then(|number| usize::try_from(number).ok()).filter(|number| *number > 0);
            number.or_else(|| wrong(errors, &format!("{pointer}/line"), "lines are counted from 1"))
        }
    };
    let amount = amount::read(given.get("quantity"), &format!("{pointer}/quantity"), errors);
    let mut lots = Vec::new();
    for (index, lot) in list(given.get("lots"), &format!("{pointer}/lots"), errors).iter().enumerate() {
        let pointer = format!("{pointer}/lots/{index}");
        for error in unknown_members(Some(lot), &["lot", "quantity"]) {
            errors.push(FieldError { pointer: format!("{pointer}{}", error.pointer), ..error });
        }
        let name = lot.get("lot").and_then(Value::as_str).filter(|name| !name.trim().is_empty());
        if name.is_none() {
            wrong::<()>(errors, &format!("{pointer}/lot"), "the number of the lot is needed");
        }
        let amount = amount::read(lot.get("quantity"), &format!("{pointer}/quantity"), errors);
        if let (Some(name), Some(amount)) = (name, amount) {
            lots.push((name.to_owned(), amount));
        }
    }
    Some(Line { product: product?, number, amount: amount?, lots })
}

/// A list that may be left out. What is something else is no list left out: lots would be shipped that nobody named.
fn list<'a>(given: Option<&'a Value>, pointer: &str, errors: &mut Vec<FieldError>) -> &'a [Value] {
    match given {
        None | Some(Value::Null) => &[],
        Some(Value::Array(list)) => list,
        Some(_) => {
            wrong::<()>(errors, pointer, "a list is needed, or nothing");
            &[]
        }
    }
}

impl Totals {
    /// The totals by the order's lines, in the units of their stock.
    pub(crate) async fn target(
        &self,
        trade: Trade,
        order: i64,
        reach: &Reach,
        scope: &CallScope,
    ) -> Result<TransferTarget, Trouble> {
        let goods = reach.served.connection.ask(reach.odoo.goods_of(trade, order, scope)).await?;
        let keys = told::product_keys(reach, goods.iter().map(|goods| goods.product_id)).await?;
        let units = told::units(reach, goods.iter().map(|goods| goods.unit)).await?;
        let mut lines = Vec::new();
        for (at, line) in self.lines.iter().enumerate() {
            let goods = line.goods(at, &goods, &keys)?;
            let Some(unit) = units.get(&goods.unit) else {
                let detail = format!("no code set has a unit for what {} is counted in", goods.product_label);
                return Err(Problem::new(502, code::RECORD_UNSHOWABLE, detail).into());
            };
            let total = line.amount.in_unit(unit, &format!("/lines/{at}/quantity"))?;
            let mut lots = Vec::new();
            for (index, (lot, amount)) in line.lots.iter().enumerate() {
                lots.push((lot.clone(), amount.in_unit(unit, &format!("/lines/{at}/lots/{index}/quantity"))?));
            }
            lines.push(LineTotal { line: goods.line, total, lots });
        }
        Ok(TransferTarget { lines, rest: self.rest, over: self.over })
    }
}

impl Line {
    /// The goods of the order that this line means.
    fn goods<'a>(&self, at: usize, goods: &'a [Goods], keys: &BTreeMap<i64, String>) -> Result<&'a Goods, Problem> {
        let refused = |member: &str, detail: String| {
            let error = FieldError { pointer: format!("/lines/{at}/{member}"), detail };
            Err(unfit(vec![error], "the body"))
        };
        let is_it = |goods: &Goods| keys.get(&goods.product_id) == Some(&self.product);
        if let Some(number) = self.number {
            return match goods.iter().find(|goods| goods.number == number) {
                Some(goods) if is_it(goods) => Ok(goods),
                _ => refused("line", format!("line {number} of the order is not `{}`", self.product)),
            };
        }
        let mut found = goods.iter().filter(|goods| is_it(goods));
        match (found.next(), found.next()) {
            (Some(only), None) => Ok(only),
            (Some(_), Some(_)) => {
                refused("line", format!("several lines of the order are `{}`; say which, counted from 1", self.product))
            }
            (None, _) => refused("product", format!("`{}` is on no line of the order", self.product)),
        }
    }
}

/// A target in the form that its effect keeps.
pub(crate) fn keep(target: &TransferTarget) -> Value {
    let rest = RESTS.iter().find(|(_, rest)| *rest == target.rest).map(|(word, _)| *word);
    let line = |line: &LineTotal| {
        let lots: Vec<Value> = line.lots.iter().map(|(lot, quantity)| json!([lot, decimal::text(*quantity)])).collect();
        json!({"line": line.line, "total": decimal::text(line.total), "lots": lots})
    };
    json!({"lines": target.lines.iter().map(line).collect::<Vec<_>>(), "remainder": rest, "over": target.over})
}

/// The target that an effect kept.
pub(crate) fn kept(kept: &Value) -> Option<TransferTarget> {
    let word = kept.get("remainder")?.as_str()?;
    let lot = |pair: &Value| {
        let name = pair.get(0)?.as_str()?.to_owned();
        Some((name, decimal::parse_text(pair.get(1)?.as_str()?)?))
    };
    let line = |line: &Value| {
        Some(LineTotal {
            line: line.get("line")?.as_i64()?,
            total: decimal::parse_text(line.get("total")?.as_str()?)?,
            lots: line.get("lots")?.as_array()?.iter().map(lot).collect::<Option<_>>()?,
        })
    };
    Some(TransferTarget {
        lines: kept.get("lines")?.as_array()?.iter().map(line).collect::<Option<_>>()?,
        rest: RESTS.iter().find(|(known, _)| *known == word)?.1,
        over: kept.get("over")?.as_bool()?,
    })
}

/// What was read back, for the answer (see [`told`]).
pub(crate) fn show(report: &TransferReport) -> Value {
    let line = |line: &Moved| {
        let unit = Some(line.unit);
        let lot = |(lot, quantity): &(String, Decimal)| json!({"lot": lot, "quantity": told::amount(*quantity, unit)});
        let lots: Vec<Value> = line.lots.iter().map(lot).collect();
        json!({"product": line.product_id, "total": told::amount(line.total, unit), "lots": lots})
    };
    json!({
        "lines": report.lines.iter().map(line).collect::<Vec<_>>(),
        "transfers": report.transfers,
        "backorder": report.backorder,
        "positions": positions(&report.positions),
    })
}

/// Where stock lies, for an answer.
pub(crate) fn positions(positions: &[Position]) -> Vec<Value> {
    let position = |one: &Position| {
        let quantity = told::amount(one.quantity, Some(one.unit));
        json!({"product": one.product_id, "location": one.location, "lot": one.lot, "quantity": quantity})
    };
    positions.iter().map(position).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_are_read_whole_or_everything_wrong_is_said() {
        let body = json!({
            "lines": [{"product": "P", "quantity": {"value": "6", "unit": "kg"}, "lots": [{"lot": "A", "quantity": {"value": "6", "unit": "kg"}}]}],
            "remainder": "close", "over": "accept",
        });
        let totals = read(&body).unwrap();
        assert_eq!((totals.lines.len(), totals.rest, totals.over), (1, Rest::Close, true));
        for (body, pointers) in [
            (json!({}), vec!["/lines"]),
            (json!({"remainder": "close"}), vec![]),
            (json!({"lines": [{}], "why": 1}), vec!["/why", "/lines/0/product", "/lines/0/quantity"]),
            (
                json!({"lines": [{"product": "P", "line": 0, "quantity": {"value": "-1", "unit": "1"}}], "over": "yes"}),
                vec!["/over", "/lines/0/line", "/lines/0/quantity/value"],
            ),
            (json!({"lines": {"product": "P"}, "remainder": "close"}), vec!["/lines"]),
            (
                json!({"lines": [{"product": "P", "quantity": {"value": "1", "unit": "1"}, "lots": {"lot": "A"}}]}),
                vec!["/lines/0/lots"],
            ),
            (
                json!({"lines": [{"product": "P", "quantity": {"value": "1", "unit": "1"}, "lots": [{"lot": " "}]}]}),
                vec!["/lines/0/lots/0/lot", "/lines/0/lots/0/quantity"],
            ),
        ] {
            let errors = read(&body).err().unwrap_or_default();
            assert_eq!(errors.iter().map(|error| error.pointer.as_str()).collect::<Vec<_>>(), pointers, "{body}");
        }
    }

    #[test]
    fn a_target_is_kept_exactly() {
        let lots = vec![("A".to_owned(), "0.30".parse().unwrap())];
        let target = TransferTarget {
            lines: vec![LineTotal { line: 7, total: "0.30".parse().unwrap(), lots }],
            rest: Rest::Close,
            over: true,
        };
        assert_eq!(kept(&keep(&target)), Some(target));
    }
}
