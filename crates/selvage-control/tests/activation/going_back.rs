//! Going back while something large is proposed: lines stand, and nobody waits for a comparison.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};

use selvage_control::desk::{Desk, DeskError, Files, GoingBack, Look, Proposal, Went};

use super::{Stage, activating, plant};
use crate::beside::{Beside, Happens};

/// Waits at what has this word, until it is let go on.
struct Slow {
    word: &'static str,
    begun: Sender<()>,
    go_on: Mutex<Receiver<()>>,
}

impl Happens for Slow {
    fn at_look(&self, files: &Files) {
        if files.values().any(|text| text.contains(self.word)) {
            self.begun.send(()).unwrap();
            self.go_on.lock().unwrap_or_else(PoisonError::into_inner).recv().unwrap();
        }
    }
}

/// Counts how often it reads, looks and tries.
#[derive(Default)]
struct Counting {
    reads: AtomicUsize,
    looks: AtomicUsize,
    trials: AtomicUsize,
}

impl Counting {
    /// How often since it was asked last.
    fn so_often(&self) -> (usize, usize, usize) {
        let taken = |count: &AtomicUsize| count.swap(0, Ordering::SeqCst);
        (taken(&self.reads), taken(&self.looks), taken(&self.trials))
    }
}

impl Happens for Counting {
    fn at_read(&self, files: &Files) {
        // What is read of nothing costs nothing.
        self.reads.fetch_add(usize::from(!files.is_empty()), Ordering::SeqCst);
    }

    fn at_look(&self, _files: &Files) {
        self.looks.fetch_add(1, Ordering::SeqCst);
    }

    fn at_trial(&self) {
        self.trials.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_read_or_judged_twice_on_the_way_forth_and_back() {
    let stage = Stage::new().await;
    let first = stage.released("plant-ghent", plant("ghent", &["mes"])).await;
    let second = stage.released("plant-ghent", plant("ghent", &["mes", "planning"])).await;
    let brno = stage.released("plant-brno", plant("brno", &["mes"])).await;
    stage.activated(&first, "dev").await;
    let look = Arc::new(Beside(Counting::default()));
    // A name that nobody proves: it is not asked whose step it is, where nothing is protected.
    let desk = Desk::new(stage.store.unproven(), Arc::clone(&look) as Arc<dyn Look>);
    let went = async |what: Result<Went, DeskError>| (what.unwrap().release, look.0.so_often());
    let forth = desk.activate(&second, &activating("dev")).await;
    // What would run is looked at once; what is written otherwise there now is read; so are test and prod, which run the same, once; and
    // whether the environment is protected is read of the group's files.
    assert_eq!(went(forth).await, (second.clone(), (3, 1, 1)));
    let back = |from: &str| GoingBack { domain: "plant-ghent".parse().unwrap(), from: Some(from.to_owned()), to: None };
    let there = desk.roll_back(&back(&second), &activating("dev")).await;
    assert_eq!(went(there).await, (first.clone(), (3, 0, 0)), "it was judged there");
    // Beside something that was not there then it is judged.
    desk.activate(&second, &activating("dev")).await.unwrap();
    desk.activate(&brno, &activating("dev")).await.unwrap();
    look.0.so_often();
    let beside = desk.roll_back(&back(&second), &activating("dev")).await;
    let (release, (_, looks, trials)) = went(beside).await;
    assert_eq!((release, looks, trials), (first, 1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn going_back_waits_for_nothing_that_is_proposed() {
    let stage = Stage::new().await;
    let first = stage.released("plant-ghent", plant("ghent", &["mes"])).await;
    let second = stage.released("plant-ghent", plant("ghent", &["mes", "planning"])).await;
    stage.activated(&first, "dev").await;
    stage.activated(&second, "dev").await;
    let (begun, has_begun) = channel();
    let (let_go, go_on) = channel();
    let look = Arc::new(Beside(Slow { word: "slow-reader", begun, go_on: Mutex::new(go_on) }));
    let desk = Desk::new(stage.store.clone(), look);
    let proposing = tokio::spawn({
        let desk = desk.clone();
        let (path, text) = plant("brno", &["slow-reader"]);
        let proposal = Proposal {
            domain: Some("plant-brno".parse().unwrap()),
            files: Files::from([(path, text)]),
            title: "a large one".to_owned(),
            author: "eve".to_owned(),
            emergency: false,
            amends: None,
        };
        async move { desk.propose(proposal).await }
    });
    tokio::task::spawn_blocking(move || has_begun.recv().unwrap()).await.unwrap();

    // It is looked at as long as this takes; what would come is seen, and it is done.
    let environment = "dev".parse().unwrap();
    let plan = desk.plan(&first, &environment, true).await.unwrap();
    assert_eq!((plan.release.as_str(), plan.is_active), (first.as_str(), false));
    let back = GoingBack { domain: "plant-ghent".parse().unwrap(), from: Some(second), to: None };
    let went = desk.roll_back(&back, &activating("dev")).await.unwrap();
    assert_eq!(went.release, first);
    assert!(!proposing.is_finished(), "the other still waits");
    let_go.send(()).unwrap();
    proposing.await.unwrap().unwrap();
}
