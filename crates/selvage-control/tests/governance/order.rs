//! Detours around who decides and around what was seen: each is closed.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_decided_about_a_version_that_nobody_named() {
    let stage = Stage::new().await;
    begin(&stage).await;
    let (_, change) = propose(&stage, "a word", json!({})).await;
    let path = format!("/changes/{}/decisions", change["id"].as_str().unwrap());
    let unversioned = |verdict: &str| Some(json!({"verdict": verdict, "because": "well"}));
    assert_eq!(stage.verdict("ghent.board", Method::POST, &path, unversioned("approve")).await, "400 FAB8062");
    assert_eq!(stage.verdict("ghent.board", Method::POST, &path, unversioned("comment")).await, "200");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_emergency_appoints_nobody() {
    let stage = Stage::new().await;
    begin(&stage).await;
    let mine = GHENT.replace("ghent.oncall", "ghent.author");
    let files = json!({"domains/plant-ghent/teams.yaml": mine});
    let body = json!({"domain": "plant-ghent", "title": "me", "files": files, "emergency": true});
    let (status, refused) = stage.ask("ghent.author", Method::POST, "/changes", Some(body)).await;
    assert_eq!((status, &refused["code"]), (422, &json!("FAB7025")), "{refused:#}");
    assert_eq!(refused["findings"][0]["place"], "domains/plant-ghent/teams.yaml:3:45", "{refused:#}");
    // What protects an environment goes neither at once nor in two steps.
    for (what, becomes) in [
        (", prod: {protected: true, after: [stage]}", ""),
        ("prod: {protected: true, after: [stage]}", "prod: {protected: true, after: [stage]}, plant: {}"),
    ] {
        let files = json!({"fabric.yaml": GROUP.replace(what, becomes)});
        let body = json!({"domain": "group", "title": "prod", "files": files, "emergency": true});
        let refused = stage.verdict("group.board", Method::POST, "/changes", Some(body)).await;
        assert_eq!(refused, "422 FAB7025", "{becomes}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_sits_no_more_has_not_approved() {
    let stage = Stage::new().await;
    begin(&stage).await;
    let (_, change) = propose(&stage, "a word", json!({})).await;
    let path = format!("/changes/{}", change["id"].as_str().unwrap());
    assert_eq!(stage.verdict("ghent.board", Method::POST, &format!("{path}/decisions"), approve()).await, "200");
    let moved = GROUP.replace("[ghent.board]", "[group.security]");
    stage.released("group", json!({"fabric.yaml": moved}), "group.security").await;
    let (status, gone) = stage.ask("ghent.owner", Method::POST, &format!("{path}/release"), None).await;
    assert_eq!((status, &gone["code"]), (409, &json!("FAB7055")), "{gone:#}");
    assert!(gone["detail"].as_str().unwrap().contains("group.security"), "{gone:#}");
}

/// A rejection is kept before the change is settled by it: a node that dies between the two leaves no way around it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rejected_emergency_is_not_released() {
    let stage = Stage::new().await;
    begin(&stage).await;
    let (_, change) = propose(&stage, "the line stands", json!({"emergency": true})).await;
    let id = change["id"].as_str().unwrap();
    stage.store.decide_change(id, 1, "ghent.board", DecisionVerdict::Reject, "it does not").await.unwrap();
    let released = stage.verdict("ghent.author", Method::POST, &format!("/changes/{id}/release"), None).await;
    assert_eq!(released, "409 FAB7055");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gates_are_those_of_before_and_going_back_does_not_go_forward() {
    let stage = Stage::new().await;
    begin(&stage).await;
    let (_, releases) = stage.ask("group.board", Method::GET, "/releases?domain=group", None).await;
    let first = releases["items"][0]["release"].clone();
    let open = GROUP.replace("stage: {after: [test]}", "stage: {}");
    let second = stage.released("group", json!({"fabric.yaml": open}), "group.security").await["release"].clone();
    let activate = |release: &Value| Some(json!({"release": release, "because": "in order"}));
    let (test, stages) = ("/environments/test", "/environments/stage");
    let to_stage = format!("{stages}/activations");
    // It says that nothing comes before `stage`; what is active there says otherwise.
    assert_eq!(stage.verdict("group.board", Method::POST, &to_stage, activate(&second)).await, "409 FAB7057");
    let to_test = format!("{test}/activations");
    assert_eq!(stage.verdict("group.board", Method::POST, &to_test, activate(&second)).await, "200");

    let back = |more: Value| {
        let mut body = json!({"domain": "group", "because": "it is doubled"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Some(body)
    };
    let path = format!("{test}/rollbacks");
    let (status, went) = stage.ask("group.board", Method::POST, &path, back(json!({"from": second}))).await;
    assert_eq!((status, &went["release"]), (200, &first), "{went:#}");
    // The second who presses it meets what the first did, and not what was left.
    for twice in [json!({}), json!({"from": second}), json!({"from": second, "to": first})] {
        assert_eq!(stage.verdict("group.board", Method::POST, &path, back(twice)).await, "404 FAB7060");
    }
    let (_, early) = stage.ask("group.board", Method::POST, &to_stage, activate(&second)).await;
    assert!(early["detail"].as_str().unwrap().contains("gone back from in test"), "{early:#}");
    assert_eq!(stage.verdict("group.board", Method::POST, &path, back(json!({"to": second}))).await, "200");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_emergency_that_was_ratified_late_stands_on_the_board_of_everybody() {
    let stage = Stage::new().await;
    begin(&stage).await;
    let (_, change) = propose(&stage, "the line stands", json!({"emergency": true})).await;
    let change = stage.store.change(change["id"].as_str().unwrap()).await.unwrap();
    let signature = stage.seal.sign(&change.release, &change.domain, &change.id);
    let (key, by) = (stage.seal.key().id.as_str(), "ghent.author");
    let at_once = NewRelease { change: &change, key, signature: &signature[..], by, ratify_within_hours: Some(0) };
    stage.store.release_change(at_once).await.unwrap();
    let path = format!("/changes/{}/decisions", change.id);
    assert_eq!(stage.verdict("ghent.board", Method::POST, &path, approve()).await, "200");
    let board = async |path: &str| stage.ask("ghent.board", Method::GET, path, None).await.1["items"].clone();
    let items = board("/board").await;
    assert_eq!((&items[0]["change"]["id"], &items[0]["breach"]), (&json!(change.id), &json!(true)), "{items:#}");
    assert_eq!(board("/board?person=me").await, json!([]));
}
