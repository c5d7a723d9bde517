//! What is counted, as the console and Prometheus see it.

use super::running::Running;

fn some_traffic() -> Running {
    let running = Running::with(|config| config.threads = 1);
    let mut client = running.client();
    for _ in 0..3 {
        client.get("shop", "/stock/v1/items/1");
    }
    client.get("shop", "/stock/v1/items/slow");
    client.get("stranger", "/stock/v1/items");
    client.get("nobody", "/stock/v1/items");
    client.get("past", "/old-stock/v1/items");
    client.get("shop", "/nowhere/v1/at-all");
    client.request("POST", "/stock/v1/items", &[], b"");
    running
}

#[test]
fn the_console_sees_requests_refusals_and_shadows() {
    let running = some_traffic();
    let traffic = running.gateway.traffic();
    let stock = &traffic.interfaces[&"stock@1".parse().unwrap()];
    assert_eq!((stock.requests, stock.refused, stock.failed), (7, 3, 1));
    assert_eq!(stock.minutes.len(), 60);
    assert_eq!(stock.minutes.iter().sum::<u32>(), 7);
    assert_eq!(stock.minutes[..58].iter().sum::<u32>(), 0);
    let consumers: Vec<(&str, u64)> = stock.consumers.iter().map(|(name, count)| (name.as_str(), *count)).collect();
    assert_eq!(consumers, [("shop", 4), ("stranger", 1)]);
    let refusals: Vec<(&str, u64)> = stock.refusals.iter().map(|(code, count)| (code.as_str(), *count)).collect();
    assert_eq!(refusals, [("FAB4002", 1), ("FAB4011", 1), ("FAB4020", 1), ("FAB4051", 1)]);
    assert_eq!(traffic.shadow, 2);
    let samples: Vec<(&str, &str)> =
        traffic.shadow_samples.iter().map(|sample| (sample.method.as_str(), sample.path.as_str())).collect();
    assert_eq!(samples, [("GET", "/nowhere/v1/at-all"), ("POST", "/stock/v1/items")]);
}

#[test]
fn prometheus_can_read_the_metrics() {
    let running = some_traffic();
    let answer = running.admin().request("GET", "/metrics", &[], b"");
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let text = answer.text();
    for line in [
        "selvage_gateway_requests_total{interface=\"stock@1\",consumer=\"shop\",operation=\"get-item\",status=\"2xx\"} 3",
        "selvage_gateway_requests_total{interface=\"stock@1\",consumer=\"shop\",operation=\"get-item\",status=\"5xx\"} 1",
        "selvage_gateway_requests_total{interface=\"stock@1\",consumer=\"\",operation=\"list-items\",status=\"4xx\"} 1",
        "selvage_gateway_request_duration_seconds_count{interface=\"stock@1\",operation=\"get-item\"} 4",
        "selvage_gateway_request_duration_seconds_bucket{interface=\"stock@1\",operation=\"get-item\",le=\"+Inf\"} 4",
        "selvage_gateway_refusals_total{interface=\"stock@1\",code=\"FAB4020\"} 1",
        "selvage_gateway_refusals_total{interface=\"\",code=\"FAB4001\"} 1",
        "selvage_gateway_overdue_requests_total{interface=\"old-stock@1\",consumer=\"past\",operation=\"list-items\"} 1",
        "selvage_gateway_shadow_requests_total 2",
        "selvage_gateway_access_revision 1",
        "# TYPE selvage_gateway_request_duration_seconds histogram",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    is_wellformed(text);
}

/// Every sample belongs to the family announced above it, and no sample stands twice.
fn is_wellformed(text: &str) {
    let mut family = String::new();
    let mut seen = std::collections::HashSet::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            family = rest.split(' ').next().unwrap().to_owned();
        } else if !line.starts_with('#') {
            let (sample, value) = line.rsplit_once(' ').unwrap();
            let name = sample.split('{').next().unwrap();
            let stem = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
            assert!(name == family || stem == family, "{line}");
            assert!(value.parse::<f64>().is_ok(), "{line}");
            assert!(seen.insert(sample.to_owned()), "{line}");
        }
    }
}

#[test]
fn problems_point_to_pages_that_the_gateway_serves() {
    let running = Running::with(|config| config.pages = Some(|code| (code == "FAB4001").then_some("# FAB4001")));
    let mut client = running.client();
    let place = client.request("GET", "/nowhere", &[], b"").json()["type"].as_str().unwrap().to_owned();
    let page = client.request("GET", &place, &[], b"");
    assert_eq!((page.text(), page.header("content-type")), ("# FAB4001", Some("text/markdown; charset=utf-8")));
    assert_eq!(client.request("GET", "/errors/FAB9999", &[], b"").said(), (404, "FAB4001".to_owned()));
}

#[test]
fn metrics_are_not_for_outsiders() {
    let running = Running::start();
    let mut client = running.client();
    assert_eq!(client.request("GET", "/metrics", &[], b"").said(), (404, "FAB4001".to_owned()));
    assert_eq!(client.request("GET", "/livez", &[], b"").text(), "ok\n");
    assert_eq!(client.request("GET", "/readyz", &[], b"").text(), "ok\n");
    let mut admin = running.admin();
    assert_eq!(admin.request("GET", "/stock/v1/items", &[], b"").status, 404);
    let refused = admin.request("POST", "/metrics", &[], b"");
    assert_eq!((refused.status, refused.header("allow")), (405, Some("GET, HEAD")));
}

#[test]
fn without_an_admin_address_there_is_no_admin() {
    let running = Running::with(|config| config.admin = None);
    assert_eq!(running.gateway.admin_address(), None);
    assert!(running.gateway.metrics().contains("selvage_gateway_connections 0"));
}
