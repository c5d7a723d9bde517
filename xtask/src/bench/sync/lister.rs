//! The measured side: all products of an Odoo as objects, through the connector and the shipped mapping, page by page.
//! What an object links to is looked up as the engine does; the objects are made, counted and dropped.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use selvage_connect::odoo::{ListRequest, Odoo, OdooConfig, OdooTls, Page, Scope, Secret};
use selvage_mapping::{CompiledMapping, LinkAnswer, LinkQuery, Links};
use selvage_model::fabric::Fabric;
use selvage_model::read::{self, Sources};
use serde_json::{Value, json};

use super::Listed;
use crate::process;

/// As many as an interface gives at most.
const PAGE: usize = 500;
const OBJECT: &str = "product@1";
const SYSTEM: &str = "odoo";
const FABRIC: &str = include_str!("../../../fabrics/sync/fabric.yaml");

/// What to list.
#[derive(Args)]
pub(crate) struct ListerOptions {
    /// The Odoo's address.
    #[arg(long)]
    url: String,
}

/// Lists as many products as each line of the input says, all of them at 0, and answers each with how that went.
pub(crate) async fn serve(options: &ListerOptions) -> Result<()> {
    let mut lister = Lister::open(&options.url).await?;
    // Nothing else waits while nothing is asked.
    for line in std::io::stdin().lines() {
        let line = line?;
        let listed = lister.list(line.trim().parse()?).await?;
        println!("{}", serde_json::to_string(&listed)?);
        std::io::stdout().flush()?;
    }
    Ok(())
}

struct Lister {
    odoo: Odoo,
    fabric: Fabric,
    mapping: CompiledMapping,
    major: u32,
    scope: Scope,
    /// External ids by model and id: the engine remembers them too.
    external_ids: BTreeMap<(String, i64), String>,
}

impl Lister {
    async fn open(url: &str) -> Result<Self> {
        let odoo = Odoo::new(OdooConfig {
            system: SYSTEM.to_owned(),
            url: url.to_owned(),
            database: Some("velo".to_owned()),
            dialect: None,
            login: "svc-read".to_owned(),
            secret: Secret::new("demo-read-key"),
            next: None,
            lang: "en_US".to_owned(),
            timeout: Duration::from_secs(30),
            longest_transaction: Duration::from_secs(120),
            concurrency: 1,
            tls: OdooTls::default(),
        })?;
        let fabric = fabric()?;
        let major = odoo.server().await?.version.major;
        let mapping = compiled(&fabric, OBJECT, major)?;
        let companies = odoo.companies().await?.iter().map(|company| company.id).collect();
        let scope = Scope { companies, active_test: true };
        Ok(Self { odoo, fabric, mapping, major, scope, external_ids: BTreeMap::new() })
    }

    async fn list(&mut self, most: usize) -> Result<Listed> {
        let began = Instant::now();
        let mut listing = self.odoo.listing(ListRequest {
            model: self.mapping.record().to_owned(),
            fields: self.mapping.fields().to_vec(),
            domain: Vec::new(),
            scope: self.scope.clone(),
            limit: PAGE,
            cursor: None,
            updated_since: None,
        });
        let (mut records, mut unshown) = (0, 0);
        while let Some(Page { records: page, .. }) = listing.next().await? {
            let links = self.links(&page).await?;
            for record in &page {
                records += 1;
                unshown += usize::from(std::hint::black_box(self.mapping.get(record, &links)).is_err());
            }
            if most > 0 && records >= most {
                break;
            }
        }
        let micros = u64::try_from(began.elapsed().as_micros())?;
        Ok(Listed { records, unshown, micros })
    }

    /// What the records of a page link to, asked for all of them together.
    async fn links(&mut self, page: &[Value]) -> Result<Links> {
        let questions: BTreeSet<LinkQuery> = page.iter().flat_map(|record| self.mapping.links(record)).collect();
        let mut links = Links::new();
        let mut external: BTreeMap<String, Vec<i64>> = BTreeMap::new();
        let mut keys: BTreeMap<String, Vec<i64>> = BTreeMap::new();
        for question in questions {
            match question {
                LinkQuery::ExternalId { field, id } => external.entry(field).or_default().push(id),
                LinkQuery::Key { object, id } => keys.entry(object.to_string()).or_default().push(id),
                other => bail!("a product asks for {other:?}"),
            }
        }
        for (field, ids) in external {
            self.external_ids(&field, &ids, &mut links).await?;
        }
        for (object, ids) in keys {
            self.keys(&object, &ids, &mut links).await?;
        }
        Ok(links)
    }

    async fn external_ids(&mut self, field: &str, ids: &[i64], links: &mut Links) -> Result<()> {
        let fields = self.odoo.fields(self.mapping.record()).await?;
        let model = fields.get(field).and_then(|field| field.relation.clone()).context("a field without a relation")?;
        let unknown: Vec<i64> =
            ids.iter().copied().filter(|id| !self.external_ids.contains_key(&(model.clone(), *id))).collect();
        for (id, external) in self.odoo.external_ids(&model, &unknown).await? {
            self.external_ids.insert((model.clone(), id), external);
        }
        for id in ids {
            let known = self.external_ids.get(&(model.clone(), *id));
            let answer = known.map_or(LinkAnswer::Missing, |external| LinkAnswer::Text(external.clone()));
            links.insert(LinkQuery::ExternalId { field: field.to_owned(), id: *id }, answer);
        }
        Ok(())
    }

    async fn keys(&self, object: &str, ids: &[i64], links: &mut Links) -> Result<()> {
        let mapping = compiled(&self.fabric, &format!("{object}@1"), self.major)?;
        let scope = Scope { active_test: false, ..self.scope.clone() };
        let domain = vec![json!(["id", "in", ids])];
        let records = self.odoo.search(mapping.record(), domain, &mapping.key_fields(), &scope, None).await?;
        for record in &records {
            let id = record.get("id").and_then(Value::as_i64).context("a record without an id")?;
            let key = mapping.key(record).map_err(|error| anyhow!("{}", error.message))?;
            let answer = key.map_or(LinkAnswer::Missing, LinkAnswer::Text);
            links.insert(LinkQuery::Key { object: object.parse().map_err(|error| anyhow!("{error:?}"))?, id }, answer);
        }
        Ok(())
    }
}

fn compiled(fabric: &Fabric, object: &str, major: u32) -> Result<CompiledMapping> {
    let object = object.parse().map_err(|error| anyhow!("{error:?}"))?;
    let system = SYSTEM.parse().map_err(|error| anyhow!("{error:?}"))?;
    let mapping = fabric.mapping(&object, &system, Some(major)).context("the pack has no such mapping")?;
    CompiledMapping::compile(mapping, fabric, major).map_err(|findings| anyhow!("{findings:?}"))
}

/// The pack that ships, on one Odoo.
fn fabric() -> Result<Fabric> {
    let mut sources = Sources::new();
    let pack = process::workspace().join("packs/odoo");
    for part in ["objects", "codes", "mappings"] {
        for file in std::fs::read_dir(pack.join(part))? {
            let file = file?.path();
            let name = file.file_name().and_then(|name| name.to_str()).context("a file without a name")?;
            sources.insert(format!("{part}/{name}"), std::fs::read(Path::new(&file))?);
        }
    }
    sources.insert("fabric.yaml", FABRIC);
    let reading = read::read(&sources);
    if !reading.is_clean() {
        bail!("the pack cannot be read: {:?}", reading.findings);
    }
    Ok(reading.fabric)
}
