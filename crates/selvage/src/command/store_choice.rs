//! Which store a command works on: the embedded one in a directory, or one on PostgreSQL. A node opens it as a node, everything else as a
//! command, which waits longer where the database is busy.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use selvage_store::Store;

/// Which store a command works on.
#[derive(Args, Clone)]
pub(crate) struct StoreChoice {
    /// Directory of the embedded store.
    #[arg(long, value_name = "DIR", default_value = "selvage-data", conflicts_with = "store")]
    pub(super) data: PathBuf,
    /// Address of a store on PostgreSQL, as `postgres://user@host/database`.
    #[arg(long, value_name = "URL")]
    pub(super) store: Option<String>,
}

impl StoreChoice {
    /// The embedded store in this directory.
    pub(crate) fn embedded(data: PathBuf) -> Self {
        Self { data, store: None }
    }

    /// The file of the event log's marks that belongs to an embedded store.
    pub(crate) fn marks(&self) -> Option<PathBuf> {
        self.beside("selvage.marks")
    }

    /// The directory of an embedded store.
    pub(crate) fn directory(&self) -> Option<PathBuf> {
        self.store.is_none().then(|| self.data.clone())
    }

    /// A file that belongs to an embedded store and is no part of it.
    pub(crate) fn beside(&self, name: &str) -> Option<PathBuf> {
        self.store.is_none().then(|| self.data.join(name))
    }

    /// Whether there is one, as far as can be said without opening it.
    pub(super) fn is_there(&self) -> bool {
        self.store.is_some() || self.data.join("selvage.db").exists()
    }

    /// Its address; the directory is made where it is missing.
    pub(super) fn url(&self) -> anyhow::Result<String> {
        if let Some(url) = &self.store {
            return Ok(url.clone());
        }
        std::fs::create_dir_all(&self.data)
            .with_context(|| format!("cannot make the directory `{}`", self.data.display()))?;
        Ok(format!("sqlite:{}", self.data.join("selvage.db").display()))
    }

    /// Opens one that is there. What is asked of a store that nobody filled, or done in one that no node reads, would be a
    /// mistake that looks like an answer.
    pub(crate) async fn existing(&self) -> anyhow::Result<Store> {
        self.must_be_there()?;
        self.open_patiently().await
    }

    /// Refuses a directory that holds no store: what belongs beside one is not made beside nothing.
    pub(crate) fn must_be_there(&self) -> anyhow::Result<()> {
        anyhow::ensure!(
            self.store.is_some() || self.data.join("selvage.db").is_file(),
            "there is no store in `{}`: say with --data or --store where the node keeps its own",
            self.data.display()
        );
        Ok(())
    }

    /// Opens it for what may come before the first node; where there is none it makes one, and says so: a directory that was mistyped
    /// would go unseen.
    pub(crate) async fn begun(&self) -> anyhow::Result<Store> {
        if !self.is_there() {
            eprintln!("selvage: there was no store in `{}`: a new one is made", self.data.display());
        }
        self.open_patiently().await
    }

    /// Opens it for a node, making the directory where it is missing.
    pub(crate) async fn open(&self) -> anyhow::Result<Store> {
        Ok(Store::open(&self.url()?).await?)
    }

    async fn open_patiently(&self) -> anyhow::Result<Store> {
        Ok(Store::open_patiently(&self.url()?).await?)
    }
}

/// A store that a command looks into where one is named.
#[derive(Args, Clone)]
pub(crate) struct StoreGiven {
    /// Directory of the embedded store to look into.
    #[arg(long, value_name = "DIR", conflicts_with = "store")]
    data: Option<PathBuf>,
    /// Address of a store on PostgreSQL to look into, as `postgres://user@host/database`.
    #[arg(long, value_name = "URL")]
    store: Option<String>,
}

impl StoreGiven {
    /// Whether one is named.
    pub(super) fn is_some(&self) -> bool {
        self.data.is_some() || self.store.is_some()
    }

    /// Opens it, where one is named. A directory without a store is another than was meant.
    pub(crate) async fn open(&self) -> anyhow::Result<Option<Store>> {
        let choice = match (&self.data, &self.store) {
            (None, None) => return Ok(None),
            (data, store) => StoreChoice { data: data.clone().unwrap_or_default(), store: store.clone() },
        };
        if let Some(file) = choice.beside("selvage.db") {
            anyhow::ensure!(file.exists(), "there is no store in `{}`", choice.data.display());
        }
        choice.open_patiently().await.map(Some)
    }
}
