//! Every rule's examples: what it refuses yields exactly its code, what it takes yields nothing. They are read as a
//! user's files are, beside a small fabric that is in order.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use jiff::civil::{Date, date};
use selvage_model::code::{self, Code};
use selvage_model::finding::{Finding, Severity};
use selvage_model::read::{self, Sources};

use crate::{LintRule, RULES, lint};

const TODAY: Date = date(2026, 11, 23);

/// A fabric that is in order, and the contracts that examples name.
const FABRIC: &str = include_str!("tests/fabric.yaml");
const SETTINGS: &str = "kind: Fabric\nname: velo-works\nenvironments: {dev: {}, test: {after: [dev]}}\n";
const STOCK: &str = include_str!("tests/stock.yaml");
/// What a pack brings into a fabric that takes it.
const PACK: &str = include_str!("tests/pack.yaml");
const WHOLE_LIST: &str = include_str!("tests/whole-list.yaml");

fn sources(example: &str) -> Sources {
    let mut sources = Sources::new();
    sources.insert("fabric.yaml", FABRIC);
    if !example.contains("kind: Fabric\n") {
        sources.insert("settings.yaml", SETTINGS);
    }
    sources.insert("contracts/stock.yaml", STOCK);
    if example.contains("whole-list.yaml") {
        sources.insert("contracts/whole-list.yaml", WHOLE_LIST);
    }
    if example.contains("packs: [odoo]") {
        sources.insert("pack:odoo/objects/lot.yaml", PACK);
    }
    sources.insert("example.yaml", example);
    sources
}

fn findings(sources: &Sources) -> Vec<Finding> {
    let reading = read::read(sources);
    assert_eq!(reading.findings, [], "the example cannot be read");
    lint(&reading.fabric, TODAY)
}

fn bad(rule: &LintRule) -> Vec<Finding> {
    if rule.code == code::FABRIC_MISSING {
        return findings(&Sources::of("example.yaml", rule.bad));
    }
    findings(&sources(rule.bad))
}

fn codes(findings: &[Finding]) -> Vec<Code> {
    findings.iter().map(|finding| finding.code).collect()
}

#[test]
fn the_fabric_beside_the_examples_is_in_order() {
    assert_eq!(findings(&sources("")), []);
}

#[test]
fn a_bad_example_yields_exactly_its_rule() {
    for rule in RULES {
        let found: BTreeSet<Code> = codes(&bad(rule)).into_iter().collect();
        assert_eq!(found, BTreeSet::from([rule.code]), "{}: {:#?}", rule.code, bad(rule));
    }
}

#[test]
fn a_good_example_yields_nothing() {
    for rule in RULES {
        assert_eq!(findings(&sources(rule.good)), [], "{}", rule.code);
    }
}

/// What people read. A changed message is seen here before it is seen anywhere else.
#[test]
fn the_words_of_every_rule() {
    let mut text = String::new();
    for rule in RULES {
        for Finding { code, severity, place, message, fix } in bad(rule) {
            let fix = fix.unwrap_or_else(|| panic!("{code} says no way out"));
            writeln!(text, "{severity} {code} {place}: {message}\n    {fix}").unwrap();
        }
    }
    insta::assert_snapshot!(text);
}

#[test]
fn codes_and_names_stand_once_and_in_order() {
    let codes: Vec<&str> = RULES.iter().map(|rule| rule.code.as_str()).collect();
    let mut sorted = codes.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(codes, sorted);
    let names: BTreeSet<&str> = RULES.iter().map(|rule| rule.name).collect();
    assert_eq!(names.len(), RULES.len());
}

/// Every code of the lint has its rule, and the page of each shows the examples.
#[test]
fn every_code_has_its_rule_and_its_page() {
    for (code, title) in code::CATALOGUE.iter().filter(|(code, _)| code.as_str().starts_with("FAB2")) {
        let rule = RULES.iter().find(|rule| rule.code == *code).unwrap_or_else(|| panic!("{code} has no rule"));
        let path = format!("{}/../../docs/errors/{code}.md", env!("CARGO_MANIFEST_DIR"));
        let page = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        assert!(page.starts_with(&format!("# {code}: {title}\n")), "{code}: the page has another title");
        for example in [rule.bad, rule.good] {
            assert!(page.contains(&format!("```yaml\n{example}```\n")), "{code}: the page lacks\n{example}");
        }
        assert!(page.contains(&format!("`{}`", rule.name)), "{code}: the page lacks the rule's name");
    }
}

/// The guide lists every rule.
#[test]
fn the_guide_has_every_rule() {
    let path = format!("{}/../../docs/guide/rules.md", env!("CARGO_MANIFEST_DIR"));
    let guide = std::fs::read_to_string(&path).unwrap();
    for rule in RULES {
        let waivable = if rule.waivable { "yes" } else { "no" };
        let row =
            format!("| [{0}](../errors/{0}.md) | `{1}` | {2} | {waivable} |\n", rule.code, rule.name, rule.title());
        assert!(guide.contains(&row), "{path} lacks:\n{row}");
    }
}

#[test]
fn a_mapping_that_cannot_work_is_found_once() {
    let mapping = "kind: Mapping\nname: product-second\nobject: product@1\nsystem: odoo\nrecord: product.product\n\
                   versions: \">=16\"\nfields:\n  code: {at: default_code}\n  nam: {at: name}\n";
    let found = findings(&sources(mapping));
    assert!(codes(&found).contains(&code::MAPPING_ATTRIBUTE), "{found:#?}");
    let unique: BTreeSet<_> = found.iter().map(|finding| (finding.code, finding.place.clone())).collect();
    assert_eq!(unique.len(), found.len(), "{found:#?}");
}

#[test]
fn a_waiver_sets_aside_until_its_day() {
    let waiver = |until: &str| {
        format!(
            "{}---\nkind: Waiver\nrule: grant-needs-end\non: planning\nbecause: It is being renewed\nuntil: {until}\n\
             approved_by: [owner]\n",
            crate::rule::grant::END.bad
        )
    };
    assert_eq!(findings(&sources(&waiver("2026-11-23"))), []);
    let over = codes(&findings(&sources(&waiver("2026-11-22"))));
    assert_eq!(BTreeSet::from_iter(over), BTreeSet::from([code::GRANT_END, code::WAIVER_OVER]));
}

#[test]
fn what_cannot_run_cannot_be_waived() {
    let example = format!(
        "{}---\nkind: Waiver\nrule: FAB2001\non: product-list@1\nbecause: We know\nuntil: 2027-03-01\napproved_by: [board]\n",
        crate::rule::reference::UNKNOWN.bad
    );
    let found: BTreeSet<Code> = codes(&findings(&sources(&example))).into_iter().collect();
    assert_eq!(found, BTreeSet::from([code::NAME_UNKNOWN, code::WAIVER_REFUSED]));
}

#[test]
fn a_guardrail_is_an_error_and_is_not_waived() {
    let settings =
        "kind: Fabric\nname: velo-works\nenvironments: {dev: {}, test: {}}\nguardrails: [no-direct-erp-internals]\n";
    let waiver =
        "kind: Waiver\nrule: FAB2104\non: odoo-stock@1\nbecause: We know\nuntil: 2027-03-01\napproved_by: [board]\n";
    let example = format!("{settings}---\n{}---\n{waiver}", crate::rule::direct::ERP.bad);
    let found = findings(&sources(&example));
    let mut grave: Vec<_> = found.iter().map(|finding| (finding.code, finding.severity)).collect();
    grave.sort_unstable();
    assert_eq!(grave, [(code::DIRECT_ERP, Severity::Error), (code::WAIVER_REFUSED, Severity::Error)]);
}

#[test]
fn secrets_are_not_repeated() {
    let rule = RULES.iter().find(|rule| rule.code == code::SECRET_INLINE).unwrap();
    let shown = format!("{:?}", bad(rule));
    assert!(!shown.contains("5f0c9a7e"), "{shown}");
}

#[test]
fn an_empty_fabric_is_no_trouble() {
    assert_eq!(findings(&Sources::new()), []);
}

/// Thousands of interfaces that name each other, and a long chain of successors.
#[test]
fn a_large_fabric_takes_its_time_and_no_stack() {
    let mut text = String::new();
    for number in 0..2000 {
        writeln!(
            text,
            "---\nkind: Interface\nname: list-{number}\ntype: api\nversion: 1.0\nowner: erp-tem\nlifecycle: retired\n\
             successor: list-{}@1\nserves: {{object: product@1, system: odoo, operations: [list]}}",
            (number + 1) % 2000
        )
        .unwrap();
    }
    let began = std::time::Instant::now();
    let found = codes(&findings(&sources(&text)));
    assert_eq!(found.iter().filter(|code| **code == code::NAME_UNKNOWN).count(), 2000);
    assert_eq!(found.iter().filter(|code| **code == code::CYCLE).count(), 1);
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
}

/// The sample fabric, with the packs that it takes.
#[test]
fn the_sample_fabric_is_in_order() {
    let root = format!("{}/../..", env!("CARGO_MANIFEST_DIR"));
    let mut sources = Sources::new();
    for directory in ["examples/factory", "packs"] {
        collect(std::path::Path::new(&format!("{root}/{directory}")), directory, &mut sources);
    }
    let reading = read::read(&sources);
    assert_eq!(reading.findings, []);
    assert!(reading.fabric.interfaces.len() >= 6, "{:?}", reading.fabric.interfaces.keys());
    assert_eq!(lint(&reading.fabric, TODAY), []);
}

/// A pack in a fabric of other teams and without its system: a finding for each name, at the line that takes the pack.
#[test]
fn what_a_pack_needs_is_said_once() {
    let settings = "kind: Fabric\nname: velo-works\nenvironments: {dev: {}}\npacks: [odoo]\n";
    let more = "---\nkind: Object\nname: location\nversion: 1.0\nowner: warehouse-it\nidentity: [name]\n\
                attributes: {name: {type: string}}\nstewards: warehouse-it\n";
    let mut sources = Sources::of("settings.yaml", settings);
    sources.insert("pack:odoo/objects/lot.yaml", format!("{PACK}{more}"));
    let found = findings(&sources);
    let told: Vec<_> =
        found.iter().map(|finding| (finding.code, finding.severity, finding.place.to_string())).collect();
    let line = "settings.yaml:4:9".to_owned();
    let unmet = code::PACK_UNMET;
    assert_eq!(told, [(unmet, Severity::Warning, line.clone()), (unmet, Severity::Error, line)], "{found:#?}");
    assert!(found[0].message.contains("`location`, `lot`"), "{found:#?}");
}

fn collect(directory: &std::path::Path, name: &str, sources: &mut Sources) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{name}/{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            collect(&entry.path(), &name, sources);
        } else {
            sources.insert(name.trim_start_matches("examples/factory/"), std::fs::read(entry.path()).unwrap());
        }
    }
}

#[test]
fn what_a_broken_manifest_declares_is_not_said_to_be_missing() {
    let broken = "kind: Team\nname: night-shift\nrole: {owner: [a]}\nroles: 7\n---\nkind: System\nname: mes\nconnector: htp\n\
                  owner: night-shift\nzone: cloud\n---\nkind: Consumer\nname: board\nowner: night-shift\nidentity: {api_key: {}}\n\
                  ---\nkind: Consumer\nname: desk\nowner: day-shift\nidentity: {api_key: {}}\n";
    let reading = read::read(&sources(broken));
    assert!(!reading.findings.is_empty());
    let unknown = lint(&reading.fabric, TODAY).into_iter().filter(|finding| finding.code == code::NAME_UNKNOWN);
    let unknown: Vec<String> = unknown.map(|finding| finding.message).collect();
    assert_eq!(unknown, ["there is no team or domain `day-shift`"]);
}

/// What is left out by a misspelt name would not be left out.
#[test]
fn members_and_rows_of_direct_interfaces_are_those_of_the_contract() {
    let contract = STOCK
        .replace("{type: array, items: {type: object}}", "{type: array, items: {properties: {unitPrice: {}}}}")
        .replace("  /items:\n", "  /items:\n    parameters: [{name: plant, in: query, x-selvage-row: site}]\n");
    let grant = |terms: &str| {
        let text = format!(
            "kind: Grant\nconsumer: planning\ninterface: stock-list@1\n{terms}\npurpose: Knows what is there\n\
             until: 2027-06-30T18:00+02:00\n"
        );
        let mut sources = sources(&text);
        sources.insert("contracts/stock.yaml", contract.as_str());
        findings(&sources)
            .into_iter()
            .map(|finding| format!("{}: {}", finding.code, finding.message))
            .collect::<Vec<_>>()
    };
    assert_eq!(grant("operations: [listStock]\nexcept: [unit_price]\nwhere: {site: ghent}"), [""; 0]);
    let misspelt = grant("operations: [listStock]\nexcept: [unit_pirce]");
    assert_eq!(misspelt, ["FAB2204: no schema of `stock-list@1` has a member `unit_pirce` that could be left out"]);
    let untold = grant("operations: [listStock, getStock]\nwhere: {site: ghent}");
    assert_eq!(untold, ["FAB2204: `getStock` of `stock-list@1` has no parameter that carries `site`"]);
}
