//! Forms under a contract: their fields are checked as members of JSON are. What cannot be checked, as parts of a multipart
//! body, passes, is counted as unchecked, and is told by the checker.

use super::contracts::{running, send};

const FORM: &str = "Content-Type: application/x-www-form-urlencoded";
const ECHO: &str = "X-Say: 200|Content-Type: application/json|X-Count: 1|*";
const PATH: &str = "/v1/parts?day=2026-11-23";

#[test]
fn the_fields_of_a_form_are_checked_by_the_contract() {
    let running = running();
    let long = format!("number=P-1&note={}", "x".repeat(3000));
    let table: &[(&str, u16, &str, &[&str])] = &[
        ("number=P-1", 200, "", &[]),
        ("number=P-1&weight=1.5&tags=a&tags=b&ids=1,2&at=%7B%22row%22%3A1%7D", 200, "", &[]),
        ("number=P%2D1&weight=1", 200, "", &[]),
        ("", 400, "FAB4120", &[""]),
        ("weight=1", 400, "FAB4120", &["/number"]),
        ("number=p1", 422, "FAB4120", &["/number"]),
        ("number=P-1&weight=heavy", 422, "FAB4120", &["/weight"]),
        ("number=P-1&number=P-2", 422, "FAB4120", &["/number"]),
        ("number=P-1&tags=a&tags=z", 422, "FAB4120", &["/tags/1"]),
        ("number=P-1&ids=1,x", 422, "FAB4120", &["/ids/1"]),
        ("number=P-1&at=%7B%7D", 400, "FAB4120", &["/at/row"]),
        ("number=P-1&at=here", 422, "FAB4120", &["/at"]),
        ("number=P-1&colour=red", 422, "FAB4120", &[""]),
        ("number=%zz", 400, "FAB4181", &[]),
        (&long, 413, "FAB4122", &[]),
    ];
    for interface in ["old", "new"] {
        for (body, status, code, wrong) in table {
            let mut client = running.client();
            let answer = send(&mut client, "POST", &format!("/{interface}{PATH}"), &[FORM, ECHO], body);
            assert_eq!(answer.said(), (*status, (*code).to_owned()), "{interface} {body}: {}", answer.text());
            if *status == 200 {
                assert_eq!(answer.text(), *body, "it goes on as it was");
                continue;
            }
            let answer = answer.json();
            let errors = answer["errors"].as_array().cloned().unwrap_or_default();
            let found: Vec<&str> = errors.iter().map(|error| error["pointer"].as_str().unwrap()).collect();
            assert_eq!(found, *wrong, "{interface} {body}: {answer}");
        }
        let coded = [FORM, ECHO, "Content-Encoding: gzip"];
        let answer = send(&mut running.client(), "POST", &format!("/{interface}{PATH}"), &coded, "number=P-1");
        assert_eq!(answer.said(), (415, "FAB4123".to_owned()));
    }
}

#[test]
fn parts_of_a_multipart_body_pass_and_are_counted_as_unchecked() {
    let running = running();
    let body = "--x\r\nContent-Disposition: form-data; name=\"number\"\r\n\r\nP-1\r\n--x--\r\n";
    let headers = ["Content-Type: multipart/form-data; boundary=x", ECHO];
    for interface in ["new", "told"] {
        let answer = send(&mut running.client(), "POST", &format!("/{interface}{PATH}"), &headers, body);
        assert_eq!((answer.status, answer.text()), (200, body), "{interface}");
        let is_of_it = |row: &&selvage_gateway::ContractTraffic| {
            row.interface.to_string() == format!("{interface}@1") && row.side == "request"
        };
        let rows = running.gateway.contracts();
        let row = rows.iter().find(is_of_it).unwrap();
        assert_eq!((row.checked, row.unfit, row.unchecked), (0, 0, 1), "{interface}");
    }
}
