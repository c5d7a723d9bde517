//! Captures of an Odoo whose clock is not ours: minutes before it, minutes behind it, and put back while it runs. Nothing is missed.

use jiff::SignedDuration;
use selvage_factory::FactoryConfig;
use selvage_store::{CaptureStage, Word};
use serde_json::json;

use crate::bench::Bench;
use crate::capture::{Capturing, call, capturing, new_product, replayed, until};

/// Further off than looks go back.
const OFF: SignedDuration = SignedDuration::from_mins(10);

async fn bench(clock: SignedDuration) -> Bench {
    let mut config = FactoryConfig::default();
    config.odoo.clock = clock;
    Bench::with(config).await
}

async fn capture(bench: &Bench) -> Capturing {
    let capturing = Capturing::start(bench, "a", capturing(&bench.factory.odoo_url(), &[])).await;
    capturing.following("product-events@1").await;
    capturing
}

/// Whether the last that was told of a product is this name; none where it is told to be gone, or was never told.
async fn is_told(capturing: &Capturing, id: i64, name: Option<&str>) {
    let subject = format!("odoo-{id}");
    until(async || {
        let table = replayed(&capturing.events("product-events@1").await);
        table.get(&subject).map(|product| product["name"].as_str().unwrap().to_owned()) == name.map(str::to_owned)
    })
    .await;
}

fn rename(bench: &Bench, id: i64, name: &str) {
    call(bench, "product.product", "write", &[json!([id]), json!({"name": name})]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_minutes_off_hides_nothing() {
    for clock in [OFF, -OFF] {
        let bench = bench(clock).await;
        let capturing = capture(&bench).await;
        let (kept, gone) = (new_product(&bench, "KEPT"), new_product(&bench, "GONE"));
        is_told(&capturing, kept, Some("KEPT")).await;
        is_told(&capturing, gone, Some("GONE")).await;
        rename(&bench, kept, "renamed");
        call(&bench, "product.product", "unlink", &[json!([gone])]);
        is_told(&capturing, kept, Some("renamed")).await;
        is_told(&capturing, gone, None).await;
        let created = capturing.events_of("product-events@1", ".created").await;
        let of_kept: Vec<_> = created.iter().filter(|event| event["data"]["code"] == "KEPT").collect();
        assert_eq!(of_kept.len(), 1, "once: {clock}");
        capturing.end().await;
    }
}

/// What is written by a clock that was put back carries a second that is long behind what was seen.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_after_a_clock_was_put_back_is_told() {
    let bench = bench(SignedDuration::ZERO).await;
    let old = new_product(&bench, "OLD");
    // More than those of which it is asked whether they were written earlier than is known.
    let newer: Vec<i64> = (0..45).map(|number| new_product(&bench, &format!("NEWER-{number}"))).collect();
    let capturing = capture(&bench).await;
    is_told(&capturing, newer[44], Some("NEWER-44")).await;
    // The second of those is another than that in which the others were written.
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    for id in &newer {
        rename(&bench, *id, "newer");
    }
    is_told(&capturing, newer[44], Some("newer")).await;

    bench.factory.odoo.set_clock(-OFF);
    let made = new_product(&bench, "MADE");
    rename(&bench, old, "renamed");
    is_told(&capturing, made, Some("MADE")).await;
    is_told(&capturing, old, Some("renamed")).await;

    // One of the newest looks as if the database was restored from before: a person says that it was not, and nothing is missed.
    rename(&bench, newer[20], "renamed");
    let paused = async || {
        let captures = capturing.store.captures().await.unwrap();
        captures.into_iter().find(|of| of.record == "product.product").unwrap().paused
    };
    until(async || paused().await.is_some()).await;
    assert_eq!(paused().await.unwrap().code, "FAB5140");
    let word = Word { by: "m.ops", because: "its clock was put back" };
    capturing.store.resume_capture(&"product-events@1".parse().unwrap(), CaptureStage::Telling, word).await.unwrap();
    is_told(&capturing, newer[20], Some("renamed")).await;

    bench.factory.odoo.set_clock(SignedDuration::ZERO);
    rename(&bench, old, "in time");
    is_told(&capturing, old, Some("in time")).await;
    capturing.end().await;
}
