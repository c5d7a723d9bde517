//! The closed loop: each connection asks again as soon as it was answered. It finds how much a server can do;
//! its latencies say nothing and are not taken.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::task::JoinSet;

use super::{Target, alone};

/// What a closed loop got done.
pub(crate) struct Done {
    /// How many requests were answered.
    pub(crate) answers: f64,
    /// In what time.
    pub(crate) took: Duration,
}

/// Asks over so many connections and so long, as fast as it is answered.
pub(crate) async fn closed(target: Target, connections: usize, lasts: Duration) -> Result<Done> {
    alone(move || async move {
        let (asked, answered) = (Rc::new(Cell::new(0_usize)), Rc::new(Cell::new(0_usize)));
        let mut clients = JoinSet::new();
        let began = Instant::now();
        for _ in 0..connections {
            let (target, asked, answered) = (target.clone(), Rc::clone(&asked), Rc::clone(&answered));
            clients.spawn_local(async move {
                let mut sender = target.connect().await?;
                while began.elapsed() < lasts {
                    target.ask(&mut sender, asked.replace(asked.get() + 1)).await?;
                    answered.set(answered.get() + 1);
                }
                anyhow::Ok(())
            });
        }
        while let Some(client) = clients.join_next().await {
            client??;
        }
        #[allow(clippy::cast_precision_loss, reason = "far fewer answers than 2^52")]
        let answers = answered.get() as f64;
        Ok(Done { answers, took: began.elapsed() })
    })
    .await
}
