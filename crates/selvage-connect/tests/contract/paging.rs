//! Pages over a table whose times are kept to the microsecond and answered to the second, as in the recordings: whatever the
//! size of a page and however many records share a second, each comes exactly once and in order.

use jiff::Timestamp;
use selvage_connect::odoo::{Cursor, ListRequest, Odoo, Scope, from_odoo_time, to_odoo_time};
use serde_json::{Value, json};

use crate::odoo;
use crate::recording::Asked;
use crate::replay::{serve, wrap};

const BASE: i64 = 1_795_415_569;

/// Id and moment of writing.
type Row = (i64, Timestamp);

fn search(rows: &[Row], asked: &Asked) -> Value {
    let mut found: Vec<Row> = rows.iter().copied().filter(|row| fits(row, &asked.args["domain"])).collect();
    match asked.args["order"].as_str().unwrap() {
        "id" => found.sort_by_key(|(id, _)| *id),
        "write_date, id" => found.sort_by_key(|(id, written)| (*written, *id)),
        other => panic!("order {other}"),
    }
    found.truncate(asked.args["limit"].as_u64().unwrap().try_into().unwrap());
    found.iter().map(|(id, written)| json!({"id": id, "write_date": to_odoo_time(*written)})).collect()
}

fn fits((id, written): &Row, domain: &Value) -> bool {
    domain.as_array().unwrap().iter().all(|leaf| match (leaf[0].as_str().unwrap(), leaf[1].as_str().unwrap()) {
        ("id", ">") => *id > leaf[2].as_i64().unwrap(),
        ("write_date", ">=") => *written >= from_odoo_time(leaf[2].as_str().unwrap()).unwrap(),
        ("write_date", "<") => *written < from_odoo_time(leaf[2].as_str().unwrap()).unwrap(),
        other => panic!("{other:?}"),
    })
}

async fn all_pages(odoo: &Odoo, limit: usize, since: Option<Timestamp>) -> (Vec<i64>, usize) {
    let mut request = ListRequest {
        model: "mrp.production".to_owned(),
        fields: vec![],
        domain: vec![],
        scope: Scope::company(1),
        limit,
        cursor: None,
        updated_since: since,
    };
    let mut ids = Vec::new();
    for pages in 1.. {
        let page = odoo.list(&request).await.unwrap();
        assert!(page.records.len() <= limit);
        ids.extend(page.records.iter().map(|record| record["id"].as_i64().unwrap()));
        let Some(next) = page.next else { return (ids, pages) };
        assert_eq!(page.records.len(), limit, "a page is only short at the end");
        // A client holds the cursor as text.
        request.cursor = Some(next.to_string().parse::<Cursor>().unwrap());
    }
    unreachable!("the pages end");
}

#[tokio::test]
async fn each_record_once_and_in_order() {
    let mut random: u64 = 7;
    let mut below = move |limit: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % limit
    };
    for _ in 0..60 {
        let (count, seconds, limit) = (below(60), 1 + below(6), 1 + below(12));
        let mut rows: Vec<Row> = Vec::new();
        for id in 1..=count.cast_signed() {
            let second = BASE + below(seconds).cast_signed();
            let written = Timestamp::new(second, i32::try_from(below(1_000_000) * 1_000).unwrap()).unwrap();
            rows.push((id, written));
        }
        let mut expected: Vec<(i64, i64)> = rows.iter().map(|(id, written)| (written.as_second(), *id)).collect();
        expected.sort_unstable();
        let expected: Vec<i64> = expected.into_iter().map(|(_, id)| id).collect();
        let table = rows.clone();
        let odoo = odoo(&serve(18, Box::new(move |asked| Some(wrap(18, search(&table, asked))))).await);
        let limit = usize::try_from(limit).unwrap();
        let (ids, pages) = all_pages(&odoo, limit, None).await;
        assert_eq!(ids, expected, "{count} records in {seconds} seconds, pages of {limit}");
        assert_eq!(pages, expected.len().div_ceil(limit).max(1), "no empty page at the end");
        let since = Timestamp::new(BASE + 2, 999_999_000).unwrap();
        let (later, _) = all_pages(&odoo, limit, Some(since)).await;
        let in_time = |id: &&i64| rows.iter().any(|(of, written)| of == *id && written.as_second() >= BASE + 2);
        assert_eq!(later, expected.iter().filter(in_time).copied().collect::<Vec<_>>(), "the whole second counts");
    }
}
