//! Counts of checked messages add up, whoever adds them.

use selvage_model::contract_check::{ContractCheck, ContractViolation};

use super::both;
use super::stage::Stage;

both!(counts_add_up_and_fields_stay_apart);

fn check(consumer: &str, contract: &str, fields: &[(&str, u64)]) -> ContractCheck {
    let at = |second| jiff::Timestamp::now() + jiff::SignedDuration::from_secs(second);
    let violation = |(field, count): &(&str, u64)| ContractViolation {
        place: "body".to_owned(),
        field: (*field).to_owned(),
        rule: "type".to_owned(),
        count: *count,
        first: at(-10),
        last: at(0),
        sample: format!("text of {count} characters"),
    };
    ContractCheck {
        interface: "stock@1".parse().unwrap(),
        contract: contract.to_owned(),
        consumer: consumer.to_owned(),
        operation: "list-items".to_owned(),
        side: "request".to_owned(),
        mode: "report".to_owned(),
        checked: 10,
        unfit: 2,
        unchecked: 1,
        unchecked_last: Some(at(0)),
        first: at(-10),
        last: at(0),
        violations: fields.iter().map(violation).collect(),
    }
}

async fn counts_add_up_and_fields_stay_apart(stage: &Stage) {
    let store = stage.open().await;
    assert_eq!(store.contract_checks().await.unwrap(), []);
    store.add_contract_checks(&[check("shop", "aa", &[("/a", 2)]), check("mes", "aa", &[])]).await.unwrap();
    // All of it is checked again: what was not is of before.
    let again = ContractCheck {
        unchecked: 0,
        unchecked_last: None,
        mode: "enforce".to_owned(),
        ..check("shop", "aa", &[("/a", 3), ("/lines/*", 9)])
    };
    store.add_contract_checks(&[again, check("shop", "bb", &[])]).await.unwrap();
    let checks = store.contract_checks().await.unwrap();
    let told: Vec<_> = checks
        .iter()
        .map(|check| {
            (check.consumer.as_str(), check.contract.as_str(), check.mode.as_str(), check.checked, check.unfit)
        })
        .collect();
    let expected = [("mes", "aa", "report", 10, 2), ("shop", "aa", "enforce", 20, 4), ("shop", "bb", "report", 10, 2)];
    assert_eq!(told, expected);
    let fields: Vec<_> =
        checks[1].violations.iter().map(|found| (found.field.as_str(), found.count, found.sample.as_str())).collect();
    assert_eq!(fields, [("/lines/*", 9, "text of 9 characters"), ("/a", 5, "text of 3 characters")]);
    assert!(checks[1].first < checks[1].last);
    let unchecked = checks[1].unchecked_last.expect("when it went unchecked is kept");
    assert!(checks[1].unchecked == 1 && unchecked < checks[1].last, "{unchecked}");
    let forgotten = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(24 * 100);
    store
        .add_contract_checks(&[ContractCheck { consumer: "old".to_owned(), last: forgotten, ..check("x", "aa", &[]) }])
        .await
        .unwrap();
    store.add_contract_checks(&[]).await.unwrap();
    assert_eq!(store.contract_checks().await.unwrap().len(), 3);
}
