//! The recordings of real servers, played against the simulated Odoo through its HTTP port.
//! `coverage` lists every recording with the test that plays it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "a test may fail loudly"
)]

mod compare;
mod coverage;
mod fields;
mod player;
mod recording;
mod shapes;
mod webhooks;
mod xml;
mod xmlrpc;

use player::{Dialect, Player};
use recording::{Request, read};
use selvage_factory::odoo::OdooVersion;
use serde_json::{Map, Value as Json, json};

const DIALECTS: [Dialect; 2] = [Dialect::Json, Dialect::Xml];

/// In the order in which they were recorded: they share one stock.
const REPORTS: [&str; 6] =
    ["report_whole", "report_short", "report_close_short", "report_over_consumption", "report_other", "report_right"];

fn assert_same(player: &Player) {
    assert!(player.differences.is_empty(), "{}", player.differences.join("\n"));
}

#[tokio::test]
async fn odoo_18_reports_and_companies() {
    for dialect in DIALECTS {
        let mut player = Player::speaking(dialect, OdooVersion::V18).await;
        for report in REPORTS {
            player.play(&read("18", report)).await;
        }
        // The recorded database had a second company already.
        player.factory.odoo.call("res.company", "create", &[json!({ "name": "Brno 0" })], &Map::new()).unwrap();
        player.learn("companies", "res.company", 2, 2);
        player.play(&read("18", "companies")).await;
        assert_same(&player);
    }
}

#[tokio::test]
async fn odoo_19_reports_and_companies() {
    let mut player = Player::start(OdooVersion::V19).await;
    for report in REPORTS {
        player.play(&read("19", report)).await;
    }
    player.play(&read("19", "companies")).await;
    assert_same(&player);
}

#[tokio::test]
async fn odoo_18_products_manufacturing_purchasing_and_sales() {
    for dialect in DIALECTS {
        let mut player = Player::speaking(dialect, OdooVersion::V18).await;
        player.play(&read("18", "session")).await;
        player.play(&read("18", "errors")).await;
        for story in ["products", "manufacturing", "purchasing", "sales"] {
            player.play(&read("18", story)).await;
        }
        assert_same(&player);
    }
}

/// Maintenance, and a user of no application, who is refused as recorded.
#[tokio::test]
async fn odoo_18_maintenance_and_access() {
    let mut steps = read("18", "access");
    for step in &mut steps {
        if let (true, Request::Object { login, .. }) = (step.name.starts_with("limited user"), &mut step.request) {
            login.password = "limited-pass-1".to_owned();
        }
    }
    for dialect in DIALECTS {
        let mut player = Player::speaking(dialect, OdooVersion::V18).await;
        player.play(&steps).await;
        assert_same(&player);
    }
}

#[tokio::test]
async fn odoo_19_json2() {
    let mut player = Player::start(OdooVersion::V19).await;
    let mut steps = read("19", "json2");
    // The recorded database had another robot, and had its lengths apart.
    let units = steps.iter_mut().find(|step| step.name == "units of measure").unwrap();
    units.response = serde_json::from_str(&units.response.to_string().replace("NWOSBot", "OdooBot")).unwrap();
    let millimeter = units.response.as_array_mut().unwrap().iter_mut().find(|unit| unit["name"] == "mm").unwrap();
    millimeter["related_uom_ids"] = json!([8, 9]);
    player.play(&steps).await;
    assert_same(&player);
}

/// The recorded moments are those of another day: the same questions are asked about a record of this one.
#[tokio::test]
async fn odoo_18_paging() {
    let mut player = Player::start(OdooVersion::V18).await;
    for report in ["report_whole", "report_short"] {
        player.play(&read("18", report)).await;
    }
    let steps = read("18", "paging");
    let newest = 24;
    let (_, _, first) = player.send(&steps[0].request, None).await;
    let (id, second) =
        (first["result"][0]["id"].as_i64().unwrap(), first["result"][0]["write_date"].as_str().unwrap().to_owned());
    player.learn("newest", "mrp.production", newest, id);
    for step in &steps[1..] {
        let Request::Object { login, model, method, args, kwargs } = step.request.clone() else { panic!("{step:?}") };
        let args = serde_json::from_str(&shifted(&json!(args).to_string(), &second)).unwrap();
        let (_, _, answer) = player.send(&Request::Object { login, model, method, args, kwargs }, None).await;
        let holds = |ids: &Json, id: i64| ids["result"].as_array().unwrap().contains(&json!(id));
        assert_eq!(holds(&step.response, newest), holds(&answer, id), "{}: {answer}", step.name);
    }
}

/// The recorded second and the next one, as this record's second and the next one.
fn shifted(text: &str, second: &str) -> String {
    let next: jiff::civil::DateTime = second.parse().unwrap();
    let next = next.checked_add(jiff::SignedDuration::from_secs(1)).unwrap().strftime("%Y-%m-%d %H:%M:%S").to_string();
    text.replace("2026-11-23 06:32:49", second).replace("2026-11-23 06:32:50", &next)
}
