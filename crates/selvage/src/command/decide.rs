//! `selvage decide`: how a request would be decided about, stage by stage, by a directory or by a node that runs. It is the
//! gateway's own decision; nothing is sent anywhere and nothing is spent.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use comfy_table::Table;
use http::Method;
use jiff::Timestamp;
use selvage_control::evidence::begin;
use selvage_gateway::{
    Explanation, IssuerKeys, KeysOfIssuers, Question, Verdict, explain_request, explain_token, issuer_of,
};
use selvage_model::access::{AccessState, Credential, KeyHash, LiveGrant, Principal};
use selvage_model::code;
use selvage_model::fabric::Fabric;
use selvage_model::name::{ConsumerName, EnvironmentName};
use selvage_model::read::nearest;
use selvage_store::ShownKeys;
use serde_json::json;

use super::{Outcome, StoreChoice, TABLE, say};
use crate::node::release;

const PATIENCE: Duration = Duration::from_secs(10);

/// Shows how a request would be decided about, stage by stage.
#[derive(Args)]
pub(crate) struct Decide {
    /// Who is taken to ask.
    #[arg(long = "as", value_name = "CONSUMER", required_unless_present = "token_file", conflicts_with = "token_file")]
    consumer: Option<ConsumerName>,
    /// Who asks is whom the token in this file names: it is judged by the keys that its issuer had shown this store's nodes by then.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["node", "fabric"])]
    token_file: Option<PathBuf>,
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
        let (explanation, keys) = match &self.node {
            Some(node) => (self.ask(node.clone()).await?, None),
            None => self.decide().await?,
        };
        let grounds = (self.at.is_some() || keys.is_some())
            .then(|| self.grounds(self.at.unwrap_or_else(Timestamp::now), keys.as_ref()));
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
        let consumer = self.consumer.as_ref().map(ConsumerName::as_str).unwrap_or_default();
        question.append_pair("as", consumer).append_pair("method", self.method.as_str());
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

    async fn decide(&self) -> anyhow::Result<(Explanation, Option<ShownKeys>)> {
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
                let consumer = self.consumer.as_ref().context("a token is judged by what a store keeps: name one")?;
                let access = declared(&release.fabric, consumer, fabric)?;
                (release, access)
            }
        };
        let compile = |keys: &KeysOfIssuers| {
            release::compile(&release, &access, keys, &self.env).map_err(|findings| release::as_error(&findings))
        };
        let Some(consumer) = self.consumer.clone() else {
            let (token, keys) = self.token(&release.fabric, at).await?;
            let read = IssuerKeys::read(&keys.document).map_err(|error| anyhow::anyhow!("{}: {error}", keys.issuer))?;
            let snapshot = compile(&KeysOfIssuers::from([(keys.issuer.clone(), Arc::new(read))]))?;
            return Ok((explain_token(&snapshot, (&self.method, &self.path, at), &token), Some(keys)));
        };
        let question = Question { consumer, method: self.method.clone(), path: self.path.clone(), at };
        Ok((explain_request(&compile(&KeysOfIssuers::new())?, &question), None))
    }

    /// The token that is judged, and the keys that its issuer had shown by then. Nobody judges it by others.
    async fn token(&self, fabric: &Fabric, at: Timestamp) -> anyhow::Result<(String, ShownKeys)> {
        let (file, store) = (self.token_file.as_ref(), self.choice());
        let (file, store) = file.zip(store).context("a token is judged by what a store keeps: name one")?;
        let text = std::fs::read_to_string(file).with_context(|| format!("`{}` cannot be read", file.display()))?;
        let token = text.trim().to_owned();
        let says = issuer_of(&token).map_err(|wrong| anyhow::anyhow!("`{}`: {wrong}", file.display()))?;
        let declared = fabric.issuers.values().filter_map(|issuer| issuer.environment(&self.env));
        let known = declared.map(|it| it.url.value.clone()).find(|it| unslashed(it) == unslashed(&says));
        let issuer =
            known.with_context(|| format!("no issuer of `{}` had the address `{}`", self.env, says.escape_debug()))?;
        let kept = store.existing().await?.issuer_keys_at(&self.env, at).await?;
        let keys = kept.into_iter().find(|keys| keys.issuer == issuer);
        let code = code::ISSUER_KEYS_UNKNOWN;
        let keys =
            keys.with_context(|| format!("{code}: which keys {issuer} had at {at:.0} is not kept in this store"))?;
        Ok((token, keys))
    }

    /// What of a decision as of a time is of that time, what is of now, and what is not judged at all.
    fn grounds(&self, at: Timestamp, keys: Option<&ShownKeys>) -> Vec<String> {
        let of = match (&self.node, &self.fabric, self.choice()) {
            (Some(_), _, _) => "the release, keys, grants and blocks are those that the node runs now".to_owned(),
            (None, None, Some(_)) => format!("the release, keys, grants and blocks are those of {at:.0}"),
            (None, _, Some(_)) => "the directory, and the store's keys, grants and blocks, are those of now".to_owned(),
            (None, _, None) => "the directory is that of now".to_owned(),
        };
        let identity = match keys {
            None => "who asks is taken for granted: no token, certificate or key is judged".to_owned(),
            Some(ShownKeys { issuer, first, last, .. }) => {
                format!(
                    "the token is judged by the keys that {issuer} showed from {first:.0}; they were seen last at {last:.0}"
                )
            }
        };
        let limits =
            "limits are as they were declared: what of them was used up, and which system rested, is not judged";
        vec![of, identity, limits.to_owned()]
    }

    fn choice(&self) -> Option<StoreChoice> {
        match (&self.data, &self.store) {
            (None, None) => None,
            (data, store) => Some(StoreChoice { data: data.clone().unwrap_or_default(), store: store.clone() }),
        }
    }
}

/// An issuer's address as the gateway compares it.
fn unslashed(url: &str) -> &str {
    url.strip_suffix('/').unwrap_or(url)
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
