//! The recorded exchanges in XML-RPC, sent as they were written: what comes back is the recorded text, but for ids, moments and
//! the frames of a traceback.

use selvage_factory::odoo::OdooVersion;
use serde_json::{Map, Value as Json, json};

use crate::player::Player;
use crate::recording::raw;

/// The product and the done order of the recording.
const PRODUCT: &str = "<int>44</int>";
const ORDER: &str = "<int>1</int>";

/// A frame of that reference in kilograms that a bill of materials needs, and a done order by that; their ids as they are
/// written.
fn prepared(player: &Player) -> (String, String) {
    let call = |model: &str, method: &str, args: Json| {
        player.factory.odoo.call(model, method, args.as_array().unwrap(), &Map::new()).unwrap()
    };
    let kilogram = call("uom.uom", "search", json!([[["name", "=", "kg"]]]))[0].clone();
    let values = json!({"name": "Frame", "default_code": "FRM-1795411897", "uom_id": kilogram, "weight": 1.17});
    let frame = call("product.product", "create", json!([values]));
    let made = call("product.product", "create", json!([{"name": "Bicycle"}]));
    let template = call("product.product", "read", json!([[made], ["product_tmpl_id"]]));
    let bom = json!({
        "product_tmpl_id": template[0]["product_tmpl_id"][0], "product_qty": 1,
        "bom_line_ids": [[0, 0, {"product_id": frame, "product_qty": 1}]],
    });
    let bom = call("mrp.bom", "create", json!([bom]));
    let order = call("mrp.production", "create", json!([{"product_id": made, "product_qty": 1, "bom_id": bom}]));
    for button in ["action_confirm", "button_mark_done"] {
        call("mrp.production", button, json!([[order]]));
    }
    (format!("<int>{frame}</int>"), format!("<int>{order}</int>"))
}

#[tokio::test]
async fn odoo_18_xmlrpc() {
    let player = Player::start(OdooVersion::V18).await;
    let (product, order) = prepared(&player);
    let http = reqwest::Client::new();
    for step in raw("18", "xmlrpc") {
        let name = step["step"].as_str().unwrap();
        let mut request = step["request"].as_str().unwrap().replace("&lt;password&gt;", "admin");
        request = request.replace(PRODUCT, &product);
        if name == "user error" {
            request = request.replace(ORDER, &order);
        }
        let url = format!("{}{}", player.factory.odoo_url(), step["path"].as_str().unwrap());
        let answer = http.post(url).header("content-type", "text/xml").body(request).send().await.unwrap();
        assert_eq!(json!(answer.status().as_u16()), step["status"], "{name}");
        assert_eq!(answer.headers()["content-type"], step["content_type"].as_str().unwrap(), "{name}");
        let mut answer = answer.text().await.unwrap();
        if name == "search_read" {
            answer = answer.replace(&product, PRODUCT);
        }
        assert_eq!(told(&answer), told(step["response"].as_str().unwrap()), "{name}");
    }
}

/// The text with its moments blanked and, of a traceback, the first and the last line.
fn told(text: &str) -> String {
    let mut lines: Vec<String> = text.lines().map(blanked).collect();
    if let Some(first) = lines.iter().position(|line| line.contains("Traceback")) {
        let last = lines.iter().rposition(|line| line.contains("Error: ")).unwrap();
        lines.drain(first + 1..last);
        let (head, _) = lines[first].split_once("Traceback").unwrap();
        lines[first] = head.to_owned();
    }
    lines.join("\n")
}

fn blanked(line: &str) -> String {
    let moment = |text: &str| text.len() == 19 && text.as_bytes()[10] == b' ' && text.starts_with("20");
    match line.strip_prefix("<value><string>").and_then(|rest| rest.strip_suffix("</string></value>")) {
        Some(text) if moment(text) => "<value><string>a moment</string></value>".to_owned(),
        _ => line.to_owned(),
    }
}
