//! Every rule's page: its bad example yields exactly its code at the place that the page shows, its good one nothing. They
//! are read as a user's files are, beside a small fabric that is in order (docs/errors/beside).

mod page;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use jiff::civil::{Date, date};
use selvage_model::code::{self, Code};
use selvage_model::finding::{Finding, Severity};
use selvage_model::read::{self, Sources};

use crate::{LintRule, RULES, lint};
use page::{Page, beside, collect, root};

const TODAY: Date = date(2026, 11, 23);

/// What a pack brings into a fabric that takes it.
const PACK: &str = include_str!("tests/pack.yaml");

/// These manifests beside the fabric that is in order.
fn sources(example: &str) -> Sources {
    let mut sources = Sources::new();
    beside(&mut sources);
    if example.contains("kind: Fabric\n") {
        sources.insert("settings.yaml", "");
    }
    sources.insert("example.yaml", example);
    sources
}

fn findings(sources: &Sources) -> Vec<Finding> {
    let reading = read::read(sources);
    assert_eq!(reading.findings, [], "the example cannot be read");
    lint(&reading.fabric, TODAY)
}

/// The first manifest file of a rule's bad example.
fn bad_text(code: Code) -> String {
    Page::of(rule(code)).bad.files.swap_remove(0).1
}

fn rule(code: Code) -> &'static LintRule {
    RULES.iter().find(|rule| rule.code == code).unwrap()
}

fn codes(findings: &[Finding]) -> Vec<Code> {
    findings.iter().map(|finding| finding.code).collect()
}

#[test]
fn the_fabric_beside_the_examples_is_in_order() {
    assert_eq!(findings(&sources("")), []);
}

/// Each page shows what its bad example yields. `SELVAGE_BLESS=1` writes what it yields into the pages.
#[test]
fn a_bad_example_yields_exactly_its_rule_where_the_page_says() {
    let bless = page::is_blessed();
    let mut wrong = Vec::new();
    for rule in RULES {
        let page = Page::of(rule);
        let found = findings(&page.bad.sources());
        let told: BTreeSet<Code> = codes(&found).into_iter().collect();
        let grave = rule.code == code::PACK_UNMET || rule.code == code::OWN_RULE;
        if told != BTreeSet::from([rule.code]) || (!grave && found.iter().any(|f| f.severity != rule.severity)) {
            wrong.push(format!("{}: {found:#?}", rule.code));
            continue;
        }
        let text = page.with(rule, &found);
        if bless {
            std::fs::write(&page.path, text).unwrap();
        } else if text != page.text {
            wrong.push(format!("{} has to be:\n{text}", page.path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_good_example_yields_nothing() {
    let mut wrong = Vec::new();
    for rule in RULES {
        let found = findings(&Page::of(rule).good.sources());
        if !found.is_empty() {
            wrong.push(format!("{}: {found:#?}", rule.code));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What people read. A changed message is seen here before it is seen anywhere else.
#[test]
fn the_words_of_every_rule() {
    let mut text = String::new();
    for rule in RULES {
        for Finding { code, severity, place, message, fix, .. } in findings(&Page::of(rule).bad.sources()) {
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

/// Every code of the lint has its rule; FAB27 is what a comparison meets.
#[test]
fn every_code_has_its_rule() {
    let is_lint = |code: &str| code.starts_with("FAB2") && !code.starts_with("FAB27");
    for (code, _) in code::catalogue().filter(|(code, _)| is_lint(code.as_str())) {
        assert!(RULES.iter().any(|rule| rule.code == code), "{code} has no rule");
    }
}

/// The guide lists every rule. `SELVAGE_BLESS=1` writes the list.
#[test]
fn the_guide_has_every_rule() {
    let path = root().join("docs/guide/rules.md");
    let guide = std::fs::read_to_string(&path).unwrap();
    let (head, _) = guide.split_once("| code | name |").unwrap();
    let mut text = format!("{head}| code | name | is about | is | can be waived |\n|---|---|---|---|---|\n");
    for rule in RULES {
        let LintRule { code, name, severity, waivable, .. } = rule;
        let waivable = if *waivable { "yes" } else { "no" };
        let title = rule.title();
        writeln!(text, "| [{code}](../errors/{code}.md) | `{name}` | {title} | {severity} | {waivable} |").unwrap();
    }
    if page::is_blessed() {
        std::fs::write(&path, text).unwrap();
    } else {
        assert_eq!(guide, text, "{} is not current", path.display());
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
            bad_text(code::GRANT_END)
        )
    };
    assert_eq!(codes(&findings(&sources(&waiver("2026-11-23")))), [code::WAIVER_ENDS]);
    assert_eq!(findings(&sources(&waiver("2026-12-08"))), []);
    let over = codes(&findings(&sources(&waiver("2026-11-22"))));
    assert_eq!(BTreeSet::from_iter(over), BTreeSet::from([code::GRANT_END, code::WAIVER_OVER]));
}

/// What is delivered is tried for each subscription: a waiver of that may be of one alone, and no other rule is about one.
#[test]
fn what_could_not_be_tried_is_waived_of_one_subscription() {
    let waiver = |rule: &str, on: &str| {
        format!("kind: Waiver\nrule: {rule}\non: {on}\nbecause: By hand\nuntil: 2027-03-01\napproved_by: [owner]\n")
    };
    for (rule, on, expected) in [
        ("FAB7218", "planning", &[][..]),
        ("FAB7218", "planning/new-products", &[]),
        ("FAB7218", "planning/product-events-v1", &[code::NAME_UNKNOWN]),
        ("FAB7218", "nobody/new-products", &[code::NAME_UNKNOWN]),
        ("FAB2107", "planning/new-products", &[code::NAME_UNKNOWN]),
    ] {
        assert_eq!(codes(&findings(&sources(&waiver(rule, on)))), expected, "{rule} on {on}");
    }
}

#[test]
fn what_cannot_run_cannot_be_waived() {
    let example = format!(
        "{}---\nkind: Waiver\nrule: FAB2001\non: product-list@1\nbecause: We know\nuntil: 2027-03-01\napproved_by: [board]\n",
        bad_text(code::NAME_UNKNOWN)
    );
    let found: BTreeSet<Code> = codes(&findings(&sources(&example))).into_iter().collect();
    assert_eq!(found, BTreeSet::from([code::NAME_UNKNOWN, code::WAIVER_REFUSED]));
}

#[test]
fn a_guardrail_is_an_error_and_is_waived_only_where_the_fabric_is_declared() {
    let settings =
        "kind: Fabric\nname: velo-works\nenvironments: {dev: {}, test: {}}\nguardrails: [no-direct-erp-internals]\n";
    let waiver =
        "kind: Waiver\nrule: FAB2104\non: odoo-stock@1\nbecause: We know\nuntil: 2027-03-01\napproved_by: [board]\n";
    let with = |fabric: &str, domain: &str| {
        let mut sources = sources(&format!("{}---\n{domain}", bad_text(code::DIRECT_ERP)));
        sources.insert("settings.yaml", fabric);
        findings(&sources)
    };
    let found = with(settings, waiver);
    let mut grave: Vec<_> = found.iter().map(|finding| (finding.code, finding.severity)).collect();
    grave.sort_unstable();
    assert_eq!(grave, [(code::DIRECT_ERP, Severity::Error), (code::WAIVER_REFUSED, Severity::Error)]);
    assert_eq!(
        with(&format!("{settings}---\n{waiver}"), "kind: Team\nname: night-shift\nroles: {owner: [n.baert]}\n").len(),
        0
    );
}

/// Where a rule takes an interface's own `because` for a reason, it does so no more once it is a guardrail.
#[test]
fn no_domain_loosens_a_guardrail_by_a_word_of_its_own() {
    let guarded = |name: &str| {
        format!("kind: Fabric\nname: velo-works\nenvironments: {{dev: {{}}, test: {{}}}}\nguardrails: [{name}]\n")
    };
    let with = |settings: &str, interface: &str| {
        let mut sources = sources(interface);
        sources.insert("settings.yaml", settings);
        findings(&sources)
    };
    for code in [code::DIRECT_ERP, code::SYSTEMS_SHOW] {
        let rule = rule(code);
        let good = Page::of(rule).good.files.swap_remove(0).1;
        assert!(good.contains("because:"), "{code} is excused by nothing");
        assert_eq!(with(&guarded("lists-have-pages"), &good), []);
        let found = with(&guarded(rule.name), &good);
        let told: Vec<_> = found.iter().map(|finding| (finding.code, finding.severity)).collect();
        assert_eq!(told, [(code, Severity::Error)], "{found:#?}");
        assert!(!found[0].fix.as_ref().unwrap().contains("because"), "{found:#?}");
    }
}

/// What the pages have no room for.
#[test]
fn hints_alone_meet_no_recovery_target_and_a_verb_states_what_its_system_records() {
    const BESIDE: &str = "version: 1.0\nowner: master-data\nclassification: {criticality: tier-1, recovery: {rpo: 5m, rto: 1h}, data: internal}\n\
        slo: [{availability: 99.9%, window: 30d}]\n";
    let hints = |capture: &str| {
        format!(
            "kind: Interface\nname: product-hints\ntype: event\ndomain: plant-ghent\n{BESIDE}\
             events: {{masterdata.product.touched: {{object: product@1}}}}\nproduced_by: odoo\nlane: data.code\nretention: {{for: 30d}}\n\
             capture: {{record: product.product, {capture}}}\n---\n\
             kind: Interface\nname: odoo-hints\ntype: webhook\n{BESIDE}into: hints\n\
             source: {{system: odoo, signing: secret-path, secrets: [{{secret: odoo/hook}}], from: [192.0.2.0/24]}}\n"
        )
    };
    let shelves = |record: &str| {
        format!(
            "kind: Object\nname: shelf\nversion: 1.0\nowner: master-data\nidentity: [id]\n\
             attributes: {{id: {{type: string, read_only: true}}, quantity: {{type: quantity, dimension: count}}}}\n\
             authority: [{{attributes: \"*\", record: odoo}}, {{attributes: [quantity], record: {record}}}]\n---\n\
             kind: Mapping\nname: shelf-odoo\nobject: shelf@1\nsystem: odoo\nrecord: stock.quant\n\
             fields: {{id: {{at: id, record: true}}, quantity: {{at: quantity, quantity: \"1\"}}}}\n---\n\
             kind: Interface\nname: shelves\ntype: api\nversion: 1.0\nowner: master-data\n\
             classification: {{criticality: tier-3, data: internal}}\n\
             serves: {{object: shelf@1, system: odoo, operations: [list, scrap]}}\n"
        )
    };
    let told = |example: &str| codes(&findings(&sources(example)));
    assert_eq!(told(&hints("webhook: true")), [code::RECOVERY_UNMET]);
    assert_eq!(told(&hints("webhook: true, poll: 1m, overlap: 5m")), []);
    assert_eq!(told(&shelves("wms")), [code::TOLD_ELSEWHERE]);
    assert_eq!(told(&shelves("odoo")), []);
}

/// Where a file lies says nothing of who wrote it; a system that decides something itself may not make what another decides.
#[test]
fn a_file_of_a_courier_is_nobodys_word() {
    let told = |system: &str| {
        let example = format!(
            "kind: System\nname: drop\nconnector: http\nowner: erp-team\nzone: cloud\nenvironments: {{dev: {{url: \"http://127.0.0.1:8073\"}}}}\n---\n\
             kind: Interface\nname: positions-in\ntype: file\nversion: 1.0\nowner: master-data\n\
             classification: {{criticality: tier-3, latency: batch, data: internal}}\ncontract: {{format: csv}}\n\
             source: {{system: {system}, folder: in, poll: 5m, archive: done/, quarantine: bad/}}\n\
             into: {{event: warehouse.inventory-position.listed, object: inventory-position@1}}\n"
        );
        let found = findings(&sources(&example));
        found.into_iter().filter(|finding| finding.code == code::TOLD_ELSEWHERE).count()
    };
    assert_eq!((told("drop"), told("wms"), told("odoo")), (0, 1, 0));
}

/// An interface is advised to read from a copy between half of what its system bears and all of it; beyond, its system is overloaded.
#[test]
fn what_is_read_much_is_kept_apart() {
    let told = |operations: &str, rate: u32| {
        let example = format!(
            "kind: Interface\nname: catalogue\ntype: api\nversion: 1.0\nowner: master-data\n\
             classification: {{criticality: tier-3, data: internal}}\n\
             serves: {{object: product@1, system: odoo, operations: [{operations}]}}\nlimits: {{rate: {rate}/s}}\n"
        );
        let mut found = codes(&findings(&sources(&example)));
        found.retain(|code| [code::BOTTLENECK, code::SYSTEM_OVERLOADED].contains(code));
        found
    };
    assert_eq!(told("list", 13), []);
    assert_eq!(told("list", 14), [code::BOTTLENECK]);
    assert_eq!(told("list", 26), [code::BOTTLENECK]);
    assert_eq!(told("list", 27), [code::SYSTEM_OVERLOADED]);
    assert_eq!(told("create", 2), [], "a copy takes no writes");
}

#[test]
fn secrets_are_not_repeated() {
    let shown = format!("{:?}", findings(&sources(&bad_text(code::SECRET_INLINE))));
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
    let mut sources = Sources::new();
    collect(&root().join("examples/factory"), "", &mut sources);
    collect(&root().join("packs/odoo"), "pack:odoo", &mut sources);
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
    let stock = std::fs::read_to_string(root().join("docs/errors/beside/contracts/stock.yaml")).unwrap();
    let contract = stock
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

/// What a rule of the fabric's own is refused for before it judges anything.
#[test]
fn own_rules_are_checked_by_types() {
    let table = [
        ("interface", "interface.critcality == 'tier-1'", "did you mean `criticality`?"),
        ("interface", "interface.criticality == 'tier-4'", "is never `tier-4`; did you mean `tier-"),
        ("interface", "interface.major == '1'", "`interface.major` is a whole number"),
        ("interface", "interface.name == null", "is never null"),
        ("interface", "interface.operations == 'list'", "is a list of texts"),
        ("interface", "'list' in interface.name", "`interface.name` is no list"),
        ("interface", "interface.description.contains('x')", "where something is not said, and null"),
        ("interface", "interface.name", "neither true nor false"),
        ("interface", "grant.purpose == null", "has no `grant`"),
        ("system", "system.connector in ['odoo', 'sap']", "is never `sap`"),
        ("mapping", "mapping.unverified == 'yes'", "is true or false"),
        ("object", "object.records == []", ""),
        ("consumer", "consumer.identity == 'api_key' && consumer.owner == 'x'", ""),
        ("mapping", "mapping.unverified && system.connector == 'odoo' && object.stewards == null", ""),
        ("grant", "interface.data == 'restricted' && consumer.identity == 'api_key' && grant.per_minute == null", ""),
        ("interface", "interface.description != null && interface.description.contains('x')", ""),
    ];
    for (about, when, why) in table {
        let rule = format!("kind: Rule\nname: of-ours\nabout: {about}\nwhen: \"{when}\"\nsays: Not so\n");
        let found: Vec<String> = findings(&sources(&rule)).into_iter().map(|finding| finding.message).collect();
        match why {
            "" => assert!(found.iter().all(|message| message.ends_with("Not so")), "{when}: {found:?}"),
            why => assert!(found.iter().any(|message| message.contains(why)), "{when}: {found:?}"),
        }
    }
}

/// Rules judge everything of their kind, at its place, and are waived by its names.
#[test]
fn own_rules_judge_every_subject() {
    let table = [
        ("interface", "interface.name == 'products'", "`products@1`: Not so", "products@1"),
        ("consumer", "consumer.name == 'planning'", "`planning`: Not so", "planning"),
        ("object", "'weight' in object.attributes", "`product@1`: Not so", "product@1"),
        ("system", "system.name == 'odoo'", "`odoo`: Not so", "odoo"),
        (
            "mapping",
            "mapping.name == 'product-odoo' && object.name == 'product'",
            "`product-odoo`: Not so",
            "product-odoo",
        ),
        (
            "grant",
            "grant.days > 30 && interface.control == 'mediated' && consumer.owner == 'erp-team'",
            "the grant of `planning` on `products@1`: Not so",
            "planning",
        ),
    ];
    let grant = Page::of(rule(code::GRANT_END)).good.files.swap_remove(0).1;
    for (about, when, message, on) in table {
        let rule = format!("{grant}---\nkind: Rule\nname: of-ours\nabout: {about}\nwhen: \"{when}\"\nsays: Not so\n");
        let found: Vec<String> = findings(&sources(&rule)).into_iter().map(|finding| finding.message).collect();
        assert_eq!(found, [message], "{when}");
        let waiver = format!(
            "{rule}---\nkind: Waiver\nrule: of-ours\non: {on}\nbecause: So far\nuntil: 2027-03-01\napproved_by: [board]\n"
        );
        assert_eq!(findings(&sources(&waiver)), [], "{when}");
    }
}

#[test]
fn lanes_are_texts_or_numbers_of_the_object() {
    let bad = bad_text(code::LANE_UNKNOWN);
    for (lane, fits) in [
        ("data.code", true),
        ("data.id", true),
        ("data.code.first", false),
        ("data.id.first", false),
        ("data.weight", false),
        ("data.weight.unit", true),
        ("data.", false),
        ("code", false),
    ] {
        let found = findings(&sources(&bad.replace("data.sku", lane)));
        let expected = if fits { vec![] } else { vec![code::LANE_UNKNOWN] };
        assert_eq!(codes(&found), expected, "{lane}");
    }
}
