//! What a change brings is told apart from what stood before it: it is told first, and it is what stops it, beside what is wrong with its own
//! files.

use super::*;

const OWN: &str = "domains/plant-ghent/teams.yaml";
const OTHERS: &str = "domains/plant-brno/teams.yaml";
/// A consumer that uses nothing: advice.
const IDLE: &str = "---\nkind: Consumer\nname: NAME\nowner: TEAM\nidentity: {api_key: {}}\n";
/// A waiver that ended: an error, which time alone made.
const ENDED: &str = "---
kind: Waiver
rule: FAB2217
on: NAME
because: it comes next week
until: 2026-01-01
approved_by: [board]
";

fn idle(team: &str, text: &str, name: &str) -> String {
    format!("{text}{}", IDLE.replace("NAME", name).replace("TEAM", team))
}

impl Stage {
    async fn put_forward(&self, domain: &str, path: &str, text: &str) -> (u16, Value) {
        let body = json!({"domain": domain, "title": "a word", "files": {path: text}});
        self.ask("group.board", Method::POST, "/changes", Some(body)).await
    }

    /// A release that was made before it was wrong: no check of now has seen it.
    async fn released_long_ago(&self, domain: &str, path: &str, text: &str) {
        let domain: DomainName = domain.parse().unwrap();
        let new = NewChange {
            base: self.store.head(&domain).await.unwrap(),
            title: "long ago".to_owned(),
            author: "group.board".to_owned(),
            release: format!("rel_{}", uuid::Uuid::new_v4().simple()),
            content: json!({path: text}),
            emergency: false,
            report: Report { risk: "none".to_owned(), ..Report::default() },
            requirements: Vec::new(),
            domain,
        };
        let change = self.store.propose(&new).await.unwrap();
        let (key, by) = (self.seal.key().id.as_str(), "group.board");
        let new = NewRelease { change: &change, key, signature: &[0; 64], by, ratify_within_hours: None };
        self.store.release_change(new).await.unwrap();
    }
}

/// Code, domain, and whether it is brought, of each finding of a change.
fn told(change: &Value) -> Vec<(&str, &str, bool)> {
    let findings = change["findings"].as_array().unwrap().iter();
    let of = |it: &'_ Value| it["brought"].as_bool().unwrap();
    findings.map(|it| (it["code"].as_str().unwrap(), it["domain"].as_str().unwrap(), of(it))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_change_brings_comes_before_what_stood() {
    let stage = Stage::new().await;
    begin(&stage).await;
    stage.released("plant-brno", json!({OTHERS: idle("brno-it", BRNO, "of-brno")}), "brno.board").await;
    stage.released("plant-ghent", json!({OWN: idle("ghent-it", GHENT, "of-ghent")}), "ghent.board").await;
    // A line above moves what stood.
    let more = idle("ghent-it", &idle("ghent-it", &format!("# a word\n{GHENT}"), "of-ghent"), "is-new");
    let (status, change) = stage.put_forward("plant-ghent", OWN, &more).await;
    assert_eq!(status, 201, "{change:#}");
    // Keys that may live for ever are told of all consumers together: that there is one more is brought.
    let expected = [
        ("FAB2217", "plant-ghent", true),
        ("FAB2124", "group", true),
        ("FAB2217", "plant-ghent", false),
        ("FAB2217", "plant-brno", false),
    ];
    assert_eq!(told(&change), expected, "{change:#}");
    assert!(change["findings"][0]["message"].as_str().unwrap().contains("is-new"), "{change:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_is_stopped_by_what_it_brings_and_by_its_own_files() {
    let stage = Stage::new().await;
    begin(&stage).await;
    // Another domain's team answers for a consumer there.
    let ended = format!("{}{}", idle("ghent-it", BRNO, "of-brno"), ENDED.replace("NAME", "of-brno"));
    stage.released_long_ago("plant-brno", OTHERS, &ended).await;
    // What is wrong there is theirs to mend.
    let (status, change) = stage.put_forward("plant-ghent", OWN, &format!("{GHENT}# a word\n")).await;
    assert_eq!(status, 201, "{change:#}");
    let brno = told(&change);
    assert!(brno.contains(&("FAB2501", "plant-brno", false)) && brno.iter().all(|(.., brought)| !brought), "{brno:?}");
    let (status, refused) = stage.put_forward("plant-brno", OTHERS, &format!("{ended}# a word\n")).await;
    assert_eq!((status, &refused["code"]), (422, &json!("FAB7051")), "{refused:#}");
    assert_eq!(refused["findings"][0]["code"], "FAB2501", "{refused:#}");

    // Whoever takes away what another domain names brings what is wrong there, and that alone stops it.
    let (status, refused) = stage.put_forward("plant-ghent", OWN, &GHENT.replace("ghent-it", "line-it")).await;
    assert_eq!((status, &refused["code"]), (422, &json!("FAB7051")), "{refused:#}");
    let findings = refused["findings"].as_array().unwrap();
    let found = findings.iter().map(|it| it["place"].as_str().unwrap().starts_with(OTHERS));
    assert_eq!(found.collect::<Vec<_>>(), [true], "{refused:#}");
    assert!(findings[0]["message"].as_str().unwrap().contains("ghent-it"), "{refused:#}");
}

/// The group's guardrail holds in every domain, also for what stood before it there, and no domain waives it for itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guardrail_is_no_weaker_for_what_stood_before() {
    let stage = Stage::new().await;
    begin(&stage).await;
    let idle_in_brno = idle("brno-it", BRNO, "of-brno");
    stage.released("plant-brno", json!({OTHERS: idle_in_brno.clone()}), "brno.board").await;
    let strict = GROUP.replace("name: velo-works\n", "name: velo-works\nguardrails: [consumer-uses-something]\n");
    let (status, refused) = stage.put_forward("group", "fabric.yaml", &strict).await;
    assert_eq!((status, &refused["code"]), (422, &json!("FAB7051")), "{refused:#}");
    let found = &refused["findings"][0];
    assert!(found["place"].as_str().unwrap().starts_with(OTHERS) && found["severity"] == "error", "{refused:#}");

    stage.released("plant-brno", json!({OTHERS: BRNO}), "brno.owner").await;
    stage.released("group", json!({"fabric.yaml": strict}), "group.security").await;
    for (text, codes) in [
        (idle_in_brno.clone(), vec!["FAB2217"]),
        (
            format!("{idle_in_brno}{}", ENDED.replace("NAME", "of-brno").replace("2026", "2099")),
            vec!["FAB2217", "FAB2503"],
        ),
    ] {
        let (status, refused) = stage.put_forward("plant-brno", OTHERS, &text).await;
        let findings = refused["findings"].as_array().unwrap_or_else(|| panic!("{refused:#}")).iter();
        let mut found: Vec<&str> = findings.map(|it| it["code"].as_str().unwrap()).collect();
        found.sort_unstable();
        assert_eq!((status, found), (422, codes), "{refused:#}");
    }
}
