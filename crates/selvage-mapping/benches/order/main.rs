//! A production order with ten components, from Odoo's record to the object and back, through a mapping and by hand: the same
//! bytes in, the same bytes out. Rounds of the two take turns on one core; the last line is what was counted, as JSON.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a measurement may fail loudly"
)]

mod by_hand;

use std::hint::black_box;
use std::time::{Duration, Instant};

use by_hand::Known;
use selvage_mapping::{CompiledMapping, LinkAnswer, LinkQuery, Links};
use selvage_model::read::{self, Sources};
use serde_json::{Value, json};

/// The allocator of the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const UNITS: [(i64, &str, &str); 4] = [
    (1, "uom.product_uom_unit", "1"),
    (12, "uom.product_uom_kgm", "kg"),
    (5, "uom.product_uom_meter", "m"),
    (10, "uom.product_uom_litre", "L"),
];

/// Records as `search_read` gives them, with their lines; no two alike.
fn records() -> Vec<Vec<u8>> {
    let line = |order: i64, place: i64| {
        let unit = UNITS[usize::try_from((order + place) % 4).unwrap()];
        json!({
            "id": order * 10 + place, "product_id": [100 + place, format!("[CMP-{:03}] Component {place}", 100 + place)],
            "product_uom_qty": serde_json::from_str::<Value>(&format!("{}.25", 1 + (order * place) % 90)).unwrap(),
            "quantity": serde_json::from_str::<Value>(&format!("{}.0", (order + place) % 7)).unwrap(),
            "product_uom": [unit.0, "Label"], "picked": (order + place) % 2 == 0,
        })
    };
    let order = |order: i64| {
        json!({
            "id": order, "name": format!("WH/MO/{order:05}"), "product_id": [47, "[BIK-1795411897] Bicycle"],
            "product_qty": serde_json::from_str::<Value>(&format!("{order}.0")).unwrap(),
            "qty_produced": serde_json::from_str::<Value>("0.0").unwrap(), "product_uom_id": [1, "Units"], "state": "confirmed",
            "date_start": if order % 5 == 0 { json!(false) } else { json!("2026-11-23 05:31:43") },
            "origin": if order % 3 == 0 { json!(false) } else { json!(format!("EXT-{order}")) },
            "company_id": [1, "YourCompany"], "write_date": format!("2026-11-23 05:{:02}:43", order % 60),
            "move_raw_ids": (0..10).map(|place| line(order, place)).collect::<Vec<_>>(),
        })
    };
    (1..=200).map(|id| serde_json::to_vec(&order(id)).unwrap()).collect()
}

fn mapping() -> CompiledMapping {
    let reading = read::read(&Sources::of("fabric.yaml", include_str!("fabric.yaml")));
    assert!(reading.is_clean(), "{:#?}", reading.findings);
    let name = "production-order-odoo".parse().unwrap();
    CompiledMapping::compile(&reading.fabric.mappings[&name], &reading.fabric, 18).unwrap()
}

/// The same answers for both.
fn known() -> (Links, Known) {
    let (mut links, mut known) = (Links::new(), Known::default());
    let product = || "product".parse().unwrap();
    let mut products: Vec<(i64, String)> = (100..110).map(|id| (id, format!("CMP-{id:03}"))).collect();
    products.push((47, "BIK-1795411897".to_owned()));
    for (id, code) in products {
        links.insert(LinkQuery::Key { object: product(), id }, LinkAnswer::Text(code.clone()));
        links.insert(LinkQuery::ByKey { object: product(), key: code.clone() }, LinkAnswer::Id(id));
        known.products.insert(id, code.clone());
        known.products_by_code.insert(code, id);
    }
    for (id, word, code) in UNITS {
        for field in ["product_uom_id", "move_raw_ids.product_uom"] {
            let query = LinkQuery::ExternalId { field: field.to_owned(), id };
            links.insert(query, LinkAnswer::Text(word.to_owned()));
        }
        links.insert(LinkQuery::ByExternalId { external_id: word.to_owned() }, LinkAnswer::Id(id));
        known.units.insert(id, word.to_owned());
        known.units_by_word.insert(word.to_owned(), id);
        known.codes.insert(word.to_owned(), code.to_owned());
        known.words.insert(code.to_owned(), word.to_owned());
    }
    links.insert(LinkQuery::Site { company: 1 }, LinkAnswer::Text("ghent".to_owned()));
    links.insert(LinkQuery::Company { site: "ghent".parse().unwrap() }, LinkAnswer::Id(1));
    known.sites.insert(1, "ghent".to_owned());
    known.companies.insert("ghent".to_owned(), 1);
    (links, known)
}

/// The object and the new record, as bytes.
type Out = (Vec<u8>, Vec<u8>);

fn mapped(bytes: &[u8], mapping: &CompiledMapping, links: &Links) -> Out {
    let record: Value = serde_json::from_slice(bytes).unwrap();
    let object = mapping.get(&record, links).unwrap();
    let values = mapping.put(&object, None, links).unwrap();
    (serde_json::to_vec(&object).unwrap(), serde_json::to_vec(&values).unwrap())
}

fn handwritten(bytes: &[u8], known: &Known) -> Out {
    let object = by_hand::read(bytes, known).unwrap();
    let values = by_hand::write(&object, known).unwrap();
    (serde_json::to_vec(&object).unwrap(), serde_json::to_vec(&values).unwrap())
}

/// How long this process ran on a processor, where the kernel says so: what else the machine does is not counted.
fn on_processor(began: Instant) -> Duration {
    let counted = std::fs::read_to_string("/proc/self/schedstat").ok();
    let counted = counted.and_then(|text| text.split_whitespace().next()?.parse().ok());
    counted.map_or_else(|| began.elapsed(), Duration::from_nanos)
}

/// Records a second of one core.
fn rate<T>(records: &[Vec<u8>], within: Duration, translate: impl Fn(&[u8]) -> T) -> f64 {
    let (began, mut count) = (Instant::now(), 0_u32);
    let before = on_processor(began);
    while began.elapsed() < within {
        for record in records {
            black_box(translate(black_box(record)));
        }
        count += u32::try_from(records.len()).unwrap();
    }
    f64::from(count) / (on_processor(began) - before).as_secs_f64()
}

/// Microseconds of each stage of a record, for whoever looks for time that is lost.
fn stages(records: &[Vec<u8>], mapping: &CompiledMapping, links: &Links) {
    let within = Duration::from_millis(500);
    let parse = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap();
    let get = |bytes: &[u8]| mapping.get(&parse(bytes), links).unwrap();
    let put = |bytes: &[u8]| mapping.put(&get(bytes), None, links).unwrap();
    let mut so_far = 0.0;
    let mut show = |stage: &str, rate: f64| {
        let all = 1e6 / rate;
        eprintln!("{stage}: {:.2} µs", all - so_far);
        so_far = all;
    };
    show("parse", rate(records, within, parse));
    show("get", rate(records, within, get));
    show("put", rate(records, within, put));
    show("print", rate(records, within, |bytes| mapped(bytes, mapping, links)));
    let asked = rate(records, within, |bytes| mapping.links(&parse(bytes)));
    eprintln!("parse and ask: {:.2} µs", 1e6 / asked);
}

fn main() {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let (records, mapping, (links, known)) = (records(), mapping(), known());
    let value = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap();
    for record in &records {
        let (ours, theirs) = (mapped(record, &mapping, &links), handwritten(record, &known));
        assert_eq!(value(&ours.0), value(&theirs.0), "the objects are not the same");
        assert_eq!(value(&ours.1), value(&theirs.1), "the records are not the same");
    }
    if std::env::args().any(|argument| argument == "--stages") {
        return stages(&records, &mapping, &links);
    }
    let (rounds, within) = if quick { (10, Duration::from_millis(300)) } else { (30, Duration::from_millis(500)) };
    let (mut by_mapping, mut by_hand) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        by_hand.push(rate(&records, within, |record| handwritten(record, &known)));
        by_mapping.push(rate(&records, within, |record| mapped(record, &mapping, &links)));
    }
    println!("{}", json!({"by_mapping": by_mapping, "by_hand": by_hand}));
}
