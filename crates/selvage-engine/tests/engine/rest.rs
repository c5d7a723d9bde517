//! A system that does not answer is left alone, refuses soon and says when to come again, and is tried by one call.

use std::time::{Duration, Instant};

use selvage_factory::odoo::{Fault, FaultKind};

use crate::bench::{Bench, done, list, refused};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_system_that_does_not_answer_is_left_alone_and_comes_back() {
    let bench = Bench::new().await;
    let node = bench.node("a").await;
    let orders = || node.ask(list("production-orders@1", &[]));
    done(orders().await);
    bench.factory.odoo.inject(Fault::always(FaultKind::ResetBefore));
    let begun = Instant::now();
    let resting = loop {
        let problem = refused(orders().await);
        if problem.code.as_str() == "FAB4190" {
            break problem;
        }
        assert_eq!(problem.code.as_str(), "FAB6009", "{}", problem.detail);
        assert!(begun.elapsed() < Duration::from_secs(20), "never left alone");
    };
    assert_eq!((resting.status, resting.retry_after.is_some()), (503, true), "{}", resting.detail);
    assert!(node.engine.figures().contains("selvage_system_left_alone{system=\"odoo\""));

    // Hundred that ask meanwhile do not reach it.
    let calls = bench.factory.odoo.journal().len();
    for _ in 0..100 {
        assert_eq!(refused(orders().await).status, 503);
    }
    assert!(bench.factory.odoo.journal().len() <= calls + 2);

    bench.factory.odoo.clear_faults();
    done(node.insist(&list("production-orders@1", &[])).await);
    assert!(node.engine.figures().contains("selvage_system_left_alone_total{system=\"odoo\""));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_whose_connection_breaks_is_sent_once_more() {
    let bench = Bench::new().await;
    let node = bench.node("a").await;
    let orders = || node.ask(list("production-orders@1", &[]));
    done(orders().await);
    bench.factory.odoo.inject(Fault::once(FaultKind::ResetBefore, "mrp.production", "search_read"));
    done(orders().await);
    assert!(
        node.engine
            .figures()
            .lines()
            .any(|line| line.starts_with("selvage_system_reads_repeated_total{") && line.ends_with(" 1"))
    );
}
