//! How nodes take what is released and activated: whatever day it is, and what they say where they cannot.

use std::path::Path;
use std::sync::Arc;

use reqwest::StatusCode;
use selvage_control::desk::{Activating, Desk, Files, Proposal, Seal, shown};
use selvage_store::Store;

use crate::changes::{Plants, serve};
use crate::fixture::{eventually, selvage, stdout};
use crate::reading::Reading;

/// A desk that finds nothing wrong, as that of an earlier day, and what it signs with.
struct Earlier {
    store: Store,
    desk: Desk,
    seal: Seal,
}

impl Earlier {
    async fn at(plants: &Plants) -> Self {
        let url = match plants.store.as_slice() {
            [option, url] if option == "--store" => url.clone(),
            _ => format!("sqlite:{}", plants.place.path("data/selvage.db").display()),
        };
        std::fs::create_dir_all(plants.place.path("data")).unwrap();
        let store = Store::open(&url).await.unwrap();
        let desk = Desk::new(store.clone(), Arc::new(Reading { judges: false }));
        Self { store, desk, seal: Seal::open(&plants.place.path("data/release.key")).unwrap() }
    }

    /// Makes the files of a domain, as they stand, its next release.
    async fn release(&self, plants: &Plants, domain: &str, by: &str) -> String {
        let mut files = Files::new();
        read(&plants.fabric(), &plants.fabric(), &mut files);
        let (domain, title, author) = (Some(domain.parse().unwrap()), "as it was then".to_owned(), by.to_owned());
        let proposal = Proposal { domain, files, title, author, emergency: false, amends: None };
        let change = self.desk.propose(proposal).await.unwrap();
        let (change, standing) = self.desk.change(&change.id).await.unwrap();
        plants.approve(&shown(&change, &standing));
        self.desk.release(&change.id, by, &self.seal).await.unwrap().id
    }

    async fn activate(&self, release: &str, environments: &[&str]) {
        for environment in environments {
            let (by, because) = ("p.moreau".to_owned(), "it is time".to_owned());
            let activating = Activating { environment: environment.parse().unwrap(), by, because };
            self.desk.activate(release, &activating).await.unwrap();
        }
    }
}

fn read(root: &Path, directory: &Path, files: &mut Files) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read(root, &path, files);
        } else {
            let name = path.strip_prefix(root).unwrap().display().to_string();
            files.insert(name, std::fs::read_to_string(&path).unwrap());
        }
    }
}

const BOTH: [&str; 2] = ["test", "prod"];

#[tokio::test(flavor = "multi_thread")]
async fn a_waiver_that_has_ended_since_stops_no_node() {
    let plants = Plants::new().await;
    let stock = plants.fabric().join("domains/plant-ghent/stock.yaml");
    let text = std::fs::read_to_string(&stock).unwrap();
    std::fs::write(&stock, text.replace("until: 2030-01-01\n", "until: 2020-01-01\n")).unwrap();
    let earlier = Earlier::at(&plants).await;
    for (domain, by) in [("group", "a.lindqvist"), ("plant-ghent", "m.dewit")] {
        earlier.activate(&earlier.release(&plants, domain, by).await, &BOTH).await;
    }
    let fabric = plants.fabric();
    let checked = selvage(&["check", fabric.to_str().unwrap()]);
    assert_eq!(checked.status.code(), Some(1), "whoever works on it is told");
    assert!(stdout(&checked).contains("FAB2501"), "{}", stdout(&checked));

    let key = plants.place.key(&plants.store, "ghent-mes");
    for start in ["it starts", "and again"] {
        let (node, base, _) = serve(&plants);
        let status = plants.status(&format!("{base}/ghent-stock/v1/FRM-TUBE"), &key).await;
        assert!(status.is_success() || status == StatusCode::NOT_FOUND, "{start}: {status}");
        drop(node);
    }
    // Nor does it stop what another domain does.
    let (_node, base, _) = serve(&plants);
    let url = format!("{base}/brno-stock/v1/FRM-TUBE");
    let first = earlier.release(&plants, "plant-brno", "l.kral").await;
    assert_eq!(plants.status(&url, "no key").await, StatusCode::NOT_FOUND);
    earlier.activate(&first, &BOTH).await;
    let runs = async || (plants.status(&url, "no key").await == StatusCode::UNAUTHORIZED).then_some(());
    eventually("the other domain's release runs", runs).await;
    let board = plants.well(&["board"]);
    assert!(board.contains("FAB2501") && board.contains("prod") && board.contains("stock.yaml"), "{board}");
    assert!(!earlier.store.active_domains().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_directory_is_served_in_a_store_where_releases_are_active() {
    let plants = Plants::new().await;
    let earlier = Earlier::at(&plants).await;
    for (domain, by) in [("group", "a.lindqvist"), ("plant-ghent", "m.dewit"), ("plant-brno", "l.kral")] {
        earlier.activate(&earlier.release(&plants, domain, by).await, &["test"]).await;
    }
    let before = plants.well(&["grant", "list"]);
    assert_eq!(before.lines().filter(|line| line.contains("-stock@1")).count(), 4, "{before}");
    // What the directory says of its environments is its own word: it may say that none is protected, and ask for less.
    let directory = plants.place.fabric();
    let refused = plants.refused(&["serve", "--fabric", directory.to_str().unwrap(), "--env", "dev"], "FAB7063");
    assert!(refused.contains("`test`"), "{refused}");
    assert_eq!(plants.well(&["grant", "list"]), before, "and no grant has ended");
}
