//! Golden findings: what is said about wrong manifests, and where. The snapshots show each input with its findings.

use std::fmt::Write;

use super::*;

/// Each case, and below it every finding as a person sees it.
fn render(cases: &[&str]) -> String {
    let mut text = String::new();
    for case in cases {
        let reading = one(case);
        assert!(!reading.is_clean(), "nothing found in:\n{case}");
        for (number, line) in case.lines().enumerate() {
            writeln!(text, "{:>3} │ {line}", number + 1).unwrap();
        }
        for finding in &reading.findings {
            let at = format!("{}:{}", finding.place.line, finding.place.column);
            writeln!(text, "{at:<6} {} {}", finding.code, finding.message).unwrap();
            writeln!(text, "       → {}", finding.fix.as_deref().unwrap_or("(nothing)")).unwrap();
        }
        text.push('\n');
    }
    text
}

#[test]
fn yaml() {
    insta::assert_snapshot!(render(&[
        "kind: Team\nname: a\nroles: {owner: [x}\n",
        "kind: Team\n\tname: a\n",
        "kind: Team\nname: a: b\n",
        "kind: Team\n  name: a\n",
        "kind: Team\nname: \"a\n",
        "kind: Team\nname: a\nname: b\nroles: {x: [], x: []}\n",
        "kind: Team\nname: *other\n",
        "kind: Team\nname: !secret a\n",
        "kind: Team\nname: a\n<<: {roles: {}}\n",
        "kind: Team\nname: a\n[a, b]: c\n? {d: e}\n: f\n",
        "kind: Team\nname: a\n: b\n",
        "kind: Team\nname: \"a\\qb\"\n",
        "kind: Team\nname: @a\n",
        "kind: Team\nname: a\n--- \nkind: [\n---\nkind: Team\nname: B\n",
        "kind: Team\nname: &a [*a]\n",
        "- kind: Team\n",
        "just text\n",
    ]));
}

#[test]
fn kinds_and_fields() {
    insta::assert_snapshot!(render(&[
        "name: a\n",
        "kind: Sytem\nname: a\n",
        "kind: Banana\n",
        "kind: [Team]\n",
        "kind: Team\nnmae: a\nrolls: {owner: [x]}\nbudget: 3\n",
        "kind: Team\nname:\nroles: ~\n",
        "kind: Team\nname: [a]\nroles: owner\n",
        "kind: Team\nname: Manufacturing IT\nroles: {owner: x, on call: [y], steward: [{a: b}]}\n",
        "kind: Interface\nname: a\ntype: api\nversion: 1\ncapture: {record: x}\n",
        "kind: Interface\nname: a\ntype: evnt\nversion: 1.0\nevents: {}\n",
        "kind: Site\n",
    ]));
}

#[test]
fn values() {
    insta::assert_snapshot!(render(&[
        "kind: Site\nname: a\ntime_zone: Europe/Brussel\ncalendar: {maintenance: [{from: 2027-08-06, to: 2027-07-19, what: []}]}\n",
        "kind: System\nname: a\nconnector: oddo\nowner: t\nzone: site\nlimits: {concurrency: 0, per_second: -1, longest_transaction: 2 min}\n",
        "kind: System\nname: a\nconnector: http\nowner: t\nenvironments: {dev: {url: \"https://user:geheim@host\", accounts: {default: {login: l, api_key: geheim}}}}\n",
        "kind: System\nname: a\nconnector: http\nowner: t\nenvironments: {dev: {accounts: {default: {login: l, api_key: {secret: \"geheim!\"}}}}}\n",
        "kind: Fabric\nname: a\nenvironments: {prod: {protected: yes, after: test}}\n",
        "kind: Rule\nname: a\nwhen: true\nsays: x\nseverity: critical\n",
        "kind: Waiver\nrule: FAB2107\non: x@1\nbecause: ''\nuntil: 1.3.2027\napproved_by: []\n",
        "kind: Interface\nname: a\ntype: api\nversion: 1.0\nserves: {object: product, system: s, operations: [list, gte, delete]}\nlimits: {rate: 200, quota: 0/day, timeout: 5}\nslo: [{availability: 99.9, window: 30d}, {latency: {quantile: 99, under: fast}, window: month}, {window: 1d}, {availability: 99%, latency: {quantile: 0.5, under: 1s}, window: 1d}]\n",
        "kind: Grant\nconsumer: c\ninterface: a\noperations: [list]\nwhere: {site: {a: b}, lot: []}\nuntil: 2027-06-30T18:00\n",
        "kind: Consumer\nname: c\nowner: t\nidentity: password\n",
        "kind: Consumer\nname: c\nowner: t\nidentity: {mtls: {subject: x}, oauth: {}}\n",
        "kind: Interface\nname: a\ntype: event\nversion: 1.0\nevents: {Started: {object: x@1}}\nretention: {for: 30, at_least: 10}\n",
    ]));
}

#[test]
fn objects_and_codes() {
    insta::assert_snapshot!(render(&[
        "kind: Object\nname: o\nversion: 1.0\nowner: t\nidentity: [coed]\nattributes:\n  code: {type: string, values: [a]}\n  Name: {type: string}\n  b: {type: strin}\n  c: {type: enum}\n  d: {max: 3}\n  e: {type: list}\n  f: {type: list, of: {type: list}}\n  g: {type: list, of: {x: {type: integer}, y: string}}\n  h: {type: quantity, dimension: weight}\n  i: {type: list, of: {type: string, optional: true}}\nauthority: [{attributes: all, record: erp}, {attributes: [nothing], record: erp, per: plant}]\n",
        "kind: CodeSet\nname: u\ncodes: [{code: kg}, {code: kg}, {name: x}]\nsystems: {erp: {Kilo: kgs, Day: zzz}}\non_unmatched: drop\n",
    ]));
}

#[test]
fn mappings() {
    insta::assert_snapshot!(render(&[
        "kind: Mapping\nname: m\nobject: o@1\nsystem: s\nrecord: r\nversions: '16+'\nfields:\n  a: {}\n  b: {at: b, code: uom, ref: x}\n  c: {at: c, by: label}\n  d: {at: d, record: false}\n  e: {at: e, label: true, direction: write}\n  f: {at: {\"<=18\": x, \">=18\": y}}\n  g: {at: {new: x}}\n  h: {at: h, quantity: {unit: u}}\n  i: {at: i, money: {}}\n  j: {at: j, many: {at: x}}\n  k: {group: {x: {code: uom}}}\n  l: {at: l, cdoe: uom}\n  m: at_m\n  n: {read: \"1\", const: 2}\nexamples: [{local: {}}]\n",
    ]));
}

#[test]
fn interfaces_and_flows() {
    let api = "kind: Interface\nname: a\ntype: api\nversion: 1.0\n";
    let serves = "serves: {object: o@1, system: s, operations: [list]}\n";
    insta::assert_snapshot!(render(&[
        api,
        &format!("{api}{serves}control: direct\n"),
        &format!("{api}{serves}upstream: {{system: s}}\n"),
        &format!("{api}control: mediated\ncontract: {{openapi: ../x.yaml}}\nupstream: {{system: s, path: api}}\n"),
        &format!("{api}{serves}lifecycle: deprecated\n"),
        &format!("{api}{serves}deprecation: {{since: 2027-01-01, sunset: 2026-01-01}}\nsuccessor: b@2\n"),
        &format!("{api}{serves}lifecycle: depricated\n"),
        "kind: Flow\nname: f\ninterface: f@1\nsteps:\n  - {id: a, call: x.y.z, emit: a.b}\n  - {id: a, approve: {by: t}, undo: {call: x}, steps: [{id: c, map: 1}]}\n  - {id: b, wait: {}, after: [aa]}\n  - {id: d}\n  - {id: e, for_each: x}\n",
        "kind: Flow\nname: f\ninterface: f@1\nsteps: []\n",
    ]));
}

#[test]
fn things_declared_twice_name_both_places() {
    let mut sources = Sources::new();
    sources.insert("a.yaml", "kind: Team\nname: t\n---\nkind: Fabric\nname: f\nenvironments: {dev: {}}\n");
    sources.insert("b/c.yaml", "# later\nkind: Team\nname: t\n---\nkind: Fabric\nname: g\nenvironments: {dev: {}}\n");
    let interface = |version: &str| format!("---\nkind: Interface\nname: i\ntype: flow\nversion: {version}\n");
    sources.insert("d.yaml", ["1.0", "1.1", "2.0"].map(interface).concat());
    let reading = read(&sources);
    let told: Vec<String> =
        reading.findings.iter().map(|finding| format!("{} {}", finding.place, finding.message)).collect();
    assert_eq!(
        told,
        [
            "b/c.yaml:2:1 the team `t` is declared twice; first at a.yaml:1:1",
            "b/c.yaml:5:1 the fabric is declared twice; first at a.yaml:4:1",
            "d.yaml:7:1 the interface `i@1` is declared twice; first at d.yaml:2:1",
        ]
    );
    assert_eq!(reading.fabric.interfaces.len(), 2);
}

#[test]
fn named_files() {
    let api = "kind: Interface\nname: a\ntype: api\nversion: 1.0\nupstream: {system: s}\ncontract: {openapi: contract/a.yaml}\n";
    let mut sources = Sources::of("i.yaml", api);
    sources.insert("contracts/a.yaml", "openapi: 3.1.0\ninfo: {}\npaths: {/x: {get: {}}}\n");
    let told = |sources: &Sources| -> Vec<String> {
        let reading = read(sources);
        let render = |finding: &Finding| {
            format!(
                "{} {} {} → {}",
                finding.place,
                finding.code,
                finding.message,
                finding.fix.as_deref().unwrap_or_default()
            )
        };
        reading.findings.iter().map(render).collect()
    };
    let findings = told(&sources);
    assert_eq!(
        findings[1],
        "i.yaml:6:21 FAB1014 there is no file `contract/a.yaml` → did you mean `contracts/a.yaml`? paths are relative to the fabric's directory"
    );
    assert!(findings[0].starts_with("contracts/a.yaml:1:1 FAB1005"), "{findings:?}");
    sources.insert("i.yaml", api.replace("contract/", "contracts/"));
    assert_eq!(
        told(&sources),
        [
            "contracts/a.yaml:3:14 FAB1015 GET `/x` has no usable `operationId` → give it one of letters, digits, `_`, `-` and `.`: grants name operations by it"
        ]
    );
    sources.oversized("contracts/a.yaml", 100 << 20);
    assert_eq!(told(&sources).len(), 1);
    assert!(told(&sources)[0].contains("FAB1002"));
    sources.insert("contracts/a.yaml", [0xff, 0xff]);
    assert!(told(&sources)[0].contains("FAB1001"));
    sources.unreadable("contracts/a.yaml", "permission denied");
    assert!(told(&sources)[0].contains("FAB1012"));
    // No manifest is lost by being named.
    sources.insert("contracts/a.yaml", "kind: Team\nname: t\n");
    let reading = read(&sources);
    assert_eq!(reading.fabric.teams.len(), 1);
    assert!(told(&sources).iter().any(|told| told.contains("holds manifests")), "{:?}", told(&sources));
}

#[test]
fn no_secret_is_ever_repeated() {
    for text in [
        "kind: System\nname: a\nconnector: http\nowner: t\nenvironments: {dev: {url: \"https://u:geheim@host\"}}\n",
        "kind: System\nname: a\nconnector: http\nowner: t\nenvironments: {dev: {accounts: {default: {login: l, api_key: geheim}}}}\n",
        "kind: System\nname: a\nconnector: http\nowner: t\nenvironments: {dev: {accounts: {default: {login: l, api_key: {secret: \"geheim geheim\"}}}}}\n",
        "kind: System\nname: a\nconnector: http\nowner: t\nenvironments: {dev: {accounts: {default: {login: l, api_key: [geheim]}}}}\n",
    ] {
        let reading = one(text);
        assert!(!reading.is_clean(), "{text}");
        assert!(!format!("{:?}", reading.findings).contains("geheim"), "{:?}", reading.findings);
    }
}
