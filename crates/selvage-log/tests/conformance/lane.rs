//! INVARIANT: LANE-ORDER begins here: what a producer appended one after the other stays in that order, however many append beside
//! it, on whatever node.

use std::collections::HashMap;
use std::sync::Arc;

use selvage_model::event::Position;

use crate::stage::Stage;
use crate::{every, orders, read_all, record};

every!(lanes_keep_their_order_while_two_nodes_append, ten_thousand_lanes);

async fn lanes_keep_their_order_while_two_nodes_append(stage: &Stage) {
    const PRODUCERS: usize = 12;
    const EACH: usize = 30;
    let logs = [stage.log().await, stage.log().await];
    let producers: Vec<_> = (0..PRODUCERS)
        .map(|producer| {
            let logs = logs.clone();
            tokio::spawn(async move {
                let mut last = Position::START;
                for number in 0..EACH {
                    // The next one by the other node, once this one has acknowledged.
                    let log = Arc::clone(&logs[number % 2]);
                    let records = vec![record(&format!("{producer}-{number}"), &format!("lane-{producer}"))];
                    let appended = log.append(&orders(), records).await.unwrap();
                    assert!(appended[0].position > last);
                    last = appended[0].position;
                }
            })
        })
        .collect();
    for producer in producers {
        producer.await.unwrap();
    }
    let all = read_all(&*logs[0], &orders(), Position::START).await;
    assert_eq!(all.len(), PRODUCERS * EACH);
    let mut next: HashMap<&str, usize> = HashMap::new();
    for (index, record) in all.iter().enumerate() {
        assert_eq!(record.position, Position::new(1, index as u64 + 1).unwrap());
        let (_, number) = record.id.as_str().split_once('-').unwrap();
        let expected = next.entry(record.lane.as_str()).or_default();
        assert_eq!(number, expected.to_string(), "lane {}", record.lane);
        *expected += 1;
    }
}

async fn ten_thousand_lanes(stage: &Stage) {
    const LANES: usize = 10_000;
    let log = stage.log().await;
    let appends: Vec<_> = (0..LANES / 100)
        .map(|hundred| {
            let log = Arc::clone(&log);
            tokio::spawn(async move {
                let lanes = hundred * 100..(hundred + 1) * 100;
                let records = lanes.map(|lane| record(&format!("e-{lane}"), &format!("lot-{lane}"))).collect();
                log.append(&orders(), records).await.unwrap();
            })
        })
        .collect();
    for append in appends {
        append.await.unwrap();
    }
    let all = read_all(&*log, &orders(), Position::START).await;
    let lanes: std::collections::HashSet<_> = all.iter().map(|record| record.lane.as_str()).collect();
    assert_eq!((all.len(), lanes.len()), (LANES, LANES));
    // No lane has a counter of its own: what grows in the stream grows in each lane.
    assert!(all.windows(2).all(|pair| pair[0].position.sequence() < pair[1].position.sequence()));
}
