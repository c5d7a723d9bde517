//! `selvage decide`: how a request would be decided about, stage by stage, by a directory or by a node that runs. It is the
//! gateway's own decision; nothing is sent anywhere and nothing is spent.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use comfy_table::Table;
use http::Method;
use jiff::Timestamp;
use selvage_control::evidence::begin;
use selvage_gateway::{Explanation, KeysOfIssuers, Question, Verdict, explain_request};
use selvage_model::access::{AccessState, Credential, KeyHash, LiveGrant, Principal};
use selvage_model::code;
use selvage_model::fabric::Fabric;
use selvage_model::name::{ConsumerName, EnvironmentName};
use selvage_model::read::nearest;
use serde_json::json;

use super::{Outcome, StoreChoice, TABLE, say};
use crate::node::release;

const PATIENCE: Duration = Duration::from_secs(10);

/// Shows how a request would be decided about, stage by stage.
#[derive(Args)]
pub(crate) struct Decide {
    /// Who is taken to ask.
    #[arg(long = "as", value_name = "CONSUMER")]
    consumer: ConsumerName,
    /// The method, as `GET`.
    method: Method,
    /// The path with its query, as `/production-orders/v1/production-orders?limit=5`.
    #[arg(value_parser = path)]
    path: String,
    /// When: a time, as `2027-06-30T18:00:00+02:00`, or a day at its beginning (UTC); now where not given. With a store and no directory:
    /// by the release that was active then and the keys, grants and blocks of then.
    #[arg(long, value_name = "TIME|DAY", value_parser = begin)]
    at: Option<Timestamp>,
    /// By this directory, with the grants that it asks for; the one that is open where neither a node nor a store is said.
    #[arg(long, value_name = "DIR", conflicts_with = "node")]
    fabric: Option<PathBuf>,
    /// The environment whose addresses are used.
    #[arg(long, value_name = "NAME", default_value = "dev", conflicts_with = "node")]
    env: EnvironmentName,
    /// By what this node runs: its `--admin` address, as `http://127.0.0.1:7082`.
    #[arg(long, value_name = "URL")]
    node: Option<reqwest::Url>,
    /// With the keys, grants and blocks of this embedded store instead of the grants that the directory asks for; with its releases
    /// where no directory is said.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["node", "store"])]
    data: Option<PathBuf>,
    /// The same of a store on PostgreSQL.
    #[arg(long, value_name = "URL", conflicts_with = "node")]
    store: Option<String>,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

impl Decide {
    /// Decides and prints; wrong where the request is refused.
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        let explanation = match &self.node {
            Some(node) => self.ask(node.clone()).await?,
            None => self.decide().await?,
        };
        let grounds = self.at.map(|at| self.grounds(at));
        if self.json {
            let mut shown = serde_json::to_value(&explanation)?;
            if let (Some(members), Some(grounds)) = (shown.as_object_mut(), grounds) {
                members.insert("grounds".to_owned(), json!(grounds));
            }
            say(serde_json::to_string_pretty(&shown)?)?;
        } else {
            say(table(&explanation))?;
            say(summary(&explanation))?;
            for ground in grounds.into_iter().flatten() {
                say(ground)?;
            }
        }
        Ok(if explanation.passes() { Outcome::Well } else { Outcome::Wrong })
    }

    async fn ask(&self, mut url: reqwest::Url) -> anyhow::Result<Explanation> {
        let node = url.to_string();
        url.set_path("/decide");
        let mut question = url.query_pairs_mut();
        question.clear();
        question.append_pair("as", self.consumer.as_str()).append_pair("method", self.method.as_str());
        question.append_pair("path", &self.path);
        if let Some(at) = self.at {
            question.append_pair("at", &at.to_string());
        }
        drop(question);
        let client = reqwest::Client::builder().timeout(PATIENCE).build()?;
        let answer = client.get(url).send().await.with_context(|| format!("`{node}` does not answer"))?;
        let found = answer.status();
        anyhow::ensure!(found.is_success(), "`{node}` answers {found}; is it the node's `--admin` address?");
        let body = answer.bytes().await.with_context(|| format!("`{node}` broke off its answer"))?;
        serde_json::from_slice(&body).with_context(|| format!("`{node}` answers something else than a node would"))
    }

    async fn decide(&self) -> anyhow::Result<Explanation> {
        let at = self.at.unwrap_or_else(Timestamp::now);
        let (release, access) = match (self.choice(), &self.fabric) {
            (Some(store), None) => {
                let store = store.existing().await?;
                let release = release::at(&store, &self.env, at).await?;
                (release, store.access_state_at(at).await?)
            }
            (Some(store), Some(fabric)) => {
                (release::look(fabric, &self.env)?.0, store.existing().await?.access_state().await?)
            }
            (None, fabric) => {
                let fabric = fabric.as_deref().unwrap_or(Path::new("."));
                let (release, _) = release::look(fabric, &self.env)?;
                let access = declared(&release.fabric, &self.consumer, fabric)?;
                (release, access)
            }
        };
        let snapshot = release::compile(&release, &access, &KeysOfIssuers::new(), &self.env)
            .map_err(|findings| release::as_error(&findings))?;
        let question =
            Question { consumer: self.consumer.clone(), method: self.method.clone(), path: self.path.clone(), at };
        Ok(explain_request(&snapshot, &question))
    }

    /// What of a decision as of a time is of that time, what is of now, and what is not judged at all.
    fn grounds(&self, at: Timestamp) -> Vec<String> {
        let of = match (&self.node, &self.fabric, self.choice()) {
            (Some(_), _, _) => "the release, keys, grants and blocks are those that the node runs now".to_owned(),
            (None, None, Some(_)) => format!("the release, keys, grants and blocks are those of {at:.0}"),
            (None, _, Some(_)) => "the directory, and the store's keys, grants and blocks, are those of now".to_owned(),
            (None, _, None) => "the directory is that of now".to_owned(),
        };
        let identity = "who asks is taken for granted: no token, certificate or key is judged, and which keys an issuer of tokens had then \
                        is kept nowhere";
        let limits =
            "limits are as they were declared: what of them was used up, and which system rested, is not judged";
        vec![of, identity.to_owned(), limits.to_owned()]
    }

    fn choice(&self) -> Option<StoreChoice> {
        match (&self.data, &self.store) {
            (None, None) => None,
            (data, store) => Some(StoreChoice { data: data.clone().unwrap_or_default(), store: store.clone() }),
        }
    }
}

/// The access state that a directory asks for: each grant known by where it stands, and the consumer as if it had a key.
fn declared(fabric: &Fabric, consumer: &ConsumerName, directory: &Path) -> anyhow::Result<AccessState> {
    if !fabric.consumers.contains_key(consumer) {
        let like = nearest(consumer.as_str(), fabric.consumers.keys().map(ConsumerName::as_str));
        let hint = like.map_or_else(String::new, |like| format!("; did you mean `{like}`?"));
        let code = code::NAME_UNKNOWN;
        anyhow::bail!("{code}: `{}` declares no consumer `{consumer}`{hint}", directory.display());
    }
    let grants = fabric.grants.iter().map(|grant| LiveGrant {
        id: grant.place.to_string(),
        consumer: grant.consumer.value.clone(),
        interface: grant.interface.value.clone(),
        terms: grant.terms().into(),
        environment: None,
        ended: None,
    });
    let credential = Credential {
        id: "key_none".to_owned(),
        principal: Principal::Consumer(consumer.clone()),
        hash: KeyHash([0; 32]),
        issued: Timestamp::UNIX_EPOCH,
        expires: None,
        revoked: None,
    };
    Ok(AccessState { credentials: vec![credential], grants: grants.collect(), ..AccessState::default() })
}

fn table(explanation: &Explanation) -> Table {
    let mut table = Table::new();
    table.load_style(TABLE).set_header(["STAGE", "", "BECAUSE"]);
    for decided in &explanation.stages {
        let verdict = match decided.verdict {
            Verdict::Passed => "passed",
            Verdict::Refused => "refused",
            Verdict::NotReached => "-",
        };
        table.add_row([decided.stage.as_str(), verdict, decided.because.as_str()]);
    }
    table
}

fn summary(explanation: &Explanation) -> String {
    let by = format!("by release {}, access revision {}", explanation.release, explanation.access);
    match (&explanation.code, explanation.status) {
        (Some(code), Some(status)) => format!("refused with {status} {code}, {by}; `selvage explain {code}` says more"),
        _ => format!("passes, {by}"),
    }
}

fn path(text: &str) -> Result<String, String> {
    let sane = text.starts_with('/') && text.bytes().all(|byte| byte.is_ascii_graphic());
    sane.then(|| text.to_owned()).ok_or_else(|| "a path begins with `/` and is percent-encoded".to_owned())
}
